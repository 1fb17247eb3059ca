/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_keyring_test - orders of keys, and rings that obey them */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "overlay/bytes.h"
#include "overlay/keyring.h"
#include "tests/unit/overlay_keys.h"

/* Key n is seed_of(n), of which one lives at a time. */
struct key {
	uint8_t b[FRAME_KEY_LEN];
};

static struct key key_of(uint8_t n)
{
	struct key k;

	memcpy(k.b, seed_of(n), sizeof(k.b));

	return k;
}

static uint32_t id_of(uint8_t n)
{
	return key_id(seed_of(n));
}

static struct key_order first_order(void)
{
	struct identity cluster = identity_of(200);
	struct key k = key_of(1);
	struct key_order o;

	key_order_first(&o, &cluster, k.b);

	return o;
}

static struct key_order then_add(const struct key_order *last, uint8_t n)
{
	struct identity cluster = identity_of(200);
	struct key k = key_of(n);
	struct key_order o;

	assert_int_equal(key_order_add(last, &cluster, k.b, &o, NULL), 0);

	return o;
}

static struct key_order then_use(const struct key_order *last, uint8_t n)
{
	struct identity cluster = identity_of(200);
	struct key_order o;

	assert_int_equal(key_order_use(last, &cluster, id_of(n), &o, NULL), 0);

	return o;
}

static struct key_order then_remove(const struct key_order *last, uint8_t n)
{
	struct identity cluster = identity_of(200);
	struct key_order o;

	assert_int_equal(key_order_remove(last, &cluster, id_of(n), &o, NULL), 0);

	return o;
}

static uint32_t primary_of(const struct keyring *r)
{
	uint32_t id = 0;

	assert_non_null(keyring_primary(r, &id));

	return id;
}

static int read_order(const struct key_order *o, struct key_order *ret)
{
	struct identity cluster = identity_of(200);
	uint8_t bytes[KEY_ORDER_LEN];

	key_order_encode(o, bytes);

	return key_order_read(bytes, sizeof(bytes), cluster.key, ret);
}

/* ---- orders -------------------------------------------------------------- */

static void a_rotation_is_three_orders(void **state)
{
	struct key_order first = first_order(), add = then_add(&first, 2), use = then_use(&add, 2);
	struct key_order last = then_remove(&use, 1), got;
	struct keyring r = { 0 };

	(void)state;
	assert_int_equal(keyring_obey(&r, &first), 1);
	assert_int_equal(keyring_take(&r, seed_of(1)), 0);
	assert_int_equal(keyring_obey(&r, &add), 1);
	assert_int_equal(keyring_take(&r, seed_of(2)), 0);
	assert_int_equal(primary_of(&r), id_of(1));
	assert_int_equal(keyring_obey(&r, &use), 0);
	assert_int_equal(primary_of(&r), id_of(2));
	assert_non_null(keyring_find(&r, id_of(1)));
	assert_int_equal(keyring_obey(&r, &last), 0);
	assert_int_equal(primary_of(&r), id_of(2));
	assert_null(keyring_find(&r, id_of(1)));

	assert_int_equal(read_order(&last, &got), 0);
	assert_memory_equal(&got, &last, sizeof(got));
	assert_int_equal(got.number, 4);
}

static void an_order_that_cannot_be_is_not_given(void **state)
{
	struct identity cluster = identity_of(200);
	struct key_order o = first_order(), untouched = { .number = 99 };
	struct err e;

	(void)state;
	assert_int_equal(key_order_remove(&o, &cluster, id_of(1), &untouched, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "use another first"));
	assert_int_equal(key_order_remove(&o, &cluster, id_of(2), &untouched, &e), -ENOENT);
	assert_int_equal(key_order_use(&o, &cluster, id_of(2), &untouched, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "add it first"));
	assert_int_equal(key_order_add(&o, &cluster, seed_of(1), &untouched, &e), -EEXIST);
	for (uint8_t n = 2; n <= KEYRING_MAX; n++)
		o = then_add(&o, n);
	assert_int_equal(key_order_add(&o, &cluster, seed_of(9), &untouched, &e), -ENOSPC);
	assert_non_null(strstr(e.msg, "remove one first"));
	assert_int_equal(untouched.number, 99);
}

