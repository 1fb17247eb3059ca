/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel - the bridge of a network, and the VXLAN device that is its way out
 *
 * The VXLAN device learns nothing and floods nothing but what it is told to; as a
 * port of the bridge it answers ARP and neighbour solicitations from the bridge's
 * neighbour table.  The bridge has the gateway's MAC, which is the same on every
 * node; the VXLAN device has this node's own, since it drops what comes from its
 * own MAC, and every node sends with the gateway's.
 *
 * Both bear the network's id in their alias; what has none is not ours.
 */
#ifndef NETD_TUNNEL_H
#define NETD_TUNNEL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"
#include "overlay/row.h"

struct err;
struct ifstate;
struct nl;

struct tunnel_conf {
	struct network_id id;
	const char *name; /* of the network, for people */
	char bridge[IFNAMSIZ], vxlan[IFNAMSIZ];
	uint32_t vni;
	uint16_t port;
	struct ip_addr local;
	uint32_t mtu;
	uint8_t gateway_mac[6]; /* of the bridge */
	uint8_t own_mac[6];	/* of the VXLAN device */
	bool multicast;		/* broadcast and multicast may leave by the VXLAN device */
};

struct tunnel {
	int bridge, vxlan; /* indices */
	bool new_bridge, new_vxlan;
	uint32_t changed; /* how many things had to be made or set */
};

/**
 * tunnel_ensure() - have both devices as they should be
 * @nl:		rtnetlink socket with an empty queue
 *
 * Changes only what differs.  A VXLAN device with another VNI, port or address
 * family is made anew.
 *
 * Return: 0; -EEXIST: another device has a name, or VNI and port; an errno of the
 * kernel.
 */
int tunnel_ensure(struct nl *nl, const struct tunnel_conf *conf, struct tunnel *ret, struct err *e);

/* The network that an interface is a device of.  Return: whether it is one. */
bool tunnel_is_of(const struct ifstate *s, struct network_id *ret);

/* Delete what of the two there is and is the network's, without waiting for the kernel. */
int tunnel_remove(struct nl *nl, const struct network_id *id, const char *bridge, const char *vxlan,
		  struct err *e);

#endif
