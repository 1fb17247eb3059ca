/* SPDX-License-Identifier: GPL-2.0-or-later */
/* set-sync - make two nodes' copies of a cluster-wide table equal */
#include "overlay/set-sync.h"

#include <stdlib.h>

#include "overlay/block.pb.h"
#include "overlay/bytes.h"
#include "overlay/engine.h"
#include "overlay/members.h"
#include "overlay/outbox.h"

#define DIFFERS_LONG 1000	 /* ms after which a difference is not gossip under way */
#define HURRY	     10000	 /* ms after somebody has come */
#define REPLY_WAIT   3000	 /* ms without a reply: whoever was asked is gone */
#define PAUSE	     300	 /* ms between exchanges */
#define WANTED_MAX   (64 * 1024) /* marks asked for at once; the next exchange brings the rest */

void set_sync_init(struct set_sync *s, struct engine *engine, const struct set_ops *ops,
		   const struct marks *marks, const void *self)
{
	*s = (struct set_sync){ .engine = engine, .ops = ops, .marks = marks, .self = self };
}

void set_sync_clear(struct set_sync *s)
{
	free(s->said);
	free(s->wanted);
}

/* Which entries to send; called for each handle in order. */
typedef bool (*entry_wanted)(void *ctx, uint32_t handle);

static void send_entries(const struct set_sync *s, const struct peer *to, entry_wanted wanted,
			 void *ctx)
{
	struct outbox o;

	outbox_begin(&o, s->engine, to);
	for (uint32_t i = 0; i < s->marks->n; i++) {
		if (s->marks->mark[i] && wanted(ctx, i)) {
			struct part p = s->ops->part(s->self, i);

			outbox_put(&o, &p);
		}
	}
	outbox_end(&o);
}

/* ---- the first message ----------------------------------------------------- */

/* About eight entries a range: 1, 4, 16, 64 or 256 ranges. */
static unsigned int ranges_for(uint32_t entries)
{
	unsigned int n = 1;

	while (n < MARK_RANGES && n * 8 < entries)
		n *= 4;

	return n;
}

static bool is_range_count(size_t n)
{
	return n == 1 || n == 4 || n == 16 || n == 64 || n == 256;
}

static unsigned int range_of(uint64_t mark, unsigned int ranges)
{
	return mark_range(mark) * ranges / MARK_RANGES;
}

static uint32_t range_hash(const struct marks *m, unsigned int range, unsigned int ranges)
{
	unsigned int each = MARK_RANGES / ranges;
	uint64_t h = 0;

	for (unsigned int i = 0; i < each; i++)
		h ^= m->range[range * each + i];

	return (uint32_t)h;
}

static void compare(struct set_sync *s, const struct peer *to, ms_t now)
{
	unsigned int ranges = ranges_for(s->marks->n);
	block_Compare m = block_Compare_init_zero;
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	s->number = engine_random(s->engine, UINT32_MAX) + 1;
	m.number = s->number;
	m.ranges.size = (pb_size_t)(4 * ranges);
	for (unsigned int i = 0; i < ranges; i++)
		put_le32(m.ranges.bytes + 4 * i, range_hash(s->marks, i, ranges));
	if (!part_put_message(&w, s->ops->compare, block_Compare_fields, &m))
		return;
	s->asked = true;
	s->ranges = ranges;
	s->asked_at = now;
	s->whom = to->id;
	s->n_said = 0;
	s->n_wanted = 0;
	engine_send_as_is(s->engine, to, &w);
}

/* One at a time. */
static void begin_exchange(struct set_sync *s, const struct peer *with, ms_t now)
{
	if (s->asked && now - s->asked_at >= REPLY_WAIT)
		s->asked = false;
	if (!s->asked && now >= s->next)
		compare(s, with, now);
}

size_t set_sync_greet(const struct set_sync *s, uint8_t *buf, size_t cap)
{
	if (cap < sizeof(s->marks->root))
		return 0;
	put_le64(buf, s->marks->root);

	return sizeof(s->marks->root);
}

/* Whether what was heard is a difference that gossip does not mend by itself. */
static bool differs_for_long(struct set_sync *s, uint64_t root, ms_t now)
{
	if (root == s->marks->root) {
		s->differs_since = 0;
		return false;
	}
	if (s->differs_since == 0)
		s->differs_since = now;

	return now < s->hurry_until || now - s->differs_since >= DIFFERS_LONG;
}

void set_sync_greeted(struct set_sync *s, const struct origin *o, const uint8_t *greeting,
		      size_t len, ms_t now)
{
	if (len == sizeof(s->marks->root) && differs_for_long(s, get_le64(greeting), now))
		begin_exchange(s, &o->from, now);
}

/* Whoever was cut off pings seldom: it does not wait for the next answer. */
void set_sync_joined(struct set_sync *s, const struct node_id *who, ms_t now)
{
	const struct members *t = engine_members(s->engine);
	uint32_t slot = members_find(t, who);
	struct peer peer;

	s->hurry_until = now + HURRY;
	if (s->differs_since == 0 || slot == MEMBER_NONE)
		return;
	peer = member_peer(members_at(t, slot));
	begin_exchange(s, &peer, now);
}

