/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token revoke - a token lets nobody in any more */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/err.h"

int command_token_revoke(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "TOKEN",
		.doc = "Let nobody in by this token any more, at any node.",
	};
	const char *token;
	struct err e;
	int status = ask_words(&argp, argc, argv, &token, 1, 1);

	if (status != COMMAND_OK)
		return status;

	return ask_netd(env, "token.revoke", json_pack("{s:s}", "token", token), ASK_MS, NULL, &e) <
			       0
		       ? command_error(&e)
		       : COMMAND_OK;
}
