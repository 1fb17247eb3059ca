/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-clock - the engine's clock, and whether the machine slept or was copied meanwhile */
#include <stdlib.h>
#include <time.h>

#include "netd/cluster-private.h"

static int64_t read_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

ms_t cluster_now(const struct cluster *c)
{
	(void)c;

	return (ms_t)read_ms(CLOCK_BOOTTIME);
}

struct clocks clocks_read(void)
{
	int64_t boot = read_ms(CLOCK_BOOTTIME);

	return (struct clocks){ .slept_ms = boot - read_ms(CLOCK_MONOTONIC),
				.set_ms = read_ms(CLOCK_REALTIME) - boot };
}

/*
 * A machine that was asleep, or one whose memory was copied and that is told the
 * time anew.  A clock that was merely set looks the same, and costs some hellos.
 */
bool clocks_jumped(const struct clocks *was, const struct clocks *now)
{
	return llabs(now->slept_ms - was->slept_ms) > 1000 ||
	       llabs(now->set_ms - was->set_ms) > 5000;
}
