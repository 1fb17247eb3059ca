/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd status - what the daemon says of itself */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int show(const struct command_env *env, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	int r = ask_netd(env, "status", json_object(), ASK_MS, &answer, e);

	return r < 0 ? r : ask_print(answer, e);
}

int command_netd_status(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.doc = "Show what netd says of itself: its cluster, its store, its networks and "
		       "what it has repaired.",
	};
	struct err e;
	int status = ask_words(&argp, argc, argv, NULL, 0, 0);

	if (status != COMMAND_OK)
		return status;

	return show(env, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
