/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node inspect - a node, and the addresses that it owns */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int inspect(const struct command_env *env, const char *node, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	int r = ask_netd(env, "node.inspect", json_pack("{s:s}", "node", node), ASK_MS, &answer, e);

	return r < 0 ? r : ask_print(answer, e);
}

int command_node_inspect(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "NODE",
		.doc = "Show a node, by its name or ID: its address, its state, and the ranges of "
		       "addresses that are its own to give.",
	};
	const char *node;
	struct err e;
	int status = ask_words(&argp, argc, argv, &node, 1, 1);

	if (status != COMMAND_OK)
		return status;

	return inspect(env, node, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
