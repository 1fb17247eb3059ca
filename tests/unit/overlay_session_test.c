/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_session_test - every frame once, in a table that does not grow */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "overlay/session.h"
#include "tests/unit/overlay_keys.h"

#define N	  4
#define N_WINDOWS 2
#define REST_S	  21

static const struct node_addr home = { { AF_INET, { 10, 0, 0, 1 } }, 7946 };

static int set_up(void **state)
{
	static struct sessions s;

	*state = &s;

	return sessions_init(&s, N, N_WINDOWS, seed_of(3), NULL);
}

static int tear_down(void **state)
{
	sessions_clear(*state);

	return 0;
}

static struct frame_end end_of(uint8_t node, uint8_t boot)
{
	struct frame_end end = { { { 1, node } }, { { 2, node, boot } } };

	return end;
}

static uint32_t learn(struct sessions *s, uint8_t node, uint8_t boot, uint64_t counter)
{
	struct frame_end end = end_of(node, boot);

	return sessions_learn(s, &end, counter, &home, 0, REST_S);
}

static uint32_t find(const struct sessions *s, uint8_t node)
{
	struct frame_end end = end_of(node, 0);

	return sessions_find_id(s, &end.id);
}

/* As the wire does: look, then mark. */
static bool let_in(struct sessions *s, uint32_t i, uint64_t counter)
{
	if (!sessions_is_new(s, i, counter))
		return false;
	sessions_mark(s, i, counter, 0);

	return true;
}

static void a_frame_is_let_in_once(void **state)
{
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 10);

	assert_false(let_in(s, i, 10));
	for (uint64_t c = 11; c < 5000; c++) {
		assert_true(let_in(s, i, c));
		assert_false(let_in(s, i, c));
		assert_false(let_in(s, i, c - 1));
	}
}

static void a_window_is_1024_wide(void **state)
{
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 1);

	assert_true(let_in(s, i, 10000));
	assert_true(let_in(s, i, 10000 - SESSION_WINDOW + 1));
	assert_false(let_in(s, i, 10000 - SESSION_WINDOW + 1));
	assert_false(let_in(s, i, 10000 - SESSION_WINDOW));
	assert_true(let_in(s, i, 10001));
	assert_false(let_in(s, i, 10001 - SESSION_WINDOW));
}

/* Against a list of everything that was let in, over all sizes of steps. */
static void in_any_order_every_frame_is_let_in_once_at_most(void **state)
{
	enum { MOST = 20000 };
	static uint8_t seen[MOST + 1];
	struct sessions *s = *state;
	uint64_t top = 1, state_of_random = 42;
	uint32_t i = learn(s, 1, 1, 1);

	memset(seen, 0, sizeof(seen));
	seen[1] = 1;
	for (int k = 0; k < 200000; k++) {
		uint64_t c, reach;

		state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
		reach = 1ULL << (state_of_random >> 60);
		c = top + (state_of_random >> 33) % (reach * 2);
		c = c > reach ? c - reach : 1;
		if (c > MOST)
			c = MOST;
		if (c > top)
			assert_true(sessions_is_new(s, i, c));
		else
			assert_int_equal(sessions_is_new(s, i, c),
					 top - c < SESSION_WINDOW && !seen[c]);
		if (let_in(s, i, c))
			seen[c] = 1;
		if (c > top)
			top = c;
	}
}

/* A member that lies about its counter mutes itself, and hangs nobody. */
static void the_highest_counter_there_is_does_no_harm(void **state)
{
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 1);

	assert_true(let_in(s, i, UINT64_MAX - 3));
	assert_true(let_in(s, i, UINT64_MAX));
	assert_false(let_in(s, i, UINT64_MAX));
	assert_true(let_in(s, i, UINT64_MAX - 1));
	assert_false(let_in(s, i, 0));
	assert_false(let_in(s, i, 2));
}

static void a_counter_of_zero_is_never_new(void **state)
{
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 1);

	assert_false(sessions_is_new(s, i, 0));
	for (uint64_t c = 2; c < 3 * SESSION_WINDOW; c += 7) {
		assert_true(let_in(s, i, c));
		assert_false(sessions_is_new(s, i, 0));
	}
	assert_int_equal(learn(s, 2, 1, 0), SESSION_NONE);
}

/* Two windows, three who talk: the first pays with late frames, not with replays. */
static void a_session_without_a_window_forgets_nothing_it_let_in(void **state)
{
	struct sessions *s = *state;
	uint32_t a = learn(s, 1, 1, 1), b = learn(s, 2, 1, 1), c = learn(s, 3, 1, 1);

	assert_true(let_in(s, a, 100));
	assert_true(let_in(s, a, 98));
	assert_true(let_in(s, b, 100));
	assert_true(let_in(s, c, 100));
	assert_false(let_in(s, a, 98));
	assert_false(let_in(s, a, 99));
	assert_false(let_in(s, a, 100));
	assert_true(let_in(s, a, 103));
	assert_true(let_in(s, a, 102));
	assert_false(let_in(s, a, 99));
}

