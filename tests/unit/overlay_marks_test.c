/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of marks against a plain list of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "overlay/marks.h"
#include "overlay/tree.h"

#define HANDLES 300

static uint64_t dice = 1;

static uint32_t roll(uint32_t n)
{
	return (uint32_t)(tree_mix(dice += 0x9e3779b97f4a7c15U) % n);
}

/* Few low bits, so that many have the same home. */
static uint64_t new_mark(void)
{
	return (uint64_t)(roll(1U << 30) + 1) << 32 | roll(8);
}

static void must_be_as(const struct marks *m, const uint64_t *plain)
{
	uint64_t root = 0, ranges = 0;

	for (uint32_t i = 0; i < HANDLES; i++) {
		root ^= plain[i];
		if (plain[i])
			assert_int_equal(marks_find(m, plain[i]), i);
	}
	for (unsigned int i = 0; i < MARK_RANGES; i++)
		ranges ^= m->range[i];
	assert_true(m->root == root && ranges == root);
}

static void finds_what_is_there_and_nothing_else(void **state)
{
	static uint64_t plain[HANDLES];
	struct marks m = { .n = 0 };

	(void)state;
	assert_int_equal(marks_find(&m, 7), MARKS_NONE);
	for (unsigned int step = 0; step < 20000; step++) {
		uint32_t handle = roll(HANDLES);
		uint64_t was = plain[handle];

		if (was) {
			marks_drop(&m, handle);
			plain[handle] = 0;
			assert_int_equal(marks_find(&m, was), MARKS_NONE);
		} else {
			plain[handle] = new_mark();
			if (marks_find(&m, plain[handle]) != MARKS_NONE) {
				plain[handle] = 0;
				continue;
			}
			assert_int_equal(marks_reserve(&m, handle), 0);
			marks_put(&m, handle, plain[handle]);
		}
		if (step % 64 == 0)
			must_be_as(&m, plain);
	}
	must_be_as(&m, plain);
	marks_clear(&m);
}

static void states_do_not_cancel(void **state)
{
	static const uint8_t a[8] = "one id", b[8] = "another";

	(void)state;
	assert_true(mark_of(a, 0) != mark_of(a, 1));
	assert_true((mark_of(a, 0) ^ mark_of(b, 1)) != (mark_of(a, 1) ^ mark_of(b, 0)));
	assert_true((mark_of(a, 1) ^ mark_of(b, 2)) != (mark_of(a, 2) ^ mark_of(b, 1)));
	assert_true(mark_of((const uint8_t[8]){ 0 }, 0) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there_and_nothing_else),
		cmocka_unit_test(states_do_not_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
