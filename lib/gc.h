/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gc - which marks are garbage, by the list of attachments that are in use
 *
 * A thing is garbage if its mark is of this network and of no attachment on the
 * list.  What carries no mark, or another network's, is never garbage.
 */
#ifndef GC_H
#define GC_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/owner.h"

struct cni_attachment;
struct err;

struct gc {
	const char *network; /* borrowed, like the list */
	const struct cni_attachment *valid;
	size_t n_valid;
	struct owner owner;	     /* the network's marks */
	char (*keys)[OWNER_KEY_LEN]; /* of the valid ones, sorted */
};

/**
 * gc_init() - take in the list
 * @gc:		filled in; gc_clear() frees it
 * @network:	network name
 * @valid:	attachments that are in use, @n_valid of them
 *
 * Return: 0 or -ENOMEM.
 */
int gc_init(struct gc *gc, const char *network, const struct cni_attachment *valid, size_t n_valid,
	    struct err *e);
void gc_clear(struct gc *gc);

/* Whether @tag (a comment or an alias, @len bytes, NULL for none) is garbage. */
bool gc_is_garbage(const struct gc *gc, const char *tag, size_t len);

/* The same for marks that name the network and the container ID only. */
bool gc_is_garbage_id(const struct gc *gc, const char *network, const char *container_id);

#endif
