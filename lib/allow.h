/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * allow - a network's list of what may come in, or go out
 *
 *	[{"cidr": "10.0.0.0/8", "protocol": "tcp", "port": "8000-8999"}, {"protocol": "icmp"}]
 *
 * A rule is a box: a range of addresses, one of protocols, one of ports.  A key
 * that is left out is the whole of its side, and without a cidr there is a box for
 * each family.  The kernel takes no boxes that overlap, so they are cut until
 * none do; what they allow together stays the same.
 *
 * The list has a name, made of the network's and of what it allows.  So two lists
 * never share one, and containers that were attached under an older config
 * keep theirs.  Pure: nothing here asks the kernel.
 */
#ifndef ALLOW_H
#define ALLOW_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct jnode;

/* Sides of a box. */
enum { ALLOW_ADDRESS, ALLOW_PROTOCOL, ALLOW_PORT, ALLOW_SIDES };

#define ALLOW_MAX 1024 /* boxes of a list */

/* Values are in network order and begin at the first byte; lower ends go on with 0, upper ones with
 * 0xff. */
struct allow_side {
	uint8_t from[16], to[16];
};

struct allow_box {
	uint8_t family;
	struct allow_side side[ALLOW_SIDES];
};

struct allow {
	char name[IFNAMSIZ]; /* "" if there is no list, which is not an empty one */
	struct allow_box *list;
	size_t n, room;
};

/**
 * allow_read() - read a list
 * @n:		the list
 * @network:	whose it is
 * @ret:	allow_clear() frees it
 *
 * Return: 0; -EINVAL with the path for a bad value, an unknown key (which might
 * have been meant to narrow the rule), a port without a protocol that has
 * ports, or more than ALLOW_MAX boxes; -ENOMEM.
 */
int allow_read(const struct jnode *n, const char *network, struct allow *ret, struct err *e);
void allow_clear(struct allow *a); /* leaves no list */

static inline bool allow_given(const struct allow *a)
{
	return *a->name;
}

#endif
