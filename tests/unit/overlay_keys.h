/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_keys - bytes from text, and identities that are the same in every run */
#ifndef OVERLAY_KEYS_H
#define OVERLAY_KEYS_H

#include <sodium.h>

#include "overlay/identity.h"

/* Bytes of @text, which has two hexadecimal digits for each of them.  Return: how many. */
static inline size_t from_hex(const char *text, uint8_t *ret, size_t cap)
{
	size_t n = 0;

	assert_int_equal(sodium_hex2bin(ret, cap, text, strlen(text), NULL, &n, NULL), 0);

	return n;
}

static inline void assert_hex_equal(const uint8_t *bytes, size_t len, const char *text)
{
	char hex[1024];

	assert_true(len < sizeof(hex) / 2);
	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), bytes, len), text);
}

/* 32 bytes that look random and are not. */
static inline const uint8_t *seed_of(uint8_t n)
{
	static uint8_t seed[randombytes_SEEDBYTES];

	memset(seed, n, sizeof(seed));
	randombytes_buf_deterministic(seed, sizeof(seed), seed);

	return seed;
}

static inline struct identity identity_of(uint8_t n)
{
	struct identity i;

	identity_init(&i, seed_of(n));

	return i;
}

static inline int start_sodium(void **state)
{
	(void)state;

	return sodium_init() < 0 ? -1 : 0;
}

#endif
