/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics - see metrics.h */
#include "netd/metrics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* A table, or a function that writes. */
struct source {
	struct source *next;
	const struct metric *table;
	const void *base;
	void (*fn)(void *ctx, struct metrics_page *page);
	void *ctx;
};

struct metrics_page {
	FILE *out;
};

struct metrics {
	struct source *first, **last;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m)
		m->last = &m->first;

	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	while (m->first) {
		struct source *source = m->first;

		m->first = source->next;
		free(source);
	}
	free(m);
}

static int add(struct metrics *m, const struct source *source, struct err *e)
{
	struct source *copy = malloc(sizeof(*copy));

	if (!copy)
		return err_sys(e, ENOMEM, "register metrics");
	*copy = *source;
	*m->last = copy;
	m->last = &copy->next;

	return 0;
}

int metrics_register(struct metrics *m, const struct metric *table, const void *base, struct err *e)
{
	return add(m, &(struct source){ .table = table, .base = base }, e);
}

int metrics_register_call(struct metrics *m, void (*fn)(void *ctx, struct metrics_page *page),
			  void *ctx, struct err *e)
{
	return add(m, &(struct source){ .fn = fn, .ctx = ctx }, e);
}

/* ---- the page --------------------------------------------------------------- */

void metrics_head(struct metrics_page *page, const char *name, enum metric_type type,
		  const char *help)
{
	fprintf(page->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		type == METRIC_COUNTER ? "counter" : "gauge");
}

/* %.17g would show 0.1 as 0.10000000000000001; counters are whole up to 2^53 with %.16g. */
static void put_value(struct metrics_page *page, double value)
{
	fprintf(page->out, " %.16g\n", value);
}

void metrics_put(struct metrics_page *page, const char *name, double value, const char *labels, ...)
{
	va_list ap;

	fputs(name, page->out);
	if (labels) {
		fputc('{', page->out);
		va_start(ap, labels);
		vfprintf(page->out, labels, ap);
		va_end(ap);
		fputc('}', page->out);
	}
	put_value(page, value);
}

static double read_value(const struct metric *row, const void *base)
{
	const void *at = (const char *)base + row->offset;

	switch (row->value) {
	case METRIC_U64:
		return (double)*(const uint64_t *)at;
	case METRIC_U32:
		return *(const uint32_t *)at;
	case METRIC_U16:
		return *(const uint16_t *)at;
	case METRIC_DOUBLE:
		return *(const double *)at;
	case METRIC_BOOL:
		return *(const bool *)at;
	}

	return 0;
}

static void write_table(struct metrics_page *page, const struct source *source)
{
	for (const struct metric *row = source->table; row->name; row++) {
		if (row->help)
			metrics_head(page, row->name, row->type, row->help);
		metrics_put(page, row->name, read_value(row, source->base),
			    row->labels ? "%s" : NULL, row->labels);
	}
}

char *metrics_text(struct metrics *m, size_t *ret_len)
{
	struct metrics_page page;
	char *text = NULL;

	page.out = open_memstream(&text, ret_len);
	if (!page.out)
		return NULL;
	for (const struct source *source = m->first; source; source = source->next)
		if (source->table)
			write_table(&page, source);
		else
			source->fn(source->ctx, &page);
	if (fclose(page.out) == 0)
		return text;
	free(text);

	return NULL;
}
