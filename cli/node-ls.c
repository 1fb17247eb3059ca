/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node ls - the nodes of the cluster, as this one sees them */
#include <argp.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { KEY_FORMAT = 0x100, KEY_NO_TRUNC };

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "json, a template such as '{{.Name}}: {{.State}}', or 'table TEMPLATE'" },
	{ "no-trunc", KEY_NO_TRUNC, NULL, 0, "Do not cut IDs" },
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
	case KEY_NO_TRUNC:
		style->no_trunc = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct table_column columns[] = {
	{ .heading = "ID", .field = "ID", .cut = TABLE_ID_LEN },
	{ .heading = "NAME", .field = "Name", .shrinks = true },
	{ .heading = "STATE", .field = "State", .alarm = "dead" },
	{ .heading = "ADDRESS", .field = "Address" },
	{ .heading = "SELF", .field = "Self" },
	{ .heading = "GENERATION", .field = "Generation", .extra = true },
	{ .heading = "STATE FOR", .field = "StateFor", .extra = true },
};

/* netd's members in the spelling that templates have. */
static json_t *row_of(const json_t *node)
{
	static const struct {
		const char *from, *to;
	} members[] = {
		{ "id", "ID" },
		{ "name", "Name" },
		{ "state", "State" },
		{ "address", "Address" },
		{ "self", "Self" },
		{ "generation", "Generation" },
		{ "state_for_s", "StateFor" },
	};
	AUTO_JSON json_t *row = json_object();

	for (size_t i = 0; row && i < ARRAY_SIZE(members); i++)
		if (json_object_set(row, members[i].to, json_object_get(node, members[i].from)) < 0)
			return NULL;

	return MOVE_PTR(row);
}

static int list(const struct command_env *env, const struct table_style *style, struct err *e)
{
	AUTO_JSON json_t *rows = NULL;
	int r = ask_rows(env, "node.list", "nodes", row_of, &rows, e);

	return r < 0 ? r : table_print(columns, ARRAY_SIZE(columns), rows, style, e);
}

int command_node_ls(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the nodes of the cluster, as this one sees them.",
	};
	struct table_style style = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &style, &style.json);

	if (status != COMMAND_OK)
		return status;

	return list(env, &style, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
