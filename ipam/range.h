/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * range - which address is next, and which may be asked for
 *
 * A range is a part of one subnet, a set is a list of ranges of one family that
 * are one pool; an attachment gets one address of each set.  Pure: what is
 * taken comes in as a list, nothing is read or written.
 *
 *	10.1.0.0                                                10.1.0.255
 *	   |-- network, never                      broadcast, never --|
 *	   |    |-- start          may be requested          end --|  |
 *	   |    |         |== first   given round robin   last ==| |  |
 *
 * Without ipRange first and last are start and end.  With it they are its ends,
 * and the whole subnet outside of ipRange may be requested.  start and end are
 * moved off the network and broadcast address, because Podman names the
 * broadcast address as rangeEnd.
 *
 * Source: the README of the reference's host-local; RFC 4291 2.6.1 for the
 * lowest address of an IPv6 subnet.
 */
#ifndef RANGE_H
#define RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct jnode;

struct range {
	struct ip_net subnet; /* without host bits */
	struct ip_addr start, end;
	struct ip_addr first, last;
	struct ip_addr gateway;
	struct ip_net pool; /* ipRange; family 0: not given */
};

struct range_set {
	struct range *ranges;
	struct ip_addr *reserved; /* gateways and excluded addresses, each once */
	size_t n, n_reserved;	  /* n is 1 or more */
};

/**
 * range_set_read() - a set from the config
 * @n:		an array of range objects, or one such object for a set of one
 * @ret:	owned by the caller, range_set_clear()
 *
 * Return: 0; -EINVAL with the path and the rule for a range that breaks one;
 * -ENOMEM.
 */
int range_set_read(const struct jnode *n, struct range_set *ret, struct err *e);
void range_set_clear(struct range_set *set);

static inline uint8_t range_set_family(const struct range_set *set)
{
	return set->ranges[0].subnet.addr.family;
}

/* Whether @ip is a gateway or excluded. */
bool range_set_is_reserved(const struct range_set *set, const struct ip_addr *ip);

/* Whether any address lies between start and end of both ranges; of any two of both sets. */
bool range_overlaps(const struct range *a, const struct range *b);
bool range_set_overlaps(const struct range_set *a, const struct range_set *b);

/* The range from which @ip may be requested, or NULL. */
const struct range *range_set_find(const struct range_set *set, const struct ip_addr *ip);

/**
 * range_set_permits() - whether a requested address may be given to a container
 * @ip:		an address for which range_set_find() gave a range
 *
 * Return: 0; -EINVAL if it is a gateway, excluded, or a network or broadcast
 * address.
 */
int range_set_permits(const struct range_set *set, const struct ip_addr *ip, struct err *e);

/* Whether @ip is among the addresses that are given round robin. */
bool range_set_is_dynamic(const struct range_set *set, const struct ip_addr *ip);

/* How many addresses can be given round robin at once; UINT64_MAX for that and more. */
uint64_t range_set_size(const struct range_set *set);

/**
 * range_set_next() - the next address, round robin
 * @last:	the address given last; outside of the set, or unset: start anew
 * @taken:	addresses that are held, in any order, also of other sets
 * @n_taken:	how many
 * @ret:	the address
 * @ret_range:	the range it is of
 *
 * Time goes with @n_taken and the number of ranges, not with their sizes.
 *
 * Return: 0; -ENOSPC if all are taken; -ENOMEM.
 */
int range_set_next(const struct range_set *set, const struct ip_addr *last,
		   const struct ip_addr *taken, size_t n_taken, struct ip_addr *ret,
		   const struct range **ret_range);

/* "10.1.0.0/24 (10.1.0.2 to 10.1.0.254)", ranges joined by ", ", cut at @len.  Return: @buf. */
const char *range_set_str(const struct range_set *set, char *buf, size_t len);

#endif
