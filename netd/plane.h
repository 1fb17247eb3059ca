/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane - what this node's kernel forwards by, and that it stays so
 *
 *	container eth0 -- veth -- hb-<id> bridge -- hv-<id> vxlan -- underlay
 *
 * Theory of operation
 *
 * Told what is wanted, the plane makes the kernel match: a bridge and a VXLAN device
 * for each network that this node serves, FDB and neighbour entries for the
 * endpoints of other nodes, locks and pins for those of this one, and a filter
 * in front of the VXLAN port.  All of it is marked as ours by names, aliases,
 * protocol numbers or tables of our own; nothing else is touched.
 *
 * What is wanted is kept in tables and compared with the kernel: at once when a
 * notification says that something of ours has changed, and in full at the
 * start, after an overrun and every 30 s.  What differs is repaired, and counted
 * as drift unless this process had not seen it right before.
 *
 * A start adopts what is there.  Entries that nobody has asked for (yet) are left
 * until plane_complete() says that by now everybody would have.
 *
 * Changes are collected and sent in batches before the loop sleeps, so many a
 * turn; plane_on_flushed() tells when the kernel has all of them.
 */
#ifndef NETD_PLANE_H
#define NETD_PLANE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/owner.h"
#include "overlay/wanted.h"

struct err;
struct ev_loop;
struct metrics;
struct plane;
struct underlay;

#define PLANE_SUBNETS  4
#define PLANE_IPS      WANTED_IPS
#define PLANE_PROTOCOL 104 /* of our routes and neighbour entries */

#define PLANE_BRIDGE_PREFIX "hb-"
#define PLANE_VXLAN_PREFIX  "hv-"

struct plane_subnet {
	struct ip_net net;	/* host bits are ignored */
	struct ip_addr gateway; /* the same on every node; not set: none */
	struct ip_addr own; /* this node's alone; not set: none yet, hosts see local containers */
};

/*
 * A network as this node serves it.  Its own address and MAC are to be published as
 * an endpoint (ROW_ENDPOINT) of this node, or other nodes cannot answer.
 */
struct plane_network {
	struct network_id id;
	const char *name; /* borrowed for the call */
	uint32_t vni;
	uint16_t port;		/* UDP, of VXLAN */
	uint32_t mtu;		/* inside, at most; 0: what the underlay has room for */
	uint8_t gateway_mac[6]; /* of the bridge, the same on every node */
	uint8_t own_mac[6];	/* of the VXLAN device, this node's alone */
	bool internal;		/* nothing is routed into or out of it */
	bool masquerade;	/* what leaves it has the host's address */
	bool multicast;		/* broadcast and multicast go to every member (head-end copies) */
	bool pin;		/* containers speak as themselves only: MAC, ARP, ND, source */
	struct plane_subnet subnets[PLANE_SUBNETS];
	size_t n_subnets;
};

/* A container of this node: a port of the network's bridge. */
struct plane_endpoint {
	struct network_id network;
	struct owner owner; /* host_ifname is the port */
	uint8_t mac[6];	    /* inside */
	struct ip_addr ips[PLANE_IPS];
	size_t n_ips;
};

/* "hb-" or "hv-" and twelve digits of the id. */
void plane_bridge_name(const struct network_id *id, char ret[IFNAMSIZ]);
void plane_vxlan_name(const struct network_id *id, char ret[IFNAMSIZ]);

/**
 * plane_new() - sockets, subscriptions, and the filter's table
 * @u:		borrowed; NULL: nothing follows the underlay (tests)
 *
 * Changes nothing that forwards.  Return: 0; -EPERM without CAP_NET_ADMIN and
 * CAP_NET_RAW; -EOPNOTSUPP without nf_tables; other errnos of sockets.
 */
int plane_new(struct ev_loop *loop, struct underlay *u, struct plane **ret, struct err *e);

/* The kernel keeps everything. */
void plane_free(struct plane *p);

/**
 * plane_set_vtep() - this node's address on the underlay (cluster_addr())
 * @vtep:	not set: none at the moment; devices stay as they are
 *
 * VXLAN devices follow.  Before the first one nothing can be served.
 */
int plane_set_vtep(struct plane *p, const struct ip_addr *vtep, struct err *e);

/**
 * plane_serve() - be in a network, or be in it in another way
 * @net:	copied.  VNI, port and gateway may change, too: what cannot be
 *		changed in place is made anew
 *
 * Return: 0; -EEXIST: another device has VNI and port, so take another VNI, or has
 * one of the names; -EADDRNOTAVAIL: plane_set_vtep() first; -EINVAL; -ENOMEM; an errno
 * of the kernel.  After a failure it is not served, unless it was before.
 */
