/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exp_crash - one member of many stops: who notices first, and when everybody knows */
#include <math.h>

#include "overlay/members.h"
#include "tests/sim/exp.h"
#include "tests/sim/others.h"

enum { SUSPECTED, FIRST_DEAD, ALL_INFORMED, FALSE_DEATHS, METRICS };

static const struct {
	const char *name;
	uint32_t nodes[2]; /* in the quick and in the full set */
	bool others;
} points[] = {
	{ "ours", { 200, 1000 }, false },
	{ "memberlist's defaults, on our engine", { 200, 1000 }, true },
};

struct watch {
	uint32_t victim;
	us_t suspected, first_dead;
	uint32_t informed, false_deaths;
	us_t all_informed;
};

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct watch *w = s->user;

	(void)n;
	if (subject != w->victim || sim_is_up(s, subject)) {
		w->false_deaths += ev->kind == EVENT_MEMBER_DEAD;
		return;
	}
	if (ev->kind == EVENT_MEMBER_SUSPECT && !w->suspected)
		w->suspected = s->now;
	if (ev->kind != EVENT_MEMBER_DEAD)
		return;
	if (!w->first_dead)
		w->first_dead = s->now;
	if (++w->informed == s->n_nodes - 1)
		w->all_informed = s->now;
}

static bool all_informed(struct sim *s)
{
	const struct watch *w = s->user;

	return w->all_informed > 0;
}

static int run(struct run *r)
{
	struct settings settings = points[r->point].others ? settings_of_memberlist()
							   : settings_default;
	struct sim *s = sim_new(r->seed, &settings, NULL);
	struct watch w = { 0 };
	us_t begin;

	sim_add(s, points[r->point].nodes[r->full]);
	w.victim = sim_below(s, s->n_nodes);
	s->user = &w;
	s->hooks.event = on_event;
	sim_start_known(s);
	sim_run_until(s, SECONDS(10) + sim_below(s, SECONDS(1)));
	begin = s->now;
	sim_crash(s, w.victim);
	if (!sim_run_while(s, MS(100), begin + SECONDS(200), all_informed))
		return run_fail(r, s, "%u of %u know that node %u is dead", w.informed,
				s->n_nodes - 1, w.victim);

	r->metric[SUSPECTED] = (double)(w.suspected - begin) / 1e6;
	r->metric[FIRST_DEAD] = (double)(w.first_dead - begin) / 1e6;
	r->metric[ALL_INFORMED] = (double)(w.all_informed - begin) / 1e6;
	r->metric[FALSE_DEATHS] = w.false_deaths;
	sim_free(s);
	return 0;
}

static bool check(const struct results *r, FILE *out)
{
	/* The least that alpha 4 allows, and 3 s until somebody has probed it in vain. */
	double least = 4 * log10(points[0].nodes[r->full]);

	return check_most(out, "median first detection, s", results_quantile(r, 0, FIRST_DEAD, 0.5),
			  least + 3) &&
	       check_most(out, "false deaths", results_sum(r, 0, FALSE_DEATHS), 0);
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"Seconds after the crash of one of %u members, median and largest over the "
		"seeds.\n\n"
		"| | first suspicion | first detection | everybody informed | false deaths |\n"
		"|---|---|---|---|---|\n",
		points[0].nodes[r->full]);
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %.2f, %.2f | %.2f, %.2f | %.2f, %.2f | %.0f |\n",
			points[p].name, results_quantile(r, p, SUSPECTED, 0.5),
			results_max(r, p, SUSPECTED), results_quantile(r, p, FIRST_DEAD, 0.5),
			results_max(r, p, FIRST_DEAD), results_quantile(r, p, ALL_INFORMED, 0.5),
			results_max(r, p, ALL_INFORMED), results_sum(r, p, FALSE_DEATHS));
	fprintf(md, "\nWith alpha 4 a suspicion lasts at least 12 s among 1,000, at most 72 s.\n");
}

static struct experiment crash = {
	.name = "crash",
	.title = "A crash: first detection, and everybody informed",
	.metrics = METRICS,
	.points = { 2, 2 },
	.seeds = { 3, 40 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(crash)
