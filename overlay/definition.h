/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * definition - one definition, or the removal of one, as it is signed
 *
 * Either carries its signer's key and the cluster's admission of it, so it is
 * checked with nothing but itself, long after its signer has left.  What is
 * signed is a hash of the bytes under a prefix of their own, so that they cannot
 * pass for anything else that a node signs; the first half of a definition's
 * hash is its id.
 */
#ifndef OVERLAY_DEFINITION_H
#define OVERLAY_DEFINITION_H

#include "overlay/definitions.h"

#define DEFINITION_NEVER      UINT64_MAX /* an expiry that does not come */
#define DEFINITION_DIGEST_LEN 32
#define DEFINITION_SIGNED_MAX (DEFINITION_BODY_MAX + 400) /* bytes of a signed definition */
#define REMOVAL_SIGNED_MAX    320

struct engine_self;

/* Immutable once made. */
struct defined {
	struct definition of; /* not removed; whether it wins is for others to say */
	uint64_t expires;     /* seconds since 1970, or DEFINITION_NEVER */
	uint16_t len;	      /* of the signed bytes */
	uint8_t bytes[];      /* as signed: what is passed on and stored; then the body */
};

/* Immutable once made. */
struct removal {
	struct definition_id id; /* whose */
	struct node_id remover;
	uint64_t expires;
	uint16_t len;
	uint8_t bytes[]; /* as signed */
};

/* By whom something is signed, and the proof. */
struct proof {
	uint8_t key[NODE_KEY_LEN];
	char name[NODE_NAME_MAX + 1];
	uint8_t admission[NODE_SIG_LEN];
	uint8_t digest[DEFINITION_DIGEST_LEN];
	uint8_t signature[NODE_SIG_LEN];
};

/* Return: 0; -EKEYREJECTED: the signature does not hold; -EPERM: its signer is no member. */
int proof_check(const struct env *env, const struct proof *p);

/**
 * definition_allowed() - whether a kind may have this name and a body of this length
 * @name:	"" for none
 *
 * Return: 0, -EMSGSIZE or -EINVAL.
 */
int definition_allowed(uint8_t kind, const char *name, size_t body_len, struct err *e);

/*
 * Whether nobody can remove one of that kind.  Of keys and revoked tokens a member that is
 * not to be trusted any more could undo what was done against it.
 */
bool definition_is_final(uint8_t kind);

/* Whether the kind's definitions have names, of which each stands for one of them. */
bool definition_has_name(uint8_t kind);

/**
 * definition_make() - sign a definition
 * @env:	sign(), random()
 * @self:	who signs
 * @of:		kind, name, created and body, which definition_allowed() allows
 *
 * Return: a new definition for free(), or NULL when there is no memory.
 */
struct defined *definition_make(const struct env *env, const struct engine_self *self,
				const struct definition *of);

/**
 * definition_read() - decode one that came from somewhere
 * @proof:	for proof_check(), which is another question, and a dear one
 * @ret:	for free()
 *
 * Return: 0; -EBADMSG: not a definition, or one with a field out of its range; -ENOMEM.
 */
int definition_read(const uint8_t *bytes, size_t len, struct proof *proof, struct defined **ret);

/* The same for a removal.  @now_s: seconds since 1970, 0: not known. */
struct removal *removal_make(const struct env *env, const struct engine_self *self,
			     const struct definition_id *id, uint64_t now_s);
int removal_read(const uint8_t *bytes, size_t len, struct proof *proof, struct removal **ret);

#endif
