/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token revoke - a token lets nobody in any more */
#include <argp.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/err.h"

#define ID_DIGITS 16

int command_token_revoke(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "TOKEN|ID",
		.doc = "Let nobody in by this token any more, at any node, for good.  Its ID is "
		       "what token ls shows.",
	};
	const char *token;
	struct err e;
	int status = ask_words(&argp, argc, argv, &token, 1, 1);

	if (status != COMMAND_OK)
		return status;

	/* Whatever is no token is for netd to say so of. */
	if (ask_netd(env, "token.revoke",
		     json_pack("{s:s}", strlen(token) == ID_DIGITS ? "id" : "token", token), ASK_MS,
		     NULL, &e) < 0)
		return command_error(&e);

	return COMMAND_OK;
}
