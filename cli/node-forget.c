/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node forget - a node is not coming back: its addresses may be given again */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define WAIT_S 60

enum { KEY_DRY_RUN = 0x100, KEY_FORCE, KEY_WAIT };

struct input {
	const char *node;
	bool dry_run, force, json;
	int wait_s;
};

static const struct argp_option options[] = {
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "Only show the addresses that are at stake" },
	{ "force", KEY_FORCE, NULL, 0,
	  "Also one that is alive: it loses its addresses, and whoever uses them is cut off" },
	{ "wait", KEY_WAIT, "SECONDS", 0, "For all others to agree (60)" },
	{ 0 },
};

static int parse_seconds(const char *arg, struct argp_state *state)
{
	char *end;
	long s = strtol(arg, &end, 10);

	if (*arg == '\0' || *end != '\0' || s < 1 || s > 86400)
		argp_error(state, "--wait %s: it is a number of seconds from 1 to 86400", arg);

	return (int)s;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct input *in = state->input;

	switch (key) {
	case KEY_DRY_RUN:
		in->dry_run = true;
		return 0;
	case KEY_FORCE:
		in->force = true;
		return 0;
	case KEY_WAIT:
		in->wait_s = parse_seconds(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (in->node)
			argp_error(state, "one NODE at a time: \"%s\" is a second one", arg);
		in->node = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "it needs a NODE");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int forget(const struct command_env *env, const struct input *in, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	int r = ask_netd(env, "node.forget",
			 json_pack("{s:s, s:b, s:b}", "node", in->node, "dry_run", in->dry_run,
				   "force", in->force),
			 in->wait_s * 1000, &answer, e);

	if (r == -ETIMEDOUT)
		return err_say(
			e, ETIMEDOUT,
			"node %s: not all others have agreed within %d s; it goes on, and ends "
			"when those that are alive, or come back, have: see heddle node ls",
			in->node, in->wait_s);

	return r < 0 || !in->dry_run ? r : ask_print(answer, e);
}

int command_node_forget(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NODE",
		.doc = "Take a node that is not coming back out of the cluster.  Its addresses are "
		       "given to others once every other node has agreed.",
	};
	struct input in = { .json = env->json, .wait_s = WAIT_S };
	struct err e;
	int status = command_parse(&argp, argc, argv, &in, &in.json);

	if (status != COMMAND_OK)
		return status;

	return forget(env, &in, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
