/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_token_test - tokens as people handle them: cut, mistyped, late, withdrawn */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "overlay/cookie.h"
#include "overlay/token.h"
#include "tests/unit/overlay_keys.h"

#define EXPIRES 1800000000u

static const uint8_t id[TOKEN_ID_LEN] = "token-1";

static struct token issue(void)
{
	struct identity cluster = identity_of(200);
	struct token t;

	token_issue(&cluster, id, EXPIRES, &t);

	return t;
}

static const char *text_of(const struct token *t)
{
	static char text[TOKEN_TEXT_LEN + 1];

	token_text(t, text);

	return text;
}

static void a_token_is_read_as_it_was_written(void **state)
{
	struct token t = issue(), got;
	char padded[TOKEN_TEXT_LEN + 8];

	(void)state;
	assert_int_equal(strlen(text_of(&t)), TOKEN_TEXT_LEN);
	assert_int_equal(token_parse(text_of(&t), EXPIRES - 1, &got, NULL), 0);
	assert_memory_equal(&got, &t, sizeof(t));
	snprintf(padded, sizeof(padded), " \t%s\r\n", text_of(&t));
	assert_int_equal(token_parse(padded, EXPIRES - 1, &got, NULL), 0);
}

/* Computed by another program from the layout in token.h. */
static void the_text_is_that_of_the_layout(void **state)
{
	struct token t = { .expires = 0x04030201 };

	(void)state;
	for (uint8_t i = 0; i < NODE_KEY_LEN; i++)
		t.cluster_key[i] = i;
	memset(t.id, 0xaa, sizeof(t.id));
	memset(t.secret, 0xbb, sizeof(t.secret));
	assert_string_equal(text_of(&t), "heddle-join-1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-"
					 "qqqqqqqqqqgECAwS7u7u7u7u7u7u7u7u7u7u7tUs5qw");
}

static void every_wrong_token_says_what_is_wrong(void **state)
{
	struct token t = issue();
	char good[TOKEN_TEXT_LEN + 1], cut[TOKEN_TEXT_LEN], longer[TOKEN_TEXT_LEN + 2];
	char blank[TOKEN_TEXT_LEN + 1], newer[TOKEN_TEXT_LEN + 1], odd[TOKEN_TEXT_LEN + 1];
	const struct {
		const char *text;
		uint64_t now;
		int r;
		const char *says;
	} cases[] = {
		{ "", 0, -EINVAL, "has to begin with" },
		{ "SWMTKN-1-abc", 0, -EINVAL, "has to begin with" },
		{ "heddle-join-", 0, -EPROTONOSUPPORT, "another version" },
		{ newer, 0, -EPROTONOSUPPORT, "upgrade this node" },
		{ cut, 0, -EINVAL, "it has 99 characters and must have 100: it was cut" },
		{ longer, 0, -EINVAL, "it was added to" },
		{ blank, 0, -EINVAL, "character 51 is none of" },
		{ odd, 0, -EINVAL, "its last character is wrong" },
		{ good, EXPIRES, -EKEYEXPIRED, "it expired at 2027-01-15 08:00:00 UTC" },
		{ good, UINT64_MAX, -EKEYEXPIRED, "if the clock is right" },
	};

	(void)state;
	strcpy(good, text_of(&t));
	memcpy(cut, good, sizeof(cut));
	cut[sizeof(cut) - 1] = '\0';
	snprintf(longer, sizeof(longer), "%sA", good);
	strcpy(blank, good);
	blank[50] = ' ';
	strcpy(newer, good);
	newer[12] = '2';
	strcpy(odd, good);
	odd[TOKEN_TEXT_LEN - 1] = 'z';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct token got = { .expires = 7 };
		struct err e;

		assert_int_equal(token_parse(cases[i].text, cases[i].now, &got, &e), cases[i].r);
		assert_non_null(strstr(e.msg, cases[i].says));
		assert_int_equal(got.expires, 7);
	}
}

/* A typing error is told from a wrong secret: each is found by the checksum. */
static void every_mistyped_character_is_found(void **state)
{
	struct token t = issue(), got;
	char text[TOKEN_TEXT_LEN + 1];

	(void)state;
	strcpy(text, text_of(&t));
	for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
		char right = text[i];

		text[i] = right == 'x' ? 'y' : 'x';
		assert_true(token_parse(text, 0, &got, NULL) < 0);
		text[i] = right;
	}
	for (size_t i = 0; i + 1 < TOKEN_TEXT_LEN; i++) {
		char first = text[i];

		if (first == text[i + 1])
			continue;
		text[i] = text[i + 1];
		text[i + 1] = first;
		assert_true(token_parse(text, 0, &got, NULL) < 0);
		text[i + 1] = text[i];
		text[i] = first;
	}
	assert_int_equal(token_parse(text, 0, &got, NULL), 0);
}

/* Errors are logged: no part of the token may be in one. */
static void no_error_shows_the_token(void **state)
{
	struct token t = issue(), got;
	char text[TOKEN_TEXT_LEN + 1], part[9] = "";
	struct err e;

	(void)state;
	strcpy(text, text_of(&t));
	text[90] = text[90] == 'x' ? 'y' : 'x';
	assert_int_equal(token_parse(text, 0, &got, &e), -EINVAL);
	for (size_t i = sizeof(TOKEN_PREFIX) - 1; i + 8 <= TOKEN_TEXT_LEN; i++) {
		memcpy(part, text + i, sizeof(part) - 1);
		assert_null(strstr(e.msg, part));
	}
}

