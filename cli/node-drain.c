/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node drain - no new containers of cluster networks on this node */
#include <argp.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/err.h"

enum { KEY_OFF = 0x100 };

struct input {
	bool off, json;
};

static const struct argp_option options[] = {
	{ "off", KEY_OFF, NULL, 0, "Take new containers again" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct input *in = state->input;

	(void)arg;
	if (key != KEY_OFF)
		return ARGP_ERR_UNKNOWN;
	in->off = true;

	return 0;
}

int command_node_drain(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Take no new containers into networks of the cluster on this node, as "
		       "before "
		       "it is stopped for long.  Those that run go on.",
	};
	struct input in = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &in, &in.json);

	if (status != COMMAND_OK)
		return status;

	return ask_netd(env, "node.drain", json_pack("{s:b}", "on", !in.off), ASK_MS, NULL, &e) < 0
		       ? command_error(&e)
		       : COMMAND_OK;
}
