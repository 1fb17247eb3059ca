/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stopwatch - what something costs, to be told; how fast a machine is proves nothing */
#ifndef STOPWATCH_H
#define STOPWATCH_H

#include <time.h>

static inline double microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);

	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

#endif
