/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_spread - one item to all, by the spread queue alone
 *
 * A rumour of the size of a row is told by one node and passed on by each that
 * hears it for the first time, while everybody probes as always.  Nothing
 * repairs it here: whoever the rumour misses stays without, and is counted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/members.h"
#include "overlay/spread.h"
#include "tests/sim/exp.h"
#include "tests/sim/others.h"

enum { T50, T99, T100, MISSED, SENDS, BYTES, METRICS };

enum { RUMOUR_BYTES = 250, PART_RUMOUR = 63 };

#define CLASS_RUMOUR ((enum spread_class)(SPREAD_CLASSES - 1))

enum how { AT_ONCE, ON_TICK };

static const struct {
	uint32_t nodes;
	enum how how;
	double published; /* of memberlist's push, s to all, by simulation: research of 2026-11 */
	double most;	  /* asked for, median s to all */
} points[] = {
	{ 100, AT_ONCE, 0, 0.33 },  { 100, ON_TICK, 0.66, 0 },	{ 1000, AT_ONCE, 0, 0.5 },
	{ 1000, ON_TICK, 0.98, 0 }, { 10000, AT_ONCE, 0, 0.8 }, { 10000, ON_TICK, 1.65, 0 },
};

/* One node's part in it. */
struct rumour {
	struct sim_node *node;
	bool heard;
	us_t at;
	uint32_t sends;
};

static int render(void *self, uint32_t key, struct part_writer *w)
{
	static const uint8_t body[RUMOUR_BYTES];
	struct rumour *u = self;
	bool fits;

	(void)key;
	fits = part_put(w, PART_RUMOUR, body, sizeof(body));
	u->sends += fits;
	return fits;
}

static void hear(struct rumour *u, ms_t now)
{
	struct engine *e = u->node->engine;
	uint32_t alive = members_alive(engine_members(e));

	if (u->heard)
		return;
	u->heard = true;
	u->at = u->node->sim->now;
	/* As a claim of the membership: 4 * ceil(log10(n + 1)). */
	spread_add(engine_spread(e), 0, CLASS_RUMOUR, 0,
		   engine_settings(e)->retransmit * (unsigned int)ceil(log10(alive + 1.0)),
		   engine_settings(e)->gossip_fanout, now);
}

static void receive(void *self, const struct origin *o, const struct part *p, ms_t now)
{
	(void)o;
	(void)p;
	hear(self, now);
}

static const struct module_ops rumour_ops = {
	.name = "rumour",
	.first_kind = PART_RUMOUR,
	.last_kind = PART_RUMOUR,
	.receive = receive,
};

static void plug_in(struct sim *s, struct sim_node *n)
{
	struct rumour *all = s->user, *u = &all[n->index];

	*u = (struct rumour){ .node = n };
	if (engine_attach(n->engine, &rumour_ops, u, NULL) < 0)
		abort();
	spread_set_source(engine_spread(n->engine), CLASS_RUMOUR,
			  (struct spread_source){ .render = render, .self = u });
}

static void begin(struct sim *s, uint32_t node)
{
	struct rumour *all = s->user;

	hear(&all[node], sim_clock(&s->nodes[node]));
	node_arm(&s->nodes[node]);
}

static void measure(struct run *r, const struct sim *s, us_t told, uint64_t bytes)
{
	const struct rumour *all = s->user;
	double *took = calloc(s->n_nodes, sizeof(*took)), sends = 0;
	unsigned int n = 0;

	if (!took)
		abort();
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		sends += all[i].sends;
		if (all[i].heard)
			took[n++] = (double)(all[i].at - told) / 1e6;
	}
	r->metric[MISSED] = (double)(s->n_nodes - n);
	r->metric[T100] = stat_quantile(took, n, 1);
	/* Of all nodes, not only of those that heard it. */
	r->metric[T50] = took[s->n_nodes / 2];
	r->metric[T99] = took[(size_t)s->n_nodes * 99 / 100];
	r->metric[SENDS] = sends / s->n_nodes;
	r->metric[BYTES] = (double)bytes / s->n_nodes;
	free(took);
}

