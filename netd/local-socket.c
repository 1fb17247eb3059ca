/* SPDX-License-Identifier: GPL-2.0-or-later */
/* local-socket - see local-socket.h */
#include "netd/local-socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define BACKLOG 64

/* Whether the socket's file is left over from a process that is gone. */
static bool is_stale(const struct sockaddr_un *addr)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
	       errno == ECONNREFUSED;
}

static int bind_private(int fd, const struct sockaddr_un *addr)
{
	mode_t old = umask(0177);
	int r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;

	umask(old);

	return r;
}

static int bind_file(int fd, const struct sockaddr_un *addr, struct err *e)
{
	int r = bind_private(fd, addr);

	if (r == -EADDRINUSE && is_stale(addr)) {
		if (unlink(addr->sun_path) < 0)
			return err_sys(e, errno, "remove the old socket %s", addr->sun_path);
		r = bind_private(fd, addr);
	}
	if (r == -EADDRINUSE)
		return err_say(
			e, EADDRINUSE,
			"%s: another process listens there, or it is no socket: end that, or "
			"remove the file",
			addr->sun_path);

	return r < 0 ? err_sys(e, -r, "listen on %s", addr->sun_path) : 0;
}

static int let_in(const char *path, gid_t group, struct err *e)
{
	if (group == (gid_t)-1)
		return 0;
	if (chown(path, (uid_t)-1, group) < 0)
		return err_sys(e, errno, "give %s to group %u", path, group);
	if (chmod(path, 0660) < 0)
		return err_sys(e, errno, "let group %u use %s", group, path);

	return 0;
}

int local_socket_listen(const char *path, gid_t group, int *ret, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_FD int fd = -1;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_sys(e, ENAMETOOLONG, "listen on %s", path);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "listen on %s", path);
	r = bind_file(fd, &addr, e);
	if (r < 0)
		return r;
	r = let_in(path, group, e);
	if (r < 0)
		goto undo_bind;
	if (listen(fd, BACKLOG) < 0) {
		r = err_sys(e, errno, "listen on %s", path);
		goto undo_bind;
	}
	*ret = MOVE_FD(fd);

	return 0;

undo_bind:
	unlink(path);
	return r;
}
