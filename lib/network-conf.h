/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-conf - the conflist of a network of ours, for plugins and engines
 *
 * A chain of bridge or overlay, portmap and firewall, or a macvlan alone, with what else
 * there is to know in "heddle" (network-meta.h); labels are also where Podman
 * looks for them.  Pure.
 */
#ifndef NETWORK_CONF_H
#define NETWORK_CONF_H

#include <jansson.h>

struct err;
struct network;

/* Where host-local keeps leases, a directory for each network, if dataDir says no other. */
#define NETWORK_LEASES "/var/lib/cni/networks"

/**
 * network_conf_write() - make the conflist of a network of ours
 * @net:	checked; conf, id and link are set, but for an overlay's link, which netd knows
 * @leases:	directory for leases, NULL: NETWORK_LEASES
 *
 * A config-only network has no plugins, and is no conflist.
 *
 * Return: 0; -EINVAL for an option that is wrong; -ENOMEM.
 */
int network_conf_write(struct network *net, const char *leases, struct err *e);

/* The directory with the directory @net->name of leases.  Return: borrowed from @net. */
const char *network_conf_leases(const struct network *net);

#endif
