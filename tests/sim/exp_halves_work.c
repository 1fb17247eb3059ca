/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_halves_work - both halves of a cluster go on giving out addresses and saying so
 *
 * Every node takes addresses of one space, puts a row for each, and gives some
 * back, before, during and after ten minutes in which the halves do not hear each
 * other.  No address is held twice at any time; within 10 s of healing all
 * ledgers and all rows are equal, and the rows are those of what is held.
 */
#include <stdlib.h>

#include "overlay/blocks.h"
#include "tests/sim/exp.h"
#include "tests/sim/rows_world.h"

enum { TO_EQUAL, TAKEN, REFUSED, MOVED, METRICS };

#define NUMBERS 4096
#define VALUE	100

static const uint32_t sizes[2] = { 12, 50 };

struct story {
	struct blocks **blocks;
	struct link_id space;
	uint32_t holder[NUMBERS]; /* node and 1 */
	uint32_t taken, refused;
	const char *broke; /* NULL: nothing */
	void (*unplug)(struct sim *s, struct sim_node *n);
};

static struct story *story_of(const struct sim *s)
{
	return ((struct rows_world *)s->user)->user;
}

/* ---- the simulation's hooks ---------------------------------------------------- */

static void plug_in(struct sim *s, struct sim_node *n)
{
	struct blocks **mine = &story_of(s)->blocks[n->index];

	rows_world_plug_in(s, n);
	*mine = blocks_new(n->engine);
	if (!*mine || engine_attach(n->engine, &blocks_ops, *mine, NULL) < 0)
		abort();
}

static void unplug(struct sim *s, struct sim_node *n)
{
	struct story *story = story_of(s);

	blocks_free(story->blocks[n->index]);
	story->blocks[n->index] = NULL;
	story->unplug(s, n);
}

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	(void)n;
	(void)subject;
	if (ev->kind == EVENT_BLOCK_LOST || ev->kind == EVENT_BLOCK_FROZEN)
		story_of(s)->broke = "a number was lost or is frozen";
}

/* ---- what nodes do ---------------------------------------------------------------- */

static void take(struct sim *s, uint32_t node)
{
	struct story *story = story_of(s);
	uint64_t number;

	if (blocks_take(story->blocks[node], &story->space, &number, sim_clock(&s->nodes[node]),
			NULL) < 0) {
		story->refused++;
		node_arm(&s->nodes[node]);
		return;
	}
	if (story->holder[number] != 0)
		story->broke = "a number is held twice";
	story->holder[number] = node + 1;
	story->taken++;
	rows_world_put(s, node, NULL, (uint32_t)number, VALUE);
}

/* One of those that the node holds, if it does. */
static void give_back(struct sim *s, uint32_t node)
{
	struct story *story = story_of(s);
	uint32_t first = sim_below(s, NUMBERS);

	for (uint32_t i = 0; i < NUMBERS; i++) {
		uint32_t number = (first + i) % NUMBERS;

		if (story->holder[number] != node + 1)
			continue;
		story->holder[number] = 0;
		if (blocks_release(story->blocks[node], &story->space, number,
				   sim_clock(&s->nodes[node])) < 0)
			story->broke = "a number that is held cannot be given back";
		rows_world_remove(s, node, NULL, number);
		return;
	}
}

static void work(struct sim *s, us_t until)
{
	while (s->now < until) {
		uint32_t node = sim_below(s, s->n_nodes);

		if (sim_below(s, 5) < 3)
			take(s, node);
		else
			give_back(s, node);
		sim_run_until(s, s->now + MS(250));
	}
}

/* ---- whether all is well ---------------------------------------------------------- */

static bool rows_are_right(struct sim *s, uint32_t by)
{
	static const struct network_id cluster;
	const struct rows_world *w = s->user;
	const struct story *story = w->user;

	for (uint32_t number = 0; number < NUMBERS; number++)
		for (uint32_t i = 0; i < s->n_nodes; i++)
			if ((rows_find(w->rows[by], &cluster, &s->nodes[i].id, ROW_ENDPOINT,
				       (const uint8_t *)&number, sizeof(number)) != NULL) !=
			    (story->holder[number] == i + 1))
				return false;

	return true;
}

static bool all_equal(struct sim *s)
{
	const struct story *story = story_of(s);

	for (uint32_t i = 1; i < s->n_nodes; i++)
		if (blocks_ledger(story->blocks[i])->marks.root !=
		    blocks_ledger(story->blocks[0])->marks.root)
			return false;

	return rows_world_equal(s) && rows_are_right(s, 0);
}

/* ---- a run -------------------------------------------------------------------- */

static void begin(struct sim *s, struct story *story)
{
	struct rows_world *w = s->user;

	w->user = story;
	story->unplug = s->hooks.unplug;
	story->blocks = calloc(s->n_nodes, sizeof(struct blocks *));
	if (!story->blocks)
		abort();
	s->hooks.plug_in = plug_in;
	s->hooks.unplug = unplug;
	s->hooks.event = on_event;
	sim_start_known(s);
	rows_world_begin(s);
	for (uint32_t i = 0; i < s->n_nodes; i++)
		blocks_begin(story->blocks[i], BLOCKS_SAME_BOOT, sim_clock(&s->nodes[i]));
	if (blocks_found(story->blocks[0], NUMBERS, &story->space, sim_clock(&s->nodes[0]), NULL) <
	    0)
		abort();
	node_arm(&s->nodes[0]);
	sim_run_until(s, SECONDS(5));
}

static int run(struct run *r)
{
	struct story story = { .taken = 0 };
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct rows_world *w = rows_world_new(s, sizes[r->full]);
	us_t healed;

	begin(s, &story);
	work(s, SECONDS(60));
	w->split = true;
	work(s, SECONDS(660));
	w->split = false;
	healed = s->now;
	if (!sim_run_while(s, MS(100), healed + SECONDS(60), all_equal))
		return run_fail(r, s, "60 s after healing: rows %s",
				rows_world_equal(s) ? "are lost, or back, or ledgers differ"
						    : "differ");
	r->metric[TO_EQUAL] = (double)(s->now - healed) / 1e6;
	work(s, s->now + SECONDS(30));
	if (story.broke)
		return run_fail(r, s, "%s", story.broke);
	r->metric[TAKEN] = story.taken;
	r->metric[REFUSED] = story.refused;
	r->metric[MOVED] = blocks_ledger(story.blocks[0])->n;
	rows_world_free(s);
	free(story.blocks);

	return 0;
}

static bool check(const struct results *r, FILE *out)
{
	return check_most(out, "s until all is equal", results_max(r, 0, TO_EQUAL), 10);
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"%u members, %d addresses, four times a second one is taken or given back, and its "
		"row put or removed; the halves do not hear each other for ten minutes. No address "
		"is held twice, no row is lost or back.\n\n"
		"| addresses taken | refused for a moment | links | all equal after healing, s: "
		"median, most |\n|---|---|---|---|\n| %.0f | %.0f | %.0f | %.1f, %.1f |\n\n"
		"Asked for: within 10 s.\n",
		sizes[r->full], NUMBERS, results_mean(r, 0, TAKEN), results_mean(r, 0, REFUSED),
		results_mean(r, 0, MOVED), results_quantile(r, 0, TO_EQUAL, 0.5),
		results_max(r, 0, TO_EQUAL));
}

static struct experiment halves_work = {
	.name = "halves-work",
	.title = "Both halves give out addresses and change rows",
	.metrics = METRICS,
	.points = { 1, 1 },
	.seeds = { 3, 20 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(halves_work)
