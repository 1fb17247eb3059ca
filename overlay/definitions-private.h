/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definitions-private - what definitions.c, definitions-table.c and definitions-spread.c share */
#ifndef OVERLAY_DEFINITIONS_PRIVATE_H
#define OVERLAY_DEFINITIONS_PRIVATE_H

#include "overlay/definition.h"
#include "overlay/keyring.h"
#include "overlay/set-sync.h"

#define DEFINITIONS_BYTES (4 * 1024 * 1024) /* of live ones; of others', twice as many */
#define DEFINITIONS_ASKED 16		    /* large ones that are asked for at a time */

/* An entry has one of both; its handle stays the same while this process lives. */
struct definitions_entry {
	struct defined *live;
	struct removal *removed;
	bool wins;	    /* a live one: its name stands for it, or its kind has none */
	uint32_t next_free; /* of an entry with neither */
};

struct definitions {
	struct engine *engine;
	struct definitions_entry *entries;
	uint32_t n, cap, free;
	struct marks marks;
	struct set_sync sync;
	size_t bytes;	 /* of live ones */
	uint64_t latest; /* when the youngest was created */
	uint64_t wall;	 /* seconds since 1970 at @wall_at; 0: not known */
	ms_t wall_at;
	bool has_cluster_key;
	uint8_t cluster_key[NODE_KEY_LEN];
	struct {
		uint64_t mark;
		ms_t at;
	} asked[DEFINITIONS_ASKED];
	uint32_t next_asked;
	struct definitions_counters counters;
};

/* ---- definitions-table.c: what there is ------------------------------------ */

/* Where a new one comes from, which says what is done with it. */
struct definitions_source {
	bool stored; /* by an earlier life: nobody is told */
	bool own;    /* is to be on the disk */
	ms_t now;
};

/* Seconds since 1970, 0: not known. */
uint64_t definitions_wall(const struct definitions *d, ms_t now);

/**
 * definitions_take() - into the table, and all that follows from it
 * @in:		taken over in any case; its signatures hold
 * @ret:	its handle
 *
 * Return: 0; -EEXIST: it is there, or a higher order; -EALREADY: it is removed;
 * -ETIME: it has expired; -EKEYREJECTED: an order that the cluster's key did not
 * sign; -EDQUOT: too many; -ENOMEM; the errno of store().
 */
int definitions_take(struct definitions *d, struct defined *in, const struct definitions_source *by,
		     uint32_t *ret);

/* The same for a removal. */
int definitions_take_removal(struct definitions *d, struct removal *in,
			     const struct definitions_source *by, uint32_t *ret);

/* Whether definitions_take() would say that it is of no use; without a look at signatures. */
int definitions_wants(const struct definitions *d, const struct defined *in, ms_t now);
int definitions_wants_removal(const struct definitions *d, const struct removal *in, ms_t now);

/* The handle of a live one, or MARKS_NONE; whether it was removed. */
uint32_t definitions_live(const struct definitions *d, const struct definition_id *id);
bool definitions_is_removed(const struct definitions *d, const struct definition_id *id);

/*
 * definitions_order_cmp() - a key order and the one that there is, as of key_order_cmp()
 *
 * Return: 0; -EKEYREJECTED or -EBADMSG: it is none.
 */
int definitions_order_cmp(const struct definitions *d, const struct definition *of, int *ret);

/* The one that a name stands for, or MARKS_NONE. */
uint32_t definitions_winner(const struct definitions *d, uint8_t kind, const char *name);

/* A live one as others see it. */
struct definition definitions_view(const struct definitions *d, uint32_t handle);

void definitions_expire(struct definitions *d, ms_t now);
void definitions_table_clear(struct definitions *d);

/* ---- definitions-spread.c: how it gets about ------------------------------- */

void definitions_spread_init(struct definitions *d);
void definitions_pass_on(struct definitions *d, uint32_t handle, bool first, ms_t now);
void definitions_receive(struct definitions *d, const struct origin *o, const struct part *p,
			 ms_t now);

#endif
