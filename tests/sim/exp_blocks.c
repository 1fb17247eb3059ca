/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_blocks - random histories of nodes that give out addresses
 *
 * Each seed is one history: nodes take and release numbers of a small space
 * while they crash, in the middle of a write too, are rebooted, restored from
 * backups, cut off from each other, die for good and are forgotten.  No number
 * may ever be held by two nodes or taken from who holds it, and in the end all
 * nodes that live agree on who owns what.
 *
 * Numbers are frozen, without being held twice, when a backup brings back what
 * only the dead knew otherwise: a gift to a node that is forgotten by now, out
 * of a range that its heir has.  Such histories are counted.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "overlay/blocks.h"
#include "tests/sim/exp.h"

#define NODES	5
#define NUMBERS 48
#define STEPS	120
#define GONE	2 /* nodes that may die for good */

enum { TAKEN, REFUSED, LINKS, FORGETS, ALARMS, TO_AGREE, METRICS };

enum condition { UP, DOWN, REBOOTED, DEAD };

struct host {
	struct blocks *blocks;
	enum condition condition; /* DOWN and REBOOTED: how it will start again */
	bool forgotten;		  /* somebody has been told to */
	bool has_backup;
	bool overtaken;	     /* others know a later generation: an old backup was restored */
	uint32_t generation; /* the latest that it ever ran in */
	uint8_t side;
};

struct world {
	struct host hosts[NODES];
	struct link_id space;
	uint8_t holder[NUMBERS]; /* node and 1 */
	bool split;
	const char *broke; /* NULL: nothing */
	unsigned int taken, refused, alarms;
};

/* ---- the simulation's hooks ---------------------------------------------------------- */

static struct host *host_of(struct sim *s, uint32_t node)
{
	return &((struct world *)s->user)->hosts[node];
}

static void plug_in(struct sim *s, struct sim_node *n)
{
	struct host *h = host_of(s, n->index);

	h->blocks = blocks_new(n->engine);
	if (!h->blocks || engine_attach(n->engine, &blocks_ops, h->blocks, NULL) < 0)
		abort();
}

static void unplug(struct sim *s, struct sim_node *n)
{
	struct host *h = host_of(s, n->index);

	/* Who was not ready when it stopped is not when it comes back. */
	if (h->condition == UP)
		h->condition = blocks_ready(h->blocks) ? DOWN : REBOOTED;
	blocks_free(h->blocks);
	h->blocks = NULL;
}

static double loss(struct sim *s, uint32_t from, uint32_t to)
{
	const struct world *w = s->user;

	return w->split && w->hosts[from].side != w->hosts[to].side;
}

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct world *w = s->user;

	(void)subject;
	w->hosts[n->index].overtaken |= ev->kind == EVENT_ID_TAKEN;
	if (ev->kind == EVENT_BLOCK_LOST)
		w->broke = "a node lost a number that it gave to somebody";
	else if (ev->kind == EVENT_BLOCK_FROZEN)
		w->alarms++;
	else if (ev->kind == EVENT_FORGOTTEN)
		w->broke = "a node that lives was forgotten";
}

/* ---- what happens to a node ---------------------------------------------------------- */

static void drop_holdings(struct world *w, uint32_t node)
{
	for (unsigned int i = 0; i < NUMBERS; i++)
		if (w->holder[i] == node + 1)
			w->holder[i] = 0;
}

static void stop(struct sim *s, uint32_t node, enum condition as)
{
	struct host *h = host_of(s, node);

	if (h->condition == UP)
		sim_crash(s, node);
	if (h->condition == DOWN || as == DEAD)
		h->condition = as;
	if (h->condition != DOWN)
		drop_holdings(s->user, node);
}

static uint32_t any_up(struct sim *s)
{
	uint32_t first = sim_below(s, NODES);

	for (uint32_t i = 0; i < NODES; i++)
		if (host_of(s, (first + i) % NODES)->condition == UP)
			return (first + i) % NODES;

	return NODES;
}

