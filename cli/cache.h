/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache - libcni's results: which attachments there are, and what they were given
 *
 *	CACHEDIR/results/NETWORK-CONTAINERID-IFNAME
 *
 * Engines write a file for each attachment after ADD, read it for CHECK, and
 * remove it after DEL; so do we, in the same form, so that they and `heddle gc`
 * agree on what is attached.  Ours carry more (aliases, a name for people) in a
 * key "heddle" that libcni ignores.
 *
 * Source: libcni/api.go, cachedInfo, kind "cniCacheV1".
 */
#ifndef CACHE_H
#define CACHE_H

#include <jansson.h>
#include <stddef.h>

struct command_env;
struct err;

struct cache_entry {
	char *network, *container_id, *ifname;
	char *netns;		 /* path, "" if it was not said */
	json_t *conf;		 /* the conflist of the ADD, decoded; NULL: not readable */
	json_t *args;		 /* [[key, value], ...], NULL: none */
	json_t *capability_args; /* NULL: none */
	json_t *result;		 /* as the last plugin gave it */
	json_t *heddle;		 /* ours, NULL: an engine's */
};

/* The path of its namespace, "" if nobody said it: early libcni has it in the result alone. */
const char *cache_entry_netns(const struct cache_entry *entry);

/**
 * cache_entry_open_netns() - open the namespace that it was made in
 *
 * A path such as /proc/PID/ns/net may have come to name another one; attachments
 * of ours know which it was ("netns" in their "heddle", its inode).
 *
 * Return: a descriptor, or as netns_open(): -ENOENT also if it is another one.
 */
int cache_entry_open_netns(const struct cache_entry *entry, struct err *e);

void cache_entry_clear(struct cache_entry *entry);

struct cache {
	struct cache_entry *entries; /* by network, container, interface */
	size_t n;
};

/**
 * cache_load() - read the entries
 * @network:	of this network, NULL: of all
 * @container:	of this container, NULL: of all
 *
 * Torn or foreign files are left out.
 *
 * Return: 0, also without a directory; a negative errno.
 */
int cache_load(const struct command_env *env, const char *network, const char *container,
	       struct cache *ret, struct err *e);
void cache_clear(struct cache *c);

/**
 * cache_lock() - be alone with the attachments of a container
 * @container:	its ID
 *
 * CNI has a runtime do one thing at a time with a container.  Engines keep to
 * that by themselves; our commands do by this lock, which other containers'
 * never wait for.
 *
 * Return: a descriptor that unlocks when it is closed, or a negative errno.
 */
int cache_lock(const struct command_env *env, const char *container, struct err *e);

/* Complete or not at all; replaces an entry of the same attachment. */
int cache_write(const struct command_env *env, const struct cache_entry *entry, struct err *e);
/* Return: 0, also if there is none. */
int cache_remove(const struct command_env *env, const struct cache_entry *entry, struct err *e);

#endif
