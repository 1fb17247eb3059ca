/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease-index - who holds which address, without reading every lease
 *
 * Theory of operation
 *
 * A lease is a file named by its address, so a free address is found without
 * reading anything; but whether an attachment has a lease already, and which,
 * only the contents say.  The reference reads them all each time.  Here a file
 * beside them, ".heddle-index", lists (hash of the content, address) for each.
 *
 * The reference shares the directory and knows nothing of the list, and neither
 * does an administrator with rm(1).  So the list proves that it is complete, or
 * it does not count.  Its proof is the directory's own time stamps: each file
 * that is created, renamed or removed sets them to the present.  After each
 * change of ours the directory's mtime is set to one second in the past, and it
 * is noted in the list with the ctime that comes of it.  As long as both are
 * what was noted, nobody has been there since: no later change can bring back
 * an mtime that was past already when it was set, however coarse the clock of
 * the file system is, and nobody can set a ctime.  A process of ours that was
 * killed half way leaves an mtime of the present too.  Then, and after a boot
 * (which may have lost what was not yet on disk), the leases are read once and
 * the list is written anew.
 *
 * What the list cannot see is a lease file overwritten in place.  Nothing does
 * that; therefore what it says is taken as a hint where to look: a lease is
 * read before it is removed, and created so that it fails if it exists.
 *
 * All of this happens under the lock of the directory.  On a network file
 * system, where time stamps are cached and other machines may be at work, the
 * list is neither read nor written.
 */
#ifndef LEASE_INDEX_H
#define LEASE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

#define LEASE_INDEX_NAME ".heddle-index"

struct lease_record {
	uint64_t key; /* lease_key() of the content */
	struct ip_addr ip;
};

struct lease_index {
	int dir;       /* borrowed, locked by the caller */
	int fd;	       /* -1: nothing on disk */
	char boot[40]; /* ID of the present one, "" if it is not known */
	struct lease_record *records;
	size_t n, room;
	void *map; /* what @records points into: a private copy of the file, NULL: of malloc() */
	size_t map_len;
	bool local;	/* a file system whose time stamps are this machine's own */
	bool complete;	/* records are all leases there are */
	bool same_boot; /* leases have been looked through since this boot */
	bool changed;	/* what is on disk must be sealed anew */
};

/**
 * lease_index_open() - read the list, if there is a complete one
 * @x:		filled in, to be closed with lease_index_close()
 * @dir:	the lease directory, locked
 * @boot:	boot ID, "" if it is not known
 *
 * Without a list, or with an outdated or damaged one, @x->complete is false.
 */
void lease_index_open(struct lease_index *x, int dir, const char *boot);

/* Seals what was changed.  Failing to leaves a list that does not count. */
void lease_index_close(struct lease_index *x);

/* Forget the records, to be followed by lease_index_add() of every lease and lease_index_save(). */
void lease_index_reset(struct lease_index *x);

/* Note a lease, or forget one that is gone.  Return: 0, or -ENOMEM. */
int lease_index_add(struct lease_index *x, uint64_t key, const struct ip_addr *ip);
void lease_index_remove(struct lease_index *x, const struct ip_addr *ip);

/* All leases have been added: write them, complete from here on. */
void lease_index_save(struct lease_index *x);

#endif
