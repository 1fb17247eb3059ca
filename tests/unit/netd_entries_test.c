/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entries: what is wanted and what the kernel has, and what is to be done about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "netd/entries.h"

#define ALL (ENTRY_BIT(ENTRY_FDB) | ENTRY_BIT(ENTRY_NEIGHBOUR))

static struct ip_addr ip(uint8_t last)
{
	return (struct ip_addr){ .family = AF_INET, .b = { 10, 0, 0, last } };
}

static struct entry_is fdb(uint8_t mac, uint8_t vtep)
{
	return (struct entry_is){ .kind = ENTRY_FDB,
				  .mac = { 2, 0, 0, 0, 0, mac },
				  .ip = ip(vtep) };
}

static struct entry_is neighbour(uint8_t last, uint8_t mac)
{
	return (struct entry_is){ .kind = ENTRY_NEIGHBOUR,
				  .mac = { 2, 0, 0, 0, 0, mac },
				  .ip = ip(last) };
}

/* What a kernel would be sent, in order; it takes all of it. */
struct sent {
	uint32_t put, del;
};

static struct sent send_all(struct entries *t)
{
	struct sent sent = { 0 };
	struct entry *e;

	while ((e = entries_pop(t))) {
		if (entry_to_send(e)) {
			sent.put++;
			e->state |= ENTRY_THERE;
			entries_sent(e);
		} else if (!(e->state & ENTRY_WANTED)) {
			sent.del += !!(e->state & ENTRY_THERE);
			entries_deleted(t, e);
		}
	}

	return sent;
}

static void assert_sent(struct entries *t, uint32_t put, uint32_t del)
{
	struct sent sent = send_all(t);

	assert_int_equal(sent.put, put);
	assert_int_equal(sent.del, del);
}

static void see(struct entries *t, struct entry_is is)
{
	assert_int_equal(entries_see(t, &is, ENTRY_IN_VXLAN, true), 0);
	if (is.kind != ENTRY_FDB)
		return;
	is.ip = (struct ip_addr){ 0 };
	assert_int_equal(entries_see(t, &is, ENTRY_IN_BRIDGE, true), 0);
}

static void want(struct entries *t, struct entry_is is)
{
	assert_int_equal(entries_want(t, &is), 0);
}

static int setup(void **state)
{
	static struct entries t;

	*state = &t;

	return entries_init(&t);
}

static int teardown(void **state)
{
	entries_clear(*state);

	return 0;
}

static void what_is_wanted_is_sent_once(void **state)
{
	struct entries *t = *state;

	want(t, fdb(1, 7));
	want(t, neighbour(5, 1));
	assert_sent(t, 2, 0);
	want(t, fdb(1, 7));
	assert_sent(t, 0, 0);
	assert_int_equal(t->wanted[ENTRY_FDB], 1);
}

static void another_value_replaces(void **state)
{
	struct entries *t = *state;

	want(t, fdb(1, 7));
	assert_sent(t, 1, 0);
	want(t, fdb(1, 8));
	want(t, fdb(1, 9));
	assert_sent(t, 1, 0);
	assert_int_equal(t->n, 1);
}

static void what_nobody_wants_goes(void **state)
{
	struct entries *t = *state;
	struct entry_is one = fdb(1, 7), other = fdb(2, 7);

	want(t, one);
	want(t, other);
	assert_sent(t, 2, 0);
	entries_unwant(t, &one);
	assert_sent(t, 0, 1);
	assert_int_equal(t->n, 1);
	entries_unwant(t, &one);
	assert_sent(t, 0, 0);
	assert_int_equal(t->wanted[ENTRY_FDB], 1);
}

static void changed_and_unwanted_before_it_is_sent_it_still_goes(void **state)
{
	struct entries *t = *state;
	struct entry_is is = fdb(1, 8);

	want(t, fdb(1, 7));
	assert_sent(t, 1, 0);
	want(t, is);
	entries_unwant(t, &is);
	assert_sent(t, 0, 1);
	assert_int_equal(t->n, 0);
}

static void wanted_again_before_it_went_it_stays(void **state)
{
	struct entries *t = *state;
	struct entry_is is = fdb(1, 7);

	want(t, is);
	assert_sent(t, 1, 0);
	entries_unwant(t, &is);
	want(t, is);
	assert_sent(t, 0, 0);
}

static void what_is_new_is_news_and_what_was_adopted_is_not(void **state)
{
	struct entries *t = *state;
	struct entry_is old = neighbour(5, 1), new = neighbour(6, 1);

	entries_begin(t, ALL);
	see(t, old);
	(void)entries_end(t, ALL);
	want(t, old);
	want(t, new);
	assert_false(entries_find(t, &old)->state & ENTRY_NEWS);
	assert_true(entries_find(t, &new)->state & ENTRY_NEWS);
	assert_sent(t, 1, 0);
	want(t, neighbour(5, 2));
	assert_true(entries_find(t, &old)->state & ENTRY_NEWS);
}

