/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows, heads and tables, with real signatures.
 *
 * Among them the property that everything else rests on: whatever subset of an
 * owner's changes comes, in whatever order and how often, and wherever tables
 * are taken from, observers with equal heads have equal rows, and all are equal
 * in the end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "overlay/identity.h"
#include "overlay/row-table.h"
#include "overlay/row.pb.h"

#define HISTORIES 400
#define CHANGES	  60
#define OBSERVERS 4
#define KEYS	  7

static struct identity owner_identity;

static void sign(void *ctx, const uint8_t *msg, size_t len, uint8_t sig[NODE_SIG_LEN])
{
	(void)ctx;
	identity_sign(&owner_identity, SIGN_GOSSIP, msg, len, sig);
}

static bool verify(void *ctx, const uint8_t *key, const uint8_t *msg, size_t len,
		   const uint8_t *sig)
{
	(void)ctx;

	return identity_verify(key, SIGN_GOSSIP, msg, len, sig);
}

static const struct env_ops ops = { .sign = sign, .verify = verify };
static const struct env env = { .ops = &ops };

static int set_up(void **state)
{
	static const uint8_t seed[32] = "owner";

	(void)state;
	identity_init(&owner_identity, seed);

	return 0;
}

/* ---- an owner --------------------------------------------------------------- */

struct owner {
	struct row_table table;
	uint64_t version;
	uint64_t last_place, last_horizon;
};

static struct row_text text_of(uint8_t *key, const char *value)
{
	return (struct row_text){ .kind = ROW_ENDPOINT,
				  .key_len = 1,
				  .key = key,
				  .value_len = (uint16_t)strlen(value),
				  .value = (const uint8_t *)value };
}

static struct row_change *copy_change(const struct row_change *c)
{
	struct row_change *copy = malloc(sizeof(*copy));
	const struct row_text text = row_text(c->row);

	assert_non_null(copy);
	copy->head = c->head;
	copy->row = row_make(&text, c->row->version, c->row->removed);
	assert_non_null(copy->row);

	return copy;
}

static void free_change(struct row_change *c)
{
	free(c->row);
	free(c);
}

/* The owner says something; the change that tells it is returned, and is in its own table. */
static struct row_change *say(struct owner *o, uint8_t key, const char *value)
{
	struct row_text text = text_of(&key, value ? value : "");
	struct row_change *c = malloc(sizeof(*c));
	struct head of = { .owner = owner_identity.id, .network = { "a network" } };

	assert_non_null(c);
	c->row = row_make(&text, ++o->version, value == NULL);
	assert_non_null(c->row);
	of.version = o->version;
	of.horizon = o->last_place == c->row->leaf.place ? o->last_horizon
							 : table_version(&o->table);
	assert_int_equal(row_table_root_with(&o->table, c->row, of.root), 0);
	memcpy(of.change, c->row->leaf.hash, TREE_HASH_LEN);
	head_make(&env, &of, &c->head);
	o->last_place = c->row->leaf.place;
	o->last_horizon = of.horizon;
	assert_int_equal(row_table_take(&o->table, copy_change(c), NULL), TABLE_APPLIED);

	return c;
}

static enum table_verdict hear(struct row_table *t, const struct row_change *c)
{
	struct row_change *mine = copy_change(c);
	enum table_verdict v = row_table_take(t, mine, NULL);

	if (v != TABLE_APPLIED && v != TABLE_AHEAD_OF)
		free_change(mine);

	return v;
}

/* All of one table into another, as a pull does. */
static bool take_all(struct row_table *to, const struct row_table *from)
{
	struct row **rows = malloc((from->n + 1) * sizeof(struct row *));
	struct signed_head *head = malloc(sizeof(*head));
	bool ok;

	assert_true(rows && head && from->head);
	*head = *from->head;
	for (uint32_t i = 0; i < from->n; i++) {
		const struct row_text text = row_text(from->rows[i]);

		rows[i] = row_make(&text, from->rows[i]->version, false);
		assert_non_null(rows[i]);
	}
	ok = row_table_replace(to, head, rows, from->n, NULL);
	assert_true(ok);

	return ok;
}

static void assert_same_rows(const struct row_table *a, const struct row_table *b)
{
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++)
		assert_memory_equal(a->rows[i]->leaf.hash, b->rows[i]->leaf.hash, TREE_HASH_LEN);
}

/* ---- rows and heads --------------------------------------------------------- */

