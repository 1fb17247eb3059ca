/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of a few nodes that talk to each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/overlay_nodes.h"

static const struct network_id cluster, network = { "a network" };

static void put(int i, const struct network_id *where, const char *key, const char *value)
{
	const struct row_text text = { .kind = ROW_SERVICE,
				       .key_len = (uint8_t)strlen(key),
				       .key = (const uint8_t *)key,
				       .value_len = (uint16_t)strlen(value),
				       .value = (const uint8_t *)value };

	assert_int_equal(rows_put(nodes[i].rows, where, &text, now, NULL), 0);
}

static const struct row *seen(int by, const struct network_id *where, int owner, const char *key)
{
	struct node_id id;

	node_id_of_key(nodes[owner].self.key, &id);

	return rows_find(nodes[by].rows, where, &id, ROW_SERVICE, (const uint8_t *)key,
			 strlen(key));
}

static void count(void *ctx, const struct node_id *owner, const struct row *row)
{
	(void)owner;
	*(unsigned int *)ctx += row->kind == ROW_SERVICE;
}

static unsigned int listed(int by, const struct network_id *where, enum rows_whose whose)
{
	unsigned int n = 0;

	rows_each(nodes[by].rows, where, whose, count, &n);

	return n;
}

/* ---- tests --------------------------------------------------------------------- */

static void row_is_told_at_once(void **state)
{
	(void)state;
	put(0, &cluster, "web", "80");
	run(STEP * 2);
	for (int i = 0; i < NODES; i++)
		assert_non_null(seen(i, &cluster, 0, "web"));
	assert_int_equal(rows_remove(nodes[0].rows, &cluster, ROW_SERVICE, (const uint8_t *)"web",
				     3, now, NULL),
			 0);
	run(STEP * 2);
	for (int i = 0; i < NODES; i++)
		assert_null(seen(i, &cluster, 0, "web"));
}

static void network_is_its_members_own(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(rows_join(nodes[i].rows, &network, now, NULL), 0);
	run(2000);
	put(0, &network, "web", "80");
	run(5000);
	assert_non_null(seen(1, &network, 0, "web"));
	assert_null(seen(2, &network, 0, "web"));
	assert_int_equal(rows_members(nodes[1].rows, &network), 2);

	assert_int_equal(rows_join(nodes[2].rows, &network, now, NULL), 0);
	run(5000);
	assert_non_null(seen(2, &network, 0, "web"));
	assert_true(rows_root(nodes[2].rows, &network) == rows_root(nodes[0].rows, &network));
}

static void leaving_a_network_withdraws(void **state)
{
	(void)state;
	for (int i = 0; i < NODES; i++)
		assert_int_equal(rows_join(nodes[i].rows, &network, now, NULL), 0);
	run(2000);
	put(0, &network, "web", "80");
	run(1000);
	assert_non_null(seen(1, &network, 0, "web"));
	rows_leave(nodes[0].rows, &network, now);
	run(1000);
	assert_null(seen(1, &network, 0, "web"));
	assert_int_equal(rows_members(nodes[1].rows, &network), 2);
}

static void dead_is_hidden_and_left_is_gone(void **state)
{
	(void)state;
	put(2, &cluster, "web", "80");
	run(1000);
	assert_int_equal(listed(0, &cluster, ROWS_LIVE), 1);
	nodes[2].deaf = true;
	run(60000);
	assert_int_equal(listed(0, &cluster, ROWS_LIVE), 0);
	assert_int_equal(listed(0, &cluster, ROWS_ALL), 1);
	nodes[2].deaf = false;
	run(30000);
	assert_int_equal(listed(0, &cluster, ROWS_LIVE), 1);
	engine_leave(nodes[2].engine, now);
	run(5000);
	assert_int_equal(listed(0, &cluster, ROWS_ALL), 0);
}

