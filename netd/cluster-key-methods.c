/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-key-methods - key.rotate and admitter.*: the keys between nodes, and the cluster's own */
#define LOG_AREA "cluster"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/jnode.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/members.h"
#include "overlay/profile.h"

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

	if (cluster_need_up(c, &e) < 0 || cluster_need_admitter(c, &e) < 0 ||
	    cluster_find_node(c, params, &m, &e) < 0) {
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
	{ "key.rotate", key_rotate },
	{ "admitter.seal", admitter_seal },
	{ "admitter.open", admitter_open },
	{ 0 },
};
