/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ps - what is attached to which network, whoever attached it */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/port-view.h"
#include "cli/store.h"
#include "cli/table.h"
#include "cli/usage.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define NAME_MAX_LEN 31 /* of an ID that somebody has chosen */

enum { KEY_FORMAT = 0x100, KEY_NETWORK, KEY_NO_TRUNC, KEY_WIDE };

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "json, a template such as '{{.Name}}: {{.Addresses}}', or 'table TEMPLATE'" },
	{ "network", KEY_NETWORK, "NETWORK", 0, "Only what is attached to this one" },
	{ "no-trunc", KEY_NO_TRUNC, NULL, 0, "Do not cut IDs" },
	{ "quiet", 'q', NULL, 0, "Print container IDs only" },
	{ "wide", KEY_WIDE, NULL, 0,
	  "Also MAC addresses, paths of namespaces and IDs of endpoints" },
	{ 0 },
};

struct request {
	const char *network; /* NULL: all */
	bool wide;
	struct table_style style;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case 'q':
		rq->style.quiet = true;
		return 0;
	case KEY_FORMAT:
		rq->style.format = arg;
		return 0;
	case KEY_NETWORK:
		rq->network = arg;
		return 0;
	case KEY_NO_TRUNC:
		rq->style.no_trunc = true;
		return 0;
	case KEY_WIDE:
		rq->wide = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct table_column columns[] = {
	{ .heading = "CONTAINER ID", .field = "ID", .cut = TABLE_ID_LEN },
	{ .heading = "NAME", .field = "Name", .shrinks = true },
	{ .heading = "NETWORK", .field = "Network", .shrinks = true },
	{ .heading = "INTERFACE", .field = "Interface" },
	{ .heading = "ADDRESSES", .field = "Addresses" },
	{ .heading = "PORTS", .field = "Ports", .shrinks = true },
	{ .heading = "STATUS", .field = "Status", .alarm = "gone" },
	{ .heading = "MAC ADDRESS", .field = "MacAddress", .extra = true },
	{ .heading = "NETNS", .field = "NetNS", .shrinks = true, .extra = true },
	{ .heading = "ENDPOINT ID", .field = "EndpointID", .cut = TABLE_ID_LEN, .extra = true },
};

static json_t *addresses_json(const struct usage_endpoint *ep)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; i < ep->n_ips; i++) {
		char text[IP_NET_STRLEN];

		if (json_array_append_new(list, json_string(ip_net_str(&ep->ips[i], text))) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

/* A long ID is nobody's name, and stands beside it. */
static bool is_named(const struct usage_endpoint *ep)
{
	return strcmp(ep->name, ep->container_id) != 0 || strlen(ep->name) <= NAME_MAX_LEN;
}

static json_t *row_of(const struct usage_endpoint *ep)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:s}", "ID",
			 ep->container_id, "Name", is_named(ep) ? ep->name : "", "Network",
			 ep->network, "Interface", ep->ifname, "Addresses", addresses_json(ep),
			 "MacAddress", ep->mac, "Ports", port_view(ep->ports), "NetNS", ep->netns,
			 "Status", usage_state_str(ep->state), "EndpointID", ep->id);
}

static int print(const struct request *rq, const json_t *rows, struct err *e)
{
	struct table_column shown[ARRAY_SIZE(columns)];

	memcpy(shown, columns, sizeof(shown));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (rq->wide)
			shown[i].extra = false;

	return table_print(shown, ARRAY_SIZE(shown), rows, &rq->style, e);
}

static int list(const struct request *rq, const struct usage *usage, struct err *e)
{
	AUTO_JSON json_t *rows = json_array();

	for (size_t i = 0; i < usage->n; i++)
		if (json_array_append_new(rows, row_of(usage->v[i])) < 0)
			return err_sys(e, ENOMEM, "list attachments");

	return print(rq, rows, e);
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store s = { 0 };
	AUTO(usage_clear) struct usage usage = { 0 };
	const struct network *net = NULL;
	int r;

	if ((r = store_load(env, NULL, &s, e)) < 0 ||
	    (rq->network && (r = store_find(&s, rq->network, &net, e)) < 0) ||
	    (r = usage_load(env, &s, net ? net->name : NULL, &usage, e)) < 0)
		return r;

	return list(rq, &usage, e);
}

int command_ps(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List what is attached to the networks of this host, whoever attached it.",
	};
	struct request rq = { .style.json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &rq, &rq.style.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
