/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_names - definitions of a cluster that is in halves, and of one that crashes
 *
 * First one definition, a large one and a key order are told to all.  Then nodes
 * define and remove things, few names in both halves, or while nodes crash, also
 * inside a durable write.  When everything is mended all must have the same
 * definitions, every name must stand for the same one everywhere, what was added
 * and not removed must be there, what was removed must not, and whoever had a
 * name stand for one that lost it must have been told.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/definitions.h"
#include "overlay/keyring.h"
#include "tests/sim/exp.h"

enum {
	SMALL,
	LARGE,
	ORDER,
	TO_EQUAL,
	ADDED,
	REMOVED,
	TWICE,
	STREAM_KB,
	METRICS,
};

static const struct {
	const char *name;
	double loss;
	bool crashes;
	uint32_t nodes[2];
} points[] = {
	{ "halves for 5 minutes", 0, false, { 20, 50 } },
	{ "the same, 1 % loss", 0.01, false, { 20, 50 } },
	{ "the same, 10 % loss", 0.1, false, { 20, 50 } },
	{ "crashes and halves, 1 % loss", 0.01, true, { 8, 8 } },
};

#define FACTS 512
#define NODES 50
#define NAMES 12
#define EPOCH 1700000000 /* seconds since 1970 when a simulation begins */

/* Something that was added, as far as the one who did it was told. */
struct fact {
	struct definition_id id;
	bool removed;
	bool unsure; /* a crash came in between */
};

struct world {
	struct definitions *definitions[NODES];
	struct identity cluster;
	struct key_order order;
	struct fact facts[FACTS];
	uint32_t n_facts, n_removed;
	uint32_t unsure; /* adds in which a node crashed */
	bool split;
	/* What a name stood for at a node before it was mended, and whether it was told of a loss.
	 */
	struct definition_id stood_for[NODES][NAMES];
	bool has_name[NODES][NAMES], was_told[NODES][NAMES];
	struct definition_id awaited; /* by heard_by_all() */
};

static struct world *world_of(struct sim *s)
{
	return s->user;
}

/* Clocks of some seconds of difference. */
static uint64_t wall(struct sim *s, uint32_t node)
{
	return EPOCH + s->now / SECONDS(1) + node * 7 % 5;
}

/* ---- the simulation's hooks ---------------------------------------------------- */

static void plug_in(struct sim *s, struct sim_node *n)
{
	struct world *w = world_of(s);
	struct definitions *d = definitions_new(n->engine);

	if (!d || engine_attach(n->engine, &definitions_ops, d, NULL) < 0)
		abort();
	definitions_set_cluster_key(d, w->cluster.key);
	definitions_set_clock(d, wall(s, n->index), sim_clock(n));
	w->definitions[n->index] = d;
}

static void unplug(struct sim *s, struct sim_node *n)
{
	struct world *w = world_of(s);

	definitions_free(w->definitions[n->index]);
	w->definitions[n->index] = NULL;
}

static double loss(struct sim *s, uint32_t from, uint32_t to)
{
	return world_of(s)->split && from % 2 != to % 2;
}

static unsigned int number_of(const struct definition *of)
{
	return (unsigned int)(of->name[0] - 'a');
}

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct world *w = world_of(s);
	const struct definition *of = ev->more;

	(void)subject;
	if (ev->kind == EVENT_NAME_LOST && w->has_name[n->index][number_of(of)] &&
	    definition_id_equal(&of->id, &w->stood_for[n->index][number_of(of)]))
		w->was_told[n->index][number_of(of)] = true;
}

/* ---- what nodes do --------------------------------------------------------------- */

/* After each call of the experiment's into an engine. */
static void settle_node(struct sim *s, uint32_t node)
{
	if (s->nodes[node].doomed)
		node_bury(&s->nodes[node]);
	else if (s->nodes[node].engine)
		node_arm(&s->nodes[node]);
}

static void name_of(unsigned int number, char ret[2])
{
	ret[0] = (char)('a' + number);
	ret[1] = '\0';
}

