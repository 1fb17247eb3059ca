/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row-sync - make the tables of two members equal */
#include "overlay/row-sync.h"

#include <stdlib.h>

#include "overlay/bytes.h"
#include "overlay/engine.h"
#include "overlay/members.h"
#include "overlay/row.pb.h"
#include "overlay/rows-private.h"

#define CHUNK	     (16 * 1024) /* bytes of a message of comparison */
#define FEW	     4		 /* owners whose heads are told rather than compared further */
#define HEADS_MOST   256	 /* heads in one part */
#define ENTRY_LEN    32
#define EQUAL_ENOUGH 3	  /* greetings in a row that end a difference */
#define DIFFERS_LONG 1000 /* ms after which a difference is not gossip under way */
#define DATAGRAMS_TRIED                                                                            \
	2500		 /* ms of a difference after which streams are used: too many are lost */
#define WAIT_LEAST   300 /* ms between comparisons while they bring news */
#define WAIT_MOST    2000
#define HURRY	     10000	   /* ms after a start, or a member's return */
#define GAP_WAIT     150	   /* ms for a gap to close by itself */
#define ANSWER_WAIT  500	   /* ms after which a datagram that is not answered was lost */
#define PULL_AGAIN   250	   /* ms without an answer after which a table is asked for again */
#define ANSWER_RATE  (1500 * 1000) /* bytes a second of tables */
#define ANSWER_BURST (2 * ANSWER_RATE)
#define HASH_LEN     4

_Static_assert(sizeof(((row_Heads *)0)->entries.bytes) == HEADS_MOST * ENTRY_LEN, "as many");

/* ---- messages -------------------------------------------------------------- */

/* A message under way to one peer; it is sent when it is full, and in the end. */
struct chunk {
	struct rows *rows;
	const struct peer *to;
	struct part_writer w;
	uint8_t buf[CHUNK];
};

static void chunk_begin(struct chunk *c, struct rows *r, const struct peer *to)
{
	c->rows = r;
	c->to = to;
	c->w = (struct part_writer){ .buf = c->buf, .cap = sizeof(c->buf) };
}

static void send_message(struct rows *r, const struct peer *to, const struct part_writer *w)
{
	r->counters.sync_messages++;
	r->counters.sync_bytes += w->len + FRAME_OVERHEAD;
	if (w->len > DATAGRAM_ROOM || r->sync.by_stream)
		engine_stream(r->engine, to, w);
	else
		engine_send_as_is(r->engine, to, w);
}

static void chunk_send(struct chunk *c)
{
	if (c->w.len > 0)
		send_message(c->rows, c->to, &c->w);
	c->w.len = 0;
}

static void chunk_put(struct chunk *c, uint8_t kind, const pb_msgdesc_t *fields, const void *m)
{
	if (part_put_message(&c->w, kind, fields, m))
		return;
	chunk_send(c);
	(void)part_put_message(&c->w, kind, fields, m);
}

/* The network of a message, if this node and the peer are both in it; else it is counted. */
static struct network *shared_network(struct rows *r, const uint8_t *bytes, size_t len,
				      const struct node_id *peer)
{
	struct network_id id;
	struct network *n = network_read(bytes, len, &id) ? network_find(r, &id) : NULL;

	if (n && network_has(r, n, peer))
		return n;
	r->counters.stranger++;

	return NULL;
}

static uint16_t scope_of(const struct rows *r, const struct network *n)
{
	return (uint16_t)(n - r->networks);
}

/* ---- greetings ------------------------------------------------------------- */

/* Of networks that both are in: if they differ on which these are, the cluster's roots differ. */
static uint64_t combined_root(struct rows *r, const struct node_id *peer)
{
	uint64_t h = 0;

	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++) {
		const struct network *n = &r->networks[i];

		if (n->joined && network_has(r, n, peer))
			h ^= tree_mix(n->root + tree_mix(get_le64(n->id.b) + 1));
	}

	return h;
}