int plane_serve(struct plane *p, const struct plane_network *net, struct err *e);

/*
 * Be in it no more: devices and everything else of it go.  The kernel may take a
 * while to; a child waits.  Return: 0, also if it is not served.
 */
int plane_unserve(struct plane *p, const struct network_id *id, struct err *e);

bool plane_serves(const struct plane *p, const struct network_id *id);

/*
 * What comes from other hosts passes the chains of other tools.  Return: 0, also where that is not
 * to be had, which the log says; -EAGAIN: in a moment.
 */
int plane_lets_pass(const struct plane *p, struct err *e);

/*
 * All networks that this node serves have been given: devices, and claims in
 * nftables, of others go.  Once, at a start.
 */
int plane_sweep(struct plane *p, struct err *e);

/**
 * plane_wanted() - for struct wanted_changes, @p as its ctx
 *
 * Only notes it, and calls nobody.  May come before the network is served, and for
 * what is known already.
 */
void plane_wanted(void *p, const struct wanted_entry *was, const struct wanted_entry *now);

/*
 * Whoever told what is wanted begins again (the engine restarts): what was wanted
 * stays in the kernel until it is wanted again, or plane_complete().
 */
void plane_doubt(struct plane *p);

/* All members of the network have been heard, or will not be: what nobody wanted goes. */
void plane_complete(struct plane *p, const struct network_id *id);

/**
 * plane_attach() - a container has its port
 * @ep:		copied; the port is on the bridge.  One with the same port is replaced.
 *		IPv6 addresses inside must have been added without duplicate detection
 *		(nodad), as they are announced at once
 *
 * The port is locked to its MAC, pinned (unless the network is not), masqueraded; its
 * addresses are announced to the others on this node.
 *
 * Return: 0; -ENOENT: the network is not served; -ENODEV: there is no such port;
 * -EEXIST: another attachment holds a claim in nftables; -ENOMEM; others of the
 * kernel.  After a failure it is not attached.
 */
int plane_attach(struct plane *p, const struct plane_endpoint *ep, struct err *e);

/* Whether the kernel still holds @ep's port to its MAC and addresses, as plane_attach() did. */
bool plane_was_attached(struct plane *p, const struct plane_endpoint *ep);

/* Undo it; the port may be gone already.  Return: 0, also if there is none. */
int plane_detach(struct plane *p, const struct network_id *network, const char *port,
		 struct err *e);

/* What a new container's interface should have; 0: the network is not served. */
uint32_t plane_mtu(const struct plane *p, const struct network_id *id);

/*
 * @fn is called when the kernel has all that was wanted until then, from the loop.
 * One at most.
 */
void plane_on_flushed(struct plane *p, void (*fn)(void *ctx), void *ctx);

/**
 * plane_flush() - send what is wanted, without waiting for the loop
 *
 * Return: 0: the kernel has all of it, and plane_on_flushed() was told; 1: there is
 * more, which the loop goes on with; or a negative errno: it is tried again.
 */
int plane_flush(struct plane *p, struct err *e);

/* @fn is called when plane_mtu() of any network may have changed.  One at most. */
void plane_on_mtu(struct plane *p, void (*fn)(void *ctx), void *ctx);

struct plane_counters {
	/* Drift: what another had changed, and was repaired. */
	uint64_t repaired_links;      /* devices, and their settings */
	uint64_t repaired_addrs;      /* addresses and routes of bridges */
	uint64_t repaired_fdb;	      /* entries */
	uint64_t repaired_neighbours; /* entries */
	uint64_t repaired_ports;      /* locks of containers' ports */
	uint64_t repaired_filter;     /* elements and chains of the filter */
	uint64_t repaired_claims;     /* pins and masquerading */
	uint64_t comparisons;	      /* in full */
	uint64_t overruns;	      /* of notifications */
	uint64_t failures;	      /* repairs and changes that the kernel refused */
	uint64_t announced;	      /* gratuitous ARP and neighbour advertisements */
	uint64_t foreign;	      /* VTEPs of the other address family: left out */
	uint64_t dropped_input;	      /* VXLAN packets that the filter did not let in … */
	uint64_t dropped_forward;     /* … or through; both as of the last comparison */
	/* Now. */
	uint32_t networks, endpoints, entries;
};

const struct plane_counters *plane_counters(const struct plane *p);
int plane_register(struct plane *p, struct metrics *m, struct err *e);

#endif
