/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nslock - see nslock.h. */
#include "lib/nslock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define WAIT_MS	 30000
#define EVERY_MS 5

int nslock_take(int *ret, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = EVERY_MS * 1000000L };
	AUTO_FD int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open /proc/thread-self/ns/net");
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += EVERY_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "lock the network namespace");
		if (waited >= WAIT_MS)
			return err_cni(
				e, CNI_E_AGAIN,
				"other plugins have been changing iptables for 30 s: try again");
		nanosleep(&pause, NULL);
	}
	*ret = MOVE_FD(fd);

	return 0;
}
