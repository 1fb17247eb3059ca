/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_sent - what an engine under a fuzzer sends is dropped, once it has been looked at */
#ifndef OVERLAY_SENT_H
#define OVERLAY_SENT_H

#include "overlay/env.h"
#include "overlay/part.h"
#include "tests/fuzz/fuzz.h"

static inline void check_datagram(void *ctx, const struct peer *to, const uint8_t *plain,
				  size_t len)
{
	(void)ctx;
	(void)to;
	MUST(len > 0 && len <= DATAGRAM_ROOM);
	MUST(plain[0] < PART_KINDS);
}

static inline void check_stream(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	(void)ctx;
	(void)to;
	MUST(plain && len > 0 && len <= STREAM_ROOM);
}

#endif
