/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tc_test - token buckets from bits, and whether a live one is the wanted one */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/tc.h"

#define MBIT 1000000ull
#define GBIT (1000 * MBIT)

static void bits_become_a_bucket_of_bytes(void **state)
{
	static const struct {
		uint64_t rate, burst;
		struct tc_tbf tbf;
	} cases[] = {
		{ 8, 8, { 1, 1, 1 } },
		{ 123, 456, { 15, 57, 57 } },
		/* 25 ms at 10 Mbit/s are 31,250 bytes. */
		{ 10 * MBIT, 800000, { 1250000, 100000, 131250 } },
		/* What containerd says where no burst is given. */
		{ 10 * MBIT, UINT32_MAX, { 1250000, 536870911, 536902161 } },
		/* What CRI-O says; the limit has no room for the 25 ms more. */
		{ 10 * MBIT, 34359738359, { 1250000, UINT32_MAX - 1, UINT32_MAX } },
		{ 10 * MBIT, 34359738360, { 1250000, UINT32_MAX, UINT32_MAX } },
		{ 10 * MBIT, INT64_MAX, { 1250000, UINT32_MAX, UINT32_MAX } },
		{ 100 * GBIT, 80 * MBIT, { 12500000000, 10000000, 322500000 } },
		{ INT64_MAX, 8, { INT64_MAX / 8, 1, UINT32_MAX } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tc_tbf tbf = tc_tbf_of_bits(cases[i].rate, cases[i].burst);

		assert_int_equal(tbf.rate, cases[i].tbf.rate);
		assert_int_equal(tbf.burst, cases[i].tbf.burst);
		assert_int_equal(tbf.limit, cases[i].tbf.limit);
	}
}

/* 100,000 bytes at 1,250,000 a second are 80 ms, or 1,250,000 times 64 ns. */
static void a_live_bucket_may_differ_by_rounding_only(void **state)
{
	const struct tc_tbf want = { .rate = 1250000, .burst = 100000, .limit = 131250 };
	const struct tc_tbf_state have = { .rate = 1250000, .limit = 131250, .buffer = 1250000 };
	struct tc_tbf_state other;

	(void)state;
	assert_true(tc_tbf_is(&have, &want));
	other = have;
	other.buffer += 1000;
	assert_true(tc_tbf_is(&other, &want));
	other.buffer = have.buffer - 1000;
	assert_true(tc_tbf_is(&other, &want));
	other.buffer = have.buffer + have.buffer / 100;
	assert_false(tc_tbf_is(&other, &want));
	other.buffer = have.buffer - have.buffer / 100;
	assert_false(tc_tbf_is(&other, &want));
	other = have;
	other.rate++;
	assert_false(tc_tbf_is(&other, &want));
	other = have;
	other.limit--;
	assert_false(tc_tbf_is(&other, &want));
}

static void a_burst_that_the_kernel_cannot_show_is_not_compared(void **state)
{
	/* 3,436 s of 64 ns are more than 32 bits. */
	const struct tc_tbf want = { .rate = 1250000, .burst = UINT32_MAX, .limit = UINT32_MAX };
	const struct tc_tbf_state have = { .rate = 1250000, .limit = UINT32_MAX, .buffer = 7 };
	struct tc_tbf_state other = have;

	(void)state;
	assert_true(tc_tbf_is(&have, &want));
	other.rate++;
	assert_false(tc_tbf_is(&other, &want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_become_a_bucket_of_bytes),
		cmocka_unit_test(a_live_bucket_may_differ_by_rounding_only),
		cmocka_unit_test(a_burst_that_the_kernel_cannot_show_is_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
