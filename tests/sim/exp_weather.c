/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_weather - everything at once, then calm: do all tables become equal?
 *
 * Two minutes in which datagrams are lost, doubled and overtaken, pairs are cut
 * one way, processes stand still or hang, clocks jump, nodes crash and come
 * back.  Then everything is mended.  Nothing may have been refused as damaged
 * or forged, and every node must see every other one alive.
 */
#include <string.h>

#include "overlay/members.h"
#include "tests/sim/exp.h"

enum { SETTLE_S, REFUTED, METRICS };

enum { NODES = 30, STORM_S = 120 };

struct storm {
	bool over;
	uint32_t cut; /* nodes below it do not reach the others; 0: nobody is cut */
};

static double loss_between(struct sim *s, uint32_t from, uint32_t to)
{
	const struct storm *w = s->user;

	return !w->over && from < w->cut && to >= w->cut;
}

static void come_back(struct sim *s, uint32_t node)
{
	if (sim_is_up(s, node))
		return;
	sim_start(s, node);
	sim_join(s, node, (node + 1 + sim_below(s, NODES - 1)) % NODES);
}

static void wake_up(struct sim *s, uint32_t node)
{
	if (!sim_is_up(s, node))
		return;
	if (s->nodes[node].blocked)
		sim_unblock(s, node);
	else
		sim_resume(s, node);
}

static void stand_still(struct sim *s, uint32_t node)
{
	if (sim_below(s, 2))
		sim_pause(s, node);
	else
		sim_block(s, node);
	sim_at(s, s->now + MS(sim_below(s, 8000)), wake_up, node);
}

static void go_down(struct sim *s, uint32_t node)
{
	sim_crash(s, node);
	sim_at(s, s->now + MS(sim_below(s, 20000)), come_back, node);
}

static void blow(struct sim *s, uint32_t again)
{
	struct storm *w = s->user;
	uint32_t node = sim_below(s, NODES);

	(void)again;
	if (s->now >= SECONDS(STORM_S))
		return;
	sim_at(s, s->now + MS(sim_below(s, 1000)), blow, 0);
	if (!sim_is_up(s, node) || s->nodes[node].paused || s->nodes[node].blocked)
		return;
	switch (sim_below(s, 4)) {
	case 0:
		stand_still(s, node);
		break;
	case 1:
		go_down(s, node);
		break;
	case 2:
		sim_jump_clock(s, node, sim_below(s, 20000));
		break;
	default:
		w->cut = w->cut ? 0 : sim_below(s, NODES);
		break;
	}
}

static void mend(struct sim *s)
{
	struct storm *w = s->user;

	w->over = true;
	s->net = net_lan;
	for (uint32_t i = 0; i < NODES; i++) {
		wake_up(s, i);
		come_back(s, i);
	}
}

static bool all_equal(struct sim *s)
{
	for (uint32_t i = 0; i < NODES; i++) {
		struct members *t = engine_members(s->nodes[i].engine);

		if (members_alive(t) != NODES ||
		    members_root(t) != members_root(engine_members(s->nodes[0].engine)))
			return false;
	}
	return true;
}

static int check_counters(struct run *r, struct sim *s)
{
	for (uint32_t i = 0; i < NODES; i++) {
		const struct engine_counters *c = engine_counters(s->nodes[i].engine);

		if (c->bad_message || c->bad_part || c->forged || c->unknown_part)
			return run_fail(r, s, "node %u refused what an honest node sent", i);
	}
	return 0;
}

static int run(struct run *r)
{
	struct net net = net_lan;
	struct storm w = { .cut = 0 };
	double refuted = 0;
	struct sim *s;
	us_t calm;
	int status;

	net.jitter = MS(60);
	net.loss = 0.05;
	net.duplicate = 0.05;
	s = sim_new(r->seed, NULL, &net);
	s->user = &w;
	s->keep_members = r->seed % 2; /* else a node comes back knowing nobody but a seed */
	s->hooks.loss = loss_between;
	sim_add(s, NODES);
	sim_start_known(s);
	blow(s, 0);
	sim_run_until(s, SECONDS(STORM_S));
	mend(s);
	calm = s->now;
	if (!sim_run_while(s, MS(100), calm + SECONDS(120), all_equal))
		return run_fail(r, s, "tables still differ two minutes after the storm");
	status = check_counters(r, s);
	for (uint32_t i = 0; i < NODES; i++)
		refuted += members_at(engine_members(s->nodes[i].engine), 0)->refutation;
	r->metric[SETTLE_S] = (double)(s->now - calm) / 1e6;
	r->metric[REFUTED] = refuted;
	sim_free(s);
	return status;
}

static bool check(const struct results *r, FILE *out)
{
	return check_most(out, "s until tables are equal", results_max(r, 0, SETTLE_S), 30);
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md, "%d members, %d s of storm. In every run all tables became equal:\n\n", NODES,
		STORM_S);
	fprintf(md, "| s until then, median | p99 | most | refutations a run, mean |\n"
		    "|---|---|---|---|\n");
	fprintf(md, "| %.1f | %.1f | %.1f | %.0f |\n", results_quantile(r, 0, SETTLE_S, 0.5),
		results_quantile(r, 0, SETTLE_S, 0.99), results_max(r, 0, SETTLE_S),
		results_mean(r, 0, REFUTED));
}

static struct experiment weather = {
	.name = "weather",
	.title = "Everything at once, then calm",
	.metrics = METRICS,
	.points = { 1, 1 },
	.seeds = { 20, 500 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(weather)
