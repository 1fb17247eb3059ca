/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members-private - what the modules of the membership share, and nobody else */
#ifndef OVERLAY_MEMBERS_PRIVATE_H
#define OVERLAY_MEMBERS_PRIVATE_H

#include "overlay/members.h"
#include "overlay/module.h"
#include "overlay/suspicion.h"

struct _member_Claim; /* overlay/member.proto */

#define MEMBER_SELF    0   /* index of this node in its own table */
#define MEMBER_BUCKETS 256 /* ranges of ids that tables are compared by: the first byte */

struct members {
	struct engine *engine;
	struct member *m;
	uint32_t n_slots, cap, free_slots;
	uint32_t count; /* in the table */
	uint32_t alive; /* alive or suspect */
	uint32_t dead;	/* dead, not left */
	uint32_t *index,
		n_index;       /* hash of ids: slot and 1, 0 is empty; n_index is a power of two */
	uint32_t *order, next; /* whom to probe next: all slots but this node's, shuffled */
	uint32_t n_order;
	struct suspicions suspicions;
	struct members_forgotten forgotten;
	uint64_t bucket[MEMBER_BUCKETS]; /* xor of hashes of the members of a range */
	uint64_t root;			 /* xor of the buckets */
	bool leaving;
	bool lacks_profiles; /* heard of an id that no profile came with: member-sync asks */
	uint32_t refuted;    /* times that this node had to; the probe's health listens */
	uint32_t scratch_cap;
	uint8_t *scratch; /* member-sync's mark per slot */
};

/* What somebody says of a member. */
struct claim {
	struct node_id id;
	struct standing standing;
	uint64_t from;
	const uint8_t *profile; /* signed bytes, NULL: none */
	size_t profile_len;
};

struct members *members_new(struct engine *e);
void members_free(struct members *t);
extern const struct module_ops members_ops;

/*
 * The table without the rules: who calls these keeps the counts and the root
 * right.  A new member's state is LEFT, as of one that nobody heard of.
 */
uint32_t members_insert(struct members *t, const struct profile *p);
void members_remove(struct members *t, uint32_t slot);
void members_set_profile(struct members *t, uint32_t slot, const struct profile *p);
void members_drop_profile(struct members *t, const struct profile *p); /* a reference to it */
void members_toggle_hash(struct members *t, uint32_t slot); /* before and after each change */
size_t members_pick_gossip(struct members *t, size_t max, struct peer *ret, uint32_t now_s);

/* This node's own profile, the first entry.  Return: 0 or -ENOMEM. */
int members_add_self(struct members *t, const struct profile *p);

/**
 * members_hear() - merge what somebody says
 * @c:		checked: the profile is not, the rest is
 * @spread:	whether news is passed on; not what a comparison of tables brought
 *
 * Return: whether it was news.
 */
bool members_hear(struct members *t, const struct claim *c, bool spread, ms_t now);

/* This node itself found that @index does not answer. */
void members_suspect(struct members *t, uint32_t index, ms_t now);

/* Append the claim on a member as a part of @kind.  Return: as spread_source.render(). */
int members_put_claim(const struct members *t, uint32_t index, uint8_t kind, bool with_profile,
		      struct part_writer *w);

/**
 * members_read_claim() - decode a part that may be anything
 * @room:	for what @ret points into
 *
 * Return: whether it is a claim; counted when it is not.
 */
bool members_read_claim(struct members *t, const struct part *p, struct _member_Claim *room,
			struct claim *ret);

/* Make the spread queue ask this table. */
void members_plug_in(struct members *t);

/* The next to be probed, alive or suspect; MEMBER_NONE when there is nobody. */
uint32_t members_next_probe(struct members *t);

/* A random dead one, MEMBER_NONE when there is none. */
uint32_t members_random_dead(struct members *t);

void members_leave(struct members *t, ms_t now);
void members_change_self(struct members *t, const struct profile *p, ms_t now);
void members_introduce_self(struct members *t, ms_t now);

#endif
