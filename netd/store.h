/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - what netd must still know tomorrow: an LMDB environment under data-dir
 *
 *	data-dir/store.mdb	0600, of one process at a time, which locks
 *	data-dir/store.lock
 *
 * Theory of operation
 *
 * What is put lazily waits in memory, the newest value of each key, until a timer
 * or a durable put writes it.  A durable put is one transaction of all that waits
 * and itself, and is on the disk when it returns.  So lazy puts followed by a
 * durable one within one callback are written together or not at all.
 *
 * When the disk is full, or fails, a durable put says so and nothing of it is
 * kept, while what waits goes on waiting and is tried again every second; the
 * process goes on.  Reads see what waits.  A process that is killed leaves the
 * last transaction, whole.
 *
 * The file has more of the disk than it uses, so that what must be kept when others
 * have filled the disk is kept: withdrawals, gifts of addresses, the number of a start.
 * Whoever adds something new asks store_may_add() first, which says no from the moment
 * that the reserve cannot be kept.
 */
#ifndef NETD_STORE_H
#define NETD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/env.h"

struct err;
struct ev_loop;
struct metrics;
struct store;

/* Numbers are on the disk: a table that goes leaves its number unused. */
enum store_table {
	STORE_SELF = 1,	     /* self.c: identity, cluster, keys, generation */
	STORE_RECORDS = 2,   /* the engine's: store_record() */
	STORE_CLUSTER = 3,   /* cluster.c, admit.c */
	STORE_NETWORKS = 4,  /* networks.c: which are served here */
	STORE_ENDPOINTS = 5, /* endpoints.c */
	STORE_PLANE = 6,     /* the data plane */
	STORE_DOCKER = 7,    /* docker-records.c */
};

#define STORE_KEY_MAX	256
#define STORE_VALUE_MAX (256 * 1024)
#define STORE_WAIT_MAX	(16 * 1024 * 1024) /* bytes that wait: more is refused */

/**
 * store_open() - open, or make, the store of a node
 * @loop:	its timer writes what waits; NULL: nothing lazy is put
 * @dir:	made with mode 0700 if it is missing
 * @ret:	store_close() writes what waits, as far as that is possible
 *
 * Return: 0; -EBUSY: another process has it; -EPROTONOSUPPORT: a newer netd has
 * written it; -EIO: it is damaged; other errnos of files and LMDB.
 */
int store_open(struct ev_loop *loop, const char *dir, struct store **ret, struct err *e);
void store_close(struct store *s);
void store_closep(struct store **s); /* for AUTO() */

/**
 * store_put() - keep a value under a key
 * @key:	1 to STORE_KEY_MAX bytes
 * @value:	@len bytes, at most STORE_VALUE_MAX; copied.  NULL removes the key
 *
 * Return: 0, also for the removal of what is not there; or
 *   -ENOSPC	the disk or the store is full, or too much waits: nothing was kept
 *   -EIO	the disk fails: nothing was kept
 *   -EINVAL, -ENOMEM
 */
int store_put(struct store *s, enum store_table table, const void *key, size_t key_len,
	      const void *value, size_t len, enum durability how, struct err *e);

/**
 * store_get() - the value of a key
 * @ret:	a copy with a NUL behind it, the caller's to free
 * @ret_len:	without that NUL; may be NULL
 *
 * Return: 0, -ENOENT (which is not put into @e), or another errno.
 */
int store_get(struct store *s, enum store_table table, const void *key, size_t key_len, void **ret,
	      size_t *ret_len, struct err *e);

/**
 * store_each() - every key of a table, in no order that anybody may rely on
 * @fn:		must not call the store; a negative return ends the walk and is
 *		returned.  What it is given is borrowed
 */
int store_each(struct store *s, enum store_table table,
	       int (*fn)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
	       void *ctx, struct err *e);

/* Write what waits, now.  Return: 0, or as store_put(): it still waits. */
int store_flush(struct store *s, struct err *e);

/* Remove all keys of a table, durably.  Return: 0, or as store_put(). */
int store_clear(struct store *s, enum store_table table, struct err *e);

/* struct env_ops' store(), less its ctx. */
int store_record(struct store *s, const struct record *r, enum durability how, struct err *e);

/* All records of earlier lives, for engine_restore(); @fn must not call the store. */
int store_records(struct store *s, void (*fn)(void *ctx, const struct record *r), void *ctx,
		  struct err *e);

/* 0, or the errno of the last attempt to write, or to keep the reserve. */
int store_trouble(const struct store *s);

/* The same with an error for whoever wants to add something: CNI_E_IO. */
int store_may_add(const struct store *s, struct err *e);

/* Return: 0 or -ENOMEM. */
int store_add_metrics(struct store *s, struct metrics *m, struct err *e);

#endif
