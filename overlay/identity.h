/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity - the key pair of a node, or of the cluster, and what is done with it
 *
 * One Ed25519 pair signs, and its X25519 form receives what is sealed to its
 * owner: a member's profile then needs one key only, and whoever can check a
 * member's signatures can also send it a secret.  docs/gossip-security.md says
 * why both uses of one pair do not weaken each other.
 *
 * Signatures are Ed25519ph (RFC 8032, section 5.1) of a prefix with the purpose
 * and the message, so that a signature made for one purpose is none for another.
 *
 * libsodium's sodium_init() has been called before any of this.
 */
#ifndef OVERLAY_IDENTITY_H
#define OVERLAY_IDENTITY_H

#include <stddef.h>

#include "overlay/node.h"

#define IDENTITY_SEED_LEN   32 /* the secret that everything else is made from */
#define IDENTITY_SECRET_LEN 64 /* libsodium's form of an Ed25519 secret key */
#define SEAL_OVERHEAD	    48 /* what sealing adds: a public key and a tag */
#define SEAL_MAX	    64 /* bytes that are sealed at a time */

/* What a signature is for.  Numbers are part of what is signed. */
enum sign_purpose {
	SIGN_GOSSIP = 1,    /* whatever the engine has signed: profiles, rows, blocks */
	SIGN_ADMISSION = 2, /* by the cluster: a node's key and name */
	SIGN_KEY_ORDER = 3, /* by the cluster: which frame keys are in use */
	SIGN_HANDSHAKE = 4, /* by a node: what was said in this handshake */
};

struct identity {
	struct node_id id;	   /* of @key */
	uint8_t key[NODE_KEY_LEN]; /* Ed25519 public key */
	uint8_t secret[IDENTITY_SECRET_LEN];
};

/**
 * identity_init() - the identity that goes with a seed
 * @ret:	for identity_wipe()
 * @seed:	random; the one thing to keep, and to keep secret
 */
void identity_init(struct identity *ret, const uint8_t seed[IDENTITY_SEED_LEN]);
void identity_wipe(struct identity *i);

/* Sign @msg for @purpose. */
void identity_sign(const struct identity *i, enum sign_purpose purpose, const void *msg, size_t len,
		   uint8_t sig[NODE_SIG_LEN]);

/* Whether @sig is what @key's owner signed for @purpose. */
bool identity_verify(const uint8_t key[NODE_KEY_LEN], enum sign_purpose purpose, const void *msg,
		     size_t len, const uint8_t sig[NODE_SIG_LEN]);

/**
 * identity_seal() - encrypt a short secret to the owner of a key
 * @to:		Ed25519 public key of the receiver
 * @seed:	32 random bytes, used for nothing else
 * @plain:	at most SEAL_MAX bytes
 * @sealed:	@len + SEAL_OVERHEAD bytes, in the form of crypto_box_seal()
 *
 * It does not say who sealed it: the receiver needs another reason to believe
 * what is inside (overlay/keyring.h).
 *
 * Return: 0, or -EKEYREJECTED if @to is no usable public key.
 */
int identity_seal(const uint8_t to[NODE_KEY_LEN], const uint8_t seed[32], const void *plain,
		  size_t len, uint8_t *sealed);

/**
 * identity_open() - decrypt what was sealed to @i
 * @plain:	@len - SEAL_OVERHEAD bytes, untouched on failure
 *
 * Return: 0, or -EBADMSG: damaged, cut, or sealed to somebody else.
 */
int identity_open(const struct identity *i, const uint8_t *sealed, size_t len, void *plain);

#endif
