/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish - ports of the host that lead to containers (portmap)
 *
 *	proto . port -> address . port			any address of the host
 *	host address . proto . port -> address . port	one of them
 *
 * A mapping is one element of a map, so a packet's way and the cost of an ADD
 * or DEL are the same with ten mappings or ten thousand.  A key belongs to who
 * claimed it (claim.h): a second claim is an error that names the first, and
 * the DEL of the one who was refused leaves the other's mapping alone.  Where a
 * network has conditions (gate.h), a second element beside each says so.
 *
 * Source: docs/nftables.md, "Published ports".
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/owner.h"

struct err;
struct gate;
struct gc;
struct nl;

struct publish_port {
	uint8_t proto;		  /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	uint16_t host_port, port; /* on the host, in the container; neither is 0 */
	struct ip_addr host_ip;	  /* 0.0.0.0 or ::: every one of that family */
};

/* An attachment's mappings; all borrowed. */
struct publish {
	const struct owner *owner;
	const char *container_id;
	const char *ifname; /* host interface that leads to the container, "" if there is none */
	struct ip_addr ip4, ip6;	  /* the container's; unset: none of that family */
	const struct publish_port *ports; /* by protocol, port and address, none twice */
	size_t n_ports;
	bool snat;			  /* also for the container itself, and for 127.0.0.1 */
	bool masq_all;			  /* everybody comes with the host's address */
	const struct gate *gate4, *gate6; /* conditions on which they are open */
};

/**
 * publish_add() - open the ports
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @p:		the attachment
 *
 * A port of one host address under somebody's mapping of the same port for any
 * address is refused; the other way round the specific ones go first.  Engines
 * ask for a container's ports at each of its networks: a port that another
 * attachment of the same container holds is left to that one.
 *
 * Return: 0; -EEXIST naming the holder of a port; -EAGAIN with CNI_E_AGAIN; or
 * another errno.  On failure no port was opened.
 */
int publish_add(struct nl *nl, const struct publish *p, struct err *e);

/**
 * publish_del() - close the ports again
 * @p:		the attachment; its elements are searched by owner if they are not
 *		as its ports and gates say, or if it has no address that could be asked for
 *
 * Return: how many elements were removed, 0 if there were none, or a negative
 * errno.  What another attachment holds is left alone.
 */
int publish_del(struct nl *nl, const struct publish *p, struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if a mapping is not as publish_add() makes it. */
int publish_check(struct nl *nl, const struct publish *p, struct err *e);

/* Remove what is garbage in @gc's network.  Return: how many elements, or a negative errno. */
int publish_gc(struct nl *nl, const struct gc *gc, struct err *e);

#endif
