/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * local - a container of this node: its bridge port, and its claims in nftables
 *
 * The port learns nothing and takes frames from the container's MAC alone
 * (locked), whose FDB entry is static.  What else it may send is pinned by the rules
 * of table `bridge heddle`, and what leaves the network is masqueraded by those of
 * table `inet heddle`, both of which containers of other networks use, too
 * (lib/pin.h, lib/masq.h).
 */
#ifndef NETD_LOCAL_H
#define NETD_LOCAL_H

#include <stdint.h>

#include "netd/plane.h"

struct nl;

/* What a network has for its containers. */
struct local_conf {
	const char *network; /* name */
	const char *bridge;
	int bridge_index;
	bool pin, masquerade;
};

/**
 * local_ensure_port() - lock the port, and lead its MAC there
 * @route:	rtnetlink socket
 * @ret_changed: how much was not so
 *
 * Return: 0; -ENODEV: there is no such port of that bridge; or another errno.
 */
int local_ensure_port(struct nl *route, const struct local_conf *conf,
		      const struct plane_endpoint *ep, uint32_t *ret_changed, struct err *e);

/*
 * Pins and masquerading, as far as @conf has them.  @nft: netfilter socket.
 * Return: 0; -EEXIST: another holds one of the claims; or another errno.
 */
int local_ensure_claims(struct nl *nft, const struct local_conf *conf,
			const struct plane_endpoint *ep, uint32_t *ret_changed, struct err *e);

/* End what @conf does not have.  Return: 0 or a negative errno. */
int local_release_claims(struct nl *nft, const struct local_conf *conf,
			 const struct plane_endpoint *ep, struct err *e);

/* End the port's FDB entry; the port may be gone. */
void local_release_port(struct nl *route, const struct plane_endpoint *ep);

/* Whether the port is held to @ep's MAC, and by pins, if the network has them, to its addresses. */
bool local_is_held(struct nl *route, struct nl *nft, const struct local_conf *conf,
		   const struct plane_endpoint *ep);

/* Claims of a network's containers whose ports are gone.  Return: how many ended, or an errno. */
int local_sweep_claims(struct nl *nft, const char *network, struct err *e);

/* Nothing is routed into or out of a network, and that it is no more. */
int local_shut(struct nl *nft, const char *network, const char *bridge, struct err *e);
int local_open(struct nl *nft, const char *network, const char *bridge, struct err *e);

#endif
