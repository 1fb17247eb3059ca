/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forget - an operator's word that a member is not coming back, signed */
#include "overlay/forget.h"

#include <errno.h>

#include <pb_decode.h>
#include <pb_encode.h>
#include <sodium.h>

#include "overlay/block.pb.h"
#include "overlay/bytes.h"

_Static_assert(block_SignedForget_size <= FORGET_BYTES_MAX, "a signed forget fits into its room");
_Static_assert(block_Forget_size <= sizeof(((block_SignedForget *)0)->forget.bytes),
	       "the largest forget can be signed");

static void complete(struct forget *f)
{
	static const uint8_t prefix[] = "heddle forget id 1";
	crypto_generichash_state hash;
	uint8_t numbers[8];

	put_le32(numbers, f->generation);
	put_le32(numbers + 4, f->attempt);
	node_id_of_key(f->issuer_key, &f->issuer);
	crypto_generichash_init(&hash, NULL, 0, LINK_ID_LEN);
	crypto_generichash_update(&hash, prefix, sizeof(prefix));
	crypto_generichash_update(&hash, f->subject.b, NODE_ID_LEN);
	crypto_generichash_update(&hash, numbers, sizeof(numbers));
	crypto_generichash_update(&hash, f->issuer_key, NODE_KEY_LEN);
	crypto_generichash_final(&hash, f->id.b, LINK_ID_LEN);
}

void forget_make(const struct env *env, struct forget *ret)
{
	block_SignedForget s = block_SignedForget_init_zero;
	pb_ostream_t inner = pb_ostream_from_buffer(s.forget.bytes, sizeof(s.forget.bytes));
	pb_ostream_t outer = pb_ostream_from_buffer(ret->bytes, sizeof(ret->bytes));
	block_Forget m = { .generation = ret->generation,
			   .attempt = ret->attempt,
			   .state = (block_ForgetState)ret->state };

	/* Both have room for the largest message, as is asserted above. */
	memcpy(m.subject, ret->subject.b, sizeof(m.subject));
	memcpy(m.issuer, ret->issuer_key, sizeof(m.issuer));
	(void)pb_encode(&inner, block_Forget_fields, &m);
	s.forget.size = (pb_size_t)inner.bytes_written;
	env->ops->sign(env->ctx, s.forget.bytes, s.forget.size, s.signature);
	(void)pb_encode(&outer, block_SignedForget_fields, &s);
	ret->len = (uint16_t)outer.bytes_written;
	complete(ret);
}

int forget_read(const struct env *env, const uint8_t *bytes, size_t len, struct forget *ret)
{
	block_SignedForget s = block_SignedForget_init_zero;
	block_Forget m = block_Forget_init_zero;
	pb_istream_t outer = pb_istream_from_buffer(bytes, len), inner;

	if (len > FORGET_BYTES_MAX || !pb_decode(&outer, block_SignedForget_fields, &s))
		return -EBADMSG;
	inner = pb_istream_from_buffer(s.forget.bytes, s.forget.size);
	if (!pb_decode(&inner, block_Forget_fields, &m) || m.state > _block_ForgetState_MAX)
		return -EBADMSG;
	if (!env->ops->verify(env->ctx, m.issuer, s.forget.bytes, s.forget.size, s.signature))
		return -EKEYREJECTED;

	*ret = (struct forget){ .generation = m.generation,
				.attempt = m.attempt,
				.state = (enum forget_state)m.state,
				.len = (uint16_t)len };
	memcpy(ret->subject.b, m.subject, sizeof(ret->subject.b));
	memcpy(ret->issuer_key, m.issuer, sizeof(ret->issuer_key));
	memcpy(ret->bytes, bytes, len);
	complete(ret);

	return 0;
}
