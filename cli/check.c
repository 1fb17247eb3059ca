/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - heddle check: whether a container's attachments are as they were made */
#include <argp.h>
#include <errno.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container.h"
#include "cli/store.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct request {
	const char *target;
	struct table_style style;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
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

static const struct table_column columns[] = {
	{ .heading = "NETWORK", .field = "Network", .shrinks = true },
	{ .heading = "INTERFACE", .field = "Interface" },
	{ .heading = "STATE", .field = "State", .alarm = "differs" },
	{ .heading = "WHY", .field = "Why" },
	{ .heading = "CONTAINER", .field = "Container", .extra = true },
};

/* Return: 1 if it is as it was made, 0 if not, or -ENOMEM. */
static int check_one(const struct command_env *env, const struct store *store,
		     const struct cache_entry *entry, json_t *rows, struct err *e)
{
	struct err why = { 0 };
	int r = container_check(env, store, entry, &why);

	if (json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "Network",
						  entry->network, "Interface", entry->ifname,
						  "State", r < 0 ? "differs" : "ok", "Why",
						  *why.details ? why.details : why.msg, "Container",
						  container_name(entry))) < 0)
		return err_sys(e, ENOMEM, "check %s", entry->network);

	return r == 0;
}

/* Return: 1 if all is as it was made, 0 if not, or a negative errno. */
static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store store = { 0 };
	AUTO(cache_clear) struct cache c = { 0 };
	AUTO_JSON json_t *rows = json_array();
	AUTO_FD int lock = -1;
	int all = 1, r = rows ? store_load(env, NULL, &store, e) : -ENOMEM;

	if (r < 0)
		return r;
	lock = container_find_locked(env, rq->target, &c, e);
	if (lock < 0)
		return lock;
	for (size_t i = 0; i < c.n; i++) {
		r = check_one(env, &store, &c.entries[i], rows, e);
		if (r < 0)
			return r;
		all = all && r;
	}
	r = table_print(columns, ARRAY_SIZE(columns), rows, &rq->style, e);

	return r < 0 ? r : all;
}

int command_check(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "TARGET",
		.doc = "Compare a container's attachments with what they were made as. TARGET is "
		       "its name, its ID or the beginning of it, or its network namespace. The "
		       "exit status is 1 if anything differs.",
	};
	struct request rq = { .style.json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.style.json), r;

	if (status != COMMAND_OK)
		return status;
	r = run(env, &rq, &e);

	return r < 0 ? command_error(&e) : r ? COMMAND_OK : COMMAND_FAILED;
}
