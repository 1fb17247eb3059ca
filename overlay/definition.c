/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definition - one definition, or the removal of one, as it is signed */
#include "overlay/definition.h"

#include <errno.h>
#include <stdlib.h>

#include <pb_decode.h>
#include <pb_encode.h>
#include <sodium.h>

#include "lib/err.h"
#include "overlay/bytes.h"
#include "overlay/definition.pb.h"
#include "overlay/engine.h"
#include "overlay/keyring.h"
#include "overlay/token.h"

_Static_assert(definition_Definition_size <=
		       sizeof(((definition_SignedDefinition *)0)->definition.bytes),
	       "the largest definition can be signed");
_Static_assert(definition_SignedDefinition_size <= DEFINITION_SIGNED_MAX, "and fits into its room");
_Static_assert(definition_Removal_size <= sizeof(((definition_SignedRemoval *)0)->removal.bytes),
	       "the largest removal can be signed");
_Static_assert(definition_SignedRemoval_size <= REMOVAL_SIGNED_MAX, "and fits into its room");
_Static_assert(DEFINITION_REVOKED_LEN == TOKEN_ID_LEN + 4, "the layout of a revocation");

static const uint8_t definition_prefix[] = "heddle definition 1";
static const uint8_t removal_prefix[] = "heddle removal 1";

/* ---- what is allowed ------------------------------------------------------- */

/* What the kinds that this version knows of are like; others may be anything. */
static const struct {
	bool unnamed, final;
	uint16_t body_len; /* 0: any */
} kinds[] = {
	[DEFINITION_KEY_ORDER] = { true, true, KEY_ORDER_LEN },
	[DEFINITION_REVOKED] = { true, true, DEFINITION_REVOKED_LEN },
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == DEFINITION_KINDS, "every kind is there");

bool definition_has_name(uint8_t kind)
{
	return kind >= DEFINITION_KINDS || !kinds[kind].unnamed;
}

bool definition_is_final(uint8_t kind)
{
	return kind < DEFINITION_KINDS && kinds[kind].final;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 1; i < len; i++)
		if (!is_letter_or_digit(name[i]) && !strchr("_.-", name[i]))
			return false;

	return len <= DEFINITION_NAME_MAX && is_letter_or_digit(name[0]);
}

/* A kind of a later version has a name, or none: who knows. */
static bool may_be_called(uint8_t kind, const char *name)
{
	if (name[0] == '\0')
		return kind >= DEFINITION_KINDS || !definition_has_name(kind);

	return definition_has_name(kind) && is_name(name);
}

int definition_allowed(uint8_t kind, const char *name, size_t body_len, struct err *e)
{
	if (kind == 0)
		return err_sys(e, EINVAL, "definition: kind 0 is none");
	if (!may_be_called(kind, name))
		return err_sys(e, EINVAL, "definition of kind %u: name '%s': %s", kind, name,
			       definition_has_name(kind)
				       ? "it has 1 to 63 letters, digits, '_', '.' and '-', the "
					 "first one a letter or digit"
				       : "this kind has none");
	if (body_len > DEFINITION_BODY_MAX)
		return err_sys(e, EMSGSIZE, "definition %s: %zu bytes, it may have %d", name,
			       body_len, DEFINITION_BODY_MAX);
	if (kind < DEFINITION_KINDS && kinds[kind].body_len && kinds[kind].body_len != body_len)
		return err_sys(e, EINVAL, "definition of kind %u: %zu bytes, this kind has %u",
			       kind, body_len, kinds[kind].body_len);

	return 0;
}

static uint64_t expiry_of(uint8_t kind, const uint8_t *body)
{
	return kind == DEFINITION_REVOKED ? get_le32(body + TOKEN_ID_LEN) : DEFINITION_NEVER;
}

/* ---- signatures ------------------------------------------------------------ */

