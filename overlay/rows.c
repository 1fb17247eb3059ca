/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows - what every member says of the networks that this node is in */
#include "overlay/rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/err.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/row.pb.h"
#include "overlay/rows-private.h"

#define RETURN_AGAIN  300  /* ms between questions for own rows */
#define RETURN_MOST   5000 /* ms after which one answer will do, or none if nobody is there */
#define RETURN_ASKED  3	   /* members that answer before own rows are thought whole */
#define CHANGE_MAX    1024 /* bytes of an encoded change */
#define SENDS_A_DIGIT 3	   /* a change is sent this often for each digit of the members' number */

_Static_assert(row_Change_size <= CHANGE_MAX, "the largest change fits into its room");
_Static_assert(row_Change_size + PART_HEADER <= DATAGRAM_ROOM, "and into a datagram");

static bool is_own(const struct rows *r, const struct node_id *id)
{
	return node_id_equal(id, engine_id(r->engine));
}

/* ---- passing on ------------------------------------------------------------ */

static void drop_recent(struct rows *r, uint32_t key)
{
	struct recent *c = &r->recent[key];

	if (!c->bytes)
		return;
	spread_drop(engine_spread(r->engine), c->scope, SPREAD_ROW, key);
	free(c->bytes);
	c->bytes = NULL;
}

/* The change of that serial, if no later one has its place. */
static struct recent *recent_at(struct rows *r, uint32_t serial)
{
	return serial != 0 && r->next_recent - serial <= RECENT ? &r->recent[serial % RECENT]
								: NULL;
}

/* Changes that the new one makes needless: whoever lacks them does not miss them. */
static void drop_covered(struct rows *r, const struct owner *o, const struct head *head)
{
	const struct recent *c;

	for (uint32_t at = o->recent; (c = recent_at(r, at)) != NULL; at = c->before)
		if (c->version > head->horizon && c->version < head->version)
			drop_recent(r, at % RECENT);
}

static uint32_t listeners(struct rows *r, const struct network *n)
{
	return n == r->networks ? members_alive(engine_members(r->engine)) : n->n;
}

static void queue_change(struct rows *r, const struct network *n, uint32_t key, bool first,
			 ms_t now)
{
	uint32_t all = listeners(r, n);
	unsigned int digits = (unsigned int)ceil(log10(all + 1.0));
	unsigned int fanout = engine_settings(r->engine)->gossip_fanout;
	unsigned int limit = SENDS_A_DIGIT * digits;

	/* The owner tells everybody in a small network; the others tell some in case it was lost.
	 */
	if (first && all <= SPREAD_FANOUT + 1) {
		fanout = SPREAD_FANOUT;
		limit += all;
	}
	spread_add(engine_spread(r->engine), (uint16_t)(n - r->networks), SPREAD_ROW, key, limit,
		   fanout, now);
}

static void pass_on(struct rows *r, const struct network *n, struct owner *o,
		    const struct head *head, const uint8_t *bytes, size_t len, ms_t now)
{
	uint32_t serial = r->next_recent++;
	struct recent *c = &r->recent[serial % RECENT];

	drop_covered(r, o, head);
	drop_recent(r, serial % RECENT);
	c->bytes = malloc(len);
	if (!c->bytes)
		return;
	memcpy(c->bytes, bytes, len);
	c->len = (uint16_t)len;
	c->scope = (uint16_t)(n - r->networks);
	c->version = head->version;
	c->before = o->recent;
	o->recent = serial;
	queue_change(r, n, serial % RECENT, is_own(r, &head->owner), now);
}

static int render(void *self, uint32_t key, struct part_writer *w)
{
	const struct rows *r = self;
	const struct recent *c = &r->recent[key];

	return part_put(w, PART_ROW, c->bytes, c->len);
}

/* ---- changes of others ----------------------------------------------------- */

