/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger-sync - make two ledgers equal */
#include "overlay/ledger-sync.h"

#include <stdlib.h>

#include "overlay/block.pb.h"
#include "overlay/bytes.h"
#include "overlay/engine.h"

#define CHUNK	     (16 * 1024) /* bytes of one stream message, so that no other waits long for it */
#define DIFFERS_LONG 1000	 /* ms after which a difference is not gossip under way */
#define REPLY_WAIT   3000	 /* ms without a reply: whoever was asked is gone */
#define PAUSE	     300	 /* ms between exchanges */
#define WANTED_MAX   (64 * 1024) /* marks asked for at once; the next exchange brings the rest */
#define MARK_LEN     8

void ledger_sync_init(struct ledger_sync *s, struct engine *engine, struct ledger *ledger)
{
	*s = (struct ledger_sync){ .engine = engine, .ledger = ledger };
}

void ledger_sync_clear(struct ledger_sync *s)
{
	free(s->said);
	free(s->wanted);
}

/* ---- sending entries ------------------------------------------------------- */

bool ledger_put(const struct ledger_entry *e, struct part_writer *w)
{
	return e->link ? part_put(w, PART_LINK, e->link->bytes, e->link->len)
		       : part_put(w, PART_FORGET, e->forget->bytes, e->forget->len);
}

/* A stream message that is being filled, and sent whenever it is full. */
struct outbox {
	struct engine *engine;
	const struct peer *to;
	struct part_writer w;
	uint8_t buf[CHUNK];
};

static void outbox_init(struct outbox *o, struct engine *e, const struct peer *to)
{
	o->engine = e;
	o->to = to;
	o->w = (struct part_writer){ .buf = o->buf, .cap = sizeof(o->buf) };
}

static void outbox_flush(struct outbox *o)
{
	if (o->w.len > 0)
		engine_stream(o->engine, o->to, &o->w);
	o->w.len = 0;
}

static void outbox_put(struct outbox *o, const struct ledger_entry *e)
{
	if (ledger_put(e, &o->w))
		return;
	outbox_flush(o);
	(void)ledger_put(e, &o->w);
}

void ledger_send(struct ledger *l, const struct peer *to, ledger_wanted wanted, void *ctx)
{
	struct outbox o;

	outbox_init(&o, l->engine, to);
	for (uint32_t i = 0; i < l->n; i++)
		if (wanted(ctx, i, &l->entries[i]))
			outbox_put(&o, &l->entries[i]);
	outbox_flush(&o);
}

/* What is wanted, the chains of it, and all forgets, by which heirs may sign. */
static void mark_proofs(const struct ledger *l, ledger_wanted wanted, void *ctx, uint8_t *marks)
{
	for (uint32_t i = l->n; i-- > 0;) {
		const struct ledger_entry *e = &l->entries[i];

		marks[i] |= e->forget || wanted(ctx, i, e);
		if (marks[i] && e->link && !link_is_founding(e->link))
			marks[ledger_find(l, get_le64(e->link->of.parent.b))] = 1;
	}
}

void ledger_send_proofs(struct ledger *l, const struct peer *to, ledger_wanted wanted, void *ctx,
			const struct part_writer *end)
{
	uint8_t *marks = calloc(l->n + 1, 1);
	struct outbox o;

	if (!marks)
		return; /* as if it were lost on the way: it is asked for again */
	mark_proofs(l, wanted, ctx, marks);
	outbox_init(&o, l->engine, to);
	for (uint32_t i = 0; i < l->n; i++)
		if (marks[i])
			outbox_put(&o, &l->entries[i]);
	if (part_room(&o.w) < end->len)
		outbox_flush(&o);
	memcpy(o.w.buf + o.w.len, end->buf, end->len);
	o.w.len += end->len;
	outbox_flush(&o);
	free(marks);
}

/* ---- the first message ----------------------------------------------------- */

/* About eight entries a range: 1, 4, 16, 64 or 256 ranges. */
static unsigned int ranges_for(uint32_t entries)
{
	unsigned int n = 1;

	while (n < LEDGER_RANGES && n * 8 < entries)
		n *= 4;

	return n;
}

static bool is_range_count(size_t n)
{
	return n == 1 || n == 4 || n == 16 || n == 64 || n == 256;
}

static unsigned int range_of(const struct ledger_entry *e, unsigned int ranges)
{
	return ledger_range(e) * ranges / LEDGER_RANGES;
}