/* By any of those that run: two that come at once by each other's address are an island. */
static void join(struct sim *s, uint32_t node)
{
	struct node_addr seeds[NODES];
	size_t n = 0;

	for (uint32_t i = 0; i < NODES; i++)
		if (i != node && host_of(s, i)->condition == UP)
			seeds[n++] = s->nodes[i].self.addr;
	engine_join(s->nodes[node].engine, seeds, n, sim_clock(&s->nodes[node]));
}

static void start(struct sim *s, uint32_t node)
{
	struct world *w = s->user;
	struct host *h = &w->hosts[node];
	enum condition was = h->condition;

	h->condition = UP;
	sim_start(s, node);
	h->overtaken = false;
	if (s->nodes[node].self.generation > h->generation)
		h->generation = s->nodes[node].self.generation;
	join(s, node);
	blocks_begin(h->blocks, was == REBOOTED ? BLOCKS_REBOOT : BLOCKS_SAME_BOOT,
		     sim_clock(&s->nodes[node]));
	for (unsigned int i = 0; i < NUMBERS; i++)
		if (w->holder[i] == node + 1 && blocks_hold(h->blocks, &w->space, i, NULL) < 0)
			w->broke = "a number that is in use was not there any more after a restart";
	node_arm(&s->nodes[node]);
}

/* After each call of the experiment's into an engine. */
static void settle_node(struct sim *s, uint32_t node)
{
	if (s->nodes[node].doomed)
		node_bury(&s->nodes[node]);
	else if (s->nodes[node].engine)
		node_arm(&s->nodes[node]);
}

/* Who is told that its generation is an old one starts again in a later one. */
static void catch_up(struct sim *s)
{
	for (uint32_t i = 0; i < NODES; i++) {
		struct host *h = host_of(s, i);

		if (h->condition != UP || !h->overtaken)
			continue;
		stop(s, i, REBOOTED);
		s->nodes[i].self.generation = h->generation;
		start(s, i);
	}
}

/* ---- steps --------------------------------------------------------------------------- */

static void take(struct sim *s, uint32_t node)
{
	struct world *w = s->user;
	bool exact = sim_below(s, 4) == 0;
	uint64_t number = sim_below(s, NUMBERS);
	ms_t now = sim_clock(&s->nodes[node]);
	int r = exact ? blocks_take_exact(w->hosts[node].blocks, &w->space, number, now, NULL)
		      : blocks_take(w->hosts[node].blocks, &w->space, &number, now, NULL);

	if (r < 0) {
		w->refused++;
	} else {
		w->taken++;
		if (w->holder[number])
			w->broke = "a number was given twice";
		w->holder[number] = (uint8_t)(node + 1);
	}
	settle_node(s, node);
}

static void release(struct sim *s, uint32_t node)
{
	struct world *w = s->user;
	unsigned int first = sim_below(s, NUMBERS);

	for (unsigned int i = 0; i < NUMBERS; i++) {
		unsigned int number = (first + i) % NUMBERS;

		if (w->holder[number] != node + 1)
			continue;
		w->holder[number] = 0;
		if (blocks_release(w->hosts[node].blocks, &w->space, number,
				   sim_clock(&s->nodes[node])) < 0)
			w->broke = "a number that is in use cannot be released";
		return;
	}
}

static void forget_somebody(struct sim *s, uint32_t issuer)
{
	struct world *w = s->user;

	for (uint32_t i = 0; i < NODES; i++) {
		if (w->hosts[i].condition != DEAD || (w->hosts[i].forgotten && sim_below(s, 2)))
			continue;
		if (blocks_forget(w->hosts[issuer].blocks, &s->nodes[i].id,
				  sim_clock(&s->nodes[issuer]), NULL) == 0)
			w->hosts[i].forgotten = true;
		settle_node(s, issuer);
		return;
	}
}