/* ---- the second ------------------------------------------------------------ */

/* A Have that is being filled, and sent whenever it is full. */
struct have {
	struct set_sync *s;
	const struct peer *to;
	block_Have m;
};

static void send_have(struct have *h)
{
	uint8_t buf[OUTBOX_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	if (part_put_message(&w, h->s->ops->have, block_Have_fields, &h->m))
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

static void answer_compare(struct set_sync *s, const struct origin *o, const block_Compare *m)
{
	const struct marks *all = s->marks;
	struct have h = { .s = s, .to = &o->from, .m.number = m->number };
	unsigned int ranges = m->ranges.size / 4;

	if (m->ranges.size % 4 != 0 || !is_range_count(ranges)) {
		engine_counters(s->engine)->bad_part++;
		return;
	}
	h.m.differ.size = (pb_size_t)((ranges + 7) / 8);
	for (unsigned int i = 0; i < ranges; i++)
		if (get_le32(m->ranges.bytes + 4 * i) != range_hash(all, i, ranges))
			h.m.differ.bytes[i / 8] |= (uint8_t)(1U << i % 8);
	for (uint32_t i = 0; i < all->n; i++) {
		unsigned int range = range_of(all->mark[i], ranges);

		if (all->mark[i] && h.m.differ.bytes[range / 8] & 1U << range % 8)
			add_mark(&h, all->mark[i]);
	}
	h.m.last = true;
	send_have(&h);
}

/* ---- the third ------------------------------------------------------------- */

static bool reserve_wanted(struct set_sync *s)
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
static bool begin_said(struct set_sync *s)
{
	uint8_t *said = realloc(s->said, s->marks->n / 8 + 1);

	if (!said)
		return false;
	s->said = said;
	s->n_said = s->marks->n;
	memset(said, 0, s->n_said / 8 + 1);

	return true;
}

static void note_mark(struct set_sync *s, uint64_t mark)
{
	uint32_t handle = marks_find(s->marks, mark);

	if (handle != MARKS_NONE && handle < s->n_said)
		s->said[handle / 8] |= (uint8_t)(1U << handle % 8);
	else if (handle == MARKS_NONE && reserve_wanted(s))
		s->wanted[s->n_wanted++] = mark;
}

struct lacking {
	const struct set_sync *s;
	const block_Have *have;
	unsigned int ranges;
};

static bool is_lacking(void *ctx, uint32_t handle)
{
	const struct lacking *l = ctx;
	unsigned int range = range_of(l->s->marks->mark[handle], l->ranges);

	return l->have->differ.bytes[range / 8] & 1U << range % 8 &&
	       (handle >= l->s->n_said || !(l->s->said[handle / 8] & 1U << handle % 8));
}

void set_sync_want(struct set_sync *s, const struct peer *to, const uint64_t *marks, uint32_t n)
{
	static const size_t each = sizeof(((block_Want *)0)->ids.bytes) / MARK_LEN;
	uint8_t buf[OUTBOX_ROOM];

	for (uint32_t at = 0; at < n; at += (uint32_t)each) {
		struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
		block_Want m = block_Want_init_zero;

		for (uint32_t i = at; i < n && i < at + each; i++) {
			put_le64(m.ids.bytes + m.ids.size, marks[i]);
			m.ids.size += MARK_LEN;
		}
		if (part_put_message(&w, s->ops->want, block_Want_fields, &m))
			engine_stream(s->engine, to, &w);
	}
}

static void take_have(struct set_sync *s, const struct origin *o, const block_Have *m, ms_t now)
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
	send_entries(s, &o->from, is_lacking, &lacking);
	set_sync_want(s, &o->from, s->wanted, s->n_wanted);
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

static bool is_chosen(void *ctx, uint32_t handle)
{
	struct chosen *c = ctx;

	while (c->at < c->n && c->handles[c->at] < handle)
		c->at++;

	return c->at < c->n && c->handles[c->at] == handle;
}

static void answer_want(struct set_sync *s, const struct origin *o, const block_Want *m)
{
	struct chosen c = { 0 };

	for (pb_size_t i = 0; i + MARK_LEN <= m->ids.size; i += MARK_LEN) {
		uint32_t handle = marks_find(s->marks, get_le64(m->ids.bytes + i));

		if (handle != MARKS_NONE)
			c.handles[c.n++] = handle;
	}
	qsort(c.handles, c.n, sizeof(c.handles[0]), compare_handles);
	send_entries(s, &o->from, is_chosen, &c);
}

void set_sync_receive(struct set_sync *s, const struct origin *o, const struct part *p, ms_t now)
{
	union {
		block_Compare compare;
		block_Have have;
		block_Want want;
	} m;

	if (p->kind == s->ops->compare && part_message(p, block_Compare_fields, &m.compare))
		answer_compare(s, o, &m.compare);
	else if (p->kind == s->ops->have && o->stream &&
		 part_message(p, block_Have_fields, &m.have))
		take_have(s, o, &m.have, now);
	else if (p->kind == s->ops->want && o->stream &&
		 part_message(p, block_Want_fields, &m.want))
		answer_want(s, o, &m.want);
	else
		engine_counters(s->engine)->bad_part++;
}
