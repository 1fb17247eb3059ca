/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - a node's disk: what is durable stays, what was lazy goes in a crash
 *
 * As env.h has it, a lazy record is lost only if it is younger than
 * STORE_LAZY_MS and nothing durable was stored after it; what it replaced is
 * there again then.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	struct entry *older; /* what it replaced, until it is sure to stay; NULL: nothing */
	uint16_t kind, key_len;
	uint32_t len;	/* 0: removed */
	uint64_t order; /* of storing */
	us_t at;
	uint8_t bytes[]; /* key, then value */
};

struct store {
	struct entry **bucket;
	size_t n_buckets, n;
	uint64_t order, durable; /* of the last record; of the last that was durable */
};

struct store *store_new(void)
{
	return calloc(1, sizeof(struct store));
}

void store_free(struct store *st)
{
	for (size_t i = 0; i < st->n_buckets; i++)
		while (st->bucket[i]) {
			struct entry *e = st->bucket[i];

			st->bucket[i] = e->next;
			free(e->older);
			free(e);
		}
	free(st->bucket);
	free(st);
}

static size_t place(const struct store *st, uint16_t kind, const uint8_t *key, size_t len)
{
	uint64_t h = kind;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * 0x100000001b3U;
	return (size_t)(h * 0x9e3779b97f4a7c15U >> 20) & (st->n_buckets - 1);
}

static struct entry **find(const struct store *st, uint16_t kind, const uint8_t *key, size_t len)
{
	struct entry **at = &st->bucket[place(st, kind, key, len)];

	while (*at && ((*at)->kind != kind || (*at)->key_len != len ||
		       memcmp((*at)->bytes, key, len) != 0))
		at = &(*at)->next;
	return at;
}

static void grow(struct store *st)
{
	struct store bigger = *st;

	bigger.n_buckets = st->n_buckets ? st->n_buckets * 2 : 16;
	bigger.bucket = calloc(bigger.n_buckets, sizeof(struct entry *));
	if (!bigger.bucket)
		abort();
	for (size_t i = 0; i < st->n_buckets; i++)
		while (st->bucket[i]) {
			struct entry *e = st->bucket[i];
			struct entry **to;

			st->bucket[i] = e->next;
			to = &bigger.bucket[place(&bigger, e->kind, e->bytes, e->key_len)];
			e->next = *to;
			*to = e;
		}
	free(st->bucket);
	*st = bigger;
}

static void drop(struct store *st, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	free(e->older);
	free(e);
	st->n--;
}

static bool would_stay(const struct store *st, const struct entry *e, us_t now)
{
	return e->order <= st->durable || now - e->at >= MS(STORE_LAZY_MS);
}

/* Takes out of the list what is to be replaced.  Return: what would be there after a crash now. */
static struct entry *take_out(struct store *st, struct entry **at, us_t now)
{
	struct entry *e = *at, *older;

	if (!e)
		return NULL;
	*at = e->next;
	st->n--;
	older = e->older;
	if (would_stay(st, e, now)) {
		free(older);
		e->older = NULL;
		return e;
	}
	free(e);

	return older;
}

int store_put(struct store *st, const struct record *r, bool durable, us_t now)
{
	struct entry **at, *e, *older;

	if (st->n >= st->n_buckets)
		grow(st);
	e = malloc(sizeof(*e) + r->key_len + r->len);
	if (!e)
		return -ENOMEM;
	at = find(st, r->kind, r->key, r->key_len);
	older = take_out(st, at, now);
	st->order++;
	if (durable) {
		st->durable = st->order;
		free(older);
		older = NULL;
	}
	*e = (struct entry){ .next = *at,
			     .older = older,
			     .kind = r->kind,
			     .key_len = r->key_len,
			     .len = r->len,
			     .order = st->order,
			     .at = now };
	memcpy(e->bytes, r->key, r->key_len);
	if (r->len > 0)
		memcpy(e->bytes + r->key_len, r->value, r->len);
	*at = e;
	st->n++;

	return 0;
}

static void go_back(struct store *st, struct entry **at)
{
	struct entry *older = (*at)->older;

	if (!older) {
		drop(st, at);
		return;
	}
	older->next = (*at)->next;
	free(*at);
	*at = older;
}

void store_crash(struct store *st, us_t now)
{
	for (size_t i = 0; i < st->n_buckets; i++)
		for (struct entry **at = &st->bucket[i]; *at;) {
			if (would_stay(st, *at, now))
				at = &(*at)->next;
			else
				go_back(st, at);
		}
}

void store_each(const struct store *st, void (*fn)(void *ctx, const struct record *r), void *ctx)
{
	for (size_t i = 0; i < st->n_buckets; i++)
		for (const struct entry *e = st->bucket[i]; e; e = e->next) {
			if (e->len == 0)
				continue;
			fn(ctx, &(struct record){ .kind = e->kind,
						  .key_len = e->key_len,
						  .len = e->len,
						  .key = e->bytes,
						  .value = e->bytes + e->key_len });
		}
}

static void copy_one(void *ctx, const struct record *r)
{
	if (store_put(ctx, r, true, 0) < 0)
		abort();
}

void store_copy(struct store *to, const struct store *from)
{
	struct store old = *to;
	struct store *spare = malloc(sizeof(*spare));

	if (!spare)
		abort();
	*spare = old;
	*to = (struct store){ 0 };
	store_each(from, copy_one, to);
	store_free(spare);
}
