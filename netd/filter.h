/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter - VXLAN packets come from members, and from nobody else; what is inside passes
 *
 * VXLAN has no authentication: whoever can send a UDP packet to the port puts a frame
 * into a network.  So a table of netd's own looks at packets to a port of ours with a
 * VNI of ours, and at no others (another tool may use the same port):
 *
 *	input	 dropped unless (source . VNI) is a member's, and the packet came in by
 *		 the interface that leads to the source: not from a container that
 *		 pretends to be a member
 *	forward	 the same for packets to a member: a container behind this host's
 *		 masquerading would have a member's address for the next host
 *
 * Where br_netfilter is on, frames between the ports of a bridge of ours come by the
 * forward hook, too.  They are marked, so that another tool's chain that drops what
 * it does not know lets them through (lib/coexist.h); no plugin has admitted what comes
 * from a container of another node.  Whatever shuts containers off is another table's.
 *
 * The table is `inet heddle_overlay`; docs/nftables.md shows it.
 */
#ifndef NETD_FILTER_H
#define NETD_FILTER_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/nft.h"

struct err;
struct nl;

#define FILTER_TABLE "heddle_overlay"

/* A network's bridge; its port and VNI; or a member of it. */
struct filter_key {
	char bridge[IFNAMSIZ]; /* "": none, the rest counts */
	struct ip_addr vtep;   /* not set: the network itself */
	uint16_t port;	       /* … whose port it is */
	uint32_t vni;
};

/**
 * filter_stands() - whether the table is there, with all its chains and rules, and sets this
 * host's mark
 *
 * Return: 1, 0 or a negative errno.
 */
int filter_stands(struct nl *nl, struct err *e);

/*
 * Make the chains anew, and what else is missing; elements stay.  One transaction.
 * Return: 0; -ERESTART is not among the errnos.
 */
int filter_build(struct nl *nl, struct err *e);

/* All that the table has.  @fn: a negative errno ends it.  Return: 0; -EINTR: changed meanwhile. */
int filter_each(struct nl *nl, int (*fn)(const struct filter_key *key, void *data), void *data,
		struct err *e);

/* Return: 1, 0 or a negative errno. */
int filter_has(struct nl *nl, const struct filter_key *key, struct err *e);

/*
 * Changes, in one transaction: nft_begin(), these, nft_commit().  One that adds what
 * is there (-EEXIST), or deletes what is not (-ENOENT), changes nothing.
 */
void filter_add(struct nft_batch *b, const struct filter_key *key);
void filter_del(struct nft_batch *b, const struct filter_key *key);

struct filter_drops {
	uint64_t input, forward; /* packets, since the chains were made */
};

int filter_count(struct nl *nl, struct filter_drops *ret, struct err *e);

#endif
