/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http-loop - libmicrohttpd, which reads HTTP, inside netd's loop
 *
 * It makes no thread: the loop watches the one descriptor of its epoll, and the time
 * at which it wants to run next.
 *
 * Source: libmicrohttpd(3), "external select loop".
 */
#ifndef NETD_HTTP_LOOP_H
#define NETD_HTTP_LOOP_H

#include <ev.h>
#include <microhttpd.h>
#include <stddef.h>

struct err;

struct http_limits {
	unsigned int connections; /* at a time; more wait to be accepted */
	unsigned int idle_s;	  /* until a connection that says nothing is closed */
	size_t headers;		  /* bytes of a request's line and headers */
};

/* Storage of the caller's, zeroed; its members are http-loop.c's. */
struct http_loop {
	struct ev_loop *loop;
	struct MHD_Daemon *daemon; /* NULL: not started */
	ev_io io;
	ev_timer timer;
	ev_prepare prepare; /* asks when it wants to run next */
};

/**
 * http_loop_start() - answer requests
 * @loop:	borrowed
 * @fd:		a listening socket; taken over in any case
 * @answer:	as libmicrohttpd's MHD_AccessHandlerCallback; it may suspend a connection
 * @completed:	as its MHD_RequestCompletedCallback, or NULL
 * @ctx:	first argument of both
 *
 * Return: 0; -EIO: it cannot be set up.
 */
int http_loop_start(struct http_loop *h, struct ev_loop *loop, int fd,
		    const struct http_limits *limits, MHD_AccessHandlerCallback answer,
		    MHD_RequestCompletedCallback completed, void *ctx, struct err *e);

/* Go on with a connection that was suspended. */
void http_loop_resume(struct http_loop *h, struct MHD_Connection *connection);

/* Close all connections; none may be suspended.  Also one that was not started. */
void http_loop_stop(struct http_loop *h);

#endif