static void head_survives_the_wire(void **state)
{
	const struct head of = { .owner = owner_identity.id,
				 .network = { "a network" },
				 .version = 7ULL << 32 | 9,
				 .horizon = 7ULL << 32 | 8,
				 .change = { 1 },
				 .root = { 2 } };
	struct signed_head h, back;
	row_SignedHead m;

	(void)state;
	head_make(&env, &of, &h);
	head_write(&h, &m);
	assert_true(head_read(&m, &back));
	assert_memory_equal(&back.of, &of, sizeof(of));
	assert_int_equal(back.mark, h.mark);
	assert_true(head_is_signed(&env, &back, owner_identity.key));
	for (size_t i = 0; i < back.bytes.len; i++) {
		back.bytes.head[i] ^= 1;
		assert_false(head_is_signed(&env, &back, owner_identity.key));
		back.bytes.head[i] ^= 1;
	}
}

static void rows_out_of_bounds_are_refused(void **state)
{
	static const uint8_t big[ROW_VALUE_MAX + 1];
	uint8_t key = 1;
	struct row_text good = text_of(&key, "value"), bad;

	(void)state;
	bad = good;
	bad.kind = ROW_KINDS;
	assert_null(row_make(&bad, 1, false));
	bad = good;
	bad.key_len = 0;
	assert_null(row_make(&bad, 1, false));
	bad = good;
	bad.value = big;
	bad.value_len = sizeof(big);
	assert_null(row_make(&bad, 1, false));
	assert_null(row_make(&good, 0, false));
	assert_null(row_make(&good, 1, true)); /* nothing is said of what is gone */
}

static void every_part_of_a_row_is_hashed(void **state)
{
	uint8_t one = 1, two = 2;
	struct row_text texts[] = { text_of(&one, "value"), text_of(&two, "value"),
				    text_of(&one, "valuf"), text_of(&one, "value") };
	struct row *rows[5];

	(void)state;
	texts[3].kind = ROW_SERVICE;
	for (size_t i = 0; i < 4; i++)
		rows[i] = row_make(&texts[i], 1, false);
	rows[4] = row_make(&texts[0], 2, false);
	for (size_t i = 1; i < 5; i++) {
		assert_non_null(rows[i]);
		assert_memory_not_equal(rows[0]->leaf.hash, rows[i]->leaf.hash, TREE_HASH_LEN);
	}
	assert_int_equal(rows[0]->leaf.place, rows[2]->leaf.place);
	assert_int_not_equal(rows[0]->leaf.place, rows[3]->leaf.place);
	for (size_t i = 0; i < 5; i++)
		free(rows[i]);
}

/* ---- tables ------------------------------------------------------------------ */

static void gap_is_used_and_closes(void **state)
{
	struct owner o = { .version = 0 };
	struct row_table t = { .n = 0 };
	struct row_change *c[] = { say(&o, 1, "a"), say(&o, 2, "b"), say(&o, 3, "c") };
	uint64_t place = c[2]->row->leaf.place;

	(void)state;
	assert_int_equal(hear(&t, c[0]), TABLE_APPLIED);
	assert_int_equal(hear(&t, c[2]), TABLE_AHEAD_OF);
	assert_null(row_table_base(&t, place));
	assert_non_null(row_table_at(&t, place));
	assert_int_equal(hear(&t, c[2]), TABLE_OLD);
	assert_int_equal(hear(&t, c[1]), TABLE_APPLIED);
	assert_int_equal(t.n_ahead, 0);
	assert_non_null(row_table_base(&t, place));
	assert_same_rows(&t, &o.table);
	for (size_t i = 0; i < 3; i++)
		free_change(c[i]);
	row_table_clear(&t);
	row_table_clear(&o.table);
}

static void removed_row_does_not_come_back(void **state)
{
	struct owner o = { .version = 0 };
	struct row_table t = { .n = 0 };
	struct row_change *put = say(&o, 1, "a"), *gone = say(&o, 1, NULL);

	(void)state;
	assert_int_equal(hear(&t, put), TABLE_APPLIED);
	assert_int_equal(hear(&t, gone), TABLE_APPLIED);
	assert_int_equal(hear(&t, put), TABLE_OLD);
	assert_int_equal(t.n, 0);
	free_change(put);
	free_change(gone);
	row_table_clear(&t);
	row_table_clear(&o.table);
}

