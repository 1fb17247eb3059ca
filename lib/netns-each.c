/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-each - the namespaces of other containers, by the mount table
 *
 * Source: proc(5), /proc/PID/mountinfo: the root of an nsfs mount is
 * "net:[inode]".
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netns.h"

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* The kernel writes white space and backslashes in a path as \ and three octal digits. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		unsigned int c;

		if (sscanf(from, "\\%3o", &c) == 1) {
			*to = (char)c;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

struct seen {
	ino_t *list;
	size_t n;
};

static bool is_seen(const struct seen *seen, ino_t inode)
{
	for (size_t i = 0; i < seen->n; i++) {
		if (seen->list[i] == inode)
			return true;
	}

	return false;
}

static int add_seen(struct seen *seen, ino_t inode, struct err *e)
{
	ino_t *bigger = reallocarray(seen->list, seen->n + 1, sizeof(*bigger));

	if (!bigger)
		return err_sys(e, ENOMEM, "list the network namespaces");
	seen->list = bigger;
	seen->list[seen->n++] = inode;

	return 0;
}

/* Whether a line is of a namespace's mount: which one, and where. */
static bool parse_line(const char *line, ino_t *ret, char path[PATH_MAX])
{
	unsigned long inode;

	/* ID, parent, device, root, mount point */
	if (sscanf(line, "%*s %*s %*s net:[%lu] %4095s", &inode, path) != 2)
		return false;
	unescape(path);
	*ret = (ino_t)inode;

	return true;
}

static int see_self(struct seen *seen, struct err *e)
{
	AUTO_FD int self = netns_open_self(e);
	struct stat st;

	if (self < 0)
		return self;
	if (fstat(self, &st) < 0)
		return err_sys(e, errno, "look at /proc/thread-self/ns/net");

	return add_seen(seen, st.st_ino, e);
}

static int visit(const char *path, int (*fn)(int fd, const char *path, void *data, struct err *e),
		 void *data, struct err *e)
{
	AUTO_FD int fd = netns_open(path, e);

	if (fd < 0)
		return netns_is_gone(fd) ? 0 : fd;

	return fn(fd, path, data, e);
}

int netns_each(int (*fn)(int fd, const char *path, void *data, struct err *e), void *data,
	       struct err *e)
{
	AUTO(close_file) FILE *mounts = fopen("/proc/thread-self/mountinfo", "re");
	AUTO_FREE char *line = NULL;
	struct seen seen = { 0 };
	char path[PATH_MAX];
	size_t size = 0;
	ino_t inode;
	int r;

	if (!mounts)
		return err_sys(e, errno, "open /proc/thread-self/mountinfo");
	r = see_self(&seen, e);
	while (getline(&line, &size, mounts) >= 0) {
		struct err next = { 0 };
		int each;

		if (!parse_line(line, &inode, path) || is_seen(&seen, inode))
			continue;
		each = add_seen(&seen, inode, &next);
		if (each == 0)
			each = visit(path, fn, data, &next);
		r = err_keep(r, e, each, &next);
	}
	if (ferror(mounts))
		r = r < 0 ? r : err_sys(e, EIO, "read /proc/thread-self/mountinfo");
	free(seen.list);

	return r;
}
