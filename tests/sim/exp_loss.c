/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exp_loss - who is declared dead in a cluster of the living that loses datagrams */
#include "overlay/members.h"
#include "tests/sim/exp.h"
#include "tests/sim/others.h"

enum { FALSE_DEATHS, SUSPICIONS, BYTES_OUT, STREAMED, METRICS };

static const struct {
	const char *name;
	double loss;
	bool others;
} points[] = {
	{ "ours, 1 %", 0.01, false },
	{ "ours, 10 %", 0.10, false },
	{ "memberlist's defaults, on our engine, 1 %", 0.01, true },
	{ "memberlist's defaults, on our engine, 10 %", 0.10, true },
};

struct count {
	uint64_t dead, suspect;
};

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct count *c = s->user;

	(void)subject;
	c->dead += ev->kind == EVENT_MEMBER_DEAD;
	/* Each suspicion once: at who began it. */
	c->suspect += ev->kind == EVENT_MEMBER_SUSPECT && ev->from == node_id_short(&n->id);
}

static uint32_t nodes_of(bool full)
{
	return full ? 1000 : 100;
}

static uint32_t seconds_of(const struct run *r)
{
	if (!r->full)
		return 120;
	return points[r->point].others ? 600 : 3600;
}

static int run(struct run *r)
{
	struct settings settings = points[r->point].others ? settings_of_memberlist()
							   : settings_default;
	struct net net = net_lan;
	struct count count = { 0 };
	double member_seconds;
	struct traffic t;
	struct sim *s;
	int status = 0;

	net.loss = points[r->point].loss;
	s = sim_new(r->seed, &settings, &net);
	s->user = &count;
	s->hooks.event = on_event;
	sim_add(s, nodes_of(r->full));
	sim_start_known(s);
	sim_run_until(s, SECONDS(seconds_of(r)));

	member_seconds = (double)s->n_nodes * seconds_of(r);
	t = sim_traffic(s);
	r->metric[FALSE_DEATHS] = (double)count.dead;
	r->metric[SUSPICIONS] = (double)count.suspect / seconds_of(r);
	r->metric[BYTES_OUT] = (double)t.bytes_out / member_seconds;
	r->metric[STREAMED] = (double)t.stream_out / member_seconds;
	if (!points[r->point].others && points[r->point].loss < 0.05 && count.dead > 0)
		status = run_fail(r, s, "%llu false deaths at 1 %% loss",
				  (unsigned long long)count.dead);
	sim_free(s);
	return status;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"%u members, %s each run of ours, 10 minutes each of memberlist's settings in the "
		"full "
		"set. Deaths are counted at every member that hears of one, over all seeds.\n\n"
		"| loss | false deaths | suspicions a second, all members | bytes out a second and "
		"member "
		"| over streams |\n|---|---|---|---|---|\n",
		nodes_of(r->full), r->full ? "an hour" : "two minutes");
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %.0f | %.3f | %.0f | %.1f |\n", points[p].name,
			results_sum(r, p, FALSE_DEATHS), results_mean(r, p, SUSPICIONS),
			results_mean(r, p, BYTES_OUT), results_mean(r, p, STREAMED));
	fprintf(md, "\nAsked for: no false death in an hour at 1 %%.\n");
}

static struct experiment loss = {
	.name = "loss",
	.title = "False deaths when datagrams are lost",
	.metrics = METRICS,
	.points = { 2, 4 },
	.seeds = { 2, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(loss)
