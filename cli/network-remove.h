/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-remove - take networks away, with all that they left on this host
 *
 *	struct network_remover m = NETWORK_REMOVER_CLOSED;
 *
 *	network_remover_open(&m, env, e);
 *	for each: network_remover_remove(&m, net, e);
 *	network_remover_close(&m);
 *
 * What is attached is looked at once, under the store's lock, which is held until
 * the end.
 */
#ifndef NETWORK_REMOVE_H
#define NETWORK_REMOVE_H

#include "cli/store.h"
#include "cli/usage.h"

struct command_env;
struct err;

struct network_remover {
	const struct command_env *env;
	struct store store;
	struct usage usage;
	int lock;
};

#define NETWORK_REMOVER_CLOSED ((struct network_remover){ .lock = -1 })

/* Return: 0 or a negative errno; close it in any case. */
int network_remover_open(struct network_remover *m, const struct command_env *env, struct err *e);
void network_remover_close(struct network_remover *m);

/**
 * network_remover_check() - whether a network may go
 *
 * Return: 0; -EPERM if it is predefined; -ENOENT if it is gone by now; -EBUSY if something is
 * attached to it, or a network was made from it.
 */
int network_remover_check(const struct network_remover *m, const struct network *net,
			  struct err *e);

/**
 * network_remover_remove() - check it, and remove it
 * @net:	of @m->store
 *
 * What attachments that are gone have left, and the bridge, unless it was there
 * before the network or has ports of others; at last the file, so that one that
 * failed half way can be removed again.  Of networks that are neither ours nor
 * Podman's or nerdctl's only the file: the rest is for who made them.
 *
 * Return: 0; what network_remover_check() said; the errno of removing.
 */
int network_remover_remove(const struct network_remover *m, const struct network *net,
			   struct err *e);

#endif
