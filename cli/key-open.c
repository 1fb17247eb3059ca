/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key open - from now on this node lets others in, too */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/err.h"

int command_key_open(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "SEALED",
		.doc = "Take what heddle key seal has printed for this node: it holds the "
		       "cluster's "
		       "own key from now on, creates tokens, lets nodes in and changes keys.",
	};
	const char *sealed;
	struct err e;
	int status = ask_words(&argp, argc, argv, &sealed, 1, 1);

	if (status != COMMAND_OK)
		return status;

	return ask_netd(env, "admitter.open", json_pack("{s:s}", "sealed", sealed), ASK_MS, NULL,
			&e) < 0
		       ? command_error(&e)
		       : COMMAND_OK;
}