static void take_change(struct rows *r, struct network *n, struct owner *o, struct row_change *c,
			const struct origin *from, const struct part *p, ms_t now)
{
	const struct head head = c->head.of;
	enum table_verdict v = owner_take(r, n, o, c);

	if (v == TABLE_APPLIED)
		row_store_put(r, o);
	if (v == TABLE_APPLIED || v == TABLE_AHEAD_OF) {
		pass_on(r, n, o, &head, p->body, p->len, now);
	} else {
		free(c->row);
		free(c);
	}
	r->counters.applied += v == TABLE_APPLIED;
	r->counters.ahead += v == TABLE_AHEAD_OF;
	r->counters.too_much += v == TABLE_FULL;
	if (v == TABLE_AHEAD_OF || v == TABLE_FULL)
		row_sync_gap(r, n, &head, &from->from, now);
}

/* The change itself, after it is known to be wanted.  Return: NULL, and it was counted. */
static struct row_change *check_change(struct rows *r, const row_Change *m,
				       const struct signed_head *head)
{
	const uint8_t *key = rows_key_of(r, &head->of.owner);
	struct row_change *c;

	if (!key || !head_is_signed(engine_env(r->engine), head, key)) {
		engine_counters(r->engine)->forged++;
		return NULL;
	}
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	c->head = *head;
	c->row = row_read(&m->row, head->of.version);
	if (!c->row || memcmp(c->row->leaf.hash, head->of.change, TREE_HASH_LEN) != 0) {
		engine_counters(r->engine)->bad_part++;
		free(c->row);
		free(c);
		return NULL;
	}

	return c;
}

static void on_change(struct rows *r, const struct origin *from, const struct part *p, ms_t now)
{
	row_Change m = row_Change_init_zero;
	struct signed_head head;
	struct row_change *c;
	struct network *n;
	struct owner *o;

	if (!part_message(p, row_Change_fields, &m) || p->len > CHANGE_MAX || !m.has_row ||
	    !head_read(&m.head, &head)) {
		engine_counters(r->engine)->bad_part++;
		return;
	}
	n = network_find(r, &head.of.network);
	o = n ? owner_need(r, n, &head.of.owner) : NULL;
	if (!o) {
		r->counters.stranger++;
		return;
	}
	if (is_own(r, &head.of.owner) || !row_table_wants(&o->table, head.of.version)) {
		r->counters.old++;
		return;
	}
	c = check_change(r, &m, &head);
	if (c)
		take_change(r, n, o, c, from, p, now);
}

/* ---- own changes ----------------------------------------------------------- */

static struct owner *own_owner(struct rows *r, struct network *n)
{
	return owner_need(r, n, engine_id(r->engine));
}

/* A change of the row that was changed last leads from where that one led from. */
static uint64_t horizon_of(const struct network *n, const struct row_table *t,
			   const struct row *row)
{
	if (n->last_place == row->leaf.place && t->head && n->last_place != 0)
		return t->head->of.horizon;

	return table_version(t);
}

static void sign_change(struct rows *r, const struct network *n, const struct row_table *t,
			const uint8_t root[TREE_HASH_LEN], struct row_change *c)
{
	struct head of = { .owner = t->owner,
			   .network = n->id,
			   .version = c->row->version,
			   .horizon = horizon_of(n, t, c->row) };

	memcpy(of.change, c->row->leaf.hash, TREE_HASH_LEN);
	memcpy(of.root, root, TREE_HASH_LEN);
	head_make(engine_env(r->engine), &of, &c->head);
}

