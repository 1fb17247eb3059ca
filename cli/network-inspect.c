/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network inspect - everything of a network, as Docker's JSON or by a template */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/leases.h"
#include "cli/network-view.h"
#include "cli/shared-network.h"
#include "cli/store.h"
#include "cli/usage.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0,
	  "json, or a template such as '{{range .IPAM.Config}}{{.Subnet}}{{end}}'" },
	{ "verbose", 'v', NULL, 0,
	  "Also where the network comes from, its interface and its file" },
	{ 0 },
};

struct request {
	char *format; /* borrowed, NULL: the indented array */
	bool verbose, json;
	char **refs; /* borrowed */
	int n;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case 'f':
		rq->format = arg;
		return 0;
	case 'v':
		rq->verbose = true;
		return 0;
	case ARGP_KEY_ARGS:
		rq->refs = state->argv + state->next;
		rq->n = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "it needs at least one NETWORK");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What is known here is worth showing, with or without the rest. */
static void add_others(const struct command_env *env, const struct network *net, json_t *doc)
{
	struct err e;

	if (net->origin != NETWORK_OURS || net->config_only || net->scope != NETWORK_SWARM)
		return;
	if (shared_network_describe(env, net, doc, &e) < 0)
		command_warn("what other nodes have of network %s is not shown: %s", net->name,
			     e.msg);
}

static int look(const struct command_env *env, const struct store *s, const char *ref, bool verbose,
		json_t **ret, struct err *e)
{
	AUTO(usage_clear) struct usage usage = { 0 };
	AUTO_FREE struct leases_count *counts = NULL;
	const struct network *net = NULL;
	size_t n;
	int r;

	if ((r = store_find(s, ref, &net, e)) < 0 ||
	    (r = usage_load(env, s, net->name, &usage, e)) < 0 ||
	    (r = leases_count(net, &counts, &n, e)) < 0)
		return r;
	*ret = network_view_inspect(net, &usage, counts, n, verbose);
	if (!*ret)
		return err_sys(e, ENOMEM, "inspect network %s", ref);
	add_others(env, net, *ret);

	return 0;
}

static int print_template(const char *format, const json_t *doc, struct err *e)
{
	AUTO_FREE char *text = NULL;
	int r = format_run(format, doc, &text, e);

	if (r == 0)
		puts(text);

	return r;
}

static int print_json(const json_t *doc, size_t flags, struct err *e)
{
	AUTO_JSON json_t *visible = format_visible(doc);
	AUTO_FREE char *text = visible ? json_dumps(visible, flags) : NULL;

	if (!text)
		return err_sys(e, ENOMEM, "print networks");
	puts(text);

	return 0;
}

static int print_all(const struct request *rq, const json_t *docs, struct err *e)
{
	const json_t *doc;
	size_t i;
	int r = 0;

	if (!rq->format)
		return print_json(docs, JSON_INDENT(4), e);
	if (strcmp(rq->format, "json") == 0)
		return print_json(docs, JSON_COMPACT, e);
	json_array_foreach(docs, i, doc) {
		if (r == 0)
			r = print_template(rq->format, doc, e);
	}

	return r;
}

/* What is found is printed, whatever is not. */
static int run(const struct command_env *env, const struct request *rq)
{
	AUTO(store_clear) struct store s = { 0 };
	AUTO_JSON json_t *docs = json_array();
	int status = COMMAND_OK;
	struct err e;

	if (store_load(env, command_warn_text, &s, &e) < 0)
		return command_error(&e);
	for (int i = 0; i < rq->n; i++) {
		json_t *doc = NULL;

		if (look(env, &s, rq->refs[i], rq->verbose, &doc, &e) < 0)
			status = command_error(&e);
		else
			json_array_append_new(docs, doc);
	}
	if (print_all(rq, docs, &e) < 0)
		status = command_error(&e);

	return status;
}

int command_network_inspect(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NETWORK...",
		.doc = "Show everything of networks: addresses, options, labels, who is attached.",
	};
	struct request rq = { .json = env->json };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	return status != COMMAND_OK ? status : run(env, &rq);
}
