/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coexist - chains of other tools that would drop what we let through
 *
 * An accept in our table does not bind another one: with Docker's or ufw's
 * policy of drop in `ip filter FORWARD` nothing would pass.  What we accept
 * carries a mark (ruleset.h), and one rule at the head of that chain accepts the mark:
 *
 *	iptables -I FORWARD -m mark --mark 0x2000000/0x2000000 -j ACCEPT
 *
 * It is once a host and stays.  It is looked for by netlink, which costs
 * microseconds; a program runs only to insert it.  By a program at all, because
 * iptables-nft saves only those rules of the chain that it has made itself.
 *
 * Chains of the legacy iptables are not to be seen from here: there the rule is
 * the operator's to add (docs/nftables.md).
 */
#ifndef COEXIST_H
#define COEXIST_H

#include <stdint.h>

struct err;
struct nft_chain;
struct nl;

/**
 * coexist_add() - make sure that another tool's FORWARD chain accepts our mark
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @family:	AF_INET or AF_INET6
 * @mark:	one bit
 *
 * A chain that accepts by policy and has no rules is left alone.  So is one with
 * the rule in whatever place: who inserts something above it later means it.
 *
 * Return: 0; -ENOENT if the rule is missing and the iptables program too;
 * -EAGAIN with CNI_E_AGAIN; -EIO with what the program said; or another errno.
 */
int coexist_add(struct nl *nl, uint8_t family, uint32_t mark, struct err *e);

/* Return: 0, -ESTALE with CNI_E_CHECK if the rule is needed and missing, or another errno. */
int coexist_check(struct nl *nl, uint8_t family, uint32_t mark, struct err *e);

/**
 * coexist_accepts() - whether a chain of another tool has such a rule, in whatever place
 * @chain:	of any table
 *
 * Return: 1, 0 also if there is no such chain, or a negative errno.
 */
int coexist_accepts(struct nl *nl, const struct nft_chain *chain, struct err *e);

#endif