static void digest_of(const uint8_t *prefix, size_t prefix_len, const uint8_t *bytes, size_t len,
		      uint8_t ret[DEFINITION_DIGEST_LEN])
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, DEFINITION_DIGEST_LEN);
	crypto_generichash_update(&hash, prefix, prefix_len);
	crypto_generichash_update(&hash, bytes, len);
	crypto_generichash_final(&hash, ret, DEFINITION_DIGEST_LEN);
}

int proof_check(const struct env *env, const struct proof *p)
{
	if (!env->ops->verify(env->ctx, p->key, p->digest, sizeof(p->digest), p->signature))
		return -EKEYREJECTED;
	if (!env->ops->admitted(env->ctx, p->key, p->name, p->admission))
		return -EPERM;

	return 0;
}

static void write_member(const struct engine_self *self, definition_Member *m)
{
	memcpy(m->key, self->key, sizeof(m->key));
	memcpy(m->name, self->name, sizeof(m->name));
	memcpy(m->admission, self->admission, sizeof(m->admission));
}

static void read_member(const definition_Member *m, struct proof *ret)
{
	memcpy(ret->key, m->key, sizeof(ret->key));
	memcpy(ret->name, m->name, sizeof(ret->name));
	memcpy(ret->admission, m->admission, sizeof(ret->admission));
}

/* ---- definitions ----------------------------------------------------------- */

/* A definition of its parts.  Return: NULL when there is no memory. */
static struct defined *assemble(const definition_Definition *m,
				const uint8_t digest[DEFINITION_DIGEST_LEN], const uint8_t *bytes,
				size_t len)
{
	struct defined *d = calloc(1, sizeof(*d) + len + m->body.size);

	if (!d)
		return NULL;
	memcpy(d->bytes, bytes, len);
	memcpy(d->bytes + len, m->body.bytes, m->body.size);
	d->len = (uint16_t)len;
	d->expires = expiry_of((uint8_t)m->kind, m->body.bytes);
	d->of = (struct definition){ .kind = (uint8_t)m->kind,
				     .created = m->created,
				     .body_len = m->body.size,
				     .body = d->bytes + len };
	memcpy(d->of.name, m->name, sizeof(d->of.name));
	memcpy(d->of.id.b, digest, sizeof(d->of.id.b));
	node_id_of_key(m->author.key, &d->of.author);

	return d;
}

struct defined *definition_make(const struct env *env, const struct engine_self *self,
				const struct definition *of)
{
	definition_SignedDefinition s = definition_SignedDefinition_init_zero;
	pb_ostream_t inner = pb_ostream_from_buffer(s.definition.bytes, sizeof(s.definition.bytes));
	uint8_t bytes[DEFINITION_SIGNED_MAX], digest[DEFINITION_DIGEST_LEN];
	pb_ostream_t outer = pb_ostream_from_buffer(bytes, sizeof(bytes));
	definition_Definition m = { .kind = of->kind, .created = of->created, .has_author = true };

	write_member(self, &m.author);
	memcpy(m.name, of->name, sizeof(m.name));
	env->ops->random(env->ctx, m.nonce, sizeof(m.nonce));
	m.body.size = of->body_len;
	if (of->body_len > 0)
		memcpy(m.body.bytes, of->body, of->body_len);

	/* Both have room for the largest message, as is asserted above. */
	(void)pb_encode(&inner, definition_Definition_fields, &m);
	s.definition.size = (pb_size_t)inner.bytes_written;
	digest_of(definition_prefix, sizeof(definition_prefix), s.definition.bytes,
		  s.definition.size, digest);
	env->ops->sign(env->ctx, digest, sizeof(digest), s.signature);
	(void)pb_encode(&outer, definition_SignedDefinition_fields, &s);

	return assemble(&m, digest, bytes, outer.bytes_written);
}

