/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detach - heddle detach: take a container off networks; its namespace may be gone */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container.h"
#include "cli/store.h"
#include "cli/words.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct request {
	const char *target;
	struct words networks;
	bool json;
};

static void clear_request(struct request *rq)
{
	words_clear(&rq->networks);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case 'n':
		return words_add(&rq->networks, arg) < 0 ? ENOMEM : 0;
	case ARGP_KEY_ARG:
		if (rq->target)
			argp_error(state, "one TARGET at a time: '%s'", arg);
		rq->target = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "TARGET is missing: the name of a container, or its namespace");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool is_wanted(const struct request *rq, const struct store *store,
		      const struct cache_entry *entry)
{
	const struct network *net;

	for (size_t i = 0; i < rq->networks.n; i++) {
		if (strcmp(rq->networks.v[i], entry->network) == 0 ||
		    (store_find(store, rq->networks.v[i], &net, NULL) == 0 &&
		     strcmp(net->name, entry->network) == 0))
			return true;
	}

	return rq->networks.n == 0;
}

/* Leaves what is to be detached. */
static void select_wanted(const struct request *rq, const struct store *store, struct cache *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (is_wanted(rq, store, &c->entries[i]))
			c->entries[n++] = c->entries[i];
		else
			cache_entry_clear(&c->entries[i]);
	}
	c->n = n;
}

static int need_all(const struct request *rq, const struct store *store, const struct cache *c,
		    struct err *e)
{
	for (size_t i = 0; i < rq->networks.n; i++) {
		const struct request one = { .networks = { .v = &rq->networks.v[i], .n = 1 } };
		bool found = false;

		for (size_t k = 0; k < c->n && !found; k++)
			found = is_wanted(&one, store, &c->entries[k]);
		if (!found)
			return err_say(e, ENOENT, "container %s is not connected to network %s",
				       rq->target, rq->networks.v[i]);
	}

	return 0;
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store store = { 0 };
	AUTO(cache_clear) struct cache c = { 0 };
	AUTO_FD int lock = -1;
	int r = store_load(env, NULL, &store, e);

	if (r < 0)
		return r;
	lock = container_find_locked(env, rq->target, &c, e);
	if (lock < 0)
		return lock;
	r = need_all(rq, &store, &c, e);
	if (r < 0)
		return r;
	select_wanted(rq, &store, &c);

	return container_detach_all(env, &store, &c, e);
}

static const struct argp_option options[] = {
	{ "network", 'n', "NETWORK", 0, "Detach from this network only; may be repeated" },
	{ 0 },
};

int command_detach(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "TARGET",
		.doc = "Detach a container from its networks. TARGET is its name, its ID or the "
		       "beginning of it, or its network namespace, which may be gone.",
	};
	AUTO(clear_request) struct request rq = { .json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
