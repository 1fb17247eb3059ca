/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-def - what every node knows of a network: the body of its definition
 *
 * JSON, as in "heddle" of a conflist (lib/network-meta.h), less what the
 * definition itself says (name, time), and with
 *
 *	"vni": 4096			of a network of swarm scope
 *	"subnets": [{ …, "space": "<32 hex>" }]
 *
 * A space has a number for each address of its subnet: the distance from the
 * first.  What comes from another node is checked by the same rules as what a
 * user asks for, so a definition that can be read can be served.  Pure.
 */
#ifndef NETD_NETWORK_DEF_H
#define NETD_NETWORK_DEF_H

#include "lib/driver-options.h"
#include "lib/network.h"
#include "overlay/definitions.h"
#include "overlay/link.h"
#include "overlay/pool.h"

struct err;
struct jnode;

#define NETWORK_DEF_SUBNETS 2 /* of a network of swarm scope: one of each family */

/* Numbers of a larger subnet end here; nobody misses the rest of a /64. */
#define NETWORK_DEF_NUMBERS (1ULL << 62)

struct network_def {
	struct network net;
	struct driver_options options;		    /* borrowed from @net */
	uint32_t vni;				    /* 0: not of swarm scope, or not chosen yet */
	struct link_id spaces[NETWORK_DEF_SUBNETS]; /* of net.subnets, by the same index */
};

void network_def_clear(struct network_def *d);

/**
 * network_def_read_request() - what somebody asks for: params of network.create
 * @params:	as "heddle" of a conflist, and "name"
 * @ret:	subnets, gateways, vni may be missing yet
 *
 * Return: 0; -EINVAL, -EPERM, -ENOTSUP with Docker's words, and CNI_E_CONFIG; -ENOMEM.
 */
int network_def_read_request(const struct jnode *params, struct network_def *ret, struct err *e);

/* Once subnets, gateways and a VNI are chosen.  Return: as above. */
int network_def_check(const struct network_def *d, struct err *e);

/* The definition's body.  Return: text, the caller's to free; NULL: no memory. */
char *network_def_write(const struct network_def *d);

/**
 * network_def_read() - a definition that came from somewhere
 *
 * Return: 0; -EINVAL with what is wrong with it; -ENOMEM.
 */
int network_def_read(const struct definition *of, struct network_def *ret, struct err *e);

/* The subnet that @ip is in: an index, or -1. */
int network_def_subnet_of(const struct network_def *d, const struct ip_addr *ip);

/* How many numbers a subnet has. */
uint64_t network_def_count(const struct network_subnet *s);
/* @ip, which is in @s.  NETWORK_DEF_NUMBERS and more: it has none. */
uint64_t network_def_number(const struct network_subnet *s, const struct ip_addr *ip);
struct ip_addr network_def_address(const struct network_subnet *s, uint64_t number);

/* Which numbers go to who asks for any: --ip-range, or all. */
struct span network_def_bounds(const struct network_subnet *s);

/* Gateway, auxiliary, network's and broadcast address: never a container's. */
bool network_def_is_reserved(const struct network_subnet *s, const struct ip_addr *ip);

#endif