static uint32_t range_hash(const struct ledger *l, unsigned int range, unsigned int ranges)
{
	unsigned int each = LEDGER_RANGES / ranges;
	uint64_t h = 0;

	for (unsigned int i = 0; i < each; i++)
		h ^= l->range[range * each + i];

	return (uint32_t)h;
}

static void compare(struct ledger_sync *s, const struct peer *to, ms_t now)
{
	unsigned int ranges = ranges_for(s->ledger->n);
	block_Compare m = block_Compare_init_zero;
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	s->number = engine_random(s->engine, UINT32_MAX) + 1;
	m.number = s->number;
	m.ranges.size = (pb_size_t)(4 * ranges);
	for (unsigned int i = 0; i < ranges; i++)
		put_le32(m.ranges.bytes + 4 * i, range_hash(s->ledger, i, ranges));
	if (!part_put_message(&w, PART_COMPARE, block_Compare_fields, &m))
		return;
	s->asked = true;
	s->ranges = ranges;
	s->asked_at = now;
	s->whom = to->id;
	s->n_said = 0;
	s->n_wanted = 0;
	engine_send_as_is(s->engine, to, &w);
}

void ledger_sync_greeted(struct ledger_sync *s, const struct origin *o, uint64_t root, ms_t now)
{
	if (root == s->ledger->root) {
		s->differs_since = 0;
		return;
	}
	if (s->differs_since == 0)
		s->differs_since = now;
	if (s->asked && now - s->asked_at >= REPLY_WAIT)
		s->asked = false;
	if (s->asked || now < s->next || now - s->differs_since < DIFFERS_LONG)
		return;
	compare(s, &o->from, now);
}

/* ---- the second ------------------------------------------------------------ */

/* A Have that is being filled, and sent whenever it is full. */
struct have {
	struct ledger_sync *s;
	const struct peer *to;
	block_Have m;
};

static void send_have(struct have *h)
{
	uint8_t buf[CHUNK];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	if (part_put_message(&w, PART_HAVE, block_Have_fields, &h->m))
		engine_stream(h->s->engine, h->to, &w);
	h->m.ids.size = 0;
}

static void add_mark(struct have *h, uint64_t mark)
{
	if ((size_t)h->m.ids.size + MARK_LEN > sizeof(h->m.ids.bytes))
		send_have(h);
	put_le64(h->m.ids.bytes + h->m.ids.size, mark);
	h->m.ids.size += MARK_LEN;
}

static void answer_compare(struct ledger_sync *s, const struct origin *o, const block_Compare *m)
{
	const struct ledger *l = s->ledger;
	struct have h = { .s = s, .to = &o->from, .m.number = m->number };
	unsigned int ranges = m->ranges.size / 4;

	if (m->ranges.size % 4 != 0 || !is_range_count(ranges)) {
		engine_counters(s->engine)->bad_part++;
		return;
	}
	h.m.differ.size = (pb_size_t)((ranges + 7) / 8);
	for (unsigned int i = 0; i < ranges; i++)
		if (get_le32(m->ranges.bytes + 4 * i) != range_hash(l, i, ranges))
			h.m.differ.bytes[i / 8] |= (uint8_t)(1U << i % 8);
	for (uint32_t i = 0; i < l->n; i++) {
		unsigned int range = range_of(&l->entries[i], ranges);

		if (h.m.differ.bytes[range / 8] & 1U << range % 8)
			add_mark(&h, ledger_mark(&l->entries[i]));
	}
	h.m.last = true;
	send_have(&h);
}

/* ---- the third ------------------------------------------------------------- */

static bool reserve_wanted(struct ledger_sync *s)
{
	uint32_t cap = s->cap_wanted ? 2 * s->cap_wanted : 256;
	uint64_t *wanted;

	if (s->n_wanted < s->cap_wanted)
		return true;
	if (s->n_wanted == WANTED_MAX)
		return false;
	wanted = realloc(s->wanted, cap * sizeof(*wanted));
	if (!wanted)
		return false;
	s->wanted = wanted;
	s->cap_wanted = cap;

	return true;
}

/* The bits are for the entries that there are now; later ones are simply sent. */
static bool begin_said(struct ledger_sync *s)
{
	uint8_t *said = realloc(s->said, s->ledger->n / 8 + 1);

	if (!said)
		return false;
	s->said = said;
	s->n_said = s->ledger->n;
	memset(said, 0, s->n_said / 8 + 1);

	return true;
}

