/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_tokens - tokens that were made are known until they expire, and no longer */
#include "netd/tokens.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "netd/store.h"

static char dir[64];
static struct store *store;

static void open_store(void)
{
	struct err e;

	if (store_open(NULL, dir, &store, &e) < 0)
		fail_msg("%s", e.msg);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/heddle-tokens-XXXXXX");
	assert_non_null(mkdtemp(dir));
	open_store();

	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "store.mdb", "store.lock" };
	char path[128];

	(void)state;
	store_close(store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);

	return 0;
}

static struct token_note note_of(uint8_t id, uint64_t made, uint32_t expires)
{
	return (struct token_note){ .id = { id, 0xfe }, .made = made, .expires = expires };
}

static void note(uint8_t id, uint64_t made, uint32_t expires)
{
	const struct token_note n = note_of(id, made, expires);

	assert_int_equal(tokens_note(store, &n, NULL), 0);
}

static void sum(void *ctx, const struct token_note *n)
{
	*(unsigned int *)ctx += n->id[0];
}

/* The ids that there are, added up. */
static unsigned int all(uint64_t now_s)
{
	unsigned int n = 0;

	assert_int_equal(tokens_each(store, now_s, sum, &n, NULL), 0);

	return n;
}

static void they_are_known_until_they_expire(void **state)
{
	const struct token_note want = note_of(1, 100, 200);
	struct token_note got;

	(void)state;
	/* Others use the same table. */
	assert_int_equal(store_put(store, STORE_CLUSTER, "had-peers", 10, "", 1, STORE_DURABLE,
				   NULL),
			 0);
	note(1, 100, 200);
	note(2, 100, 300);
	assert_int_equal(all(199), 3);
	assert_int_equal(all(200), 2);
	store_close(store);
	open_store();
	assert_int_equal(tokens_find(store, want.id, 199, &got, NULL), 0);
	assert_memory_equal(got.id, want.id, sizeof(got.id));
	assert_true(got.made == 100 && got.expires == 200);
	assert_int_equal(tokens_find(store, want.id, 200, &got, NULL), -ENOENT);
}

static void what_has_expired_goes_with_the_next_one(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 100; i++)
		note((uint8_t)i, 100, 200);
	assert_int_equal(all(150), 5050);
	note(200, 250, 300);
	note(201, 250, 300);
	assert_int_equal(all(150), 401);
}

static void an_id_is_read_as_it_is_written(void **state)
{
	static const char *const bad[] = { "", "0102", "0102030405060708090a", "010203040506070x",
					   " 10203040506070" };
	const uint8_t id[TOKEN_ID_LEN] = { 1, 2, 0xa, 4, 5, 6, 7, 0xff };
	uint8_t back[TOKEN_ID_LEN];
	char text[TOKENS_ID_TEXT];

	(void)state;
	assert_string_equal(tokens_id_text(id, text), "01020a04050607ff");
	assert_true(tokens_id_parse(text, back));
	assert_memory_equal(back, id, sizeof(id));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tokens_id_parse(bad[i], back));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_are_known_until_they_expire),
		TEST(what_has_expired_goes_with_the_next_one),
		TEST(an_id_is_read_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