size_t row_sync_greet(struct rows *r, const struct node_id *to, uint8_t *buf, size_t cap)
{
	if (cap < sizeof(uint64_t))
		return 0;
	put_le64(buf, combined_root(r, to));

	return sizeof(uint64_t);
}

/* ---- comparing ------------------------------------------------------------- */

static bool range_hashes(const struct network *n, const struct tree_range *range,
			 uint32_t ret[TREE_FAN])
{
	uint32_t from = owners_from(n, range), end = owners_end(n, range);

	memset(ret, 0, TREE_FAN * sizeof(*ret));
	for (uint32_t i = from; i < end; i++) {
		const struct owner_slot *slot = &n->owners[i];

		ret[tree_part_of(range, &slot->id)] ^= (uint32_t)slot->mark;
	}

	return from < end;
}

static void put_compare(struct chunk *c, const struct network *n, const struct tree_range *range)
{
	row_Compare m = { .depth = range->depth };
	uint32_t hashes[TREE_FAN];

	m.network.size = (pb_size_t)network_write(&n->id, m.network.bytes);
	memcpy(m.prefix, range->prefix, sizeof(m.prefix));
	if (range_hashes(n, range, hashes))
		m.hashes.size = TREE_FAN * HASH_LEN;
	for (unsigned int i = 0; i < m.hashes.size / HASH_LEN; i++)
		put_le32(m.hashes.bytes + HASH_LEN * i, hashes[i]);
	chunk_put(c, PART_ROW_COMPARE, row_Compare_fields, &m);
}

static void send_compares(struct rows *r, const struct peer *to, bool by_stream)
{
	struct chunk c;

	r->counters.compared++;
	r->sync.by_stream = by_stream;
	chunk_begin(&c, r, to);
	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++) {
		const struct network *n = &r->networks[i];

		if (n->joined && network_has(r, n, &to->id))
			put_compare(&c, n, &(struct tree_range){ .depth = 0 });
	}
	chunk_send(&c);
	r->sync.by_stream = false;
}

static void compare(struct rows *r, const struct peer *to, ms_t now)
{
	struct row_sync *s = &r->sync;
	bool by_stream = s->differs_since != 0 && now - s->differs_since >= DATAGRAMS_TRIED;

	/* Longer and longer while it brings nothing; never in step with others. */
	s->wait = s->wait * 2 < WAIT_MOST ? s->wait * 2 : WAIT_MOST;
	s->next = now + s->wait / 2 + engine_random(r->engine, (uint32_t)s->wait);
	if (!by_stream)
		s->open = (struct row_open){ .with = *to,
					     .root = combined_root(r, &to->id),
					     .at = now + ANSWER_WAIT };
	send_compares(r, to, by_stream);
}

/* Where something was lost.  If tables have changed since, it was not all. */
static void compare_again(struct rows *r)
{
	struct row_open *open = &r->sync.open;

	open->at = 0;
	if (r->sync.differs_since != 0 && combined_root(r, &open->with.id) == open->root)
		send_compares(r, &open->with, true);
}

static void put_entry(row_Heads *m, const struct owner *o)
{
	uint8_t *at = m->entries.bytes + m->entries.size;

	memcpy(at, o->table.owner.b, NODE_ID_LEN);
	put_le64(at + NODE_ID_LEN, table_version(&o->table));
	put_le64(at + NODE_ID_LEN + sizeof(uint64_t), table_mark(&o->table));
	m->entries.size += ENTRY_LEN;
}

static void heads_begin(row_Heads *m, const struct network *n, const struct tree_range *range)
{
	m->depth = range->depth;
	m->some = false;
	m->entries.size = 0;
	m->network.size = (pb_size_t)network_write(&n->id, m->network.bytes);
	memcpy(m->prefix, range->prefix, sizeof(m->prefix));
}

