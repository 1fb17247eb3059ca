/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * announce - tell the containers of a bridge where an address is now
 *
 * A gratuitous ARP request (RFC 5227, section 3) or an unsolicited neighbour
 * advertisement (RFC 4861, section 7.2.6) with the address and MAC of an endpoint,
 * sent out of the bridge itself: it goes to every local port, and not to one that
 * answers for others (neigh_suppress), so it never leaves the host.
 */
#ifndef NETD_ANNOUNCE_H
#define NETD_ANNOUNCE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;

#define ANNOUNCE_FRAME 86 /* bytes: Ethernet, IPv6, an advertisement with one option */

/* The frame.  Return: its length. */
size_t announce_frame(const struct ip_addr *ip, const uint8_t mac[6], uint8_t ret[ANNOUNCE_FRAME]);

/* A socket to send with.  Return: a descriptor, or -EPERM without CAP_NET_RAW. */
int announce_open(struct err *e);

/* Return: 0 or a negative errno: -ENETDOWN, -ENODEV, -ENOBUFS. */
int announce_send(int fd, int bridge, const struct ip_addr *ip, const uint8_t mac[6]);

#endif
