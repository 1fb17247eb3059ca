/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * addr - addresses on interfaces
 *
 * addr_put_*() queue a request on @nl, nl_commit() carries it out.
 *
 * Source: rtnetlink(7); linux/if_addr.h.
 */
#ifndef ADDR_H
#define ADDR_H

#include <stdint.h>

#include "lib/ip.h"

struct err;
struct nl;

struct addr {
	int index;	   /* interface */
	struct ip_net net; /* the local address and its prefix length */
	uint32_t flags;	   /* IFA_F_* */
	uint8_t scope;	   /* RT_SCOPE_* */
	uint8_t protocol;  /* of who set it (IFA_PROTO), 0: not known */
};

/**
 * addr_put_add() - queue: give an interface an address
 * @index:	interface
 * @net:	address with its host bits, and the prefix length; IPv4 gets its
 *		broadcast address too
 * @flags:	IFA_F_NODAD for IPv6 that needs no duplicate detection,
 *		IFA_F_NOPREFIXROUTE for no route to the subnet, or 0
 *
 * nl_commit() says -EEXIST if the interface has it already.
 */
void addr_put_add(struct nl *nl, int index, const struct ip_net *net, uint32_t flags);
/* The same, marked as set by @protocol; kernels before Linux 5.18 do not remember it. */
void addr_put_add_of(struct nl *nl, int index, const struct ip_net *net, uint32_t flags,
		     uint8_t protocol);
void addr_put_del(struct nl *nl, int index, const struct ip_net *net);

/**
 * addr_each() - the addresses of an interface, or of all
 * @index:	interface, 0 for all of the namespace
 * @fn:		called for each; a negative errno ends the walk and is returned
 * @data:	for @fn
 */
int addr_each(struct nl *nl, int index, int (*fn)(const struct addr *addr, void *data), void *data,
	      struct err *e);

/* Whether an interface has an address with that prefix length.  Return: 1, 0, or an errno. */
int addr_has(struct nl *nl, int index, const struct ip_net *net, struct err *e);

#endif
