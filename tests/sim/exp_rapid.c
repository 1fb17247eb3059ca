/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_rapid - the failures that the Rapid paper put memberlist to
 *
 * Ten of 1,000 crash; or nothing gets in to ten of them for 20 s, then for 20 s
 * it does, and so on; or ten lose 80 % of what they send.  What must not happen
 * is that a healthy member is declared dead.
 *
 * Source: ATC 2018, section 7.
 */
#include <math.h>
#include <stdlib.h>

#include "overlay/members.h"
#include "tests/sim/exp.h"
#include "tests/sim/others.h"

enum { HEALTHY_DEAD, VIEWS, FAULTY_REMOVED_S, FAULTY_DEAD_END, METRICS };

enum trouble { CRASHES, FLIP_FLOP, LOSS };

enum { FAULTY = 10, BEGIN_S = 20, FLIP_S = 20 };

static const struct {
	const char *name;
	enum trouble trouble;
	bool others;
	uint32_t seconds;
} points[] = {
	{ "10 crash, ours", CRASHES, false, 120 },
	{ "10 crash, memberlist's defaults on our engine", CRASHES, true, 120 },
	{ "one way, 20 s on, 20 s off, ours", FLIP_FLOP, false, 300 },
	{ "one way, memberlist's defaults on our engine", FLIP_FLOP, true, 300 },
	{ "80 % loss, ours", LOSS, false, 300 },
	{ "80 % loss, memberlist's defaults on our engine", LOSS, true, 300 },
};

/* The first ten nodes are the faulty ones. */
struct watch {
	enum trouble trouble;
	uint64_t healthy_dead;
	bool seen[2000]; /* sizes of the cluster that some healthy member has seen */
	us_t removed;	 /* when the last faulty one was dead to every healthy one */
};

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct watch *w = s->user;

	if (s->now < SECONDS(BEGIN_S) || n->index < FAULTY)
		return;
	if (ev->kind == EVENT_MEMBER_DEAD && subject >= FAULTY)
		w->healthy_dead++;
	if (ev->kind == EVENT_MEMBER_DEAD || ev->kind == EVENT_MEMBER_JOINED)
		w->seen[members_alive(engine_members(n->engine))] = true;
}

static double loss_between(struct sim *s, uint32_t from, uint32_t to)
{
	const struct watch *w = s->user;

	if (s->now < SECONDS(BEGIN_S))
		return 0;
	if (w->trouble == LOSS && from < FAULTY)
		return 0.8;
	if (w->trouble == FLIP_FLOP && to < FAULTY)
		return (s->now - SECONDS(BEGIN_S)) / SECONDS(FLIP_S) % 2 == 0;
	return 0;
}

static uint32_t faulty_dead(struct sim *s)
{
	uint32_t n = 0;

	for (uint32_t i = FAULTY; i < s->n_nodes; i++)
		for (uint32_t f = 0; f < FAULTY; f++)
			n += sim_view(s, i, f) == MEMBER_DEAD;
	return n;
}

static void look_whether_removed(struct sim *s, uint32_t again)
{
	struct watch *w = s->user;

	(void)again;
	if (!w->removed && faulty_dead(s) == FAULTY * (s->n_nodes - FAULTY))
		w->removed = s->now;
	if (!w->removed)
		sim_at(s, s->now + MS(500), look_whether_removed, 0);
}

static int run(struct run *r)
{
	struct settings settings = points[r->point].others ? settings_of_memberlist()
							   : settings_default;
	struct sim *s = sim_new(r->seed, &settings, NULL);
	struct watch w = { .trouble = points[r->point].trouble };
	us_t end = SECONDS(BEGIN_S + (r->full ? points[r->point].seconds : 90));
	double views = 0;
	int status = 0;

	s->user = &w;
	s->hooks.event = on_event;
	s->hooks.loss = loss_between;
	sim_add(s, r->full ? 1000 : 200);
	sim_start_known(s);
	sim_run_until(s, SECONDS(BEGIN_S));
	for (uint32_t i = 0; i < FAULTY && w.trouble == CRASHES; i++)
		sim_crash(s, i);
	look_whether_removed(s, 0);
	sim_run_until(s, end);

	for (size_t i = 0; i < sizeof(w.seen); i++)
		views += w.seen[i];
	r->metric[HEALTHY_DEAD] = (double)w.healthy_dead;
	r->metric[VIEWS] = views;
	r->metric[FAULTY_REMOVED_S] = w.removed ? (double)(w.removed - SECONDS(BEGIN_S)) / 1e6
						: NAN;
	r->metric[FAULTY_DEAD_END] = (double)faulty_dead(s) / (s->n_nodes - FAULTY);
	if (!points[r->point].others && w.healthy_dead > 0)
		status = run_fail(r, s, "healthy members were declared dead %llu times",
				  (unsigned long long)w.healthy_dead);
	sim_free(s);
	return status;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"Views are the different sizes of the cluster that healthy members saw, which is "
		"what "
		"the paper counts; median and largest over the seeds.\n\n"
		"| | healthy members declared dead | views | all faulty ones dead to all healthy "
		"after, s | in how many runs | faulty ones dead at the end, of 10 |\n"
		"|---|---|---|---|---|---|\n");
	for (unsigned int p = 0; p < r->points; p++) {
		double *v = calloc(r->seeds, sizeof(*v));
		unsigned int n = v ? results_of(r, p, FAULTY_REMOVED_S, v) : 0;

		free(v);
		fprintf(md, "| %s | %.0f | %.0f, %.0f | %.1f | %u of %u | %.1f |\n", points[p].name,
			results_sum(r, p, HEALTHY_DEAD), results_quantile(r, p, VIEWS, 0.5),
			results_max(r, p, VIEWS), results_quantile(r, p, FAULTY_REMOVED_S, 0.5), n,
			r->seeds, results_mean(r, p, FAULTY_DEAD_END));
	}
	fprintf(md, "\nIn the paper memberlist oscillates in the last two, declares healthy "
		    "members dead, "
		    "and never removes all faulty ones; Rapid removes exactly them, in one change "
		    "of view.\n");
}

static struct experiment rapid = {
	.name = "rapid",
	.title = "The failures of the Rapid paper",
	.metrics = METRICS,
	.points = { 6, 6 },
	.seeds = { 1, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(rapid)
