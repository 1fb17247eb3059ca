/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * members - the table of who is in the cluster, as this node sees it
 *
 * The table itself: slots, the hash of ids, the order of probing, the root.
 * What a claim does to it is in claims.c.
 */
#include "overlay/members.h"

#include <errno.h>
#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/members-private.h"
#include "overlay/profile.h"

_Static_assert(sizeof(struct member) <= 24, "half as much again for growth, and the indexes");

struct members *members_new(struct engine *e)
{
	struct members *t = calloc(1, sizeof(*t));

	if (t)
		t->engine = e;
	return t;
}

void members_drop_profile(struct members *t, const struct profile *p)
{
	const struct env *env = engine_env(t->engine);

	if (env->ops->profile_release)
		env->ops->profile_release(env->ctx, p);
	else
		profile_free((struct profile *)p);
}

void members_free(struct members *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->m[i].profile)
			members_drop_profile(t, t->m[i].profile);
	free(t->m);
	free(t->index);
	free(t->order);
	free(t->suspicions.s);
	free(t->scratch);
	free(t);
}

/* ---- ids -> slots ------------------------------------------------------------ */

static uint32_t first_place(const struct members *t, const struct node_id *id)
{
	/* An id is a hash already. */
	return (uint32_t)node_id_short(id) & (t->n_index - 1);
}

static void put_in_index(struct members *t, uint32_t slot)
{
	uint32_t i = first_place(t, &t->m[slot].profile->id);

	while (t->index[i])
		i = (i + 1) & (t->n_index - 1);
	t->index[i] = slot + 1;
}

static bool make_index(struct members *t, uint32_t n)
{
	uint32_t *index = calloc(n, sizeof(*index));

	if (!index)
		return false;
	free(t->index);
	t->index = index;
	t->n_index = n;
	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->m[i].profile)
			put_in_index(t, i);
	return true;
}

uint32_t members_find(const struct members *t, const struct node_id *id)
{
	uint32_t i;

	if (t->n_index == 0)
		return MEMBER_NONE;
	for (i = first_place(t, id); t->index[i]; i = (i + 1) & (t->n_index - 1))
		if (node_id_equal(&t->m[t->index[i] - 1].profile->id, id))
			return t->index[i] - 1;
	return MEMBER_NONE;
}

/* ---- slots ------------------------------------------------------------------- */

static bool grow(struct members *t)
{
	uint32_t cap = t->cap + t->cap / 2 + 4;
	struct member *m = realloc(t->m, cap * sizeof(*m));
	uint32_t *order;

	if (!m)
		return false;
	t->m = m;
	order = realloc(t->order, cap * sizeof(*order));
	if (!order)
		return false;
	t->order = order;
	t->cap = cap;
	return true;
}

/* Room for one more in every array.  Return: false without memory. */
static bool make_room(struct members *t)
{
	if (t->free_slots == 0 && t->n_slots == t->cap && !grow(t))
		return false;
	if ((t->count + 1) * 4 > t->n_index * 3 && !make_index(t, t->n_index ? t->n_index * 2 : 8))
		return false;
	return true;
}

static uint32_t take_slot(struct members *t)
{
	uint32_t slot = t->free_slots;

	if (slot == 0)
		return t->n_slots++;
	t->free_slots = t->m[slot].generation;
	return slot;
}

/* At a random place among those that this round of probes has not come to. */
static void put_in_order(struct members *t, uint32_t slot)
{
	uint32_t left = t->n_order - t->next + 1;
	uint32_t at = t->next + engine_random(t->engine, left);

	t->order[t->n_order++] = t->order[at];
	t->order[at] = slot;
}

static void take_from_order(struct members *t, uint32_t slot)
{
	uint32_t i = 0;

	while (t->order[i] != slot)
		i++;
	t->order[i] = t->order[--t->n_order];
	if (t->next > t->n_order)
		t->next = t->n_order;
}

uint32_t members_insert(struct members *t, const struct profile *p)
{
	uint32_t slot;

	if (!make_room(t))
		return MEMBER_NONE;

	slot = take_slot(t);
	t->m[slot] = (struct member){ .profile = p, .state = MEMBER_LEFT };
	put_in_index(t, slot);
	if (slot != MEMBER_SELF)
		put_in_order(t, slot);
	t->count++;
	return slot;
}

void members_remove(struct members *t, uint32_t slot)
{
	members_drop_profile(t, t->m[slot].profile);
	take_from_order(t, slot);
	t->m[slot] = (struct member){ .generation = t->free_slots };
	t->free_slots = slot;
	t->count--;
	/* Rare, and an index with holes would make every look-up slower. */
	(void)make_index(t, t->n_index);
}