static void put_heads(struct chunk *c, const struct network *n, const struct tree_range *range)
{
	uint32_t from = owners_from(n, range), end = owners_end(n, range);
	row_Heads m;

	if (end - from > HEADS_MOST && range->depth < TREE_DEPTH) {
		for (unsigned int i = 0; i < TREE_FAN; i++) {
			struct tree_range part = tree_range_part(range, i);

			put_heads(c, n, &part);
		}
		return;
	}
	heads_begin(&m, n, range);
	for (uint32_t i = from; i < end && m.entries.size < sizeof(m.entries.bytes); i++)
		if (n->owners[i].owner->table.head)
			put_entry(&m, n->owners[i].owner);
	chunk_put(c, PART_ROW_HEADS, row_Heads_fields, &m);
}

static bool read_range(uint32_t depth, const uint8_t *prefix, struct tree_range *ret)
{
	if (depth > TREE_DEPTH)
		return false;
	ret->depth = (uint8_t)depth;
	memcpy(ret->prefix, prefix, sizeof(ret->prefix));

	return tree_range_is_valid(ret);
}

/* Look closer at a part that differs. */
static void answer_part(struct chunk *c, const struct network *n, const struct tree_range *part,
			bool they_have_none)
{
	uint32_t own = owners_end(n, part) - owners_from(n, part);

	if (they_have_none || own <= FEW || part->depth == TREE_DEPTH)
		put_heads(c, n, part);
	else
		put_compare(c, n, part);
}

static void on_compare(struct rows *r, const struct origin *o, const struct part *p, ms_t now)
{
	row_Compare m = row_Compare_init_zero;
	uint32_t hashes[TREE_FAN];
	struct tree_range range;
	struct network *n;
	struct chunk c;

	(void)now;
	if (!part_message(p, row_Compare_fields, &m) || !read_range(m.depth, m.prefix, &range) ||
	    range.depth == TREE_DEPTH ||
	    (m.hashes.size != 0 && m.hashes.size != sizeof(m.hashes.bytes))) {
		engine_counters(r->engine)->bad_part++;
		return;
	}
	n = shared_network(r, m.network.bytes, m.network.size, &o->from.id);
	if (!n)
		return;

	chunk_begin(&c, r, &o->from);
	if (range_hashes(n, &range, hashes) && m.hashes.size == 0) {
		put_heads(&c, n, &range);
	} else {
		for (unsigned int i = 0; i < TREE_FAN; i++) {
			struct tree_range part = tree_range_part(&range, i);

			if (get_le32(m.hashes.bytes + HASH_LEN * i) != hashes[i])
				answer_part(&c, n, &part,
					    get_le32(m.hashes.bytes + HASH_LEN * i) == 0);
		}
	}
	chunk_send(&c);
}

/* ---- pulling --------------------------------------------------------------- */

static void put_pull(struct chunk *c, const struct network *n, const struct row_table *t,
		     row_Reach reach)
{
	row_Pull m = { .version = table_version(t), .reach = reach };

	c->rows->counters.pulls++;
	m.network.size = (pb_size_t)network_write(&n->id, m.network.bytes);
	memcpy(m.owner, t->owner.b, NODE_ID_LEN);
	chunk_put(c, PART_ROW_PULL, row_Pull_fields, &m);
}

static void pull_now(struct rows *r, const struct network *n, struct owner *o,
		     const struct peer *from, row_Reach reach, ms_t now)
{
	struct chunk c;

	o->pulled_at = now;
	chunk_begin(&c, r, from);
	put_pull(&c, n, &o->table, reach);
	chunk_send(&c);
}

static bool may_pull(const struct owner *o, ms_t now)
{
	return o->pulled_at == 0 || now - o->pulled_at >= PULL_AGAIN;
}

void row_sync_pull(struct rows *r, const struct network *n, const struct node_id *owner,
		   const struct peer *from, ms_t now)
{
	struct owner *o = owner_find(n, owner);

	if (o)
		pull_now(r, n, o, from, row_Reach_DELTA, now);
}

/* One for each table; where there is no room a comparison brings it. */
static void put_due(struct rows *r, const struct row_due *new)
{
	struct row_due *free_one = NULL;

	for (unsigned int i = 0; i < ROW_SYNC_DUE; i++) {
		struct row_due *d = &r->sync.due[i];

		if (!d->active)
			free_one = d;
		else if (d->scope == new->scope && node_id_equal(&d->owner, &new->owner))
			return;
	}
	if (free_one)
		*free_one = *new;
}