/* Sign it, have it, tell it. */
static void publish(struct rows *r, struct network *n, struct owner *o, struct row_change *c,
		    const uint8_t root[TREE_HASH_LEN], ms_t now)
{
	uint8_t buf[CHANGE_MAX + PART_HEADER];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	row_Change m = row_Change_init_zero;
	uint64_t place = c->row->leaf.place;
	struct head head;

	sign_change(r, n, &o->table, root, c);
	head = c->head.of;
	m.has_head = m.has_row = true;
	head_write(&c->head, &m.head);
	row_write(c->row, false, &m.row);
	(void)part_put_message(&w, PART_ROW, row_Change_fields, &m);
	if (owner_take(r, n, o, c) != TABLE_APPLIED) {
		free(c->row);
		free(c);
		return;
	}
	n->last_place = place;
	row_store_put(r, o);
	pass_on(r, n, o, &head, buf + PART_HEADER, w.len - PART_HEADER, now);
}

static uint64_t next_version(const struct rows *r)
{
	return (uint64_t)engine_generation(r->engine) << 32 | (r->sequence + 1);
}

static int change_own(struct rows *r, struct network *n, const struct row_text *text, bool remove,
		      ms_t now)
{
	struct owner *o = own_owner(r, n);
	struct row_change *c = malloc(sizeof(*c));
	uint8_t root[TREE_HASH_LEN];
	int err = -ENOMEM;

	if (!o || !c)
		goto fail;
	c->row = row_make(text, next_version(r), remove);
	if (!c->row)
		goto fail;
	err = row_table_root_with(&o->table, c->row, root);
	if (err < 0) {
		free(c->row);
		goto fail;
	}
	r->sequence++;
	publish(r, n, o, c, root, now);

	return 0;
fail:
	free(c);

	return err;
}

static bool says_so_already(struct rows *r, struct network *n, const struct row_text *text,
			    bool remove)
{
	const struct owner *o = owner_find(n, engine_id(r->engine));
	const struct row *row =
		o ? row_table_base(&o->table, row_place(text->kind, text->key, text->key_len))
		  : NULL;

	if (!row || remove)
		return !row && remove;

	return row->value_len == text->value_len &&
	       (text->value_len == 0 ||
		memcmp(row->bytes + row->key_len, text->value, text->value_len) == 0);
}

/* ---- own rows, taken back -------------------------------------------------- */

static int keep_for_later(struct network *n, const struct row_text *text, bool remove)
{
	struct early *later = malloc(sizeof(*later));

	if (!later)
		return -ENOMEM;
	*later = (struct early){ .row = row_make(text, 1, remove) };
	if (!later->row) {
		free(later);
		return -ENOMEM;
	}
	if (!n->early)
		n->early_end = &n->early;
	*n->early_end = later;
	n->early_end = &later->next;

	return 0;
}

static int change_or_keep(struct rows *r, struct network *n, const struct row_text *text,
			  bool remove, ms_t now)
{
	if (n->returning)
		return keep_for_later(n, text, remove);

	return says_so_already(r, n, text, remove) ? 0 : change_own(r, n, text, remove, now);
}

static void finish_return(struct rows *r, struct network *n, ms_t now)
{
	n->returning = false;
	while (n->early) {
		struct early *first = n->early;
		const struct row_text text = row_text(first->row);

		n->early = first->next;
		(void)change_or_keep(r, n, &text, first->row->removed, now);
		free(first->row);
		free(first);
	}
	engine_event(r->engine,
		     &(struct event){ .kind = EVENT_ROWS_BACK,
				      .node = *engine_id(r->engine),
				      .more = &n->id },
		     now);
}

static void begin_return(struct rows *r, struct network *n, ms_t now)
{
	n->returning = engine_generation(r->engine) > 1;
	n->return_next = now;
	n->return_until = now + RETURN_MOST;
}

static size_t pick_askable(struct rows *r, const struct network *n, struct peer *ret, ms_t now)
{
	if (n == r->networks)
		return members_pick(engine_members(r->engine), RETURN_ASKED, NULL, ret);

	return network_pick(r, (uint16_t)(n - r->networks), RETURN_ASKED, ret, now);
}

