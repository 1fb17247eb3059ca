/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-shared - Docker's networks that span hosts: those that the cluster has
 *
 *	docker network create -d heddle --ipam-driver heddle --ipam-opt network=NAME \
 *		-o network=NAME --subnet SUBNET NAME
 *
 * With -o scope=swarm the network is made if the cluster has none of that name, and then
 * joined by the others.  dockerds know nothing of each other, so each is told of the network by
 *that line, and a NetworkID is one host's.  Addresses are the cluster network's, taken when dockerd
 *asks for one, and a container that joins is an endpoint like any other.
 */
#ifndef NETD_DOCKER_SHARED_H
#define NETD_DOCKER_SHARED_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"
#include "netd/docker-network.h"
#include "netd/docker-pools.h"

struct docker;
struct err;

/**
 * docker_shared_pool() - the pool of a network's subnet
 * @network:	name of the cluster's network
 * @want:	net: what --subnet says, or a family alone; range
 * @ret:	durable, with its PoolID
 *
 * Return: 0; -EINVAL with the line to type if no subnet is said, or if it is another
 * than the network's; -EAGAIN if this node is in no cluster.
 */
int docker_shared_pool(struct docker *k, const char *network, const struct docker_pool *want,
		       struct docker_pool *ret, struct err *e);

/**
 * docker_shared_address() - an address of such a pool
 * @want:	not set: any
 *
 * The gateway is the same on every host, and is nobody's to take.
 *
 * Return: DOCKER_LATER, @reply follows; 0; or why not.
 */
int docker_shared_address(struct docker *k, const struct docker_pool *pool,
			  const struct ip_addr *want, bool is_gateway, json_t **reply,
			  struct err *e);
int docker_shared_release(struct docker *k, const struct docker_pool *pool,
			  const struct ip_addr *ip, struct err *e);

/* Whether the cluster has the network with these subnets; @n->bridge is set.  Return: 0; why not.
 */
int docker_shared_find(struct docker *k, struct docker_network *n, struct err *e);

/*
 * This host is in it, with all pools of its subnets, also those that dockerd has asked for
 * without --ipam-opt network=NAME.  Durable.  Return: 0; as store_put().
 */
int docker_shared_keep(struct docker *k, const struct docker_network *n, struct err *e);

bool docker_shared_exists(const struct docker *k, const char *network);

/**
 * docker_shared_create() - make the network in the cluster, of subnets that Docker has chosen
 *
 * Its pools are the network's from then on.  Return: DOCKER_LATER: the answer to
 * CreateNetwork follows; or why not.
 */
int docker_shared_create(struct docker *k, const struct docker_network *n, struct err *e);

/**
 * docker_shared_join() - make a container's pair, and tell the others
 *
 * Return: DOCKER_LATER: the answer to Join follows, at most 40 ms after the rest is done,
 * for the others' kernels to know; or why not, and nothing was made.
 */
int docker_shared_join(struct docker *k, const struct docker_network *n,
		       const struct docker_endpoint *ep, struct err *e);

/* Undo it.  Return: 0, also if there is nothing. */
int docker_shared_leave(struct docker *k, const struct docker_network *n,
			const struct docker_endpoint *ep, struct err *e);

#endif
