/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ifstate - an interface in the detail that the plane compares
 *
 * More than lib/link.h reads: what a VXLAN device is set to, and how a bridge treats
 * a port.
 *
 * Source: linux/if_link.h; drivers/net/vxlan/vxlan_core.c; net/bridge/br_netlink.c.
 */
#ifndef NETD_IFSTATE_H
#define NETD_IFSTATE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct nl;
struct nlmsghdr;

/* Of a bridge port; also what to set. */
struct ifstate_port {
	bool learning;
	bool locked;
	bool neigh_suppress;
	bool flood, mcast_flood, bcast_flood;
};

struct ifstate {
	int index;
	char name[IFNAMSIZ];
	char kind[16];
	char alias[256];
	uint8_t mac[6];
	uint32_t mtu;
	unsigned int flags; /* IFF_* */
	int master;
	bool snooping; /* a bridge that looks into multicast */
	struct {
		uint32_t vni;
		uint16_t port;
		struct ip_addr local;
		bool learning;
	} vxlan;
	struct ifstate_port port;
};

/* Return: 1, 0 if there is none, or a negative errno. */
int ifstate_get(struct nl *nl, const char *name, struct ifstate *ret, struct err *e);

/* @fn: a negative errno ends the walk. */
int ifstate_each(struct nl *nl, int (*fn)(const struct ifstate *s, void *data), void *data,
		 struct err *e);

/* Of a notification, or an answer.  Return: whether it is of an interface. */
bool ifstate_read(const struct nlmsghdr *nlh, struct ifstate *ret);

bool ifstate_port_equal(const struct ifstate_port *a, const struct ifstate_port *b);

/* Queue: make it a port of a bridge; treat a port so. */
void ifstate_put_master(struct nl *nl, const char *name, int bridge);
void ifstate_put_port(struct nl *nl, const char *name, const struct ifstate_port *port);

#endif