static void return_tick(struct rows *r, struct network *n, ms_t now)
{
	struct peer some[RETURN_ASKED];
	size_t count;

	if (!n->joined || !n->returning || now < n->return_next)
		return;
	count = pick_askable(r, n, some, now);
	if (now >= n->return_until && (n->answers > 0 || count == 0)) {
		finish_return(r, n, now);
		return;
	}
	n->return_next = now + RETURN_AGAIN;
	if (!own_owner(r, n))
		return;
	for (size_t i = 0; i < count; i++)
		row_sync_pull(r, n, engine_id(r->engine), &some[i], now);
}

void rows_own_answer(struct rows *r, struct network *n)
{
	uint32_t others = listeners(r, n) - 1;

	if (!n->returning)
		return;
	n->answers++;
	if (n->answers >= RETURN_ASKED || n->answers >= others)
		n->return_until = n->return_next = r->now; /* by the next tick */
}

/* ---- the module ------------------------------------------------------------ */

static void receive(void *self, const struct origin *o, const struct part *p, ms_t now)
{
	struct rows *r = self;

	r->now = now;
	if (p->kind == PART_ROW)
		on_change(r, o, p, now);
	else
		row_sync_receive(r, o, p, now);
}

static void tick(void *self, ms_t now)
{
	struct rows *r = self;

	r->now = now;
	if (!r->begun)
		return;
	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++)
		return_tick(r, &r->networks[i], now);
	row_sync_tick(r, now);
}

static ms_t deadline(const void *self)
{
	const struct rows *r = self;
	ms_t first = row_sync_deadline(r);

	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++) {
		const struct network *n = &r->networks[i];

		if (n->joined && n->returning && n->return_next < first)
			first = n->return_next;
	}

	return r->begun ? first : MS_NEVER;
}

static size_t greet(void *self, const struct node_id *to, uint8_t *buf, size_t cap)
{
	return row_sync_greet(self, to, buf, cap);
}

static void greeted(void *self, const struct origin *o, const uint8_t *greeting, size_t len,
		    ms_t now)
{
	struct rows *r = self;

	r->now = now;
	row_sync_greeted(r, o, greeting, len, now);
}

/* Who left has withdrawn all; who is dead has withdrawn nothing. */
static void member(void *self, const struct event *ev, ms_t now)
{
	struct rows *r = self;

	r->now = now;
	if (ev->kind == EVENT_MEMBER_JOINED)
		row_sync_hurry(r, now);
	if (ev->kind != EVENT_MEMBER_LEFT && ev->kind != EVENT_MEMBER_FORGOTTEN)
		return;
	for (unsigned int i = ROWS_NETWORKS + 1; i > 0; i--)
		if (r->networks[i - 1].joined)
			owner_drop(r, &r->networks[i - 1], &ev->node);
}

static void restore(void *self, const struct record *r)
{
	row_store_restore(self, r);
}

const struct module_ops rows_ops = {
	.name = "rows",
	.first_kind = PART_ROW,
	.last_kind = PART_ROW_ITEM,
	.receive = receive,
	.tick = tick,
	.deadline = deadline,
	.greet = greet,
	.greeted = greeted,
	.member = member,
	.first_record = RECORD_ROW,
	.last_record = RECORD_ROW,
	.restore = restore,
};

struct rows *rows_new(struct engine *e)
{
	struct rows *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->engine = e;
	r->next_recent = 1;
	r->networks[0].joined = true;
	r->networks[0].returning = engine_generation(e) > 1;
	spread_set_source(engine_spread(e), SPREAD_ROW,
			  (struct spread_source){ .render = render, .self = r });
	for (unsigned int i = 1; i <= ROWS_NETWORKS; i++)
		spread_set_targets(engine_spread(e), (uint16_t)i,
				   (struct spread_targets){ .pick = network_pick, .self = r });

	return r;
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	row_sync_clear(r);
	row_store_clear(r);
	for (uint32_t i = 0; i < RECENT; i++)
		free(r->recent[i].bytes);
	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++)
		rows_network_clear(&r->networks[i]);
	free(r);
}

