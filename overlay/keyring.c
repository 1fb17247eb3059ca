/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keyring - see keyring.h. */
#include "overlay/keyring.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#include "lib/err.h"
#include "overlay/bytes.h"

#define AT_N	     8
#define AT_PRIMARY   9
#define AT_HASHES    16
#define AT_SIGNATURE (AT_HASHES + KEYRING_MAX * KEY_HASH_LEN)

static_assert(AT_SIGNATURE + NODE_SIG_LEN == KEY_ORDER_LEN, "the layout in keyring.h");
static_assert(FRAME_KEY_LEN <= SEAL_MAX, "a key is sealed in one piece");

/* Of the hash, which is public; 128 bits of it do not help to find 256 of a key. */
static void hash_key(const uint8_t key[FRAME_KEY_LEN], uint8_t ret[KEY_HASH_LEN])
{
	static const uint8_t prefix[16] = "heddle key id  1";
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, KEY_HASH_LEN);
	crypto_generichash_update(&state, prefix, sizeof(prefix));
	crypto_generichash_update(&state, key, FRAME_KEY_LEN);
	crypto_generichash_final(&state, ret, KEY_HASH_LEN);
}

uint32_t key_id(const uint8_t key[FRAME_KEY_LEN])
{
	uint8_t h[KEY_HASH_LEN];

	hash_key(key, h);

	return get_le32(h);
}

/* ---- orders -------------------------------------------------------------- */

static int find_in_order(const struct key_order *o, uint32_t id)
{
	for (int i = 0; i < o->n; i++)
		if (get_le32(o->hash[i]) == id)
			return i;

	return -ENOENT;
}

static void encode_statement(const struct key_order *o, uint8_t ret[AT_SIGNATURE])
{
	memset(ret, 0, AT_SIGNATURE);
	put_le64(ret, o->number);
	ret[AT_N] = o->n;
	ret[AT_PRIMARY] = o->primary;
	memcpy(ret + AT_HASHES, o->hash, (size_t)o->n * KEY_HASH_LEN);
}

static void sign_order(struct key_order *o, const struct identity *cluster)
{
	uint8_t said[AT_SIGNATURE];

	encode_statement(o, said);
	identity_sign(cluster, SIGN_KEY_ORDER, said, sizeof(said), o->signature);
}

void key_order_first(struct key_order *ret, const struct identity *cluster,
		     const uint8_t key[FRAME_KEY_LEN])
{
	*ret = (struct key_order){ .number = 1, .n = 1 };
	hash_key(key, ret->hash[0]);
	sign_order(ret, cluster);
}

int key_order_add(const struct key_order *last, const struct identity *cluster,
		  const uint8_t key[FRAME_KEY_LEN], struct key_order *ret, struct err *e)
{
	struct key_order next = *last;

	if (find_in_order(last, key_id(key)) >= 0)
		return err_sys(e, EEXIST, "add key %08x: its id is in use, draw another key",
			       key_id(key));
	if (last->n == KEYRING_MAX)
		return err_sys(e, ENOSPC, "add a key: all %d are in use, remove one first",
			       KEYRING_MAX);

	next.number++;
	hash_key(key, next.hash[next.n++]);
	sign_order(&next, cluster);
	*ret = next;

	return 0;
}

int key_order_use(const struct key_order *last, const struct identity *cluster, uint32_t id,
		  struct key_order *ret, struct err *e)
{
	struct key_order next = *last;
	int i = find_in_order(last, id);

	if (i < 0)
		return err_sys(e, ENOENT, "use key %08x: it is not in the ring, add it first", id);

	next.number++;
	next.primary = (uint8_t)i;
	sign_order(&next, cluster);
	*ret = next;

	return 0;
}

int key_order_remove(const struct key_order *last, const struct identity *cluster, uint32_t id,
		     struct key_order *ret, struct err *e)
{
	struct key_order next = *last;
	int i = find_in_order(last, id);

	if (i < 0)
		return err_sys(e, ENOENT, "remove key %08x: it is not in the ring", id);
	if (i == last->primary)
		return err_sys(e, EBUSY,
			       "remove key %08x: frames are sealed with it, use another first", id);

	next.number++;
	next.n--;
	memmove(next.hash[i], next.hash[i + 1], (size_t)(next.n - i) * KEY_HASH_LEN);
	sodium_memzero(next.hash[next.n], KEY_HASH_LEN);
	next.primary = (uint8_t)(last->primary - (last->primary > i));
	sign_order(&next, cluster);
	*ret = next;

	return 0;
}

void key_order_encode(const struct key_order *o, uint8_t ret[KEY_ORDER_LEN])
{
	encode_statement(o, ret);
	memcpy(ret + AT_SIGNATURE, o->signature, NODE_SIG_LEN);
}

