/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gc - heddle gc: remove what no live attachment owns
 *
 *	1. who lives, by census.h; what networks left, by leftovers.h
 *	2. DEL of cached attachments whose namespace is gone, as their engine would do it
 *	3. GC of the networks of ours, Podman's and nerdctl's, with those who live
 *	4. what is left of the dead, by sweep.h: of networks whose config is gone too
 *
 * Networks of others may have plugins that count more than the CNI cache, so
 * their GC is their engine's.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/census.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/leftovers.h"
#include "cli/progress.h"
#include "cli/store.h"
#include "cli/sweep.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct gc_options {
	bool dry_run;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct gc_options *o = state->input;

	(void)arg;
	switch (key) {
	case 'n':
		o->dry_run = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options =
		(const struct argp_option[]){
			{ "dry-run", 'n', NULL, 0,
			  "Say what would be removed, and remove nothing" },
			{ 0 },
		},
	.parser = parse_option,
	.doc = "Remove what no live attachment owns: cached results of containers that are gone, "
	       "leases, nftables elements, interfaces, bridges and files of networks that are "
	       "gone.  What may be alive is kept, with the reason.",
};

struct gc_run {
	const struct command_env *env;
	struct store store;
	struct census census;
	int lock; /* of the store, -1 with --dry-run */
	json_t *leftovers, *removed, *kept;
};

/* ---- what there is -------------------------------------------------------------- */

/* A line of the report for each trace of an attachment. */
static int report(json_t *list, const struct census_item *item, struct err *e)
{
	const json_t *trace;
	size_t i;

	json_array_foreach(item->traces, i, trace) {
		json_t *line = json_pack("{s:O, s:O, s:s, s:s, s:s, s:s}", "kind",
					 json_object_get(trace, "kind"), "name",
					 json_object_get(trace, "name"), "network", item->network,
					 "container", item->container_id, "interface", item->ifname,
					 "why", item->why);

		if (json_array_append_new(list, line) < 0)
			return err_sys(e, ENOMEM, "list what is to be removed");
	}

	return 0;
}

static int report_all(struct gc_run *run, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < run->census.n && r == 0; i++) {
		const struct census_item *item = run->census.items[i];

		if (item->state == CENSUS_GONE)
			r = report(run->removed, item, e);
		else if (item->state == CENSUS_UNSURE)
			r = report(run->kept, item, e);
	}
	if (r == 0 && json_array_extend(run->removed, run->leftovers) < 0)
		r = err_sys(e, ENOMEM, "list what is to be removed");

	return r;
}

static int look(struct gc_run *run, const struct gc_options *o, struct err *e)
{
	int r;

	run->leftovers = json_array();
	run->removed = json_array();
	run->kept = json_array();
	if (!run->leftovers || !run->removed || !run->kept)
		return err_sys(e, ENOMEM, "collect garbage");
	if (!o->dry_run) {
		run->lock = store_lock(run->env, e);
		if (run->lock < 0)
			return run->lock;
	}
	if ((r = store_load(run->env, NULL, &run->store, e)) < 0 ||
	    (r = census_take(run->env, &run->store, &run->census, e)) < 0 ||
	    (r = leftovers_find(&run->store, run->leftovers, run->kept, e)) < 0)
		return r;

	return report_all(run, e);
}

/* ---- DEL ------------------------------------------------------------------------ */

/* As it was attached, by the cache; by the network's file where the cache does not say. */
static int detach(const struct gc_run *run, const struct census_item *item, struct err *e)
{
	const struct network *net = NULL;
	const struct chain_attachment a = {
		.network = item->network,
		.container_id = item->container_id,
		.ifname = item->ifname,
		.netns = "",
	};

	for (size_t i = 0; i < run->store.n && !net; i++)
		if (strcmp(run->store.networks[i].name, item->network) == 0)
			net = &run->store.networks[i];

	return chain_del(run->env, net, &a, e);
}

static int detach_all(const struct gc_run *run, struct progress *progress, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < run->census.n; i++) {
		const struct census_item *item = run->census.items[i];
		struct err next;

		if (item->state == CENSUS_GONE && item->entry)
			r = err_keep(r, e, detach(run, item, &next), &next);
		progress_step(progress);
	}

	return r;
}

/* ---- GC --------------------------------------------------------------------------- */

static bool is_collected(const struct network *net)
{
	return net->conf && net->origin != NETWORK_FOREIGN;
}

/* Who lives on @net; @entries stand for those that have no cached result. */
static size_t list_valid(const struct census *c, const struct network *net,
			 struct cache_entry *entries, const struct cache_entry **valid)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct census_item *item = c->items[i];

		if (item->state == CENSUS_GONE || strcmp(item->network, net->name) != 0)
			continue;
		entries[n] = (struct cache_entry){
			.network = item->network,
			.container_id = item->container_id,
			.ifname = item->ifname,
		};
		valid[n] = item->entry ? item->entry : &entries[n];
		n++;
	}

	return n;
}

