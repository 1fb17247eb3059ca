/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lock - see lock.h. */
#include "ipam/lock.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>

#include "lib/clock.h"

static void wake_up(int signal_number)
{
	(void)signal_number;
}

/* Without SA_RESTART the signal makes flock() fail with EINTR. */
static int wait_until(int fd, int64_t deadline)
{
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return -errno;
		if (clock_ms() >= deadline)
			return -ETIMEDOUT;
	}

	return 0;
}

static int wait_with_timer(int fd, int wait_ms)
{
	/* It goes on ticking, in case the first tick comes before flock() sleeps. */
	const struct itimerval timer = {
		.it_value = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 },
		.it_interval = { .tv_usec = 10 * 1000 },
	};
	const struct sigaction action = { .sa_handler = wake_up };
	struct sigaction old_action;
	struct itimerval old_timer;
	sigset_t alarm_only, old_mask;
	int r;

	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigaction(SIGALRM, &action, &old_action);
	sigprocmask(SIG_UNBLOCK, &alarm_only, &old_mask);
	setitimer(ITIMER_REAL, &timer, &old_timer);

	r = wait_until(fd, clock_ms() + wait_ms);

	setitimer(ITIMER_REAL, &old_timer, NULL);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	sigaction(SIGALRM, &old_action, NULL);

	return r;
}

int lock_take(int fd, int wait_ms)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;

	return wait_ms > 0 ? wait_with_timer(fd, wait_ms) : -ETIMEDOUT;
}
