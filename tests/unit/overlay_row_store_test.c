/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of rows on the disk, and what a node knows by them that starts alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/overlay_nodes.h"

#define RECORDS 64 /* of one node */

static const struct network_id cluster, network = { "a network" };

/* ---- a disk for each node ------------------------------------------------------ */

static struct record disk[NODES][RECORDS]; /* of no length: free, or removed */

static bool is_same(const struct record *a, const struct record *b)
{
	return a->kind == b->kind && a->key_len == b->key_len &&
	       memcmp(a->key, b->key, a->key_len) == 0;
}

static struct record *place_of(int node, const struct record *r)
{
	struct record *place = NULL;

	for (unsigned int i = 0; i < RECORDS; i++) {
		if (disk[node][i].len > 0 && is_same(&disk[node][i], r))
			return &disk[node][i];
		if (disk[node][i].len == 0)
			place = &disk[node][i];
	}
	assert_non_null(place);

	return place;
}

static void scrub(struct record *r)
{
	free((void *)(uintptr_t)r->key);
	free((void *)(uintptr_t)r->value);
	*r = (struct record){ .len = 0 };
}

static int keep_record(struct node *n, const struct record *r)
{
	struct record *place = place_of(n->index, r);
	uint8_t *key = malloc(r->key_len), *value = malloc(r->len + 1);

	assert_non_null(key);
	assert_non_null(value);
	memcpy(key, r->key, r->key_len);
	if (r->len > 0)
		memcpy(value, r->value, r->len);
	scrub(place);
	*place = *r;
	place->key = key;
	place->value = value;
	if (r->len == 0)
		scrub(place);

	return 0;
}

static void restore(struct node *n)
{
	for (unsigned int i = 0; i < RECORDS; i++)
		if (disk[n->index][i].len > 0)
			engine_restore(n->engine, &disk[n->index][i]);
}

static unsigned int tables_on_disk(int node, const struct network_id *where)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < RECORDS; i++)
		n += disk[node][i].kind == RECORD_ROW &&
		     memcmp(disk[node][i].key, where->b, NETWORK_ID_LEN) == 0;

	return n;
}

/* ---- what is said -------------------------------------------------------------- */

static void put(int i, const struct network_id *where, const char *key)
{
	const struct row_text text = { .kind = ROW_SERVICE,
				       .key_len = (uint8_t)strlen(key),
				       .key = (const uint8_t *)key };

	assert_int_equal(rows_put(nodes[i].rows, where, &text, now, NULL), 0);
}

static bool sees(int by, const struct network_id *where, int owner, const char *key)
{
	struct node_id id;

	node_id_of_key(nodes[owner].self.key, &id);

	return rows_find(nodes[by].rows, where, &id, ROW_SERVICE, (const uint8_t *)key,
			 strlen(key)) != NULL;
}

static int with_disks(void **state)
{
	plug = (struct plug){ .in = restore, .keep = keep_record };
	set_up(state);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rows_join(nodes[i].rows, &network, now, NULL), 0);
	put(0, &network, "own");
	put(1, &network, "other");
	put(2, &cluster, "third");
	run(3000);

	return 0;
}

static int without_disks(void **state)
{
	tear_down(state);
	for (unsigned int i = 0; i < NODES * RECORDS; i++)
		scrub(&disk[i / RECORDS][i % RECORDS]);

	return 0;
}

static void all_stop(void)
{
	for (int i = 0; i < NODES; i++)
		stop(i);
}

/* ---- tests --------------------------------------------------------------------- */

static void who_starts_alone_knows_all(void **state)
{
	(void)state;
	all_stop();
	start(0);
	assert_true(sees(0, &cluster, 2, "third"));
	assert_false(sees(0, &network, 1, "other"));
	assert_int_equal(rows_join(nodes[0].rows, &network, now, NULL), 0);
	assert_true(sees(0, &network, 0, "own"));
	assert_true(sees(0, &network, 1, "other"));
	assert_int_equal(nodes[0].heard[EVENT_ROW], 5); /* two in the network, and who is in it */
}

