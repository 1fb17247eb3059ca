/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway - the addresses of a network's bridge, and the routes to its subnets
 *
 * The gateway's address is the same on every node, so a packet that the host sends
 * with it is answered to whichever node is next.  The host's own packets have an
 * address that is this node's alone: routes to the subnets name it as their source,
 * and the gateway's address brings no route of its own.
 *
 * What is set here is marked with PLANE_PROTOCOL, by which a former configuration's
 * is found and removed.
 */
#ifndef NETD_GATEWAY_H
#define NETD_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct nl;
struct plane_subnet;

struct gateway_conf {
	int bridge;
	const struct plane_subnet *subnets;
	size_t n_subnets;
	const uint8_t *mac; /* of the bridge: its link-local address is made of it */
	bool forward;	    /* the host forwards what comes from there */
};

/**
 * gateway_ensure() - have addresses and routes as they should be
 * @nl:		rtnetlink socket with an empty queue
 * @ret_changed: how many were missing or too much
 *
 * Return: 0 or the kernel's errno.
 */
int gateway_ensure(struct nl *nl, const struct gateway_conf *conf, uint32_t *ret_changed,
		   struct err *e);

#endif
