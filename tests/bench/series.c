/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * series - the samples of one step of one lane, and what they say
 *
 * Sample i of every lane of a scenario comes from the same round, so ratios
 * are taken pair by pair first: a moment in which the machine was slow then
 * counts for both.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

#define MAX_SERIES 128

static struct series all[MAX_SERIES];
static size_t n_all;

static bool key_equal(const struct series_key *a, const struct series_key *b)
{
	return a->who == b->who && strcmp(a->scenario, b->scenario) == 0 &&
	       strcmp(a->step, b->step) == 0 && strcmp(a->variant, b->variant) == 0;
}

const struct series *series_find(const struct series_key *key)
{
	for (size_t i = 0; i < n_all; i++)
		if (key_equal(&all[i].key, key))
			return &all[i];

	return NULL;
}

struct series *series_get(const struct series_key *key)
{
	struct series *s = (struct series *)series_find(key);

	if (s)
		return s;
	if (n_all == MAX_SERIES)
		die("more than %d series: raise MAX_SERIES", MAX_SERIES);
	s = &all[n_all++];
	s->key = *key;

	return s;
}

const struct series *series_at(size_t i)
{
	return i < n_all ? &all[i] : NULL;
}

void series_add(struct series *s, const struct sample *sample)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->samples = grow(s->samples, s->room * sizeof(*s->samples));
	}
	s->samples[s->n++] = *sample;
}

static double value(const struct sample *s, enum measure m)
{
	return m == TIME ? s->ms : s->rss_kb;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @v. */
static double percentile(double *v, size_t n, double percent)
{
	size_t rank = (size_t)ceil(percent / 100 * (double)n);

	qsort(v, n, sizeof(*v), compare);
	return v[rank ? rank - 1 : 0];
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

static double *values(const struct series *s, enum measure m)
{
	double *v = grow(NULL, s->n * sizeof(*v));

	for (size_t i = 0; i < s->n; i++)
		v[i] = value(&s->samples[i], m);

	return v;
}

double series_percentile(const struct series *s, enum measure m, double percent)
{
	double *v = values(s, m);
	double r = percentile(v, s->n, percent);

	free(v);
	return r;
}

double series_median(const struct series *s, enum measure m)
{
	double *v = values(s, m);
	double r = median(v, s->n);

	free(v);
	return r;
}

static double relate(enum goal_kind kind, double over, double under)
{
	return kind == MORE_AT_MOST ? over - under : over / under;
}

static double median_of_pairs(const struct goal *g, const struct series *over,
			      const struct series *under)
{
	size_t n = over->n < under->n ? over->n : under->n;
	double *v = grow(NULL, n * sizeof(*v));
	double r;

	for (size_t i = 0; i < n; i++)
		v[i] = relate(g->kind, value(&over->samples[i], g->measure),
			      value(&under->samples[i], g->measure));
	r = median(v, n);
	free(v);

	return r;
}

bool goal_compare(const struct goal *g, struct comparison *ret)
{
	const struct series *over = series_find(&g->over), *under = series_find(&g->under);
	double r;

	if (!over || !under)
		return false;
	ret->of_pairs = median_of_pairs(g, over, under);
	ret->of_medians =
		relate(g->kind, series_median(over, g->measure), series_median(under, g->measure));
	r = ret->of_pairs;
	ret->reached = g->kind == TIMES_AT_LEAST ? r >= g->bound : r <= g->bound;

	return true;
}
