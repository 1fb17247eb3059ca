/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - the networks of this host, in the CNI config directory
 *
 *	CONFDIR/zz-heddle-NAME.conflist		a network of ours
 *	CONFDIR/....conflist, ....conf, ....json	networks of others
 *	CONFDIR/NAMESPACE/nerdctl-NAME.conflist	nerdctl's
 *	CONFDIR/.heddle-*.tmp			one that is being written
 *	CONFDIR/.heddle.lock			flock() for every change of ours
 *	STATEDIR/networks/NAME.json		a config-only network
 *
 * A network appears complete or not at all: it is written under a temporary
 * name in the same directory and linked there, as containerd does not notice a
 * file that is moved in.  What other engines keep there is read and never
 * changed, but for `rm`, which is what their users ask for.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/network.h"

struct command_env;
struct err;

struct store {
	struct network *networks; /* by name, natural order; the predefined ones among them */
	size_t n;
};

/**
 * store_load() - read every network
 * @ret:	owned by the caller, store_clear()
 * @warn:	called with a sentence for each file that is no network, may be NULL
 *
 * Of two files for one name the first counts, as with libcni; the predefined
 * networks come before both, but for nerdctl's default network, bridge.  A directory that is not
 * there holds no networks.
 *
 * Return: 0; the errno of reading the directory; -ENOMEM.
 */
int store_load(const struct command_env *env, void (*warn)(const char *text), struct store *ret,
	       struct err *e);
void store_clear(struct store *s);

/**
 * store_find() - a network as people name it
 * @ref:	full ID, else full name, else a prefix of an ID, as Docker has it
 * @ret:	borrowed from @s
 *
 * Return: 0; -ENOENT "network X not found", with a hint where X is the name of
 * a scope or driver; -ENOTUNIQ if a prefix is ambiguous.
 */
int store_find(const struct store *s, const char *ref, const struct network **ret, struct err *e);

/**
 * store_lock() - the lock under which a change is decided and made
 *
 * Makes the config directory if it is not there, and removes what a killed
 * process of ours has left half written in it, or among the templates.
 *
 * Return: a descriptor, whose close() unlocks; -EAGAIN if somebody else holds it
 * for 30 s; the errno of making the directory or the file.
 */
int store_lock(const struct command_env *env, struct err *e);

/**
 * store_add() - put a network on disk, under store_lock()
 * @net:	with @net->conf; @net->file is set
 *
 * It is on the disk when this returns, under its name or not at all.
 *
 * Return: 0; -EEXIST if the file is there; the errno of writing.
 */
int store_add(const struct command_env *env, struct network *net, struct err *e);

/* Remove a network's file.  Return: 0, also if it is gone; the errno of unlink(). */
int store_remove(const struct network *net, struct err *e);

/* Whether engines take a file of that name in the config directory for a network. */
bool store_is_conf(const char *name);

/* Where leases are, for network_conf_write().  Return: the path, owned by the caller; NULL. */
char *store_leases(const struct command_env *env);

#endif
