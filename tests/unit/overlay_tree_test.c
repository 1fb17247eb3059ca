/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hash trees of rows, and ranges of owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "overlay/tree.h"

#define LEAVES 600

static struct tree_leaf leaves[LEAVES];

static const struct tree_leaf *leaf_at(const void *ctx, uint32_t i)
{
	const struct tree_leaf *v = ctx;

	return &v[i];
}

static void root_of(uint32_t from, uint32_t n, uint8_t ret[TREE_HASH_LEN])
{
	tree_root(&(struct tree_leaves){ .at = leaf_at, .ctx = leaves + from, .n = n }, ret);
}

/* Half of the places are close together, so that the tree is deep there. */
static int make_leaves(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < LEAVES; i++) {
		leaves[i].place = i < LEAVES / 2 ? i : tree_mix(i) | 1ULL << 63;
		memset(leaves[i].hash, (int)(i % 251 + 1), TREE_HASH_LEN);
	}
	/* By place: the second half is shuffled by the mix. */
	for (uint32_t i = LEAVES / 2; i < LEAVES; i++)
		for (uint32_t j = i; j > LEAVES / 2 && leaves[j - 1].place > leaves[j].place; j--) {
			struct tree_leaf t = leaves[j];

			leaves[j] = leaves[j - 1];
			leaves[j - 1] = t;
		}

	return 0;
}

static void root_depends_on_every_leaf(void **state)
{
	uint8_t whole[TREE_HASH_LEN], other[TREE_HASH_LEN];

	(void)state;
	root_of(0, LEAVES, whole);
	for (uint32_t i = 0; i < LEAVES; i++) {
		leaves[i].hash[3] ^= 0x40;
		root_of(0, LEAVES, other);
		leaves[i].hash[3] ^= 0x40;
		assert_memory_not_equal(whole, other, TREE_HASH_LEN);
	}
	root_of(0, LEAVES, other);
	assert_memory_equal(whole, other, TREE_HASH_LEN);
}

static void no_two_sets_have_one_root(void **state)
{
	uint8_t roots[LEAVES + 1][TREE_HASH_LEN];

	(void)state;
	for (uint32_t n = 0; n <= LEAVES; n++) {
		root_of(0, n, roots[n]);
		for (uint32_t i = 0; i < n; i++)
			assert_memory_not_equal(roots[i], roots[n], TREE_HASH_LEN);
	}
	root_of(1, 16, roots[0]);
	assert_memory_not_equal(roots[0], roots[16], TREE_HASH_LEN);
}

static void ranges_order_ids(void **state)
{
	const struct tree_range r = { .prefix = { 0x12, 0x30 }, .depth = 3 };
	const struct node_id before = { { 0x12, 0x2f } }, in = { { 0x12, 0x3e } },
			     behind = { { 0x12, 0x40 } };
	const struct tree_range part = tree_range_part(&r, 0xe);

	(void)state;
	assert_true(tree_range_is_valid(&r));
	assert_int_equal(tree_range_order(&r, &before), -1);
	assert_int_equal(tree_range_order(&r, &in), 0);
	assert_int_equal(tree_range_order(&r, &behind), 1);
	assert_int_equal(tree_part_of(&r, &in), 0xe);
	assert_int_equal(part.depth, 4);
	assert_int_equal(part.prefix[1], 0x3e);
	assert_int_equal(tree_range_order(&part, &in), 0);
}

static void bad_ranges_are_refused(void **state)
{
	static const struct tree_range bad[] = {
		{ .prefix = { 0 }, .depth = TREE_DEPTH + 1 },
		{ .prefix = { 0x12 }, .depth = 1 },
		{ .prefix = { 0, 0, 0, 1 }, .depth = 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tree_range_is_valid(&bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_depends_on_every_leaf),
		cmocka_unit_test(no_two_sets_have_one_root),
		cmocka_unit_test(ranges_order_ids),
		cmocka_unit_test(bad_ranges_are_refused),
	};

	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
