/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows - what every member says of the networks that this node is in
 *
 * Theory of operation
 *
 * Each member writes rows of its own and nobody else's (row.h), and keeps a
 * table for each owner and network (row-table.h).  A change goes to all members
 * of the network at once where they are few, and to three of them otherwise,
 * who pass it on; what that misses is found by comparing roots (row-sync.h).
 *
 * Who is in a network is a row, too: each member's rows in the cluster's own
 * network, in which everybody is, name the networks that it is in.  A member's
 * table in a network is there as long as that row is.
 *
 * A dead member's rows stay in the tables: they are hidden from names and
 * listings, and whoever forwards by them goes on.  They go when their owner
 * removes them, leaves, or is forgotten.
 *
 * Tables are on the disk, as they were a moment ago (row-store.c).  A node that
 * starts again knows them before it hears of anybody; those of a network are
 * there when rows_join() returns.  It asks the others for its own rows all the
 * same, as its disk may be behind, and writes none until it has them.  Its first change then has a
 * version of its new generation on top of the old table, so that the others need no more than that
 * change; where it has lost some, they keep the old table until they have the
 * new one whole.
 */
#ifndef OVERLAY_ROWS_H
#define OVERLAY_ROWS_H

#include "overlay/module.h"
#include "overlay/row-table.h"

#define ROWS_NETWORKS 63 /* that a node is in at once, beside the cluster's own */

struct rows;

/* What EVENT_ROW carries.  Said again at times: it is how the row is now, not what happened. */
struct row_event {
	struct network_id network;
	const struct row *row; /* the last one, if it is gone */
	bool gone;
};

extern const struct module_ops rows_ops;

/* To be plugged in by engine_attach(e, &rows_ops, r).  Return: NULL when there is no memory. */
struct rows *rows_new(struct engine *e);
void rows_free(struct rows *r);

/* The engine is started. */
void rows_begin(struct rows *r, ms_t now);

/**
 * rows_join() - be in a network, and hear of all rows in it
 *
 * Return: 0, also if it is; -ENOSPC: in ROWS_NETWORKS already; -ENOMEM.
 */
int rows_join(struct rows *r, const struct network_id *network, ms_t now, struct err *e);

/*
 * Be in it no more: this node's rows there are withdrawn, the others' are
 * dropped.  Also for a network that this node was in before it started again.
 */
void rows_leave(struct rows *r, const struct network_id *network, ms_t now);

/* Whether this node's own rows of the network are back, after a restart. */
bool rows_ready(const struct rows *r, const struct network_id *network);

/**
 * rows_put() - say something of a network; a row of the same kind and key is replaced
 *
 * As long as rows_ready() says no, it is kept for then.
 *
 * Return: 0; -EINVAL: a part is out of its range; -ENOENT: this node is not in
 * that network; -ENOSPC: too many rows; -ENOMEM.
 */
int rows_put(struct rows *r, const struct network_id *network, const struct row_text *text,
	     ms_t now, struct err *e);

/* Say it no more.  Return: as rows_put(); 0 if it was not said. */
int rows_remove(struct rows *r, const struct network_id *network, uint8_t kind, const uint8_t *key,
		size_t key_len, ms_t now, struct err *e);

/* Whose rows are seen. */
enum rows_whose {
	ROWS_LIVE, /* of members that are not dead: names, services, listings */
	ROWS_ALL,  /* of the dead, too: forwarding */
};

void rows_each(const struct rows *r, const struct network_id *network, enum rows_whose whose,
	       void (*fn)(void *ctx, const struct node_id *owner, const struct row *row),
	       void *ctx);

/* One row as it is used, or NULL. */
const struct row *rows_find(const struct rows *r, const struct network_id *network,
			    const struct node_id *owner, uint8_t kind, const uint8_t *key,
			    size_t key_len);

/*
 * The version of this node's last change of its rows in a network, 0 if there is
 * none.  Of what is kept until rows_ready() nothing is known yet.
 */
uint64_t rows_version(const struct rows *r, const struct network_id *network);

/* Up to @max members of a network that are not dead, this node not among them.  Return: how many.
 */
size_t rows_peers(const struct rows *r, const struct network_id *network, size_t max,
		  struct peer *ret);

/* Members of a network as far as this node knows, itself among them. */
uint32_t rows_members(const struct rows *r, const struct network_id *network);

/* The same on two members that have the same rows of it; 0: this node is not in it. */
uint64_t rows_root(const struct rows *r, const struct network_id *network);

struct rows_counters {
	uint64_t applied;  /* changes that made a table complete to them */
	uint64_t ahead;	   /* changes with a gap before them */
	uint64_t old;	   /* changes that brought nothing new */
	uint64_t replaced; /* tables that were pulled */
	uint64_t pulls;	   /* sent */
	uint64_t mismatch; /* tables that were not what the head says: pulled with more reach */
	uint64_t stranger; /* about a network that this node, or the owner, is not in */
	uint64_t too_much; /* beyond a bound */
	uint64_t busy;	   /* pulls not answered: too much was sent already */
	uint64_t compared; /* comparisons that this node began */
	uint64_t sync_messages; /* sent to find differences and to mend them */
	uint64_t sync_bytes;	/* of them, frames included */
	uint64_t own_elsewhere; /* heads of this node's current life that it did not make */
};

const struct rows_counters *rows_counters(const struct rows *r);

#endif
