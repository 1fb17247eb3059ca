/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_waiting - steps that are tried until they succeed, fail, or have waited long enough */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/err.h"
#include "netd/service-private.h"
#include "netd/waiting.h"

/* What waiting.c takes for the time, once it is set; libev has its own. */
static int64_t fake_ms;

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	if (!fake_ms)
		return __real_clock_gettime(id, t);
	*t = (struct timespec){ fake_ms / 1000, fake_ms % 1000 * 1000000 };

	return 0;
}

struct work {
	struct waiting w;
	int answers, tries; /* -EAGAIN so often, then @then */
	int then;
	int result;
	bool over;
	char why[sizeof(((struct err *)NULL)->msg)];
};

static int step(struct waiting *w, struct err *e)
{
	struct work *work = (struct work *)w;

	work->tries++;
	if (work->tries > work->answers)
		return work->then;

	return err_cni(e, CNI_E_AGAIN, "not yet");
}

static void done(struct waiting *w, int r, const struct err *e)
{
	struct work *work = (struct work *)w;

	assert_false(work->over);
	work->over = true;
	work->result = r;
	snprintf(work->why, sizeof(work->why), "%s", e->msg);
}

static struct work work_of(int answers, int then)
{
	return (struct work){ .w = { .step = step, .done = done },
			      .answers = answers,
			      .then = then };
}

static int start(void **state)
{
	struct waitings *ws = calloc(1, sizeof(*ws));

	assert_non_null(ws);
	waitings_init(ws, ev_loop_new(0));
	*state = ws;

	return 0;
}

static int stop(void **state)
{
	struct waitings *ws = *state;

	waitings_clear(ws);
	ev_loop_destroy(ws->loop);
	free(ws);

	return 0;
}

static void what_succeeds_at_once_does_not_wait(void **state)
{
	struct work a = work_of(0, 0), b = work_of(0, -EINVAL);

	waiting_begin(*state, &a.w, 1000);
	waiting_begin(*state, &b.w, 1000);
	assert_true(a.over && a.result == 0);
	assert_true(b.over && b.result == -EINVAL);
}

static void whatever_changes_all_are_tried(void **state)
{
	struct work a = work_of(2, 0), b = work_of(1, 0);

	waiting_begin(*state, &a.w, 100000);
	waiting_begin(*state, &b.w, 100000);
	assert_false(a.over || b.over);
	waitings_kick(*state);
	assert_true(b.over);
	assert_false(a.over);
	waitings_kick(*state);
	assert_true(a.over);
}

static void nobody_has_to_tell_that_something_changed(void **state)
{
	struct waitings *ws = *state;
	struct work a = work_of(1, 0);

	waiting_begin(ws, &a.w, 100000);
	while (!a.over)
		ev_run(ws->loop, EVRUN_ONCE);
	assert_int_equal(a.result, 0);
}

static void who_waited_long_enough_is_told_why(void **state)
{
	struct waitings *ws = *state;
	struct work a = work_of(1000000, 0);

	waiting_begin(ws, &a.w, 20);
	while (!a.over)
		ev_run(ws->loop, EVRUN_ONCE);
	assert_int_equal(a.result, -EAGAIN);
	assert_string_equal(a.why, "not yet");
}

/* As of an ADD whose slowest member says nothing. */
static void time_is_up_at_the_deadline_and_not_before(void **state)
{
	struct work a = work_of(1000000, 0);

	fake_ms = 1000000;
	waiting_begin(*state, &a.w, PROGRAMMING_MS);
	for (int64_t ms = 0; ms < PROGRAMMING_MS; ms++) {
		fake_ms = 1000000 + ms;
		waitings_kick(*state);
		assert_false(a.over);
	}
	fake_ms++;
	waitings_kick(*state);
	assert_true(a.over);
	assert_int_equal(a.result, -EAGAIN);
	fake_ms = 0;
}

static void one_that_is_ended_is_not_told(void **state)
{
	struct work a = work_of(1, 0), b = work_of(1000, 0);

	waiting_begin(*state, &a.w, 100000);
	waiting_begin(*state, &b.w, 100000);
	waiting_end(&a.w);
	waiting_end(&a.w);
	waitings_kick(*state);
	assert_false(a.over);
	assert_int_equal(a.tries, 1);
	waitings_clear(*state);
	assert_int_equal(b.result, -EAGAIN);
	assert_string_equal(b.why, "netd stops");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_succeeds_at_once_does_not_wait, start, stop),
		cmocka_unit_test_setup_teardown(whatever_changes_all_are_tried, start, stop),
		cmocka_unit_test_setup_teardown(nobody_has_to_tell_that_something_changed, start,
						stop),
		cmocka_unit_test_setup_teardown(who_waited_long_enough_is_told_why, start, stop),
		cmocka_unit_test_setup_teardown(time_is_up_at_the_deadline_and_not_before, start,
						stop),
		cmocka_unit_test_setup_teardown(one_that_is_ended_is_not_told, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
