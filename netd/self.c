/* SPDX-License-Identifier: GPL-2.0-or-later */
/* self - see self.h */
#include "netd/self.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/store.h"
#include "overlay/admission.h"

#define FORMAT 1

static const char record_key[] = "self";

enum {
	HAS_IDENTITY = 1,
	MEMBER = 2,
	ADMITTER = 4,
	FOUNDER = 8,
	JOIN_PENDING = 16,
};

#define ADDR_LEN 19 /* family, 16 bytes of address, port */

/* What is in the store; bytes only, so that it has no padding.  Numbers are little-endian. */
struct image {
	uint8_t format;
	uint8_t flags;
	uint8_t generation[4];
	uint8_t seed[IDENTITY_SEED_LEN];
	uint8_t name[NODE_NAME_MAX + 1];
	uint8_t cluster_key[NODE_KEY_LEN];
	uint8_t admission[NODE_SIG_LEN];
	uint8_t cluster_seed[IDENTITY_SEED_LEN];
	uint8_t order[KEY_ORDER_LEN];
	uint8_t held[KEYRING_MAX];
	uint8_t key[KEYRING_MAX][FRAME_KEY_LEN];
	uint8_t token[TOKEN_TEXT_LEN + 1];
	uint8_t n_addrs;
	uint8_t addr[CONFIG_SEEDS_MAX][ADDR_LEN];
};

/* ---- to bytes and back ------------------------------------------------------------- */

static void encode_addr(const struct node_addr *a, uint8_t ret[ADDR_LEN])
{
	ret[0] = a->ip.family;
	memcpy(ret + 1, a->ip.b, sizeof(a->ip.b));
	ret[17] = (uint8_t)a->port;
	ret[18] = (uint8_t)(a->port >> 8);
}

static void decode_addr(const uint8_t b[ADDR_LEN], struct node_addr *ret)
{
	ret->ip.family = b[0];
	memcpy(ret->ip.b, b + 1, sizeof(ret->ip.b));
	ret->port = (uint16_t)(b[17] | b[18] << 8);
}

static void encode_join(const struct self *self, struct image *ret)
{
	memcpy(ret->token, self->join_token, sizeof(ret->token));
	ret->n_addrs = (uint8_t)self->join_addrs.n;
	for (size_t i = 0; i < self->join_addrs.n; i++)
		encode_addr(&self->join_addrs.list[i], ret->addr[i]);
}

static void encode_ring(const struct keyring *ring, struct image *ret)
{
	key_order_encode(&ring->order, ret->order);
	for (unsigned int i = 0; i < ring->order.n; i++) {
		ret->held[i] = ring->held[i];
		memcpy(ret->key[i], ring->key[i], FRAME_KEY_LEN);
	}
}

static uint8_t flags_of(const struct self *self)
{
	return (uint8_t)((self->has_identity ? HAS_IDENTITY : 0) | (self->member ? MEMBER : 0) |
			 (self->admitter ? ADMITTER : 0) | (self->founder ? FOUNDER : 0) |
			 (self->join_pending ? JOIN_PENDING : 0));
}

static void encode(const struct self *self, struct image *ret)
{
	*ret = (struct image){ .format = FORMAT, .flags = flags_of(self) };
	for (unsigned int i = 0; i < sizeof(ret->generation); i++)
		ret->generation[i] = (uint8_t)(self->generation >> (8 * i));
	/* libsodium's secret key begins with the seed. */
	memcpy(ret->seed, self->identity.secret, sizeof(ret->seed));
	memcpy(ret->name, self->name, sizeof(ret->name));
	memcpy(ret->cluster_key, self->cluster_key, sizeof(ret->cluster_key));
	memcpy(ret->admission, self->admission, sizeof(ret->admission));
	memcpy(ret->cluster_seed, self->cluster.secret, sizeof(ret->cluster_seed));
	if (self->member)
		encode_ring(&self->ring, ret);
	if (self->join_pending)
		encode_join(self, ret);
}

static int decode_ring(const struct image *image, struct keyring *ret)
{
	struct key_order order;
	int r = key_order_read(image->order, sizeof(image->order), image->cluster_key, &order);

	if (r < 0)
		return r;
	*ret = (struct keyring){ 0 };
	r = keyring_obey(ret, &order);
	for (unsigned int i = 0; i < order.n && r >= 0; i++)
		if (image->held[i])
			r = keyring_take(ret, image->key[i]);

	return r < 0 ? r : 0;
}