/* Of changes of one row the last alone is enough, wherever one begins. */
static void flapping_row_leaves_no_gap(void **state)
{
	struct owner o = { .version = 0 };
	struct row_table t = { .n = 0 };
	struct row_change *first = say(&o, 2, "b");
	struct row_change *flap[] = { say(&o, 1, "a"), say(&o, 1, NULL), say(&o, 1, "c") };

	(void)state;
	assert_int_equal(hear(&t, first), TABLE_APPLIED);
	assert_int_equal(hear(&t, flap[2]), TABLE_APPLIED);
	assert_same_rows(&t, &o.table);
	assert_int_equal(hear(&t, flap[1]), TABLE_OLD);
	free_change(first);
	for (size_t i = 0; i < 3; i++)
		free_change(flap[i]);
	row_table_clear(&t);
	row_table_clear(&o.table);
}

static void wrong_rows_are_not_taken(void **state)
{
	struct owner o = { .version = 0 };
	struct row_table t = { .n = 0 };
	struct row_change *c = say(&o, 1, "a");
	struct signed_head *head = malloc(sizeof(*head));
	uint8_t key = 1;
	struct row_text lie = text_of(&key, "b");
	struct row **rows = malloc(sizeof(struct row *));

	(void)state;
	assert_true(head && rows);
	*head = c->head;
	rows[0] = row_make(&lie, 1, false);
	assert_false(row_table_replace(&t, head, rows, 1, NULL));
	assert_false(row_table_replace(&t, head, rows, 0, NULL)); /* nor one that is missing */
	assert_null(t.head);
	free(rows[0]);
	free(rows);
	free(head);
	free_change(c);
	row_table_clear(&o.table);
}

static void bounds_hold(void **state)
{
	struct row_table t = { .n = 0, .bytes = TABLE_BYTES };
	uint8_t key = 1, root[TREE_HASH_LEN];
	struct row_text text = text_of(&key, "a");
	struct row *r = row_make(&text, 1, false);

	(void)state;
	assert_int_equal(row_table_root_with(&t, r, root), -ENOSPC);
	free(r);
	row_table_clear(&t);
}

/* ---- any history ------------------------------------------------------------- */

static uint64_t dice;

/* The same at each run. */
static unsigned int below(unsigned int n)
{
	return (unsigned int)(tree_mix(dice += 0x9e3779b97f4a7c15U) % n);
}

/* One thing that happens to one observer. */
static void happen(struct row_table *observers, unsigned int i, struct row_change **said,
		   unsigned int n_said)
{
	const struct row_table *other = &observers[below(OBSERVERS)];

	switch (below(10)) {
	case 0:
		if (other->head && table_version(other) > table_version(&observers[i]))
			(void)take_all(&observers[i], other);
		break;
	case 1:
		if (below(4) == 0)
			row_table_clear(&observers[i]); /* a crash */
		break;
	default:
		if (n_said > 0)
			(void)hear(&observers[i], said[below(n_said)]);
	}
}

static void equal_heads_mean_equal_rows(const struct row_table *observers)
{
	for (unsigned int i = 0; i < OBSERVERS; i++)
		for (unsigned int j = 0; j < i; j++)
			if (observers[i].head && observers[j].head &&
			    observers[i].head->mark == observers[j].head->mark)
				assert_same_rows(&observers[i], &observers[j]);
}

static void run_history(unsigned int seed)
{
	struct row_table observers[OBSERVERS] = { { .n = 0 } };
	struct row_change *said[CHANGES];
	struct owner o = { .version = 0 };
	unsigned int n_said = 0;

	dice = seed;
	while (n_said < CHANGES) {
		if (below(6) == 0) {
			said[n_said] = say(&o, (uint8_t)below(KEYS), below(3) ? "value" : NULL);
			n_said++;
		}
		happen(observers, below(OBSERVERS), said, n_said);
		equal_heads_mean_equal_rows(observers);
	}
	for (unsigned int i = 0; i < OBSERVERS; i++) {
		if (table_version(&observers[i]) < table_version(&o.table))
			(void)take_all(&observers[i], &o.table);
		assert_same_rows(&observers[i], &o.table);
		assert_int_equal(observers[i].n_ahead, 0);
		row_table_clear(&observers[i]);
	}
	for (unsigned int i = 0; i < n_said; i++)
		free_change(said[i]);
	row_table_clear(&o.table);
}

static void all_histories_converge(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= HISTORIES; seed++)
		run_history(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_survives_the_wire),
		cmocka_unit_test(rows_out_of_bounds_are_refused),
		cmocka_unit_test(every_part_of_a_row_is_hashed),
		cmocka_unit_test(gap_is_used_and_closes),
		cmocka_unit_test(removed_row_does_not_come_back),
		cmocka_unit_test(flapping_row_leaves_no_gap),
		cmocka_unit_test(wrong_rows_are_not_taken),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(all_histories_converge),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