void row_sync_gap(struct rows *r, const struct network *n, const struct head *head,
		  const struct peer *from, ms_t now)
{
	put_due(r, &(struct row_due){ .active = true,
				      .scope = scope_of(r, n),
				      .owner = head->owner,
				      .version = head->version,
				      .from = *from,
				      .at = now + GAP_WAIT });
}

static void run_due(struct rows *r, struct row_due *d, ms_t now)
{
	const struct network *n = &r->networks[d->scope];
	struct owner *o = n->joined ? owner_find(n, &d->owner) : NULL;

	d->active = false;
	if (!o || table_version(&o->table) >= d->version || (!d->again && !may_pull(o, now)))
		return;
	r->sync.by_stream = d->again;
	pull_now(r, n, o, &d->from, row_Reach_DELTA, now);
	r->sync.by_stream = false;
}

/* ---- heads ----------------------------------------------------------------- */

struct entry {
	struct node_id id;
	uint64_t version, mark;
};

static struct entry entry_at(const row_Heads *m, uint32_t i)
{
	const uint8_t *at = m->entries.bytes + (size_t)ENTRY_LEN * i;
	struct entry e = { .version = get_le64(at + NODE_ID_LEN),
			   .mark = get_le64(at + NODE_ID_LEN + sizeof(uint64_t)) };

	memcpy(e.id.b, at, NODE_ID_LEN);

	return e;
}

/* Sorted, as all owners are, and within the range. */
static bool entries_are_sound(const row_Heads *m, const struct tree_range *range)
{
	uint32_t n = m->entries.size / ENTRY_LEN;

	for (uint32_t i = 0; i < n; i++) {
		struct entry e = entry_at(m, i), last;

		if (tree_range_order(range, &e.id) != 0 || e.version == 0)
			return false;
		last = i > 0 ? entry_at(m, i - 1) : e;
		if (i > 0 && node_id_cmp(&last.id, &e.id) >= 0)
			return false;
	}

	return m->entries.size % ENTRY_LEN == 0;
}

/* This life's heads of this node are its own affair. */
static bool is_of_own_life(struct rows *r, const struct entry *e)
{
	return node_id_equal(&e->id, engine_id(r->engine)) &&
	       e->version >> 32 >= engine_generation(r->engine);
}

/* The pull, or what answers it, may be lost. */
static void expect_table(const struct chunk *c, const struct network *n, const struct entry *e,
			 ms_t now)
{
	put_due(c->rows, &(struct row_due){ .active = true,
					    .again = true,
					    .scope = scope_of(c->rows, n),
					    .owner = e->id,
					    .version = e->version,
					    .from = *c->to,
					    .at = now + ANSWER_WAIT });
}

/* What the peer has of an owner.  Return: whether it has it older than this node. */
static bool weigh(struct chunk *c, struct network *n, const struct entry *e, ms_t now)
{
	struct rows *r = c->rows;
	struct owner *o = owner_need(r, n, &e->id);
	uint64_t version = o ? table_version(&o->table) : 0, mark = o ? table_mark(&o->table) : 0;

	if (!o) {
		r->counters.stranger++;
		return false;
	}
	if (version == e->version && mark == e->mark)
		return false;
	if (head_is_newer(version, mark, e->version, e->mark))
		return true;
	if (is_of_own_life(r, e)) {
		r->counters.own_elsewhere++;
		return false;
	}
	if (may_pull(o, now)) {
		o->pulled_at = now;
		put_pull(c, n, &o->table, row_Reach_DELTA);
		if (!r->sync.by_stream)
			expect_table(c, n, e, now);
	}

	return false;
}

static void tell_newer(struct chunk *c, row_Heads *m, const struct owner *o)
{
	if (!o->table.head)
		return;
	if (m->entries.size == sizeof(m->entries.bytes)) {
		chunk_put(c, PART_ROW_HEADS, row_Heads_fields, m);
		m->entries.size = 0;
	}
	put_entry(m, o);
}

