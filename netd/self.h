/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * self - what a node durably knows of itself and of its cluster
 *
 * Made by `netd init` (a new cluster, of which this node is the first member and
 * an admitter) or `netd join` (an identity and a join that is to be done), read at
 * every start, and completed by admit.c when the join has succeeded.  All of it is
 * secret and lies in the store only, as one record, so that no part of it is ever
 * newer than another.
 *
 *	init:  identity, cluster's identity, admission, key order 1 and its key, founder
 *	join:  identity, token, addresses    ->    cluster key, admission, keyring
 */
#ifndef NETD_SELF_H
#define NETD_SELF_H

#include "netd/config.h"
#include "overlay/identity.h"
#include "overlay/keyring.h"
#include "overlay/token.h"

struct err;
struct store;

struct self {
	struct identity identity; /* of this node; zeros: there is none yet */
	bool has_identity;
	uint32_t generation;	      /* of the last start; 0: never */
	bool member;		      /* the four that follow are there */
	char name[NODE_NAME_MAX + 1]; /* that it was admitted under */
	uint8_t cluster_key[NODE_KEY_LEN];
	uint8_t admission[NODE_SIG_LEN];
	struct keyring ring;
	bool admitter; /* holds the cluster's identity */
	struct identity cluster;
	bool founder;	   /* founds the cluster's spaces, until self_has_founded() */
	bool join_pending; /* the two that follow are to be tried */
	char join_token[TOKEN_TEXT_LEN + 1];
	struct config_addrs join_addrs;
};

/* Read everything.  Return: 0, also if nothing is there; -EIO: damaged; others of the store. */
int self_load(struct store *s, struct self *ret, struct err *e);
void self_wipe(struct self *self);

/*
 * Each changes @self and the store, durably, or neither.  Return: 0, errnos of
 * store_put(), and those below.
 */

/* Return: -EEXIST: the node is in a cluster already; -EINVAL: @name is none. */
int self_init(struct store *s, struct self *self, const char *name, struct err *e);

/* An identity if there is none, and the join.  Return: -EEXIST: in a cluster already. */
int self_want_join(struct store *s, struct self *self, const char *token,
		   const struct config_addrs *addrs, struct err *e);

/* The join has succeeded: @self->join_pending is no more, @self->member is. */
int self_joined(struct store *s, struct self *self, const char *name,
		const uint8_t cluster_key[NODE_KEY_LEN], const uint8_t admission[NODE_SIG_LEN],
		const struct keyring *ring, struct err *e);

/* The ring has obeyed an order, or taken a key in: keep @self->ring. */
int self_save_ring(struct store *s, struct self *self, const struct keyring *ring, struct err *e);

/* It has been made an admitter: @seed is the cluster's. */
int self_save_cluster(struct store *s, struct self *self, const uint8_t seed[IDENTITY_SEED_LEN],
		      struct err *e);

/* Before each start of the engine; @at_least: for EVENT_ID_TAKEN, else 0. */
int self_raise_generation(struct store *s, struct self *self, uint32_t at_least, struct err *e);

int self_has_founded(struct store *s, struct self *self, struct err *e);

/* Left, or forgotten: everything goes, the identity and the engine's records too. */
int self_forget(struct store *s, struct self *self, struct err *e);

#endif
