/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_rows_heal - what a cluster has to get over, while all change rows
 *
 * Halves that do not hear each other for ten minutes, nodes that are cut off for
 * 30 s, one that starts five times in a row, a random history of all of it with
 * loss, duplicates and reordering, and all that lose power at once.  In the end all
 * have the same rows, and every row that its owner put and did not remove is among
 * them.
 */
#include <stdlib.h>

#include "overlay/members.h"
#include "tests/sim/exp.h"
#include "tests/sim/rows_world.h"

enum { TO_EQUAL, TO_ALIVE, CHANGES, STREAM_KB, METRICS };

enum trouble { HALVES, CUT_OFF, RESTARTS, HISTORY, POWER, POWER_AT_WORK };

static const struct {
	const char *name;
	enum trouble trouble;
	uint32_t nodes[2];
} points[] = {
	{ "halves for 10 minutes", HALVES, { 30, 100 } },
	{ "one in three cut off for 30 s", CUT_OFF, { 30, 100 } },
	{ "five quick restarts", RESTARTS, { 30, 100 } },
	{ "a random history", HISTORY, { 8, 8 } },
	{ "all lose power, a second after all is quiet", POWER, { 30, 100 } },
	{ "all lose power at work, and each says what it has", POWER_AT_WORK, { 30, 100 } },
};

#define KEYS  12
#define VALUE 100

/* What owners have said and not taken back, by node and key. */
struct story {
	bool *has;
	uint32_t changes;
	us_t cut_until; /* of who is cut off: every third */
	us_t alive_at;	/* when everybody was alive to everybody again; 0: not yet */
	bool lost;	/* who started alone did not have all rows */
};

static bool *has(struct sim *s, uint32_t node, uint32_t key)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	return &story->has[node * KEYS + key];
}

static const struct network_id *network_of(uint32_t key)
{
	return key % 2 ? &rows_world_network : NULL;
}

static void change(struct sim *s, uint32_t node, uint32_t key)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	if (!sim_is_up(s, node))
		return;
	story->changes++;
	if (*has(s, node, key) && sim_below(s, 3) == 0) {
		rows_world_remove(s, node, network_of(key), key);
		*has(s, node, key) = false;
	} else {
		rows_world_put(s, node, network_of(key), key, VALUE);
		*has(s, node, key) = true;
	}
}

static void change_some(struct sim *s, us_t until, us_t each)
{
	while (s->now < until) {
		change(s, sim_below(s, s->n_nodes), sim_below(s, KEYS));
		sim_run_until(s, s->now + each);
	}
}

static double cut_loss(struct sim *s, uint32_t from, uint32_t to)
{
	const struct rows_world *w = s->user;
	const struct story *story = w->user;

	if (w->split && from % 2 != to % 2)
		return 1;

	return s->now < story->cut_until && (from % 3 == 0) != (to % 3 == 0);
}

/* Every row of an owner is with everybody, and no other row of it is. */
static bool is_seen(struct sim *s, uint32_t by, uint32_t owner, uint32_t key)
{
	static const struct network_id cluster;
	const struct rows_world *w = s->user;
	const struct network_id *network = network_of(key);

	return rows_find(w->rows[by], network ? network : &cluster, &s->nodes[owner].id,
			 ROW_ENDPOINT, (const uint8_t *)&key, sizeof(key)) != NULL;
}

static bool sees_all(struct sim *s, uint32_t by)
{
	for (uint32_t i = 0; i < s->n_nodes * KEYS; i++)
		if (is_seen(s, by, i / KEYS, i % KEYS) != *has(s, i / KEYS, i % KEYS))
			return false;

	return true;
}

static bool all_seen(struct sim *s)
{
	for (uint32_t by = 0; by < s->n_nodes; by++)
		if (!sees_all(s, by))
			return false;

	return true;
}

static bool all_alive(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_nodes; i++)
		if (members_alive(engine_members(s->nodes[i].engine)) != s->n_nodes)
			return false;

	return true;
}

static bool healed(struct sim *s)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	if (story->alive_at == 0 && all_alive(s))
		story->alive_at = s->now;

	return story->alive_at != 0 && rows_world_equal(s) && all_seen(s);
}

/* ---- troubles -------------------------------------------------------------- */

static void halves(struct sim *s)
{
	struct rows_world *w = s->user;

	w->split = true;
	change_some(s, s->now + SECONDS(600), MS(500));
	w->split = false;
}

static void cut_off(struct sim *s)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	story->cut_until = s->now + SECONDS(30);
	change_some(s, story->cut_until, MS(100));
}

static void restart(struct sim *s, uint32_t node)
{
	sim_crash(s, node);
	sim_run_until(s, s->now + MS(50));
	rows_world_start(s, node);
	sim_join(s, node, (node + 1) % s->n_nodes);
}

/* What a node said last may not have left it: the others change rows, it starts and starts. */
static void restarts(struct sim *s)
{
	uint32_t node = 1 + sim_below(s, s->n_nodes - 2);

	sim_run_until(s, s->now + SECONDS(2));
	for (unsigned int i = 0; i < 5; i++) {
		restart(s, node);
		change(s, node - 1, sim_below(s, KEYS));
		sim_run_until(s, s->now + MS(200) + sim_below(s, SECONDS(2)));
	}
	change(s, node, 0);
}

static void settle(struct sim *s)
{
	sim_run_while(s, MS(200), s->now + SECONDS(60), healed);
}

