/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pools - a subnet for a network that names none
 *
 * IPv4: Docker's pools, 172.17.0.0/16 to 172.31.0.0/16 and then 192.168.0.0/16
 * in pieces of /20.  IPv6: pieces of /64 of a unique local /48 that is the
 * host's own.  The first piece that nobody uses is taken.
 *
 * In use is what other networks have, what the host's routes and addresses
 * lead to, and its name servers.  Routes of less than /8 are a VPN's way to
 * everywhere and do not count.  Where routes by a gateway leave nothing, only
 * those that end on this host's own links count, which is all that Docker looks at.
 *
 * Source: libnetwork's ipamutils for the pools; RFC 4193 3.2 for the /48.
 */
#ifndef POOLS_H
#define POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;

struct pools_use {
	struct ip_net net;
	int index;    /* the interface that it is on, 0: none */
	bool on_link; /* of the host's own links, of a network, or a name server */
};

struct pools {
	struct pools_use *uses;
	size_t n;
	struct ip_net local; /* the host's /48 */
};

/**
 * pools_init() - what this host uses; pools_add() says what else is not free
 * @ret:	owned by the caller, pools_clear()
 *
 * Return: 0 or a negative errno.
 */
int pools_init(struct pools *ret, struct err *e);
void pools_clear(struct pools *p);

/* Return: 0 or -ENOMEM. */
int pools_add(struct pools *p, const struct pools_use *use);

/* The /48 of whoever has this seed, of which 40 bits are a hash of it. */
struct ip_net pools_local(const void *seed, size_t len);

/**
 * pools_pick() - a subnet that is free
 * @family:	AF_INET or AF_INET6
 * @len:	prefix length, 0: the pools' own
 * @ret:	without host bits
 *
 * Return: 0; -ENOSPC if none is free.
 */
int pools_pick(const struct pools *p, uint8_t family, uint8_t len, struct ip_net *ret,
	       struct err *e);

/* A use of the host itself (index is set) that @net overlaps; NULL: none. */
const struct pools_use *pools_on_host(const struct pools *p, const struct ip_net *net);

#endif
