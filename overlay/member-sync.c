/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member-sync - join a cluster, and make two tables equal */
#include "overlay/member-sync.h"

#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/member.pb.h"
#include "overlay/members-private.h"
#include "overlay/profile.h"

#define CHUNK	     (16 * 1024) /* bytes of one stream message, so that no other waits long for it */
#define WHOLE_TABLE  64		 /* members that a welcome tells in full */
#define SAMPLE	     16		 /* and how many it tells of a larger table */
#define JOIN_AGAIN   1000	 /* ms without a welcome */
#define REPLY_WAIT   5000	 /* ms without a reply: whoever was asked is gone */
#define DIFFERS_LONG 2000	 /* ms after which a difference is not gossip under way */
#define EQUAL_ENOUGH 3	 /* equal roots after which there is none: fewer may be of one camp */
#define WAIT_LEAST   300 /* ms between comparisons while they bring news */
#define WAIT_MOST    8000
#define ANSWER_RATE  (1500 * 1000) /* bytes a second of answers to joins and comparisons */
#define ANSWER_BURST (2 * ANSWER_RATE)

/* What a reply said of a member that is in this node's table too. */
enum mark { UNSAID = 0, KNOWS, LACKS };

struct member_sync {
	struct engine *engine;
	struct members *members;
	struct node_addr seeds[SYNC_SEEDS];
	uint8_t n_seeds;
	bool joining;	 /* no welcome yet */
	bool settling;	 /* joined: compare until nothing differs */
	bool asked;	 /* a comparison is under way, as @number with @whom */
	bool news;	 /* and has brought some */
	bool profiles;	 /* the next one asks for profiles */
	uint16_t ranges; /* of the comparison under way */
	uint32_t number;
	struct node_id whom;
	ms_t asked_at;
	ms_t next; /* earliest time of the next comparison, or of the next try to join */
	ms_t wait;
	ms_t differs_since;   /* 0: the last roots were equal */
	uint8_t equal_in_row; /* so many of them */
	int64_t tokens;
	ms_t filled_at;
};

/* ---- ranges --------------------------------------------------------------------- */

/* About four members a range: 1, 4, 16, 64 or 256 ranges. */
static unsigned int ranges_for(uint32_t members)
{
	unsigned int n = 1;

	while (n < MEMBER_BUCKETS && n * 4 < members)
		n *= 4;
	return n;
}

static bool is_range_count(size_t n)
{
	return n == 1 || n == 4 || n == 16 || n == 64 || n == 256;
}

static unsigned int range_of(const struct node_id *id, unsigned int ranges)
{
	return id->b[0] * ranges / MEMBER_BUCKETS;
}

/* Four bytes of hash for each range. */
static void hash_ranges(const struct members *t, unsigned int ranges, uint8_t *ret)
{
	unsigned int each = MEMBER_BUCKETS / ranges;

	for (unsigned int i = 0; i < ranges; i++) {
		uint64_t h = 0;

		for (unsigned int b = 0; b < each; b++)
			h ^= t->bucket[i * each + b];
		for (unsigned int b = 0; b < 4; b++)
			ret[4 * i + b] = (uint8_t)(h >> (8 * b));
	}
}

