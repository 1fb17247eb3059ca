/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entries - see entries.h. */
#include "netd/entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_LEAST 16

/* ---- the table --------------------------------------------------------------- */

int entries_init(struct entries *t)
{
	struct entry **buckets = calloc(BUCKETS_LEAST, sizeof(struct entry *));

	if (!buckets)
		return -ENOMEM;
	*t = (struct entries){ .buckets = buckets, .n_buckets = BUCKETS_LEAST };
	t->work_end = &t->work;

	return 0;
}

void entries_clear(struct entries *t)
{
	for (uint32_t i = 0; i < t->n_buckets; i++) {
		while (t->buckets[i]) {
			struct entry *e = t->buckets[i];

			t->buckets[i] = e->next;
			free(e);
		}
	}
	free(t->buckets);
	*t = (struct entries){ 0 };
}

static bool has_mac_key(uint8_t kind)
{
	return kind == ENTRY_FDB;
}

static bool same_key(const struct entry_is *a, const struct entry_is *b)
{
	if (a->kind != b->kind)
		return false;

	return has_mac_key(a->kind) ? memcmp(a->mac, b->mac, sizeof(a->mac)) == 0
				    : ip_equal(&a->ip, &b->ip);
}

static bool same_value(const struct entry_is *a, const struct entry_is *b)
{
	if (has_mac_key(a->kind))
		return !ip_is_set(&b->ip) || ip_equal(&a->ip, &b->ip);

	return a->kind != ENTRY_NEIGHBOUR || memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

static uint32_t hash_of(const struct entry_is *is)
{
	const uint8_t *b = has_mac_key(is->kind) ? is->mac : is->ip.b;
	size_t len = has_mac_key(is->kind) ? sizeof(is->mac) : sizeof(is->ip.b);
	uint32_t h = 0x811c9dc5u ^ is->kind;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x01000193u;

	return h ^ h >> 15;
}

static struct entry **bucket_of(const struct entries *t, const struct entry_is *is)
{
	return &t->buckets[hash_of(is) & (t->n_buckets - 1)];
}

struct entry *entries_find(const struct entries *t, const struct entry_is *is)
{
	for (struct entry *e = *bucket_of(t, is); e; e = e->next)
		if (same_key(&e->is, is))
			return e;

	return NULL;
}

/* Without memory the buckets stay as they are, only fuller. */
static void grow(struct entries *t)
{
	uint32_t n_old = t->n_buckets;
	struct entry **old = t->buckets, **buckets = calloc(2 * n_old, sizeof(struct entry *));

	if (!buckets)
		return;
	t->buckets = buckets;
	t->n_buckets = 2 * n_old;
	for (uint32_t i = 0; i < n_old; i++) {
		while (old[i]) {
			struct entry *e = old[i], **to = bucket_of(t, &e->is);

			old[i] = e->next;
			e->next = *to;
			*to = e;
		}
	}
	free(old);
}

static struct entry *add(struct entries *t, const struct entry_is *is)
{
	struct entry *e = calloc(1, sizeof(*e)), **at;

	if (!e)
		return NULL;
	if (t->n >= t->n_buckets)
		grow(t);
	at = bucket_of(t, is);
	e->is = *is;
	e->next = *at;
	*at = e;
	t->n++;

	return e;
}

static void drop(struct entries *t, struct entry *e)
{
	struct entry **at = bucket_of(t, &e->is);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	t->n--;
	free(e);
}

static void queue(struct entries *t, struct entry *e)
{
	if (e->state & ENTRY_QUEUED)
		return;
	e->state |= ENTRY_QUEUED;
	e->next_work = NULL;
	*t->work_end = e;
	t->work_end = &e->next_work;
}

static void condemn(struct entries *t, struct entry *e)
{
	e->state |= ENTRY_CONDEMNED;
	queue(t, e);
}

/* ---- what is wanted ------------------------------------------------------------ */

/* What was announced by the process before this one need not be again. */
static void set_value(struct entry *e, const struct entry_is *is)
{
	if (same_value(&e->is, is) && e->state & ENTRY_SAME)
		return;
	e->is = *is;
	e->state &= (uint16_t)~ENTRY_SAME;
	e->state |= ENTRY_NEWS;
}

int entries_want(struct entries *t, const struct entry_is *is)
{
	struct entry *e = entries_find(t, is);

	if (!e)
		e = add(t, is);
	if (!e)
		return -ENOMEM;
	set_value(e, is);
	t->wanted[is->kind] += !(e->state & ENTRY_WANTED);
	e->state |= ENTRY_WANTED;
	e->state &= (uint16_t)~ENTRY_CONDEMNED;
	if (!(e->state & ENTRY_SAME))
		queue(t, e);

	return 0;
}

static void unwant(struct entries *t, struct entry *e)
{
	t->wanted[e->is.kind] -= !!(e->state & ENTRY_WANTED);
	e->state &= (uint16_t)~ENTRY_WANTED;
}

void entries_unwant(struct entries *t, const struct entry_is *is)
{
	struct entry *e = entries_find(t, is);

	if (!e)
		return;
	unwant(t, e);
	condemn(t, e);
}

/* @fn may queue and change, but not drop. */
void entries_each(const struct entries *t, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	for (uint32_t i = 0; i < t->n_buckets; i++)
		for (struct entry *e = t->buckets[i]; e; e = e->next)
			fn(ctx, e);
}

static void doubt_one(void *ctx, struct entry *e)
{
	unwant(ctx, e);
	if (!(e->state & ENTRY_THERE))
		queue(ctx, e);
}

void entries_doubt(struct entries *t)
{
	t->complete = false;
	entries_each(t, doubt_one, t);
}

static void condemn_leftover(void *ctx, struct entry *e)
{
	if (!(e->state & ENTRY_WANTED))
		condemn(ctx, e);
}

void entries_complete(struct entries *t)
{
	t->complete = true;
	entries_each(t, condemn_leftover, t);
}

/* ---- what the kernel says --------------------------------------------------------- */

bool entries_lost(struct entries *t, const struct entry_is *is)
{
	struct entry *e = entries_find(t, is);

	if (!e || !(e->state & ENTRY_SAME))
		return false;
	e->state &= (uint16_t)~ENTRY_SAME;
	queue(t, e);

	return e->state & ENTRY_WANTED;
}

bool entries_found(struct entries *t, const struct entry_is *is)
{
	const struct entry *e = entries_find(t, is);

	return e && !same_value(&e->is, is) && entries_lost(t, is);
}

void entries_again(struct entries *t, const struct entry_is *is)
{
	struct entry *e = entries_find(t, is);

	if (!e)
		return;
	e->state &= (uint16_t)~ENTRY_SAME;
	queue(t, e);
}

/* ---- comparisons -------------------------------------------------------------------- */

#define SEEN_IN(place) ((unsigned int)ENTRY_SEEN * (place))
#define SEEN_ANYWHERE  SEEN_IN(ENTRY_IN_VXLAN | ENTRY_IN_BRIDGE)

static unsigned int seen_in_full(uint8_t kind)
{
	return has_mac_key(kind) ? SEEN_ANYWHERE : SEEN_IN(ENTRY_IN_VXLAN);
}

struct comparison {
	struct entries *t;
	unsigned int kinds;
	uint32_t drifted;
};

static void begin_one(void *ctx, struct entry *e)
{
	const struct comparison *c = ctx;

	if (c->kinds & ENTRY_BIT(e->is.kind))
		e->state &= (uint16_t) ~(SEEN_ANYWHERE | ENTRY_OTHER);
}

void entries_begin(struct entries *t, unsigned int kinds)
{
	entries_each(t, begin_one, &(struct comparison){ .kinds = kinds });
}

int entries_see(struct entries *t, const struct entry_is *is, enum entry_place place, bool ours)
{
	struct entry *e = entries_find(t, is);

	if (!e && !ours)
		return 0;
	if (!e)
		e = add(t, is);
	if (!e)
		return -ENOMEM;
	if (!(e->state & ENTRY_WANTED) && (!has_mac_key(is->kind) || ip_is_set(&is->ip)))
		e->is = *is;
	e->state |= (uint16_t)SEEN_IN(place);
	if (!same_value(&e->is, is))
		e->state |= ENTRY_OTHER;

	return 0;
}

static void end_one(void *ctx, struct entry *e)
{
	struct comparison *c = ctx;
	unsigned int full = seen_in_full(e->is.kind);
	bool same = (e->state & (full | ENTRY_OTHER)) == full, was = e->state & ENTRY_SAME;

	if (!(c->kinds & ENTRY_BIT(e->is.kind)))
		return;
	e->state &= (uint16_t) ~(ENTRY_SAME | ENTRY_THERE);
	if (e->state & SEEN_ANYWHERE)
		e->state |= ENTRY_THERE;
	if (same)
		e->state |= ENTRY_SAME;
	if (!(e->state & ENTRY_WANTED) && (c->t->complete || !(e->state & ENTRY_THERE)))
		condemn(c->t, e);
	else if (e->state & ENTRY_WANTED && !same)
		queue(c->t, e);
	c->drifted += e->state & ENTRY_WANTED && was && !same;
}

uint32_t entries_end(struct entries *t, unsigned int kinds)
{
	struct comparison c = { .t = t, .kinds = kinds };

	entries_each(t, end_one, &c);

	return c.drifted;
}

/* ---- work ------------------------------------------------------------------------------ */

struct entry *entries_pop(struct entries *t)
{
	struct entry *e = t->work;

	if (!e)
		return NULL;
	t->work = e->next_work;
	if (!t->work)
		t->work_end = &t->work;
	e->state &= (uint16_t)~ENTRY_QUEUED;

	return e;
}

void entries_sent(struct entry *e)
{
	e->state |= ENTRY_THERE | ENTRY_SAME;
	e->state &= (uint16_t)~ENTRY_NEWS;
}

void entries_deleted(struct entries *t, struct entry *e)
{
	e->state &= (uint16_t) ~(ENTRY_THERE | ENTRY_SAME | ENTRY_CONDEMNED);
	if (!(e->state & (ENTRY_WANTED | ENTRY_QUEUED)))
		drop(t, e);
}