/* Every key in turn, with every other in use. */
static void removing_a_key_leaves_the_others_in_their_places(void **state)
{
	(void)state;
	for (uint8_t used = 1; used <= KEYRING_MAX; used++) {
		for (uint8_t gone = 1; gone <= KEYRING_MAX; gone++) {
			struct key_order o = first_order(), got;
			struct keyring r = { 0 };

			if (gone == used)
				continue;
			for (uint8_t n = 2; n <= KEYRING_MAX; n++)
				o = then_add(&o, n);
			o = then_use(&o, used);
			o = then_remove(&o, gone);
			assert_int_equal(read_order(&o, &got), 0);
			assert_int_equal(keyring_obey(&r, &got), KEYRING_MAX - 1);
			for (uint8_t n = 1; n <= KEYRING_MAX; n++)
				assert_int_equal(keyring_take(&r, seed_of(n)),
						 n == gone ? -ENOKEY : 0);
			assert_int_equal(primary_of(&r), id_of(used));
		}
	}
}

/* ---- attacks on orders --------------------------------------------------- */

static void an_order_that_the_cluster_has_not_signed_is_refused(void **state)
{
	struct identity rogue = identity_of(7);
	struct key_order o, got;

	(void)state;
	key_order_first(&o, &rogue, seed_of(1));
	assert_int_equal(read_order(&o, &got), -EKEYREJECTED);
}

static void no_bit_of_an_order_can_be_changed(void **state)
{
	struct identity cluster = identity_of(200);
	struct key_order o = first_order(), got;
	uint8_t bytes[KEY_ORDER_LEN];

	(void)state;
	o = then_add(&o, 2);
	key_order_encode(&o, bytes);
	for (size_t i = 0; i < sizeof(bytes) * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(key_order_read(bytes, sizeof(bytes), cluster.key, &got) < 0);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(key_order_read(bytes, len, cluster.key, &got), -EBADMSG);
	assert_int_equal(key_order_read(bytes, sizeof(bytes), cluster.key, &got), 0);
}

/* Signed as it should be, and still nothing that a ring could obey. */
static void a_signed_order_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		uint8_t number, n, primary, twice;
	} cases[] = { { 0, 1, 0, 0 },
		      { 1, 0, 0, 0 },
		      { 1, KEYRING_MAX + 1, 0, 0 },
		      { 1, 1, 1, 0 },
		      { 1, 2, 0, 1 } };
	struct identity cluster = identity_of(200);
	struct key_order got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t b[KEY_ORDER_LEN] = { 0 };

		put_le64(b, cases[i].number);
		b[8] = cases[i].n;
		b[9] = cases[i].primary;
		memset(b + 16, 0x55, KEY_HASH_LEN);
		memset(b + 32, cases[i].twice ? 0x55 : 0, KEY_HASH_LEN);
		identity_sign(&cluster, SIGN_KEY_ORDER, b, 80, b + 80);
		assert_int_equal(key_order_read(b, sizeof(b), cluster.key, &got), -EBADMSG);
	}
}

/* An old order, captured: would bring a removed key back. */
static void an_older_order_is_not_obeyed(void **state)
{
	struct key_order first = first_order(), add = then_add(&first, 2), use = then_use(&add, 2);
	struct key_order last = then_remove(&use, 1);
	struct keyring r = { 0 };

	(void)state;
	assert_int_equal(keyring_obey(&r, &last), 1);
	assert_int_equal(keyring_take(&r, seed_of(2)), 0);
	assert_int_equal(keyring_obey(&r, &first), -ESTALE);
	assert_int_equal(keyring_obey(&r, &use), -ESTALE);
	assert_int_equal(keyring_obey(&r, &last), -ESTALE);
	assert_null(keyring_find(&r, id_of(1)));
	assert_int_equal(primary_of(&r), id_of(2));
}

/* Two admitters at once: every ring comes to the same, in whatever order it hears of them. */
static void two_orders_of_one_number_have_one_winner(void **state)
{
	struct key_order first = first_order(), x = then_add(&first, 2), y = then_add(&first, 3);
	struct keyring one = { 0 }, other = { 0 };

	(void)state;
	assert_int_equal(x.number, y.number);
	keyring_obey(&one, &x);
	keyring_obey(&one, &y);
	keyring_obey(&other, &y);
	keyring_obey(&other, &x);
	assert_memory_equal(&one.order, &other.order, sizeof(one.order));
}

/* ---- keys ---------------------------------------------------------------- */

static void a_key_that_no_order_names_is_not_taken(void **state)
{
	struct key_order o = first_order();
	struct keyring r = { 0 };

	(void)state;
	assert_int_equal(keyring_take(&r, seed_of(1)), -ENOKEY);
	keyring_obey(&r, &o);
	assert_int_equal(keyring_take(&r, seed_of(2)), -ENOKEY);
	assert_int_equal(keyring_take(&r, seed_of(1)), 0);
}

