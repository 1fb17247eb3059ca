/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network ls - the networks of this host
 *
 * What is attached is read only for --filter dangling, the one that asks.
 */
#include <argp.h>
#include <errno.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/network-view.h"
#include "cli/shared-network.h"
#include "cli/store.h"
#include "cli/table.h"
#include "cli/usage.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { KEY_FORMAT = 0x100, KEY_NO_TRUNC };

static const struct argp_option options[] = {
	{ "filter", 'f', "KEY=VALUE", 0,
	  "Only networks of which this is true: dangling, driver, id, label, name, scope, type" },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "json, a template such as '{{.ID}}: {{.Name}}', or 'table TEMPLATE'" },
	{ "no-trunc", KEY_NO_TRUNC, NULL, 0, "Do not cut IDs" },
	{ "quiet", 'q', NULL, 0, "Print IDs only" },
	{ 0 },
};

struct request {
	struct filters filters;
	struct table_style style;
};

static void clear_request(struct request *rq)
{
	filters_clear(&rq->filters);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;
	struct err e;

	switch (key) {
	case 'f':
		if (filters_add(&rq->filters, arg, &e) < 0)
			argp_error(state, "%s", e.msg);
		return 0;
	case 'q':
		rq->style.quiet = true;
		return 0;
	case KEY_FORMAT:
		rq->style.format = arg;
		return 0;
	case KEY_NO_TRUNC:
		rq->style.no_trunc = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct table_column columns[] = {
	{ .heading = "NETWORK ID", .field = "ID", .cut = TABLE_ID_LEN },
	{ .heading = "NAME", .field = "Name", .shrinks = true },
	{ .heading = "DRIVER", .field = "Driver" },
	{ .heading = "SCOPE", .field = "Scope" },
	{ .heading = "CREATED AT", .field = "CreatedAt", .extra = true },
	{ .heading = "IPV4", .field = "IPv4", .extra = true },
	{ .heading = "IPV6", .field = "IPv6", .extra = true },
	{ .heading = "INTERNAL", .field = "Internal", .extra = true },
	{ .heading = "LABELS", .field = "Labels", .extra = true },
	{ .heading = "ORIGIN", .field = "Origin", .extra = true },
};

static int add_row(json_t *rows, const struct network *net, struct err *e)
{
	json_t *row = network_view_row(net);

	return json_array_append_new(rows, row) < 0 ? err_sys(e, ENOMEM, "list networks") : 0;
}

static int list(const struct request *rq, const struct store *s, const struct usage *usage,
		struct err *e)
{
	AUTO_JSON json_t *rows = json_array();
	int r = rows ? 0 : err_sys(e, ENOMEM, "list networks");

	for (size_t i = 0; i < s->n && r == 0; i++) {
		const struct network *net = &s->networks[i];

		if (filters_match(&rq->filters, net, usage_is_used(usage, net->name)))
			r = add_row(rows, net, e);
	}

	return r < 0 ? r : table_print(columns, ARRAY_SIZE(columns), rows, &rq->style, e);
}

static bool has_shared(const struct store *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->networks[i].scope != NETWORK_LOCAL)
			return true;

	return false;
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store s = { 0 };
	AUTO(usage_clear) struct usage usage = { 0 };
	int r;

	if ((r = filters_check_ls(&rq->filters, e)) < 0 ||
	    (r = store_load(env, command_warn_text, &s, e)) < 0)
		return r;
	if (filters_need_use(&rq->filters)) {
		r = usage_load(env, &s, NULL, &usage, e);
		if (r < 0)
			return r;
	}

	if (has_shared(&s))
		shared_network_warn(env);

	return list(rq, &s, &usage, e);
}

int command_network_ls(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List networks: heddle's own, and those of Podman, nerdctl and others.",
	};
	AUTO(clear_request) struct request rq = { .style.json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &rq, &rq.style.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
