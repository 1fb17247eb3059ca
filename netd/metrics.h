/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics - counters and gauges as Prometheus reads them
 *
 * A module registers a table over a struct of its own, whose members are read
 * when somebody asks; what has to be counted or labelled on the spot is written
 * by a function.  Names begin with "heddle_netd_", counters end in "_total".
 *
 * Source: Prometheus text exposition format 0.0.4.
 */
#ifndef NETD_METRICS_H
#define NETD_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct metrics;
struct metrics_page;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };
enum metric_value { METRIC_U64, METRIC_U32, METRIC_U16, METRIC_DOUBLE, METRIC_BOOL };

/* Rows of one name follow each other, and differ in their labels. */
struct metric {
	const char *name;
	const char *labels; /* reason="stranger", or NULL */
	const char *help;   /* of the first row of a name; NULL in those that follow */
	enum metric_type type;
	enum metric_value value;
	size_t offset; /* in the struct that metrics_register() is given */
};

struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *m);

/* @table is ended by a row without a name; it and @base outlive @m. */
int metrics_register(struct metrics *m, const struct metric *table, const void *base,
		     struct err *e);

/* @fn writes with metrics_head() and metrics_put(). */
int metrics_register_call(struct metrics *m, void (*fn)(void *ctx, struct metrics_page *page),
			  void *ctx, struct err *e);

/* A name's first lines; then its values. */
void metrics_head(struct metrics_page *page, const char *name, enum metric_type type,
		  const char *help);

/* @labels: printf format of the text in braces, NULL for none; values must need no escapes. */
void metrics_put(struct metrics_page *page, const char *name, double value, const char *labels, ...)
	__attribute__((format(printf, 4, 5)));

/* The page as text, the caller's to free; NULL: no memory. */
char *metrics_text(struct metrics *m, size_t *ret_len);

#endif
