/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ruleset - the layout of our nftables tables
 *
 * Two tables, `inet heddle` and `bridge heddle`, each made by the first ADD that
 * needs it.  Chains and rules are fixed; an attachment is elements of the sets,
 * never a rule (claim.h).  docs/nftables.md shows the whole and says why.
 *
 * The layout has a number, kept in the comments of the base chains.  A table
 * with an older number, or whose rules somebody flushed, is refilled: chains
 * made anew and missing sets added in one batch, elements left as they are.  A
 * newer one names the oldest layout whose programs may work on it, and is
 * never changed.  The comments of tables and sets would not do: the kernel
 * cannot change them later.
 *
 * To add to the layout: put sets and chains into the lists of ruleset.c and raise
 * RULESET_LAYOUT.  To change what an existing set or map means: give it a new
 * name, and raise RULESET_COMPATIBLE too.
 */
#ifndef RULESET_H
#define RULESET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/nft.h"

#define RULESET_LAYOUT	   4u
#define RULESET_COMPATIBLE 1u /* the oldest layout whose programs can use this one */
#define RULESET_CHAINS	   8  /* in one table, at most */

struct ruleset_chain {
	struct nft_chain chain;
	unsigned int n_rules; /* that it has at least */
	/* One of these adds them; the other's chain is the one that sets the mark. */
	void (*rules)(struct nft_batch *b, const struct nft_chain *chain);
	void (*marking_rules)(struct nft_batch *b, const struct nft_chain *chain, uint32_t mark);
};

struct ruleset {
	const struct nft_table *table;
	const char *comment;
	const struct nft_set *const *sets;  /* ended by NULL */
	const struct ruleset_chain *chains; /* those that jump stand before those they jump to */
	size_t n_chains;
	uint32_t mark; /* that the chains are to set; 0: whichever they do */
	const struct nft_chain
		*own; /* the operator's chain, made empty and never touched; or NULL */
};

extern const struct ruleset ruleset_inet, ruleset_bridge;
/*
 * Their first chains, which do alone for masquerading, and for pins and MAC guards:
 * each chain is a price that every packet of the host pays.  Who needs more makes all.
 */
extern const struct ruleset ruleset_masq, ruleset_pins;

/* What is masqueraded: container address . interface that leads to it. */
extern const struct nft_set ruleset_masq4, ruleset_masq6;
/* … but not on its way to where: container address . group of its network's interfaces. */
extern const struct nft_set ruleset_routed4, ruleset_routed6;
/* Ports of the host that lead to a container: proto . port -> address . port … */
extern const struct nft_set ruleset_port4, ruleset_port6;
/* … and of one address of the host: host address . proto . port -> address . port */
extern const struct nft_set ruleset_hostport4, ruleset_hostport6;
/* The same keys -> go to the chain of the conditions (gate.h) that have to hold. */
extern const struct nft_set ruleset_gate4, ruleset_gate6;
extern const struct nft_set ruleset_hostgate4, ruleset_hostgate6;
/* Container address . interface that leads to it: who has published ports … */
extern const struct nft_set ruleset_published4, ruleset_published6;
/* … who of them always sees its clients' addresses, and who the host's only. */
extern const struct nft_set ruleset_keepsource4, ruleset_keepsource6;
extern const struct nft_set ruleset_masqall4, ruleset_masqall6;
/* Who may be forwarded: container address . interface that leads to it. */
extern const struct nft_set ruleset_admitted4, ruleset_admitted6;
/*
 * Bridges whose containers do not see those of another one, and the same as
 * (bridge . bridge); bridges whose containers do not see each other either.
 */
extern const struct nft_set ruleset_shut, ruleset_shut_own, ruleset_isolated;
/* Bridges that nothing enters or leaves but as (bridge . bridge) above. */
extern const struct nft_set ruleset_internal;
/* Bridge ports of those containers. */
extern const struct nft_set ruleset_isolated_ports;

/*
 * What a network allows: container address . interface that leads to it -> jump to
 * the list (admit-list.h) that holds for what comes in, or goes out; who has one
 * of the first kind.
 */
extern const struct nft_set ruleset_ingress4, ruleset_ingress6;
extern const struct nft_set ruleset_egress4, ruleset_egress6;
extern const struct nft_set ruleset_listed4, ruleset_listed6;
/* Addresses that are a source of a zone of firewalld: no rule looks, DEL does. */
extern const struct nft_set ruleset_zoned4, ruleset_zoned6;

/*
 * Set in the mark of what is forwarded for containers, for chains of other tools
 * to accept.  It is one for a host, since it is in rules: who first asks for
 * another has it, and the comment of the chain that sets it says so.
 */
#define RULESET_MARK 0x2000000

/* Bridge ports with a fixed source MAC; port . MAC that may pass it. */
extern const struct nft_set ruleset_guarded, ruleset_allowed_mac;
/* Ports that may send as themselves only; port . MAC, port . address that they are. */
extern const struct nft_set ruleset_pinned, ruleset_pinned_mac;
extern const struct nft_set ruleset_pinned4, ruleset_pinned6;
/* port . MAC . address, which suffices for nearly every packet. */
extern const struct nft_set ruleset_pinned_own4, ruleset_pinned_own6;
/* The same MAC, and the IPv6 addresses, as neighbour discovery tells them. */
extern const struct nft_set ruleset_pinned_nd_mac, ruleset_pinned_nd;

/* How a table looks in the kernel. */
struct ruleset_view {
	bool stands; /* fit for use as it is */
	bool chain_exists[RULESET_CHAINS];
	uint32_t mark; /* that somebody asked for, 0: nobody has */
};

/**
 * ruleset_look() - see whether a table stands
 * @nl:		open NETLINK_NETFILTER socket
 * @rs:		the table's layout
 * @ret:	what was found
 *
 * Return: 0, also if there is no table; -EINVAL if it has a newer layout that
 * this program does not understand, or with CNI_E_CONFIG if it sets another mark
 * than @rs asks for; or another errno.
 */
int ruleset_look(struct nl *nl, const struct ruleset *rs, struct ruleset_view *ret, struct err *e);

/**
 * ruleset_build() - make a table, or refill it, unless it stands
 * @b:		batch of the generation in which @view was taken
 * @rs:		the table's layout
 * @view:	from ruleset_look()
 */
void ruleset_build(struct nft_batch *b, const struct ruleset *rs, const struct ruleset_view *view);

/**
 * ruleset_get_mark() - the mark that containers' packets get on this host
 * @wanted:	what is asked for, 0: nothing
 * @ret:	@wanted, or what somebody has asked for, or RULESET_MARK
 *
 * Return: 0; -EINVAL with CNI_E_CONFIG if somebody has asked for another; or
 * another errno.
 */
int ruleset_get_mark(struct nl *nl, uint32_t wanted, uint32_t *ret, struct err *e);

/* Return: 0 if the table stands, -ESTALE with CNI_E_CHECK if not, or another errno. */
int ruleset_check(struct nl *nl, const struct ruleset *rs, struct err *e);

#endif
