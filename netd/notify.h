/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify - tell the service manager how it stands, by one datagram
 *
 * Nothing happens where $NOTIFY_SOCKET is not set.
 *
 * Source: sd_notify(3), "Notes", which invites to do it without its library.
 */
#ifndef NETD_NOTIFY_H
#define NETD_NOTIFY_H

struct ev_loop;

void notify_ready(void);
void notify_reloading(void); /* then notify_ready() */
void notify_stopping(void);

/* Say every now and then that the loop goes round, if the manager asked for that. */
void notify_watchdog_start(struct ev_loop *loop);
void notify_watchdog_stop(struct ev_loop *loop);

#endif
