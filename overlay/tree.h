/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree - hashes over many things, by which two tables are compared
 *
 * Two trees of 16 branches, for two questions:
 *
 *  - Are these all the rows that the owner signed?  A hash tree whose root is in
 *    the owner's signed head; a relay that lies must find a collision, so the
 *    hash is BLAKE2b.  Nothing of the tree is kept: it is made from the leaves
 *    when it is asked for, 1 hash for every 16 of them and less.
 *  - Which owners' heads differ between two members?  Ranges of node ids, each
 *    the xor of a mark for every owner in it, so that any range costs nothing to
 *    keep.  Whoever makes two such ranges look the same keeps a repair from
 *    being early, no more.
 *
 * Pure: no message, no clock.
 */
#ifndef OVERLAY_TREE_H
#define OVERLAY_TREE_H

#include "overlay/node.h"

#define TREE_HASH_LEN 16
#define TREE_FAN      16
#define TREE_DEPTH    4 /* nibbles of an id at most that a range is given by */

struct tree_leaf {
	uint64_t place; /* a hash of what the leaf is about; leaves are sorted by it */
	uint8_t hash[TREE_HASH_LEN];
};

/* Where the leaves are. */
struct tree_leaves {
	const struct tree_leaf *(*at)(const void *ctx, uint32_t i);
	const void *ctx;
	uint32_t n;
};

/* The root of leaves that are sorted by place, no two at the same. */
void tree_root(const struct tree_leaves *leaves, uint8_t ret[TREE_HASH_LEN]);

/* All ids that begin with so many nibbles. */
struct tree_range {
	uint8_t prefix[4]; /* the rest is 0 */
	uint8_t depth;	   /* nibbles */
};

bool tree_range_is_valid(const struct tree_range *r);

/* -1, 0 or 1: the id is before, in, or behind the range. */
int tree_range_order(const struct tree_range *r, const struct node_id *id);

/* One of the 16 parts of a range of less than TREE_DEPTH. */
struct tree_range tree_range_part(const struct tree_range *r, unsigned int part);

/* Which part of the range an id of it is in. */
unsigned int tree_part_of(const struct tree_range *r, const struct node_id *id);

/* A number that tells no more than that its input is the same. */
uint64_t tree_mix(uint64_t n);

#endif
