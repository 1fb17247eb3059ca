/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit - who is forwarded, and which networks see each other (firewall)
 *
 * An attachment is admitted: what it sends, the answers to it, and what comes
 * for its published ports are accepted and marked (coexist.h); what it sends
 * outside of any known connection is dropped.
 *
 * A policy shuts its bridge:
 *
 *	same-bridge	no traffic between this bridge and another one that is shut
 *	isolated	that, and none between the containers of this bridge
 *
 * The attachment's own elements are its addresses and its bridge port.  That a
 * bridge is shut is shared by all who are on it: the first one claims it in the
 * name of its network, and it goes with the last one that has an address there.
 * An ADD claims its own elements first, and what is released is decided and
 * deleted in one generation (nft.h), so no ADD can lose what it relies on.
 *
 * Source: docs/nftables.md, "Forwarding".
 */
#ifndef ADMIT_H
#define ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/owner.h"

struct cni_request;
struct err;
struct gc;
struct jnode;
struct nl;

enum admit_backend { ADMIT_NFTABLES, ADMIT_IPTABLES };
enum admit_policy { ADMIT_OPEN, ADMIT_SAME_BRIDGE, ADMIT_ISOLATED };

/* An attachment; all borrowed but @addrs. */
struct admit {
	enum admit_backend backend;
	enum admit_policy policy;
	const struct owner *owner;
	const char *network;
	const char *container_id;
	const char *admin_chain; /* the operator's, of iptables */
	const char *ifname; /* host interface that leads to it: its bridge; "" if there is none */
	const char *port;   /* its port of that bridge, "" if there is none */
	struct ip_addr *addrs;
	size_t n_addrs;
};

/* Read the key backend: "nftables", "iptables", or "" for the default. */
int admit_read_backend(const struct jnode *n, enum admit_backend *ret, struct err *e);

/* Read the key ingressPolicy: "open" or "", "same-bridge", "isolated". */
int admit_read_policy(const struct jnode *n, enum admit_policy *ret, struct err *e);

/**
 * admit_init() - the attachment of a request, by its prevResult
 * @a:		backend, policy and admin_chain are the caller's, the rest is filled
 *		in; admit_clear() frees it
 * @rq:		borrowed; without prevResult there are no addresses and interfaces
 *
 * Return: 0 or -ENOMEM.
 */
int admit_init(struct admit *a, const struct cni_request *rq, struct err *e);
void admit_clear(struct admit *a);

bool admit_has_family(const struct admit *a, uint8_t family);

/**
 * admit_add() - admit an attachment, and shut its bridge if its policy says so
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @a:		the attachment; one that no host interface leads to is not forwarded
 *		here, and nothing is done for it
 *
 * Return: 0; -EINVAL for a policy without a host interface; -EEXIST if another
 * attachment has one of the addresses on the same interface; -EAGAIN with
 * CNI_E_AGAIN; -ENOENT if the iptables program is missing; or another errno.  On
 * failure it is not admitted.
 */
int admit_add(struct nl *nl, const struct admit *a, struct err *e);

/**
 * admit_del() - undo admit_add()
 * @a:		the attachment; without @a->ifname its elements are searched by owner.
 *		@a->backend adds iptables to the search, while nftables is always
 *		looked at
 *
 * Return: how many elements were removed, 0 if there were none, or a negative
 * errno.
 */
int admit_del(struct nl *nl, const struct admit *a, struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if it is not admitted as admit_add() would do it. */
int admit_check(struct nl *nl, const struct admit *a, struct err *e);

/* Remove what is garbage in @gc's network.  Return: how many elements, or a negative errno. */
int admit_gc(struct nl *nl, enum admit_backend backend, const struct gc *gc, struct err *e);

#endif
