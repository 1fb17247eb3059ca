/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit - who is forwarded, and which networks see each other (firewall)
 *
 * An attachment is admitted: what it sends, the answers to it, and what comes
 * for its published ports are accepted and marked (coexist.h); what it sends
 * outside of any known connection is dropped.  With backend iptables the
 * reference's chains say that, and the policy; the rest is nftables' there, too.
 *
 * A policy shuts its bridge (admit-shared.h):
 *
 *	same-bridge	no traffic between this bridge and another one that is shut
 *	isolated	that, and none between the containers of this bridge
 *
 * An internal bridge is shut to everybody, whatever the policy: nothing is forwarded
 * to it or from it but between its own containers.
 *
 * A network's list (admit-list.h) leaves, of new connections, those that are on it.
 * spoofchk leaves what an attachment sends as itself.  The attachment's own
 * elements (admit-own.h) are its addresses and its bridge port.
 *
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

#include "lib/allow.h"
#include "lib/ip.h"
#include "lib/owner.h"

struct cni_request;
struct err;
struct gc;
struct jnode;
struct nl;

enum admit_backend { ADMIT_AUTO, ADMIT_NFTABLES, ADMIT_IPTABLES, ADMIT_FIREWALLD };
enum admit_policy { ADMIT_OPEN, ADMIT_SAME_BRIDGE, ADMIT_ISOLATED };

/* An attachment; all borrowed but the lists and @addrs. */
struct admit {
	enum admit_backend backend;
	enum admit_policy policy;
	bool internal; /* nothing that is forwarded enters or leaves its bridge */
	bool spoofchk;
	uint32_t mark;	  /* of what is accepted, 0: what the host has */
	const char *zone; /* of firewalld */
	struct allow ingress, egress;
	const struct owner *owner;
	const char *network;
	const char *container_id;
	const char *admin_chain; /* the operator's, of iptables */
	const char *ifname; /* host interface that leads to it: its bridge; "" if there is none */
	const char *port;   /* its port of that bridge, "" if there is none */
	bool has_mac;
	uint8_t mac[6]; /* the container's */
	struct ip_addr *addrs;
	size_t n_addrs;
};

/* Read the key backend: "nftables", "iptables", "firewalld", or "" for what the host runs. */
int admit_read_backend(const struct jnode *n, enum admit_backend *ret, struct err *e);

/* Read the key ingressPolicy: "open" or "", "same-bridge", "isolated". */
int admit_read_policy(const struct jnode *n, enum admit_policy *ret, struct err *e);

/**
 * admit_init() - the attachment of a request, by its prevResult
 * @a:		what the config says is the caller's, the rest is filled in;
 *		admit_clear() frees it all
 * @rq:		borrowed; without prevResult there are no addresses and interfaces
 *
 * Return: 0 or -ENOMEM.
 */
int admit_init(struct admit *a, const struct cni_request *rq, struct err *e);
void admit_clear(struct admit *a);

/**
 * admit_choose() - settle on a backend: ADMIT_AUTO is what the host runs
 * @nl:		as admit_add()
 * @a:		@a->backend is not ADMIT_AUTO afterwards
 *
 * firewalld, if its rules are in this namespace, it is on the system bus, and we
 * may ask there; otherwise nftables.  iptables is for who names it: what reads
 * its chains is an engine, not a host.
 *
 * Return: 0; -EBUSY with CNI_E_UNAVAILABLE if firewalld is asked for and cannot be
 * had; or another errno.
 */
int admit_choose(struct nl *nl, struct admit *a, struct err *e);

/* Whether anything of it is in nftables: with backend iptables what that has no chains for. */
bool admit_in_nftables(const struct admit *a);

bool admit_has_family(const struct admit *a, uint8_t family);

/**
 * admit_add() - admit an attachment, shut its bridge, and whatever its config says
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @a:		the attachment, with a backend chosen; one that no host interface
 *		leads to is not forwarded here, and nothing is done for it
 *
 * Return: 0; -EINVAL for a policy, internal or a list without a host interface, for
 * spoofchk without a bridge port, and for internal with backend iptables; -EEXIST if another
 *attachment has one of the addresses on the same interface; -EAGAIN with CNI_E_AGAIN; -ENOENT if a
 *program is missing; or another errno.  On failure it is not admitted.
 */
int admit_add(struct nl *nl, const struct admit *a, struct err *e);

/**
 * admit_del() - undo admit_add()
 * @a:		the attachment; without @a->ifname its elements are searched by owner.
 *		@a->backend adds iptables to the search, while nftables and
 *		firewalld's sources are always looked at; so is iptables if neither
 *		has anything and it has our chains: the backend may have been another
 *
 * Return: how many elements were removed, 0 if there were none, or a negative
 * errno.
 */
int admit_del(struct nl *nl, const struct admit *a, struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if it is not admitted as admit_add() would do it. */
int admit_check(struct nl *nl, const struct admit *a, struct err *e);

/*
 * Remove what is garbage in @gc's network.  @conf: backend and zone are looked at.
 * Return: how many elements, or a negative errno.
 */
int admit_gc(struct nl *nl, const struct admit *conf, const struct gc *gc, struct err *e);

#endif
