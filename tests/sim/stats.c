/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats - figures over the seeds of a point */
#include <math.h>
#include <stdlib.h>

#include "tests/sim/exp.h"

unsigned int results_of(const struct results *r, unsigned int point, unsigned int metric,
			double *ret)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->seeds; i++) {
		double v = r->v[((size_t)point * r->seeds + i) * METRICS_MAX + metric];

		if (!isnan(v))
			ret[n++] = v;
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Between two values it is interpolated. */
double stat_quantile(double *v, unsigned int n, double q)
{
	double at = q * (n - 1);
	unsigned int below = (unsigned int)at;

	if (n == 0)
		return NAN;
	qsort(v, n, sizeof(*v), compare);
	if (below + 1 >= n)
		return v[n - 1];
	return v[below] + (v[below + 1] - v[below]) * (at - below);
}

double stat_sum(const double *v, unsigned int n)
{
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

double stat_mean(const double *v, unsigned int n)
{
	return n ? stat_sum(v, n) / n : NAN;
}

double results_quantile(const struct results *r, unsigned int point, unsigned int metric, double q)
{
	double *v = calloc(r->seeds, sizeof(*v)), value;

	if (!v)
		abort();
	value = stat_quantile(v, results_of(r, point, metric, v), q);
	free(v);
	return value;
}

double results_mean(const struct results *r, unsigned int point, unsigned int metric)
{
	double *v = calloc(r->seeds, sizeof(*v)), value;

	if (!v)
		abort();
	value = stat_mean(v, results_of(r, point, metric, v));
	free(v);
	return value;
}

double results_sum(const struct results *r, unsigned int point, unsigned int metric)
{
	double *v = calloc(r->seeds, sizeof(*v)), value;

	if (!v)
		abort();
	value = stat_sum(v, results_of(r, point, metric, v));
	free(v);
	return value;
}

double results_max(const struct results *r, unsigned int point, unsigned int metric)
{
	return results_quantile(r, point, metric, 1);
}

/* Seeds are drawn anew, the same ones for both points: runs of one seed belong together. */
static double one_draw(const struct results *r, unsigned int point, unsigned int base,
		       unsigned int metric, struct sim *dice)
{
	double over = 0, under = 0;

	for (unsigned int i = 0; i < r->seeds; i++) {
		unsigned int at = sim_below(dice, r->seeds);

		over += r->v[((size_t)point * r->seeds + at) * METRICS_MAX + metric];
		under += r->v[((size_t)base * r->seeds + at) * METRICS_MAX + metric];
	}
	return over / under;
}

struct ratio results_ratio(const struct results *r, unsigned int point, unsigned int base,
			   unsigned int metric)
{
	enum { DRAWS = 2000 };
	struct sim dice = { .random = 1 };
	double draws[DRAWS];

	for (unsigned int i = 0; i < DRAWS; i++)
		draws[i] = one_draw(r, point, base, metric, &dice);
	return (struct ratio){
		.value = results_sum(r, point, metric) / results_sum(r, base, metric),
		.low = stat_quantile(draws, DRAWS, 0.025),
		.high = stat_quantile(draws, DRAWS, 0.975),
	};
}

bool check_most(FILE *out, const char *what, double value, double most)
{
	if (value <= most)
		return true;
	fprintf(out, "# %s: %g, at most %g is asked for\n", what, value, most);
	return false;
}
