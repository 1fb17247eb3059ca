/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge - the bridge of a network, and the addresses it has as its gateway
 *
 * A bridge belongs to its network, not to an attachment: the first ADD makes
 * it and it stays until the network is removed.  Any number of ADDs may get
 * here at once.
 */
#ifndef BRIDGE_H
#define BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/link.h"

struct err;
struct nl;

#define BRIDGE_PORTS_MAX 1023 /* the kernel's BR_MAX_PORTS, less the number 0 */

struct bridge_conf {
	const char *name;
	uint32_t mtu; /* 0: the kernel's default */
	bool promisc;
	bool vlan_filtering; /* needs CONFIG_BRIDGE_VLAN_FILTERING */
};

/**
 * bridge_find() - look a bridge up
 *
 * Return: 1 if it is there, 0 if not; -EINVAL with CNI_E_CONFIG if the
 * interface of that name is no bridge.
 */
int bridge_find(struct nl *nl, const char *name, struct link *ret, struct err *e);

/**
 * bridge_ensure() - make sure that a bridge is there, up and as configured
 * @conf:	what it should be; the MTU is given at creation only
 * @bridge:	what bridge_find() found, index 0 if nothing; then the bridge
 *
 * A new bridge has a fixed MAC, so that ports that come and go do not change
 * it, and takes no IPv6 router advertisements.
 *
 * Return: 0; -EINVAL with CNI_E_CONFIG if the name is taken by something else,
 * or with CNI_E_FIELD if the kernel cannot filter VLANs.
 */
int bridge_ensure(struct nl *nl, const struct bridge_conf *conf, struct link *bridge,
		  struct err *e);

/**
 * bridge_set_gateway() - give an interface the gateway's address, and forward
 * @index:	the bridge
 * @gateway:	address with the subnet's prefix length
 * @own:	the addresses that belong to the same network; others are in the way
 * @n_own:	how many
 * @force:	replace an address that is in the way: of IPv4 any other, of
 *		IPv6 one whose subnet overlaps
 *
 * Return: 0; -EEXIST with CNI_E_CONFIG naming the address in the way.
 */
int bridge_set_gateway(struct nl *nl, int index, const struct ip_net *gateway,
		       const struct ip_net *own, size_t n_own, bool force, struct err *e);

/**
 * bridge_vlan_gateway() - the interface with the gateway's addresses in a VLAN
 * @bridge:	a bridge that filters VLANs
 * @vlan:	1..4094
 * @ret:	the interface, named BRIDGE.VLAN; made if it is not there
 *
 * It is one end of a veth pair whose other end is a port of @bridge that sees
 * @vlan, untagged, and nothing else.
 *
 * Return: 0; -EINVAL with CNI_E_CONFIG if the name is too long or taken.
 */
int bridge_vlan_gateway(struct nl *nl, const struct link *bridge, uint16_t vlan, struct link *ret,
			struct err *e);

/* How many interfaces are ports of the bridge with index @index.  Return: 0 or a negative errno. */
int bridge_count_ports(struct nl *nl, int index, size_t *ret, struct err *e);

/**
 * bridge_say_port() - why an interface could not become a port
 * @bridge:	of which it should
 * @r:		what the kernel said, which @e has
 *
 * "Exchange full" is told as what it is: the bridge has all the ports that it can have.
 *
 * Return: @r; -EBUSY with CNI_E_UNAVAILABLE if the bridge is full.
 */
int bridge_say_port(struct nl *nl, const struct link *bridge, int r, struct err *e);

/**
 * bridge_filter_ip() - hand what passes between a bridge's ports to the rules for IP
 * @name:	the bridge, and no other: the sysctls that do it for all stay as they are
 *
 * It stays so.  Needs the kernel module br_netfilter.
 */
int bridge_filter_ip(struct nl *nl, const char *name, struct err *e);

#endif