static void leftovers_wait_until_all_is_complete(void **state)
{
	struct entries *t = *state;

	entries_begin(t, ALL);
	see(t, fdb(1, 7));
	see(t, fdb(2, 7));
	see(t, neighbour(5, 1));
	assert_int_equal(entries_end(t, ALL), 0);
	want(t, fdb(1, 7));
	assert_sent(t, 0, 0);
	entries_complete(t);
	assert_sent(t, 0, 2);
	assert_int_equal(t->n, 1);
	/* From now on nothing of ours is left that nobody wants. */
	entries_begin(t, ALL);
	see(t, fdb(1, 7));
	see(t, fdb(3, 7));
	(void)entries_end(t, ALL);
	assert_sent(t, 0, 1);
}

static void what_is_not_ours_is_not_deleted(void **state)
{
	struct entries *t = *state;
	struct entry_is is = fdb(1, 7);

	entries_complete(t);
	entries_begin(t, ALL);
	assert_int_equal(entries_see(t, &is, ENTRY_IN_VXLAN, false), 0);
	(void)entries_end(t, ALL);
	assert_sent(t, 0, 0);
	assert_int_equal(t->n, 0);
}

static void a_comparison_finds_drift(void **state)
{
	struct entries *t = *state;
	struct entry_is half = fdb(4, 7);

	want(t, fdb(1, 7));
	want(t, fdb(2, 7));
	want(t, fdb(3, 7));
	want(t, half);
	assert_sent(t, 4, 0);
	entries_begin(t, ALL);
	see(t, fdb(1, 7));
	see(t, fdb(2, 9));						  /* another VTEP */
	assert_int_equal(entries_see(t, &half, ENTRY_IN_VXLAN, true), 0); /* in one place alone */
	assert_int_equal(entries_end(t, ALL), 3);
	assert_sent(t, 3, 0);
}

static void of_other_kinds_a_comparison_says_nothing(void **state)
{
	struct entries *t = *state;

	want(t, fdb(1, 7));
	want(t, neighbour(5, 1));
	assert_sent(t, 2, 0);
	entries_begin(t, ENTRY_BIT(ENTRY_FDB));
	see(t, fdb(1, 7));
	assert_int_equal(entries_end(t, ENTRY_BIT(ENTRY_FDB)), 0);
	assert_sent(t, 0, 0);
}

static void what_was_never_sent_is_no_drift(void **state)
{
	struct entries *t = *state;

	want(t, fdb(1, 7));
	entries_begin(t, ALL);
	assert_int_equal(entries_end(t, ALL), 0);
	assert_sent(t, 1, 0);
}

static void notifications_find_drift(void **state)
{
	struct entries *t = *state;
	struct entry_is is = fdb(1, 7), other = fdb(1, 9), stranger = fdb(2, 7);

	want(t, is);
	assert_sent(t, 1, 0);
	assert_false(entries_found(t, &is));
	assert_true(entries_found(t, &other));
	assert_false(entries_found(t, &other)); /* known already */
	assert_sent(t, 1, 0);
	assert_true(entries_lost(t, &is));
	assert_sent(t, 1, 0);
	assert_false(entries_lost(t, &stranger));
	assert_false(entries_found(t, &stranger));
}

static void in_doubt_everything_stays(void **state)
{
	struct entries *t = *state;

	want(t, fdb(1, 7));
	want(t, fdb(2, 7));
	assert_sent(t, 2, 0);
	entries_complete(t);
	entries_doubt(t);
	assert_sent(t, 0, 0);
	want(t, fdb(1, 7));
	assert_sent(t, 0, 0);
	entries_complete(t);
	assert_sent(t, 0, 1);
	assert_int_equal(t->wanted[ENTRY_FDB], 1);
}

static void ten_thousand_are_found_again(void **state)
{
	struct entries *t = *state;
	struct entry_is is = fdb(0, 7);

	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(is.mac + 2, &i, sizeof(i));
		want(t, is);
	}
	assert_sent(t, 10000, 0);
	assert_int_equal(t->n, 10000);
	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(is.mac + 2, &i, sizeof(i));
		assert_non_null(entries_find(t, &is));
		entries_unwant(t, &is);
	}
	assert_sent(t, 0, 10000);
	assert_int_equal(t->n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_wanted_is_sent_once),
		TEST(another_value_replaces),
		TEST(what_nobody_wants_goes),
		TEST(changed_and_unwanted_before_it_is_sent_it_still_goes),
		TEST(wanted_again_before_it_went_it_stays),
		TEST(what_is_new_is_news_and_what_was_adopted_is_not),
		TEST(leftovers_wait_until_all_is_complete),
		TEST(what_is_not_ours_is_not_deleted),
		TEST(a_comparison_finds_drift),
		TEST(of_other_kinds_a_comparison_says_nothing),
		TEST(what_was_never_sent_is_no_drift),
		TEST(notifications_find_drift),
		TEST(in_doubt_everything_stays),
		TEST(ten_thousand_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
