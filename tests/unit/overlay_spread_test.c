/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_spread_test - what is passed on, to how many, how often */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "overlay/spread-private.h"
#include "tests/unit/overlay_world.h"

/* A module whose items are a byte of key and some filling. */
struct table {
	size_t len[64]; /* of an item's body; 0: there is no such item any more */
	unsigned int sends[64];
};

static int render(void *self, uint32_t key, struct part_writer *w)
{
	struct table *t = self;
	uint8_t body[1000] = { (uint8_t)key };

	if (t->len[key] == 0)
		return -ENOENT;
	if (!part_put(w, PART_ROW, body, t->len[key]))
		return 0;
	t->sends[key]++;

	return 1;
}

/* Four members, none of whom is news any more. */
static struct world *world_with(struct table *t, struct settings *set)
{
	struct world *w;
	size_t i;

	set->probe_interval = 1000 * 1000; /* nobody is probed */
	set->dead_probe = 1000 * 1000;
	w = world_new(set);
	for (uint16_t n = 1; n <= 4; n++) {
		struct person p = person_of(n);

		world_meet(w, &p);
	}
	world_wait(w, w->now + 20 * 1000);
	w->n_sent = 0;
	spread_set_source(engine_spread(w->e), SPREAD_ROW, (struct spread_source){ render, t });
	for (i = 0; i < 64; i++)
		t->len[i] = 100;

	return w;
}

static void add(struct world *w, uint32_t key, unsigned int limit)
{
	spread_add(engine_spread(w->e), 0, SPREAD_ROW, key, limit, 3, w->now);
}

static void an_item_goes_out_at_once_and_as_often_as_it_may(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	add(w, 5, 8);
	world_wait(w, w->now);
	assert_int_equal(w->n_sent, 3);
	assert_int_equal(t.sends[5], 3);
	world_wait(w, w->now + 1000);
	assert_int_equal(t.sends[5], 8);
	assert_int_equal(spread_backlog(engine_spread(w->e)), 0);
	world_free(w);
}

static void a_flush_goes_to_different_members(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	add(w, 5, 3);
	world_wait(w, w->now);
	assert_false(node_id_equal(&w->sent[0].to.id, &w->sent[1].to.id));
	assert_false(node_id_equal(&w->sent[0].to.id, &w->sent[2].to.id));
	assert_false(node_id_equal(&w->sent[1].to.id, &w->sent[2].to.id));
	world_free(w);
}

static void a_small_scope_is_told_all_at_once(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	spread_add(engine_spread(w->e), 0, SPREAD_ROW, 1, 4, SPREAD_FANOUT, w->now);
	world_wait(w, w->now);
	assert_int_equal(w->n_sent, 4);
	world_free(w);
}

static void what_all_of_a_small_scope_get_waits_for_no_gap(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	spread_add(engine_spread(w->e), 0, SPREAD_ROW, 1, 30, SPREAD_FANOUT, w->now);
	world_wait(w, w->now);
	w->n_sent = 0;
	w->now++;
	spread_add(engine_spread(w->e), 0, SPREAD_ROW, 2, 30, SPREAD_FANOUT, w->now);
	assert_true(engine_deadline(w->e) <= w->now);
	world_wait(w, w->now);
	assert_int_equal(w->n_sent, 4);
	assert_int_equal(t.sends[2], 4);
	/* What has only to be repeated waits. */
	assert_int_equal(t.sends[1], 4);
	add(w, 3, 30);
	assert_true(engine_deadline(w->e) > w->now);
	world_free(w);
}

static void a_flood_of_what_all_get_is_bounded(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);
	ms_t begin;
	size_t sent = 0;

	(void)state;
	for (begin = w->now; w->now < begin + 1000; w->now++) {
		spread_add(engine_spread(w->e), 0, SPREAD_ROW, (uint32_t)(w->now % 64), 1,
			   SPREAD_FANOUT, w->now);
		w->n_sent = 0;
		engine_tick(w->e, w->now);
		sent += w->n_sent;
	}
	/* A second's worth saved up, and one that passes, of datagrams of more than 100 bytes. */
	assert_true(sent > 4);
	assert_true(sent <= 2 * SPREAD_WIDE * set.gossip_rate / 100 + 4);
	world_free(w);
}

