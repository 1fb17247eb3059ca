/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_rows - one row from one node to all, with and without loss
 *
 * The row is of the cluster's own network, so that everybody is in it.  Whoever
 * the spread misses has it from a comparison; the run goes on until all have it.
 */
#include <math.h>
#include <stdlib.h>

#include "tests/sim/exp.h"
#include "tests/sim/rows_world.h"

enum { T50, T99, T100, COMPARED, BYTES, METRICS };

static const struct {
	uint32_t nodes;
	double loss;
	double published; /* of memberlist's push, s to all, by simulation: research of 2026-11 */
} points[] = {
	{ 100, 0, 0.66 }, { 1000, 0, 0.98 }, { 100, 0.3, 0 },
	{ 1000, 0.3, 0 }, { 3000, 0.3, 0 },  { 10000, 0, 1.65 },
};

static uint64_t compared(struct rows_world *w, const struct sim *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->n_nodes; i++)
		n += rows_counters(w->rows[i])->compared;

	return n;
}

static void measure(struct run *r, struct sim *s, us_t told)
{
	struct rows_world *w = s->user;
	double *took = calloc(s->n_nodes, sizeof(*took));

	if (!took)
		abort();
	for (uint32_t i = 0; i < s->n_nodes; i++)
		took[i] = (double)(w->heard_at[i] - told) / 1e6;
	r->metric[T50] = stat_quantile(took, s->n_nodes, 0.5);
	r->metric[T99] = stat_quantile(took, s->n_nodes, 0.99);
	r->metric[T100] = stat_quantile(took, s->n_nodes, 1);
	free(took);
}

static int run(struct run *r)
{
	struct net net = net_lan;
	struct sim *s;
	struct rows_world *w;
	uint64_t bytes, before;
	uint32_t teller;
	us_t told;

	net.loss = points[r->point].loss;
	s = sim_new(r->seed, NULL, &net);
	w = rows_world_new(s, points[r->point].nodes);
	sim_start_known(s);
	rows_world_begin(s);
	told = SECONDS(3) + sim_below(s, SECONDS(1));
	sim_run_until(s, told);
	bytes = sim_traffic(s).bytes_out;
	before = compared(w, s);
	teller = sim_below(s, s->n_nodes);
	rows_world_put(s, teller, NULL, 1, 130);
	if (!sim_run_while(s, MS(50), told + SECONDS(60), rows_world_all_heard))
		return run_fail(r, s, "after 60 s %u of %u have the row", w->n_heard, s->n_nodes);
	measure(r, s, told);
	sim_run_until(s, told + SECONDS(4));
	r->metric[COMPARED] = (double)(compared(w, s) - before) / s->n_nodes;
	r->metric[BYTES] = (double)(sim_traffic(s).bytes_out - bytes) / s->n_nodes;
	rows_world_free(s);

	return 0;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"A row with a value of 130 bytes; one way takes 0.5 to 1.5 ms. Seconds until half, "
		"99 %% and all of the members have it, median over the seeds and p99 of all. "
		"Comparisons that a node begins, and all UDP payload that it sends, probing "
		"included, are of the 4 s after.\n\n"
		"| members | loss | half | 99 %% | all | comparisons | bytes a node | memberlist's "
		"push, simulated elsewhere |\n|---|---|---|---|---|---|---|---|\n");
	for (unsigned int p = 0; p < r->points; p++) {
		fprintf(md, "| %u | %.0f %% | %.3f | %.3f | %.3f, %.3f | %.2f | %.0f | ",
			points[p].nodes, 100 * points[p].loss, results_quantile(r, p, T50, 0.5),
			results_quantile(r, p, T99, 0.5), results_quantile(r, p, T100, 0.5),
			results_quantile(r, p, T100, 0.99), results_mean(r, p, COMPARED),
			results_mean(r, p, BYTES));
		if (points[p].published > 0)
			fprintf(md, "%.2f |\n", points[p].published);
		else
			fprintf(md, "– |\n");
	}
	fprintf(md, "\nAsked for: 0.33, 0.5 and 0.8 s to all at 100, 1,000 and 10,000 members, "
		    "median; with loss always complete, p99 within 5 s.\n");
}

static struct experiment rows = {
	.name = "rows",
	.title = "One row to all",
	.metrics = METRICS,
	.points = { 3, 6 },
	.seeds = { 3, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(rows)
