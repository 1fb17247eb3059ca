/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err_test - what went wrong, as a value */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static void a_failed_call_is_said_with_the_words_for_its_errno(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_sys(&e, ENOENT, "open %s", "/etc/x"), -ENOENT);
	assert_string_equal(e.msg, "open /etc/x: No such file or directory");
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(e.cni, 0);
	assert_string_equal(e.details, "");
}

static void an_errno_of_0_is_still_a_failure(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_sys(&e, 0, "read"), -EIO);
	assert_int_equal(e.sys, EIO);
	assert_int_equal(err_sys(NULL, 0, "read"), -EIO);
}

static void each_cni_code_has_an_errno_to_branch_on(void **state)
{
	static const struct {
		int cni, r;
	} cases[] = {
		{ CNI_E_VERSION, -EINVAL }, { CNI_E_FIELD, -EINVAL },
		{ CNI_E_ENV, -EINVAL },	    { CNI_E_IO, -EIO },
		{ CNI_E_DECODE, -EINVAL },  { CNI_E_CONFIG, -EINVAL },
		{ CNI_E_NETNS, -EINVAL },   { CNI_E_AGAIN, -EAGAIN },
		{ CNI_E_CHECK, -ESTALE },   { CNI_E_UNAVAILABLE, -EBUSY },
		{ CNI_E_LIMITED, -EBUSY },  { CNI_E_INTERNAL, -EINVAL },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(err_cni(&e, cases[i].cni, "rule %d", 7), cases[i].r);
		assert_int_equal(e.cni, cases[i].cni);
		assert_int_equal(e.sys, -cases[i].r);
		assert_string_equal(e.msg, "rule 7");
		assert_int_equal(err_cni(NULL, cases[i].cni, "rule"), cases[i].r);
	}
}

static void wrapping_puts_the_context_in_front_and_changes_nothing_else(void **state)
{
	struct err e;

	(void)state;
	(void)err_cni(&e, CNI_E_AGAIN, "busy");
	err_detail(&e, "held by %d", 12);
	assert_int_equal(err_wrap(&e, -EAGAIN, "lock %s", "a"), -EAGAIN);
	assert_int_equal(err_wrap(&e, -EAGAIN, "add"), -EAGAIN);
	assert_string_equal(e.msg, "add: lock a: busy");
	assert_string_equal(e.details, "held by 12");
	assert_int_equal(e.sys, EAGAIN);
	assert_int_equal(e.cni, CNI_E_AGAIN);
}

static void a_text_that_does_not_fit_is_cut_at_its_end(void **state)
{
	char text[sizeof(((struct err *)0)->msg) + 100];
	struct err e;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';

	(void)err_sys(&e, EIO, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)err_wrap(&e, -EIO, "context");
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_memory_equal(e.msg, "context: xxx", 12);
	(void)err_wrap(&e, -EIO, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);

	for (size_t i = 0; i < sizeof(e.details); i++)
		err_detail(&e, "%zu", i);
	assert_int_equal(strlen(e.details), sizeof(e.details) - 1);
	assert_memory_equal(e.details, "0; 1; 2; 3", 10);
}

static void details_of_any_length_never_leave_the_buffer(void **state)
{
	char text[sizeof(((struct err *)0)->details)];
	struct err e;

	(void)state;
	for (size_t len = sizeof(text) - 5; len < sizeof(text); len++) {
		(void)err_cni(&e, CNI_E_CHECK, "differs");
		memset(text, 'x', len);
		text[len] = '\0';
		err_detail(&e, "%s", text);
		err_detail(&e, "%s", "more");
		assert_in_range(strlen(e.details), len, sizeof(e.details) - 1);
		assert_memory_equal(e.details, text, len);
	}
}

static void a_new_error_forgets_the_details_of_the_old(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_detail(&e, "old");
	(void)err_sys(&e, EIO, "new");
	assert_string_equal(e.details, "");
}

static void of_two_errors_the_first_is_kept_and_the_second_is_a_detail(void **state)
{
	struct err e = { 0 }, next = { 0 };
	int r = 0;

	(void)state;
	assert_int_equal(err_keep(r, &e, 0, &next), 0);
	r = err_keep(r, &e, err_sys(&next, ENOENT, "one"), &next);
	assert_int_equal(r, -ENOENT);
	r = err_keep(r, &e, 0, &next);
	r = err_keep(r, &e, err_cni(&next, CNI_E_CONFIG, "two"), &next);
	r = err_keep(r, &e, err_sys(&next, EIO, "three"), &next);
	assert_int_equal(r, -ENOENT);
	assert_string_equal(e.msg, "one: No such file or directory");
	assert_string_equal(e.details, "two; three: Input/output error");
}

static void the_first_error_survives_a_failure_that_nobody_listens_to(void **state)
{
	struct err next = { 0 };

	(void)state;
	assert_int_equal(err_keep(0, NULL, err_sys(&next, EIO, "one"), &next), -EIO);
	assert_int_equal(err_keep(-ENOENT, NULL, -EIO, &next), -ENOENT);
	assert_int_equal(err_wrap(NULL, -EPERM, "context"), -EPERM);
	err_detail(NULL, "nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_call_is_said_with_the_words_for_its_errno),
		cmocka_unit_test(an_errno_of_0_is_still_a_failure),
		cmocka_unit_test(each_cni_code_has_an_errno_to_branch_on),
		cmocka_unit_test(wrapping_puts_the_context_in_front_and_changes_nothing_else),
		cmocka_unit_test(a_text_that_does_not_fit_is_cut_at_its_end),
		cmocka_unit_test(details_of_any_length_never_leave_the_buffer),
		cmocka_unit_test(a_new_error_forgets_the_details_of_the_old),
		cmocka_unit_test(of_two_errors_the_first_is_kept_and_the_second_is_a_detail),
		cmocka_unit_test(the_first_error_survives_a_failure_that_nobody_listens_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
