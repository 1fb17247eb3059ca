/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token create - a line that lets a node into the cluster */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { KEY_TTL = 0x100 };

struct input {
	bool json;
	json_int_t ttl_s; /* 0: netd's default */
};

static const struct argp_option options[] = {
	{ "ttl", KEY_TTL, "TIME", 0, "How long it lets nodes in: 90s, 30m, 1h (the default), 7d" },
	{ 0 },
};

/* A number with the unit that it ends in. */
static json_int_t parse_time(const char *arg, struct argp_state *state)
{
	static const struct {
		const char *unit;
		json_int_t s;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	long n = strtol(arg, &end, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*arg >= '0' && *arg <= '9' && n > 0 && n <= 1000000 &&
		    strcmp(end, units[i].unit) == 0)
			return n * units[i].s;
	argp_error(state, "--ttl %s: it is a number and one of s, m, h and d, as 12h", arg);

	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct input *in = state->input;

	if (key != KEY_TTL)
		return ARGP_ERR_UNKNOWN;
	in->ttl_s = parse_time(arg, state);

	return 0;
}

static int create(const struct command_env *env, const struct input *in, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	json_t *params = in->ttl_s ? json_pack("{s:I}", "ttl_s", in->ttl_s) : json_object();
	const char *token;
	int r = ask_netd(env, "token.create", params, ASK_MS, &answer, e);

	if (r < 0 || in->json)
		return r < 0 ? r : ask_print(answer, e);
	token = json_string_value(json_object_get(answer, "token"));
	if (!token)
		return err_say(e, EPROTO, "netd's answer has no token");
	puts(token);

	return 0;
}

int command_token_create(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Print a token, with which a node is let into the cluster: netd join TOKEN "
		       "ADDRESS.  Who has it can join: it is a secret.",
	};
	struct input in = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &in, &in.json);

	if (status != COMMAND_OK)
		return status;

	return create(env, &in, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
