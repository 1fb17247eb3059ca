/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token - what a new node is given to join with, as a line of text
 *
 *	heddle-join-1-<86 characters of base64url>
 *
 *	 0 32	the cluster's public key: the node trusts nothing that this does not sign
 *	32  8	id of the token, random
 *	40  4	when it expires: seconds since 1970, little-endian, until 2106
 *	44 16	secret
 *	60  4	checksum: BLAKE2b of "heddle-join-1-" and the bytes before
 *
 * The secret is derived from the cluster's secret key, the id and the expiry:
 * every admitter can check every token without a table of them, and a token
 * whose expiry was edited has the wrong secret.  Only revoked ids are remembered,
 * until they would have expired anyway.
 */
#ifndef OVERLAY_TOKEN_H
#define OVERLAY_TOKEN_H

#include "overlay/identity.h"

struct err;

#define TOKEN_PREFIX	  "heddle-join-1-"
#define TOKEN_TEXT_LEN	  100 /* without the NUL */
#define TOKEN_ID_LEN	  8
#define TOKEN_SECRET_LEN  16
#define TOKEN_REVOKED_MAX 256

struct token {
	uint8_t cluster_key[NODE_KEY_LEN];
	uint8_t id[TOKEN_ID_LEN];
	uint32_t expires; /* seconds since 1970 */
	uint8_t secret[TOKEN_SECRET_LEN];
};

struct token_revocations {
	struct {
		uint8_t id[TOKEN_ID_LEN];
		uint32_t expires;
	} token[TOKEN_REVOKED_MAX];
	uint16_t n;
};

/**
 * token_issue() - a new token
 * @cluster:	the cluster's identity
 * @id:		random
 * @expires:	seconds since 1970
 */
void token_issue(const struct identity *cluster, const uint8_t id[TOKEN_ID_LEN], uint32_t expires,
		 struct token *ret);

/* Text of @t in @ret, which is as secret as the token. */
void token_text(const struct token *t, char ret[TOKEN_TEXT_LEN + 1]);

/**
 * token_parse() - read a token that somebody has typed or pasted
 * @text:	white space around it is passed over
 * @now_s:	seconds since 1970, by this node's clock
 * @ret:	the token; untouched on failure
 *
 * Return: 0, or
 *   -EINVAL	not a token, cut, or damaged: @e says which
 *   -EPROTONOSUPPORT	of another version
 *   -EKEYEXPIRED
 */
int token_parse(const char *text, uint64_t now_s, struct token *ret, struct err *e);

/**
 * token_secret() - an admitter's side: the secret that goes with what a node shows
 * @revoked:	NULL for none
 *
 * Return: 0; -EKEYEXPIRED; -EKEYREVOKED.  That the node has the secret is still
 * to be shown (overlay/handshake.h).
 */
int token_secret(const struct identity *cluster, const uint8_t id[TOKEN_ID_LEN], uint32_t expires,
		 const struct token_revocations *revoked, uint64_t now_s,
		 uint8_t ret[TOKEN_SECRET_LEN], struct err *e);

/**
 * token_revoke() - do not let anybody join with a token from now on
 * @now_s:	what has expired makes room
 *
 * Return: 0, also if it is revoked already; -ENOSPC: TOKEN_REVOKED_MAX are.
 */
int token_revoke(struct token_revocations *r, const uint8_t id[TOKEN_ID_LEN], uint32_t expires,
		 uint64_t now_s, struct err *e);

#endif
