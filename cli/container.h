/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container - one container's attachments, made together and removed again
 *
 * What attach, connect and the hooks have in common.  Whoever changes a
 * container's attachments holds its lock (cache_lock()).
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cache;
struct cache_entry;
struct command_env;
struct endpoint_specs;
struct err;
struct network;
struct port_spec;
struct store;

struct container {
	const char *id;	   /* CNI_CONTAINERID */
	const char *name;  /* for people */
	const char *netns; /* path */
};

/* What is asked for; all borrowed. */
struct container_wish {
	const struct endpoint_specs *networks;
	const struct port_spec *ports; /* published at the last network that can, n_ports of them */
	size_t n_ports;
};

/**
 * container_attach() - attach to all networks or to none
 * @ret:	array of what was made, owned by the caller; may be NULL: {"Network",
 *		"Container", "Interface", "IPAddress", "MacAddress", "Ports"}, texts for
 *		people, and "Result" as the last plugin gave it
 *
 * lo is brought up.  All that can be known to be wrong is found before the
 * first plugin runs.
 *
 * Return: 0; -ENOENT for a network that is not there; -EOPNOTSUPP for host, which is no
 * network to attach to; -EEXIST if it is attached already; -EINVAL; what a
 * plugin reported.
 */
int container_attach(const struct command_env *env, const struct store *store,
		     const struct container *c, const struct container_wish *wish, json_t **ret,
		     struct err *e);

/**
 * container_detach() - remove one attachment
 * @entry:	of it
 *
 * The network may be gone, and so may the namespace.
 *
 * Return: 0, or the first failure of a plugin, and then it can be tried again.
 */
int container_detach(const struct command_env *env, const struct store *store,
		     const struct cache_entry *entry, struct err *e);

/* Detaches all of them, past failures, of which the first is kept. */
int container_detach_all(const struct command_env *env, const struct store *store,
			 const struct cache *entries, struct err *e);

/*
 * All that heddle has attached the container with that ID to; nothing is not an
 * error.  An engine that runs our hooks has attachments of its own.
 */
int container_detach_id(const struct command_env *env, const struct store *store, const char *id,
			struct err *e);

/* Compares what is attached with the result that the cache has.  Return: as chain_check(). */
int container_check(const struct command_env *env, const struct store *store,
		    const struct cache_entry *entry, struct err *e);

/**
 * container_find() - the attachments of a container, as people name it
 * @ref:	full ID, else name, else its namespace (target.h), else a prefix of an ID
 * @ret:	owned by the caller, cache_clear(); of one container, one or more
 *
 * Return: 0; -ENOENT "No such container: X"; -ENOTUNIQ if @ref is of several.
 */
int container_find(const struct command_env *env, const char *ref, struct cache *ret,
		   struct err *e);

/* The same with the container's lock, as which a descriptor is returned. */
int container_find_locked(const struct command_env *env, const char *ref, struct cache *ret,
			  struct err *e);

/* The name of the container that an entry is of: the ID where it has no other. */
const char *container_name(const struct cache_entry *entry);

#endif
