/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route - routes of a namespace
 *
 * route_put_*() queue a request on @nl, nl_commit() carries it out.
 *
 * Source: rtnetlink(7); linux/rtnetlink.h.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct nl;

struct route {
	struct ip_net dst;    /* 0.0.0.0/0 or ::/0: the default route */
	struct ip_addr gw;    /* unset: none */
	struct ip_addr src;   /* preferred source, unset: the kernel's choice */
	int index;	      /* outgoing interface, 0: by the gateway */
	uint32_t table;	      /* 0: RT_TABLE_MAIN */
	uint32_t priority;    /* metric; 0: the kernel's default */
	uint32_t mtu, advmss; /* 0: the interface's */
	int scope;	      /* RT_SCOPE_*; -1: universe with a gateway, else link */
	uint8_t protocol;     /* RTPROT_*; 0: RTPROT_BOOT, as ip(8) */
	bool only;	      /* to be added only if no other has this dst, table and priority */
};

/*
 * nl_commit() says -EEXIST if this very route is there, or any if it is to be the only one.  One
 * that differs in its gateway or interface alone goes before what is there with IPv4, and shares
 * the traffic with IPv6.
 */
void route_put_add(struct nl *nl, const struct route *route);
void route_put_del(struct nl *nl, const struct route *route);

/**
 * route_each() - the unicast routes of a namespace, of every table but local
 * @family:	AF_INET, AF_INET6, or 0 for both
 * @fn:		called for each; a negative errno ends the walk and is returned
 * @data:	for @fn
 */
int route_each(struct nl *nl, uint8_t family, int (*fn)(const struct route *route, void *data),
	       void *data, struct err *e);

/**
 * route_has() - whether a namespace has a route
 * @want:	what is looked for: destination, table and interface; gateway and
 *		priority where they are set.  A route of the main table that the sbr
 *		plugin has moved to another counts as there
 *
 * Return: 1, 0, or a negative errno.
 */
int route_has(struct nl *nl, const struct route *want, struct err *e);

#endif