static bool bit_is_set(const uint8_t *bits, unsigned int i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

/* ---- chunks --------------------------------------------------------------------- */

/* A stream message under way; it is sent whenever it is full. */
struct chunk {
	struct member_sync *s;
	const struct peer *to;
	struct part_writer w;
	uint8_t buf[CHUNK];
};

static void chunk_begin(struct chunk *c, struct member_sync *s, const struct peer *to)
{
	c->s = s;
	c->to = to;
	c->w = (struct part_writer){ .buf = c->buf, .cap = sizeof(c->buf) };
}

static void chunk_send(struct chunk *c)
{
	if (c->w.len == 0)
		return;
	c->s->tokens -= (int64_t)c->w.len;
	engine_stream(c->s->engine, c->to, &c->w);
	c->w.len = 0;
}

static void chunk_put_claim(struct chunk *c, uint32_t slot, bool with_profile)
{
	if (members_put_claim(c->s->members, slot, PART_SYNC_CLAIM, with_profile, &c->w) != 0)
		return;
	chunk_send(c);
	(void)members_put_claim(c->s->members, slot, PART_SYNC_CLAIM, with_profile, &c->w);
}

static void chunk_put_message(struct chunk *c, uint8_t kind, const pb_msgdesc_t *fields,
			      const void *message)
{
	if (part_put_message(&c->w, kind, fields, message))
		return;
	chunk_send(c);
	(void)part_put_message(&c->w, kind, fields, message);
}

static void put_sample(struct chunk *c)
{
	const struct members *t = c->s->members;
	struct peer some[SAMPLE];
	size_t n = members_pick(c->s->members, SAMPLE, &c->to->id, some);

	chunk_put_claim(c, MEMBER_SELF, true);
	for (size_t i = 0; i < n; i++)
		chunk_put_claim(c, members_find(t, &some[i].id), true);
}

static bool may_answer(struct member_sync *s, ms_t now)
{
	ms_t passed = now - s->filled_at;

	s->tokens += passed > 10000 ? ANSWER_BURST : (int64_t)passed * ANSWER_RATE / 1000;
	if (s->tokens > ANSWER_BURST)
		s->tokens = ANSWER_BURST;
	s->filled_at = now;
	return s->tokens > 0;
}

/* ---- asking --------------------------------------------------------------------- */

static void ask(struct member_sync *s, const struct peer *to, ms_t now)
{
	unsigned int ranges = ranges_for(members_count(s->members));
	member_Sync m = { .profiles = s->profiles || s->settling || s->members->lacks_profiles };
	struct members *t = s->members;
	struct chunk c;

	if (t->scratch_cap < t->cap) {
		uint8_t *more = realloc(t->scratch, t->cap);

		if (!more)
			return;
		t->scratch = more;
		t->scratch_cap = t->cap;
	}
	memset(t->scratch, UNSAID, t->scratch_cap);

	s->asked = true;
	s->asked_at = now;
	s->whom = to->id;
	s->news = false;
	s->ranges = (uint16_t)ranges;
	s->number = m.number = engine_random(s->engine, UINT32_MAX) + 1;
	m.buckets.size = (pb_size_t)(4 * ranges);
	hash_ranges(t, ranges, m.buckets.bytes);
	chunk_begin(&c, s, to);
	chunk_put_message(&c, PART_SYNC, member_Sync_fields, &m);
	chunk_send(&c);
}

static void ask_to_join(struct member_sync *s, ms_t now)
{
	const struct profile *own = members_at(s->members, MEMBER_SELF)->profile;
	struct peer to = { .addr = s->seeds[engine_random(s->engine, s->n_seeds)] };
	member_Join m = { .number = engine_random(s->engine, UINT32_MAX) + 1 };
	struct chunk c;

	s->next = now + JOIN_AGAIN / 2 + engine_random(s->engine, JOIN_AGAIN);
	s->number = m.number;
	m.profile.size = own->len;
	memcpy(m.profile.bytes, own->bytes, own->len);
	chunk_begin(&c, s, &to);
	chunk_put_message(&c, PART_JOIN, member_Join_fields, &m);
	chunk_send(&c);
}

/* The next wait: short after news, longer and longer without; never in step with others. */
static void wait_after(struct member_sync *s, bool news, ms_t now)
{
	s->wait = news ? WAIT_LEAST : s->wait * 2;
	if (s->wait > WAIT_MOST)
		s->wait = WAIT_MOST;
	s->next = now + s->wait / 2 + engine_random(s->engine, (uint32_t)s->wait);
}

/* ---- answering ------------------------------------------------------------------ */

static void on_join(struct member_sync *s, const struct origin *o, const struct part *part,
		    ms_t now)
{
	member_Join m = member_Join_init_zero;
	struct claim claim = { .id = o->from.id };
	member_Welcome welcome;
	struct chunk c;

	if (!part_message(part, member_Join_fields, &m)) {
		engine_counters(s->engine)->bad_part++;
		return;
	}
	claim.profile = m.profile.bytes;
	claim.profile_len = m.profile.size;
	(void)members_hear(s->members, &claim, true, now);
	if (members_find(s->members, &o->from.id) == MEMBER_NONE || !may_answer(s, now))
		return; /* it asks again */

	welcome = (member_Welcome){ .number = m.number };
	chunk_begin(&c, s, &o->from);
	if (members_count(s->members) > WHOLE_TABLE)
		put_sample(&c);
	else
		for (uint32_t i = 0; i < members_slots(s->members); i++)
			chunk_put_claim(&c, i, true);
	chunk_put_message(&c, PART_WELCOME, member_Welcome_fields, &welcome);
	chunk_send(&c);
}

static void put_ranges(struct chunk *c, const uint8_t *differ, unsigned int ranges, bool profiles)
{
	const struct members *t = c->s->members;

	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->m[i].profile && bit_is_set(differ, range_of(&t->m[i].profile->id, ranges)))
			chunk_put_claim(c, i, profiles);
}

