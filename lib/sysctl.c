/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl - see sysctl.h. */
#include "lib/sysctl.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static bool has_value(int fd, const char *value)
{
	char now[256];
	ssize_t n = read(fd, now, sizeof(now) - 1);

	if (n <= 0)
		return false;
	now[n] = '\0';
	now[strcspn(now, "\n")] = '\0';

	return strcmp(now, value) == 0;
}

int sysctl_set(const char *value, struct err *e, const char *fmt, ...)
{
	char path[PATH_MAX] = "/proc/sys/";
	AUTO_FD int fd = -1;
	AUTO_FD int out = -1;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + strlen(path), sizeof(path) - strlen(path), fmt, ap);
	va_end(ap);

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	if (has_value(fd, value))
		return 0;
	out = open(path, O_WRONLY | O_CLOEXEC);
	if (out < 0 || write(out, value, strlen(value)) < 0)
		return err_sys(e, errno, "write \"%s\" to %s", value, path);

	return 0;
}

int sysctl_enable_forwarding(uint8_t family, struct err *e)
{
	return family == AF_INET ? sysctl_set("1", e, "net/ipv4/ip_forward")
				 : sysctl_set("1", e, "net/ipv6/conf/all/forwarding");
}
