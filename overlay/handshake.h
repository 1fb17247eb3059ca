/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handshake - how a node gets the frame keys: by a token, or by its identity
 *
 * Four messages over a stream, between an initiator that has no valid frame key
 * and a responder that is a member:
 *
 *	1  mode, token id, expiry, ephemeral key		HANDSHAKE_1_LEN
 *	2  ephemeral key, { who, admission, signature }		HANDSHAKE_2_LEN
 *	3  { who, admission if it has one, signature }		HANDSHAKE_3_LEN
 *	4  { admission, key order, frame keys }			HANDSHAKE_4_LEN
 *
 * What is in braces is sealed under keys derived from the X25519 of the two
 * ephemeral keys and, when joining, the token's secret.  Each signature covers
 * everything said so far and who says it.  All that the initiator takes home is
 * signed by the cluster's key, which the token (or its own past) pins.
 *
 *	joining		a token, no admission; the responder is an admitter
 *	re-keying	an admission, no token; any member responds: for a member
 *			that missed a rotation of keys
 *
 * A responder that does not go on says why in a refusal, HANDSHAKE_REFUSAL_LEN
 * bytes that nothing vouches for.
 *
 * Layout, and the argument for it: docs/gossip-security.md.  The construction
 * is SIGMA-I with a secret mixed in.
 *
 * Source: H. Krawczyk, SIGMA: the SIGn-and-MAc approach (CRYPTO 2003), section 5.
 */
#ifndef OVERLAY_HANDSHAKE_H
#define OVERLAY_HANDSHAKE_H

#include "overlay/keyring.h"
#include "overlay/token.h"

#define HANDSHAKE_VERSION     1
#define HANDSHAKE_1_LEN	      48
#define HANDSHAKE_2_LEN	      272
#define HANDSHAKE_3_LEN	      240
#define HANDSHAKE_4_LEN	      353
#define HANDSHAKE_REFUSAL_LEN 2
#define HANDSHAKE_MAX	      HANDSHAKE_4_LEN
#define HANDSHAKE_SEED_LEN    32

enum handshake_mode {
	HANDSHAKE_JOIN = 1,
	HANDSHAKE_REKEY = 2,
};

enum handshake_refusal {
	REFUSED_VERSION = 1,
	REFUSED_NO_ADMITTER = 2,
	REFUSED_EXPIRED = 3,
	REFUSED_REVOKED = 4,
	REFUSED_PROOF = 5, /* what was shown does not hold */
	REFUSED_NAME = 6,  /* taken by a member with another key */
	REFUSED_FORGOTTEN = 7,
	REFUSED_FAMILY = 8,    /* an overlay's packets go by IPv4 or by IPv6, not both */
	REFUSED_ELSEWHERE = 9, /* re-keying: a member with this key is alive at another address */
};

/* Who takes part.  Everything is borrowed for the call. */
struct handshake_self {
	const struct identity *identity;
	const char *name;			 /* valid (admission.h) */
	const uint8_t *admission;		 /* NODE_SIG_LEN bytes; NULL before joining */
	const uint8_t *cluster_key;		 /* NODE_KEY_LEN bytes */
	const struct identity *cluster;		 /* of an admitter, else NULL */
	const struct token_revocations *revoked; /* of an admitter, may be NULL */
};

/* One handshake, on either side.  handshake_wipe() it, whatever its end. */
struct handshake {
	uint8_t mode; /* enum handshake_mode */
	uint8_t next; /* number of the message that is expected or made next; 0: over */
	bool initiator;
	uint8_t transcript[32];
	uint8_t secret[32]; /* of the ephemeral key, then what keys are derived from */
	uint8_t psk[TOKEN_SECRET_LEN];
	uint8_t cluster_key[NODE_KEY_LEN];
	uint8_t peer_key[NODE_KEY_LEN];	   /* once proved */
	char peer_name[NODE_NAME_MAX + 1]; /* as shown by the peer */
	uint8_t peer_admission[NODE_SIG_LEN];
};

/**
 * handshake_start() - initiator: message 1
 * @self:	who joins, or re-keys
 * @token:	what to join with; NULL to re-key
 * @seed:	random, used for nothing else
 */
void handshake_start(struct handshake *h, const struct handshake_self *self,
		     const struct token *token, const uint8_t seed[HANDSHAKE_SEED_LEN],
		     uint8_t out[HANDSHAKE_1_LEN]);

/**
 * handshake_answer() - responder: message 1 in, message 2 out
 * @now_s:	seconds since 1970
 * @seed:	random, used for nothing else
 *
 * Return: 0, or (handshake_refuse() puts each into a refusal)
 *   -EBADMSG, -EPROTONOSUPPORT
 *   -EOPNOTSUPP	somebody wants to join, and this node is no admitter
 *   -EKEYEXPIRED, -EKEYREVOKED	the token
 */
int handshake_answer(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		     size_t len, uint64_t now_s, const uint8_t seed[HANDSHAKE_SEED_LEN],
		     uint8_t out[HANDSHAKE_2_LEN], struct err *e);

/**
 * handshake_prove() - initiator: message 2 in, message 3 out
 *
 * Return: 0, or
 *   -EKEYREJECTED	the responder does not know the token's secret, or is no
 *			member of the cluster that the token pins
 *   -ECONNREFUSED	a refusal: @e says why
 *   -EBADMSG		no message 2
 */
int handshake_prove(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		    size_t len, uint8_t out[HANDSHAKE_3_LEN], struct err *e);

/**
 * handshake_check() - responder: message 3 in
 *
 * On success peer_key and peer_name are whom handshake_admit() would admit; the
 * caller decides: whether the name is free, whether the node was forgotten.
 *
 * Return: 0, -EBADMSG, or -EKEYREJECTED: it does not know the token's secret,
 * or is not the member it says it is.
 */
int handshake_check(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		    size_t len, struct err *e);

/**
 * handshake_admit() - responder: message 4
 * @ring:	all keys in it are given
 */
void handshake_admit(struct handshake *h, const struct handshake_self *self,
		     const struct keyring *ring, uint8_t out[HANDSHAKE_4_LEN]);

/**
 * handshake_finish() - initiator: message 4 in
 * @admission:	the cluster's word for this node, checked
 * @ring:	empty when joining; the present one when re-keying
 *
 * Return: how many keys of the order are still to be asked for, or
 *   -EKEYREJECTED	the admission, or the order, is not signed by the cluster
 *   -ESTALE		the responder is behind: its order is older than @ring's
 *   -ECONNREFUSED, -EBADMSG
 */
int handshake_finish(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		     size_t len, uint8_t admission[NODE_SIG_LEN], struct keyring *ring,
		     struct err *e);

/* What to send instead of going on, and why. */
void handshake_refuse(struct handshake *h, enum handshake_refusal why,
		      uint8_t out[HANDSHAKE_REFUSAL_LEN]);

/* The refusal that goes with what handshake_answer() or handshake_check() returned. */
enum handshake_refusal handshake_refusal_of(int r);

void handshake_wipe(struct handshake *h);

#endif