/* From any member to the one that lacks it, and to nobody else. */
static void a_missing_key_comes_sealed_from_any_member(void **state)
{
	struct key_order first = first_order(), o = then_add(&first, 2);
	struct identity late = identity_of(3), other = identity_of(4);
	struct keyring full = { 0 }, lacking = { 0 };
	uint8_t sealed[KEY_SEALED_LEN];

	(void)state;
	keyring_obey(&full, &o);
	keyring_take(&full, seed_of(1));
	keyring_take(&full, seed_of(2));
	assert_int_equal(keyring_obey(&lacking, &o), 2);
	assert_int_equal(keyring_seal_key(&full, 1, late.key, seed_of(50), sealed), 0);
	assert_int_equal(keyring_take_sealed(&lacking, &other, sealed), -EBADMSG);
	assert_int_equal(keyring_take_sealed(&lacking, &late, sealed), 0);
	assert_non_null(keyring_find(&lacking, id_of(2)));
	assert_null(keyring_find(&lacking, id_of(1)));
	assert_int_equal(keyring_seal_key(&lacking, 0, late.key, seed_of(51), sealed), -ENOKEY);
	assert_int_equal(keyring_seal_key(&full, 2, late.key, seed_of(51), sealed), -ENOKEY);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(keyring_take_sealed(&lacking, &late, sealed), -EBADMSG);
		sealed[i] ^= 1;
	}
}

/* Sealing works for everybody, so what is inside has to be right by itself. */
static void a_sealed_key_of_somebody_elses_choice_is_not_taken(void **state)
{
	struct identity late = identity_of(3);
	struct key_order o = first_order();
	uint8_t sealed[KEY_SEALED_LEN];
	struct key wrong = key_of(66);
	struct keyring r = { 0 };

	(void)state;
	keyring_obey(&r, &o);
	assert_int_equal(identity_seal(late.key, seed_of(50), wrong.b, sizeof(wrong.b), sealed), 0);
	assert_int_equal(keyring_take_sealed(&r, &late, sealed), -ENOKEY);
	assert_null(keyring_find(&r, key_id(wrong.b)));
}

static void whoever_lacks_the_new_key_seals_with_the_old(void **state)
{
	struct key_order first = first_order(), add = then_add(&first, 2), use = then_use(&add, 2);
	struct keyring r = { 0 };
	uint32_t id;

	(void)state;
	keyring_obey(&r, &first);
	keyring_take(&r, seed_of(1));
	assert_int_equal(keyring_obey(&r, &use), 1);
	assert_int_equal(primary_of(&r), id_of(1));
	keyring_take(&r, seed_of(2));
	assert_int_equal(primary_of(&r), id_of(2));
	keyring_wipe(&r);
	assert_null(keyring_primary(&r, &id));
}

/* A member that was away during the whole rotation has no key left, and knows it. */
static void removed_keys_are_wiped(void **state)
{
	struct key_order first = first_order(), add = then_add(&first, 2), use = then_use(&add, 2);
	struct key_order last = then_remove(&use, 1);
	struct key key = key_of(1);
	struct keyring r = { 0 };
	uint32_t id;

	(void)state;
	keyring_obey(&r, &first);
	keyring_take(&r, key.b);
	assert_int_equal(keyring_obey(&r, &last), 1);
	assert_null(memmem(&r, sizeof(r), key.b, sizeof(key.b)));
	assert_null(keyring_primary(&r, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rotation_is_three_orders),
		cmocka_unit_test(an_order_that_cannot_be_is_not_given),
		cmocka_unit_test(removing_a_key_leaves_the_others_in_their_places),
		cmocka_unit_test(an_order_that_the_cluster_has_not_signed_is_refused),
		cmocka_unit_test(no_bit_of_an_order_can_be_changed),
		cmocka_unit_test(a_signed_order_that_makes_no_sense_is_refused),
		cmocka_unit_test(an_older_order_is_not_obeyed),
		cmocka_unit_test(two_orders_of_one_number_have_one_winner),
		cmocka_unit_test(a_key_that_no_order_names_is_not_taken),
		cmocka_unit_test(a_missing_key_comes_sealed_from_any_member),
		cmocka_unit_test(a_sealed_key_of_somebody_elses_choice_is_not_taken),
		cmocka_unit_test(whoever_lacks_the_new_key_seals_with_the_old),
		cmocka_unit_test(removed_keys_are_wiped),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