static void on_a_tick_nothing_goes_out_at_once(void **state)
{
	struct settings set = settings_swim;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	w->now += 37; /* not a moment of the tick */
	if (engine_deadline(w->e) <= w->now)
		w->now++;
	add(w, 5, 3);
	assert_true(engine_deadline(w->e) > w->now);
	assert_true(engine_deadline(w->e) <= w->now + 200);
	world_free(w);
}

static void the_least_sent_goes_first(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	t.len[1] = t.len[2] = 900; /* one a datagram */
	add(w, 1, 6);
	world_wait(w, w->now);
	add(w, 2, 6);
	world_wait(w, engine_deadline(w->e));
	assert_int_equal(t.sends[1], 3);
	assert_int_equal(t.sends[2], 3);
	world_free(w);
}

static void membership_fills_half_of_a_datagram_at_most(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);
	struct part_writer out;
	uint8_t buf[DATAGRAM_ROOM];
	struct part_reader r;
	struct part p;
	size_t members = 0, rows = 0;

	(void)state;
	for (uint16_t n = 10; n < 110; n++) { /* a hundred introductions wait */
		struct person someone = person_of(n);

		world_meet(w, &someone);
		w->n_sent = 0;
	}
	for (uint32_t key = 0; key < 40; key++)
		add(w, key, 4);
	out = (struct part_writer){ .buf = buf, .cap = sizeof(buf) };
	spread_fill(engine_spread(w->e), 0, &out);

	for (r = (struct part_reader){ buf, buf + out.len }; part_next(&r, &p) > 0;)
		*(p.kind == PART_CLAIM ? &members : &rows) += PART_HEADER + p.len;
	assert_true(members > DATAGRAM_ROOM / 4);
	assert_true(members <= DATAGRAM_ROOM / 2);
	assert_true(rows > DATAGRAM_ROOM / 3);
	world_free(w);
}

static void bytes_a_second_are_bounded_and_what_is_too_old_is_dropped(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);
	ms_t begin = w->now;
	size_t bytes = 0;

	(void)state;
	for (uint32_t key = 0; key < 64; key++) {
		t.len[key] = 900;
		add(w, key, 32);
	}
	for (int i = 0; i < 10; i++) {
		world_wait(w, begin + 1000 * (i + 1));
		for (unsigned int n = 0; n < w->n_sent; n++)
			bytes += w->sent[n].len + FRAME_OVERHEAD;
		w->n_sent = 0;
	}
	/* A second's worth was saved up, and the last datagram may be larger than what is left. */
	assert_true(bytes <= 11 * set.gossip_rate + DATAGRAM_MAX);
	assert_true(bytes > 9 * set.gossip_rate);
	assert_true(spread_backlog(engine_spread(w->e)) > 0);
	world_wait(w, begin + SPREAD_AGE + SPREAD_AGE / 4 + 1000);
	assert_int_equal(spread_backlog(engine_spread(w->e)), 0);
	world_free(w);
}

static void what_is_no_more_leaves_the_queue(void **state)
{
	struct settings set = settings_default;
	struct table t = { 0 };
	struct world *w = world_with(&t, &set);

	(void)state;
	add(w, 1, 4);
	add(w, 2, 4);
	t.len[1] = 0;
	spread_drop(engine_spread(w->e), 0, SPREAD_ROW, 2);
	assert_int_equal(spread_backlog(engine_spread(w->e)), 1);
	world_wait(w, w->now + 100);
	assert_int_equal(w->n_sent, 0);
	assert_int_equal(spread_backlog(engine_spread(w->e)), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_goes_out_at_once_and_as_often_as_it_may),
		cmocka_unit_test(a_flush_goes_to_different_members),
		cmocka_unit_test(a_small_scope_is_told_all_at_once),
		cmocka_unit_test(what_all_of_a_small_scope_get_waits_for_no_gap),
		cmocka_unit_test(a_flood_of_what_all_get_is_bounded),
		cmocka_unit_test(on_a_tick_nothing_goes_out_at_once),
		cmocka_unit_test(the_least_sent_goes_first),
		cmocka_unit_test(membership_fills_half_of_a_datagram_at_most),
		cmocka_unit_test(bytes_a_second_are_bounded_and_what_is_too_old_is_dropped),
		cmocka_unit_test(what_is_no_more_leaves_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
