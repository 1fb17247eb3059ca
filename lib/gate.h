/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gate - conditions on which a network's ports are open
 *
 * conditionsV4 and conditionsV6 of portmap (nft-words.h) are a chain each, with two
 * rules for each alternative: where the conditions hold, the packet goes where the
 * port leads.  It is one chain for all ports of all the network's containers:
 *
 *	chain g6eb91c8f30181 {
 *		ip saddr 203.0.113.0/24 … dnat ip to ip daddr . meta l4proto . th dport map
 *@hostport4 ip saddr 203.0.113.0/24 … dnat ip to meta l4proto . th dport map @port4
 *	}
 *
 * A port's element in gate4 or hostgate4 (ruleset.h) makes packets go there, and not
 * come back: a chain that somebody flushed opens nothing.
 */
#ifndef GATE_H
#define GATE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/nft-words.h"
#include "lib/owner.h"

struct err;
struct jnode;
struct nl;

struct gate {
	char name[IFNAMSIZ]; /* of its chain: 'g' and a hash of the network and the words; "": none
			      */
	uint8_t family;	     /* AF_INET or AF_INET6 */
	struct owner network;
	struct nft_words words;
};

/**
 * gate_read() - read conditions
 * @n:		list of strings; one without words is no gate
 * @network:	whose it is
 * @family:	AF_INET or AF_INET6
 * @ret:	the gate
 *
 * Return: as nft_words_read().
 */
int gate_read(const struct jnode *n, const char *network, uint8_t family, struct gate *ret,
	      struct err *e);

static inline bool gate_given(const struct gate *g)
{
	return *g->name;
}

/* As shared-chain.h has them, of a gate that is given. */
int gate_add(struct nl *nl, const struct gate *g, struct err *e);
int gate_check(struct nl *nl, const struct gate *g, struct err *e);

/* Remove gates of @network, any owner of it, that no port leads to.  Return: how many, or an errno.
 */
int gate_prune(struct nl *nl, const struct owner *network, struct err *e);

#endif
