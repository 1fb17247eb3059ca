/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared-chain - a chain that elements of several attachments lead to
 *
 * It is made by the first attachment that needs it and removed with the last.
 * Nobody has to search for who else is there: the kernel counts a chain's rules
 * and the map elements that lead to it.  Its name stands for what it holds, so a
 * chain is never changed, only made whole again if somebody flushed it; and its
 * comment is its network's tag, by which GC finds it.  Sets go with it.
 *
 *	shared_chain_add()	then claim the elements; on -ENOENT somebody's DEL
 *				came between the two: again
 *	shared_chain_release()	after the elements are released, or
 *	shared_chain_prune()	where it is not known to which chains they led
 */
#ifndef SHARED_CHAIN_H
#define SHARED_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/nft.h"

struct err;
struct nl;
struct owner;

#define SHARED_CHAIN_TRIES 10 /* to claim elements that lead to one */

struct shared_chain {
	const char *what;	    /* it is, for errors */
	struct nft_chain chain;	    /* of table inet heddle */
	const struct nft_set *sets; /* that its rules alone look in, @n_sets of them */
	size_t n_sets;
	uint32_t n_rules; /* that it has */
	void (*put_rules)(struct nft_batch *b, const struct shared_chain *c);
	void (*put_elems)(struct nft_batch *b, const struct shared_chain *c, const char *tag);
	const void *data; /* for these two */
};

/**
 * shared_chain_add() - make sure that it is there, with its rules
 * @nl:		open NETLINK_NETFILTER socket
 * @c:		the chain; the table is made, too
 * @network:	whose it is
 *
 * Return: 0; -EAGAIN with CNI_E_AGAIN; or another errno.
 */
int shared_chain_add(struct nl *nl, const struct shared_chain *c, const struct owner *network,
		     struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if it is missing or lacks rules; or another errno. */
int shared_chain_check(struct nl *nl, const struct shared_chain *c, struct err *e);

/* Remove it and its sets if nobody leads to it.  Return: how many chains, or a negative errno. */
int shared_chain_release(struct nl *nl, const struct shared_chain *c, struct err *e);

/**
 * shared_chain_prune() - remove a network's chains that nobody leads to
 * @network:	any owner of the network
 * @is_one:	whether a chain of that name is meant
 * @release:	does shared_chain_release() for that name
 *
 * Return: how many were removed, or a negative errno.
 */
int shared_chain_prune(struct nl *nl, const struct owner *network, bool (*is_one)(const char *name),
		       int (*release)(struct nl *nl, const char *name, struct err *e),
		       struct err *e);

#endif
