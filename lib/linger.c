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

#define KEEP_MAX 2

/*
 * Puts descriptors at 0, 1, …, and closes the rest.  They are parked out of the
 * way first, since one may stand where another goes.
 *
 * Return: whether that was done.
 */
static bool keep_only(const int *keep, size_t n)
{
	int parked[KEEP_MAX];

	for (size_t i = 0; i < n; i++) {
		parked[i] = fcntl(keep[i], F_DUPFD, KEEP_MAX);
		if (parked[i] < 0)
			return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (dup2(parked[i], (int)i) < 0)
			return false;
	}

	return syscall(SYS_close_range, (unsigned int)n, ~0U, 0) == 0;
}

/* ---- a child that does a job ------------------------------------------------- */

int linger_fork(int keep, void (*job)(void *data), void *data)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : 0;
	(void)setsid();
	if (keep_only(&keep, keep >= 0))
		job(data);
	_exit(0);
}

/* ---- a child that closes a socket -------------------------------------------- */

/* What a child has of its own; the rest of its memory is the caller's. */
struct handover {
	int keep[2]; /* the socket; a pipe that ends when the caller does */
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
	char byte;

	(void)setsid();
	if (!keep_only(h->keep, 2))
		_exit(1);
	while (read(1, &byte, 1) < 0 && errno == EINTR)
		;
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
	h->keep[0] = socket;
	h->keep[1] = lifeline[0];
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
