/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * driver-options - what -o KEY=VALUE means for a network
 *
 * Keys are Docker's (com.docker.network...), and the short ones of Podman and
 * nerdctl for the same.  An option that no plugin of ours could follow is refused with the reason,
 * one that nobody knows with the list of those there are: none is ignored.
 */
#ifndef DRIVER_OPTIONS_H
#define DRIVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct network;

struct driver_options {
	const char *bridge; /* name of the bridge, borrowed like all; NULL: by the network's ID */
	const char *parent; /* of a macvlan; NULL: the interface of the default route */
	const char *mode;   /* of a macvlan, NULL: the plugin's default */
	uint32_t mtu, vlan; /* 0: not given */
	struct ip_addr host_ip; /* of ports published without one, unset: every address */
	bool icc;		/* containers of the network reach each other */
	bool isolate;		/* and none of other networks */
	bool masquerade;	/* they reach the world with the host's address */
	bool bridge_address;	/* the bridge has the gateway's */
	uint32_t vni;		/* of an overlay, 0: not given */
	bool multicast;		/* … that carries multicast between hosts */
	bool pin;		/* … whose containers can speak as themselves only */
};

/**
 * driver_options_read() - a network's options, with the defaults of those not given
 * @net:	name, driver, internal, subnets and options count
 * @ret:	borrowed from @net
 *
 * Return: 0; -EINVAL with what is wrong with an option.
 */
int driver_options_read(const struct network *net, struct driver_options *ret, struct err *e);

#endif
