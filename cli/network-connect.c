/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network connect - attach a container that has a name to one more network
 *
 * Flags and messages are Docker's.  A container is any attachment in the cache;
 * a network namespace without one is a container of `ip netns`, by its name.
 */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container.h"
#include "cli/endpoint-spec.h"
#include "cli/store.h"
#include "cli/target.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define ENDPOINT_IFNAME "com.docker.network.endpoint.ifname"

enum {
	KEY_IP = 0x100,
	KEY_IP6,
	KEY_MAC,
	KEY_ALIAS,
	KEY_DRIVER_OPT,
	KEY_LINK,
	KEY_LINK_LOCAL,
	KEY_PRIORITY
};

static const struct argp_option options[] = {
	{ "alias", KEY_ALIAS, "NAME", 0,
	  "A further name in the network; refused without name resolution" },
	{ "driver-opt", KEY_DRIVER_OPT, "KEY=VALUE", 0,
	  ENDPOINT_IFNAME "=NAME: the interface in the container" },
	{ "gw-priority", KEY_PRIORITY, "NUMBER", 0, "Refused unless 0" },
	{ "ip", KEY_IP, "ADDRESS", 0, "IPv4 address" },
	{ "ip6", KEY_IP6, "ADDRESS", 0, "IPv6 address" },
	{ "link", KEY_LINK, "CONTAINER", 0, "Refused: it is Docker's way before networks" },
	{ "link-local-ip", KEY_LINK_LOCAL, "ADDRESS", 0, "Refused" },
	{ "mac-address", KEY_MAC, "ADDRESS", 0, "MAC address" },
	{ 0 },
};

struct request {
	struct endpoint_spec spec; /* of the only network */
	const char *network, *container;
	bool json;
};

static void clear_request(struct request *rq)
{
	endpoint_spec_clear(&rq->spec);
}

static int set_driver_opt(struct request *rq, const char *arg, struct err *e)
{
	size_t len = strlen(ENDPOINT_IFNAME);

	if (strncmp(arg, ENDPOINT_IFNAME, len) == 0 && arg[len] == '=')
		return endpoint_spec_set(&rq->spec, "ifname", arg + len + 1, e);

	return err_say(e, EINVAL, "driver-opt %.128s: the only one there is is %s", arg,
		       ENDPOINT_IFNAME);
}

static int set_option(struct request *rq, int key, const char *arg, struct err *e)
{
	switch (key) {
	case KEY_ALIAS:
		return endpoint_spec_set(&rq->spec, "alias", arg, e);
	case KEY_IP:
		return endpoint_spec_set(&rq->spec, "ip", arg, e);
	case KEY_IP6:
		return endpoint_spec_set(&rq->spec, "ip6", arg, e);
	case KEY_MAC:
		return endpoint_spec_set(&rq->spec, "mac-address", arg, e);
	case KEY_DRIVER_OPT:
		return set_driver_opt(rq, arg, e);
	case KEY_LINK:
		return err_say(e, EINVAL,
			       "link: containers of one network reach each other anyway");
	case KEY_LINK_LOCAL:
		return err_say(e, EINVAL, "link-local-ip: an interface has none but its own");
	case KEY_PRIORITY:
		if (strcmp(arg, "0") == 0)
			return 0;
		return err_say(e, EINVAL,
			       "gw-priority: the network that was attached last has the default "
			       "route");
	default:
		return -ENOTSUP;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;
	struct err e = { 0 };
	int r;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			rq->network = arg;
		else if (state->arg_num == 1)
			rq->container = arg;
		else
			argp_error(state, "requires exactly 2 arguments");
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "requires exactly 2 arguments");
		return 0;
	default:
		r = set_option(rq, key, arg, &e);
		if (r == -ENOTSUP)
			return ARGP_ERR_UNKNOWN;
		if (r < 0)
			argp_error(state, "%s", e.msg);
		return 0;
	}
}

/* Somebody of whom the cache knows nothing yet. */
static int connect_target(const struct command_env *env, const struct store *store,
			  const struct request *rq, const struct container_wish *wish,
			  struct err *e)
{
	AUTO(target_close) struct target t = TARGET_NONE;
	AUTO_FD int lock = -1;
	struct container c;

	if (target_open(rq->container, &t, NULL) < 0 || !t.name)
		return err_say(e, ENOENT, "No such container: %s", rq->container);
	c = (struct container){ .id = t.name, .name = t.name, .netns = t.path };
	lock = cache_lock(env, c.id, e);

	return lock < 0 ? lock : container_attach(env, store, &c, wish, NULL, e);
}

static int connect_known(const struct command_env *env, const struct store *store,
			 const struct cache *known, const struct container_wish *wish,
			 struct err *e)
{
	const struct cache_entry *first = &known->entries[0];
	const struct container c = {
		.id = first->container_id,
		.name = container_name(first),
		.netns = cache_entry_netns(first),
	};

	return container_attach(env, store, &c, wish, NULL, e);
}

static int run(const struct command_env *env, struct request *rq, struct err *e)
{
	const struct endpoint_specs networks = { .v = &rq->spec, .n = 1 };
	const struct container_wish wish = { .networks = &networks };
	AUTO(store_clear) struct store store = { 0 };
	AUTO(cache_clear) struct cache known = { 0 };
	AUTO_FD int lock = -1;
	int r = endpoint_spec_set(&rq->spec, "name", rq->network, e);

	if (r == 0)
		r = store_load(env, NULL, &store, e);
	if (r < 0)
		return r;
	lock = container_find_locked(env, rq->container, &known, e);
	if (lock < 0 && lock != -ENOENT)
		return lock;

	return known.n > 0 ? connect_known(env, &store, &known, &wish, e)
			   : connect_target(env, &store, rq, &wish, e);
}

int command_network_connect(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NETWORK CONTAINER",
		.doc = "Connect a container to a network. CONTAINER is the name, the ID or the "
		       "beginning of the ID of one that is attached, or a name of `ip netns`.",
	};
	AUTO(clear_request) struct request rq = { .json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
