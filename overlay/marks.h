/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * marks - a set by which two nodes tell what one of them lacks
 *
 * Each entry of a cluster-wide table has a handle, which its table gives out,
 * and a mark: 8 bytes that are the same on all nodes and another one when the
 * entry is another one.  The root is the xor of all marks, and so is that of
 * each of MARK_RANGES ranges, so equal sets have equal roots.
 */
#ifndef OVERLAY_MARKS_H
#define OVERLAY_MARKS_H

#include <stdint.h>

#define MARK_LEN    8	/* bytes of one */
#define MARK_RANGES 256 /* by the low byte of a mark */
#define MARKS_NONE  UINT32_MAX

struct marks {
	uint64_t *mark;	 /* by handle; 0: there is no entry */
	uint32_t *index; /* hash of marks: handle and 1, 0 is empty */
	uint32_t n;	 /* handles are below */
	uint32_t cap, n_index;
	uint64_t range[MARK_RANGES], root;
};

void marks_clear(struct marks *m);

/* The mark of who has this id, in a state: marks of one id in two states do not cancel. */
uint64_t mark_of(const uint8_t *id, unsigned int state);

/* Room for handles up to this one.  Return: 0 or -ENOMEM. */
int marks_reserve(struct marks *m, uint32_t handle);

/* There is an entry, of which room was reserved and whose mark nobody has; it is gone. */
void marks_put(struct marks *m, uint32_t handle, uint64_t mark);
void marks_drop(struct marks *m, uint32_t handle);

/* Who has a mark, or MARKS_NONE. */
uint32_t marks_find(const struct marks *m, uint64_t mark);

static inline uint8_t mark_range(uint64_t mark)
{
	return (uint8_t)mark;
}

#endif
