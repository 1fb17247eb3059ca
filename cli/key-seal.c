/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key seal - the cluster's key, for one node that is to let others in, too */
#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int seal(const struct command_env *env, const char *node, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	const char *text;
	int r = ask_netd(env, "admitter.seal", json_pack("{s:s}", "node", node), ASK_MS, &answer,
			 e);

	if (r < 0)
		return r;
	text = json_string_value(json_object_get(answer, "sealed"));
	if (!text)
		return err_say(e, EPROTO, "netd's answer has no sealed key");
	puts(text);

	return 0;
}

int command_key_seal(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "NODE",
		.doc = "Print the cluster's own key, sealed to one node: with heddle key open "
		       "there, "
		       "that node lets others in, too.  Nobody else can read it.",
	};
	const char *node;
	struct err e;
	int status = ask_words(&argp, argc, argv, &node, 1, 1);

	if (status != COMMAND_OK)
		return status;

	return seal(env, node, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
