/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-new - make a network of what was asked for
 *
 * All is decided under the store's lock, so that of several at a time none takes
 * a name or a subnet of another.
 */
#ifndef NETWORK_NEW_H
#define NETWORK_NEW_H

#include <stdbool.h>

#include "cli/network-ipam.h"
#include "lib/network.h"

struct command_env;
struct err;

struct network_new {
	struct network net; /* what was said of it, all else 0; then the network itself */
	struct network_ipam ipam;
	const char *driver, *scope, *ipam_driver; /* borrowed, NULL: not given */
	bool ipv4_given, ipv6_given, ingress;
};

void network_new_clear(struct network_new *n);

/**
 * network_new_add() - check it, complete it, and put it on disk
 * @n:		n->net has its name, and ipv4 unless that is not wanted
 *
 * Warns of what may surprise.
 *
 * Return: 0; -EEXIST if its name, a subnet or its bridge is another network's;
 * -ENOSPC if no subnet is free; -EINVAL, -EPERM, -ENOENT, -ENODEV, -ENOTSUP or -EADDRINUSE if it
 * cannot be like that; the errno of reading or writing.
 */
int network_new_add(const struct command_env *env, struct network_new *n, struct err *e);

#endif
