/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pin - what a bridge port sends is its own: MAC, ARP, ND and source addresses
 *
 * The rules are ruleset.h's; here are the elements that make a port one of those
 * that they look at, and say what is its own.
 *
 * Source: docs/nftables.md, "Pins".
 */
#ifndef PIN_H
#define PIN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/nft.h"

struct claims;
struct err;

/* A port; all borrowed. */
struct pin {
	const char *port;
	const uint8_t *mac; /* six bytes */
	const struct ip_addr *addrs;
	size_t n_addrs;
};

/* Where its elements are, ended by NULL. */
extern const struct nft_set *const pin_sets[];

/* Add a port's elements to @ret, that of the port itself first.  Return: 0 or -ENOMEM. */
int pin_list(struct claims *ret, const struct pin *p, struct err *e);

#endif
