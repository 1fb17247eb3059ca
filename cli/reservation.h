/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reservation - addresses of a network that are kept for a name
 *
 * For containers that configure themselves.  A reservation is a lease of
 * host-local by (NAME, eth0), with the stamp "keep" (lease-text.h): it outlives
 * reboots, gc leaves it alone, and nobody else gets the address.
 */
#ifndef RESERVATION_H
#define RESERVATION_H

#include <stddef.h>

#include "lib/ip.h"

struct command_env;
struct endpoint_spec;
struct err;
struct network;

#define RESERVATION_IFNAME "eth0"
#define RESERVATION_STAMP  "keep"

/**
 * reservation_make() - reserve an address of each family, or find those reserved
 * @net:	with host-local
 * @name:	whose they are to be
 * @spec:	addresses that are asked for, if there are none yet
 * @ret:	with the length of their subnets; owned by the caller, free()
 * @ret_n:	how many
 *
 * Return: 0; -EEXIST if a container of that name is attached; -EINVAL if the
 * network has no host-local; what host-local failed with.
 */
int reservation_make(const struct command_env *env, const struct network *net, const char *name,
		     const struct endpoint_spec *spec, struct ip_net **ret, size_t *ret_n,
		     struct err *e);

/* Give them up.  Return: 0, also if there are none; as reservation_make(). */
int reservation_release(const struct command_env *env, const struct network *net, const char *name,
			struct err *e);

#endif
