/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profile - what a member says about itself, signed
 *
 * A profile is the only way in which an id, a key, a name and an address get
 * into a table, and every node passes on the very bytes that the member signed.
 * It is ordered by (generation, version): a newer one replaces an older one,
 * and nobody but the member can make a newer one.
 */
#ifndef OVERLAY_PROFILE_H
#define OVERLAY_PROFILE_H

#include "overlay/env.h"

#define PROFILE_MAX	 320 /* bytes of a signed profile */
#define PROTOCOL_VERSION 1   /* spoken; the one before is understood */

/* Immutable once made, so that engines may share it. */
struct profile {
	struct node_id id;
	uint8_t key[NODE_KEY_LEN];
	struct node_addr addr;
	uint32_t generation;
	uint32_t version;
	uint32_t protocol;
	uint32_t refs; /* of whoever interns it */
	char name[NODE_NAME_MAX + 1];
	uint16_t len;	 /* of @bytes */
	uint8_t bytes[]; /* as signed: what is passed on */
};

/**
 * profile_make() - sign a profile of this node
 * @env:	sign()
 * @of:		key, addr, generation, version, name; its other fields are not read
 * @admission:	the cluster's signature over key and name
 *
 * Return: a new profile for profile_free(), or NULL when there is no memory.
 */
struct profile *profile_make(const struct env *env, const struct profile *of,
			     const uint8_t admission[NODE_SIG_LEN]);

/**
 * profile_read() - check a profile that came from somewhere
 * @env:	verify(), admitted()
 * @bytes:	the signed bytes
 * @ret:	a new profile for profile_free()
 *
 * Return: 0, or
 *   -EBADMSG	not a profile, or one with a field out of its range
 *   -EPROTONOSUPPORT	of a version that this one cannot talk to
 *   -EKEYREJECTED	a signature or the admission does not hold
 *   -ENOMEM
 */
int profile_read(const struct env *env, const uint8_t *bytes, size_t len, struct profile **ret);

void profile_free(struct profile *p);

/* Below, equal to or above 0: the order of two profiles of one member. */
static inline int profile_cmp(const struct profile *a, const struct profile *b)
{
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	return a->version < b->version ? -1 : a->version > b->version;
}

#endif
