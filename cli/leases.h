/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leases - the leases of a network, and how many addresses are left
 *
 * Leases appear complete or not at all (ipam/lease.h), so they are read without
 * their lock.  Counting addresses reads the directory alone, no lease.
 */
#ifndef LEASES_H
#define LEASES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct lease_text;
struct network;

/**
 * leases_each() - every lease of a network
 * @fn:		called for each; a negative errno ends the walk and is returned
 * @data:	for @fn
 *
 * Return: 0, also without leases; a negative errno.
 */
int leases_each(const struct network *net,
		int (*fn)(const struct ip_addr *ip, const struct lease_text *text, void *data,
			  struct err *e),
		void *data, struct err *e);

/* How full a subnet is. */
struct leases_count {
	struct ip_net subnet;
	uint64_t in_use;    /* leases, gateway, exclusions, network and broadcast address */
	uint64_t available; /* that can be given round robin; LEASES_MANY for that and more */
};

#define LEASES_MANY INT64_MAX /* JSON's numbers are signed here */

/**
 * leases_count() - how full each subnet of a network is
 * @ret:	owned by the caller, free(); NULL if its addresses are not from host-local
 * @ret_n:	how many subnets
 *
 * Return: 0 or a negative errno.
 */
int leases_count(const struct network *net, struct leases_count **ret, size_t *ret_n,
		 struct err *e);

#endif
