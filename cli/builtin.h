/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * builtin - the predefined networks: bridge, host and none
 *
 * They are the same on every host, are never on disk, and cannot be removed.
 * bridge is what attach and the hooks use where nobody names a network: a
 * bridge hb-bridge with 10.87.0.0/16, beside Podman's 10.88 and out of Docker's
 * pools.
 */
#ifndef BUILTIN_H
#define BUILTIN_H

#include <stddef.h>

struct err;
struct network;

#define BUILTIN_COUNT 3

/**
 * builtin_network() - make one of them
 * @i:		0..BUILTIN_COUNT-1
 * @leases:	directory for leases, NULL: the default
 * @ret:	owned by the caller, network_clear()
 *
 * Return: 0 or -ENOMEM.
 */
int builtin_network(size_t i, const char *leases, struct network *ret, struct err *e);

#endif
