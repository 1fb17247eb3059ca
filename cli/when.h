/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * when - points in time as people write them, for --filter until=
 *
 *	10m  1h30m  -1.5h			so long ago (Go's durations)
 *	1758524400  1758524400.5		seconds since 1970
 *	2026-11-22  2026-11-22T08:00  2026-11-22T08:00:00.5	local time
 *	2026-11-22T08:00:00Z  ...+02:00		RFC 3339
 *
 * Source: Docker's documentation of `until`; Go's time.ParseDuration.
 */
#ifndef WHEN_H
#define WHEN_H

#include <time.h>

/**
 * when_parse() - read a point in time
 * @now:	what durations count back from
 *
 * Return: 0, or -EINVAL.
 */
int when_parse(const char *text, const struct timespec *now, struct timespec *ret);

/* Whether @a is earlier than @b. */
static inline int when_is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

#endif
