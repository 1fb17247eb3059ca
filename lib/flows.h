/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows - tracked connections that a change of a published port leaves behind
 *
 * NAT is decided by a connection's first packet.  A client that keeps sending
 * from one port, as DNS and syslog do, would go on to a container that has gone,
 * or miss one that has come, for as long as it does not pause.
 *
 * TCP connections are left alone: a new one begins anew by itself, and one that
 * lives goes on when an engine takes a container's ports away and gives them
 * back, as `podman network reload` does.
 *
 * Source: linux/netfilter/nfnetlink_conntrack.h; nf_conntrack_netlink.c.
 */
#ifndef FLOWS_H
#define FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/publish.h"

struct err;
struct nl;

/**
 * flows_forget_stale() - after ADD: what still goes elsewhere
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @p:		the attachment, whose ports are open now
 *
 * Dropped are UDP and SCTP associations to a published port of the host that
 * lead to anybody but this container.  The kernel's whole table is read once for that, 12 ms with
 * its usual size, and not at all without such ports or without any flow.
 *
 * Return: 0, also without connection tracking; or a negative errno.
 */
int flows_forget_stale(struct nl *nl, const struct publish *p, struct err *e);

/* Whether flows_forget() would have to read the table; this does not take as long. */
bool flows_expected(const struct publish *p);

/*
 * After DEL: what led to this container through its published ports, or through
 * any if they are not known.  Return: as above.
 */
int flows_forget(struct nl *nl, const struct publish *p, struct err *e);

#endif
