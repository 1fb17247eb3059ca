/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * masq - containers reach the world with the host's address (ipMasq)
 *
 * What a container sends to anywhere but its own network, multicast excepted,
 * leaves with the address of the host's outgoing interface.
 *
 * With nftables an attachment is one element an address in the sets of
 * ruleset.h.  With iptables it is a chain, named as the reference names it, for
 * engines that look for it; that costs a process a call.
 */
#ifndef MASQ_H
#define MASQ_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ip.h"
#include "lib/owner.h"

struct cni_request;
struct cni_result;
struct err;
struct gc;
struct jnode;
struct nl;

enum masq_backend { MASQ_NFTABLES, MASQ_IPTABLES };

/* An attachment; all borrowed. */
struct masq {
	enum masq_backend backend;
	const struct owner *owner;
	const char *network;
	const char *container_id;
	const char *ifname;	    /* host interface that leads to it: its bridge */
	bool routed;		    /* its network is all interfaces of the owner's group */
	const struct ip_net *addrs; /* its addresses, with their subnet's length */
	size_t n_addrs;
};

/* Read the key ipMasqBackend: "nftables", "iptables", or "" for the default. */
int masq_read_backend(const struct jnode *n, enum masq_backend *ret, struct err *e);

/**
 * masq_init() - the attachment of a request
 * @m:		filled in, as not routed; masq_clear() frees it
 * @rq:		borrowed
 * @backend:	from masq_read_backend()
 * @ifname:	host interface that leads to the container, borrowed; NULL if unknown
 * @res:	its addresses, NULL for none
 *
 * Return: 0 or -ENOMEM.
 */
int masq_init(struct masq *m, const struct cni_request *rq, enum masq_backend backend,
	      const char *ifname, const struct cni_result *res, struct err *e);
void masq_clear(struct masq *m);

/**
 * masq_add() - masquerade an attachment's addresses
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @m:		the attachment
 *
 * What is masqueraded for it already stays.  An address whose holder is gone
 * (its host interface does not exist) is taken over.
 *
 * Return: 0; -EEXIST if another attachment has one of the addresses on the same
 * interface; -ENOENT if the iptables program is missing; -EAGAIN with
 * CNI_E_AGAIN; or another errno.  On failure nothing was added.
 */
int masq_add(struct nl *nl, const struct masq *m, struct err *e);

/**
 * masq_del() - undo masq_add()
 * @nl:		as above
 * @m:		the attachment; without addresses, or without @m->ifname, they are
 *		searched by owner.  @m->backend adds iptables to the search, while
 *		nftables is always looked at
 *
 * Return: 0, also if there was nothing; or a negative errno.
 */
int masq_del(struct nl *nl, const struct masq *m, struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if it is not masqueraded as masq_add() would do it. */
int masq_check(struct nl *nl, const struct masq *m, struct err *e);

/* Remove what is garbage in @gc's network.  Return: 0 or a negative errno. */
int masq_gc(struct nl *nl, enum masq_backend backend, const struct gc *gc, struct err *e);

#endif
