/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cookie - a number that only who hears us can know, without remembering it
 *
 * Whoever echoes the cookie that was sent to an address receives there, now.
 * It is a MAC (SipHash-2-4, keyed by a secret that changes every COOKIE_PERIOD
 * of the clock) of what it is for; it holds in the period it was made in and the
 * one after.
 */
#ifndef OVERLAY_COOKIE_H
#define OVERLAY_COOKIE_H

#include "overlay/env.h"

#define COOKIE_LEN	8
#define COOKIE_PERIOD	10000		    /* ms */
#define COOKIE_LIFE	(2 * COOKIE_PERIOD) /* ms: no cookie holds for longer */
#define COOKIE_SEED_LEN 32

struct cookie_jar {
	uint8_t seed[COOKIE_SEED_LEN]; /* random; drawn once in the life of a process */
};

/**
 * cookie_make() - the cookie for something, never all zeros
 * @about:	what it is for: address, ids, whatever the echo is to prove
 */
void cookie_make(const struct cookie_jar *jar, const void *about, size_t len, ms_t now,
		 uint8_t ret[COOKIE_LEN]);

/* Whether @cookie is one that cookie_make() made of @about less than COOKIE_LIFE ago. */
bool cookie_check(const struct cookie_jar *jar, const void *about, size_t len, ms_t now,
		  const uint8_t cookie[COOKIE_LEN]);

#endif