static void all_that_stopped_have_all(void **state)
{
	uint64_t root = rows_root(nodes[0].rows, &network);

	(void)state;
	all_stop();
	for (int i = 0; i < NODES; i++)
		start(i);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rows_join(nodes[i].rows, &network, now, NULL), 0);
	run(10000);
	assert_true(rows_ready(nodes[0].rows, &network));
	assert_true(rows_root(nodes[0].rows, &network) == root);
	assert_true(rows_root(nodes[1].rows, &network) == root);
	put(0, &network, "new");
	run(1000);
	assert_true(sees(1, &network, 0, "new") && sees(1, &network, 0, "own"));
}

static void what_is_left_is_off_the_disk(void **state)
{
	(void)state;
	assert_int_equal(tables_on_disk(1, &network), 2);
	stop(1);
	start(1);
	rows_leave(nodes[1].rows, &network, now); /* it was in it in an earlier life */
	assert_int_equal(tables_on_disk(1, &network), 0);
	assert_int_equal(tables_on_disk(0, &network), 2);
	run(10000);
	assert_int_equal(tables_on_disk(0, &network), 1);
	rows_leave(nodes[0].rows, &network, now);
	assert_int_equal(tables_on_disk(0, &network), 0);
	assert_int_equal(tables_on_disk(0, &cluster), 3);
	engine_leave(nodes[2].engine, now);
	run(5000);
	assert_int_equal(tables_on_disk(0, &cluster), 2);
}

static void flip(uint32_t at)
{
	for (unsigned int i = 0; i < RECORDS; i++)
		if (disk[0][i].kind == RECORD_ROW && at < disk[0][i].len)
			((uint8_t *)(uintptr_t)disk[0][i].value)[disk[0][i].len - 1 - at] ^= 2;
}

static void count_others(void *ctx, const struct node_id *owner, const struct row *row)
{
	(void)owner;
	*(unsigned int *)ctx += row->kind == ROW_SERVICE && memcmp(row->bytes, "own", 3) != 0 &&
				memcmp(row->bytes, "other", 5) != 0 &&
				memcmp(row->bytes, "third", 5) != 0;
}

/* Rows that nobody said, of a disk of which the byte so far from a record's end is another one. */
static unsigned int made_up(uint32_t at)
{
	unsigned int n = 0;

	flip(at);
	start(0);
	assert_int_equal(rows_join(nodes[0].rows, &network, now, NULL), 0);
	rows_each(nodes[0].rows, &network, ROWS_ALL, count_others, &n);
	rows_each(nodes[0].rows, &cluster, ROWS_ALL, count_others, &n);
	flip(at);

	return n;
}

static void what_is_damaged_is_not_used(void **state)
{
	(void)state;
	all_stop();
	plug.keep = NULL;
	for (uint32_t at = 0; at < 300; at++) {
		assert_int_equal(made_up(at), 0);
		/* The last byte is one of a row. */
		assert_true(at > 0 || !sees(0, &cluster, 2, "third"));
		stop(0);
	}
	start(0);
	assert_true(sees(0, &cluster, 2, "third"));
}

/* Own rows of this generation: the disk is of another life than the generation. */
static void what_is_of_the_future_is_not_used(void **state)
{
	(void)state;
	all_stop();
	nodes[0].self.generation = 0;
	start(0);
	assert_int_equal(rows_join(nodes[0].rows, &network, now, NULL), 0);
	assert_false(sees(0, &network, 0, "own"));
	assert_true(sees(0, &network, 1, "other"));
}

#define WITH_DISKS(test) cmocka_unit_test_setup_teardown(test, with_disks, without_disks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISKS(who_starts_alone_knows_all),
		WITH_DISKS(all_that_stopped_have_all),
		WITH_DISKS(what_is_left_is_off_the_disk),
		WITH_DISKS(what_is_damaged_is_not_used),
		WITH_DISKS(what_is_of_the_future_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
