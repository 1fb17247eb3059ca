/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool - which of a node's own numbers of a space are in use
 *
 * A number that is released rests before it is taken again, so that no cache of
 * another host leads its next user's traffic to the last one's.  Pure.
 */
#ifndef OVERLAY_POOL_H
#define OVERLAY_POOL_H

#include "overlay/env.h"

#define POOL_REST (60 * 1000) /* ms: the default */

struct pool_entry {
	uint64_t number;
	ms_t until; /* when its rest is over; MS_NEVER: in use */
};

struct pool {
	struct pool_entry *v; /* by number: in use, or resting */
	uint32_t n, cap;
	uint32_t in_use;
	ms_t rest;
};

/* A run of numbers, both ends included. */
struct span {
	uint64_t first, last;
};

void pool_clear(struct pool *p);

/* Take @number, which is this node's.  Return: 0, -EBUSY if it is in use or rests, -ENOMEM. */
int pool_take(struct pool *p, uint64_t number, ms_t now);

/* The same for one that is known to be in use, after a restart; its rest does not matter. */
int pool_hold(struct pool *p, uint64_t number);

/* Its user is gone.  Return: 0, or -ENOENT if it is not in use. */
int pool_release(struct pool *p, uint64_t number, ms_t now);

/* It is no longer this node's.  Return: whether it was in use. */
bool pool_drop(struct pool *p, uint64_t number);

/* The entry at or behind @number, or NULL. */
const struct pool_entry *pool_from(const struct pool *p, uint64_t number);

/* Forget about those whose rest is over. */
void pool_tidy(struct pool *p, ms_t now);

/**
 * pool_free_run() - the largest free run within @within
 * @ret:	set when there is one
 *
 * Return: whether there is any.
 */
bool pool_free_run(const struct pool *p, struct span within, ms_t now, struct span *ret);

/* The lowest free number within @within.  Return: whether there is one. */
bool pool_lowest(const struct pool *p, struct span within, ms_t now, uint64_t *ret);

/* How many numbers of @within are in use or rest. */
uint64_t pool_busy(const struct pool *p, struct span within);

#endif
