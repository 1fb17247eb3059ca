/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linger - see linger.h. */
#include "lib/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Puts the kept descriptors and the lifeline at 0, 1, …, and closes the rest.
 * They are parked out of the way first, since one may stand where another goes.
 *
 * Return: whether that was done.
 */
static bool keep_only(const int *keep, size_t n, int lifeline)
{
	int parked[LINGER_KEEP_MAX + 1];

	for (size_t i = 0; i <= n; i++) {
		parked[i] = fcntl(i < n ? keep[i] : lifeline, F_DUPFD, LINGER_KEEP_MAX + 1);
		if (parked[i] < 0)
			return false;
	}
	for (size_t i = 0; i <= n; i++) {
		if (dup2(parked[i], (int)i) < 0)
			return false;
	}

	return syscall(SYS_close_range, (unsigned int)n + 1, ~0U, 0) == 0;
}

static void __attribute__((noreturn))
child(const int *keep, size_t n, int lifeline, void (*job)(void *data), void *data)
{
	char byte;

	(void)setsid();
	/* With the pipes still open, its own lifeline among them, it would stay for ever. */
	if (!keep_only(keep, n, lifeline))
		_exit(1);
	if (job)
		job(data);
	/* The end of the calling process is the end of the pipe. */
	while (read((int)n, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int linger_fork(const int *keep, size_t n_keep, void (*job)(void *data), void *data)
{
	int given[LINGER_KEEP_MAX], lifeline[2];
	size_t n = 0;
	pid_t pid;

	for (size_t i = 0; i < n_keep; i++) {
		if (keep[i] >= 0)
			given[n++] = keep[i];
	}
	if (pipe2(lifeline, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int saved = errno;

		close(lifeline[0]);
		close(lifeline[1]);
		return -saved;
	}
	if (pid == 0)
		child(given, n, lifeline[0], job, data);
	/* The other end stays open for as long as this process lives. */
	close(lifeline[0]);

	return 0;
}
