/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-pools - subnets and addresses as dockerd asks an IPAM driver for them
 *
 * A pool is one subnet of one Docker network, asked for before the network is
 * there and given back before the network goes.  Each request has a PoolID of its
 * own.  After a restart dockerd asks again for every pool and address that it has
 * (RequiresRequestReplay), and gets new PoolIDs for the same subnets; so an address
 * that is asked for by name under a later PoolID than it was given under is the
 * same one.
 *
 * A pool may be of a network that spans hosts: its addresses are the network's
 * (docker-shared.c), and are not counted here.
 */
#ifndef NETD_DOCKER_POOLS_H
#define NETD_DOCKER_POOLS_H

#include "lib/ip.h"
#include "lib/network.h"

struct err;
struct store;

#define DOCKER_POOL_ID_SIZE 33

struct docker_pool {
	char id[DOCKER_POOL_ID_SIZE];
	struct ip_net net;   /* without host bits */
	struct ip_net range; /* --ip-range; family 0: none */
	struct ip_addr gateway;
	char network[NETWORK_NAME_MAX + 1]; /* that spans hosts; "": this host's own */
};

/**
 * docker_pool_request() - a pool of this host's own
 * @want:	net, of which the family alone or an unspecified address is any one, out of
 *		the pools that the command has (ipam/pools.h); range; the rest is not read
 * @ret:	durable
 *
 * A subnet that was chosen is not chosen again before it is given back.
 *
 * Return: 0; -EINVAL for a range outside of the subnet; -EEXIST if the subnet overlaps
 * another one; -ENOSPC if no subnet is free; or as store_put().
 */
int docker_pool_request(struct store *s, const struct docker_pool *want, struct docker_pool *ret,
			struct err *e);

/* A pool of a network that spans hosts: @pool is complete but for its id, which is set. */
int docker_pool_add(struct store *s, struct docker_pool *pool, struct err *e);

/* What is known of it is another thing now: the network that it is of, its gateway. */
int docker_pool_update(struct store *s, const struct docker_pool *pool, struct err *e);

/* All pools with that subnet are of a network that spans hosts now.  Return: 0; as store_put(). */
int docker_pools_hand_over(struct store *s, const struct ip_net *net, const struct ip_addr *gateway,
			   const char *network, struct err *e);

/*
 * With the last address of a subnet, all requests for it that dockerd has forgotten
 * about are given back.  Return: 0, also if it was not there.
 */
int docker_pool_release(struct store *s, const char *id, struct err *e);

/* All requests for a subnet.  Return: 0, also if there is none; or as store_put(). */
int docker_pools_drop(struct store *s, const struct ip_net *net, struct err *e);

/* Return: 0; -ENOENT with a text; -EIO. */
int docker_pool_find(struct store *s, const char *id, struct docker_pool *ret, struct err *e);

/* Any pool with that subnet.  Return: 0, -ENOENT without a text, -EIO. */
int docker_pool_of(struct store *s, const struct ip_net *net, struct docker_pool *ret,
		   struct err *e);

/**
 * docker_address_request() - an address of a pool of this host's own
 * @want:	not set: any
 * @is_gateway:	of the network; what @pool->gateway becomes
 * @ret:	durable
 *
 * Return: 0; -EINVAL if it is not of the subnet; -EADDRINUSE; -ENOSPC; as store_put().
 */
int docker_address_request(struct store *s, struct docker_pool *pool, const struct ip_addr *want,
			   bool is_gateway, struct ip_addr *ret, struct err *e);

/*
 * For pools of networks that span hosts, whose addresses are taken elsewhere.
 * docker_address_known(): return 1 if dockerd has it under an earlier PoolID, and asks
 * again as it has started anew; -EADDRINUSE if under this one; 0 if it is not known.
 */
int docker_address_keep(struct store *s, const struct docker_pool *pool, const struct ip_addr *ip,
			struct err *e);
int docker_address_known(struct store *s, const struct docker_pool *pool, const struct ip_addr *ip,
			 struct err *e);

/* Addresses of the pool's subnet.  @ret: the caller's.  Return: how many, or a negative errno. */
int docker_addresses_of(struct store *s, const struct docker_pool *pool, struct ip_addr **ret,
			struct err *e);

/* Return: 0, also if nobody had it. */
int docker_address_release(struct store *s, const struct docker_pool *pool,
			   const struct ip_addr *ip, struct err *e);

#endif
