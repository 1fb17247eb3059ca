/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock - milliseconds for deadlines; never the wall clock, which can jump */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
