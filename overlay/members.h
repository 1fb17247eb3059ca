/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * members - the table of who is in the cluster, as this node sees it
 *
 * Theory of operation
 *
 * What is known of a member is its standing, (generation, refutation, state),
 * in which states are ordered alive < suspect < dead < left.  Standings are
 * ordered as tuples, and a claim is merged by keeping the greater one.  So the
 * table is a maximum per member: the order in which claims arrive, and how
 * often, makes no difference to what it ends up as.  Only the member itself
 * raises its generation (at each start) and its refutation number (when it
 * hears that it is thought less than alive), which is how it outranks any
 * claim of others.  The generation is that of the profile it has signed: of
 * another one nothing is believed.
 *
 * The root is the xor of a hash per member of all that should be equal
 * everywhere: two nodes with equal roots know the same members in the same
 * standing.  A suspect counts as alive in it, since a suspicion passes by
 * itself; so does one that left and one that nobody heard of.
 */
#ifndef OVERLAY_MEMBERS_H
#define OVERLAY_MEMBERS_H

#include "overlay/env.h"

struct engine;
struct profile;

enum member_state {
	MEMBER_ALIVE,
	MEMBER_SUSPECT, /* -> ALIVE by a refutation, -> DEAD when the suspicion times out */
	MEMBER_DEAD,	/* -> ALIVE only by the member's own higher number */
	MEMBER_LEFT,	/* as DEAD, by its own word */
};

struct standing {
	uint32_t generation;
	uint32_t refutation;
	enum member_state state;
};

/* One member in one observer: with its share of the indexes, at most MEMBER_BYTES. */
struct member {
	const struct profile *profile; /* interned; NULL: a free slot */
	uint32_t generation;	       /* of the standing: the profile's */
	uint32_t refutation;
	uint32_t since_s;   /* second of the observer's clock at which the state began */
	uint16_t suspicion; /* slot of its suspicion and 1; 0: none */
	uint8_t state;	    /* enum member_state */
};

#define MEMBER_BYTES 64

struct members;

#define MEMBER_NONE UINT32_MAX

/* Members by index; an index stays the same until the member is forgotten. */
uint32_t members_find(const struct members *t, const struct node_id *id);
const struct member *members_at(const struct members *t, uint32_t index);
uint32_t members_slots(const struct members *t); /* indexes are below this; some may be free */

/* How many there are in the table, and alive or suspect, this node among them. */
uint32_t members_count(const struct members *t);
uint32_t members_alive(const struct members *t);

uint64_t members_root(const struct members *t);

/* Bytes of the table: within MEMBER_BYTES a member once there are a few. */
size_t members_bytes(const struct members *t);

/* Address and id of a member, for sending. */
struct peer member_peer(const struct member *m);

/* Up to @max different random members that are alive or suspect, never this node. */
size_t members_pick(struct members *t, size_t max, const struct node_id *but, struct peer *ret);

/* Who knows which members are forgotten: up to which generation they are not let in again. */
struct members_forgotten {
	bool (*is)(void *ctx, const struct node_id *id, uint32_t generation);
	void *ctx;
};

void members_set_forgotten(struct members *t, struct members_forgotten by);

/*
 * members_forget() - take a member out of the table for good
 *
 * For the forget protocol only: what the table says of its generation and of
 * all before it is ignored from now on.
 */
void members_forget(struct members *t, const struct node_id *id, uint32_t generation, ms_t now);

#endif
