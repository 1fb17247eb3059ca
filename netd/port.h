/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port - the sockets on which a node is heard: UDP and TCP of one port number
 *
 * One pair of sockets for each address that netd listens on; of a wildcard
 * address the kernel says with each datagram which address it was sent to, and
 * the answer goes out from that one.  What is read here is bytes from anybody:
 * nothing is believed, and a reading is bounded, so that a flood of datagrams
 * leaves time for the rest of the loop.
 */
#ifndef NETD_PORT_H
#define NETD_PORT_H

#include "overlay/node.h"

struct err;
struct ev_loop;
struct port;

/* Which way something came; an answer goes back the same way. */
struct port_path {
	struct node_addr from; /* of the sender */
	struct ip_addr local;  /* address of ours that it was sent to; unset: not known */
};

struct port_ops {
	/* A datagram of 1 to DATAGRAM_MAX bytes; @data is borrowed. */
	void (*datagram)(void *ctx, const struct port_path *path, const uint8_t *data, size_t len);
	/* A connection; @fd, which does not block, is the callee's now. */
	void (*accepted)(void *ctx, int fd, const struct port_path *path);
};

/**
 * port_open() - listen
 * @addrs:	@n of them, of any family; an unspecified one is all addresses of its
 *		family, of IPv6 only for "::".  One that this host does not have yet
 *		is listened on as soon as it has it
 * @ops:	borrowed
 * @ctx:	first argument of every op
 *
 * Return: 0; the errno of the socket call, with the address in @e.
 */
int port_open(struct ev_loop *loop, const struct node_addr *addrs, size_t n,
	      const struct port_ops *ops, void *ctx, struct port **ret, struct err *e);
void port_close(struct port *p); /* NULL is none */

/*
 * Hand over all datagrams that wait: after a pause, and before timers that they
 * may make needless.
 */
void port_drain(struct port *p);

/**
 * port_send() - send one datagram
 * @from:	address to send from; unset: the kernel chooses
 *
 * Return: 0, or a negative errno: it was not sent, which is counted.
 */
int port_send(struct port *p, const struct node_addr *to, const struct ip_addr *from,
	      const uint8_t *data, size_t len);

/**
 * port_source() - which address of this host the kernel sends from
 * @to:		somebody
 *
 * Return: 0, or the errno of the lookup: there is no route.
 */
int port_source(const struct node_addr *to, struct ip_addr *ret);

struct port_counters {
	uint64_t datagrams_in, datagrams_out;
	uint64_t bytes_in, bytes_out;
	uint64_t giant;		 /* longer than DATAGRAM_MAX: dropped unread */
	uint64_t empty;		 /* without a byte */
	uint64_t kernel_dropped; /* the receive buffer was full */
	uint64_t send_full;	 /* the send buffer was full: lost, as on a network */
	uint64_t send_failed;	 /* no route, no such address of ours, … */
	uint64_t accepted;
	uint64_t accept_failed;
};

const struct port_counters *port_counters(const struct port *p);

#endif