static void on_heads(struct rows *r, const struct origin *o, const struct part *p, ms_t now)
{
	row_Heads m = row_Heads_init_zero, newer;
	struct tree_range range;
	struct network *n;
	struct chunk c;
	uint32_t own;

	if (!part_message(p, row_Heads_fields, &m) || !read_range(m.depth, m.prefix, &range) ||
	    !entries_are_sound(&m, &range)) {
		engine_counters(r->engine)->bad_part++;
		return;
	}
	n = shared_network(r, m.network.bytes, m.network.size, &o->from.id);
	if (!n)
		return;

	chunk_begin(&c, r, &o->from);
	heads_begin(&newer, n, &range);
	newer.some = true;
	own = owners_from(n, &range);
	for (uint32_t i = 0; i < m.entries.size / ENTRY_LEN; i++) {
		struct entry e = entry_at(&m, i);

		for (; own < n->n && node_id_cmp(&n->owners[own].id, &e.id) < 0; own++)
			if (!m.some)
				tell_newer(&c, &newer, n->owners[own].owner);
		if (weigh(&c, n, &e, now))
			tell_newer(&c, &newer, owner_find(n, &e.id));
		own += own < n->n && node_id_equal(&n->owners[own].id, &e.id);
	}
	for (uint32_t end = owners_end(n, &range); own < end && !m.some; own++)
		tell_newer(&c, &newer, n->owners[own].owner);
	if (newer.entries.size > 0)
		chunk_put(&c, PART_ROW_HEADS, row_Heads_fields, &newer);
	chunk_send(&c);
}

/* There was a difference, and there may be more. */
static void wait_no_more(struct rows *r, ms_t now)
{
	struct row_sync *s = &r->sync;
	ms_t soon = now + engine_random(r->engine, WAIT_LEAST);

	s->open.at = 0;
	s->wait = WAIT_LEAST;
	if (s->next > soon)
		s->next = soon;
}

/* ---- answering a pull ------------------------------------------------------ */

static bool may_answer(struct rows *r, ms_t now)
{
	struct row_sync *s = &r->sync;
	ms_t passed = now - s->filled_at;

	s->tokens += passed > 10000 ? ANSWER_BURST : (int64_t)passed * ANSWER_RATE / 1000;
	if (s->tokens > ANSWER_BURST)
		s->tokens = ANSWER_BURST;
	s->filled_at = now;

	return s->tokens > 0;
}

static bool ends_with_removal(const struct row_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->rows[i]->version == table_version(t))
			return false;

	return true;
}

/* A removal leaves no row: what is newer alone would not tell it, and be asked for again. */
static uint32_t reach_of(const struct row_table *t, const row_Pull *pull)
{
	return pull->reach == row_Reach_DELTA && ends_with_removal(t) ? row_Reach_LIST
								      : pull->reach;
}

static void send_table(struct rows *r, const struct peer *to, const struct row_table *t,
		       const row_Pull *pull)
{
	struct part_writer w;

	if (!transfer_write(t, reach_of(t, pull), pull->version, &w))
		return;
	r->sync.tokens -= (int64_t)w.len;
	send_message(r, to, &w);
	free(w.buf);
}

/* Only the owner itself waits for such an answer. */
static void send_nothing(struct rows *r, const struct network *n, const struct peer *to)
{
	row_Table m = row_Table_init_zero;
	struct chunk c;

	m.network.size = (pb_size_t)network_write(&n->id, m.network.bytes);
	chunk_begin(&c, r, to);
	chunk_put(&c, PART_ROW_TABLE, row_Table_fields, &m);
	chunk_send(&c);
}

