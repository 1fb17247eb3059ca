/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leftovers - what networks that are gone left behind
 *
 * `podman network rm` and rm(1) know nothing of a bridge hb-0a1b2c3d4e5f that the
 * network of that ID had.  Without network and ports it is a leftover.  What a
 * killed process of ours has left in the config directory, store_lock() removes.
 */
#ifndef LEFTOVERS_H
#define LEFTOVERS_H

#include <jansson.h>

struct err;
struct store;

/**
 * leftovers_find() - look for them
 * @store:	the networks that there are
 * @gone:	array; {"kind", "name"} of each is appended
 * @kept:	the same of what has to stay, with "why"
 *
 * Return: 0 or a negative errno.
 */
int leftovers_find(const struct store *store, json_t *gone, json_t *kept, struct err *e);

/* Remove what leftovers_find() has found.  Goes on past failures, and reports the first. */
int leftovers_remove(const json_t *gone, struct err *e);

#endif
