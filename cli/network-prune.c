/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network prune - remove the networks that nothing is attached to
 *
 * Only heddle's own: a network of Podman or nerdctl may be of a container that is
 * stopped, which only they know.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/network-remove.h"
#include "cli/progress.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { KEY_FILTER = 0x100 };

static const struct argp_option options[] = {
	{ "filter", KEY_FILTER, "KEY=VALUE", 0,
	  "Only networks of which this is true: label, label!, until (a time, or so long ago)" },
	{ "force", 'f', NULL, 0, "Do not ask" },
	{ 0 },
};

struct request {
	struct filters filters;
	bool force, json;
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
	case KEY_FILTER:
		if (filters_add(&rq->filters, arg, &e) < 0)
			argp_error(state, "%s", e.msg);
		return 0;
	case 'f':
		rq->force = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- the question -------------------------------------------------------- */

/* Only y, alone on its line, is a yes. */
static bool is_yes(const char *line)
{
	return (line[0] == 'y' || line[0] == 'Y') && strcmp(line + 1, "\n") == 0;
}

static bool confirmed(void)
{
	char line[16];

	fputs("WARNING! This will remove all custom networks not used by at least one container.\n"
	      "Are you sure you want to continue? [y/N] ",
	      stdout);
	fflush(stdout);

	return fgets(line, sizeof(line), stdin) && is_yes(line);
}

/* ---- which, and away ----------------------------------------------------- */

/* Attachments that are gone do not count: removing the network collects what they left. */
static bool is_prunable(const struct network_remover *m, const struct network *net,
			const struct filters *filters)
{
	return net->origin == NETWORK_OURS && !net->config_only &&
	       filters_match(filters, net, false) && !usage_is_used(&m->usage, net->name);
}

/* Return: array of names, owned by the caller. */
static json_t *prune_all(const struct network_remover *m, const struct filters *filters,
			 int *ret_status)
{
	json_t *removed = json_array();
	struct progress progress;
	struct err e;

	progress_begin(&progress, "Removing networks", m->store.n);
	for (size_t i = 0; i < m->store.n; i++, progress_step(&progress)) {
		const struct network *net = &m->store.networks[i];

		if (!is_prunable(m, net, filters))
			continue;
		if (network_remover_remove(m, net, &e) < 0) {
			progress_hide(&progress);
			*ret_status = command_error(&e);
			continue;
		}
		json_array_append_new(removed, json_string(net->name));
	}
	progress_end(&progress);

	return removed;
}

static void print_names(const json_t *removed)
{
	const json_t *name;
	size_t i;

	if (json_array_size(removed) == 0)
		return;
	puts("Deleted Networks:");
	json_array_foreach(removed, i, name)
		puts(json_string_value(name));
	putchar('\n');
}

/* As Docker's API answers. */
static void print_json(const json_t *removed)
{
	AUTO_JSON json_t *report = json_pack("{s:O}", "NetworksDeleted", removed);

	json_dumpf(report, stdout, JSON_INDENT(4));
	putchar('\n');
}

static int prune(const struct command_env *env, const struct request *rq)
{
	AUTO(network_remover_close) struct network_remover m = NETWORK_REMOVER_CLOSED;
	AUTO_JSON json_t *removed = NULL;
	int status = COMMAND_OK;
	struct err e;

	if (network_remover_open(&m, env, &e) < 0)
		return command_error(&e);
	removed = prune_all(&m, &rq->filters, &status);
	rq->json ? print_json(removed) : print_names(removed);

	return status;
}

int command_network_prune(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Remove all networks of heddle's own that nothing is attached to.",
	};
	AUTO(clear_request) struct request rq = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;
	if (filters_check_prune(&rq.filters, &e) < 0)
		return command_error(&e);
	if (!rq.force && !confirmed())
		return COMMAND_OK;

	return prune(env, &rq);
}