static int decode_join(const struct image *image, struct self *ret)
{
	if (image->n_addrs > CONFIG_SEEDS_MAX || image->token[TOKEN_TEXT_LEN])
		return -EIO;
	memcpy(ret->join_token, image->token, sizeof(ret->join_token));
	ret->join_addrs.n = image->n_addrs;
	for (size_t i = 0; i < image->n_addrs; i++)
		decode_addr(image->addr[i], &ret->join_addrs.list[i]);

	return 0;
}

static int decode_member(const struct image *image, struct self *ret)
{
	memcpy(ret->name, image->name, sizeof(ret->name));
	memcpy(ret->cluster_key, image->cluster_key, sizeof(ret->cluster_key));
	memcpy(ret->admission, image->admission, sizeof(ret->admission));
	ret->admitter = image->flags & ADMITTER;
	ret->founder = image->flags & FOUNDER;
	if (ret->admitter)
		identity_init(&ret->cluster, image->cluster_seed);
	if (ret->name[NODE_NAME_MAX] || !admission_name_is_valid(ret->name))
		return -EIO;

	return decode_ring(image, &ret->ring);
}

static int decode(const struct image *image, struct self *ret)
{
	int r = 0;

	for (unsigned int i = 0; i < sizeof(image->generation); i++)
		ret->generation |= (uint32_t)image->generation[i] << (8 * i);
	ret->has_identity = image->flags & HAS_IDENTITY;
	ret->member = image->flags & MEMBER;
	ret->join_pending = image->flags & JOIN_PENDING;
	if (ret->has_identity)
		identity_init(&ret->identity, image->seed);
	if (ret->member)
		r = decode_member(image, ret);
	if (r == 0 && ret->join_pending)
		r = decode_join(image, ret);

	return r;
}

static int read_image(const void *bytes, size_t len, struct self *ret, struct err *e)
{
	struct self self = { 0 };
	struct image image;
	int r = -EIO;

	if (len == sizeof(image)) {
		memcpy(&image, bytes, sizeof(image));
		r = image.format == FORMAT ? decode(&image, &self) : -EIO;
		sodium_memzero(&image, sizeof(image));
	}
	if (r == 0)
		*ret = self;
	self_wipe(&self);
	if (r < 0)
		return err_say(
			e, EIO,
			"what the store says of this node itself is damaged: restore a backup "
			"of data-dir, or remove it and join again");

	return 0;
}

int self_load(struct store *s, struct self *ret, struct err *e)
{
	AUTO_FREE void *bytes = NULL;
	struct self none = { 0 };
	size_t len;
	int r = store_get(s, STORE_SELF, record_key, sizeof(record_key), &bytes, &len, e);

	if (r == -ENOENT) {
		*ret = none;
		return 0;
	}
	if (r < 0)
		return r;
	r = read_image(bytes, len, ret, e);
	sodium_memzero(bytes, len);

	return r;
}

void self_wipe(struct self *self)
{
	sodium_memzero(self, sizeof(*self));
}

/* ---- changes ------------------------------------------------------------------------ */

/* Make @next, which is wiped, what @self is, in the store first. */
static int become(struct store *s, struct self *self, struct self *next, struct err *e)
{
	struct image image;
	int r;

	encode(next, &image);
	r = store_put(s, STORE_SELF, record_key, sizeof(record_key), &image, sizeof(image),
		      STORE_DURABLE, e);
	if (r == 0)
		*self = *next;
	sodium_memzero(&image, sizeof(image));
	self_wipe(next);

	return r;
}

static void make_identity(struct identity *ret)
{
	uint8_t seed[IDENTITY_SEED_LEN];

	randombytes_buf(seed, sizeof(seed));
	identity_init(ret, seed);
	sodium_memzero(seed, sizeof(seed));
}

static void need_identity(struct self *self)
{
	if (self->has_identity)
		return;
	make_identity(&self->identity);
	self->has_identity = true;
}

