/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree - hashes over many things, by which two tables are compared */
#include "overlay/tree.h"

#include <sodium.h>

/* What a hash is of, so that no node of the tree passes for another kind of node. */
enum node_kind { FEW = 0, BRANCHES = 1 };

static void hash(enum node_kind kind, uint8_t (*parts)[TREE_HASH_LEN], uint32_t n,
		 uint8_t ret[TREE_HASH_LEN])
{
	const uint8_t prefix[] = { 'h', 'e', 'd', 'd', 'l', 'e', ' ', 't', (uint8_t)kind };

	crypto_generichash(ret, TREE_HASH_LEN, (const uint8_t *)parts,
			   (unsigned long long)n * TREE_HASH_LEN, prefix, sizeof(prefix));
}

static const struct tree_leaf *leaf(const struct tree_leaves *l, uint32_t i)
{
	return l->at(l->ctx, i);
}

/* The first leaf of [from, to) whose nibble at @depth is @branch or more. */
static uint32_t branch_begin(const struct tree_leaves *l, uint32_t from, uint32_t to,
			     unsigned int depth, unsigned int branch)
{
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if ((leaf(l, mid)->place >> (60 - 4 * depth) & 15) < branch)
			from = mid + 1;
		else
			to = mid;
	}

	return from;
}

/* Leaves [from, to) have @depth nibbles in common, which are 16 at most: no two are at one place.
 */
static void hash_node(const struct tree_leaves *l, uint32_t from, uint32_t to, unsigned int depth,
		      uint8_t ret[TREE_HASH_LEN])
{
	uint8_t parts[TREE_FAN][TREE_HASH_LEN];

	if (to - from <= TREE_FAN) {
		for (uint32_t i = from; i < to; i++)
			memcpy(parts[i - from], leaf(l, i)->hash, TREE_HASH_LEN);
		hash(FEW, parts, to - from, ret);
		return;
	}
	for (unsigned int b = 0; b < TREE_FAN; b++) {
		uint32_t end = branch_begin(l, from, to, depth, b + 1);

		hash_node(l, from, end, depth + 1, parts[b]);
		from = end;
	}
	hash(BRANCHES, parts, TREE_FAN, ret);
}

void tree_root(const struct tree_leaves *leaves, uint8_t ret[TREE_HASH_LEN])
{
	hash_node(leaves, 0, leaves->n, 0, ret);
}

/* ---- ranges of ids --------------------------------------------------------- */

static unsigned int nibble(const uint8_t *b, unsigned int i)
{
	return i % 2 ? b[i / 2] & 15 : b[i / 2] >> 4;
}

bool tree_range_is_valid(const struct tree_range *r)
{
	if (r->depth > TREE_DEPTH)
		return false;
	for (unsigned int i = r->depth; i < 2 * sizeof(r->prefix); i++)
		if (nibble(r->prefix, i) != 0)
			return false;

	return true;
}

int tree_range_order(const struct tree_range *r, const struct node_id *id)
{
	for (unsigned int i = 0; i < r->depth; i++) {
		unsigned int a = nibble(id->b, i), b = nibble(r->prefix, i);

		if (a != b)
			return a < b ? -1 : 1;
	}

	return 0;
}

struct tree_range tree_range_part(const struct tree_range *r, unsigned int part)
{
	struct tree_range ret = *r;

	ret.prefix[r->depth / 2] |= (uint8_t)(r->depth % 2 ? part : part << 4);
	ret.depth++;

	return ret;
}

unsigned int tree_part_of(const struct tree_range *r, const struct node_id *id)
{
	return nibble(id->b, r->depth);
}

/* The finalizer of splitmix64. */
uint64_t tree_mix(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9U;
	n = (n ^ n >> 27) * 0x94d049bb133111ebU;

	return n ^ n >> 31;
}