void rows_begin(struct rows *r, ms_t now)
{
	r->now = now;
	r->begun = true;
	row_sync_begin(r, now);
	row_store_adopt(r, &r->networks[0]);
	begin_return(r, &r->networks[0], now);
}

/* ---- networks -------------------------------------------------------------- */

static struct network *free_network(struct rows *r)
{
	for (unsigned int i = 1; i <= ROWS_NETWORKS; i++)
		if (!r->networks[i].joined)
			return &r->networks[i];

	return NULL;
}

/* All who say that they are in it. */
static int find_members(struct rows *r, struct network *n)
{
	const struct network *all = &r->networks[0];
	struct owner *o;
	int err = owner_insert(n, engine_id(r->engine), &o);

	for (uint32_t i = 0; i < all->n && err == 0; i++)
		if (row_table_at(&all->owners[i].owner->table, n->presence))
			err = owner_insert(n, &all->owners[i].id, &o);

	return err;
}

static struct row_text presence_of(const struct network_id *network)
{
	return (struct row_text){ .kind = ROW_PRESENCE,
				  .key_len = NETWORK_ID_LEN,
				  .key = network->b };
}

int rows_join(struct rows *r, const struct network_id *network, ms_t now, struct err *e)
{
	const struct row_text text = presence_of(network);
	struct network *n;
	int err;

	r->now = now;
	if (network_find(r, network))
		return 0;
	n = free_network(r);
	if (!n)
		return err_sys(e, ENOSPC,
			       "rows: this node is in %d networks, and cannot be in more",
			       ROWS_NETWORKS);
	*n = (struct network){ .id = *network,
			       .joined = true,
			       .presence = row_place(ROW_PRESENCE, network->b, NETWORK_ID_LEN) };
	begin_return(r, n, now);
	err = find_members(r, n);
	row_store_adopt(r, n);
	if (err == 0)
		err = change_or_keep(r, &r->networks[0], &text, false, now);
	if (err == 0)
		return 0;
	rows_network_clear(n);

	return err_sys(e, -err, "rows: join a network");
}

static void drop_network(struct rows *r, struct network *n)
{
	for (uint32_t i = 0; i < RECENT; i++)
		if (r->recent[i].scope == n - r->networks)
			drop_recent(r, i);
	while (n->n > 0)
		owner_drop(r, n, &n->owners[0].id);
	rows_network_clear(n);
}

void rows_leave(struct rows *r, const struct network_id *network, ms_t now)
{
	const struct row_text text = presence_of(network);
	struct network *n = network_find(r, network);

	r->now = now;
	if (n == r->networks)
		return;
	if (n)
		drop_network(r, n);
	else
		row_store_forget(r, network);
	(void)change_or_keep(r, &r->networks[0], &text, true, now);
}

/* ---- the API --------------------------------------------------------------- */

static const struct network *find_const(const struct rows *r, const struct network_id *id)
{
	return network_find((struct rows *)(uintptr_t)r, id);
}

bool rows_ready(const struct rows *r, const struct network_id *network)
{
	const struct network *n = find_const(r, network);

	return n && !n->returning;
}

static int change_row(struct rows *r, const struct network_id *network, const struct row_text *text,
		      bool remove, ms_t now, struct err *e)
{
	struct network *n = network_find(r, network);
	int err;

	r->now = now;
	if (!n)
		return err_sys(e, ENOENT, "rows: this node is not in that network; join it first");
	if (text->kind == 0 || text->kind >= ROW_KINDS || text->key_len == 0 ||
	    text->key_len > ROW_KEY_MAX || text->value_len > ROW_VALUE_MAX)
		return err_sys(e, EINVAL,
			       "rows: kind %u, a key of %u and a value of %u bytes: kinds are 1 to "
			       "%d, a key has 1 to %d bytes, a value %d at most",
			       text->kind, text->key_len, text->value_len, ROW_KINDS - 1,
			       ROW_KEY_MAX, ROW_VALUE_MAX);
	err = change_or_keep(r, n, text, remove, now);
	if (err == -ENOSPC)
		return err_sys(e, ENOSPC,
			       "rows: a node has at most %d rows of %d bytes together in a network",
			       TABLE_ROWS, TABLE_BYTES);

	return err < 0 ? err_sys(e, -err, "rows: change a row") : 0;
}

