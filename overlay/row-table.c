/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row-table - the rows of one owner in one network, as one observer has them */
#include "overlay/row-table.h"

#include <errno.h>
#include <stdlib.h>

static void change_free(struct row_change *c)
{
	free(c->row);
	free(c);
}

void row_table_clear(struct row_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->rows[i]);
	for (unsigned int i = 0; i < t->n_ahead; i++)
		change_free(t->ahead[i]);
	free(t->ahead);
	free(t->rows);
	free(t->head);
	*t = (struct row_table){ .owner = t->owner };
}

/* ---- the base -------------------------------------------------------------- */

/* The index of the first row at or behind @place. */
static uint32_t index_of(const struct row_table *t, uint64_t place)
{
	uint32_t low = 0, high = t->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->rows[mid]->leaf.place < place)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

const struct row *row_table_base(const struct row_table *t, uint64_t place)
{
	uint32_t i = index_of(t, place);

	return i < t->n && t->rows[i]->leaf.place == place ? t->rows[i] : NULL;
}

static int reserve(struct row_table *t)
{
	uint32_t cap = t->cap + t->cap / 2 + 4;
	struct row **rows;

	if (t->n < t->cap)
		return 0;
	rows = realloc(t->rows, cap * sizeof(struct row *));
	if (!rows)
		return -ENOMEM;
	t->rows = rows;
	t->cap = cap;

	return 0;
}

/* Put or remove; there is room.  Return: the row that was at its place, or NULL. */
static struct row *exchange(struct row_table *t, uint64_t place, struct row *r)
{
	uint32_t i = index_of(t, place);
	struct row *was = i < t->n && t->rows[i]->leaf.place == place ? t->rows[i] : NULL;

	if (was && !r)
		memmove(t->rows + i, t->rows + i + 1, (--t->n - i) * sizeof(struct row *));
	if (!was && r)
		memmove(t->rows + i + 1, t->rows + i, (t->n++ - i) * sizeof(struct row *));
	if (r)
		t->rows[i] = r;
	t->bytes += (uint32_t)((r ? row_bytes(r) : 0) - (was ? row_bytes(was) : 0));

	return was;
}

static const struct tree_leaf *leaf_at(const void *ctx, uint32_t i)
{
	struct row *const *rows = ctx;

	return &rows[i]->leaf;
}

static void root_of(struct row **rows, uint32_t n, uint8_t ret[TREE_HASH_LEN])
{
	tree_root(&(struct tree_leaves){ .at = leaf_at, .ctx = (const void *)rows, .n = n }, ret);
}

static int check_room(struct row_table *t, const struct row *r)
{
	if (!r->removed && (t->n >= TABLE_ROWS || t->bytes + row_bytes(r) > TABLE_BYTES))
		return -ENOSPC;

	return reserve(t);
}

int row_table_root_with(struct row_table *t, struct row *r, uint8_t ret[TREE_HASH_LEN])
{
	int err = check_room(t, r);
	struct row *was;

	if (err < 0)
		return err;
	was = exchange(t, r->leaf.place, r->removed ? NULL : r);
	root_of(t->rows, t->n, ret);
	(void)exchange(t, r->leaf.place, was);

	return 0;
}

/* ---- ahead of it ----------------------------------------------------------- */

static void drop_ahead(struct row_table *t, unsigned int i)
{
	t->n_ahead--;
	memmove(t->ahead + i, t->ahead + i + 1, (t->n_ahead - i) * sizeof(struct row_change *));
}

static enum table_verdict wait_ahead(struct row_table *t, struct row_change *c)
{
	unsigned int i = t->n_ahead;

	if (t->n_ahead == TABLE_AHEAD)
		return TABLE_FULL;
	if (!t->ahead)
		t->ahead = calloc(TABLE_AHEAD, sizeof(struct row_change *));
	if (!t->ahead)
		return TABLE_NO_MEMORY;
	for (; i > 0 && t->ahead[i - 1]->head.of.version > c->head.of.version; i--)
		t->ahead[i] = t->ahead[i - 1];
	t->ahead[i] = c;
	t->n_ahead++;

	return TABLE_AHEAD_OF;
}

/* The newest change of a place that waits, or NULL. */
static const struct row *newest_ahead(const struct row_table *t, uint64_t place)
{
	for (unsigned int i = t->n_ahead; i > 0; i--)
		if (t->ahead[i - 1]->row->leaf.place == place)
			return t->ahead[i - 1]->row;

	return NULL;
}

bool row_table_wants(const struct row_table *t, uint64_t version)
{
	if (version <= table_version(t))
		return false;
	for (unsigned int i = 0; i < t->n_ahead; i++)
		if (t->ahead[i]->head.of.version == version)
			return false;

	return true;
}

const struct row *row_table_at(const struct row_table *t, uint64_t place)
{
	const struct row *r = newest_ahead(t, place);

	if (!r)
		return row_table_base(t, place);

	return r->removed ? NULL : r;
}

void row_table_each(const struct row_table *t, void (*fn)(void *ctx, const struct row *r),
		    void *ctx)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->n_ahead == 0 || !newest_ahead(t, t->rows[i]->leaf.place))
			fn(ctx, t->rows[i]);
	for (unsigned int i = 0; i < t->n_ahead; i++) {
		const struct row *r = t->ahead[i]->row;

		if (!r->removed && newest_ahead(t, r->leaf.place) == r)
			fn(ctx, r);
	}
}

