/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_rows_churn - rows change all the time, all over the cluster
 *
 * Fifty changes a second, each of one row of a random owner.  For every change
 * and every member the time is taken until it is there; where a later change of
 * the same row came first, there is nothing to take.  Afterwards all are equal.
 */
#include <stdlib.h>
#include <string.h>

#include "overlay/event.h"
#include "overlay/spread.h"
#include "tests/sim/exp.h"
#include "tests/sim/rows_world.h"

enum { P50, P99, MOST, OVERTAKEN, BACKLOG, OUT, STREAM, TO_EQUAL, METRICS };

#define RATE	 50
#define LATE_MAX 20000 /* ms: later is counted as this */

static const struct {
	uint32_t nodes, seconds;
} points[2] = {
	{ 100, 20 },
	{ 1000, 300 },
};

struct story {
	us_t *put_at;	/* by change */
	uint8_t *heard; /* bit by change and node */
	uint32_t n_changes, total;
	uint64_t late[LATE_MAX + 1]; /* arrivals by ms */
	uint64_t arrived;
	size_t backlog; /* the most, in one node */
};

/* The number of the change is the row's value. */
static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;
	const struct row_event *more = ev->more;
	uint32_t number;
	uint64_t bit, ms;

	(void)subject;
	if (ev->kind != EVENT_ROW)
		return;
	memcpy(&number, more->row->bytes + more->row->key_len, sizeof(number));
	bit = (uint64_t)n->index * story->total + number;
	if (story->heard[bit / 8] >> (bit % 8) & 1)
		return;
	story->heard[bit / 8] |= (uint8_t)(1U << (bit % 8));
	ms = (s->now - story->put_at[number]) / 1000;
	story->late[ms < LATE_MAX ? ms : LATE_MAX]++;
	story->arrived++;
}

static void change_one(struct sim *s, uint32_t node)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;
	static const struct network_id cluster;
	uint8_t value[130] = { 0 };
	const struct row_text text = { .kind = ROW_ENDPOINT,
				       .key_len = 1,
				       .key = (const uint8_t *)"k",
				       .value_len = sizeof(value),
				       .value = value };

	memcpy(value, &story->n_changes, sizeof(story->n_changes));
	story->put_at[story->n_changes++] = s->now;
	if (rows_put(w->rows[node], &cluster, &text, sim_clock(&s->nodes[node]), NULL) < 0)
		abort();
	node_arm(&s->nodes[node]);
}

static void note_backlog(struct sim *s)
{
	struct rows_world *w = s->user;
	struct story *story = w->user;

	for (uint32_t i = 0; i < s->n_nodes; i++) {
		size_t n = spread_backlog(engine_spread(s->nodes[i].engine));

		if (n > story->backlog)
			story->backlog = n;
	}
}

static double quantile_ms(const struct story *story, double q)
{
	uint64_t below = 0;
	uint32_t ms = 0;

	while (ms < LATE_MAX && (double)(below += story->late[ms]) < q * (double)story->arrived)
		ms++;

	return ms;
}

static void measure(struct run *r, const struct sim *s, const struct story *story,
		    const struct traffic *before, us_t begun)
{
	struct traffic after = sim_traffic(s);
	double seconds = (double)(s->now - begun) / 1e6 * s->n_nodes;

	r->metric[BACKLOG] = (double)story->backlog;
	r->metric[OUT] = (double)(after.bytes_out - before->bytes_out) / seconds;
	r->metric[STREAM] = (double)(after.stream_out - before->stream_out) / seconds;
}

static void measure_arrivals(struct run *r, const struct sim *s, const struct story *story)
{
	uint64_t all = (uint64_t)story->total * s->n_nodes;

	r->metric[P50] = quantile_ms(story, 0.5) / 1e3;
	r->metric[P99] = quantile_ms(story, 0.99) / 1e3;
	r->metric[MOST] = quantile_ms(story, 1) / 1e3;
	r->metric[OVERTAKEN] = (double)(all - story->arrived) / (double)all;
}

static struct story *story_new(uint32_t nodes, uint32_t changes)
{
	struct story *story = calloc(1, sizeof(*story));

	if (!story)
		abort();
	story->total = changes;
	story->put_at = calloc(changes, sizeof(*story->put_at));
	story->heard = calloc((size_t)changes * nodes / 8 + 1, 1);
	if (!story->put_at || !story->heard)
		abort();

	return story;
}

static void story_free(struct story *story)
{
	free(story->put_at);
	free(story->heard);
	free(story);
}

static int run(struct run *r)
{
	uint32_t nodes = points[r->full].nodes, changes = points[r->full].seconds * RATE;
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct rows_world *w = rows_world_new(s, nodes);
	struct story *story = story_new(nodes, changes);
	struct traffic before;
	us_t begun;

	w->user = story;
	s->hooks.event = on_event;
	sim_start_known(s);
	rows_world_begin(s);
	sim_run_until(s, SECONDS(15));
	before = sim_traffic(s);
	begun = s->now;
	while (story->n_changes < changes) {
		change_one(s, sim_below(s, nodes));
		sim_run_until(s, s->now + SECONDS(1) / RATE);
		if (story->n_changes % RATE == 0)
			note_backlog(s);
	}
	measure(r, s, story, &before, begun);
	begun = s->now;
	if (!sim_run_while(s, MS(100), begun + SECONDS(60), rows_world_equal))
		return run_fail(r, s, "not all are equal 60 s after the last change");
	r->metric[TO_EQUAL] = (double)(s->now - begun) / 1e6;
	measure_arrivals(r, s, story);
	story_free(story);
	rows_world_free(s);

	return 0;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"%u members, %d changes a second for %u s, of rows of 130 bytes. Seconds from a "
		"change to a member; changes that a later one of the same row overtook before they "
		"were there are left out. Bytes are what a member sends.\n\n"
		"| median | p99 | largest | overtaken | largest backlog of a node | datagrams, B/s "
		"| streams, B/s | equal after the last, s |\n|---|---|---|---|---|---|---|---|\n"
		"| %.3f | %.2f | %.2f | %.3f %% | %.0f | %.0f | %.0f | %.1f |\n\n"
		"Asked for: p99 3 s, backlog bounded.\n",
		points[r->full].nodes, RATE, points[r->full].seconds, results_mean(r, 0, P50),
		results_max(r, 0, P99), results_max(r, 0, MOST),
		100 * results_mean(r, 0, OVERTAKEN), results_max(r, 0, BACKLOG),
		results_mean(r, 0, OUT), results_mean(r, 0, STREAM), results_max(r, 0, TO_EQUAL));
}

static struct experiment churn = {
	.name = "rows-churn",
	.title = "Fifty changes a second",
	.metrics = METRICS,
	.points = { 1, 1 },
	.seeds = { 2, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(churn)
