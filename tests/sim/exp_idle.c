/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exp_idle - what a cluster costs in which nothing happens */
#include "tests/sim/exp.h"
#include "tests/sim/others.h"

enum { BYTES_IN, BYTES_OUT, STREAMED, DATAGRAMS, MOST_OUT, METRICS };

static const struct {
	uint32_t nodes;
	bool others;
} points[] = { { 1000, false }, { 1000, true } };

static int run(struct run *r)
{
	struct settings settings = points[r->point].others ? settings_of_memberlist()
							   : settings_default;
	struct sim *s = sim_new(r->seed, &settings, NULL);
	double seconds = r->full ? 300 : 60, members, most = 0;
	struct traffic before, after;

	sim_add(s, points[r->point].nodes);
	members = (double)s->n_nodes;
	sim_start_known(s);
	sim_run_until(s, SECONDS(30));
	before = sim_traffic(s);
	for (uint32_t i = 0; i < s->n_nodes; i++)
		s->nodes[i].user = (void *)(uintptr_t)s->nodes[i].traffic.bytes_out;
	sim_run_until(s, SECONDS(30) + SECONDS(seconds));
	after = sim_traffic(s);

	for (uint32_t i = 0; i < s->n_nodes; i++) {
		uint64_t sent = s->nodes[i].traffic.bytes_out - (uintptr_t)s->nodes[i].user;

		most = (double)sent > most ? (double)sent : most;
	}
	r->metric[BYTES_IN] = (double)(after.bytes_in - before.bytes_in) / members / seconds;
	r->metric[BYTES_OUT] = (double)(after.bytes_out - before.bytes_out) / members / seconds;
	r->metric[STREAMED] = (double)(after.stream_out - before.stream_out) / members / seconds;
	r->metric[DATAGRAMS] =
		(double)(after.datagrams_out - before.datagrams_out) / members / seconds;
	r->metric[MOST_OUT] = most / seconds;
	sim_free(s);
	return 0;
}

static bool check(const struct results *r, FILE *out)
{
	return check_most(out, "bytes in a second and member", results_max(r, 0, BYTES_IN), 540) &&
	       check_most(out, "bytes out a second and member", results_max(r, 0, BYTES_OUT), 640);
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"Bytes of UDP payload a second and member among 1,000, the frame's %d bytes of "
		"every "
		"datagram included; mean over the seeds.\n\n"
		"| | in | out | out, busiest member | over streams | datagrams out |\n"
		"|---|---|---|---|---|---|\n",
		FRAME_OVERHEAD);
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %.0f | %.0f | %.0f | %.1f | %.2f |\n",
			points[p].others ? "memberlist's defaults, on our engine" : "ours",
			results_mean(r, p, BYTES_IN), results_mean(r, p, BYTES_OUT),
			results_max(r, p, MOST_OUT), results_mean(r, p, STREAMED),
			results_mean(r, p, DATAGRAMS));
	fprintf(md, "| memberlist as measured in the Rapid paper | 540 | 640 | 8040 | – | – |\n");
}

static struct experiment idle = {
	.name = "idle",
	.title = "An idle cluster of 1,000",
	.metrics = METRICS,
	.points = { 1, 2 },
	.seeds = { 2, 20 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(idle)