int rows_put(struct rows *r, const struct network_id *network, const struct row_text *text,
	     ms_t now, struct err *e)
{
	return change_row(r, network, text, false, now, e);
}

int rows_remove(struct rows *r, const struct network_id *network, uint8_t kind, const uint8_t *key,
		size_t key_len, ms_t now, struct err *e)
{
	const struct row_text text = { .kind = kind,
				       .key_len = (uint8_t)(key_len > UINT8_MAX ? 0 : key_len),
				       .key = key };

	return change_row(r, network, &text, true, now, e);
}

struct visit {
	void (*fn)(void *ctx, const struct node_id *owner, const struct row *row);
	void *ctx;
	const struct node_id *owner;
};

static void visit_row(void *ctx, const struct row *row)
{
	const struct visit *v = ctx;

	v->fn(v->ctx, v->owner, row);
}

static bool is_hidden(const struct rows *r, const struct node_id *owner)
{
	const struct members *t = engine_members(r->engine);
	uint32_t slot = members_find(t, owner);

	return slot == MEMBER_NONE || members_at(t, slot)->state > MEMBER_SUSPECT;
}

void rows_each(const struct rows *r, const struct network_id *network, enum rows_whose whose,
	       void (*fn)(void *ctx, const struct node_id *owner, const struct row *row), void *ctx)
{
	const struct network *n = find_const(r, network);

	for (uint32_t i = 0; n && i < n->n; i++) {
		const struct row_table *t = &n->owners[i].owner->table;
		struct visit v = { fn, ctx, &t->owner };

		if (whose == ROWS_ALL || !is_hidden(r, &t->owner))
			row_table_each(t, visit_row, &v);
	}
}

const struct row *rows_find(const struct rows *r, const struct network_id *network,
			    const struct node_id *owner, uint8_t kind, const uint8_t *key,
			    size_t key_len)
{
	const struct network *n = find_const(r, network);
	const struct owner *o = n ? owner_find(n, owner) : NULL;

	return o ? row_table_at(&o->table, row_place(kind, key, key_len)) : NULL;
}

uint64_t rows_version(const struct rows *r, const struct network_id *network)
{
	const struct network *n = find_const(r, network);
	const struct owner *o = n ? owner_find(n, engine_id(r->engine)) : NULL;

	return o ? table_version(&o->table) : 0;
}

size_t rows_peers(const struct rows *r, const struct network_id *network, size_t max,
		  struct peer *ret)
{
	const struct members *t = engine_members(r->engine);
	const struct network *n = find_const(r, network);
	size_t got = 0;

	for (uint32_t i = 0; n && i < n->n && got < max; i++) {
		const struct node_id *id = &n->owners[i].id;

		if (!node_id_equal(id, engine_id(r->engine)) && !is_hidden(r, id))
			ret[got++] = member_peer(members_at(t, members_find(t, id)));
	}

	return got;
}

uint32_t rows_members(const struct rows *r, const struct network_id *network)
{
	const struct network *n = find_const(r, network);

	return n ? listeners((struct rows *)(uintptr_t)r, n) : 0;
}

uint64_t rows_root(const struct rows *r, const struct network_id *network)
{
	const struct network *n = find_const(r, network);

	return n ? n->root : 0;
}

const struct rows_counters *rows_counters(const struct rows *r)
{
	return &r->counters;
}
