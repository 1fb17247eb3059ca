/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linger - see linger.h. */
#include "lib/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/nl.h"

/* ---- a child that may do a job --------------------------------------------- */

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

/* The end of the calling process is the end of its side of the pipe. */
static void wait_for_end(int lifeline)
{
	char byte;

	while (read(lifeline, &byte, 1) < 0 && errno == EINTR)
		;
}

static void __attribute__((noreturn))
child(const int *keep, size_t n, int lifeline, void (*job)(void *data), void *data)
{
	(void)setsid();
	/* With the pipes still open, its own lifeline among them, it would stay for ever. */
	if (!keep_only(keep, n, lifeline))
		_exit(1);
	if (job)
		job(data);
	wait_for_end((int)n);
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

/* ---- a child that closes a socket -------------------------------------------- */

/* What a child has of its own; the rest of its memory is the caller's. */
struct handover {
	int socket, lifeline;
	char stack[16384] __attribute__((aligned(16)));
};

/*
 * No more than system calls, as the caller goes on at the same time.  errno is
 * the caller's as well: a call that fails here, which none should, can spoil the
 * words of an error there, no more.
 */
static int sit_out(void *data)
{
	const struct handover *h = data;

	(void)setsid();
	if (!keep_only(&h->socket, 1, h->lifeline))
		_exit(1);
	wait_for_end(1);
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	_exit(0);
}

static void hand_over(int socket)
{
	/* Never unmapped: the child stands on it until this process has ended, and longer. */
	struct handover *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int lifeline[2];

	if (h == MAP_FAILED || pipe2(lifeline, O_CLOEXEC) < 0)
		return;
	h->socket = socket;
	h->lifeline = lifeline[0];
	/* The other end stays open for as long as this process lives. */
	if (clone(sit_out, h->stack + sizeof(h->stack), CLONE_VM | SIGCHLD, h) < 0)
		close(lifeline[1]);
	close(lifeline[0]);
}

void linger_close(struct nl *nl)
{
	if (nl)
		hand_over(nl_fd(nl));
	nl_close(nl);
}

void linger_closep(struct nl **nl)
{
	linger_close(*nl);
}