static void note_mark(struct ledger_sync *s, uint64_t mark)
{
	uint32_t handle = ledger_find(s->ledger, mark);

	if (handle != LEDGER_NONE && handle < s->n_said)
		s->said[handle / 8] |= (uint8_t)(1U << handle % 8);
	else if (handle == LEDGER_NONE && reserve_wanted(s))
		s->wanted[s->n_wanted++] = mark;
}

struct lacking {
	const struct ledger_sync *s;
	const block_Have *have;
	unsigned int ranges;
};

static bool is_lacking(void *ctx, uint32_t handle, const struct ledger_entry *e)
{
	const struct lacking *l = ctx;
	unsigned int range = range_of(e, l->ranges);

	return l->have->differ.bytes[range / 8] & 1U << range % 8 &&
	       (handle >= l->s->n_said || !(l->s->said[handle / 8] & 1U << handle % 8));
}

static void send_wants(struct ledger_sync *s, const struct peer *to)
{
	static const size_t each = sizeof(((block_Want *)0)->ids.bytes) / MARK_LEN;
	uint8_t buf[CHUNK];

	for (uint32_t at = 0; at < s->n_wanted; at += (uint32_t)each) {
		struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
		block_Want m = block_Want_init_zero;

		for (uint32_t i = at; i < s->n_wanted && i < at + each; i++) {
			put_le64(m.ids.bytes + m.ids.size, s->wanted[i]);
			m.ids.size += MARK_LEN;
		}
		if (part_put_message(&w, PART_WANT, block_Want_fields, &m))
			engine_stream(s->engine, to, &w);
	}
}

static void take_have(struct ledger_sync *s, const struct origin *o, const block_Have *m, ms_t now)
{
	struct lacking lacking = { .s = s, .have = m, .ranges = s->ranges };

	if (!s->asked || m->number != s->number || !node_id_equal(&o->from.id, &s->whom))
		return;
	if (s->n_said == 0 && !begin_said(s))
		return;
	for (pb_size_t i = 0; i + MARK_LEN <= m->ids.size; i += MARK_LEN)
		note_mark(s, get_le64(m->ids.bytes + i));
	s->asked_at = now;
	if (!m->last)
		return;
	s->asked = false;
	s->next = now + PAUSE;
	if (m->differ.size != (s->ranges + 7) / 8)
		return;
	ledger_send(s->ledger, &o->from, is_lacking, &lacking);
	send_wants(s, &o->from);
}

/* ---- the answer to it ------------------------------------------------------ */

static int compare_handles(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct chosen {
	uint32_t handles[sizeof(((block_Want *)0)->ids.bytes) / MARK_LEN];
	uint32_t n, at;
};

static bool is_chosen(void *ctx, uint32_t handle, const struct ledger_entry *e)
{
	struct chosen *c = ctx;

	(void)e;
	while (c->at < c->n && c->handles[c->at] < handle)
		c->at++;

	return c->at < c->n && c->handles[c->at] == handle;
}

static void answer_want(struct ledger_sync *s, const struct origin *o, const block_Want *m)
{
	struct chosen c = { 0 };

	for (pb_size_t i = 0; i + MARK_LEN <= m->ids.size; i += MARK_LEN) {
		uint32_t handle = ledger_find(s->ledger, get_le64(m->ids.bytes + i));

		if (handle != LEDGER_NONE)
			c.handles[c.n++] = handle;
	}
	qsort(c.handles, c.n, sizeof(c.handles[0]), compare_handles);
	ledger_send(s->ledger, &o->from, is_chosen, &c);
}

void ledger_sync_receive(struct ledger_sync *s, const struct origin *o, const struct part *p,
			 ms_t now)
{
	union {
		block_Compare compare;
		block_Have have;
		block_Want want;
	} m;

	if (p->kind == PART_COMPARE && part_message(p, block_Compare_fields, &m.compare))
		answer_compare(s, o, &m.compare);
	else if (p->kind == PART_HAVE && o->stream && part_message(p, block_Have_fields, &m.have))
		take_have(s, o, &m.have, now);
	else if (p->kind == PART_WANT && o->stream && part_message(p, block_Want_fields, &m.want))
		answer_want(s, o, &m.want);
	else
		engine_counters(s->engine)->bad_part++;
}