static void die(struct sim *s, uint32_t node)
{
	unsigned int dead = 0;

	for (uint32_t i = 0; i < NODES; i++)
		dead += host_of(s, i)->condition == DEAD;
	if (dead < GONE)
		stop(s, node, DEAD);
}

/* The node's disk as it is now; disks of nodes that never run hold it. */
static void back_up(struct sim *s, uint32_t node)
{
	sim_copy_disk(s, node, NODES + node);
	host_of(s, node)->has_backup = true;
}

static void restore_backup(struct sim *s, uint32_t node)
{
	if (!host_of(s, node)->has_backup)
		return;
	stop(s, node, REBOOTED);
	sim_copy_disk(s, NODES + node, node);
}

static void cut_or_heal(struct sim *s)
{
	struct world *w = s->user;

	w->split = !w->split;
	for (uint32_t i = 0; i < NODES; i++)
		w->hosts[i].side = (uint8_t)sim_below(s, 2);
}

static void step_of_node(struct sim *s, uint32_t node)
{
	uint32_t what = sim_below(s, 100);

	if (what < 50)
		take(s, node);
	else if (what < 68)
		release(s, node);
	else if (what < 76)
		forget_somebody(s, node);
	else if (what < 82)
		stop(s, node, DOWN);
	else if (what < 87)
		stop(s, node, REBOOTED);
	else if (what < 89)
		die(s, node);
	else if (what < 92)
		back_up(s, node);
	else if (what < 94)
		restore_backup(s, node);
	else
		sim_crash_in_write(s, node, 1 + sim_below(s, 6));
}

static void step(struct sim *s)
{
	uint32_t node = sim_below(s, NODES);

	catch_up(s);
	if (sim_below(s, 20) == 0)
		cut_or_heal(s);
	else if (host_of(s, node)->condition == UP)
		step_of_node(s, node);
	else if (host_of(s, node)->condition != DEAD && sim_below(s, 2))
		start(s, node);
	sim_run_until(s, s->now + MS(sim_below(s, sim_below(s, 4) ? 400 : 8000)));
}

/* ---- the end ------------------------------------------------------------------------- */

static bool agreed(struct sim *s)
{
	const struct ledger *first = NULL;

	for (uint32_t i = 0; i < NODES; i++) {
		struct host *h = host_of(s, i);

		if (h->condition == DEAD)
			continue;
		if (h->condition != UP || !blocks_ready(h->blocks))
			return false;
		if (!first)
			first = blocks_ledger(h->blocks);
		if (blocks_ledger(h->blocks)->marks.root != first->marks.root)
			return false;
	}

	return true;
}

/* As an operator does, again and again, while the dead are in the way. */
static void forget_dead(struct sim *s)
{
	struct world *w = s->user;

	for (uint32_t i = 0; i < NODES; i++) {
		uint32_t issuer = any_up(s);

		if (w->hosts[i].condition != DEAD)
			continue;
		if (blocks_forget(w->hosts[issuer].blocks, &s->nodes[i].id,
				  sim_clock(&s->nodes[issuer]), NULL) == 0)
			w->hosts[i].forgotten = true;
		settle_node(s, issuer);
	}
}

/* Everyone is up, and nothing is cut. */
static void mend(struct sim *s)
{
	struct world *w = s->user;

	w->split = false;
	for (uint32_t i = 0; i < NODES; i++) {
		s->nodes[i].crash_in = 0;
		if (w->hosts[i].condition == DOWN || w->hosts[i].condition == REBOOTED)
			start(s, i);
	}
}

/* In the end every number is somebody's who lives. */
static bool all_owned(struct sim *s)
{
	struct world *w = s->user;
	const struct titles *t = ledger_space(blocks_ledger(w->hosts[any_up(s)].blocks), &w->space);

	for (uint64_t i = 0; t && i < NUMBERS; i++)
		for (uint32_t n = 0; n < NODES; n++)
			if (w->hosts[n].condition == DEAD &&
			    node_id_equal(title_owner(titles_at(t, i)), &s->nodes[n].id))
				return false;

	return true; /* also of a space that died with the only one who knew of it */
}

