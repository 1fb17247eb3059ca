/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who tells an owner that its rows are in the kernel, and whom the owner believes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/overlay_nodes.h"

#include "overlay/bytes.h"
#include "overlay/programmed.h"
#include "overlay/row.pb.h"

static const struct network_id network = { "a network" };

static void plug_in(struct node *n)
{
	n->more = programmed_new(n->engine, n->rows);
	assert_non_null(n->more);
	assert_int_equal(engine_attach(n->engine, &programmed_ops, n->more, NULL), 0);
}

static void plug_out(struct node *n)
{
	programmed_free(n->more);
}

/* All nodes are in the network, and node 0 has said something there. */
static int set_up_network(void **state)
{
	const struct row_text text = { .kind = ROW_SERVICE,
				       .key_len = 3,
				       .key = (const uint8_t *)"web" };

	plug = (struct plug){ plug_in, plug_out };
	set_up(state);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(rows_join(nodes[i].rows, &network, now, NULL), 0);
	run(3000);
	assert_int_equal(rows_put(nodes[0].rows, &network, &text, now, NULL), 0);
	run(STEP * 2);

	return 0;
}

static struct node_id id_of(int i)
{
	struct node_id id;

	node_id_of_key(nodes[i].self.key, &id);

	return id;
}

static uint64_t version(void)
{
	return rows_version(nodes[0].rows, &network);
}

static bool by_all(void)
{
	return programmed_by_all(nodes[0].more, &network, version());
}

static void say(int i, uint64_t what)
{
	const struct node_id owner = id_of(0);

	programmed_say(nodes[i].more, &network, &owner, what, now);
}

static unsigned int heard(void)
{
	return nodes[0].heard[EVENT_PROGRAMMED];
}

static void owner_hears_of_all(void **state)
{
	(void)state;
	assert_true(version() > 0 && !by_all());
	say(1, version());
	assert_true(engine_deadline(nodes[1].engine) <= now);
	run(STEP);
	assert_true(heard() == 1 && !by_all());
	say(2, version());
	run(STEP);
	assert_true(heard() == 2 && by_all());
	assert_false(programmed_by_all(nodes[0].more, &network, version() + 1));
}

static void newer_words_stand_for_older_ones(void **state)
{
	(void)state;
	say(1, version());
	run(STEP);
	say(1, version() - 1);
	run(STEP);
	assert_int_equal(heard(), 1);
	say(2, version() - 1);
	say(2, version());
	run(STEP);
	assert_true(heard() == 2 && by_all());
}

static void dead_are_not_waited_for(void **state)
{
	(void)state;
	say(1, version());
	run(STEP);
	assert_false(by_all());
	stop(2);
	run(40000);
	assert_true(by_all());
}

/* A part from node 1, whatever it says. */
static void lie(const uint8_t *entries, pb_size_t len)
{
	struct origin o = { .from = { .id = id_of(1), .addr = nodes[1].self.addr } };
	row_Programmed m = { .entries.size = len };
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	memcpy(m.entries.bytes, entries, len);
	assert_true(part_put_message(&w, PART_PROGRAMMED, row_Programmed_fields, &m));
	engine_receive(nodes[0].engine, &o, buf, w.len, now);
}

static void what_cannot_be_is_not_believed(void **state)
{
	uint8_t entry[NETWORK_ID_LEN + 8];
	uint64_t bad = engine_counters(nodes[0].engine)->bad_part;

	(void)state;
	memcpy(entry, network.b, NETWORK_ID_LEN);
	put_le64(entry + NETWORK_ID_LEN, version() + 1); /* not said yet */
	lie(entry, sizeof(entry));
	entry[0]++; /* a network that nobody is in */
	put_le64(entry + NETWORK_ID_LEN, 0);
	lie(entry, sizeof(entry));
	assert_int_equal(heard(), 0);
	assert_true(engine_counters(nodes[0].engine)->bad_part == bad);
	lie(entry, sizeof(entry) - 1);
	assert_true(engine_counters(nodes[0].engine)->bad_part == bad + 1);
}

static void who_is_not_in_the_network_says_nothing(void **state)
{
	(void)state;
	rows_leave(nodes[2].rows, &network, now);
	run(STEP * 4);
	say(2, version());
	assert_false(programmed_by_all(nodes[2].more, &network, 0));
	say(1, version());
	run(STEP);
	assert_true(heard() == 1 && by_all());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owner_hears_of_all, set_up_network, tear_down),
		cmocka_unit_test_setup_teardown(newer_words_stand_for_older_ones, set_up_network,
						tear_down),
		cmocka_unit_test_setup_teardown(dead_are_not_waited_for, set_up_network, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_is_not_believed, set_up_network,
						tear_down),
		cmocka_unit_test_setup_teardown(who_is_not_in_the_network_says_nothing,
						set_up_network, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
