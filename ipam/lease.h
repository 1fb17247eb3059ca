/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease - the addresses of one network that are held, in a directory
 *
 *	DATADIR/NETWORK/10.1.0.5		a lease, see lease-text.h
 *	DATADIR/NETWORK/last_reserved_ip.0	the address that range set 0 gave last
 *	DATADIR/NETWORK/lock			flock() for every change
 *	DATADIR/NETWORK/.heddle-index		see lease-index.h
 *
 * The first three are the reference's host-local's; both may work in one
 * directory at a time.  A lease appears complete or not at all: it is written
 * without a name, then linked.
 *
 * When the leases have to be read (lease-index.h says when), torn ones and
 * those of an earlier boot are removed in passing.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "ipam/lease-index.h"
#include "ipam/lease-text.h"
#include "lib/ip.h"

struct err;

#define LEASE_LOCK_MS 10000

enum lease_mode {
	LEASE_LOOK,   /* no lock: single leases may be read */
	LEASE_CHANGE, /* locked */
	LEASE_CREATE, /* locked, and the directory is made if it is not there */
};

struct lease_store {
	char *path;
	int dir, lock; /* lock: -1 with LEASE_LOOK */
	struct lease_host host;
	struct lease_index index;
};

#define LEASE_CLOSED ((struct lease_store){ .dir = -1, .lock = -1, .index.fd = -1 })

/**
 * lease_open() - open the directory of a network
 * @s:		filled in; lease_close() closes it, and LEASE_CLOSED too
 * @data_dir:	directory of all networks
 * @network:	a valid network name
 * @wait_ms:	for the lock: LEASE_LOCK_MS, or less in a test
 *
 * Return: 0; -ENOENT if there is no such directory (not with LEASE_CREATE);
 * -EAGAIN with CNI_E_AGAIN if the lock is not had in time; -EROFS, -EACCES and
 * so on.
 */
int lease_open(struct lease_store *s, const char *data_dir, const char *network,
	       enum lease_mode mode, int wait_ms, struct err *e);
void lease_close(struct lease_store *s);

/**
 * lease_find() - the addresses that an attachment holds
 * @ret:	owned by the caller, free(); NULL if there are none
 * @ret_n:	how many
 *
 * Leases of the container from before leases had an ifname are found if it has
 * no others, as the reference does.
 *
 * Return: 0, or a negative errno.
 */
int lease_find(struct lease_store *s, const struct lease_owner *o, struct ip_addr **ret,
	       size_t *ret_n, struct err *e);

/* Return: whose the lease of @ip is, LEASE_OTHER too if there is none; a negative errno. */
int lease_look(const struct lease_store *s, const struct lease_owner *o, const struct ip_addr *ip,
	       struct err *e);

/* "container ID (ifname)" of @ip's holder, for messages, cut at @len.  Return: @buf. */
const char *lease_holder(const struct lease_store *s, const struct ip_addr *ip, char *buf,
			 size_t len);

/**
 * lease_take() - lease an address
 *
 * Return: 0; -EEXIST, with nothing in @e, if it is held; a negative errno.
 */
int lease_take(struct lease_store *s, const struct lease_owner *o, const struct ip_addr *ip,
	       struct err *e);

/* Give up @ip if it is @o's.  Return: 1, 0 if it is not or is not leased at all, or a negative
 * errno. */
int lease_release(struct lease_store *s, const struct lease_owner *o, const struct ip_addr *ip,
		  struct err *e);

/**
 * lease_list() - every address that is held
 * @ret:	owned by the caller, free(); NULL if there are none
 * @ret_n:	how many
 *
 * Return: 0, or a negative errno.
 */
int lease_list(struct lease_store *s, struct ip_addr **ret, size_t *ret_n, struct err *e);

/**
 * lease_sweep() - read all leases, and remove those that nobody needs
 *
 * lease_find() and lease_list() do this by themselves when they do not know all
 * leases.  Before giving up it is worth doing in any case.  Goes on past
 * failures, and reports the first.
 *
 * Return: 0, or a negative errno.
 */
int lease_sweep(struct lease_store *s, struct err *e);

/**
 * lease_drop() - remove leases that somebody else finds needless
 * @is_needless: of the lease_key() of a content
 * @data:	for @is_needless
 *
 * Goes on past failures, and reports the first.
 *
 * Return: 0, or a negative errno.
 */
int lease_drop(struct lease_store *s, bool (*is_needless)(uint64_t key, void *data), void *data,
	       struct err *e);

/* The address that range set @set gave last; unset if that is not known. */
struct ip_addr lease_last(const struct lease_store *s, size_t set);
/* Only a hint for the next one: failing to note it harms nobody. */
void lease_set_last(const struct lease_store *s, size_t set, const struct ip_addr *ip);

#endif
