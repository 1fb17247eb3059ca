/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch - what the kernel says has changed
 *
 * Two sockets that only listen: rtnetlink for links, addresses, routes, neighbours
 * and FDB entries, nfnetlink for our tables.  This process's own changes are told,
 * too.  When more happens than is read, the kernel drops the rest and says so, once:
 * then everything has to be looked at.
 */
#ifndef NETD_WATCH_H
#define NETD_WATCH_H

#include <stdbool.h>

struct err;
struct ev_loop;
struct forward_said;
struct ifstate;
struct watch;

struct watch_events {
	void (*link)(void *ctx, const struct ifstate *s, bool gone);
	/* An address or a route of this interface is gone; or one came, which matters less. */
	void (*address)(void *ctx, int index);
	void (*entry)(void *ctx, const struct forward_said *said);
	/* Something was deleted from the filter's table. */
	void (*filter)(void *ctx);
	/* Something happened to a chain FORWARD of iptables. */
	void (*others)(void *ctx);
	/* From a table that all of heddle uses: an element with this tag; NULL: something else. */
	void (*claim)(void *ctx, const char *tag);
	void (*overrun)(void *ctx);
	void *ctx;
};

/* @events: copied.  Return: 0; -ENOMEM; the errno of a socket. */
int watch_new(struct ev_loop *loop, const struct watch_events *events, struct watch **ret,
	      struct err *e);
void watch_free(struct watch *w); /* NULL is none */

/* Read what has come: while much is being sent, which comes back as notifications. */
void watch_drain(struct watch *w);

#endif
