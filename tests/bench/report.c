/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report - what was measured as text: a table for each scenario, then the goals. */
#include <string.h>

#include "tests/bench/bench.h"

#define KB_PER_MB 1024

static bool measured(const struct scenario *sc)
{
	const struct series *s;

	for (size_t i = 0; (s = series_at(i)); i++)
		if (strcmp(s->key.scenario, sc->name) == 0)
			return true;

	return false;
}

static void series_write(FILE *f, const struct series *s, bool batch)
{
	double ms = series_median(s, TIME), rss = series_median(s, MEMORY) / KB_PER_MB;

	int digits = ms < 0.2 ? 3 : 2;

	fprintf(f, "  %-24s %-10s %-14s %8.*f %8.*f ", s->key.step, contenders[s->key.who].name,
		s->key.variant, digits, ms, digits, series_percentile(s, TIME, 99));
	if (rss > 0)
		fprintf(f, "%8.1f", rss);
	else
		fprintf(f, "%8s", "");
	if (batch)
		fprintf(f, " %8.0f", 1000 / ms);
	fputc('\n', f);
}

static void scenario_write(FILE *f, const struct scenario *sc)
{
	const struct series *s;

	fprintf(f, "\n%s\n  %-24s %-10s %-14s %8s %8s %8s%s\n", sc->title, "", "", "", "median",
		"p99", "peak MB", sc->width ? "  calls/s" : "");
	for (size_t i = 0; (s = series_at(i)); i++)
		if (strcmp(s->key.scenario, sc->name) == 0)
			series_write(f, s, sc->width);
}

static void goal_write(FILE *f, const struct goal *g)
{
	static const char *const words[] = {
		[TIMES_AT_LEAST] = "at least %g",
		[TIMES_AT_MOST] = "at most %g",
		[MORE_AT_MOST] = "at most %g ms",
	};
	struct comparison c;
	char bound[32];

	if (!goal_compare(g, &c))
		return;
	format(bound, sizeof(bound), words[g->kind], g->bound);
	fprintf(f, "  %-56s %8.2f %8.2f   %-14s %s\n", g->text, c.of_pairs, c.of_medians, bound,
		c.reached ? "reached" : "not reached");
}

void report_write(FILE *f)
{
	facts_write(f);
	fputs("times in ms, wall clock; of batches, divided by the number of calls\n", f);
	for (size_t i = 0; i < n_scenarios; i++)
		if (measured(&scenarios[i]))
			scenario_write(f, &scenarios[i]);

	fprintf(f, "\n%-58s %8s %8s   %s\n", "goals", "of pairs", "medians", "wanted");
	for (size_t i = 0; i < n_goals; i++)
		goal_write(f, &goals[i]);
}