static void tell(const struct table_watch *w, const struct row_table *t, const struct row *was,
		 const struct row *now)
{
	if (w)
		w->changed(w->ctx, t, was, now);
}

/* ---- from one complete state to the next ----------------------------------- */

/* Try a change on the base.  Return: TABLE_APPLIED, or why not, and nothing happened. */
static enum table_verdict try_on_base(struct row_table *t, struct row_change *c,
				      const struct table_watch *watch)
{
	struct row *put = c->row->removed ? NULL : c->row, *was;
	struct signed_head *head = t->head ? t->head : malloc(sizeof(*head));
	uint64_t place = c->row->leaf.place;
	uint8_t root[TREE_HASH_LEN];
	int err = check_room(t, c->row);

	if (!head || err == -ENOMEM) {
		if (!t->head)
			free(head);
		return TABLE_NO_MEMORY;
	}
	if (err == 0) {
		was = exchange(t, place, put);
		root_of(t->rows, t->n, root);
		if (memcmp(root, c->head.of.root, TREE_HASH_LEN) == 0) {
			t->head = head;
			*head = c->head;
			if (!newest_ahead(t, place))
				tell(watch, t, was, put);
			free(was);
			if (!put)
				free(c->row);
			free(c);
			return TABLE_APPLIED;
		}
		(void)exchange(t, place, was);
	}
	if (!t->head)
		free(head);

	return err < 0 ? TABLE_FULL : TABLE_AHEAD_OF;
}

/* What waits may follow now, or be behind. */
static void go_on(struct row_table *t, const struct table_watch *watch)
{
	while (t->n_ahead > 0) {
		struct row_change *c = t->ahead[0];

		if (c->head.of.version <= table_version(t)) {
			drop_ahead(t, 0);
			change_free(c);
			continue;
		}
		if (c->head.of.horizon > table_version(t))
			return;
		drop_ahead(t, 0);
		if (try_on_base(t, c, watch) != TABLE_APPLIED) {
			(void)wait_ahead(t, c);
			return;
		}
	}
}

enum table_verdict row_table_take(struct row_table *t, struct row_change *c,
				  const struct table_watch *watch)
{
	enum table_verdict v = TABLE_AHEAD_OF;
	const struct row *was;

	if (!row_table_wants(t, c->head.of.version))
		return TABLE_OLD;
	if (c->head.of.horizon <= table_version(t))
		v = try_on_base(t, c, watch);
	if (v == TABLE_APPLIED) {
		go_on(t, watch);
		return v;
	}
	if (v != TABLE_AHEAD_OF)
		return v;

	was = row_table_at(t, c->row->leaf.place);
	v = wait_ahead(t, c);
	if (v == TABLE_AHEAD_OF)
		tell(watch, t, was, row_table_at(t, c->row->leaf.place));

	return v;
}

static void drop_behind(struct row_table *t, uint64_t version)
{
	while (t->n_ahead > 0 && t->ahead[0]->head.of.version <= version) {
		struct row_change *c = t->ahead[0];

		drop_ahead(t, 0);
		change_free(c);
	}
}

/* Both are by place; what is in only one of them came or went. */
static void tell_difference(struct row_table *t, struct row **old, uint32_t n_old,
			    const struct table_watch *watch)
{
	uint32_t i = 0, j = 0;

	while (i < n_old || j < t->n) {
		uint64_t a = i < n_old ? old[i]->leaf.place : UINT64_MAX;
		uint64_t b = j < t->n ? t->rows[j]->leaf.place : UINT64_MAX;
		struct row *was = i < n_old && a <= b ? old[i] : NULL;
		struct row *now = j < t->n && b <= a ? t->rows[j] : NULL;

		i += was != NULL;
		j += now != NULL;
		if (was == now)
			continue;
		if (!newest_ahead(t, was ? a : b))
			tell(watch, t, was, now);
		free(was);
	}
}

/* A change of a row that was only ahead, and that the new base does not have. */
static void tell_dropped(struct row_table *t, uint64_t version, const struct table_watch *watch)
{
	for (unsigned int i = 0; i < t->n_ahead && t->ahead[i]->head.of.version <= version; i++) {
		const struct row *r = t->ahead[i]->row;

		if (!r->removed && !row_table_base(t, r->leaf.place))
			tell(watch, t, r, NULL);
	}
}

bool row_table_replace(struct row_table *t, struct signed_head *head, struct row **rows, uint32_t n,
		       const struct table_watch *watch)
{
	struct row **old = t->rows;
	uint32_t n_old = t->n;
	uint8_t root[TREE_HASH_LEN];

	root_of(rows, n, root);
	if (memcmp(root, head->of.root, TREE_HASH_LEN) != 0)
		return false;
	free(t->head);
	t->head = head;
	t->rows = rows;
	t->n = t->cap = n;
	t->bytes = 0;
	for (uint32_t i = 0; i < n; i++)
		t->bytes += (uint32_t)row_bytes(rows[i]);
	tell_dropped(t, head->of.version, watch);
	drop_behind(t, head->of.version);
	tell_difference(t, old, n_old, watch);
	free(old);
	go_on(t, watch);

	return true;
}