/* ---- the admitter's side ------------------------------------------------- */

static void every_admitter_knows_every_token(void **state)
{
	struct identity cluster = identity_of(200), other = identity_of(201);
	struct token t = issue();
	uint8_t secret[TOKEN_SECRET_LEN];

	(void)state;
	assert_int_equal(token_secret(&cluster, id, EXPIRES, NULL, 0, secret, NULL), 0);
	assert_memory_equal(secret, t.secret, sizeof(secret));
	assert_int_equal(token_secret(&other, id, EXPIRES, NULL, 0, secret, NULL), 0);
	assert_memory_not_equal(secret, t.secret, sizeof(secret));
}

/* The expiry that a node shows is its own claim: with another the secret is another. */
static void a_tokens_expiry_cannot_be_moved(void **state)
{
	struct identity cluster = identity_of(200);
	struct token t = issue();
	uint8_t secret[TOKEN_SECRET_LEN];

	(void)state;
	assert_int_equal(token_secret(&cluster, id, EXPIRES, NULL, EXPIRES, secret, NULL),
			 -EKEYEXPIRED);
	assert_int_equal(token_secret(&cluster, id, EXPIRES + 1, NULL, EXPIRES, secret, NULL), 0);
	assert_memory_not_equal(secret, t.secret, sizeof(secret));
}

static void a_revoked_token_is_refused_until_it_would_have_expired(void **state)
{
	static struct token_revocations r;
	struct identity cluster = identity_of(200);
	uint8_t secret[TOKEN_SECRET_LEN], other[TOKEN_ID_LEN] = "token-2";
	struct err e;

	(void)state;
	assert_int_equal(token_revoke(&r, id, EXPIRES, 0, NULL), 0);
	assert_int_equal(token_revoke(&r, id, EXPIRES, 0, NULL), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(token_secret(&cluster, id, EXPIRES, &r, 0, secret, &e), -EKEYREVOKED);
	assert_non_null(strstr(e.msg, "ask an admitter for a new one"));
	assert_int_equal(token_secret(&cluster, other, EXPIRES, &r, 0, secret, NULL), 0);
	/* Then it is forgotten, and refused for its age. */
	assert_int_equal(token_revoke(&r, other, EXPIRES + 9, EXPIRES, NULL), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(token_secret(&cluster, id, EXPIRES, &r, EXPIRES, secret, NULL),
			 -EKEYEXPIRED);
}

static void revocations_do_not_grow_without_bound(void **state)
{
	static struct token_revocations r;
	struct err e;

	(void)state;
	for (unsigned int i = 0; i < TOKEN_REVOKED_MAX; i++) {
		uint8_t one[TOKEN_ID_LEN] = { (uint8_t)i, (uint8_t)(i >> 8), 1 };

		assert_int_equal(token_revoke(&r, one, EXPIRES + i % 2, 0, NULL), 0);
	}
	assert_int_equal(token_revoke(&r, id, EXPIRES, 0, &e), -ENOSPC);
	assert_non_null(strstr(e.msg, "expire sooner"));
	assert_int_equal(token_revoke(&r, id, EXPIRES + 1, EXPIRES, NULL), 0);
	assert_int_equal(r.n, TOKEN_REVOKED_MAX / 2 + 1);
}

/* ---- cookies ------------------------------------------------------------- */

/* The authors' vector of SipHash-2-4 for 15 bytes. */
static void a_cookies_mac_is_siphash(void **state)
{
	uint8_t key[16], msg[15], mac[8];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	memcpy(msg, key, sizeof(msg));
	crypto_shorthash(mac, msg, sizeof(msg), key);
	assert_hex_equal(mac, sizeof(mac), "e545be4961ca29a1");
}

static void a_cookie_is_about_one_thing_and_not_for_long(void **state)
{
	struct cookie_jar jar, other;
	uint8_t cookie[COOKIE_LEN];

	(void)state;
	memcpy(jar.seed, seed_of(1), sizeof(jar.seed));
	memcpy(other.seed, seed_of(2), sizeof(other.seed));
	for (ms_t begin = 0; begin < 3 * COOKIE_PERIOD; begin += 777) {
		cookie_make(&jar, "you", 3, begin, cookie);
		assert_false(sodium_is_zero(cookie, sizeof(cookie)));
		assert_true(cookie_check(&jar, "you", 3, begin, cookie));
		assert_true(cookie_check(&jar, "you", 3, begin + COOKIE_PERIOD, cookie));
		assert_false(cookie_check(&jar, "you", 3, begin + COOKIE_LIFE, cookie));
		assert_false(cookie_check(&jar, "You", 3, begin, cookie));
		assert_false(cookie_check(&jar, "yo", 2, begin, cookie));
		assert_false(cookie_check(&other, "you", 3, begin, cookie));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_read_as_it_was_written),
		cmocka_unit_test(the_text_is_that_of_the_layout),
		cmocka_unit_test(every_wrong_token_says_what_is_wrong),
		cmocka_unit_test(every_mistyped_character_is_found),
		cmocka_unit_test(no_error_shows_the_token),
		cmocka_unit_test(every_admitter_knows_every_token),
		cmocka_unit_test(a_tokens_expiry_cannot_be_moved),
		cmocka_unit_test(a_revoked_token_is_refused_until_it_would_have_expired),
		cmocka_unit_test(revocations_do_not_grow_without_bound),
		cmocka_unit_test(a_cookies_mac_is_siphash),
		cmocka_unit_test(a_cookie_is_about_one_thing_and_not_for_long),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
