/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census - every attachment that left a trace on this host, and whether it lives
 *
 * Traces are libcni's cached results, leases, elements of our nftables tables,
 * and queues (ifb).  They are brought together by their owner's key (owner.h).
 * Whether an attachment lives is not for one record to say:
 *
 *	an interface with its mark exists, here or in any namespace	lives
 *	its result is cached, and its namespace is there		lives
 *	its address is reserved						lives
 *	its result is cached, and its namespace is gone			gone
 *	neither interface nor result					gone, but for
 *		a lease of the last minute, whose ADD may be at work	unsure
 *		a lease of another program's				unsure
 *		a host without a directory of results			unsure
 *
 * A veth pair ends with the namespace of either end, so a host's end proves that
 * the container's namespace exists.  All traces are read before interfaces are
 * looked for: an ADD makes the interface before what hangs on it.
 *
 * What cannot be read is an error, never as good as nothing: somebody may own it.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include <jansson.h>
#include <stddef.h>

#include "cli/cache.h"
#include "lib/owner.h"

struct command_env;
struct err;
struct store;

enum census_state { CENSUS_LIVES, CENSUS_UNSURE, CENSUS_GONE };

struct census_item {
	char key[OWNER_KEY_LEN];
	char *network;			 /* "" if its mark does not say */
	char *container_id, *ifname;	 /* the same */
	const struct cache_entry *entry; /* in the census' cache, NULL: no result is cached */
	json_t *traces; /* [{"kind": "lease", "name": "10.1.0.5", "where": DATADIR}, ...] */
	bool foreign;	/* it has leases without our stamp, … */
	bool young;	/* … or made within the last minute, … */
	bool reserved;	/* … or that are to be kept (reservation.h) */
	bool linked;	/* an interface has its mark */
	enum census_state state;
	char why[256]; /* for people: how the state is known */
};

struct census {
	struct cache cache;
	struct census_item **items; /* by network, container and interface */
	size_t n;
	void *by_key; /* of tsearch() */
};

/**
 * census_take() - look at the whole host
 * @store:	networks, whose configs say where leases are
 * @ret:	owned by the caller, census_clear()
 *
 * Changes nothing.
 *
 * Return: 0 or a negative errno.
 */
int census_take(const struct command_env *env, const struct store *store, struct census *ret,
		struct err *e);
void census_clear(struct census *c);

/* The item with that key, made if there is none; NULL: no memory.  For the parts of the census. */
struct census_item *census_item(struct census *c, const char *key);

/* The same by the parts of the key, which the item then knows. */
struct census_item *census_attachment(struct census *c, const char *network,
				      const char *container_id, const char *ifname);

/* For one whose mark says no more.  Return: 0 or -ENOMEM. */
int census_set_network(struct census_item *item, const char *network);

/* Whether all who live on a network can be told apart by name.  Return: 0 or -EBUSY. */
int census_can_name(const struct census *c, const char *network, struct err *e);

/* Note a trace.  @where may be NULL.  Return: 0 or -ENOMEM. */
int census_note(struct census_item *item, const char *kind, const char *name, const char *where,
		struct err *e);

/* Leases below a data directory (census-leases.c); what the kernel has (census-kernel.c). */
int census_add_leases(struct census *c, const char *data_dir, struct err *e);
int census_add_kernel(struct census *c, struct err *e);

/* Finds the interfaces with marks, in all namespaces; their items are linked. */
int census_find_interfaces(struct census *c, struct err *e);

#endif
