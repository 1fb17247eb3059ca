/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zone - container addresses as sources of a zone of firewalld
 *
 * firewalld rejects what no zone of its own lets through, whatever our table
 * accepts.  An address that is a source of a zone like "trusted" is let through.
 * firewalld is asked by D-Bus, which heddle-firewalld does (libexec/): it lies
 * beside the plugin and is run on hosts where firewalld decides.
 *
 * Sources are of firewalld's runtime: its restart or reload forgets them.
 */
#ifndef ZONE_H
#define ZONE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct ip_addr;
struct nl;

/**
 * zone_rules() - whether firewalld's rules are in this network namespace
 * @nl:		open NETLINK_NETFILTER socket
 *
 * Asked of nftables, as the bus may be of a host whose namespace this is not.
 *
 * Return: 1, 0, or a negative errno.
 */
int zone_rules(struct nl *nl, struct err *e);

/* Whether we may speak to the system bus: root of the initial user namespace alone may. */
bool zone_may_ask(void);

/*
 * @name: the zone; @addrs: @n addresses, each of which becomes a source, or is
 * none any more, or has to be one.  With none of them zone_check() asks whether
 * firewalld runs.
 *
 * Return: 1; 0 if firewalld does not run; -ENOENT if heddle-firewalld is missing;
 * -EIO with what firewalld said; of zone_check() -ESTALE with CNI_E_CHECK for an
 * address that is no source.
 */
int zone_add(const char *name, const struct ip_addr *addrs, size_t n, struct err *e);
int zone_remove(const char *name, const struct ip_addr *addrs, size_t n, struct err *e);
int zone_check(const char *name, const struct ip_addr *addrs, size_t n, struct err *e);

#endif
