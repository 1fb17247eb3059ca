/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row - something that its owner, and nobody else, says of a network */
#include "overlay/row.h"

#include <stdlib.h>

#include <pb_decode.h>
#include <pb_encode.h>
#include <sodium.h>

#include "overlay/bytes.h"
#include "overlay/row.pb.h"

_Static_assert(row_Head_size <= HEAD_LEN_MAX, "the largest head can be signed");
_Static_assert(sizeof(((row_SignedHead *)0)->head.bytes) == HEAD_LEN_MAX, "of one size");

/* What is hashed, so that no hash passes for one of something else. */
enum hashed { OF_PLACE = 0, OF_ROW = 1, OF_HEAD = 2 };

static void hash_begin(crypto_generichash_state *h, enum hashed what)
{
	const uint8_t prefix[] = { 'h', 'e', 'd', 'd', 'l', 'e', ' ', 'r', (uint8_t)what };

	crypto_generichash_init(h, NULL, 0, TREE_HASH_LEN);
	crypto_generichash_update(h, prefix, sizeof(prefix));
}

uint64_t row_place(uint8_t kind, const uint8_t *key, size_t key_len)
{
	uint8_t hash[TREE_HASH_LEN];
	crypto_generichash_state h;

	hash_begin(&h, OF_PLACE);
	crypto_generichash_update(&h, &kind, 1);
	crypto_generichash_update(&h, key, key_len);
	crypto_generichash_final(&h, hash, sizeof(hash));

	return get_le64(hash);
}

/* Lengths come first, so that no byte of the key passes for one of the value. */
static void hash_row(struct row *r)
{
	uint8_t fixed[13];
	crypto_generichash_state h;

	put_le64(fixed, r->version);
	fixed[8] = r->kind;
	fixed[9] = r->removed;
	fixed[10] = r->key_len;
	fixed[11] = (uint8_t)r->value_len;
	fixed[12] = (uint8_t)(r->value_len >> 8);
	hash_begin(&h, OF_ROW);
	crypto_generichash_update(&h, fixed, sizeof(fixed));
	crypto_generichash_update(&h, r->bytes, (size_t)r->key_len + r->value_len);
	crypto_generichash_final(&h, r->leaf.hash, sizeof(r->leaf.hash));
}

struct row *row_make(const struct row_text *text, uint64_t version, bool removed)
{
	struct row *r;

	if (text->kind == 0 || text->kind >= ROW_KINDS || text->key_len == 0 ||
	    text->key_len > ROW_KEY_MAX || text->value_len > ROW_VALUE_MAX || version == 0 ||
	    (removed && text->value_len > 0))
		return NULL;
	r = malloc(sizeof(*r) + text->key_len + text->value_len);
	if (!r)
		return NULL;
	*r = (struct row){ .version = version,
			   .kind = text->kind,
			   .key_len = text->key_len,
			   .value_len = text->value_len,
			   .removed = removed };
	memcpy(r->bytes, text->key, text->key_len);
	if (text->value_len > 0)
		memcpy(r->bytes + text->key_len, text->value, text->value_len);
	r->leaf.place = row_place(r->kind, r->bytes, r->key_len);
	hash_row(r);

	return r;
}

struct row *row_read(const row_Row *m, uint64_t version)
{
	const struct row_text text = { .kind = m->kind < ROW_KINDS ? (uint8_t)m->kind : 0,
				       .key_len = (uint8_t)m->key.size,
				       .value_len = m->value.size,
				       .key = m->key.bytes,
				       .value = m->value.bytes };

	return row_make(&text, version ? version : m->version, m->removed);
}

void row_write(const struct row *r, bool with_version, row_Row *m)
{
	*m = (row_Row){ .kind = r->kind, .removed = r->removed };
	m->version = with_version ? r->version : 0;
	m->key.size = r->key_len;
	memcpy(m->key.bytes, r->bytes, r->key_len);
	m->value.size = r->value_len;
	memcpy(m->value.bytes, r->bytes + r->key_len, r->value_len);
}

/* ---- heads ----------------------------------------------------------------- */

bool network_read(const uint8_t *bytes, size_t len, struct network_id *ret)
{
	if (len != 0 && len != NETWORK_ID_LEN)
		return false;
	memset(ret->b, 0, NETWORK_ID_LEN);
	memcpy(ret->b, bytes, len);

	return len == 0 || network_id_is_set(ret);
}

size_t network_write(const struct network_id *id, uint8_t *bytes)
{
	if (!network_id_is_set(id))
		return 0;
	memcpy(bytes, id->b, NETWORK_ID_LEN);

	return NETWORK_ID_LEN;
}

static uint64_t mark_of(const struct signed_head *h)
{
	uint8_t hash[TREE_HASH_LEN];
	crypto_generichash_state state;

	hash_begin(&state, OF_HEAD);
	crypto_generichash_update(&state, h->bytes.head, h->bytes.len);
	crypto_generichash_final(&state, hash, sizeof(hash));

	return get_le64(hash);
}

void head_make(const struct env *env, const struct head *of, struct signed_head *ret)
{
	row_Head m = { .version = of->version, .horizon = of->horizon };
	pb_ostream_t out = pb_ostream_from_buffer(ret->bytes.head, sizeof(ret->bytes.head));

	memcpy(m.owner, of->owner.b, NODE_ID_LEN);
	m.network.size = (pb_size_t)network_write(&of->network, m.network.bytes);
	memcpy(m.change, of->change, TREE_HASH_LEN);
	memcpy(m.root, of->root, TREE_HASH_LEN);
	/* There is room for the largest one, as is asserted above. */
	(void)pb_encode(&out, row_Head_fields, &m);
	ret->of = *of;
	ret->bytes.len = (uint8_t)out.bytes_written;
	env->ops->sign(env->ctx, ret->bytes.head, ret->bytes.len, ret->bytes.signature);
	ret->mark = mark_of(ret);
}

bool head_read(const row_SignedHead *m, struct signed_head *ret)
{
	row_Head head = row_Head_init_zero;
	pb_istream_t in = pb_istream_from_buffer(m->head.bytes, m->head.size);

	if (!pb_decode(&in, row_Head_fields, &head) ||
	    !network_read(head.network.bytes, head.network.size, &ret->of.network) ||
	    head.version == 0 || head.horizon >= head.version)
		return false;
	memcpy(ret->of.owner.b, head.owner, NODE_ID_LEN);
	ret->of.version = head.version;
	ret->of.horizon = head.horizon;
	memcpy(ret->of.change, head.change, TREE_HASH_LEN);
	memcpy(ret->of.root, head.root, TREE_HASH_LEN);
	memcpy(ret->bytes.head, m->head.bytes, m->head.size);
	memcpy(ret->bytes.signature, m->signature, NODE_SIG_LEN);
	ret->bytes.len = (uint8_t)m->head.size;
	ret->mark = mark_of(ret);

	return true;
}

bool head_is_signed(const struct env *env, const struct signed_head *h,
		    const uint8_t key[NODE_KEY_LEN])
{
	return env->ops->verify(env->ctx, key, h->bytes.head, h->bytes.len, h->bytes.signature);
}

void head_write(const struct signed_head *h, row_SignedHead *m)
{
	m->head.size = h->bytes.len;
	memcpy(m->head.bytes, h->bytes.head, h->bytes.len);
	memcpy(m->signature, h->bytes.signature, NODE_SIG_LEN);
}