static int collect(const struct gc_run *run, const struct network *net, struct err *e)
{
	size_t room = run->census.n + 1;
	AUTO_FREE struct cache_entry *entries = calloc(room, sizeof(*entries));
	AUTO_FREE const struct cache_entry **valid = calloc(room, sizeof(struct cache_entry *));
	int r;

	if (!entries || !valid)
		return err_sys(e, ENOMEM, "list the attachments of %s", net->name);
	r = census_can_name(&run->census, net->name, e);
	if (r < 0)
		return r;

	return chain_gc(run->env, net, valid, list_valid(&run->census, net, entries, valid), e);
}

static int collect_all(const struct gc_run *run, struct progress *progress, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < run->store.n; i++) {
		const struct network *net = &run->store.networks[i];
		struct err next;

		if (is_collected(net))
			r = err_keep(r, e, collect(run, net, &next), &next);
		progress_step(progress);
	}

	return r;
}

/* ---- what is left ------------------------------------------------------------------- */

static int sweep_all(const struct gc_run *run, struct err *e)
{
	const char *last = "";
	int r = 0;

	for (size_t i = 0; i < run->census.n; i++) { /* sorted by network */
		const struct census_item *item = run->census.items[i];
		struct err next;

		if (item->state != CENSUS_GONE || strcmp(item->network, last) == 0)
			continue;
		last = item->network;
		r = err_keep(r, e, sweep_network(&run->census, last, &next), &next);
	}

	return r;
}

static int remove_all(const struct gc_run *run, struct err *e)
{
	AUTO(progress_end) struct progress progress;
	struct err next;
	int r;

	progress_begin(&progress, "Collecting garbage", run->census.n + run->store.n);
	r = detach_all(run, &progress, e);
	r = err_keep(r, e, collect_all(run, &progress, &next), &next);
	r = err_keep(r, e, sweep_all(run, &next), &next);

	return err_keep(r, e, leftovers_remove(run->leftovers, &next), &next);
}

static const char *text(const json_t *line, const char *key)
{
	const char *value = json_string_value(json_object_get(line, key));

	return value ? value : "";
}

/* Whether the thing of @line is in @list, whatever is said of it there. */
static bool is_listed(const json_t *list, const json_t *line)
{
	static const char *const keys[] = { "kind", "name", "network", "container", "interface" };
	const json_t *other;
	size_t i;

	json_array_foreach(list, i, other) {
		size_t same = 0;

		while (same < ARRAY_SIZE(keys) &&
		       strcmp(text(line, keys[same]), text(other, keys[same])) == 0)
			same++;
		if (same == ARRAY_SIZE(keys))
			return true;
	}

	return false;
}

/* After a failure: what is there still was not removed. */
static int look_again(struct gc_run *run, struct err *e)
{
	AUTO_JSON json_t *removed = json_array();
	struct gc_run now = { .env = run->env, .removed = json_array() };
	const json_t *line;
	size_t i;
	int r = census_take(run->env, &run->store, &now.census, e);

	for (i = 0; i < now.census.n && r == 0; i++)
		r = report(now.removed, now.census.items[i], e);
	if (r == 0)
		r = leftovers_find(&run->store, now.removed, run->kept, e);
	json_array_foreach(run->removed, i, line) {
		if (!is_listed(now.removed, line) && json_array_append(removed, (json_t *)line) < 0)
			r = err_sys(e, ENOMEM, "list what was removed");
	}
	json_decref(run->removed);
	run->removed = json_incref(removed);
	census_clear(&now.census);
	json_decref(now.removed);

	return r;
}

/* ---- saying it ------------------------------------------------------------------------ */

static void print_list(const char *verb, const json_t *list)
{
	const json_t *line;
	size_t i;

	json_array_foreach(list, i, line) {
		printf("%s %s %s", verb, text(line, "kind"), text(line, "name"));
		if (text(line, "network")[0] != '\0')
			printf(" of %s %s %s", text(line, "network"), text(line, "container"),
			       text(line, "interface"));
		if (text(line, "why")[0] != '\0')
			printf(": %s", text(line, "why"));
		putchar('\n');
	}
}

static void print(const struct gc_run *run, bool dry_run, bool json)
{
	if (json) {
		AUTO_JSON json_t *all = json_pack("{s:b, s:O, s:O}", "dryRun", dry_run, "removed",
						  run->removed, "kept", run->kept);

		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	print_list(dry_run ? "would remove" : "removed", run->removed);
	print_list("kept", run->kept);
}

static void run_clear(struct gc_run *run)
{
	census_clear(&run->census);
	store_clear(&run->store);
	json_decref(run->leftovers);
	json_decref(run->removed);
	json_decref(run->kept);
	if (run->lock >= 0)
		close(run->lock);
}

int command_gc(const struct command_env *env, int argc, char **argv)
{
	AUTO(run_clear) struct gc_run run = { .env = env, .lock = -1 };
	struct gc_options o = { 0 };
	bool json = env->json;
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &o, &json);

	if (status != COMMAND_OK)
		return status;
	if (look(&run, &o, &e) < 0)
		return command_error(&e);
	if (!o.dry_run && remove_all(&run, &e) < 0) {
		status = command_error(&e);
		if (look_again(&run, &e) < 0)
			return command_error(&e);
	}
	print(&run, o.dry_run, json);

	return status;
}
