/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool - which of a node's own numbers of a space are in use */
#include "overlay/pool.h"

#include <errno.h>
#include <stdlib.h>

void pool_clear(struct pool *p)
{
	free(p->v);
	*p = (struct pool){ .rest = p->rest };
}

/* The place of the first entry at or behind @number. */
static uint32_t place(const struct pool *p, uint64_t number)
{
	uint32_t low = 0, high = p->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (p->v[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

static struct pool_entry *find(const struct pool *p, uint64_t number)
{
	uint32_t at = place(p, number);

	return at < p->n && p->v[at].number == number ? &p->v[at] : NULL;
}

static int insert(struct pool *p, uint64_t number)
{
	uint32_t at = place(p, number);

	if (p->n == p->cap) {
		uint32_t cap = p->cap ? 2 * p->cap : 16;
		struct pool_entry *v = realloc(p->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	memmove(p->v + at + 1, p->v + at, (p->n - at) * sizeof(*p->v));
	p->v[at] = (struct pool_entry){ .number = number, .until = MS_NEVER };
	p->n++;
	p->in_use++;

	return 0;
}

int pool_take(struct pool *p, uint64_t number, ms_t now)
{
	struct pool_entry *e = find(p, number);

	if (!e)
		return insert(p, number);
	if (e->until > now)
		return -EBUSY;
	e->until = MS_NEVER;
	p->in_use++;

	return 0;
}

int pool_hold(struct pool *p, uint64_t number)
{
	struct pool_entry *e = find(p, number);

	if (!e)
		return insert(p, number);
	p->in_use += e->until != MS_NEVER;
	e->until = MS_NEVER;

	return 0;
}

int pool_release(struct pool *p, uint64_t number, ms_t now)
{
	struct pool_entry *e = find(p, number);

	if (!e || e->until != MS_NEVER)
		return -ENOENT;
	e->until = now + p->rest;
	p->in_use--;

	return 0;
}

bool pool_drop(struct pool *p, uint64_t number)
{
	uint32_t at = place(p, number);
	bool used;

	if (at == p->n || p->v[at].number != number)
		return false;
	used = p->v[at].until == MS_NEVER;
	p->in_use -= used;
	p->n--;
	memmove(p->v + at, p->v + at + 1, (p->n - at) * sizeof(*p->v));

	return used;
}

const struct pool_entry *pool_from(const struct pool *p, uint64_t number)
{
	uint32_t at = place(p, number);

	return at < p->n ? &p->v[at] : NULL;
}

void pool_tidy(struct pool *p, ms_t now)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->n; i++)
		if (p->v[i].until > now)
			p->v[kept++] = p->v[i];
	p->n = kept;
}

static void keep_larger(struct span *best, bool *any, uint64_t first, uint64_t last)
{
	if (*any && last - first <= best->last - best->first)
		return;
	*best = (struct span){ first, last };
	*any = true;
}

bool pool_free_run(const struct pool *p, struct span within, ms_t now, struct span *ret)
{
	uint64_t first = within.first;
	bool any = false;

	for (uint32_t i = place(p, first); i < p->n && p->v[i].number <= within.last; i++) {
		uint64_t number = p->v[i].number;

		if (p->v[i].until <= now)
			continue;
		if (number > first)
			keep_larger(ret, &any, first, number - 1);
		if (number == within.last)
			return any;
		first = number + 1;
	}
	keep_larger(ret, &any, first, within.last);

	return any;
}

bool pool_lowest(const struct pool *p, struct span within, ms_t now, uint64_t *ret)
{
	uint64_t number = within.first;

	for (uint32_t i = place(p, number); i < p->n && p->v[i].number == number; i++) {
		if (p->v[i].until <= now)
			break;
		if (number == within.last)
			return false;
		number++;
	}
	*ret = number;

	return true;
}

uint64_t pool_busy(const struct pool *p, struct span within)
{
	uint64_t n = 0;

	for (uint32_t i = place(p, within.first); i < p->n && p->v[i].number <= within.last; i++)
		n++;

	return n;
}
