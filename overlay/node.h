/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node - who a node is, and where its datagrams go
 *
 * A node's id is a hash of its Ed25519 public key, so an id cannot be taken
 * without the key, and whoever holds the key needs no registry to prove it.
 */
#ifndef OVERLAY_NODE_H
#define OVERLAY_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/ip.h"

#define NODE_ID_LEN   16 /* bytes of a node's id */
#define NODE_KEY_LEN  32 /* bytes of an Ed25519 public key */
#define NODE_SIG_LEN  64 /* bytes of an Ed25519 signature */
#define NODE_NAME_MAX 63 /* characters of a member's name: one DNS label */

struct node_id {
	uint8_t b[NODE_ID_LEN];
};

/* Where a node listens: UDP for datagrams, TCP of the same port for streams. */
struct node_addr {
	struct ip_addr ip;
	uint16_t port; /* host order */
};

/* Whom a message goes to.  An id of zeros: somebody at this address, not known yet (a seed). */
struct peer {
	struct node_id id;
	struct node_addr addr;
};

/**
 * node_id_of_key() - the id that goes with a public key
 * @key:	Ed25519 public key
 * @ret:	BLAKE2b-128 of @key under this project's own prefix
 */
void node_id_of_key(const uint8_t key[NODE_KEY_LEN], struct node_id *ret);

/* -1, 0 or 1: byte order, the order every node agrees on. */
static inline int node_id_cmp(const struct node_id *a, const struct node_id *b)
{
	int order = memcmp(a->b, b->b, NODE_ID_LEN);

	return order < 0 ? -1 : order > 0;
}

static inline bool node_id_equal(const struct node_id *a, const struct node_id *b)
{
	return memcmp(a->b, b->b, NODE_ID_LEN) == 0;
}

static inline bool node_id_is_set(const struct node_id *id)
{
	static const struct node_id none;

	return !node_id_equal(id, &none);
}

/* The first 8 bytes as a number: a hash key, and enough to tell members apart in a count. */
static inline uint64_t node_id_short(const struct node_id *id)
{
	uint64_t n;

	memcpy(&n, id->b, sizeof(n));
	return n;
}

static inline bool node_addr_equal(const struct node_addr *a, const struct node_addr *b)
{
	return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

#endif
