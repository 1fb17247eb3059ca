/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-gateway - the gateway of a subnet for which nobody named one */
#ifndef NETWORK_GATEWAY_H
#define NETWORK_GATEWAY_H

struct err;
struct network_subnet;

/**
 * network_choose_gateway() - the lowest free address of --ip-range, without one of the subnet
 * @s:		its gateway is set, unless it is already
 *
 * Return: 0; -ENOSPC if there is none.
 */
int network_choose_gateway(struct network_subnet *s, struct err *e);

#endif
