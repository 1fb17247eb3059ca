/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link - one transfer of a range of a space, signed by who had it */
#include "overlay/link.h"

#include <errno.h>
#include <stdlib.h>

#include <pb_decode.h>
#include <pb_encode.h>
#include <sodium.h>

#include "overlay/block.pb.h"

_Static_assert(block_SignedLink_size <= LINK_BYTES_MAX, "a signed link fits into its room");
_Static_assert(block_Link_size <= sizeof(((block_SignedLink *)0)->link.bytes),
	       "the largest link can be signed");

void link_free(struct link *l)
{
	free(l);
}

static void id_of(const uint8_t *signed_bytes, size_t len, struct link_id *ret)
{
	static const uint8_t prefix[] = "heddle link id 1";
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, LINK_ID_LEN);
	crypto_generichash_update(&hash, prefix, sizeof(prefix));
	crypto_generichash_update(&hash, signed_bytes, len);
	crypto_generichash_final(&hash, ret->b, LINK_ID_LEN);
}

static void to_message(const uint8_t *key, const struct transfer *of, block_Link *m)
{
	*m = (block_Link){
		.first = of->first,
		.count = of->count,
		.epoch = of->epoch,
		.generation = of->generation,
		.request = of->request,
		.sequence = of->sequence,
		.settles = of->settles,
	};
	memcpy(m->signer, key, sizeof(m->signer));
	memcpy(m->to, of->to.b, sizeof(m->to));
	if (of->epoch == 0) {
		m->nonce.size = LINK_ID_LEN;
		memcpy(m->nonce.bytes, of->nonce, LINK_ID_LEN);
		return;
	}
	m->space.size = m->parent.size = LINK_ID_LEN;
	memcpy(m->space.bytes, of->space.b, LINK_ID_LEN);
	memcpy(m->parent.bytes, of->parent.b, LINK_ID_LEN);
}

/* The rules that a link keeps by itself. */
static bool of_message(const block_Link *m, struct transfer *ret)
{
	pb_size_t id = m->epoch == 0 ? 0 : LINK_ID_LEN;

	if (m->space.size != id || m->parent.size != id || m->nonce.size != LINK_ID_LEN - id ||
	    m->count == 0 || m->first > UINT64_MAX - (m->count - 1) ||
	    (m->epoch == 0 && m->first != 0))
		return false;

	*ret = (struct transfer){
		.first = m->first,
		.count = m->count,
		.epoch = m->epoch,
		.generation = m->generation,
		.request = m->request,
		.sequence = m->sequence,
		.settles = m->settles,
	};
	memcpy(ret->space.b, m->space.bytes, m->space.size);
	memcpy(ret->parent.b, m->parent.bytes, m->parent.size);
	memcpy(ret->nonce, m->nonce.bytes, m->nonce.size);
	memcpy(ret->to.b, m->to, sizeof(ret->to.b));

	return true;
}

/* A link of its parts.  Return: NULL when there is no memory. */
static struct link *assemble(const block_SignedLink *s, const block_Link *m,
			     const struct transfer *of, const uint8_t *bytes, size_t len)
{
	struct link *l = calloc(1, sizeof(*l) + len);

	if (!l)
		return NULL;
	l->of = *of;
	l->len = (uint16_t)len;
	memcpy(l->bytes, bytes, len);
	memcpy(l->signer, m->signer, sizeof(l->signer));
	node_id_of_key(l->signer, &l->by);
	id_of(s->link.bytes, s->link.size, &l->id);
	if (of->epoch == 0)
		l->of.space = l->id;

	return l;
}

struct link *link_make(const struct env *env, const uint8_t key[NODE_KEY_LEN],
		       const struct transfer *of)
{
	block_SignedLink s = block_SignedLink_init_zero;
	pb_ostream_t inner = pb_ostream_from_buffer(s.link.bytes, sizeof(s.link.bytes));
	uint8_t bytes[LINK_BYTES_MAX];
	pb_ostream_t outer = pb_ostream_from_buffer(bytes, sizeof(bytes));
	block_Link m;

	/* Both have room for the largest message, as is asserted above. */
	to_message(key, of, &m);
	(void)pb_encode(&inner, block_Link_fields, &m);
	s.link.size = (pb_size_t)inner.bytes_written;
	env->ops->sign(env->ctx, s.link.bytes, s.link.size, s.signature);
	(void)pb_encode(&outer, block_SignedLink_fields, &s);

	return assemble(&s, &m, of, bytes, outer.bytes_written);
}

int link_read(const struct env *env, const uint8_t *bytes, size_t len, struct link **ret)
{
	block_SignedLink s = block_SignedLink_init_zero;
	block_Link m = block_Link_init_zero;
	pb_istream_t outer = pb_istream_from_buffer(bytes, len), inner;
	struct transfer of;
	struct link *l;

	if (len > LINK_BYTES_MAX || !pb_decode(&outer, block_SignedLink_fields, &s))
		return -EBADMSG;
	inner = pb_istream_from_buffer(s.link.bytes, s.link.size);
	if (!pb_decode(&inner, block_Link_fields, &m) || !of_message(&m, &of))
		return -EBADMSG;
	if (!env->ops->verify(env->ctx, m.signer, s.link.bytes, s.link.size, s.signature))
		return -EKEYREJECTED;

	l = assemble(&s, &m, &of, bytes, len);
	if (!l)
		return -ENOMEM;
	*ret = l;

	return 0;
}
