/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * row-table - the rows of one owner in one network, as one observer has them
 *
 * Theory of operation
 *
 * The base is a set of rows and the signed head that proves it: it is complete
 * to the head's version.  It goes from one complete state to the next and to no
 * other: by a change whose horizon it has reached, or by all that another member
 * has; either way the root must be the signed one, or nothing happens.  A change
 * at or below the base's version is never taken.
 *
 * Changes that do not follow yet wait ahead of the base, and are used: a look-up
 * sees the newest of them.  Whoever has some is to pull what is between.
 *
 * So the base is a function of its head alone, two observers with equal heads
 * have equal rows, and no order of arrival makes them differ.  There are no
 * tombstones: a row is absent because the head proves a table without it.
 *
 * Pure: no message, no clock; signatures have been verified.
 */
#ifndef OVERLAY_ROW_TABLE_H
#define OVERLAY_ROW_TABLE_H

#include "overlay/row.h"

#define TABLE_ROWS  2048	 /* rows of an owner in a network */
#define TABLE_BYTES (192 * 1024) /* of all of them, so that one message carries a table */
#define TABLE_AHEAD 16		 /* changes that wait; what comes then is pulled */

struct row_table {
	struct node_id owner;
	struct signed_head *head; /* NULL: complete to nothing */
	struct row **rows;	  /* by place */
	uint32_t n, cap;
	uint32_t bytes;
	uint8_t n_ahead;
	struct row_change **ahead; /* by version; room for TABLE_AHEAD, or NULL */
};

/* Told of each row that may look different now: @now NULL: it is gone. */
struct table_watch {
	void (*changed)(void *ctx, const struct row_table *t, const struct row *was,
			const struct row *now);
	void *ctx;
};

enum table_verdict {
	TABLE_APPLIED,	/* the base has it */
	TABLE_AHEAD_OF, /* it waits, and is used: pull */
	TABLE_OLD,	/* nothing new */
	TABLE_FULL,	/* too much waits, or too many rows: pull, or refuse */
	TABLE_NO_MEMORY,
};

void row_table_clear(struct row_table *t);

static inline uint64_t table_version(const struct row_table *t)
{
	return t->head ? t->head->of.version : 0;
}

static inline uint64_t table_mark(const struct row_table *t)
{
	return t->head ? t->head->mark : 0;
}

/* Whether a change of that version would be taken, so that its signature matters. */
bool row_table_wants(const struct row_table *t, uint64_t version);

/**
 * row_table_take() - a change of the owner's
 * @c:	verified; taken over with TABLE_APPLIED and TABLE_AHEAD_OF
 */
enum table_verdict row_table_take(struct row_table *t, struct row_change *c,
				  const struct table_watch *watch);

/**
 * row_table_replace() - all rows, as of a head
 * @head:	verified, newer than the table's; taken over on success
 * @rows:	by place; taken over on success, with the array
 *
 * Rows of the table may be among @rows: the same pointers, which stay.
 *
 * Return: whether the root is the head's; nothing happened when not.
 */
bool row_table_replace(struct row_table *t, struct signed_head *head, struct row **rows, uint32_t n,
		       const struct table_watch *watch);

/**
 * row_table_root_with() - the root that the base would have with one more change
 * @r:		put, or removed
 *
 * For the owner, who signs it.  Return: 0, -ENOSPC or -ENOMEM.
 */
int row_table_root_with(struct row_table *t, struct row *r, uint8_t ret[TREE_HASH_LEN]);

/* The row of the base at a place, or NULL. */
const struct row *row_table_base(const struct row_table *t, uint64_t place);

/* The row at a place as it is used, or NULL. */
const struct row *row_table_at(const struct row_table *t, uint64_t place);

/* Every row as it is used. */
void row_table_each(const struct row_table *t, void (*fn)(void *ctx, const struct row *r),
		    void *ctx);

#endif