static void on_pull(struct rows *r, const struct origin *o, const struct part *p, ms_t now)
{
	row_Pull m = row_Pull_init_zero;
	struct node_id id;
	struct network *n;
	const struct owner *owner;

	if (!part_message(p, row_Pull_fields, &m) || m.reach > row_Reach_WHOLE) {
		engine_counters(r->engine)->bad_part++;
		return;
	}
	n = shared_network(r, m.network.bytes, m.network.size, &o->from.id);
	if (!n)
		return;
	memcpy(id.b, m.owner, NODE_ID_LEN);
	owner = owner_find(n, &id);
	if (!owner || !owner->table.head || table_version(&owner->table) < m.version ||
	    (node_id_equal(&id, &o->from.id) && table_version(&owner->table) == m.version)) {
		if (node_id_equal(&id, &o->from.id))
			send_nothing(r, n, &o->from);
		return;
	}
	if (!may_answer(r, now)) {
		r->counters.busy++;
		return;
	}
	send_table(r, &o->from, &owner->table, &m);
	wait_no_more(r, now);
}

/* ---- a table arrives ------------------------------------------------------- */

static void drop_incoming(struct rows *r)
{
	transfer_drop(&r->sync.incoming.table);
	r->sync.incoming.active = false;
}

/* Return: whether the table is as the head says from here on. */
static bool settle_table(struct rows *r, struct network *n, struct owner *o, struct row_transfer *t)
{
	uint32_t n_rows = 0;
	struct row **rows = transfer_merge(t, &o->table, &n_rows);

	if (!rows || n_rows > TABLE_ROWS || !owner_replace(r, n, o, t->head, rows, n_rows)) {
		free(rows);
		return false;
	}
	t->head = NULL;
	t->n = 0;
	row_store_put(r, o);

	return true;
}

static void finish_transfer(struct rows *r, const struct origin *origin, ms_t now)
{
	struct row_transfer *t = &r->sync.incoming.table;
	struct network *n = &r->networks[r->sync.incoming.scope];
	const struct head *head = &t->head->of;
	struct owner *o = owner_need(r, n, &head->owner);
	const uint8_t *key = rows_key_of(r, &head->owner);
	bool own = node_id_equal(&head->owner, engine_id(r->engine));

	/* The network may have been left since the first part came. */
	if (!o || !key || !network_id_equal(&head->network, &n->id))
		r->counters.stranger++;
	else if (!head_is_newer(head->version, t->head->mark, table_version(&o->table),
				table_mark(&o->table)))
		r->counters.old++;
	else if (!head_is_signed(engine_env(r->engine), t->head, key))
		engine_counters(r->engine)->forged++;
	else if (own && head->version >> 32 >= engine_generation(r->engine))
		r->counters.own_elsewhere++;
	else if (settle_table(r, n, o, t)) {
		r->counters.replaced++;
		wait_no_more(r, now);
		o->pulled_at = 0;
	} else {
		r->counters.mismatch++;
		if (t->reach < row_Reach_WHOLE)
			pull_now(r, n, o, &origin->from, (row_Reach)(t->reach + 1), now);
		own = false;
	}
	drop_incoming(r);
	if (own)
		rows_own_answer(r, n);
}

static void on_table(struct rows *r, const struct origin *o, const struct part *p, ms_t now)
{
	struct row_incoming *in = &r->sync.incoming;
	row_Table m = row_Table_init_zero;
	struct network *n;

	drop_incoming(r);
	if (!part_message(p, row_Table_fields, &m)) {
		engine_counters(r->engine)->bad_part++;
		return;
	}
	n = shared_network(r, m.network.bytes, m.network.size, &o->from.id);
	if (n && !m.has_head)
		rows_own_answer(r, n);
	if (!n || !m.has_head)
		return;
	if (!transfer_begin(&in->table, &m) ||
	    !network_id_equal(&in->table.head->of.network, &n->id)) {
		engine_counters(r->engine)->bad_part++;
		drop_incoming(r);
		return;
	}
	in->active = true;
	in->from = o->from.id;
	in->scope = scope_of(r, n);
	if (transfer_is_whole(&in->table))
		finish_transfer(r, o, now);
}

