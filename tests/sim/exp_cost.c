/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exp_cost - what the simulator and a member cost: time and memory of this machine */
#include <sys/resource.h>
#include <time.h>

#include "overlay/members.h"
#include "tests/sim/exp.h"

enum { CPU_S, PEAK_MIB, EVENTS, MEMBER_SIZE, METRICS };

static const struct {
	uint32_t nodes;
	uint32_t seconds;
} points[] = { { 1000, 600 }, { 10000, 60 } };

static int run(struct run *r)
{
	uint32_t n = points[r->point].nodes;
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct rusage use;

	sim_add(s, n);
	sim_start_known(s);
	sim_run_until(s, SECONDS(points[r->point].seconds));
	for (uint32_t i = 0; i < n; i++)
		if (members_alive(engine_members(s->nodes[i].engine)) != n)
			return run_fail(r, s, "node %u sees %u of %u alive", i,
					members_alive(engine_members(s->nodes[i].engine)), n);

	getrusage(RUSAGE_SELF, &use);
	r->metric[CPU_S] = (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6 +
			   (double)use.ru_stime.tv_sec;
	r->metric[PEAK_MIB] = (double)use.ru_maxrss / 1024;
	r->metric[EVENTS] = (double)s->events;
	r->metric[MEMBER_SIZE] =
		(double)members_bytes(engine_members(s->nodes[0].engine)) / (double)n;
	sim_free(s);
	return 0;
}

static bool check(const struct results *r, FILE *out)
{
	return check_most(out, "CPU s of 1,000 members for 10 minutes", results_max(r, 0, CPU_S),
			  60) &&
	       check_most(out, "CPU s of 10,000 members for 60 s", results_max(r, 1, CPU_S), 600) &&
	       check_most(out, "MiB", results_max(r, 1, PEAK_MIB), 16 * 1024) &&
	       check_most(out, "bytes a member", results_max(r, 0, MEMBER_SIZE), MEMBER_BYTES);
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md, "| members | virtual s | CPU s of this run | peak MiB | events | "
		    "bytes a member in an observer |\n|---|---|---|---|---|---|\n");
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %u | %u | %.1f | %.0f | %.0f | %.1f |\n", points[p].nodes,
			points[p].seconds, results_quantile(r, p, CPU_S, 0.5),
			results_max(r, p, PEAK_MIB), results_mean(r, p, EVENTS),
			results_max(r, p, MEMBER_SIZE));
	fprintf(md, "\nAsked for: 60 s for the first, 10 minutes and 16 GiB for the second, "
		    "64 bytes.\n");
}

static struct experiment cost = {
	.name = "cost",
	.title = "What a simulation costs",
	.metrics = METRICS,
	.points = { 0, 2 },
	.seeds = { 1, 1 },
	.run = run,
	.check = check,
	.report = report,
};
EXPERIMENT(cost)
