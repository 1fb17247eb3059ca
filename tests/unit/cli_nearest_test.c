/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as a slip of the hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/nearest.h"
#include "lib/cleanup.h"

static void one_is_counted_for_each_letter(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{ "network", "network", 0 }, { "netwrok", "network", 1 },
		{ "netork", "network", 1 },  { "networks", "network", 1 },
		{ "notwork", "network", 1 }, { "", "gc", 2 },
		{ "ca", "abc", 3 },	     { "ls", "rm", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(nearest_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(nearest_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}

static void a_long_word_is_far_from_any(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("0123456789012345678901234567890x", "gc"), NEAREST_MAX);
	assert_false(nearest_is_slip("0123456789012345678901234567890x", "gc"));
}

static void a_short_word_is_no_slip_of_another(void **state)
{
	(void)state;
	assert_true(nearest_is_slip("netwrok", "network"));
	assert_true(nearest_is_slip("atach", "attach"));
	assert_true(nearest_is_slip("gcc", "gc"));
	assert_false(nearest_is_slip("ls", "rm"));
	assert_false(nearest_is_slip("swarm", "network"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_counted_for_each_letter),
		cmocka_unit_test(a_long_word_is_far_from_any),
		cmocka_unit_test(a_short_word_is_no_slip_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