/* Return: whether the name was free as far as the node knows. */
static bool add(struct sim *s, uint32_t node, unsigned int number, size_t len)
{
	static const uint8_t body[DEFINITION_BODY_MAX];
	struct world *w = world_of(s);
	struct fact *f = &w->facts[w->n_facts];
	char name[2];
	int r;

	name_of(number, name);
	*f = (struct fact){ .removed = false };
	r = definitions_add(w->definitions[node], DEFINITION_NETWORK, name, body, len, &f->id,
			    sim_clock(&s->nodes[node]), NULL);
	w->n_facts += r == 0;
	w->unsure += r == -EIO;
	/* It is on the disk, and may be lost all the same if its node crashes before it tells. */
	settle_node(s, node);

	return r == 0;
}

static void remove_one(struct sim *s, uint32_t node)
{
	struct world *w = world_of(s);
	struct fact *f;
	int r;

	if (w->n_facts == 0)
		return;
	f = &w->facts[sim_below(s, w->n_facts)];
	r = definitions_remove(w->definitions[node], &f->id, sim_clock(&s->nodes[node]), NULL);
	w->n_removed += r == 0 && !f->removed;
	f->removed |= r == 0;
	f->unsure |= r == -EIO;
	settle_node(s, node);
}

static void start(struct sim *s, uint32_t node)
{
	sim_start(s, node);
	sim_join(s, node, (node + 1) % s->n_nodes);
}

static void step(struct sim *s, bool crashes)
{
	struct world *w = world_of(s);
	uint32_t node = sim_below(s, s->n_nodes), what = sim_below(s, 100);

	if (!sim_is_up(s, node))
		start(s, node);
	else if (crashes && what < 10)
		sim_crash(s, node);
	else if (crashes && what < 30)
		sim_crash_in_write(s, node, 1 + sim_below(s, 3));
	else if (crashes && what < 35)
		w->split = !w->split;
	else if (what < 70 && w->n_facts < FACTS)
		(void)add(s, node, sim_below(s, NAMES),
			  sim_below(s, 4) ? 200 : sim_below(s, DEFINITION_BODY_MAX));
	else
		remove_one(s, node);
}

static void act(struct sim *s, us_t until, us_t gap, bool crashes)
{
	while (s->now < until) {
		step(s, crashes);
		sim_run_until(s, s->now + MS(sim_below(s, (uint32_t)(gap / 1000))));
	}
}

/* ---- one thing to all -------------------------------------------------------------- */

static bool heard_by_all(struct sim *s)
{
	const struct world *w = world_of(s);
	struct definition of;

	for (uint32_t i = 0; i < s->n_nodes; i++)
		if (!definitions_find(w->definitions[i], &w->awaited, &of))
			return false;

	return true;
}

/* Milliseconds, or below 0. */
static double time_to_all(struct sim *s)
{
	us_t since = s->now;

	if (!sim_run_while(s, MS(1), since + SECONDS(10), heard_by_all))
		return -1;

	return (double)(s->now - since) / 1000;
}

static double tell_network(struct sim *s, unsigned int number, size_t len)
{
	struct world *w = world_of(s);
	uint32_t node = sim_below(s, s->n_nodes);

	if (!add(s, node, number, len))
		return -1;
	w->awaited = w->facts[w->n_facts - 1].id;

	return time_to_all(s);
}

static double tell_order(struct sim *s)
{
	struct world *w = world_of(s);
	uint32_t node = sim_below(s, s->n_nodes);
	uint8_t bytes[KEY_ORDER_LEN];
	uint8_t key[FRAME_KEY_LEN] = { 1 };

	if (w->order.number == 0)
		key_order_first(&w->order, &w->cluster, key);
	else if (key_order_use(&w->order, &w->cluster, key_id(key), &w->order, NULL) < 0)
		return -1;
	key_order_encode(&w->order, bytes);
	if (definitions_add(w->definitions[node], DEFINITION_KEY_ORDER, NULL, bytes, sizeof(bytes),
			    &w->awaited, sim_clock(&s->nodes[node]), NULL) < 0)
		return -1;
	settle_node(s, node);

	return time_to_all(s);
}

