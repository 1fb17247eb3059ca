/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp - what an experiment is, and what it may use to report
 *
 * An experiment is a file exp_NAME.c that registers itself.  It has points (a
 * cluster size, a configuration), each is run with many seeds, and a run fills
 * in one number a metric.  A run that breaks an invariant fails: its trace is
 * printed together with the command that repeats it.
 */
#ifndef EXP_H
#define EXP_H

#include "tests/sim/sim.h"

#define METRICS_MAX 24

struct run {
	const struct experiment *e;
	unsigned int point;
	uint64_t seed;
	bool full;
	double *metric; /* as many as the experiment has; NAN until set */
};

struct results {
	const struct experiment *e;
	unsigned int points, seeds;
	bool full;
	double *v; /* [point][seed][METRICS_MAX] */
};

struct experiment {
	const char *name;  /* a word: file names and the command line */
	const char *title; /* of the page */
	unsigned int metrics;
	unsigned int points[2]; /* in the quick and in the full set; 0: not in it */
	unsigned int seeds[2];
	/* Return: 0, or -1 when an invariant broke; run_fail() said which. */
	int (*run)(struct run *r);
	/* Whether the figures are as asked for: says on @out what is not.  NULL: anything is. */
	bool (*check)(const struct results *r, FILE *out);
	/* Text, tables and the names of plots, in Markdown; plots go to @dir. */
	void (*report)(const struct results *r, FILE *md, const char *dir);
	struct experiment *next;
};

#define EXPERIMENT(variable)                                                                       \
	__attribute__((constructor)) static void register_experiment(void)                         \
	{                                                                                          \
		experiment_register(&(variable));                                                  \
	}

void experiment_register(struct experiment *e);

/* Say what broke, print the trace.  Return: -1. */
int run_fail(struct run *r, struct sim *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- stats.c: figures over the seeds of a point ------------------------------------- */

/* A metric of all seeds in @ret, which has room for r->seeds.  Return: how many are numbers. */
unsigned int results_of(const struct results *r, unsigned int point, unsigned int metric,
			double *ret);

double stat_quantile(double *v, unsigned int n, double q); /* sorts @v */
double stat_mean(const double *v, unsigned int n);
double stat_sum(const double *v, unsigned int n);

double results_quantile(const struct results *r, unsigned int point, unsigned int metric, double q);
double results_mean(const struct results *r, unsigned int point, unsigned int metric);
double results_sum(const struct results *r, unsigned int point, unsigned int metric);
double results_max(const struct results *r, unsigned int point, unsigned int metric);

struct ratio {
	double value, low, high; /* 95 % interval, by bootstrap over seeds */
};

/* Sum of a metric at @point over its sum at @base. */
struct ratio results_ratio(const struct results *r, unsigned int point, unsigned int base,
			   unsigned int metric);

/* Whether @value is at most @most; if not, @out gets a line that names @what. */
bool check_most(FILE *out, const char *what, double value, double most);

/* ---- plot.c: SVG ---------------------------------------------------------------------- */

struct plot_series {
	const char *name;
	const double *x, *y;
	unsigned int n;
	bool reference; /* of others: dashed */
};

struct plot {
	const char *title, *x_label, *y_label;
	bool log_x, log_y;
	const struct plot_series *series;
	unsigned int n;
};

/* Write @p to DIR/NAME.svg. */
void plot_write(const struct plot *p, const char *dir, const char *name);

#endif
