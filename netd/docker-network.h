/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-network - a network and an endpoint of dockerd's, to and from their records */
#ifndef NETD_DOCKER_NETWORK_H
#define NETD_DOCKER_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/mac.h"
#include "lib/network.h"
#include "lib/owner.h"
#include "netd/docker-records.h"

struct err;
struct jnode;
struct publish_port;
struct store;

#define DOCKER_IFNAME	"docker" /* in the marks of an endpoint: dockerd names interfaces */
#define DOCKER_FAMILIES 2	 /* IPv4, then IPv6 */

struct docker_subnet {
	struct ip_net net; /* without host bits; family 0: none of that family */
	struct ip_addr gateway;
	const char *space; /* the IPAM's, borrowed from the request; not kept */
};

struct docker_network {
	char id[DOCKER_ID_MAX + 1];
	char bridge[IFNAMSIZ];
	char shared[NETWORK_NAME_MAX +
		    1]; /* the cluster's network that it is; "": this host's own */
	bool spans;	/* … and is made if the cluster has none of that name; not kept */
	bool adopted;	/* the bridge was there before, and outlives the network */
	bool internal;
	bool ports; /* published by our maps, not by dockerd on its docker_gwbridge */
	uint32_t mtu;
	struct docker_subnet subnets[DOCKER_FAMILIES];
};

struct docker_endpoint {
	char id[DOCKER_ID_MAX + 1];
	char network[DOCKER_ID_MAX + 1];
	uint8_t mac[6];
	struct ip_net addrs[DOCKER_FAMILIES]; /* with the subnet's length */
	bool left;			      /* after Leave: the kernel has nothing of it */
};

/**
 * docker_network_read() - what CreateNetwork asks for
 *
 * Return: 0; -EINVAL with what is wrong with a member or an option; -ENOTSUP.
 */
int docker_network_read(const struct jnode *request, struct docker_network *ret, struct err *e);

/* Return: 0; -EINVAL. The MAC address is a random one if none is asked for. */
int docker_endpoint_read(const struct jnode *request, struct docker_endpoint *ret, bool *has_mac,
			 struct err *e);

/* The answer to Join: the container's end @ifname, and where it leads to.  NULL: no memory. */
json_t *docker_join_json(const struct docker_network *n, const char *ifname);

/* A network is durable when this returns.  Return: as docker_record_put(). */
int docker_network_keep(struct store *s, const struct docker_network *n, struct err *e);
int docker_endpoint_keep(struct store *s, const struct docker_endpoint *ep, enum durability how,
			 struct err *e);

/* Return: 0; -ENOENT with a text; -EIO. */
int docker_network_find(struct store *s, const char *id, struct docker_network *ret, struct err *e);
int docker_endpoint_find(struct store *s, const char *id, struct docker_endpoint *ret,
			 struct err *e);

/* Another network with one of the subnets, or with the bridge.  Return: 0; -EEXIST that names it.
 */
int docker_network_need_free(struct store *s, const struct docker_network *n, struct err *e);

/* Endpoints of a network that are known.  Return: how many, or a negative errno. */
int docker_network_count(struct store *s, const char *id, struct err *e);

/* By which the endpoint's things are found in the kernel. */
void docker_endpoint_owner(const struct docker_endpoint *ep, struct owner *ret);

#endif
