/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http-loop - see http-loop.h */
#include "netd/http-loop.h"

#include <errno.h>
#include <unistd.h>

#include "lib/err.h"

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct http_loop *h = w->data;

	(void)loop;
	(void)events;
	MHD_run(h->daemon);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http_loop *h = w->data;

	(void)loop;
	(void)events;
	MHD_run(h->daemon);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct http_loop *h = w->data;
	MHD_UNSIGNED_LONG_LONG ms;

	(void)events;
	ev_timer_stop(loop, &h->timer);
	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return;
	ev_timer_set(&h->timer, (double)ms / 1000., 0.);
	ev_timer_start(loop, &h->timer);
}

static void watch(struct http_loop *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	ev_io_init(&h->io, on_io, info->epoll_fd, EV_READ);
	ev_timer_init(&h->timer, on_timer, 0., 0.);
	ev_prepare_init(&h->prepare, on_prepare);
	h->io.data = h->timer.data = h->prepare.data = h;
	ev_io_start(h->loop, &h->io);
	ev_prepare_start(h->loop, &h->prepare);
}

int http_loop_start(struct http_loop *h, struct ev_loop *loop, int fd,
		    const struct http_limits *limits, MHD_AccessHandlerCallback answer,
		    MHD_RequestCompletedCallback completed, void *ctx, struct err *e)
{
	h->loop = loop;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
				     answer, ctx, MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_NOTIFY_COMPLETED, completed, ctx,
				     MHD_OPTION_CONNECTION_TIMEOUT, limits->idle_s,
				     MHD_OPTION_CONNECTION_LIMIT, limits->connections,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits->headers,
				     MHD_OPTION_END);
	if (!h->daemon) {
		close(fd);
		return err_say(e, EIO, "serve HTTP: libmicrohttpd does not start");
	}
	watch(h);

	return 0;
}

/* Run by an outer loop, libmicrohttpd is not woken by that: it has to be called. */
void http_loop_resume(struct http_loop *h, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	ev_feed_event(h->loop, &h->io, EV_READ);
}

void http_loop_stop(struct http_loop *h)
{
	if (!h->daemon)
		return;
	ev_io_stop(h->loop, &h->io);
	ev_timer_stop(h->loop, &h->timer);
	ev_prepare_stop(h->loop, &h->prepare);
	MHD_stop_daemon(h->daemon);
	h->daemon = NULL;
}