static void step_of_history(struct sim *s)
{
	struct rows_world *w = s->user;

	switch (sim_below(s, 40)) {
	case 0:
		w->split = !w->split;
		break;
	case 1:
		/* What it says after this start must not meet what it said before the crash. */
		w->split = false;
		settle(s);
		restart(s, sim_below(s, s->n_nodes));
		break;
	case 2:
		sim_jump_clock(s, sim_below(s, s->n_nodes), 1000 + sim_below(s, 20000));
		break;
	default:
		change(s, sim_below(s, s->n_nodes), sim_below(s, KEYS));
	}
	sim_run_until(s, s->now + sim_below(s, MS(400)));
}

static void history(struct sim *s)
{
	struct rows_world *w = s->user;

	s->net.loss = 0.1;
	s->net.duplicate = 0.05;
	s->net.jitter = MS(300);
	for (unsigned int i = 0; i < 200; i++)
		step_of_history(s);
	w->split = false;
	s->net.loss = 0;
}

/* The first one to start again has nobody to ask. */
static void lose_power(struct sim *s)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	for (uint32_t i = 0; i < s->n_nodes; i++)
		sim_crash(s, i);
	sim_run_until(s, s->now + SECONDS(5));
	rows_world_start(s, 0);
	story->lost = !sees_all(s, 0);
	for (uint32_t i = 1; i < s->n_nodes; i++) {
		sim_run_until(s, s->now + sim_below(s, MS(200)));
		rows_world_start(s, i);
	}
}

static void power(struct sim *s)
{
	change_some(s, s->now + SECONDS(20), MS(50));
	settle(s);
	sim_run_until(s, s->now + MS(STORE_LAZY_MS));
	lose_power(s);
}

/* What was said last is lost, or what was taken back is said again: who runs it knows better. */
static void power_at_work(struct sim *s)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	change_some(s, s->now + SECONDS(20), MS(50));
	lose_power(s);
	story->lost = false;
	for (uint32_t i = 0; i < s->n_nodes * KEYS; i++) {
		if (*has(s, i / KEYS, i % KEYS))
			rows_world_put(s, i / KEYS, network_of(i % KEYS), i % KEYS, VALUE);
		else
			rows_world_remove(s, i / KEYS, network_of(i % KEYS), i % KEYS);
	}
}

/* ---- a run ------------------------------------------------------------------ */

static struct sim *set_up(const struct run *r, struct story *story)
{
	struct sim *s = sim_new(r->seed, NULL, NULL);
	uint32_t n = points[r->point].nodes[r->full];
	struct rows_world *w = rows_world_new(s, n);

	story->has = calloc((size_t)n * KEYS, sizeof(*story->has));
	if (!story->has)
		abort();
	w->user = story;
	w->in = n;
	s->keep_members = true;
	s->hooks.loss = cut_loss;
	sim_start_known(s);
	rows_world_begin(s);
	sim_run_until(s, SECONDS(3));
	for (uint32_t i = 0; i < n * KEYS; i += 2)
		change(s, i / KEYS, (i + i / KEYS) % KEYS);
	sim_run_until(s, SECONDS(10));

	return s;
}

static int run(struct run *r)
{
	static void (*const troubles[])(struct sim *) = {
		[HALVES] = halves,   [CUT_OFF] = cut_off, [RESTARTS] = restarts,
		[HISTORY] = history, [POWER] = power,	  [POWER_AT_WORK] = power_at_work
	};
	struct story story = { .changes = 0 };
	struct sim *s = set_up(r, &story);
	uint64_t stream;
	us_t mended;

	if (!sim_run_while(s, MS(100), s->now + SECONDS(20), healed))
		return run_fail(r, s, "the rows are not everywhere before any trouble");
	troubles[points[r->point].trouble](s);
	if (story.lost)
		return run_fail(r, s, "who started alone does not have all rows");
	mended = s->now;
	story.alive_at = 0;
	stream = sim_traffic(s).stream_out;
	if (!sim_run_while(s, MS(50), mended + SECONDS(60), healed))
		return run_fail(r, s, "60 s after it was mended: rows %s",
				rows_world_equal(s) ? "are lost, or back" : "differ");
	r->metric[TO_EQUAL] = (double)(s->now - mended) / 1e6;
	r->metric[TO_ALIVE] = (double)(story.alive_at - mended) / 1e6;
	r->metric[CHANGES] = story.changes;
	r->metric[STREAM_KB] = (double)(sim_traffic(s).stream_out - stream) / 1e3 / s->n_nodes;
	free(story.has);
	rows_world_free(s);

	return 0;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"All have the same rows in the end, each row that its owner put last, and none "
		"that "
		"it removed. Seconds after the trouble is over, median, p99 and largest; "
		"streams: what a node sends until then, mean.\n\n"
		"| trouble | members | changes | all alive to all, s | equal, s | streams, kB |\n"
		"|---|---|---|---|---|---|\n");
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %u | %.0f | %.2f, %.2f, %.2f | %.2f, %.2f, %.2f | %.1f |\n",
			points[p].name, points[p].nodes[r->full], results_mean(r, p, CHANGES),
			results_quantile(r, p, TO_ALIVE, 0.5),
			results_quantile(r, p, TO_ALIVE, 0.99), results_max(r, p, TO_ALIVE),
			results_quantile(r, p, TO_EQUAL, 0.5),
			results_quantile(r, p, TO_EQUAL, 0.99), results_max(r, p, TO_EQUAL),
			results_mean(r, p, STREAM_KB));
	fprintf(md, "\nAsked for: within 10 s.\n");
}

static struct experiment heal = {
	.name = "rows-heal",
	.title = "Rows after a partition, a disconnect and restarts",
	.metrics = METRICS,
	.points = { 6, 6 },
	.seeds = { 10, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(heal)
