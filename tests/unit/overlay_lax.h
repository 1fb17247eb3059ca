/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_lax - an environment in which anybody can sign for anybody
 *
 * A signature holds if its first byte says so: for tests of what comes after that,
 * and for fuzzers, which guess a byte and not an Ed25519 signature.
 */
#ifndef OVERLAY_LAX_H
#define OVERLAY_LAX_H

#include <string.h>

#include "overlay/env.h"

/* The first byte of a signature that holds. */
#ifndef LAX_SIGNED
#define LAX_SIGNED 1
#endif

static inline void lax_sign(void *ctx, const uint8_t *msg, size_t len, uint8_t sig[NODE_SIG_LEN])
{
	(void)ctx;
	(void)msg;
	(void)len;
	memset(sig, LAX_SIGNED, NODE_SIG_LEN);
}

static inline bool lax_verify(void *ctx, const uint8_t key[NODE_KEY_LEN], const uint8_t *msg,
			      size_t len, const uint8_t sig[NODE_SIG_LEN])
{
	(void)ctx;
	(void)key;
	(void)msg;
	(void)len;

	return sig[0] == LAX_SIGNED;
}

static inline bool lax_admitted(void *ctx, const uint8_t key[NODE_KEY_LEN], const char *name,
				const uint8_t admission[NODE_SIG_LEN])
{
	(void)ctx;
	(void)key;
	(void)name;

	return admission[0] == LAX_SIGNED;
}

#endif