/* ---- what must be true in the end ----------------------------------------------------- */

static bool all_equal(struct sim *s)
{
	const struct world *w = world_of(s);

	for (uint32_t i = 1; i < s->n_nodes; i++)
		if (definitions_root(w->definitions[i]) != definitions_root(w->definitions[0]))
			return false;

	return true;
}

static const char *check_facts(struct sim *s)
{
	const struct world *w = world_of(s);
	uint32_t live = 0;

	for (uint32_t i = 0; i < w->n_facts; i++) {
		const struct fact *f = &w->facts[i];
		struct definition of;
		bool there = definitions_find(w->definitions[0], &f->id, &of);

		live += there;
		if (there && f->removed)
			return "a definition that was removed is there";
		if (!there && !f->removed && !f->unsure)
			return "a definition is gone that nobody has removed";
	}
	/* The key order, and what a node may have written when it crashed, are no facts. */
	if (definitions_counters(w->definitions[0])->live > live + 1 + w->unsure)
		return "there are definitions that nobody has made";

	return NULL;
}

static const char *check_names(struct sim *s)
{
	const struct world *w = world_of(s);

	for (unsigned int n = 0; n < NAMES; n++) {
		struct definition first = { .kind = 0 }, of = { .kind = 0 };
		char name[2];

		name_of(n, name);
		(void)definitions_named(w->definitions[0], DEFINITION_NETWORK, name, &first);
		for (uint32_t i = 0; i < s->n_nodes; i++) {
			const struct definition_id *was = &w->stood_for[i][n];

			(void)definitions_named(w->definitions[i], DEFINITION_NETWORK, name, &of);
			if (!definition_id_equal(&first.id, &of.id))
				return "a name stands for two definitions";
			if (w->has_name[i][n] && !definition_id_equal(was, &of.id) &&
			    definitions_find(w->definitions[i], was, &of) && !w->was_told[i][n])
				return "a node was not told that a name was lost";
		}
	}

	return NULL;
}

static void note_names(struct sim *s)
{
	struct world *w = world_of(s);

	for (uint32_t i = 0; i < s->n_nodes; i++)
		for (unsigned int n = 0; n < NAMES && w->definitions[i]; n++) {
			struct definition of;
			char name[2];

			name_of(n, name);
			w->has_name[i][n] =
				definitions_named(w->definitions[i], DEFINITION_NETWORK, name, &of);
			if (w->has_name[i][n])
				w->stood_for[i][n] = of.id;
		}
}

/* Everybody runs, and nothing is cut; who has just started has nothing to be told of. */
static void mend(struct sim *s)
{
	note_names(s);
	world_of(s)->split = false;
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		s->nodes[i].crash_in = 0;
		if (!sim_is_up(s, i))
			start(s, i);
	}
}

static unsigned int names_twice(struct sim *s)
{
	const struct world *w = world_of(s);
	unsigned int losers = 0;

	for (uint32_t i = 0; i < w->n_facts; i++) {
		struct definition of;

		losers += definitions_find(w->definitions[0], &w->facts[i].id, &of) && !of.wins;
	}

	return losers;
}

/* ---- a run ---------------------------------------------------------------------------- */

static const char *tell_all(struct run *r, struct sim *s)
{
	r->metric[SMALL] = tell_network(s, 0, 200);
	r->metric[LARGE] = tell_network(s, 1, DEFINITION_BODY_MAX);
	r->metric[ORDER] = tell_order(s);
	if (r->metric[SMALL] < 0 || r->metric[LARGE] < 0 || r->metric[ORDER] < 0)
		return "a definition is not with everybody after 10 s";
	if (tell_order(s) < 0)
		return "a second order is not with everybody after 10 s";

	return NULL;
}

