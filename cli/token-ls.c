/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token ls - the join tokens that this node has made, and those that were revoked */
#include <argp.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { KEY_FORMAT = 0x100 };

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "json, a template such as '{{.ID}}: {{.State}}', or 'table TEMPLATE'" },
	{ "quiet", 'q', NULL, 0, "Print IDs only" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct table_style *style = state->input;

	switch (key) {
	case 'q':
		style->quiet = true;
		return 0;
	case KEY_FORMAT:
		style->format = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct table_column columns[] = {
	{ .heading = "ID", .field = "ID" },
	{ .heading = "STATE", .field = "State", .alarm = "revoked" },
	{ .heading = "MADE", .field = "CreatedAt" },
	{ .heading = "EXPIRES", .field = "ExpiresAt" },
	{ .heading = "BY", .field = "CreatedBy", .shrinks = true },
	{ .heading = "REVOKED BY", .field = "RevokedBy", .shrinks = true },
};

/* Local time, "" where netd knows of none. */
static json_t *time_json(const json_t *seconds)
{
	time_t at = (time_t)json_integer_value(seconds);
	struct tm tm;
	char text[32];

	if (!seconds || !localtime_r(&at, &tm) || strftime(text, sizeof(text), "%F %T", &tm) == 0)
		return json_string("");

	return json_string(text);
}

static json_t *text_json(const json_t *text)
{
	return json_string(json_is_string(text) ? json_string_value(text) : "");
}

static json_t *row_of(const json_t *token)
{
	bool revoked = json_is_true(json_object_get(token, "revoked"));

	return json_pack("{s:O, s:s, s:o, s:o, s:o, s:o}", "ID", json_object_get(token, "id"),
			 "State", revoked ? "revoked" : "valid", "CreatedAt",
			 time_json(json_object_get(token, "made")), "ExpiresAt",
			 time_json(json_object_get(token, "expires")), "CreatedBy",
			 text_json(json_object_get(token, "by")), "RevokedBy",
			 text_json(json_object_get(token, "revokedBy")));
}

static int list(const struct command_env *env, const struct table_style *style, struct err *e)
{
	AUTO_JSON json_t *rows = NULL;
	int r = ask_rows(env, "token.list", "tokens", row_of, &rows, e);

	return r < 0 ? r : table_print(columns, ARRAY_SIZE(columns), rows, style, e);
}

int command_token_ls(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List join tokens that have not expired: those that this node has made, and "
		       "those that were revoked anywhere.",
	};
	struct table_style style = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &style, &style.json);

	if (status != COMMAND_OK)
		return status;

	return list(env, &style, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
