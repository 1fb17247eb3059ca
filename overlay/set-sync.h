/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * set-sync - make two nodes' copies of a cluster-wide table equal
 *
 * Theory of operation
 *
 * Every ping and ack carries the root of the table's marks (marks.h).  Where it
 * differs for longer than gossip takes, the one who notices sends hashes of
 * ranges of marks (Compare); the other tells the marks of all entries in the
 * ranges that differ (Have); and the first sends what the other lacks, and asks
 * for what it lacks itself (Want).  One exchange is under way at a time.  All but
 * the first message go over streams, so nobody can be made to flood a forged
 * address.
 *
 * Entries go in the order of their handles, as the parts that the table knows
 * how to receive.
 */
#ifndef OVERLAY_SET_SYNC_H
#define OVERLAY_SET_SYNC_H

#include "overlay/marks.h"
#include "overlay/module.h"

/* What a table does for it. */
struct set_ops {
	uint8_t compare, have, want; /* part kinds: messages of block.proto */
	/* The entry with a handle, as it is sent. */
	struct part (*part)(const void *self, uint32_t handle);
};

struct set_sync {
	struct engine *engine;
	const struct set_ops *ops;
	const struct marks *marks;
	const void *self; /* the table */
	bool asked;	  /* an exchange is under way, as @number with @whom */
	uint32_t number;
	unsigned int ranges;
	struct node_id whom;
	ms_t asked_at;
	ms_t next;	    /* no exchange is begun before */
	ms_t differs_since; /* 0: the last root was equal */
	ms_t hurry_until;   /* until then a difference is not gossip under way */
	uint8_t *said;	    /* bit by handle: the other one has it */
	uint64_t *wanted;   /* marks that only the other one has */
	uint32_t n_said, n_wanted, cap_wanted;
};

/* @marks, @self: outlive it. */
void set_sync_init(struct set_sync *s, struct engine *engine, const struct set_ops *ops,
		   const struct marks *marks, const void *self);
void set_sync_clear(struct set_sync *s);

/*
 * A member has come, or come back: for a while differences are mended as soon as they are seen,
 * and one that was seen before is, with this member.
 */
void set_sync_joined(struct set_sync *s, const struct node_id *who, ms_t now);

/* What a ping or ack says of the table; and what a peer's did. */
size_t set_sync_greet(const struct set_sync *s, uint8_t *buf, size_t cap);
void set_sync_greeted(struct set_sync *s, const struct origin *o, const uint8_t *greeting,
		      size_t len, ms_t now);

/* A part of one of its three kinds. */
void set_sync_receive(struct set_sync *s, const struct origin *o, const struct part *p, ms_t now);

/* Ask for entries that somebody told of. */
void set_sync_want(struct set_sync *s, const struct peer *to, const uint64_t *marks, uint32_t n);

#endif