/* Two keys of one id would make frames ambiguous. */
static bool ids_differ(const struct key_order *o)
{
	for (int i = 0; i < o->n; i++)
		if (find_in_order(o, get_le32(o->hash[i])) != i)
			return false;

	return true;
}

int key_order_read(const uint8_t *bytes, size_t len, const uint8_t cluster_key[NODE_KEY_LEN],
		   struct key_order *ret)
{
	struct key_order o = { 0 };
	uint8_t canonical[AT_SIGNATURE];

	if (len != KEY_ORDER_LEN || bytes[AT_N] < 1 || bytes[AT_N] > KEYRING_MAX ||
	    bytes[AT_PRIMARY] >= bytes[AT_N])
		return -EBADMSG;

	o.number = get_le64(bytes);
	o.n = bytes[AT_N];
	o.primary = bytes[AT_PRIMARY];
	memcpy(o.hash, bytes + AT_HASHES, (size_t)o.n * KEY_HASH_LEN);
	memcpy(o.signature, bytes + AT_SIGNATURE, NODE_SIG_LEN);
	encode_statement(&o, canonical);
	if (o.number == 0 || !ids_differ(&o) || memcmp(canonical, bytes, AT_SIGNATURE) != 0)
		return -EBADMSG;
	if (!identity_verify(cluster_key, SIGN_KEY_ORDER, canonical, AT_SIGNATURE, o.signature))
		return -EKEYREJECTED;
	*ret = o;

	return 0;
}

int key_order_cmp(const struct key_order *a, const struct key_order *b)
{
	uint8_t one[AT_SIGNATURE], other[AT_SIGNATURE];

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	encode_statement(a, one);
	encode_statement(b, other);

	return memcmp(one, other, AT_SIGNATURE);
}

/* ---- the ring ------------------------------------------------------------ */

static int find_by_hash(const struct key_order *o, const uint8_t hash[KEY_HASH_LEN])
{
	for (int i = 0; i < o->n; i++)
		if (sodium_memcmp(o->hash[i], hash, KEY_HASH_LEN) == 0)
			return i;

	return -ENOKEY;
}

int keyring_obey(struct keyring *r, const struct key_order *order)
{
	struct keyring next = { .order = *order };
	int missing = 0;

	if (key_order_cmp(order, &r->order) <= 0)
		return -ESTALE;

	for (int i = 0; i < order->n; i++) {
		int old = find_by_hash(&r->order, order->hash[i]);

		if (old >= 0 && r->held[old]) {
			memcpy(next.key[i], r->key[old], FRAME_KEY_LEN);
			next.held[i] = true;
		}
		missing += !next.held[i];
	}
	*r = next;
	sodium_memzero(&next, sizeof(next));

	return missing;
}

int keyring_take(struct keyring *r, const uint8_t key[FRAME_KEY_LEN])
{
	uint8_t h[KEY_HASH_LEN];
	int i;

	hash_key(key, h);
	i = find_by_hash(&r->order, h);
	if (i < 0)
		return i;

	memcpy(r->key[i], key, FRAME_KEY_LEN);
	r->held[i] = true;

	return 0;
}

const uint8_t *keyring_find(const struct keyring *r, uint32_t id)
{
	int i = find_in_order(&r->order, id);

	return i >= 0 && r->held[i] ? r->key[i] : NULL;
}

const uint8_t *keyring_primary(const struct keyring *r, uint32_t *id)
{
	/* The wanted one comes first, then the others in the ring's order. */
	for (unsigned int k = 0; k < r->order.n; k++) {
		unsigned int i = (r->order.primary + k) % r->order.n;

		if (r->held[i]) {
			*id = get_le32(r->order.hash[i]);
			return r->key[i];
		}
	}

	return NULL;
}

int keyring_seal_key(const struct keyring *r, unsigned int i, const uint8_t to[NODE_KEY_LEN],
		     const uint8_t seed[32], uint8_t ret[KEY_SEALED_LEN])
{
	if (i >= r->order.n || !r->held[i])
		return -ENOKEY;

	return identity_seal(to, seed, r->key[i], FRAME_KEY_LEN, ret);
}

int keyring_take_sealed(struct keyring *r, const struct identity *self,
			const uint8_t sealed[KEY_SEALED_LEN])
{
	uint8_t key[FRAME_KEY_LEN];
	int rc = identity_open(self, sealed, KEY_SEALED_LEN, key);

	if (rc == 0)
		rc = keyring_take(r, key);
	sodium_memzero(key, sizeof(key));

	return rc;
}

void keyring_wipe(struct keyring *r)
{
	sodium_memzero(r, sizeof(*r));
}
