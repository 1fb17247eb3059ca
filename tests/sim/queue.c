/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue - what happens next: a heap by time, then by order of insertion */
#include "tests/sim/sim.h"

#include <stdlib.h>

struct queue {
	struct happens *h;
	size_t n, cap;
	uint64_t order;
};

struct queue *queue_new(void)
{
	return calloc(1, sizeof(struct queue));
}

void queue_free(struct queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->h[i].what == HAPPEN_DELIVER)
			free(q->h[i].message);
	free(q->h);
	free(q);
}

static bool sooner(const struct happens *a, const struct happens *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void queue_put(struct queue *q, const struct happens *h)
{
	struct happens it = *h;
	size_t i;

	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 1024;
		q->h = realloc(q->h, q->cap * sizeof(*q->h));
		if (!q->h)
			abort();
	}
	it.order = q->order++;
	/* Four children a parent: half as many levels, and they share cache lines. */
	for (i = q->n++; i > 0 && sooner(&it, &q->h[(i - 1) / 4]); i = (i - 1) / 4)
		q->h[i] = q->h[(i - 1) / 4];
	q->h[i] = it;
}

static size_t soonest_child(const struct queue *q, size_t parent)
{
	size_t first = 4 * parent + 1, best = first;

	for (size_t i = first + 1; i < first + 4 && i < q->n; i++)
		if (sooner(&q->h[i], &q->h[best]))
			best = i;
	return best;
}

bool queue_take(struct queue *q, us_t until, struct happens *ret)
{
	struct happens last;
	size_t i = 0;

	if (q->n == 0 || q->h[0].at > until)
		return false;

	*ret = q->h[0];
	last = q->h[--q->n];
	while (4 * i + 1 < q->n) {
		size_t child = soonest_child(q, i);

		if (!sooner(&q->h[child], &last))
			break;
		q->h[i] = q->h[child];
		i = child;
	}
	q->h[i] = last;
	return true;
}
