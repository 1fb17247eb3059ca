/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cookie - see cookie.h. */
#include "overlay/cookie.h"

#include <assert.h>
#include <sodium.h>

static_assert(COOKIE_LEN == crypto_shorthash_BYTES, "of SipHash");
static_assert(COOKIE_SEED_LEN == crypto_kdf_KEYBYTES, "of the derivation");

static void cookie_of_period(const struct cookie_jar *jar, uint64_t period, const void *about,
			     size_t len, uint8_t ret[COOKIE_LEN])
{
	uint8_t key[crypto_shorthash_KEYBYTES];

	crypto_kdf_derive_from_key(key, sizeof(key), period, "hdcookie", jar->seed);
	crypto_shorthash(ret, about, len, key);
	sodium_memzero(key, sizeof(key));
	if (sodium_is_zero(ret, COOKIE_LEN))
		ret[0] = 1; /* zeros mean that there is none */
}

void cookie_make(const struct cookie_jar *jar, const void *about, size_t len, ms_t now,
		 uint8_t ret[COOKIE_LEN])
{
	cookie_of_period(jar, now / COOKIE_PERIOD, about, len, ret);
}

bool cookie_check(const struct cookie_jar *jar, const void *about, size_t len, ms_t now,
		  const uint8_t cookie[COOKIE_LEN])
{
	uint64_t period = now / COOKIE_PERIOD;
	uint8_t own[COOKIE_LEN];

	for (unsigned int ago = 0; ago < 2 && ago <= period; ago++) {
		cookie_of_period(jar, period - ago, about, len, own);
		if (sodium_memcmp(own, cookie, COOKIE_LEN) == 0)
			return true;
	}

	return false;
}