static void own_rows_are_taken_back(void **state)
{
	const struct rows_counters *of_peer = rows_counters(nodes[1].rows);
	uint64_t pulls;

	(void)state;
	assert_int_equal(rows_join(nodes[0].rows, &network, now, NULL), 0);
	assert_int_equal(rows_join(nodes[1].rows, &network, now, NULL), 0);
	run(2000);
	put(0, &network, "web", "80");
	put(0, &network, "dns", "53");
	run(2000);
	pulls = of_peer->pulls;
	stop(0);
	start(0);
	assert_int_equal(rows_join(nodes[0].rows, &network, now, NULL), 0);
	assert_false(rows_ready(nodes[0].rows, &network));
	put(0, &network, "web", "8080"); /* kept until the others have answered */
	run(5000);
	assert_true(rows_ready(nodes[0].rows, &network));
	assert_int_equal(nodes[0].heard[EVENT_ROWS_BACK], 2);
	assert_non_null(seen(0, &network, 0, "dns"));
	assert_non_null(seen(1, &network, 0, "dns"));
	assert_int_equal(seen(1, &network, 0, "web")->value_len, 4);
	assert_int_equal(of_peer->pulls, pulls); /* the one change was enough */
}

static void the_same_again_is_no_change(void **state)
{
	uint64_t applied;

	(void)state;
	put(0, &cluster, "web", "80");
	run(1000);
	applied = rows_counters(nodes[1].rows)->applied;
	put(0, &cluster, "web", "80");
	run(1000);
	assert_int_equal(rows_counters(nodes[1].rows)->applied, applied);
}

static void what_gossip_lost_is_found(void **state)
{
	(void)state;
	nodes[1].deaf = true;
	put(0, &cluster, "web", "80");
	put(0, &cluster, "dns", "53");
	run(3000);
	nodes[1].deaf = false;
	run(10000);
	assert_non_null(seen(1, &cluster, 0, "web"));
	assert_true(rows_root(nodes[1].rows, &cluster) == rows_root(nodes[0].rows, &cluster));
}

/* What is newer does not tell it; whoever answers knows, and is asked only once. */
static void lost_removal_is_found_in_one_answer(void **state)
{
	uint64_t mismatch;

	(void)state;
	put(0, &cluster, "web", "80");
	put(0, &cluster, "dns", "53");
	run(1000);
	mismatch = rows_counters(nodes[1].rows)->mismatch;
	nodes[1].deaf = true;
	assert_int_equal(rows_remove(nodes[0].rows, &cluster, ROW_SERVICE, (const uint8_t *)"web",
				     3, now, NULL),
			 0);
	run(3000);
	nodes[1].deaf = false;
	run(10000);
	assert_null(seen(1, &cluster, 0, "web"));
	assert_non_null(seen(1, &cluster, 0, "dns"));
	assert_int_equal(rows_counters(nodes[1].rows)->mismatch, mismatch);
}

static void bounds_are_kept(void **state)
{
	static const uint8_t big[ROW_VALUE_MAX + 1];
	const struct row_text too_big = { .kind = ROW_SERVICE,
					  .key_len = 1,
					  .key = big,
					  .value_len = sizeof(big),
					  .value = big };
	struct row_text text = {
		.kind = ROW_SERVICE, .key_len = 4, .value_len = 400, .value = big
	};
	int err = 0;
	uint32_t n;

	(void)state;
	assert_int_equal(rows_put(nodes[0].rows, &cluster, &too_big, now, NULL), -EINVAL);
	assert_int_equal(rows_put(nodes[0].rows, &network, &text, now, NULL), -ENOENT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rows_join(nodes[i].rows, &network, now, NULL), 0);
	for (n = 0; err == 0 && n <= TABLE_ROWS; n++) {
		text.key = (const uint8_t *)&n;
		err = rows_put(nodes[0].rows, &network, &text, now, NULL);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(n > TABLE_BYTES / 500 && n < TABLE_BYTES / 400);
	run(20000);
	assert_true(rows_root(nodes[1].rows, &network) == rows_root(nodes[0].rows, &network));
	for (uint8_t i = 1; i <= ROWS_NETWORKS; i++)
		assert_int_equal(rows_join(nodes[0].rows, &(struct network_id){ { i } }, now, NULL),
				 i == ROWS_NETWORKS ? -ENOSPC : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(row_is_told_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(network_is_its_members_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaving_a_network_withdraws, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dead_is_hidden_and_left_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(own_rows_are_taken_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_again_is_no_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_gossip_lost_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_removal_is_found_in_one_answer, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(bounds_are_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
