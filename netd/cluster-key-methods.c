/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-key-methods - token.*, key.rotate and admitter.*: what the cluster's own key is for */
#define LOG_AREA "cluster"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/jnode.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/bytes.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/token.h"

#define TTL_DEFAULT_S 3600
#define TTL_MOST_S    (366 * 24 * 3600)

static int need_admitter(const struct cluster *c, struct err *e)
{
	int r = cluster_need_up(c, e);

	return r < 0 ? r : cluster_need_admitter(c, e);
}

static void token_create(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	char text[TOKEN_TEXT_LEN + 1], id_text[2 * TOKEN_ID_LEN + 1];
	uint64_t ttl = TTL_DEFAULT_S;
	uint8_t id[TOKEN_ID_LEN];
	struct err e = { 0 };
	struct token token;

	if (need_admitter(c, &e) < 0 || jn_get_uint(params, "ttl_s", 1, TTL_MOST_S, &ttl, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	randombytes_buf(id, sizeof(id));
	token_issue(&c->d->self.cluster, id, (uint32_t)((uint64_t)time(NULL) + ttl), &token);
	token_text(&token, text);
	sodium_bin2hex(id_text, sizeof(id_text), id, sizeof(id));
	control_answer(call, json_pack("{s:s, s:s, s:I}", "token", text, "id", id_text, "expires",
				       (json_int_t)token.expires));
	sodium_memzero(&token, sizeof(token));
	sodium_memzero(text, sizeof(text));
}

/* Token, or its id and expiry, to what a definition says. */
static int read_revoked(const struct jnode *params, uint8_t ret[DEFINITION_REVOKED_LEN],
			struct err *e)
{
	const char *text = NULL, *id = NULL;
	uint64_t expires = 0;
	struct token token;
	size_t len;
	int r;

	if (jn_get_str(params, "token", &text, e) < 0 || jn_get_str(params, "id", &id, e) < 0 ||
	    jn_get_uint(params, "expires", 1, UINT32_MAX, &expires, e) < 0)
		return -EINVAL;
	if (text) {
		r = token_parse(text, (uint64_t)time(NULL), &token, e);
		if (r < 0)
			return r;
		memcpy(ret, token.id, TOKEN_ID_LEN);
		expires = token.expires;
		sodium_memzero(&token, sizeof(token));
	} else if (!id || expires == 0 || strlen(id) != 2 * TOKEN_ID_LEN ||
		   sodium_hex2bin(ret, TOKEN_ID_LEN, id, strlen(id), NULL, &len, NULL) < 0) {
		return err_cni(e, CNI_E_CONFIG,
			       "token.revoke: give the token, or its id of %d digits and when it "
			       "expires",
			       2 * TOKEN_ID_LEN);
	}
	put_le32(ret + TOKEN_ID_LEN, (uint32_t)expires);

	return 0;
}

static void token_revoke_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	uint8_t body[DEFINITION_REVOKED_LEN];
	struct definition_id id;
	struct err e = { 0 };
	int r = cluster_need_up(c, &e);

	if (r == 0)
		r = read_revoked(params, body, &e);
	if (r == 0)
		r = definitions_add(c->definitions, DEFINITION_REVOKED, NULL, body, sizeof(body),
				    &id, cluster_now(c), &e);
	if (r < 0 && r != -EEXIST)
		control_fail(call, &e);
	else
		control_answer(call, NULL);
}

static const struct {
	const char *name;
	int (*fn)(struct cluster *c, struct err *e);
} rotation_steps[] = {
	{ "add", cluster_keys_add },
	{ "use", cluster_keys_use },
	{ "remove", cluster_keys_remove },
};

static int rotate(struct cluster *c, const char *step, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(rotation_steps); i++)
		if (strcmp(rotation_steps[i].name, step) == 0)
			return rotation_steps[i].fn(c, e);

	return err_cni(
		e, CNI_E_CONFIG,
		"step \"%.32s\": a rotation is add, then use once all nodes hold the key, then "
		"remove",
		step);
}

static void key_rotate(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	const char *step = "";
	struct err e = { 0 };

	if (cluster_need_up(c, &e) < 0 || jn_get_str(params, "step", &step, &e) < 0 ||
	    rotate(c, step, &e) < 0)
		control_fail(call, &e);
	else
		control_answer(call, json_pack("{s:I}", "order",
					       (json_int_t)c->d->self.ring.order.number));
}

/* ---- more admitters -------------------------------------------------------------------- */

#define SEALED_LEN (IDENTITY_SEED_LEN + SEAL_OVERHEAD)

static void admitter_seal(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	uint8_t random[32], seed[IDENTITY_SEED_LEN], sealed[SEALED_LEN];
	char text[2 * SEALED_LEN + 1];
	const struct member *m;
	struct err e = { 0 };

	if (need_admitter(c, &e) < 0 || cluster_find_node(c, params, &m, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	randombytes_buf(random, sizeof(random));
	crypto_sign_ed25519_sk_to_seed(seed, c->d->self.cluster.secret);
	if (identity_seal(m->profile->key, random, seed, sizeof(seed), sealed) < 0)
		control_fail_say(call, CNI_E_CONFIG, "node %s has no usable key", m->profile->name);
	else
		control_answer(call, json_pack("{s:s}", "sealed",
					       sodium_bin2hex(text, sizeof(text), sealed,
							      sizeof(sealed))));
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(random, sizeof(random));
}

/* What was sealed to this node, if it is this cluster's. */
static int open_seed(const struct cluster *c, const char *text, uint8_t ret[IDENTITY_SEED_LEN],
		     struct err *e)
{
	const struct self *self = &c->d->self;
	uint8_t sealed[SEALED_LEN];
	struct identity cluster;
	bool ours = false;
	size_t len = 0;

	if (strlen(text) == 2 * SEALED_LEN &&
	    sodium_hex2bin(sealed, sizeof(sealed), text, strlen(text), NULL, &len, NULL) == 0 &&
	    identity_open(&self->identity, sealed, sizeof(sealed), ret) == 0) {
		identity_init(&cluster, ret);
		ours = memcmp(cluster.key, self->cluster_key, NODE_KEY_LEN) == 0;
		identity_wipe(&cluster);
	}
	if (ours)
		return 0;
	sodium_memzero(ret, IDENTITY_SEED_LEN);

	return err_cni(e, CNI_E_CONFIG,
		       "sealed: it is not this cluster's key, sealed to this node: ask an admitter "
		       "to seal it to \"%s\"",
		       self->name);
}

static void admitter_open(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	uint8_t seed[IDENTITY_SEED_LEN];
	const char *text = "";
	struct err e = { 0 };

	if (cluster_need_up(c, &e) < 0 || jn_get_str(params, "sealed", &text, &e) < 0 ||
	    open_seed(c, text, seed, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	if (self_save_cluster(c->d->store, &c->d->self, seed, &e) < 0) {
		control_fail(call, &e);
	} else {
		log_info("this node is an admitter");
		control_answer(call, NULL);
	}
	sodium_memzero(seed, sizeof(seed));
}

const struct control_method cluster_key_methods[] = {
	{ "token.create", token_create },   { "token.revoke", token_revoke_method },
	{ "key.rotate", key_rotate },	    { "admitter.seal", admitter_seal },
	{ "admitter.open", admitter_open }, { 0 },
};