static void a_node_has_one_boot_at_a_time(void **state)
{
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 1);
	struct frame_end old = end_of(1, 1), new = end_of(1, 2);

	assert_true(let_in(s, i, 500));
	assert_int_equal(learn(s, 1, 2, 7), i);
	assert_int_equal(sessions_find_boot(s, &old.boot), SESSION_NONE);
	assert_int_equal(sessions_find_boot(s, &new.boot), i);
	assert_int_equal(sessions_find_id(s, &new.id), i);
	assert_false(let_in(s, i, 7));
	assert_true(let_in(s, i, 8));
	assert_int_equal(s->n_used, 1);
}

/* What an older proof would open again stays shut. */
static void learning_a_known_boot_again_never_goes_back(void **state)
{
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 1);

	assert_true(let_in(s, i, 500));
	assert_true(let_in(s, i, 400));
	assert_int_equal(learn(s, 1, 1, 200), i);
	assert_false(let_in(s, i, 400));
	assert_false(let_in(s, i, 500));
	assert_int_equal(learn(s, 1, 1, 600), i);
	assert_false(let_in(s, i, 599));
	assert_true(let_in(s, i, 601));
}

static void nobody_takes_the_boot_of_another(void **state)
{
	struct sessions *s = *state;
	struct frame_end thief = { end_of(2, 1).id, end_of(1, 1).boot };
	uint32_t i = learn(s, 1, 1, 1);

	assert_int_equal(sessions_learn(s, &thief, 9, &home, 0, REST_S), SESSION_NONE);
	assert_int_equal(sessions_find_boot(s, &thief.boot), i);
	assert_int_equal(find(s, 1), i);
	assert_int_equal(s->n_used, 1);
}

static void a_full_table_gives_up_who_was_silent_for_longest(void **state)
{
	struct sessions *s = *state;
	struct frame_end more = end_of(9, 1);

	for (uint8_t node = 1; node <= N; node++)
		learn(s, node, 1, 1);
	sessions_mark(s, find(s, 1), 2, 50);
	sessions_mark(s, find(s, 3), 2, 30);
	sessions_mark(s, find(s, 4), 2, 40);
	assert_int_not_equal(sessions_learn(s, &more, 1, &home, 52, REST_S), SESSION_NONE);
	assert_int_equal(find(s, 2), SESSION_NONE);
	assert_int_equal(s->n_used, N);

	more = end_of(10, 1);
	assert_int_not_equal(sessions_learn(s, &more, 1, &home, 52, REST_S), SESSION_NONE);
	assert_int_equal(find(s, 3), SESSION_NONE);
	/* The others have let frames in during the last seconds. */
	more = end_of(11, 1);
	assert_int_equal(sessions_learn(s, &more, 1, &home, 52, REST_S), SESSION_NONE);
	assert_int_not_equal(find(s, 1), SESSION_NONE);
}

static void whoever_is_forgotten_makes_room(void **state)
{
	struct sessions *s = *state;

	for (int round = 0; round < 100; round++) {
		for (uint8_t node = 1; node <= N; node++)
			assert_int_not_equal(learn(s, node, (uint8_t)round, 1), SESSION_NONE);
		for (uint8_t node = N; node >= 1; node--) {
			struct frame_end end = end_of(node, (uint8_t)round);

			sessions_mark(s, sessions_find_id(s, &end.id), 2, 0);
			sessions_forget(s, &end.id);
			sessions_forget(s, &end.id);
			assert_int_equal(sessions_find_boot(s, &end.boot), SESSION_NONE);
		}
		assert_int_equal(s->n_used, 0);
	}
}

static void a_session_is_at_the_address_that_was_proved(void **state)
{
	static const struct node_addr others[] = {
		{ { AF_INET, { 10, 0, 0, 2 } }, 7946 },
		{ { AF_INET, { 10, 0, 0, 1 } }, 7947 },
		{ { AF_INET6, { 10, 0, 0, 1 } }, 7946 },
	};
	struct sessions *s = *state;
	uint32_t i = learn(s, 1, 1, 1);

	assert_true(sessions_is_at(s, i, &home));
	assert_int_equal(sessions_find_address(s, &home), i);
	for (size_t k = 0; k < 3; k++) {
		assert_false(sessions_is_at(s, i, &others[k]));
		assert_int_equal(sessions_find_address(s, &others[k]), SESSION_NONE);
	}
}

static void what_a_member_costs_is_told(void **state)
{
	(void)state;
	print_message("a session: %zu bytes and 8 of index; a window: %zu bytes\n",
		      sizeof(struct session), sizeof(struct session_window));
	print_message("1,000 members with 128 windows: %zu bytes; 10,000 with 256: %zu bytes\n",
		      sessions_size(1000, 128), sessions_size(10000, 256));
	assert_int_equal(sessions_size(1000, 128),
			 1000 * (sizeof(struct session) + 8) + 128 * sizeof(struct session_window));
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_frame_is_let_in_once),
		test(a_window_is_1024_wide),
		test(in_any_order_every_frame_is_let_in_once_at_most),
		test(the_highest_counter_there_is_does_no_harm),
		test(a_counter_of_zero_is_never_new),
		test(a_session_without_a_window_forgets_nothing_it_let_in),
		test(a_node_has_one_boot_at_a_time),
		test(learning_a_known_boot_again_never_goes_back),
		test(nobody_takes_the_boot_of_another),
		test(a_full_table_gives_up_who_was_silent_for_longest),
		test(whoever_is_forgotten_makes_room),
		test(a_session_is_at_the_address_that_was_proved),
		test(what_a_member_costs_is_told),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