static int run(struct run *r)
{
	struct settings settings = points[r->point].how == ON_TICK ? settings_of_memberlist()
								   : settings_default;
	struct sim *s = sim_new(r->seed, &settings, NULL);
	uint64_t before;
	us_t told;

	s->user = calloc(points[r->point].nodes, sizeof(struct rumour));
	if (!s->user)
		abort();
	s->hooks.plug_in = plug_in;
	sim_add(s, points[r->point].nodes);
	sim_start_known(s);
	told = SECONDS(3) + sim_below(s, SECONDS(1));
	sim_run_until(s, told);
	before = sim_traffic(s).bytes_out;
	begin(s, sim_below(s, s->n_nodes));
	sim_run_until(s, told + SECONDS(4));
	measure(r, s, told, sim_traffic(s).bytes_out - before);
	free(s->user);
	sim_free(s);
	return 0;
}

static double median_at(const struct results *r, unsigned int point, unsigned int metric)
{
	return point < r->points ? results_quantile(r, point, metric, 0.5) : NAN;
}

static void plot(const struct results *r, const char *dir)
{
	static const double x[] = { 100, 1000, 10000 }, push[] = { .66, .98, 1.65 };
	double once[3], tick[3];

	for (unsigned int i = 0; i < 3; i++) {
		once[i] = median_at(r, 2 * i, T100);
		tick[i] = median_at(r, 2 * i + 1, T100);
	}
	plot_write(&(struct plot){ .title = "One item to all, no loss, median over seeds",
				   .x_label = "members",
				   .y_label = "seconds",
				   .log_x = true,
				   .series =
					   (struct plot_series[]){
						   { "relayed at once", x, once, 3, false },
						   { "on a 200 ms tick", x, tick, 3, false },
						   { "memberlist's push", x, push, 3, true },
					   },
				   .n = 3 },
		   dir, "spread");
}

static bool check(const struct results *r, FILE *out)
{
	bool good = true;

	for (unsigned int p = 0; p < r->points; p++) {
		if (points[p].how != AT_ONCE)
			continue;
		good &= check_most(out, "median s to all", results_quantile(r, p, T100, 0.5),
				   points[p].most);
		good &= check_most(out, "missed", results_sum(r, p, MISSED), 0);
	}
	return good;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	fprintf(md,
		"An item of %d bytes; no loss; one way takes 0.5 to 1.5 ms. Seconds, median and "
		"p99 over "
		"the seeds. Sends are of the item by a node, pings that take it along included; "
		"bytes are "
		"all UDP payload that a node sends in the 4 s after, probing included.\n\n"
		"| members | | half | 99 %% | all | missed, all seeds | sends a node | bytes a "
		"node |\n"
		"|---|---|---|---|---|---|---|---|\n",
		RUMOUR_BYTES);
	for (unsigned int p = 0; p < r->points; p++) {
		fprintf(md, "| %u | %s | %.3f | %.3f | %.3f, %.3f | %.0f | %.1f | %.0f |\n",
			points[p].nodes,
			points[p].how == AT_ONCE ? "relayed at once" : "on a 200 ms tick",
			results_quantile(r, p, T50, 0.5), results_quantile(r, p, T99, 0.5),
			results_quantile(r, p, T100, 0.5), results_quantile(r, p, T100, 0.99),
			results_sum(r, p, MISSED), results_mean(r, p, SENDS),
			results_mean(r, p, BYTES));
		if (points[p].published > 0)
			fprintf(md,
				"| %u | memberlist's push, simulated elsewhere | – | – | %.2f | – "
				"| – | – |\n",
				points[p].nodes, points[p].published);
	}
	fprintf(md, "\nAsked for: 0.33, 0.5 and 0.8 s to all, median. memberlist's bound is 1,400 "
		    "bytes to 3 "
		    "nodes each 200 ms, 21 kB/s.\n");
	if (r->full) {
		plot(r, dir);
		fprintf(md, "\n![time to all](spread.svg)\n");
	}
}

static struct experiment spread = {
	.name = "spread",
	.title = "One item to all",
	.metrics = METRICS,
	.points = { 4, 6 },
	.seeds = { 3, 20 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(spread)
