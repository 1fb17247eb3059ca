/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_suspicion_test - when a suspect is dead */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "overlay/members.h"
#include "overlay/settings.h"
#include "overlay/suspicion.h"

static ms_t end_after(uint32_t n, bool dynamic, unsigned int confirmations)
{
	struct settings set = settings_default;
	struct suspicions t = { 0 };
	ms_t end;

	set.dynamic_suspicion = dynamic;
	assert_int_equal(suspicion_begin(&t, 7, 100, false, n, &set, 0), 0);
	for (unsigned int i = 0; i < confirmations; i++)
		(void)suspicion_confirm(&t, 0, 101 + i);
	end = t.s[0].at;
	free(t.s);

	return end;
}

/* alpha 4, beta 6, K 3, a probe each second: the paper's formula, worked out by hand. */
static void the_time_is_the_papers(void **state)
{
	static const struct {
		uint32_t n;
		bool dynamic;
		unsigned int confirmations;
		ms_t end;
	} cases[] = {
		{ 1000, false, 0, 12000 }, { 1000, true, 0, 72000 }, { 1000, true, 1, 42000 },
		{ 1000, true, 2, 24452 },  { 1000, true, 3, 12000 }, { 1000, true, 9, 12000 },
		{ 100, true, 0, 48000 },   { 100, true, 3, 8000 },   { 10, true, 0, 24000 },
		{ 5, true, 0, 24000 },	   { 4, true, 0, 4000 },     { 2, true, 0, 4000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(end_after(cases[i].n, cases[i].dynamic, cases[i].confirmations),
				 cases[i].end);
}

static void the_same_member_confirms_once(void **state)
{
	struct suspicions t = { 0 };

	(void)state;
	(void)suspicion_begin(&t, 7, 100, false, 1000, &settings_default, 0);
	assert_false(suspicion_confirm(&t, 0, 100));
	assert_true(suspicion_confirm(&t, 0, 101));
	assert_false(suspicion_confirm(&t, 0, 101));
	assert_true(suspicion_confirm(&t, 0, 102));
	assert_true(suspicion_confirm(&t, 0, 103));
	assert_false(suspicion_confirm(&t, 0, 104)); /* K is 3 */
	free(t.s);
}

static void our_own_is_said_again_until_somebody_confirms_it(void **state)
{
	struct suspicions t = { 0 };

	(void)state;
	(void)suspicion_begin(&t, 7, 100, true, 1000, &settings_default, 0);
	assert_int_equal(suspicion_unheard(&t, 11999), -1);
	assert_int_equal(suspicion_unheard(&t, 12000), 0);
	assert_int_equal(suspicion_unheard(&t, 12000), -1);
	assert_int_equal(suspicion_unheard(&t, 24000), 0);
	(void)suspicion_confirm(&t, 0, 101);
	assert_int_equal(suspicion_unheard(&t, 36000), -1);
	assert_int_equal(t.next, 42000);
	free(t.s);
}

static void the_last_slot_takes_the_place_of_one_that_ends(void **state)
{
	struct suspicions t = { 0 };

	(void)state;
	(void)suspicion_begin(&t, 7, 100, false, 1000, &settings_default, 0);
	(void)suspicion_begin(&t, 8, 100, false, 1000, &settings_default, 1000);
	(void)suspicion_begin(&t, 9, 100, false, 1000, &settings_default, 2000);
	assert_int_equal(suspicion_end(&t, 0), 9);
	assert_int_equal(t.s[0].member, 9);
	assert_int_equal(t.next, 73000);
	assert_int_equal(suspicion_due(&t, 72999), -1);
	assert_int_equal(t.s[suspicion_due(&t, 73000)].member, 8);
	assert_int_equal(suspicion_end(&t, 1), MEMBER_NONE);
	free(t.s);
}

static void time_that_nobody_could_use_does_not_count(void **state)
{
	struct suspicions t = { 0 };

	(void)state;
	(void)suspicion_begin(&t, 7, 100, true, 1000, &settings_default, 0);
	suspicion_grace(&t, 5000);
	assert_int_equal(suspicion_unheard(&t, 16999), -1);
	assert_int_equal(suspicion_unheard(&t, 17000), 0);
	assert_int_equal(suspicion_due(&t, 76999), -1);
	assert_int_equal(suspicion_due(&t, 77000), 0);
	free(t.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_is_the_papers),
		cmocka_unit_test(the_same_member_confirms_once),
		cmocka_unit_test(our_own_is_said_again_until_somebody_confirms_it),
		cmocka_unit_test(the_last_slot_takes_the_place_of_one_that_ends),
		cmocka_unit_test(time_that_nobody_could_use_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
