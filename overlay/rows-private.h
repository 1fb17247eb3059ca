/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows-private - what rows.c, row-networks.c, row-sync.c and row-store.c share */
#ifndef OVERLAY_ROWS_PRIVATE_H
#define OVERLAY_ROWS_PRIVATE_H

#include "overlay/row-sync.h"
#include "overlay/rows.h"
#include "overlay/spread.h"

#define RECENT 1024 /* changes that are passed on at a time */

_Static_assert(ROWS_NETWORKS + 1 == SPREAD_SCOPES, "a network is a scope of the spread queue");

/* An owner in a network. */
struct owner {
	struct row_table table;
	ms_t pulled_at;	 /* when it was last asked for; 0: never */
	uint32_t recent; /* serial of its change that was passed on last; 0: none */
};

/* Its place among the others.  What is searched and compared all the time lies close together. */
struct owner_slot {
	struct node_id id;
	uint64_t mark; /* what it adds to the root; 0 without a head */
	struct owner *owner;
};

/* Something that is to be written when this node's own rows are back. */
struct early {
	struct early *next;
	struct row *row; /* of no version yet */
};

struct network {
	struct network_id id;
	bool joined;
	bool returning;	   /* own rows are being taken back */
	uint8_t answers;   /* to that */
	uint64_t presence; /* place of the row that says who is in it */
	struct owner_slot
		*owners; /* by id; of all members of it, but in the cluster's: of who has rows */
	uint32_t n, cap;
	uint64_t root; /* xor of the owners' marks */
	uint64_t
		last_place; /* of this node's last change in this life; its head is that change's */
	ms_t return_next, return_until;
	struct early *early, **early_end;
};

/* A change on its way; its place is its serial number modulo RECENT. */
struct recent {
	uint8_t *bytes;	 /* NULL: free */
	uint32_t before; /* serial of the same owner's last one */
	uint16_t len;
	uint16_t scope;
	uint64_t version;
};

struct rows {
	struct engine *engine;
	struct network networks[ROWS_NETWORKS + 1]; /* by scope; the first is the cluster's */
	struct recent recent[RECENT];
	uint32_t next_recent; /* serial */
	uint32_t sequence;    /* of the last change in this life */
	struct row_sync sync;
	struct kept_table *kept; /* of an earlier life, in networks that are not joined yet */
	struct rows_counters counters;
	ms_t now; /* of the call under way, for events */
	bool begun;
};

/* row-networks.c: the tables */
struct network *network_find(struct rows *r, const struct network_id *id);
struct owner *owner_find(const struct network *n, const struct node_id *id);

/* Whether a member is in a network: it is told of it, and has a table there. */
bool network_has(struct rows *r, const struct network *n, const struct node_id *id);

/* The owner's entry, made if it may have one; else NULL. */
struct owner *owner_need(struct rows *r, struct network *n, const struct node_id *id);
int owner_insert(struct network *n, const struct node_id *id, struct owner **ret);
void owner_drop(struct rows *r, struct network *n, const struct node_id *id);
void rows_network_clear(struct network *n);

/* The first owner that is not before the range; the first behind it. */
uint32_t owners_from(const struct network *n, const struct tree_range *range);
uint32_t owners_end(const struct network *n, const struct tree_range *range);

/* The key of a member, or NULL: not known, or it left. */
const uint8_t *rows_key_of(struct rows *r, const struct node_id *id);

/* Take a change into a table, or all of a table; the root follows, events are told. */
enum table_verdict owner_take(struct rows *r, struct network *n, struct owner *o,
			      struct row_change *c);
bool owner_replace(struct rows *r, struct network *n, struct owner *o, struct signed_head *head,
		   struct row **rows, uint32_t n_rows);

/* Members of a network other than this node, random ones. */
size_t network_pick(void *rows, uint16_t scope, size_t max, struct peer *ret, ms_t now);

/* row-store.c: a table is as it is now; it is no more */
void row_store_put(struct rows *r, const struct owner *o);
void row_store_remove(struct rows *r, const struct network_id *network,
		      const struct node_id *owner);

/* What was kept: read; the tables of a network taken up, or thrown away; all freed. */
void row_store_restore(struct rows *r, const struct record *record);
void row_store_adopt(struct rows *r, struct network *n);
void row_store_forget(struct rows *r, const struct network_id *network);
void row_store_clear(struct rows *r);

/* rows.c: somebody answered that asked for own rows. */
void rows_own_answer(struct rows *r, struct network *n);

#endif
