/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit-list - what a network allows, in the kernel
 *
 * A list (allow.h) is a chain of table inet heddle and its two sets of ranges,
 * whoever is on it comes back from the chain:
 *
 *	set i6eb91c8f301815_4 { type ipv4_addr . inet_proto . inet_service; flags interval; … }
 *	chain i6eb91c8f301815 {
 *		ip saddr . meta l4proto . th dport @i6eb91c8f301815_4 return
 *		ip6 saddr . meta l4proto . th dport @i6eb91c8f301815_6 return
 *		drop
 *	}
 *
 * It is made by the first attachment that has it and removed with the last.  Each
 * attachment's addresses lead to it by a map (ruleset.h), and the kernel counts
 * who does, so nobody has to search for who else is there.  One chain a network
 * is not one a container: what a packet meets stays two look-ups.
 */
#ifndef ADMIT_LIST_H
#define ADMIT_LIST_H

#include <net/if.h>

#include "lib/allow.h"

struct err;
struct gc;
struct nl;
struct owner;

enum admit_way { ADMIT_IN, ADMIT_OUT };

/* The chain of a list: 'i' or 'e', and its hash. */
void admit_list_name(char ret[IFNAMSIZ], enum admit_way way, const struct allow *list);

/**
 * admit_list_add() - make sure that a list is there
 * @network:	whose it is; its tag is the chain's comment
 *
 * Return: 0; -EAGAIN with CNI_E_AGAIN; or another errno.
 */
int admit_list_add(struct nl *nl, enum admit_way way, const struct allow *list,
		   const struct owner *network, struct err *e);

/* Remove a list if nobody leads to it.  Return: how many were removed, or a negative errno. */
int admit_list_release(struct nl *nl, enum admit_way way, const struct allow *list, struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if the list is not as admit_list_add() makes it. */
int admit_list_check(struct nl *nl, enum admit_way way, const struct allow *list, struct err *e);

/* Remove @gc's network's lists that nobody leads to.  Return: how many, or a negative errno. */
int admit_list_gc(struct nl *nl, const struct gc *gc, struct err *e);

#endif