static void on_item(struct rows *r, const struct origin *o, const struct part *p, ms_t now)
{
	struct row_incoming *in = &r->sync.incoming;

	if (!in->active || !node_id_equal(&in->from, &o->from.id))
		return; /* what it belongs to was refused */
	if (!transfer_add(&in->table, p)) {
		engine_counters(r->engine)->bad_part++;
		drop_incoming(r);
		return;
	}
	if (transfer_is_whole(&in->table))
		finish_transfer(r, o, now);
}

void row_sync_receive(struct rows *r, const struct origin *o, const struct part *p, ms_t now)
{
	static void (*const handlers[])(struct rows *, const struct origin *, const struct part *,
					ms_t) = {
		[PART_ROW_COMPARE] = on_compare, [PART_ROW_HEADS] = on_heads,
		[PART_ROW_PULL] = on_pull,	 [PART_ROW_TABLE] = on_table,
		[PART_ROW_ITEM] = on_item,
	};

	r->sync.by_stream = o->stream;
	handlers[p->kind](r, o, p, now);
	r->sync.by_stream = false;
}

/* ---- when ------------------------------------------------------------------ */

/* Both ends of a ping see a difference: one of them is the first to do something about it. */
static ms_t patience(const struct rows *r, const struct node_id *peer)
{
	bool first = node_id_cmp(engine_id(r->engine), peer) < 0;

	return first ? DIFFERS_LONG : DIFFERS_LONG + DIFFERS_LONG / 2;
}

/* One who lacks the same says so, too: it takes several to end a difference. */
static void note_equal(struct row_sync *s)
{
	if (s->equal < EQUAL_ENOUGH && ++s->equal < EQUAL_ENOUGH)
		return;
	s->differs_since = s->open.at = 0;
	s->wait = WAIT_LEAST;
}

void row_sync_greeted(struct rows *r, const struct origin *o, const uint8_t *greeting, size_t len,
		      ms_t now)
{
	struct row_sync *s = &r->sync;

	if (len != sizeof(uint64_t))
		return;
	if (get_le64(greeting) == combined_root(r, &o->from.id)) {
		note_equal(s);
		return;
	}
	s->equal = 0;
	if (s->differs_since == 0)
		s->differs_since = now;
	if (now < s->next)
		return;
	if (now <= s->hurry_until || now - s->differs_since >= patience(r, &o->from.id))
		compare(r, &o->from, now);
}

void row_sync_hurry(struct rows *r, ms_t now)
{
	r->sync.hurry_until = now + HURRY;
	wait_no_more(r, now);
}

void row_sync_begin(struct rows *r, ms_t now)
{
	row_sync_hurry(r, now);
	r->sync.filled_at = now;
	r->sync.tokens = ANSWER_BURST;
}

void row_sync_clear(struct rows *r)
{
	drop_incoming(r);
}

/* In a hurry no greeting is waited for: anybody may have what is missing, or lack it. */
static bool is_hurrying(const struct row_sync *s)
{
	return s->differs_since != 0 && s->next < s->hurry_until;
}

static void compare_with_any(struct rows *r, ms_t now)
{
	struct peer any;

	if (members_pick(engine_members(r->engine), 1, NULL, &any) == 1)
		compare(r, &any, now);
	else
		r->sync.next = now + WAIT_MOST;
}

void row_sync_tick(struct rows *r, ms_t now)
{
	if (is_hurrying(&r->sync) && now >= r->sync.next)
		compare_with_any(r, now);
	if (r->sync.open.at != 0 && now >= r->sync.open.at)
		compare_again(r);
	for (unsigned int i = 0; i < ROW_SYNC_DUE; i++)
		if (r->sync.due[i].active && r->sync.due[i].at <= now)
			run_due(r, &r->sync.due[i], now);
}

ms_t row_sync_deadline(const struct rows *r)
{
	ms_t first = is_hurrying(&r->sync) ? r->sync.next : MS_NEVER;

	if (r->sync.open.at != 0 && r->sync.open.at < first)
		first = r->sync.open.at;
	for (unsigned int i = 0; i < ROW_SYNC_DUE; i++)
		if (r->sync.due[i].active && r->sync.due[i].at < first)
			first = r->sync.due[i].at;

	return first;
}
