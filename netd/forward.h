/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forward - FDB and neighbour entries as netlink messages
 *
 *	FDB		bridge: MAC -> port hv-…	VXLAN device: MAC -> VTEP
 *	flood		VXLAN device: 00:00:00:00:00:00 -> each VTEP
 *	neighbour	bridge: address -> MAC, from which the port hv-… answers
 *
 * All are marked as learned from elsewhere (NTF_EXT_LEARNED): they do not age, no
 * limit of the neighbour table is for them, and they are known again as ours.
 *
 * forward_put_*() queue a request on @nl, nl_commit() carries it out.
 *
 * Source: linux/neighbour.h; net/bridge/br_fdb.c; drivers/net/vxlan/vxlan_core.c;
 * net/core/neighbour.c.
 */
#ifndef NETD_FORWARD_H
#define NETD_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "netd/entries.h"

struct err;
struct nl;
struct nlmsghdr;

/* Interface numbers of a network's devices. */
struct forward_devices {
	int bridge, vxlan;
};

/* A new entry, or another value for one that is there.  Not for ENTRY_PEER. */
void forward_put(struct nl *nl, const struct forward_devices *dev, const struct entry_is *is);
/* -ENOENT: it is gone already, in one of its places or in both. */
void forward_put_del(struct nl *nl, const struct forward_devices *dev, const struct entry_is *is);

/* Frames for a container's MAC go to its port, and may come from there. */
void forward_put_local(struct nl *nl, int port, const uint8_t mac[6]);
void forward_put_local_del(struct nl *nl, int port, const uint8_t mac[6]);
/* Whether it is so.  Return: 1, 0 or a negative errno. */
int forward_is_local(struct nl *nl, int port, const uint8_t mac[6], struct err *e);

/* Have @t see all entries of both devices.  Return: 0, -ENOMEM, or an errno of the kernel. */
int forward_see(struct nl *nl, const struct forward_devices *dev, struct entries *t, struct err *e);

/* What a message says of an entry. */
struct forward_said {
	struct entry_is is; /* a FDB entry of a bridge has no ip */
	enum entry_place place;
	int index;   /* of the interface */
	bool ours;   /* it has our mark */
	bool gone;   /* RTM_DELNEIGH */
	bool usable; /* a neighbour whose MAC is known */
};

/* Return: whether it is about an entry that could be ours. */
bool forward_read(const struct nlmsghdr *nlh, struct forward_said *ret);

#endif
