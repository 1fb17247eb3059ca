/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * underlay - the host's links, addresses and routes, as the overlay stands on them
 *
 * libnl's caches follow the kernel; what is asked here is answered from them.
 * They are hints: a moment behind, and filled anew after an overrun.
 *
 * Containers' interfaces and bridges do not count: what heddle or Docker makes, and
 * whatever is down or a loopback.
 */
#ifndef NETD_UNDERLAY_H
#define NETD_UNDERLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct ev_loop;
struct underlay;

/* Return: 0; -ENOMEM; the errno of a netlink socket. */
int underlay_new(struct ev_loop *loop, struct underlay **ret, struct err *e);
void underlay_free(struct underlay *u); /* NULL is none */

/**
 * underlay_address() - the address that this host should be reached at
 * @family:	AF_INET, AF_INET6, or 0: IPv4 if there is one
 * @ret:	of the best default route's interface: its preferred source, or its
 *		first address that is not link-local, deprecated or temporary.  Without
 *		a default route the same of the first interface that has an address
 *
 * Return: whether there is one.
 */
bool underlay_address(const struct underlay *u, uint8_t family, struct ip_addr *ret);

/* Whether an interface of this host has that address. */
bool underlay_has(const struct underlay *u, const struct ip_addr *ip);

/* Whether it is a gateway's or this node's own in a network of the overlay: nobody outside has it.
 */
bool underlay_is_overlays(const struct underlay *u, const struct ip_addr *ip);

/**
 * underlay_mtu() - how large a packet from that address may be
 *
 * Return: the MTU of the interface that has it, or of a route that leaves from there
 * with a smaller one; 0: no interface has it.
 */
uint32_t underlay_mtu(const struct underlay *u, const struct ip_addr *ip);

/* @fn is called from the loop when an answer above may have changed; four at most, never removed.
 */
int underlay_on_change(struct underlay *u, void (*fn)(void *ctx), void *ctx, struct err *e);

struct underlay_counters {
	uint64_t changes;  /* that were told */
	uint64_t overruns; /* after which everything was read anew */
};

const struct underlay_counters *underlay_counters(const struct underlay *u);

#endif
