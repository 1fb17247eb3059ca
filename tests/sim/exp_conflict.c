/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_conflict - what blocks cannot make safe is seen, and settled in one way
 *
 * Two orders of an operator's that take a number for nobody's while somebody has
 * it: to forget a node that is only cut off, and to run one alone whose disk is
 * an old backup.  Both sides go on giving out numbers.  When they meet, each
 * number must be left to one holder, the same in everybody's ledger, and the
 * other one told, within ten seconds.
 */
#include <math.h>
#include <stdlib.h>

#include "overlay/blocks.h"
#include "tests/sim/exp.h"

#define NODES	5
#define NUMBERS 64
#define LIMIT	SECONDS(10)

enum { TWICE, TOLD, SETTLED, METRICS };
enum { FORGOTTEN_ALIVE, BACKUP_ALONE, POINTS };

static const char *const stories[POINTS] = {
	[FORGOTTEN_ALIVE] = "a node is forgotten while it is cut off",
	[BACKUP_ALONE] = "an old backup runs alone",
};

struct world {
	struct blocks *blocks[NODES];
	struct link_id space;
	uint8_t held[NUMBERS]; /* a bit for each node */
	uint32_t apart;	       /* the node that is cut off, NODES: none */
	unsigned int told;
	bool gone; /* the one apart knows that it was forgotten */
};

static void plug_in(struct sim *s, struct sim_node *n)
{
	struct world *w = s->user;

	w->blocks[n->index] = blocks_new(n->engine);
	if (!w->blocks[n->index] ||
	    engine_attach(n->engine, &blocks_ops, w->blocks[n->index], NULL) < 0)
		abort();
}

static void unplug(struct sim *s, struct sim_node *n)
{
	struct world *w = s->user;

	blocks_free(w->blocks[n->index]);
	w->blocks[n->index] = NULL;
}

static double loss(struct sim *s, uint32_t from, uint32_t to)
{
	const struct world *w = s->user;

	return w->apart < NODES && (from == w->apart) != (to == w->apart);
}

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct world *w = s->user;
	const struct block_event *more = ev->more;

	(void)subject;
	w->gone |= ev->kind == EVENT_FORGOTTEN;
	if (ev->kind != EVENT_BLOCK_LOST)
		return;
	w->told++;
	w->held[more->run.first] &= (uint8_t) ~(1U << n->index);
}

static void start(struct sim *s, uint32_t node, enum blocks_start how)
{
	struct world *w = s->user;

	sim_start(s, node);
	if (node > 0)
		sim_join(s, node, 0);
	blocks_begin(w->blocks[node], how, sim_clock(&s->nodes[node]));
	node_arm(&s->nodes[node]);
}

/* Numbers for a node, until it has none left or @n are taken. */
static void take(struct sim *s, uint32_t node, unsigned int n)
{
	struct world *w = s->user;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t number = 0;

		if (blocks_take(w->blocks[node], &w->space, &number, sim_clock(&s->nodes[node]),
				NULL) == 0)
			w->held[number] |= (uint8_t)(1U << node);
		node_arm(&s->nodes[node]);
		sim_run_until(s, s->now + MS(50));
	}
}

static unsigned int held_twice(const struct world *w)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < NUMBERS; i++)
		n += (w->held[i] & (w->held[i] - 1)) != 0;

	return n;
}

static bool settled(struct sim *s)
{
	const struct world *w = s->user;

	if (held_twice(w) > 0)
		return false;
	for (uint32_t i = 1; i < NODES; i++)
		if (blocks_ledger(w->blocks[i])->marks.root !=
		    blocks_ledger(w->blocks[0])->marks.root)
			return false;

	return true;
}

static void begin(struct sim *s, struct world *w)
{
	s->user = w;
	s->keep_members = true;
	s->hooks.plug_in = plug_in;
	s->hooks.unplug = unplug;
	s->hooks.loss = loss;
	s->hooks.event = on_event;
	w->apart = NODES;
	sim_add(s, NODES + 1);
	for (uint32_t i = 0; i < NODES; i++) {
		start(s, i, BLOCKS_SAME_BOOT);
		sim_run_until(s, s->now + SECONDS(1));
	}
	if (blocks_found(w->blocks[1], NUMBERS, &w->space, sim_clock(&s->nodes[1]), NULL) < 0)
		abort();
	node_arm(&s->nodes[1]);
	sim_run_until(s, s->now + SECONDS(2));
}

/* Node 4 is forgotten by node 0, while it lives on the other side of a cut. */
static void forget_alive(struct sim *s, struct world *w)
{
	for (uint32_t i = 0; i < NODES; i++)
		take(s, i, 2);
	w->apart = 4;
	sim_run_until(s, s->now + SECONDS(40));
	(void)blocks_forget(w->blocks[0], &s->nodes[4].id, sim_clock(&s->nodes[0]), NULL);
	node_arm(&s->nodes[0]);
	sim_run_until(s, s->now + SECONDS(5));
	take(s, 4, NUMBERS);
	take(s, 0, NUMBERS);
}

/* Node 1, which gave most of its space away, comes back as it was before, alone. */
static void run_backup_alone(struct sim *s, struct world *w)
{
	sim_copy_disk(s, 1, NODES);
	for (uint32_t i = 0; i < NODES; i++)
		take(s, i, 3);
	for (unsigned int i = 0; i < NUMBERS; i++)
		w->held[i] &= (uint8_t) ~(1U << 1); /* its containers do not survive the reboot */
	sim_crash(s, 1);
	sim_copy_disk(s, NODES, 1);
	w->apart = 1;
	start(s, 1, BLOCKS_ALONE);
	take(s, 1, NUMBERS);
	sim_run_until(s, s->now + SECONDS(30));
}

static int run(struct run *r)
{
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct world w = { .apart = NODES };
	us_t healed;

	begin(s, &w);
	(r->point == FORGOTTEN_ALIVE ? forget_alive : run_backup_alone)(s, &w);
	r->metric[TWICE] = held_twice(&w);
	if (held_twice(&w) == 0)
		return run_fail(r, s, "nothing was held twice, which is what this is about");
	w.apart = NODES;
	healed = s->now;
	if (!sim_run_while(s, MS(100), healed + LIMIT, settled))
		return run_fail(r, s, "%u numbers are held twice 10 s after healing",
				held_twice(&w));
	if (r->point == FORGOTTEN_ALIVE && !w.gone)
		return run_fail(r, s, "who was forgotten does not know it");
	r->metric[TOLD] = w.told;
	r->metric[SETTLED] = (double)(s->now - healed) / 1e6;
	sim_free(s);

	return 0;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md, "| story | numbers held twice | holders told | seconds until one holder is "
		    "left and "
		    "all ledgers are equal: median, most |\n|---|---|---|---|\n");
	for (unsigned int p = 0; p < r->points && p < POINTS; p++)
		fprintf(md, "| %s | %.0f | %.0f | %.1f, %.1f |\n", stories[p],
			results_quantile(r, p, TWICE, 0.5), results_quantile(r, p, TOLD, 0.5),
			results_quantile(r, p, SETTLED, 0.5), results_max(r, p, SETTLED));
}

static struct experiment conflict = {
	.name = "conflict",
	.title = "Blocks: what cannot be made safe is settled",
	.metrics = METRICS,
	.points = { POINTS, POINTS },
	.seeds = { 5, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(conflict)
