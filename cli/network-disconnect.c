/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network disconnect - detach a container that has a name from a network
 *
 * Flags and messages are Docker's.  With -f a plugin that fails is a warning,
 * and the attachment is forgotten; what it left is gc's.
 */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "Forget the attachment although a plugin fails" },
	{ 0 },
};

struct request {
	const char *network, *container;
	bool force, json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case 'f':
		rq->force = true;
		return 0;
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
		return ARGP_ERR_UNKNOWN;
	}
}

static int refuse_host(const struct network *net, struct err *e)
{
	if (net->origin != NETWORK_BUILTIN || strcmp(net->driver, "host") != 0)
		return 0;

	return err_say(e, EOPNOTSUPP,
		       "cannot disconnect container from host network - container was created in "
		       "host network mode");
}

static int disconnect(const struct command_env *env, const struct store *store,
		      const struct cache_entry *entry, bool force, struct err *e)
{
	int r = container_detach(env, store, entry, e);

	if (r == 0 || !force)
		return r;
	command_warn("%s", e->msg);

	return cache_remove(env, entry, e);
}

/* Return: from how many networks of that name, or a negative errno. */
static int disconnect_all(const struct command_env *env, const struct store *store,
			  const struct cache *c, const char *network, bool force, struct err *e)
{
	int n = 0, r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		if (strcmp(c->entries[i].network, network) != 0)
			continue;
		r = disconnect(env, store, &c->entries[i], force, e);
		n++;
	}

	return r < 0 ? r : n;
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store store = { 0 };
	AUTO(cache_clear) struct cache c = { 0 };
	const struct network *net = NULL;
	const char *name = rq->network;
	struct err unknown = { 0 };
	AUTO_FD int lock = -1;
	int r = store_load(env, NULL, &store, e), found;

	if (r < 0)
		return r;
	/* A network whose file is gone may still have containers. */
	found = store_find(&store, rq->network, &net, &unknown);
	if (found == 0) {
		name = net->name;
		r = refuse_host(net, e);
	}
	if (r < 0)
		return r;
	lock = container_find_locked(env, rq->container, &c, e);
	if (lock < 0)
		return lock;
	r = disconnect_all(env, &store, &c, name, rq->force, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (found < 0) {
		*e = unknown;
		return found;
	}

	return err_say(e, ENOENT, "container %s is not connected to network %s", rq->container,
		       name);
}

int command_network_disconnect(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NETWORK CONTAINER",
		.doc = "Disconnect a container from a network. CONTAINER is its name, its ID or "
		       "the beginning of it, or its network namespace; both may be gone.",
	};
	struct request rq = { .json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
