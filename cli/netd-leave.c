/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd leave - this node leaves its cluster for good */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/err.h"

#define LEAVE_MS 30000 /* until others have heard it */

struct input {
	bool force, json;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "Also as the last one that can admit nodes" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct input *in = state->input;

	(void)arg;
	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	in->force = true;

	return 0;
}

int command_netd_leave(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Leave the cluster: addresses go to others, its networks go from this node.",
	};
	struct input in = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &in, &in.json);

	if (status != COMMAND_OK)
		return status;

	return ask_netd(env, "leave", json_pack("{s:b}", "force", in.force), LEAVE_MS, NULL, &e) < 0
		       ? command_error(&e)
		       : COMMAND_OK;
}
