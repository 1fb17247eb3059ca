/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify - see notify.h */
#include "netd/notify.h"

#include <errno.h>
#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "netd/log.h"

#define LOG_AREA "notify"

static void send_text(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	AUTO_FD int fd = -1;
	size_t len = path ? strlen(path) : 0;

	if (len == 0 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@') /* an abstract name */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warning("tell %s: %s", path, strerror(errno));
}

void notify_ready(void)
{
	send_text("READY=1");
}

void notify_reloading(void)
{
	char text[64];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	send_text(text);
}

void notify_stopping(void)
{
	send_text("STOPPING=1");
}

/* ---- the watchdog ---------------------------------------------------------------- */

static ev_timer watchdog;

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
	send_text("WATCHDOG=1");
}

/* Source: sd_watchdog_enabled(3).  Return: microseconds, 0: not asked for. */
static unsigned long long watchdog_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!us || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;

	return strtoull(us, NULL, 10);
}

void notify_watchdog_start(struct ev_loop *loop)
{
	double every = (double)watchdog_us() / 2e6;

	ev_init(&watchdog, on_watchdog);
	if (every <= 0)
		return;
	ev_timer_set(&watchdog, every, every);
	ev_timer_start(loop, &watchdog);
	ev_unref(loop); /* it alone is no reason to go on */
}

void notify_watchdog_stop(struct ev_loop *loop)
{
	if (!ev_is_active(&watchdog))
		return;
	ev_ref(loop);
	ev_timer_stop(loop, &watchdog);
}