static void mark_ranges_that_differ(const struct members *t, const member_Sync *m, uint8_t *bits)
{
	unsigned int ranges = m->buckets.size / 4;
	uint8_t own[4 * MEMBER_BUCKETS];

	hash_ranges(t, ranges, own);
	for (unsigned int i = 0; i < ranges; i++)
		if (memcmp(own + 4 * i, m->buckets.bytes + 4 * i, 4) != 0)
			bits[i / 8] |= (uint8_t)(1U << (i % 8));
}

static void on_sync(struct member_sync *s, const struct origin *o, const struct part *part,
		    ms_t now)
{
	member_Sync m = member_Sync_init_zero;
	member_SyncReply reply = member_SyncReply_init_zero;
	struct chunk c;

	if (!part_message(part, member_Sync_fields, &m) || m.buckets.size % 4 != 0 ||
	    !is_range_count(m.buckets.size / 4)) {
		engine_counters(s->engine)->bad_part++;
		return;
	}

	reply.number = m.number;
	reply.busy = !may_answer(s, now);
	chunk_begin(&c, s, &o->from);
	if (reply.busy) {
		put_sample(&c);
	} else {
		reply.differ.size = (pb_size_t)((m.buckets.size / 4 + 7) / 8);
		mark_ranges_that_differ(s->members, &m, reply.differ.bytes);
		put_ranges(&c, reply.differ.bytes, m.buckets.size / 4, m.profiles);
	}
	chunk_put_message(&c, PART_SYNC_REPLY, member_SyncReply_fields, &reply);
	chunk_send(&c);
}

/* ---- hearing the answer --------------------------------------------------------- */

static bool is_from_whom(const struct member_sync *s, const struct origin *o)
{
	return s->asked && node_id_equal(&o->from.id, &s->whom);
}

/* Whether whoever made the claim should get ours: it is of a higher standing or profile. */
static enum mark compare_with(const struct member *m, const struct claim *c)
{
	if (m->generation != c->standing.generation || m->refutation != c->standing.refutation ||
	    m->state != c->standing.state)
		return LACKS;
	if (c->profile && (c->profile_len != m->profile->len ||
			   memcmp(c->profile, m->profile->bytes, m->profile->len) != 0))
		return LACKS;
	return KNOWS;
}

static void on_claim(struct member_sync *s, const struct origin *o, const struct part *part,
		     ms_t now)
{
	struct members *t = s->members;
	member_Claim room;
	struct claim c;
	uint32_t slot;

	if (!members_read_claim(t, part, &room, &c))
		return;
	s->news |= members_hear(t, &c, false, now);
	slot = members_find(t, &c.id);
	if (is_from_whom(s, o) && slot != MEMBER_NONE && slot < t->scratch_cap)
		t->scratch[slot] = (uint8_t)compare_with(&t->m[slot], &c);
}

/* The third message: what the reply lacked.  A member added since is known to the other one. */
static void send_rest(struct member_sync *s, const struct peer *to, const member_SyncReply *m)
{
	const struct members *t = s->members;
	struct chunk c;

	chunk_begin(&c, s, to);
	for (uint32_t i = 0; i < t->n_slots && i < t->scratch_cap; i++)
		if (t->m[i].profile && t->scratch[i] != KNOWS &&
		    bit_is_set(m->differ.bytes, range_of(&t->m[i].profile->id, s->ranges)))
			chunk_put_claim(&c, i, t->scratch[i] == UNSAID || s->profiles);
	chunk_send(&c);
}

static bool any_differs(const member_SyncReply *m)
{
	for (pb_size_t i = 0; i < m->differ.size; i++)
		if (m->differ.bytes[i])
			return true;
	return false;
}

static void on_reply(struct member_sync *s, const struct origin *o, const struct part *part,
		     ms_t now)
{
	member_SyncReply m = member_SyncReply_init_zero;
	bool differs;

	if (!part_message(part, member_SyncReply_fields, &m)) {
		engine_counters(s->engine)->bad_part++;
		return;
	}
	if (!is_from_whom(s, o) || m.number != s->number)
		return;

	s->asked = false;
	differs = any_differs(&m);
	if (differs && m.differ.size == (s->ranges + 7U) / 8)
		send_rest(s, &o->from, &m);
	/* A difference that brought nothing may be one of profiles. */
	s->profiles = differs && !s->news && !s->profiles;
	if (s->news)
		s->members->lacks_profiles = false;
	if (!differs && !m.busy)
		s->settling = false;
	wait_after(s, s->news || m.busy, now);
}

