/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link - one transfer of a range of a space, signed by who had it
 *
 * A space is a row of numbers that are given out without a quorum: the host
 * addresses of a subnet, the VNIs, the subnets of a pool.  Its founder owns all
 * of it by the founding link; every later owner of a range has it by a link
 * that the owner before signed.  A link names its parent, the link by which its
 * signer had the range, so the links of a space are a tree, and the way from a
 * link up to the founding link, its chain, is the proof of a title.
 *
 * A link's id is the hash of what is signed; the space's id is the founding
 * link's.  So nobody can make a second founding link of the same space, and a
 * chain needs nothing but itself to be checked.
 */
#ifndef OVERLAY_LINK_H
#define OVERLAY_LINK_H

#include "overlay/env.h"

#define LINK_ID_LEN    16
#define LINK_BYTES_MAX 272 /* bytes of a signed link */

struct link_id {
	uint8_t b[LINK_ID_LEN];
};

/* What a link says.  Numbers of a space count from 0. */
struct transfer {
	struct link_id space;  /* unset in a founding link */
	struct link_id parent; /* unset in a founding link */
	uint64_t first, count; /* at least one; a founding link's first is 0 */
	uint32_t epoch;	       /* how many transfers led here; 0 in a founding link */
	struct node_id to;
	uint32_t generation; /* of @to when it got the range */
	uint64_t request;  /* of who asked, so that the answer to a repeated question is the same */
	uint64_t sequence; /* counts the links that the signer has made, from 1 */
	bool settles;	   /* ends the freeze of a fork; @to is the signer */
	uint8_t nonce[LINK_ID_LEN]; /* founding link: random */
};

/* Immutable once made. */
struct link {
	struct link_id id;
	struct transfer of; /* of.space is set in a founding link too: it is @id */
	uint8_t signer[NODE_KEY_LEN];
	struct node_id by; /* the signer's id */
	uint16_t len;	   /* of @bytes */
	uint8_t bytes[];   /* as signed: what is passed on and stored */
};

static inline bool link_id_equal(const struct link_id *a, const struct link_id *b)
{
	return memcmp(a->b, b->b, LINK_ID_LEN) == 0;
}

static inline bool link_is_founding(const struct link *l)
{
	return l->of.epoch == 0;
}

/* The last number of the range. */
static inline uint64_t link_last(const struct link *l)
{
	return l->of.first + (l->of.count - 1);
}

/**
 * link_make() - sign a transfer
 * @env:	sign()
 * @key:	this node's public key
 * @of:		what is transferred
 *
 * Return: a new link for link_free(), or NULL when there is no memory.
 */
struct link *link_make(const struct env *env, const uint8_t key[NODE_KEY_LEN],
		       const struct transfer *of);

/**
 * link_read() - check one that came from somewhere
 * @env:	verify()
 * @bytes:	the signed bytes
 * @ret:	a new link for link_free()
 *
 * Whether its signer had the range is another question (titles.h).
 *
 * Return: 0, or
 *   -EBADMSG		not a link, or one with a field out of its range
 *   -EKEYREJECTED	the signature does not hold
 *   -ENOMEM
 */
int link_read(const struct env *env, const uint8_t *bytes, size_t len, struct link **ret);

void link_free(struct link *l);

#endif