static const char *go_through(struct run *r, struct sim *s)
{
	struct world *w = world_of(s);
	bool crashes = points[r->point].crashes;
	const char *bad = tell_all(r, s);
	us_t mended;
	uint64_t before;

	if (bad)
		return bad;
	w->split = true;
	act(s, s->now + SECONDS(300), crashes ? SECONDS(2) : SECONDS(10), crashes);
	mend(s);
	mended = s->now;
	before = sim_traffic(s).stream_out;
	if (!sim_run_while(s, MS(100), mended + SECONDS(60), all_equal))
		return "definitions differ 60 s after everything was mended";
	r->metric[TO_EQUAL] = (double)(s->now - mended) / 1e6;
	r->metric[STREAM_KB] = (double)(sim_traffic(s).stream_out - before) / 1e3 / s->n_nodes;
	r->metric[ADDED] = w->n_facts;
	r->metric[REMOVED] = w->n_removed;
	r->metric[TWICE] = names_twice(s);
	bad = check_facts(s);

	return bad ? bad : check_names(s);
}

static int run(struct run *r)
{
	struct net net = net_lan;
	struct world *w = calloc(1, sizeof(*w));
	struct sim *s;
	const char *bad;

	if (!w || sodium_init() < 0)
		abort();
	net.loss = points[r->point].loss;
	identity_init(&w->cluster, (const uint8_t[IDENTITY_SEED_LEN]){ 1 });
	s = sim_new(r->seed, NULL, &net);
	s->user = w;
	s->keep_members = points[r->point].crashes;
	s->hooks = (struct sim_hooks){
		.plug_in = plug_in, .unplug = unplug, .loss = loss, .event = on_event
	};
	sim_add(s, points[r->point].nodes[r->full]);
	sim_start_known(s);
	sim_run_until(s, SECONDS(5));
	bad = go_through(r, s);
	if (bad)
		return run_fail(r, s, "%s", bad);
	sim_free(s);
	free(w);

	return 0;
}

static bool check(const struct results *r, FILE *out)
{
	bool good = true;

	for (unsigned int p = 0; p < r->points; p++) {
		good &= check_most(out, "s until definitions are equal",
				   results_max(r, p, TO_EQUAL), 10);
		good &= check_most(out, "ms of a small definition to all", results_max(r, p, SMALL),
				   points[p].loss > 0 ? 5000 : 1000);
	}

	return good;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"One definition to all, ms, median and most: a network with a body of 200 bytes, "
		"one of %d, a key order.\n\n"
		"| | members | small | large | order |\n|---|---|---|---|---|\n",
		DEFINITION_BODY_MAX);
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %u | %.0f, %.0f | %.0f, %.0f | %.0f, %.0f |\n", points[p].name,
			points[p].nodes[r->full], results_quantile(r, p, SMALL, 0.5),
			results_max(r, p, SMALL), results_quantile(r, p, LARGE, 0.5),
			results_max(r, p, LARGE), results_quantile(r, p, ORDER, 0.5),
			results_max(r, p, ORDER));
	fprintf(md,
		"\nThen %d names are defined and removed for five minutes.  When all is mended "
		"nothing is lost, nothing that was removed comes back, each name stands for one "
		"definition everywhere, and whoever thought of another one was told.  Medians, and "
		"the most of seconds; losers are definitions whose name went to another.\n\n"
		"| | added | removed | losers | s until all are equal | streams, kB a member |\n"
		"|---|---|---|---|---|---|\n",
		NAMES);
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %.0f | %.0f | %.0f | %.1f, %.1f | %.1f |\n", points[p].name,
			results_quantile(r, p, ADDED, 0.5), results_quantile(r, p, REMOVED, 0.5),
			results_quantile(r, p, TWICE, 0.5), results_quantile(r, p, TO_EQUAL, 0.5),
			results_max(r, p, TO_EQUAL), results_mean(r, p, STREAM_KB));
}

static struct experiment names = {
	.name = "names",
	.title = "Definitions and names",
	.metrics = METRICS,
	.points = { 4, 4 },
	.seeds = { 3, 100 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(names)
