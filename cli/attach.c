/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach - heddle attach: give any network namespace its networks */
#include <argp.h>
#include <errno.h>

#include "cli/attach-options.h"
#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/store.h"
#include "cli/table.h"
#include "cli/target.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"

enum { KEY_NAME = 0x300, KEY_FORMAT };

struct request {
	struct attach_options options;
	const char *target, *name;
	struct table_style style;
};

static void clear_request(struct request *rq)
{
	attach_options_clear(&rq->options);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &rq->options;
		return 0;
	case KEY_NAME:
		rq->name = arg;
		return 0;
	case KEY_FORMAT:
		rq->style.format = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (rq->target)
			argp_error(state, "one TARGET at a time: '%s'", arg);
		rq->target = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "TARGET is missing: a name of `ip netns`, a PID, or a path");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "name", KEY_NAME, "NAME", 0,
	  "Name and ID of the container; TARGET's name in `ip netns` if it has one" },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "json, a template such as '{{.IPAddress}}', or 'table TEMPLATE'" },
	{ 0 },
};

static const struct table_column columns[] = {
	{ .heading = "NETWORK", .field = "Network", .shrinks = true },
	{ .heading = "INTERFACE", .field = "Interface" },
	{ .heading = "IP ADDRESS", .field = "IPAddress" },
	{ .heading = "MAC ADDRESS", .field = "MacAddress" },
	{ .heading = "PORTS", .field = "Ports", .shrinks = true },
	{ .heading = "CONTAINER", .field = "Container", .extra = true },
	{ .heading = "RESULT", .field = "Result", .extra = true },
};

static int name_container(const struct request *rq, const struct target *t, struct container *ret,
			  struct err *e)
{
	const char *name = rq->name ? rq->name : t->name;

	if (!name)
		return err_say(e, EINVAL,
			       "%s has no name in `ip netns`, and a container needs one: give it "
			       "one with --name",
			       rq->target);
	*ret = (struct container){ .id = name, .name = name, .netns = t->path };

	return cni_valid_id(name, "name", CNI_E_ENV, e);
}

static int run(const struct command_env *env, struct request *rq, struct err *e)
{
	AUTO(target_close) struct target t = TARGET_NONE;
	AUTO(store_clear) struct store store = { 0 };
	AUTO_JSON json_t *rows = NULL;
	AUTO_FD int lock = -1;
	struct container_wish wish;
	struct container c;
	int r;

	if ((r = attach_options_finish(&rq->options, "bridge", &wish, e)) < 0 ||
	    (r = target_open(rq->target, &t, e)) < 0 || (r = name_container(rq, &t, &c, e)) < 0 ||
	    (r = store_load(env, NULL, &store, e)) < 0)
		return r;
	lock = cache_lock(env, c.id, e);
	if (lock < 0)
		return lock;
	r = container_attach(env, &store, &c, &wish, &rows, e);

	return r < 0 ? r : table_print(columns, ARRAY_SIZE(columns), rows, &rq->style, e);
}

int command_attach(const struct command_env *env, int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &attach_options_argp }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "TARGET",
		.doc = "Attach a network namespace to networks, to all that are named or to none. "
		       "TARGET is a name of `ip netns`, the number of a process, or a path.",
		.children = children,
	};
	AUTO(clear_request) struct request rq = { .style.json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.style.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
