/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn - one TCP connection between two nodes, as messages with a length
 *
 * Both sides begin in the clear.  Who connects says what it wants and at which
 * port it listens, the other one says where it sees it:
 *
 *	 0 4	"hdl1"
 *	 4 1	enum conn_kind
 *	 5 1	0
 *	 6 2	port, little-endian
 *
 *	 0 4	"hdl1"
 *	 4 1	4 or 6
 *	 5 1	0
 *	 6 2	port, little-endian
 *	 8 16	address; of IPv4 the first 4, zeros behind it
 *
 * Nothing vouches for either.  Then both send messages: 4 bytes of length,
 * little-endian, and that many bytes.
 *
 * A message that is longer than the limit, an end without notice, and silence
 * end the connection.
 */
#ifndef NETD_CONN_H
#define NETD_CONN_H

#include "netd/port.h"

struct conn;

/* What a connection is for. */
enum conn_kind {
	CONN_ENGINE = 1,    /* sealed frames */
	CONN_HANDSHAKE = 2, /* handshake.h */
};

#define CONN_UNSENT_MAX (1024 * 1024) /* bytes that wait to be sent */

struct conn_ops {
	/* It may be used from now on; of one that was accepted the kind is known. */
	void (*opened)(void *ctx, struct conn *c);
	/* @msg is borrowed for the call, which may close @c. */
	void (*message)(void *ctx, struct conn *c, const uint8_t *msg, size_t len);
	/* It is over, as @why (an errno, 0: the other side ended it) says; @c goes after this. */
	void (*closed)(void *ctx, struct conn *c, int why);
};

/* How a connection behaves; borrowed as long as it lives. */
struct conn_role {
	enum conn_kind kind; /* of who connects */
	uint32_t limit;	     /* bytes of a message that is received */
	unsigned int
		idle_s; /* of silence once it is open; a message that is not complete is silence */
	const struct conn_ops *ops;
};

/**
 * conn_open() - connect
 * @from:	address of ours; unset: the kernel chooses
 * @port:	where this node listens
 *
 * Return: NULL if it cannot even begin; then opened() or closed() follows.
 */
struct conn *conn_open(struct ev_loop *loop, const struct node_addr *to, const struct ip_addr *from,
		       uint16_t port, const struct conn_role *role, void *ctx);

/* Take over an accepted descriptor.  @role: until conn_assign().  Return: NULL: no memory. */
struct conn *conn_accept(struct ev_loop *loop, int fd, const struct port_path *path,
			 const struct conn_role *role, void *ctx);

/* Another role, inside opened() of an accepted one. */
void conn_assign(struct conn *c, const struct conn_role *role, void *ctx);

/* From now on messages of another length are received. */
void conn_set_limit(struct conn *c, uint32_t limit);

enum conn_kind conn_kind(const struct conn *c);
bool conn_is_open(const struct conn *c);

/* Where the other side listens: of one that was accepted, by its own word for the port. */
const struct node_addr *conn_peer(const struct conn *c);
/* Where the other side, by its own word, sees this one.  Of one that connected and is open. */
const struct node_addr *conn_seen_at(const struct conn *c);
/* The address of ours that it runs from. */
struct ip_addr conn_local(const struct conn *c);

/* Return: 0; -ENOBUFS: too much waits; -ENOMEM; -ENOTCONN: not open. */
int conn_send(struct conn *c, const uint8_t *msg, size_t len);

/* No closed() follows; conn_finish() sends first what waits. */
void conn_close(struct conn *c);
void conn_finish(struct conn *c);

#endif