static void make_ring(const struct identity *cluster, struct keyring *ret)
{
	uint8_t key[FRAME_KEY_LEN];
	struct key_order order;

	randombytes_buf(key, sizeof(key));
	key_order_first(&order, cluster, key);
	*ret = (struct keyring){ 0 };
	(void)keyring_obey(ret, &order); /* the first of a ring: it cannot be stale, */
	(void)keyring_take(ret, key);	 /* and names this key */
	sodium_memzero(key, sizeof(key));
}

static int refuse_member(const struct self *self, struct err *e)
{
	if (!self->member)
		return 0;

	return err_say(e, EEXIST,
		       "this node is in a cluster already, as \"%s\": leave that first (heddle "
		       "netd leave), or give netd another data-dir",
		       self->name);
}

/* Of a cluster that this node was in: removed before it is in another. */
static int clear_cluster(struct store *s, struct err *e)
{
	int r = store_clear(s, STORE_RECORDS, e);

	return r < 0 ? r : store_clear(s, STORE_CLUSTER, e);
}

int self_init(struct store *s, struct self *self, const char *name, struct err *e)
{
	struct self next = *self;
	int r = refuse_member(self, e);

	if (r < 0)
		return r;
	if (!admission_name_is_valid(name))
		return err_say(
			e, EINVAL,
			"\"%s\": a node's name is 1 to %d of a-z, 0-9 and '-', with no '-' at "
			"an end",
			name, NODE_NAME_MAX);
	r = clear_cluster(s, e);
	if (r < 0)
		return r;
	need_identity(&next);
	make_identity(&next.cluster);
	make_ring(&next.cluster, &next.ring);
	memset(next.name, 0, sizeof(next.name));
	memcpy(next.name, name, strlen(name));
	memcpy(next.cluster_key, next.cluster.key, sizeof(next.cluster_key));
	admission_sign(&next.cluster, next.identity.key, name, next.admission);
	next.member = next.admitter = next.founder = true;
	next.join_pending = false;

	return become(s, self, &next, e);
}

int self_want_join(struct store *s, struct self *self, const char *token,
		   const struct config_addrs *addrs, struct err *e)
{
	struct self next = *self;
	int r = refuse_member(self, e);

	if (r < 0)
		return r;
	if (strlen(token) > TOKEN_TEXT_LEN)
		return err_say(e, EINVAL, "join token: longer than %d characters", TOKEN_TEXT_LEN);
	need_identity(&next);
	memset(next.join_token, 0, sizeof(next.join_token));
	memcpy(next.join_token, token, strlen(token));
	next.join_addrs = *addrs;
	next.join_pending = true;

	return become(s, self, &next, e);
}

int self_joined(struct store *s, struct self *self, const char *name,
		const uint8_t cluster_key[NODE_KEY_LEN], const uint8_t admission[NODE_SIG_LEN],
		const struct keyring *ring, struct err *e)
{
	struct self next = *self;
	int r = clear_cluster(s, e);

	if (r < 0)
		return r;
	memset(next.name, 0, sizeof(next.name));
	memcpy(next.name, name, strnlen(name, NODE_NAME_MAX));
	memcpy(next.cluster_key, cluster_key, sizeof(next.cluster_key));
	memcpy(next.admission, admission, sizeof(next.admission));
	next.ring = *ring;
	next.member = true;
	next.join_pending = false;

	return become(s, self, &next, e);
}

int self_save_ring(struct store *s, struct self *self, const struct keyring *ring, struct err *e)
{
	struct self next = *self;

	next.ring = *ring;

	return become(s, self, &next, e);
}

int self_save_cluster(struct store *s, struct self *self, const uint8_t seed[IDENTITY_SEED_LEN],
		      struct err *e)
{
	struct self next = *self;

	identity_init(&next.cluster, seed);
	next.admitter = true;

	return become(s, self, &next, e);
}

int self_raise_generation(struct store *s, struct self *self, uint32_t at_least, struct err *e)
{
	struct self next = *self;

	next.generation++;
	if (next.generation < at_least)
		next.generation = at_least;

	return become(s, self, &next, e);
}

int self_has_founded(struct store *s, struct self *self, struct err *e)
{
	struct self next = *self;

	next.founder = false;

	return become(s, self, &next, e);
}

int self_forget(struct store *s, struct self *self, struct err *e)
{
	struct self next = { 0 };
	int r = become(s, self, &next, e);

	/* What cannot be removed now is before the next cluster. */
	if (r == 0)
		(void)clear_cluster(s, NULL);

	return r;
}