static bool finished(struct sim *s)
{
	catch_up(s);

	return agreed(s) && all_owned(s);
}

static bool come_to_an_end(struct sim *s)
{
	for (unsigned int i = 0; i < 12; i++) {
		if (sim_run_while(s, MS(100), s->now + SECONDS(5), finished))
			return true;
		forget_dead(s);
	}

	return false;
}

static void set_up(struct sim *s, struct world *w)
{
	s->user = w;
	s->keep_members = true;
	s->hooks.plug_in = plug_in;
	s->hooks.unplug = unplug;
	s->hooks.loss = loss;
	s->hooks.event = on_event;
	sim_add(s, 2 * NODES);
	for (uint32_t i = 0; i < NODES; i++) {
		w->hosts[i].condition = DOWN;
		start(s, i);
		sim_run_until(s, s->now + SECONDS(1));
	}
	if (blocks_found(w->hosts[0].blocks, NUMBERS, &w->space, sim_clock(&s->nodes[0]), NULL) < 0)
		abort();
	settle_node(s, 0);
	sim_run_until(s, s->now + SECONDS(3));
}

static void measure(struct run *r, struct sim *s, us_t mended)
{
	const struct world *w = s->user;
	const struct ledger *l = blocks_ledger(w->hosts[any_up(s)].blocks);

	r->metric[TAKEN] = w->taken;
	r->metric[REFUSED] = w->refused;
	r->metric[LINKS] = l->n - l->n_forgets;
	r->metric[FORGETS] = l->n_forgets;
	r->metric[ALARMS] = w->alarms > 0;
	r->metric[TO_AGREE] = (double)(s->now - mended) / 1e6;
}

static int run(struct run *r)
{
	struct net net = net_lan;
	struct world w = { .broke = NULL };
	struct sim *s;
	us_t mended;

	net.loss = 0.02;
	net.duplicate = 0.01;
	net.jitter = MS(20);
	s = sim_new(r->seed, NULL, &net);
	set_up(s, &w);
	for (unsigned int i = 0; i < STEPS && !w.broke; i++)
		step(s);
	mended = s->now;
	if (!w.broke)
		mend(s);
	if (!w.broke && !come_to_an_end(s) && !w.broke)
		w.broke = "nodes do not agree 60 s after everything was mended";
	if (w.broke)
		return run_fail(r, s, "%s", w.broke);
	measure(r, s, mended);
	sim_free(s);

	return 0;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"%u histories of %d steps, %d nodes and %d numbers, with 2 %% loss: no number was "
		"given twice or lost, and all agreed in the end.  In %.0f of them a backup "
		"brought back a gift that only the dead had known of, which froze numbers.\n\n"
		"| a history has | median | most |\n|---|---|---|\n"
		"| numbers taken | %.0f | %.0f |\n| refusals | %.0f | %.0f |\n"
		"| links | %.0f | %.0f |\n| forgets | %.0f | %.0f |\n"
		"| seconds until all agree | %.1f | %.1f |\n",
		r->seeds, STEPS, NODES, NUMBERS, results_sum(r, 0, ALARMS),
		results_quantile(r, 0, TAKEN, 0.5), results_max(r, 0, TAKEN),
		results_quantile(r, 0, REFUSED, 0.5), results_max(r, 0, REFUSED),
		results_quantile(r, 0, LINKS, 0.5), results_max(r, 0, LINKS),
		results_quantile(r, 0, FORGETS, 0.5), results_max(r, 0, FORGETS),
		results_quantile(r, 0, TO_AGREE, 0.5), results_max(r, 0, TO_AGREE));
}

static struct experiment blocks = {
	.name = "blocks",
	.title = "Blocks: random histories",
	.metrics = METRICS,
	.points = { 1, 1 },
	.seeds = { 300, 10000 },
	.run = run,
	.report = report,
};
EXPERIMENT(blocks)
