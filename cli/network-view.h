/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-view - a network as JSON: a row of `ls`, and what `inspect` says
 *
 * Both have Docker's members in Docker's order.  What Docker does not know of is
 * for templates alone (format.h): where the network comes from, its interface
 * on the host, its file.  Pure.
 *
 * Source: Docker's API, "Inspect a network", version 1.52.
 */
#ifndef NETWORK_VIEW_H
#define NETWORK_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/network.h"

struct leases_count;
struct usage;

/* "heddle", "builtin", "podman", "nerdctl", "other". */
const char *network_view_origin(enum network_origin origin);

/* ID, Name, Driver, Scope, CreatedAt, IPv4, IPv6, Internal, Labels, Origin.  NULL: no memory. */
json_t *network_view_row(const struct network *net);

/**
 * network_view_inspect() - everything of a network
 * @usage:	endpoints, those of other networks too
 * @counts:	how full its subnets are, @n_counts of them; none: nobody knows
 * @verbose:	also Services, which none has, and Heddle: what is otherwise for templates
 *
 * Return: owned by the caller; NULL without memory.
 */
json_t *network_view_inspect(const struct network *net, const struct usage *usage,
			     const struct leases_count *counts, size_t n_counts, bool verbose);

#endif
