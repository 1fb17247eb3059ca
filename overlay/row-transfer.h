/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * row-transfer - a table, or what is newer of it, as the parts of one message
 *
 * The answer to a pull; and what is kept on the disk, which is the answer to a
 * pull of all.  A part PART_ROW_TABLE has the signed head, and as many parts
 * PART_ROW_ITEM as it says follow, by place.
 *
 * Pure: no message is sent, no signature verified.
 */
#ifndef OVERLAY_ROW_TRANSFER_H
#define OVERLAY_ROW_TRANSFER_H

#include "overlay/part.h"
#include "overlay/row-table.h"

struct _row_Table; /* overlay/row.proto */

/* A table that arrives.  Zeros: none. */
struct row_transfer {
	uint8_t reach; /* row.proto Reach */
	struct signed_head *head;
	struct row **rows; /* by place, so far */
	uint32_t n, expected, bytes, n_kept;
	uint8_t *kept; /* places of rows that the receiver has */
};

/**
 * transfer_write() - a message of a table
 * @t:		with a head
 * @reach:	row.proto Reach: which rows
 * @version:	rows that are not newer are left out, but for the whole
 * @ret:	its buffer is for free()
 *
 * Return: whether there was memory.
 */
bool transfer_write(const struct row_table *t, uint32_t reach, uint64_t version,
		    struct part_writer *ret);

/*
 * Read one: the head, with has_head, and then row by row; or all of it.
 * Return: false: no memory, or it is none; transfer_read() has dropped it then,
 * the others leave that to the caller.
 */
bool transfer_begin(struct row_transfer *t, const struct _row_Table *m);
bool transfer_add(struct row_transfer *t, const struct part *p);
bool transfer_read(struct row_transfer *t, const uint8_t *message, size_t len);
void transfer_drop(struct row_transfer *t);

static inline bool transfer_is_whole(const struct row_transfer *t)
{
	return t->n == t->expected;
}

/*
 * What was sent, and what is kept of the base: the pointers of both.  Return: an
 * array of @ret rows for free(), NULL without memory.
 */
struct row **transfer_merge(const struct row_transfer *t, const struct row_table *base,
			    uint32_t *ret);

#endif
