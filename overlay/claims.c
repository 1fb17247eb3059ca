/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * claims - what is said of a member, and what that does to the table
 *
 * A claim is merged by keeping the greater standing.  What follows from a
 * change - a suspicion begins or ends, the change is passed on, others are
 * told - is the same whoever said it.
 */
#include <errno.h>

#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/member.pb.h"
#include "overlay/members-private.h"
#include "overlay/profile.h"
#include "overlay/settings.h"
#include "overlay/spread.h"

/* Keys of the spread queue: a member's claim, or its claim with the profile. */
#define KEY_CLAIM(slot)	  ((slot) << 1)
#define KEY_PROFILE(slot) ((slot) << 1 | 1)

static unsigned int digits(uint32_t n)
{
	unsigned int d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

static void queue_up(struct members *t, uint32_t key, unsigned int limit, ms_t now)
{
	spread_add(engine_spread(t->engine), 0, SPREAD_MEMBER, key, limit,
		   engine_settings(t->engine)->gossip_fanout, now);
}

/* Retransmissions: the factor times ceil(log10(n + 1)), as SWIM's lambda * log(n). */
static void pass_on(struct members *t, uint32_t key, ms_t now)
{
	queue_up(t, key, engine_settings(t->engine)->retransmit * digits(t->alive), now);
}

static int standing_cmp(const struct standing *a, const struct standing *b)
{
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	if (a->refutation != b->refutation)
		return a->refutation < b->refutation ? -1 : 1;
	return (a->state > b->state) - (a->state < b->state);
}

static struct standing standing_of(const struct member *m)
{
	return (struct standing){ .generation = m->generation,
				  .refutation = m->refutation,
				  .state = m->state };
}

static void tell(struct members *t, enum event_kind kind, uint32_t slot, uint64_t from, ms_t now)
{
	struct event ev = { .kind = (uint16_t)kind,
			    .node = t->m[slot].profile->id,
			    .from = from,
			    .profile = t->m[slot].profile };

	engine_event(t->engine, &ev, now);
}

/* ---- suspicions --------------------------------------------------------------- */

static void end_suspicion(struct members *t, uint32_t slot)
{
	uint32_t at = t->m[slot].suspicion, moved;

	if (at == 0)
		return;
	moved = suspicion_end(&t->suspicions, at - 1);
	if (moved != MEMBER_NONE)
		t->m[moved].suspicion = (uint16_t)at;
	t->m[slot].suspicion = 0;
}

/* Without a slot for it the suspect waits for the verdict of another member. */
static void begin_suspicion(struct members *t, uint32_t slot, uint64_t from, ms_t now)
{
	int at;

	if (t->suspicions.n >= UINT16_MAX)
		return;
	at = suspicion_begin(&t->suspicions, slot, from,
			     from == node_id_short(engine_id(t->engine)), t->alive,
			     engine_settings(t->engine), now);
	if (at >= 0)
		t->m[slot].suspicion = (uint16_t)(at + 1);
}

/* Another one's suspicion counts when it is of the same standing, not of one refuted since. */
static bool confirm(struct members *t, uint32_t slot, const struct claim *c, ms_t now)
{
	struct standing own = standing_of(&t->m[slot]);
	uint16_t at = t->m[slot].suspicion;

	if (at == 0 || standing_cmp(&c->standing, &own) != 0 ||
	    !suspicion_confirm(&t->suspicions, at - 1U, c->from))
		return false;
	/* Not as often as the first: whoever misses it only waits longer than need be. */
	queue_up(t, KEY_CLAIM(slot), engine_settings(t->engine)->confirm_sends, now);
	return true;
}

/* ---- a change ----------------------------------------------------------------- */

static void count_state(struct members *t, uint8_t state, uint32_t n)
{
	if (state <= MEMBER_SUSPECT)
		t->alive += n;
	else if (state == MEMBER_DEAD)
		t->dead += n;
}

static void set_standing(struct members *t, uint32_t slot, const struct standing *to, uint64_t from,
			 ms_t now)
{
	struct member *m = &t->m[slot];

	count_state(t, m->state, UINT32_MAX); /* one less */
	count_state(t, (uint8_t)to->state, 1);
	if (m->state != to->state)
		m->since_s = (uint32_t)(now / 1000);
	m->generation = to->generation;
	m->refutation = to->refutation;
	m->state = (uint8_t)to->state;

	end_suspicion(t, slot);
	if (to->state == MEMBER_SUSPECT)
		begin_suspicion(t, slot, from, now);
}

static void tell_change(struct members *t, uint32_t slot, const struct standing *was,
			bool new_profile, uint64_t from, ms_t now)
{
	const struct member *m = &t->m[slot];
	static const enum event_kind kinds[] = {
		[MEMBER_ALIVE] = EVENT_MEMBER_JOINED,
		[MEMBER_SUSPECT] = EVENT_MEMBER_SUSPECT,
		[MEMBER_DEAD] = EVENT_MEMBER_DEAD,
		[MEMBER_LEFT] = EVENT_MEMBER_LEFT,
	};
	bool back = was->state == MEMBER_SUSPECT && m->state == MEMBER_ALIVE;

	if (new_profile || was->generation != m->generation || back)
		if (was->state <= MEMBER_SUSPECT)
			tell(t, EVENT_MEMBER_CHANGED, slot, from, now);
	if (m->state != was->state && !back)
		tell(t, kinds[m->state], slot, from, now);
}

/* ---- profiles ----------------------------------------------------------------- */

static bool same_bytes(const struct profile *p, const struct claim *c)
{
	return p->len == c->profile_len && memcmp(p->bytes, c->profile, p->len) == 0;
}

/* A checked and shared copy, or NULL; counted when it is not right. */
static const struct profile *read_profile(struct members *t, const struct claim *c)
{
	const struct env *env = engine_env(t->engine);
	struct engine_counters *count = engine_counters(t->engine);
	const struct profile *shared = NULL;
	struct profile *p;
	int r;

	if (env->ops->profile_find)
		shared = env->ops->profile_find(env->ctx, c->profile, c->profile_len);
	if (shared)
		return shared;

	r = profile_read(env, c->profile, c->profile_len, &p);
	if (r == -EKEYREJECTED)
		count->forged++;
	else if (r < 0)
		count->bad_part++;
	if (r < 0)
		return NULL;
	return env->ops->profile_intern ? env->ops->profile_intern(env->ctx, p) : p;
}

/* The profile of a claim, which must be of the member that the claim is about. */
static const struct profile *take_profile(struct members *t, const struct claim *c)
{
	const struct profile *p = read_profile(t, c);

	if (!p || node_id_equal(&p->id, &c->id))
		return p;
	engine_counters(t->engine)->bad_part++;
	members_drop_profile(t, p);
	return NULL;
}

static void keep_for_next_life(struct members *t, const struct profile *p)
{
	const struct env *env = engine_env(t->engine);
	struct record r = { .kind = RECORD_MEMBER,
			    .key = p->id.b,
			    .key_len = NODE_ID_LEN,
			    .value = p->bytes,
			    .len = p->len };

	/* Meetings and forgets (blocks.h) rest on it when it is STORE_LAZY_MS old. */
	(void)env->ops->store(env->ctx, &r, STORE_LAZY, NULL);
}

/* The newer profile in a claim takes the old one's place.  Return: whether it did. */
static bool take_newer_profile(struct members *t, uint32_t slot, const struct claim *c)
{
	const struct profile *p;

	if (!c->profile || same_bytes(t->m[slot].profile, c))
		return false;
	p = take_profile(t, c);
	if (!p)
		return false;
	if (profile_cmp(p, t->m[slot].profile) <= 0) {
		members_drop_profile(t, p);
		return false;
	}
	members_set_profile(t, slot, p);
	keep_for_next_life(t, p);
	return true;
}

static bool is_forgotten(const struct members *t, const struct profile *p)
{
	return t->forgotten.is && t->forgotten.is(t->forgotten.ctx, &p->id, p->generation);
}

static uint32_t add_member(struct members *t, const struct claim *c)
{
	const struct profile *p;
	uint32_t slot;

	if (!c->profile) {
		t->lacks_profiles = true;
		engine_counters(t->engine)->unknown_member++;
		return MEMBER_NONE;
	}
	p = take_profile(t, c);
	if (!p)
		return MEMBER_NONE;
	slot = is_forgotten(t, p) ? MEMBER_NONE : members_insert(t, p);
	if (slot == MEMBER_NONE)
		members_drop_profile(t, p);
	else
		keep_for_next_life(t, p);
	return slot;
}

/* ---- this node ---------------------------------------------------------------- */

/* Outrank what is said: only the member itself may raise its refutation number. */
static void refute(struct members *t, uint32_t refutation, ms_t now)
{
	members_toggle_hash(t, MEMBER_SELF);
	t->m[MEMBER_SELF].refutation = refutation + 1;
	members_toggle_hash(t, MEMBER_SELF);
	t->refuted++;
	pass_on(t, KEY_CLAIM(MEMBER_SELF), now);
}

/* What somebody who holds this node's key has signed, or 0. */
static uint32_t signed_generation(struct members *t, const struct claim *c)
{
	const struct profile *p = c->profile ? take_profile(t, c) : NULL;
	uint32_t generation = p ? p->generation : 0;

	if (p)
		members_drop_profile(t, p);
	return generation;
}

/* If it is one that this node has not come to. */
static void tell_taken(struct members *t, const struct claim *c, ms_t now)
{
	const struct member *self = &t->m[MEMBER_SELF];
	uint32_t generation = signed_generation(t, c);
	struct event ev = { .kind = EVENT_ID_TAKEN,
			    .node = self->profile->id,
			    .from = c->from,
			    .profile = self->profile,
			    .more = &generation };

	if (generation > self->generation)
		engine_event(t->engine, &ev, now);
}

static bool hear_of_self(struct members *t, const struct claim *c, ms_t now)
{
	struct standing own = standing_of(&t->m[MEMBER_SELF]);

	if (c->standing.generation > own.generation) {
		tell_taken(t, c, now);
		return false;
	}
	if (t->leaving || standing_cmp(&c->standing, &own) <= 0)
		return false;
	refute(t, c->standing.refutation, now);
	return true;
}

int members_add_self(struct members *t, const struct profile *p)
{
	if (members_insert(t, p) == MEMBER_NONE)
		return -ENOMEM;
	t->m[MEMBER_SELF].generation = p->generation;
	t->m[MEMBER_SELF].state = MEMBER_ALIVE;
	t->alive = 1;
	members_toggle_hash(t, MEMBER_SELF);
	return 0;
}

void members_introduce_self(struct members *t, ms_t now)
{
	pass_on(t, KEY_PROFILE(MEMBER_SELF), now);
}

void members_change_self(struct members *t, const struct profile *p, ms_t now)
{
	members_toggle_hash(t, MEMBER_SELF);
	members_set_profile(t, MEMBER_SELF, p);
	members_toggle_hash(t, MEMBER_SELF);
	members_introduce_self(t, now);
}

void members_leave(struct members *t, ms_t now)
{
	struct standing left = standing_of(&t->m[MEMBER_SELF]);

	left.state = MEMBER_LEFT;
	t->leaving = true;
	members_toggle_hash(t, MEMBER_SELF);
	set_standing(t, MEMBER_SELF, &left, 0, now);
	members_toggle_hash(t, MEMBER_SELF);
	pass_on(t, KEY_CLAIM(MEMBER_SELF), now);
}

/* ---- hearing ------------------------------------------------------------------ */

/*
 * What a claim says of the generation that the member itself has signed.  What
 * it says of an older one is over; a newer one is not believed without the
 * profile that goes with it, or anybody could say dead of all generations that
 * are to come.
 */
static struct standing of_signed_generation(struct members *t, const struct member *m,
					    const struct standing *s)
{
	if (s->generation == m->profile->generation)
		return *s;
	if (s->generation > m->profile->generation) {
		t->lacks_profiles = true;
		engine_counters(t->engine)->unknown_member++;
	}
	return (struct standing){ .generation = m->profile->generation };
}

/* What is said again and again: the profile that is known, in no higher standing. */
static bool says_nothing_new(const struct member *m, const struct claim *c)
{
	struct standing own = standing_of(m);

	return (!c->profile || same_bytes(m->profile, c)) && standing_cmp(&c->standing, &own) <= 0;
}

bool members_hear(struct members *t, const struct claim *c, bool spread, ms_t now)
{
	uint32_t slot = members_find(t, &c->id);
	bool added = slot == MEMBER_NONE, new_profile, news;
	struct standing was, to;

	if (slot == MEMBER_SELF)
		return hear_of_self(t, c, now);
	if (!added && says_nothing_new(&t->m[slot], c))
		return confirm(t, slot, c, now);
	if (added)
		slot = add_member(t, c);
	if (slot == MEMBER_NONE)
		return false;

	was = standing_of(&t->m[slot]);
	members_toggle_hash(t, slot);
	new_profile = !added && take_newer_profile(t, slot, c);
	to = of_signed_generation(t, &t->m[slot], &c->standing);
	news = added || standing_cmp(&to, &was) > 0;
	if (news)
		set_standing(t, slot, &to, c->from, now);
	members_toggle_hash(t, slot);
	if (!news && !new_profile)
		return false;

	if (spread)
		pass_on(t, added || new_profile ? KEY_PROFILE(slot) : KEY_CLAIM(slot), now);
	tell_change(t, slot, &was, new_profile, c->from, now);
	return true;
}

void members_suspect(struct members *t, uint32_t index, ms_t now)
{
	const struct member *m = &t->m[index];
	struct claim c = { .id = m->profile->id,
			   .standing = standing_of(m),
			   .from = node_id_short(engine_id(t->engine)) };

	if (m->state > MEMBER_SUSPECT)
		return;
	c.standing.state = MEMBER_SUSPECT;
	(void)members_hear(t, &c, true, now);
}

static void declare_dead(struct members *t, uint32_t slot, ms_t now)
{
	struct claim c = { .id = t->m[slot].profile->id,
			   .standing = standing_of(&t->m[slot]),
			   .from = node_id_short(engine_id(t->engine)) };

	c.standing.state = MEMBER_DEAD;
	(void)members_hear(t, &c, true, now);
}

void members_forget(struct members *t, const struct node_id *id, uint32_t generation, ms_t now)
{
	uint32_t slot = members_find(t, id);

	if (slot == MEMBER_NONE || slot == MEMBER_SELF || t->m[slot].generation > generation)
		return;
	members_toggle_hash(t, slot);
	count_state(t, t->m[slot].state, UINT32_MAX);
	end_suspicion(t, slot);
	tell(t, EVENT_MEMBER_FORGOTTEN, slot, 0, now);
	members_remove(t, slot);
}

/* ---- the wire ----------------------------------------------------------------- */

/* Whose word a suspicion is passed on as: the last that was heard, which others may lack. */
static uint64_t suspected_by(const struct members *t, const struct member *m)
{
	const struct suspicion *s;

	if (m->suspicion == 0)
		return 0;
	s = &t->suspicions.s[m->suspicion - 1];
	return s->from[s->n_from - 1];
}

int members_put_claim(const struct members *t, uint32_t index, uint8_t kind, bool with_profile,
		      struct part_writer *w)
{
	const struct member *m = &t->m[index];
	member_Claim c = member_Claim_init_zero;

	if (index >= t->n_slots || !m->profile)
		return -ENOENT;

	memcpy(c.id, m->profile->id.b, NODE_ID_LEN);
	c.generation = m->generation;
	c.refutation = m->refutation;
	c.state = (member_State)m->state;
	c.from = suspected_by(t, m);
	if (with_profile) {
		c.profile.size = m->profile->len;
		memcpy(c.profile.bytes, m->profile->bytes, m->profile->len);
	}
	return part_put_message(w, kind, member_Claim_fields, &c);
}

bool members_read_claim(struct members *t, const struct part *p, struct _member_Claim *room,
			struct claim *ret)
{
	if (!part_message(p, member_Claim_fields, room) || room->state > member_State_LEFT ||
	    room->refutation == UINT32_MAX) { /* none is above it: it could not be refuted */
		engine_counters(t->engine)->bad_part++;
		return false;
	}
	*ret = (struct claim){
		.standing = { .generation = room->generation,
			      .refutation = room->refutation,
			      .state = (enum member_state)room->state },
		.from = room->from,
		.profile = room->profile.size ? room->profile.bytes : NULL,
		.profile_len = room->profile.size,
	};
	memcpy(ret->id.b, room->id, NODE_ID_LEN);
	return true;
}

static int render(void *self, uint32_t key, struct part_writer *w)
{
	return members_put_claim(self, key >> 1, PART_CLAIM, key & 1, w);
}

/* ---- the module --------------------------------------------------------------- */

static void receive(void *self, const struct origin *o, const struct part *p, ms_t now)
{
	member_Claim room;
	struct claim c;

	(void)o; /* who passes a claim on vouches for nothing: the subject may refute it */
	if (members_read_claim(self, p, &room, &c))
		(void)members_hear(self, &c, true, now);
}

static void tick(void *self, ms_t now)
{
	struct members *t = self;
	int at;

	while ((at = suspicion_due(&t->suspicions, now)) >= 0)
		declare_dead(t, t->suspicions.s[at].member, now);
	while ((at = suspicion_unheard(&t->suspicions, now)) >= 0)
		pass_on(t, KEY_CLAIM(t->suspicions.s[at].member), now);
}

static ms_t deadline(const void *self)
{
	const struct members *t = self;

	return t->suspicions.n ? t->suspicions.next : MS_NEVER;
}

static void stalled(void *self, ms_t late)
{
	struct members *t = self;

	suspicion_grace(&t->suspicions, late);
}

/* A member of an earlier life is taken to be alive until a probe says otherwise. */
static void restore(void *self, const struct record *r)
{
	struct claim c = { .profile = r->value, .profile_len = r->len };

	if (r->key_len != NODE_ID_LEN || r->len == 0)
		return;
	memcpy(c.id.b, r->key, NODE_ID_LEN);
	(void)members_hear(self, &c, false, 0);
}

const struct module_ops members_ops = {
	.name = "members",
	.first_kind = PART_CLAIM,
	.last_kind = PART_CLAIM,
	.receive = receive,
	.tick = tick,
	.deadline = deadline,
	.stalled = stalled,
	.first_record = RECORD_MEMBER,
	.last_record = RECORD_MEMBER,
	.restore = restore,
};

static size_t pick_for_gossip(void *self, uint16_t scope, size_t max, struct peer *ret, ms_t now)
{
	(void)scope; /* everyone: the only scope that is this module's */
	return members_pick_gossip(self, max, ret, (uint32_t)(now / 1000));
}

void members_plug_in(struct members *t)
{
	struct spread *s = engine_spread(t->engine);

	spread_set_source(s, SPREAD_MEMBER, (struct spread_source){ .render = render, .self = t });
	spread_set_targets(s, 0, (struct spread_targets){ .pick = pick_for_gossip, .self = t });
}
