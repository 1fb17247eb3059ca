/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-plan - the subnets and gateways that nobody said
 *
 * A gateway is the lowest free address of --ip-range, without one of the
 * subnet, as Docker has it.  Pure.
 */
#ifndef NETWORK_PLAN_H
#define NETWORK_PLAN_H

struct err;
struct network;
struct pools;

/**
 * network_plan() - complete the subnets of a network
 * @net:	checked by network_check_config()
 * @pools:	what is in use; what @net takes is added
 *
 * A family that is wanted and has no subnet gets one of the pools, as does a
 * subnet 0.0.0.0/LENGTH or ::/LENGTH, of that length.
 *
 * Return: 0; -ENOSPC if no subnet, or no address for a gateway, is free; -ENOMEM.
 */
int network_plan(struct network *net, struct pools *pools, struct err *e);

#endif
