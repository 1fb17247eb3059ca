/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * heddle-firewalld - sources of a zone of firewalld
 *
 *	heddle-firewalld {add|remove|query} ZONE [ADDRESS/LENGTH…]
 *
 * The firewall plugin runs it on hosts where firewalld decides.  It is a program of
 * its own since the plugins are linked statically: libdbus is loaded by who
 * needs it, and by nobody else.  What is asked for and is so already is no
 * error.  query, and add of nothing, change nothing.
 *
 * Exit status: 0; 1 with the reason on standard error; 2 if firewalld does not
 * run; 3 from query with the first address that is no source of the zone.
 *
 * Source: firewalld.dbus(5); D-Bus specification.
 */
#include <dbus/dbus.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME	   "org.fedoraproject.FirewallD1"
#define PATH	   "/org/fedoraproject/FirewallD1"
#define ZONE	   NAME ".zone"
#define TIMEOUT_MS 20000 /* firewalld may be loading its rules anew */

enum { DONE, FAILED, NOT_RUNNING, MISSING };

static const struct verb {
	const char *name, *method;
	const char *settled; /* the error that says that it is so already; NULL: none */
} verbs[] = {
	{ "add", "addSource", "ZONE_ALREADY_SET" },
	{ "remove", "removeSource", "UNKNOWN_SOURCE" },
	{ "query", "querySource", NULL },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];

	return NULL;
}

/* Not to be started by our asking: who has stopped it wants it stopped. */
static DBusMessage *call(DBusConnection *bus, const char *method, const char *zone,
			 const char *source, DBusError *error)
{
	DBusMessage *request = dbus_message_new_method_call(NAME, PATH, ZONE, method), *reply;

	if (!request || !dbus_message_append_args(request, DBUS_TYPE_STRING, &zone,
						  DBUS_TYPE_STRING, &source, DBUS_TYPE_INVALID)) {
		dbus_set_error(error, DBUS_ERROR_NO_MEMORY, "out of memory");
		reply = NULL;
	} else {
		dbus_message_set_auto_start(request, FALSE);
		reply = dbus_connection_send_with_reply_and_block(bus, request, TIMEOUT_MS, error);
	}
	if (request)
		dbus_message_unref(request);

	return reply;
}

/* firewalld's errors are one exception, whose text begins with the code. */
static bool is_settled(const struct verb *verb, const DBusError *error)
{
	return verb->settled && strncmp(error->message, verb->settled, strlen(verb->settled)) == 0;
}

static int report(const struct verb *verb, const char *zone, const char *source,
		  const DBusError *error)
{
	if (is_settled(verb, error))
		return DONE;
	fprintf(stderr, "%s of zone \"%s\" for %s: %s", verb->method, zone, source, error->message);

	return dbus_error_has_name(error, DBUS_ERROR_SERVICE_UNKNOWN) ||
			       dbus_error_has_name(error, DBUS_ERROR_NAME_HAS_NO_OWNER)
		       ? NOT_RUNNING
		       : FAILED;
}

/* Only query answers with a truth value. */
static bool is_false(DBusMessage *reply)
{
	dbus_bool_t is_source;

	return dbus_message_get_args(reply, NULL, DBUS_TYPE_BOOLEAN, &is_source,
				     DBUS_TYPE_INVALID) &&
	       !is_source;
}

static int do_one(DBusConnection *bus, const struct verb *verb, const char *zone,
		  const char *source)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *reply = call(bus, verb->method, zone, source, &error);
	int r = DONE;

	if (!reply) {
		r = report(verb, zone, source, &error);
		dbus_error_free(&error);
		return r;
	}
	if (is_false(reply)) {
		fprintf(stderr, "%s is no source of zone \"%s\"", source, zone);
		r = MISSING;
	}
	dbus_message_unref(reply);

	return r;
}

static bool is_running(DBusConnection *bus)
{
	if (dbus_bus_name_has_owner(bus, NAME, NULL))
		return true;
	fputs("firewalld is not on the system bus", stderr);

	return false;
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 2 ? find_verb(argv[1]) : NULL;
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *bus;
	int r;

	if (!verb) {
		fputs("usage: heddle-firewalld {add|remove|query} ZONE [ADDRESS/LENGTH...]\n",
		      stderr);
		return FAILED;
	}
	bus = dbus_bus_get(DBUS_BUS_SYSTEM, &error);
	if (!bus) {
		fprintf(stderr, "no system bus: %s", error.message);
		dbus_error_free(&error);
		return NOT_RUNNING;
	}
	r = is_running(bus) ? DONE : NOT_RUNNING;
	for (int i = 3; i < argc && r == DONE; i++)
		r = do_one(bus, verb, argv[2], argv[i]);
	dbus_connection_unref(bus);

	return r;
}