int definition_read(const uint8_t *bytes, size_t len, struct proof *proof, struct defined **ret)
{
	definition_SignedDefinition s = definition_SignedDefinition_init_zero;
	definition_Definition m = definition_Definition_init_zero;
	pb_istream_t outer = pb_istream_from_buffer(bytes, len), inner;
	struct defined *d;

	if (len > DEFINITION_SIGNED_MAX ||
	    !pb_decode(&outer, definition_SignedDefinition_fields, &s))
		return -EBADMSG;
	inner = pb_istream_from_buffer(s.definition.bytes, s.definition.size);
	if (!pb_decode(&inner, definition_Definition_fields, &m) || !m.has_author ||
	    m.kind > UINT8_MAX ||
	    definition_allowed((uint8_t)m.kind, m.name, m.body.size, NULL) < 0)
		return -EBADMSG;

	read_member(&m.author, proof);
	memcpy(proof->signature, s.signature, sizeof(proof->signature));
	digest_of(definition_prefix, sizeof(definition_prefix), s.definition.bytes,
		  s.definition.size, proof->digest);
	d = assemble(&m, proof->digest, bytes, len);
	if (!d)
		return -ENOMEM;
	*ret = d;

	return 0;
}

/* ---- removals -------------------------------------------------------------- */

static struct removal *assemble_removal(const definition_Removal *m, const uint8_t *bytes,
					size_t len)
{
	struct removal *r = calloc(1, sizeof(*r) + len);

	if (!r)
		return NULL;
	memcpy(r->bytes, bytes, len);
	r->len = (uint16_t)len;
	r->expires = m->time == 0 || m->time > DEFINITION_NEVER - DEFINITIONS_REMEMBER_S
			     ? DEFINITION_NEVER
			     : m->time + DEFINITIONS_REMEMBER_S;
	memcpy(r->id.b, m->definition, sizeof(r->id.b));
	node_id_of_key(m->remover.key, &r->remover);

	return r;
}

struct removal *removal_make(const struct env *env, const struct engine_self *self,
			     const struct definition_id *id, uint64_t now_s)
{
	definition_SignedRemoval s = definition_SignedRemoval_init_zero;
	pb_ostream_t inner = pb_ostream_from_buffer(s.removal.bytes, sizeof(s.removal.bytes));
	uint8_t bytes[REMOVAL_SIGNED_MAX], digest[DEFINITION_DIGEST_LEN];
	pb_ostream_t outer = pb_ostream_from_buffer(bytes, sizeof(bytes));
	definition_Removal m = { .time = now_s, .has_remover = true };

	write_member(self, &m.remover);
	memcpy(m.definition, id->b, sizeof(m.definition));

	/* Both have room for the largest message, as is asserted above. */
	(void)pb_encode(&inner, definition_Removal_fields, &m);
	s.removal.size = (pb_size_t)inner.bytes_written;
	digest_of(removal_prefix, sizeof(removal_prefix), s.removal.bytes, s.removal.size, digest);
	env->ops->sign(env->ctx, digest, sizeof(digest), s.signature);
	(void)pb_encode(&outer, definition_SignedRemoval_fields, &s);

	return assemble_removal(&m, bytes, outer.bytes_written);
}

int removal_read(const uint8_t *bytes, size_t len, struct proof *proof, struct removal **ret)
{
	definition_SignedRemoval s = definition_SignedRemoval_init_zero;
	definition_Removal m = definition_Removal_init_zero;
	pb_istream_t outer = pb_istream_from_buffer(bytes, len), inner;
	struct removal *r;

	if (len > REMOVAL_SIGNED_MAX || !pb_decode(&outer, definition_SignedRemoval_fields, &s))
		return -EBADMSG;
	inner = pb_istream_from_buffer(s.removal.bytes, s.removal.size);
	if (!pb_decode(&inner, definition_Removal_fields, &m) || !m.has_remover)
		return -EBADMSG;

	read_member(&m.remover, proof);
	memcpy(proof->signature, s.signature, sizeof(proof->signature));
	digest_of(removal_prefix, sizeof(removal_prefix), s.removal.bytes, s.removal.size,
		  proof->digest);
	r = assemble_removal(&m, bytes, len);
	if (!r)
		return -ENOMEM;
	*ret = r;

	return 0;
}
