/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease-file - see lease-file.h. */
#include "ipam/lease-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/cleanup.h"

int lease_file_read(int dir, const char *name, char *buf, int *ret_fd)
{
	AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, buf, LEASE_TEXT_MAX);
	if (len < 0)
		return -errno;
	if (ret_fd)
		*ret_fd = MOVE_FD(fd);

	return (int)len;
}

/* ---- a new one ----------------------------------------------------------- */

/* What a file is called until it is a lease, where O_TMPFILE is not known. */
#define BLANK_NAME ".heddle-new"

/* A lease that has no name yet, or where files cannot be without one, BLANK_NAME. */
struct blank {
	int dir; /* borrowed */
	int fd;
	bool named;
};

static void blank_close(struct blank *b)
{
	if (b->named)
		unlinkat(b->dir, BLANK_NAME, 0);
	cleanup_fd(&b->fd);
}

/* The lock makes one name enough; what a killed process left under it may be a lease by now. */
static int open_named(struct blank *b)
{
	if (unlinkat(b->dir, BLANK_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	b->fd = openat(b->dir, BLANK_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	b->named = b->fd >= 0;

	return b->fd < 0 ? -errno : 0;
}

static int blank_open(struct blank *b)
{
	b->fd = openat(b->dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (b->fd >= 0)
		return 0;

	return errno == EOPNOTSUPP || errno == EISDIR ? open_named(b) : -errno;
}

static int blank_write(const struct blank *b, const struct lease_owner *o,
		       const struct lease_host *host)
{
	char stamp[LEASE_STAMP_LEN + 1];
	size_t stamp_len = lease_stamp_write(host, stamp);
	ssize_t put = write(b->fd, o->text, o->len);

	if (put < 0)
		return -errno;
	if ((size_t)put != o->len)
		return -ENOSPC;

	/* Without a stamp, because they are not to be had here, it is never reclaimed. */
	if (stamp_len > 0)
		(void)fsetxattr(b->fd, LEASE_STAMP_XATTR, stamp, stamp_len, 0);

	return 0;
}

static int blank_link(const struct blank *b, const char *name)
{
	char path[32];

	if (b->named)
		return linkat(b->dir, BLANK_NAME, b->dir, name, 0) < 0 ? -errno : 0;
	if (linkat(b->fd, "", b->dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;

	/* Without CAP_DAC_READ_SEARCH, as in a user namespace, this is the way. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);

	return linkat(AT_FDCWD, path, b->dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int lease_file_create(int dir, const char *name, const struct lease_owner *o,
		      const struct lease_host *host)
{
	AUTO(blank_close) struct blank b = { .dir = dir, .fd = -1 };
	int r = blank_open(&b);

	if (r == 0)
		r = blank_write(&b, o, host);

	return r < 0 ? r : blank_link(&b, name);
}