static void on_welcome(struct member_sync *s, const struct origin *o, const struct part *part,
		       ms_t now)
{
	member_Welcome m = member_Welcome_init_zero;

	(void)o;
	if (!part_message(part, member_Welcome_fields, &m)) {
		engine_counters(s->engine)->bad_part++;
		return;
	}
	if (!s->joining)
		return;
	s->joining = false;
	s->settling = true;
	members_introduce_self(s->members, now);
	wait_after(s, true, now);
}

static void receive(void *self, const struct origin *o, const struct part *part, ms_t now)
{
	static void (*const handlers[])(struct member_sync *, const struct origin *,
					const struct part *, ms_t) = {
		[PART_JOIN] = on_join,	      [PART_WELCOME] = on_welcome,  [PART_SYNC] = on_sync,
		[PART_SYNC_REPLY] = on_reply, [PART_SYNC_CLAIM] = on_claim,
	};

	handlers[part->kind](self, o, part, now);
}

/* ---- when ----------------------------------------------------------------------- */

/* Somebody who is thought dead and yet talks: the two halves of a cluster have met again. */
static bool is_back(const struct member_sync *s, const struct node_id *id)
{
	uint32_t slot = members_find(s->members, id);

	return slot != MEMBER_NONE && members_at(s->members, slot)->state == MEMBER_DEAD;
}

void member_sync_root(struct member_sync *s, const struct origin *o, uint64_t root, ms_t now)
{
	if (root == members_root(s->members)) {
		s->wait = WAIT_LEAST;
		if (++s->equal_in_row >= EQUAL_ENOUGH)
			s->differs_since = 0;
		return;
	}
	s->equal_in_row = 0;
	if (s->differs_since == 0)
		s->differs_since = now;
	if (s->asked || s->joining || now < s->next)
		return;
	if (now - s->differs_since >= DIFFERS_LONG || s->settling || is_back(s, &o->from.id))
		ask(s, &o->from, now);
}

static void tick(void *self, ms_t now)
{
	struct member_sync *s = self;
	struct peer to;

	if (s->asked && now >= s->asked_at + REPLY_WAIT) {
		s->asked = false;
		wait_after(s, false, now);
	}
	if (now < s->next)
		return;
	if (s->joining)
		ask_to_join(s, now);
	else if (s->settling && !s->asked && members_pick(s->members, 1, NULL, &to) == 1)
		ask(s, &to, now);
	else if (s->settling && !s->asked)
		wait_after(s, false, now);
}

static ms_t deadline(const void *self)
{
	const struct member_sync *s = self;

	if (s->asked)
		return s->asked_at + REPLY_WAIT;
	return s->joining || s->settling ? s->next : MS_NEVER;
}

const struct module_ops member_sync_ops = {
	.name = "member-sync",
	.first_kind = PART_JOIN,
	.last_kind = PART_SYNC_CLAIM,
	.receive = receive,
	.tick = tick,
	.deadline = deadline,
};

struct member_sync *member_sync_new(struct engine *e, struct members *t)
{
	struct member_sync *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->engine = e;
	s->members = t;
	s->wait = WAIT_LEAST;
	s->tokens = ANSWER_BURST;
	return s;
}

void member_sync_free(struct member_sync *s)
{
	free(s);
}

/* Members of an earlier life: what they know by now is asked for at once. */
void member_sync_start(struct member_sync *s, ms_t now)
{
	s->filled_at = now;
	if (members_count(s->members) < 2)
		return;
	s->settling = true;
	s->next = now + engine_random(s->engine, WAIT_LEAST);
}

void member_sync_join(struct member_sync *s, const struct node_addr *seeds, size_t n, ms_t now)
{
	const struct profile *own = members_at(s->members, MEMBER_SELF)->profile;

	s->n_seeds = 0;
	for (size_t i = 0; i < n && s->n_seeds < SYNC_SEEDS; i++)
		if (!node_addr_equal(&seeds[i], &own->addr))
			s->seeds[s->n_seeds++] = seeds[i];
	s->joining = s->n_seeds > 0;
	s->next = now;
}
