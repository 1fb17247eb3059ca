/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-bridge - Docker's networks of this host, in the kernel
 *
 *	container eth0 -- veth -- hv<hash> -- port of -- hb-<id> (the gateway's addresses)
 *
 * The driver makes the pair and leaves the container's end on the host: dockerd
 * moves it, names it, and gives it its addresses and routes.  Everything is found
 * again by the marks of lib/owner.h, (NetworkID, EndpointID, "docker").
 */
#ifndef NETD_DOCKER_BRIDGE_H
#define NETD_DOCKER_BRIDGE_H

#include <stddef.h>

#include "netd/docker-network.h"

struct docker;
struct err;
struct publish_port;

/*
 * Make the bridge, with the gateways' addresses, or find it as it should be.  @n->adopted
 * becomes whether it was there.  Return: 0, or a negative errno: nothing was made.
 */
int docker_bridge_create(struct docker *k, struct docker_network *n, struct err *e);

/* Return: 0, also if it is gone, or was not made by us. */
int docker_bridge_delete(struct docker *k, const struct docker_network *n, struct err *e);

/**
 * docker_bridge_pair() - the pair alone, with its port on a bridge
 * @mtu:	0: the kernel's default
 * @ret:	name of the container's end
 *
 * One that an earlier try left is made anew.  Return: 0, or a negative errno: there is none.
 */
int docker_bridge_pair(struct docker *k, const char *bridge, uint32_t mtu,
		       const struct docker_endpoint *ep, char ret[IFNAMSIZ], struct err *e);

/* Return: 0, also if there is none. */
int docker_bridge_unpair(struct docker *k, const struct docker_endpoint *ep, struct err *e);

/* Whether the pair is there, and dockerd has moved its end.  Return: 1, 0, or a negative errno. */
int docker_bridge_has_container(struct docker *k, const struct docker_endpoint *ep, struct err *e);

/**
 * docker_bridge_join() - make the pair, and let it forward
 * @ret:	name of the container's end
 *
 * Return: 0, or a negative errno: nothing was made.
 */
int docker_bridge_join(struct docker *k, const struct docker_network *n,
		       const struct docker_endpoint *ep, char ret[IFNAMSIZ], struct err *e);

/* Undo it, and what is published.  Return: 0, also if there is nothing. */
int docker_bridge_leave(struct docker *k, const struct docker_network *n,
			const struct docker_endpoint *ep, struct err *e);

/* Open ports of the host, by protocol, port and address.  Return: 0, or as publish_add(). */
int docker_bridge_publish(struct docker *k, const struct docker_network *n,
			  const struct docker_endpoint *ep, const struct publish_port *ports,
			  size_t n_ports, struct err *e);
int docker_bridge_unpublish(struct docker *k, const struct docker_network *n,
			    const struct docker_endpoint *ep, struct err *e);

#endif
