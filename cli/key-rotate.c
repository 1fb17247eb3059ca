/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key rotate - another key for what the nodes say to each other */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/err.h"

int command_key_rotate(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "add|use|remove",
		.doc = "Change the key that seals what nodes say to each other, in three steps: "
		       "add "
		       "a new one, use it once all nodes hold it, remove the old ones.  Between "
		       "use "
		       "and remove should lie as long as a node may be away.",
	};
	const char *step;
	struct err e;
	int status = ask_words(&argp, argc, argv, &step, 1, 1);

	if (status != COMMAND_OK)
		return status;

	return ask_netd(env, "key.rotate", json_pack("{s:s}", "step", step), ASK_MS, NULL, &e) < 0
		       ? command_error(&e)
		       : COMMAND_OK;
}
