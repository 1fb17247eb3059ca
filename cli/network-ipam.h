/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-ipam - subnets of a network, from --subnet, --ip-range, --gateway, --aux-address
 *
 * A range, gateway or auxiliary address goes to the subnet that it lies in,
 * whatever the order of the options.  Whether the result can be is for
 * network-check.h.  Texts are those of Docker's client.
 */
#ifndef NETWORK_IPAM_H
#define NETWORK_IPAM_H

#include "cli/words.h"
#include "lib/network.h"

struct err;

struct network_ipam {
	struct words subnets, ranges, gateways;
	struct network_pairs aux; /* name and address */
};

void network_ipam_clear(struct network_ipam *ipam);

/* Whether any of the options was given. */
bool network_ipam_is_set(const struct network_ipam *ipam);

/**
 * network_ipam_read() - add the subnets to a network
 * @net:	without any
 *
 * Return: 0; -EINVAL if something is not an address, or belongs to no subnet; -ENOMEM.
 */
int network_ipam_read(const struct network_ipam *ipam, struct network *net, struct err *e);

#endif
