/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * door - accepted connections, until they have said what they want
 *
 * Anybody may connect.  Few wait here at a time, fewer from one address, and
 * none for long.
 */
#ifndef NETD_DOOR_H
#define NETD_DOOR_H

#include "netd/conn.h"

#define DOOR_PLACES	32
#define DOOR_OF_ADDRESS 8

struct door;

struct door_ops {
	/* It wants @kind, which may be no kind: conn_assign() it, or conn_close() it. */
	void (*enters)(void *ctx, struct conn *c, enum conn_kind kind);
};

/* @ops: borrowed.  Return: NULL when there is no memory. */
struct door *door_new(struct ev_loop *loop, const struct door_ops *ops, void *ctx);
void door_free(struct door *d); /* NULL is none */

/* As port.h's accepted(). */
void door_accept(struct door *d, int fd, const struct port_path *path);

struct door_counters {
	uint64_t refused; /* no place */
	uint64_t silent;  /* said nothing, or nothing that makes sense */
};

const struct door_counters *door_counters(const struct door *d);

#endif
