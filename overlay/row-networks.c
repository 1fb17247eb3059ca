/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row-networks - which tables there are, and who is in a network */
#include <errno.h>
#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/rows-private.h"

struct network *network_find(struct rows *r, const struct network_id *id)
{
	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++)
		if (r->networks[i].joined && network_id_equal(&r->networks[i].id, id))
			return &r->networks[i];

	return NULL;
}

/* ---- owners ---------------------------------------------------------------- */

static uint32_t owner_place(const struct network *n, const struct node_id *id)
{
	uint32_t low = 0, high = n->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (node_id_cmp(&n->owners[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

struct owner *owner_find(const struct network *n, const struct node_id *id)
{
	uint32_t i = owner_place(n, id);

	return i < n->n && node_id_equal(&n->owners[i].id, id) ? n->owners[i].owner : NULL;
}

static uint32_t first_of_order(const struct network *n, const struct tree_range *range, int order)
{
	uint32_t low = 0, high = n->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (tree_range_order(range, &n->owners[mid].id) < order)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

uint32_t owners_from(const struct network *n, const struct tree_range *range)
{
	return first_of_order(n, range, 0);
}

uint32_t owners_end(const struct network *n, const struct tree_range *range)
{
	return first_of_order(n, range, 1);
}

static bool owners_make_room(struct network *n)
{
	uint32_t cap = n->cap + n->cap / 2 + 4;
	struct owner_slot *more;

	if (n->n < n->cap)
		return true;
	more = realloc(n->owners, cap * sizeof(*more));
	if (!more)
		return false;
	n->owners = more;
	n->cap = cap;

	return true;
}

int owner_insert(struct network *n, const struct node_id *id, struct owner **ret)
{
	uint32_t at = owner_place(n, id);
	struct owner *o;

	if (at < n->n && node_id_equal(&n->owners[at].id, id)) {
		*ret = n->owners[at].owner;
		return 0;
	}
	o = owners_make_room(n) ? calloc(1, sizeof(*o)) : NULL;
	if (!o)
		return -ENOMEM;
	o->table.owner = *id;
	memmove(n->owners + at + 1, n->owners + at, (n->n++ - at) * sizeof(*n->owners));
	n->owners[at] = (struct owner_slot){ .id = *id, .owner = o };
	*ret = o;

	return 0;
}

static void owner_free(struct owner *o)
{
	row_table_clear(&o->table);
	free(o);
}

/* ---- members --------------------------------------------------------------- */

const uint8_t *rows_key_of(struct rows *r, const struct node_id *id)
{
	const struct members *t = engine_members(r->engine);
	uint32_t slot = members_find(t, id);
	const struct member *m = slot == MEMBER_NONE ? NULL : members_at(t, slot);

	return m && m->state != MEMBER_LEFT ? m->profile->key : NULL;
}

bool network_has(struct rows *r, const struct network *n, const struct node_id *id)
{
	return n == r->networks ? rows_key_of(r, id) != NULL : owner_find(n, id) != NULL;
}

struct owner *owner_need(struct rows *r, struct network *n, const struct node_id *id)
{
	struct owner *o = owner_find(n, id);

	if (!o && n == r->networks && rows_key_of(r, id))
		(void)owner_insert(n, id, &o);

	return o;
}

static bool is_listening(const struct members *t, const struct node_id *id, struct peer *ret)
{
	uint32_t slot = members_find(t, id);

	if (slot == MEMBER_NONE || members_at(t, slot)->state > MEMBER_SUSPECT)
		return false;
	*ret = member_peer(members_at(t, slot));

	return true;
}

static bool is_among(const struct node_id *id, const struct peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (node_id_equal(&peers[i].id, id))
			return true;

	return false;
}

/* All of a small network are tried, one after the other; of a large one random ones. */
size_t network_pick(void *rows, uint16_t scope, size_t max, struct peer *ret, ms_t now)
{
	struct rows *r = rows;
	const struct network *n = &r->networks[scope];
	const struct members *t = engine_members(r->engine);
	uint32_t at = n->n ? engine_random(r->engine, n->n) : 0;
	size_t tries = n->n <= 2 * max ? n->n : 8 * max, got = 0;

	(void)now;
	for (; tries > 0 && got < max; tries--) {
		const struct node_id *id = &n->owners[at].id;

		if (!node_id_equal(id, engine_id(r->engine)) && !is_among(id, ret, got))
			got += is_listening(t, id, &ret[got]);
		at = n->n <= 2 * max ? (at + 1) % n->n : engine_random(r->engine, n->n);
	}

	return got;
}

/* ---- what changes ---------------------------------------------------------- */

static void tell(struct rows *r, uint16_t kind, const struct node_id *owner, const void *more)
{
	engine_event(r->engine, &(struct event){ .kind = kind, .node = *owner, .more = more },
		     r->now);
}

void owner_drop(struct rows *r, struct network *n, const struct node_id *id)
{
	uint32_t at = owner_place(n, id);
	struct owner *o = owner_find(n, id);

	if (!o)
		return;
	n->root ^= n->owners[at].mark;
	if (o->table.head)
		row_store_remove(r, &n->id, id);
	memmove(n->owners + at, n->owners + at + 1, (--n->n - at) * sizeof(*n->owners));
	if (o->table.n > 0 || o->table.n_ahead > 0)
		tell(r, EVENT_ROWS_GONE, &o->table.owner, &n->id);
	owner_free(o);
}

void rows_network_clear(struct network *n)
{
	for (uint32_t i = 0; i < n->n; i++)
		owner_free(n->owners[i].owner);
	free(n->owners);
	while (n->early) {
		struct early *first = n->early;

		n->early = first->next;
		free(first->row);
		free(first);
	}
	*n = (struct network){ .joined = false };
}

/* A member is in a network from here on, or no more. */
static void note_presence(struct rows *r, const struct node_id *owner, const struct row *row,
			  bool gone)
{
	struct network *n = NULL;
	struct network_id id;
	struct owner *o;

	if (row->key_len == NETWORK_ID_LEN && network_read(row->bytes, row->key_len, &id))
		n = network_find(r, &id);
	if (!n || n == r->networks || node_id_equal(owner, engine_id(r->engine)))
		return;
	if (gone)
		owner_drop(r, n, owner);
	else
		(void)owner_insert(n, owner, &o);
}

struct watcher {
	struct rows *rows;
	struct network *network;
};

static void row_changed(void *ctx, const struct row_table *t, const struct row *was,
			const struct row *now)
{
	const struct watcher *w = ctx;
	const struct row_event more = { .network = w->network->id,
					.row = now ? now : was,
					.gone = now == NULL };

	if (!more.row)
		return;
	if (w->network == w->rows->networks && more.row->kind == ROW_PRESENCE)
		note_presence(w->rows, &t->owner, more.row, more.gone);
	tell(w->rows, EVENT_ROW, &t->owner, &more);
}

/* After its table has another head. */
static void mark_again(struct network *n, const struct owner *o)
{
	struct owner_slot *slot = &n->owners[owner_place(n, &o->table.owner)];

	n->root ^= slot->mark;
	slot->mark = o->table.head ? tree_mix(o->table.head->mark) : 0;
	n->root ^= slot->mark;
}

enum table_verdict owner_take(struct rows *r, struct network *n, struct owner *o,
			      struct row_change *c)
{
	struct watcher watcher = { r, n };
	const struct table_watch watch = { .changed = row_changed, .ctx = &watcher };
	enum table_verdict v = row_table_take(&o->table, c, &watch);

	mark_again(n, o);

	return v;
}

bool owner_replace(struct rows *r, struct network *n, struct owner *o, struct signed_head *head,
		   struct row **rows, uint32_t n_rows)
{
	struct watcher watcher = { r, n };
	const struct table_watch watch = { .changed = row_changed, .ctx = &watcher };
	bool ok = row_table_replace(&o->table, head, rows, n_rows, &watch);

	mark_again(n, o);

	return ok;
}
