/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring - the keys that seal frames, and the order that says which
 *
 * A key order is a signed statement of the cluster: these keys open frames, this
 * one of them seals.  Orders are numbered; a ring obeys the highest it has seen.
 * Rotation is three orders: add the new key, use it, remove the old one.  Since
 * an order says the whole state, whoever missed some needs only the last.
 *
 * An order names keys by their hashes, not by numbers.  So a key may come from
 * anybody, sealed to the receiver (keyring_seal_key()): it is right if it has
 * the hash, and the 4 bytes of the hash that frames carry tell which it is.
 *
 * An order as bytes, KEY_ORDER_LEN in all:
 *
 *	 0  8	number, little-endian, from 1
 *	 8  1	how many keys, 1 to KEYRING_MAX
 *	 9  1	which of them seals
 *	10  6	zeros
 *	16 64	hashes of the keys, 16 each, zeros behind the last
 *	80 64	the cluster's signature over the 80 bytes before
 */
#ifndef OVERLAY_KEYRING_H
#define OVERLAY_KEYRING_H

#include "overlay/frame.h"
#include "overlay/identity.h"

struct err;

#define KEYRING_MAX    4
#define KEY_HASH_LEN   16
#define KEY_ORDER_LEN  144
#define KEY_SEALED_LEN (FRAME_KEY_LEN + SEAL_OVERHEAD)

struct key_order {
	uint64_t number; /* 0: none was obeyed yet */
	uint8_t n;
	uint8_t primary; /* below n */
	uint8_t hash[KEYRING_MAX][KEY_HASH_LEN];
	uint8_t signature[NODE_SIG_LEN];
};

struct keyring {
	struct key_order order;
	uint8_t key[KEYRING_MAX][FRAME_KEY_LEN]; /* as in the order */
	bool held[KEYRING_MAX];
};

/* ---- orders: what the cluster's key says --------------------------------- */

/* The order of a new cluster: one key. */
void key_order_first(struct key_order *ret, const struct identity *cluster,
		     const uint8_t key[FRAME_KEY_LEN]);

/**
 * key_order_add(), key_order_use(), key_order_remove() - the order that follows
 * @last:	the newest order there is
 * @cluster:	the cluster's identity, which signs
 * @key, @id:	the key; its id, as frames carry it
 * @ret:	may be @last
 *
 * Return: 0, or
 *   -EEXIST	add: the key, or one with its id, is in use: draw another
 *   -ENOSPC	add: KEYRING_MAX keys are in use: remove one first
 *   -ENOENT	use, remove: no such key
 *   -EBUSY	remove: it is the one that seals: use another first
 */
int key_order_add(const struct key_order *last, const struct identity *cluster,
		  const uint8_t key[FRAME_KEY_LEN], struct key_order *ret, struct err *e);
int key_order_use(const struct key_order *last, const struct identity *cluster, uint32_t id,
		  struct key_order *ret, struct err *e);
int key_order_remove(const struct key_order *last, const struct identity *cluster, uint32_t id,
		     struct key_order *ret, struct err *e);

void key_order_encode(const struct key_order *o, uint8_t ret[KEY_ORDER_LEN]);

/**
 * key_order_read() - check an order that came from somewhere
 *
 * Return: 0; -EBADMSG: not an order; -EKEYREJECTED: not signed by @cluster_key.
 */
int key_order_read(const uint8_t *bytes, size_t len, const uint8_t cluster_key[NODE_KEY_LEN],
		   struct key_order *ret);

/*
 * Below, equal to or above 0.  Two orders of one number come from two admitters
 * at once: the bytes decide, everywhere alike, and whoever lost orders again.
 */
int key_order_cmp(const struct key_order *a, const struct key_order *b);

/* ---- the ring: what this node holds -------------------------------------- */

/* What frames call a key. */
uint32_t key_id(const uint8_t key[FRAME_KEY_LEN]);

/**
 * keyring_obey() - take over a newer order
 * @order:	of key_order_read()
 *
 * Keys that the order does not name are wiped.
 *
 * Return: how many keys of the order are not held: ask for them; or -ESTALE:
 * @order is not above the one obeyed (key_order_cmp()).
 */
int keyring_obey(struct keyring *r, const struct key_order *order);

/* Take in a key that the order names.  Return: 0, or -ENOKEY: it does not. */
int keyring_take(struct keyring *r, const uint8_t key[FRAME_KEY_LEN]);

/* The key with the id, or NULL.  Borrowed until the ring changes. */
const uint8_t *keyring_find(const struct keyring *r, uint32_t id);

/**
 * keyring_primary() - the key that seals
 * @id:		its id
 *
 * As long as the one that the order wants is not held, another that is: every
 * member that obeys the order opens that one too.
 *
 * Return: the key, or NULL: none is held, this node has to re-key by identity.
 */
const uint8_t *keyring_primary(const struct keyring *r, uint32_t *id);

/**
 * keyring_seal_key() - one key for one member that lacks it
 * @i:		below order.n
 * @to:		the member's public key
 * @seed:	32 random bytes, used for nothing else
 *
 * Return: 0; -ENOKEY: not held here either; -EKEYREJECTED: see identity_seal().
 */
int keyring_seal_key(const struct keyring *r, unsigned int i, const uint8_t to[NODE_KEY_LEN],
		     const uint8_t seed[32], uint8_t ret[KEY_SEALED_LEN]);

/* Take in what keyring_seal_key() made.  Return: 0, -EBADMSG or -ENOKEY. */
int keyring_take_sealed(struct keyring *r, const struct identity *self,
			const uint8_t sealed[KEY_SEALED_LEN]);

void keyring_wipe(struct keyring *r);

#endif
