/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forget - an operator's word that a member is not coming back, signed
 *
 * It names its issuer as the heir of what the member owned, takes effect when
 * it is complete, and may be withdrawn before that in favour of another
 * issuer's.  A record of the same (subject, generation, issuer) in a higher
 * state replaces a lower one.
 */
#ifndef OVERLAY_FORGET_H
#define OVERLAY_FORGET_H

#include "overlay/link.h"

#define FORGET_BYTES_MAX 160 /* of a signed forget */

enum forget_state {
	FORGET_ISSUED,	  /* waits for everyone's acknowledgement */
	FORGET_WITHDRAWN, /* never takes effect */
	FORGET_COMPLETE,  /* the issuer inherits */
};

struct forget {
	struct link_id id; /* hash of all below but the state */
	struct node_id subject;
	uint32_t generation; /* the subject's; later ones are not concerned */
	uint8_t issuer_key[NODE_KEY_LEN];
	struct node_id issuer;
	uint32_t attempt; /* counts those of this issuer, of which it withdrew all but the last */
	enum forget_state state;
	uint16_t len; /* of @bytes */
	uint8_t bytes[FORGET_BYTES_MAX];
};

/* Sign @ret, of which subject, generation, issuer_key, attempt and state are set. */
void forget_make(const struct env *env, struct forget *ret);

/* Return: 0; -EBADMSG: no forget; -EKEYREJECTED: its signature does not hold. */
int forget_read(const struct env *env, const uint8_t *bytes, size_t len, struct forget *ret);

/* Whether two issuers forget the same member. */
static inline bool forget_is_rival(const struct forget *a, const struct forget *b)
{
	return node_id_equal(&a->subject, &b->subject) && !node_id_equal(&a->issuer, &b->issuer);
}

#endif