void members_set_profile(struct members *t, uint32_t slot, const struct profile *p)
{
	members_drop_profile(t, t->m[slot].profile);
	t->m[slot].profile = p;
}

/* ---- the root ---------------------------------------------------------------- */

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9U;
	h = (h ^ h >> 27) * 0x94d049bb133111ebU;
	return h ^ h >> 31;
}

/*
 * Not a cryptographic hash: members are authenticated, and one that would make
 * two tables look the same only keeps them from repairing a difference early.
 */
static uint64_t member_hash(const struct member *m)
{
	uint8_t state = m->state == MEMBER_SUSPECT ? MEMBER_ALIVE : m->state;
	uint64_t h;

	if (m->state == MEMBER_LEFT)
		return 0;
	h = mix(node_id_short(&m->profile->id) + m->generation);
	h = mix(h + ((uint64_t)m->refutation << 2 | state));
	return mix(h + ((uint64_t)m->profile->generation << 32 | m->profile->version));
}

void members_toggle_hash(struct members *t, uint32_t slot)
{
	uint64_t h = member_hash(&t->m[slot]);

	t->bucket[t->m[slot].profile->id.b[0]] ^= h;
	t->root ^= h;
}

/* ---- choosing ---------------------------------------------------------------- */

static bool wants_gossip(const struct members *t, const struct member *m, uint32_t now_s)
{
	if (!m->profile || m->state == MEMBER_LEFT)
		return false;
	return m->state != MEMBER_DEAD ||
	       now_s - m->since_s < engine_settings(t->engine)->gossip_dead / 1000;
}

static bool is_among(const struct node_id *id, const struct peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (node_id_equal(&peers[i].id, id))
			return true;
	return false;
}

/* As members_pick(); @now_s: the recently dead may be picked too. */
static size_t pick(struct members *t, size_t max, const struct node_id *but, struct peer *ret,
		   bool dead_too, uint32_t now_s)
{
	size_t n = 0;

	if (t->n_order == 0)
		return 0;
	/* Some tries meet the dead, or one that is picked already. */
	for (size_t tries = 0; tries < 8 * max && n < max && n < t->n_order; tries++) {
		const struct member *m = &t->m[t->order[engine_random(t->engine, t->n_order)]];

		if (dead_too ? !wants_gossip(t, m, now_s) : m->state > MEMBER_SUSPECT)
			continue;
		if ((but && node_id_equal(but, &m->profile->id)) ||
		    is_among(&m->profile->id, ret, n))
			continue;
		ret[n++] = member_peer(m);
	}
	return n;
}

size_t members_pick(struct members *t, size_t max, const struct node_id *but, struct peer *ret)
{
	return pick(t, max, but, ret, false, 0);
}

size_t members_pick_gossip(struct members *t, size_t max, struct peer *ret, uint32_t now_s)
{
	return pick(t, max, NULL, ret, true, now_s);
}

static void shuffle(struct members *t)
{
	for (uint32_t i = t->n_order; i > 1; i--) {
		uint32_t j = engine_random(t->engine, i);
		uint32_t slot = t->order[i - 1];

		t->order[i - 1] = t->order[j];
		t->order[j] = slot;
	}
	t->next = 0;
}

uint32_t members_next_probe(struct members *t)
{
	for (uint32_t seen = 0; seen < t->n_order; seen++) {
		uint32_t slot;

		if (t->next >= t->n_order)
			shuffle(t);
		slot = t->order[t->next++];
		if (t->m[slot].state <= MEMBER_SUSPECT)
			return slot;
	}
	return MEMBER_NONE;
}

uint32_t members_random_dead(struct members *t)
{
	uint32_t at;

	if (t->dead == 0)
		return MEMBER_NONE;
	for (at = engine_random(t->engine, t->n_order);; at = (at + 1) % t->n_order)
		if (t->m[t->order[at]].state == MEMBER_DEAD)
			return t->order[at];
}

/* ---- reading ----------------------------------------------------------------- */

const struct member *members_at(const struct members *t, uint32_t index)
{
	return &t->m[index];
}

uint32_t members_slots(const struct members *t)
{
	return t->n_slots;
}

uint32_t members_count(const struct members *t)
{
	return t->count;
}

uint32_t members_alive(const struct members *t)
{
	return t->alive;
}

uint64_t members_root(const struct members *t)
{
	return t->root;
}

struct peer member_peer(const struct member *m)
{
	return (struct peer){ .id = m->profile->id, .addr = m->profile->addr };
}

void members_set_forgotten(struct members *t, struct members_forgotten by)
{
	t->forgotten = by;
}

size_t members_bytes(const struct members *t)
{
	return t->cap * (sizeof(*t->m) + sizeof(*t->order)) + t->n_index * sizeof(*t->index) +
	       t->scratch_cap;
}
