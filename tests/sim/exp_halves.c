/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exp_halves - a cluster is cut in two for ten minutes, then made whole */
#include "overlay/members.h"
#include "tests/sim/exp.h"

enum { TO_HEAL, ROOTS_EQUAL, OUT_KB, STREAM_KB, METRICS };

static const uint32_t sizes[2][3] = { { 50 }, { 10, 100, 1000 } };

struct cut {
	bool on;
};

static double cut_loss(struct sim *s, uint32_t from, uint32_t to)
{
	const struct cut *c = s->user;

	return c->on && from % 2 != to % 2;
}

static bool all_alive(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_nodes; i++)
		if (members_alive(engine_members(s->nodes[i].engine)) != s->n_nodes)
			return false;
	return true;
}

static bool roots_equal(struct sim *s)
{
	for (uint32_t i = 1; i < s->n_nodes; i++)
		if (members_root(engine_members(s->nodes[i].engine)) !=
		    members_root(engine_members(s->nodes[0].engine)))
			return false;
	return true;
}

static int run(struct run *r)
{
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct traffic before, after;
	struct cut cut = { .on = false };
	us_t healed;

	s->user = &cut;
	s->hooks.loss = cut_loss;
	sim_add(s, sizes[r->full][r->point]);
	sim_start_known(s);
	sim_run_until(s, SECONDS(10));
	cut.on = true;
	sim_run_until(s, SECONDS(610));
	if (all_alive(s))
		return run_fail(r, s, "nobody noticed a cut of ten minutes");
	cut.on = false;
	healed = s->now;
	before = sim_traffic(s);
	if (!sim_run_while(s, MS(100), healed + SECONDS(120), all_alive))
		return run_fail(r, s, "not everybody is alive again to everybody after 120 s");
	r->metric[TO_HEAL] = (double)(s->now - healed) / 1e6;
	if (!sim_run_while(s, MS(100), healed + SECONDS(120), roots_equal))
		return run_fail(r, s, "roots still differ after 120 s");
	after = sim_traffic(s);
	r->metric[ROOTS_EQUAL] = (double)(s->now - healed) / 1e6;
	r->metric[OUT_KB] = (double)(after.bytes_out - before.bytes_out) / 1e3 / s->n_nodes;
	r->metric[STREAM_KB] = (double)(after.stream_out - before.stream_out) / 1e3 / s->n_nodes;
	sim_free(s);
	return 0;
}

static bool check(const struct results *r, FILE *out)
{
	bool good = true;

	for (unsigned int p = 0; p < r->points; p++)
		good &= check_most(out, "s until tables are equal", results_max(r, p, ROOTS_EQUAL),
				   10);
	return good;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"Seconds after a cut of ten minutes ends, median and largest over the seeds; bytes "
		"are what a member sends until then, mean.\n\n"
		"| members | everybody alive to everybody | tables equal | datagrams, kB | "
		"streams, kB |\n"
		"|---|---|---|---|---|\n");
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %u | %.1f, %.1f | %.1f, %.1f | %.1f | %.1f |\n", sizes[r->full][p],
			results_quantile(r, p, TO_HEAL, 0.5), results_max(r, p, TO_HEAL),
			results_quantile(r, p, ROOTS_EQUAL, 0.5), results_max(r, p, ROOTS_EQUAL),
			results_mean(r, p, OUT_KB), results_mean(r, p, STREAM_KB));
}

static struct experiment halves = {
	.name = "halves",
	.title = "Two halves, and whole again",
	.metrics = METRICS,
	.points = { 1, 3 },
	.seeds = { 3, 20 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(halves)
