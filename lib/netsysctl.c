/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netsysctl - see netsysctl.h. */
#include "lib/netsysctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"

/* net.ipv4.ip_local_reserved_ports is the longest: every second port, as text. */
#define VALUE_MAX (256u << 10)

/* ---- keys ---------------------------------------------------------------- */

/* @key with '/' between names; runs of separators count as one, and at the ends as none. */
static int to_path(const char *key, char *to, size_t size)
{
	const char *first = strpbrk(key, "./");
	char separator = first ? *first : '.';
	size_t len = 0;

	for (; *key; key++) {
		char c = *key;

		if (c == separator)
			c = '/';
		else if (c == '/')
			c = '.';
		if (c == '/' && (len == 0 || to[len - 1] == '/'))
			continue;
		if (len + 1 >= size)
			return -EINVAL;
		to[len++] = c;
	}
	len -= len > 0 && to[len - 1] == '/';
	to[len] = '\0';

	return 0;
}

static int put_ifname(const char *path, const char *ifname, char *to, size_t size)
{
	const char *at = strstr(path, "IFNAME");
	int before = at ? (int)(at - path) : (int)strlen(path);
	int n = snprintf(to, size, "%.*s%s%s", before, path, at ? ifname : "",
			 at ? at + strlen("IFNAME") : "");

	return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

/* Whether a name in @path is "." or "..", which would lead out of net/. */
static bool climbs(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len <= 2 && strspn(path, ".") == len)
			return true;
		path += len + (path[len] == '/');
	}

	return false;
}

int netsysctl_path(const char *key, const char *ifname, char ret[NETSYSCTL_PATH_SIZE])
{
	char plain[NETSYSCTL_PATH_SIZE], path[NETSYSCTL_PATH_SIZE];

	if (to_path(key, plain, sizeof(plain)) < 0 ||
	    put_ifname(plain, ifname, path, sizeof(path)) < 0 ||
	    strncmp(path, "net/", strlen("net/")) != 0 || climbs(path))
		return -EINVAL;
	memcpy(ret, path, sizeof(path));

	return 0;
}

/* ---- values -------------------------------------------------------------- */

static int open_setting(const char *path, int flags, struct err *e)
{
	char full[sizeof("/proc/sys/") + NETSYSCTL_PATH_SIZE];
	int fd;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, flags | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open %s", full);

	return fd;
}

int netsysctl_read(const char *path, char **ret, struct err *e)
{
	AUTO_FD int fd = open_setting(path, O_RDONLY, e);
	char *text;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	r = file_read(fd, VALUE_MAX, &text, &len);
	if (r < 0)
		return err_sys(e, -r, "read /proc/sys/%s", path);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	*ret = text;

	return 0;
}

int netsysctl_write(const char *path, const char *value, struct err *e)
{
	AUTO_FD int fd = open_setting(path, O_WRONLY, e);

	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) < 0)
		return err_sys(e, errno, "write \"%s\" to /proc/sys/%s", value, path);

	return 0;
}

static const char *skip_space(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;

	return s;
}

bool netsysctl_same(const char *a, const char *b)
{
	a = skip_space(a);
	b = skip_space(b);
	while (*a && *b) {
		if (isspace((unsigned char)*a) && isspace((unsigned char)*b)) {
			a = skip_space(a);
			b = skip_space(b);
		} else if (*a++ != *b++) {
			return false;
		}
	}

	return *skip_space(a) == '\0' && *skip_space(b) == '\0';
}
