/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-methods - what an operator may ask of the cluster, by the control socket
 *
 *	cluster.init {name?}			-> {name, id}
 *	cluster.join {token, addresses: [..]}	-> {name, id}, once it is in
 *	leave {force?}				-> {}, once the good-bye is said
 *	node.list				-> {nodes: [..]}
 *	node.inspect {node}			-> a node and what it owns
 *	node.forget {node, dry_run?, force?}	-> what is at stake; {} once all others agree
 *	node.drain {on?}			-> {draining}
 *	token.create {ttl_s?}			-> {token, id, expires}
 *	token.revoke {token} or {id, expires}	-> {}
 *	key.rotate {step: add|use|remove}	-> {order}
 *	admitter.seal {node}			-> {sealed}: the cluster's key, for that node only
 *	admitter.open {sealed}			-> {}: this node is an admitter now
 *
 * A node is named by its name, its id, or the first digits of it that no other has.
 */
#define LOG_AREA "cluster"

#include <errno.h>
#include <sodium.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/jnode.h"
#include "netd/cluster-private.h"
#include "netd/control.h"
#include "netd/log.h"
#include "netd/network-def.h"
#include "netd/store.h"
#include "overlay/blocks.h"
#include "overlay/bytes.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/token.h"

#define TTL_DEFAULT_S 3600
#define TTL_MOST_S    (366 * 24 * 3600)

static const char key_draining[] = "draining";

/* ---- params ---------------------------------------------------------------------------- */

/* Each leaves @ret as it is if the key is not there. */
static int get_str(const struct jnode *params, const char *key, const char **ret, struct err *e)
{
	struct jnode n;

	return jn_get(params, key, &n) ? jn_str(&n, ret, e) : 0;
}

static int get_bool(const struct jnode *params, const char *key, bool *ret, struct err *e)
{
	struct jnode n;

	return jn_get(params, key, &n) ? jn_bool(&n, ret, e) : 0;
}

static int get_uint(const struct jnode *params, const char *key, uint64_t max, uint64_t *ret,
		    struct err *e)
{
	struct jnode n;

	return jn_get(params, key, &n) ? jn_uint(&n, 1, max, ret, e) : 0;
}

static int need_up(const struct cluster *c, struct err *e)
{
	if (c->phase == CLUSTER_UP)
		return 0;

	return err_cni(
		e, CNI_E_AGAIN,
		c->phase == CLUSTER_NONE
			? "this node is in no cluster: netd init founds one, netd join TOKEN "
			  "ADDRESS enters one"
			: "this node is just joining or leaving its cluster: try again");
}

static bool is_named(const struct member *m, const char *what)
{
	char id[NODE_ID_TEXT];

	return m->profile && (strcmp(m->profile->name, what) == 0 ||
			      strcmp(node_id_text(&m->profile->id, id), what) == 0);
}

static bool has_prefix(const struct member *m, const char *what)
{
	char id[NODE_ID_TEXT];

	return m->profile && strlen(what) >= 4 &&
	       strncmp(node_id_text(&m->profile->id, id), what, strlen(what)) == 0;
}

/* Return: how many members @is says are meant; one of them in @ret. */
static unsigned int count_nodes(const struct members *t, const char *what,
				bool (*is)(const struct member *m, const char *what),
				const struct member **ret)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < members_slots(t); i++) {
		if (!is(members_at(t, i), what))
			continue;
		*ret = members_at(t, i);
		n++;
	}

	return n;
}

static int find_node(const struct cluster *c, const struct jnode *params, const struct member **ret,
		     struct err *e)
{
	const struct members *t = engine_members(c->engine);
	const char *what = NULL;
	unsigned int n;
	int r = get_str(params, "node", &what, e);

	if (r < 0)
		return r;
	if (!what)
		return err_cni(e, CNI_E_CONFIG, "node: which one? Give its name or id");
	n = count_nodes(t, what, is_named, ret);
	if (n == 0)
		n = count_nodes(t, what, has_prefix, ret);
	if (n == 1)
		return 0;

	return err_cni(e, CNI_E_CONFIG,
		       n == 0 ? "node \"%.64s\": no such node: see the list of nodes"
			      : "node \"%.64s\": more than one is called so: give its whole id",
		       what);
}

/* ---- nodes ----------------------------------------------------------------------------- */

static void node_list(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	struct err e = { 0 };
	json_t *nodes;

	(void)params;
	if (need_up(c, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	nodes = json_array();
	for (uint32_t i = 0; i < members_slots(engine_members(c->engine)); i++) {
		const struct member *m = members_at(engine_members(c->engine), i);

		if (m->profile)
			json_array_append_new(nodes, cluster_member_json(c, m));
	}
	control_answer(call, json_pack("{s:o}", "nodes", nodes));
}

/* The network and subnet whose addresses a space numbers. */
struct spaces_use {
	const struct link_id *space;
	char name[DEFINITION_NAME_MAX + 1];
	bool is_subnet;
	struct ip_net subnet;
};

static void match_network(void *ctx, const struct definition *d)
{
	struct spaces_use *u = ctx;
	struct network_def def = { 0 };

	if (network_def_read(d, &def, NULL) < 0)
		return;
	for (size_t i = 0; i < def.net.n_subnets && i < NETWORK_DEF_SUBNETS; i++) {
		if (!link_id_equal(&def.spaces[i], u->space))
			continue;
		memcpy(u->name, d->name, sizeof(u->name));
		u->is_subnet = true;
		u->subnet = def.net.subnets[i].subnet;
	}
	network_def_clear(&def);
}

static void match_space(void *ctx, const struct definition *d)
{
	struct spaces_use *u = ctx;

	if (d->body_len >= LINK_ID_LEN && memcmp(d->body, u->space->b, LINK_ID_LEN) == 0)
		memcpy(u->name, d->name, sizeof(u->name));
}

static json_t *run_json(const struct spaces_use *u, const struct title *run)
{
	json_t *o = json_pack("{s:s, s:I, s:I}", u->is_subnet ? "network" : "space", u->name,
			      "first", (json_int_t)run->first, "last", (json_int_t)run->last);
	struct ip_addr first = ip_net_first(&u->subnet), last = first;
	char a[IP_STRLEN], b[IP_STRLEN];

	if (!u->is_subnet || !ip_add(&first, run->first) || !ip_add(&last, run->last))
		return o;
	json_object_set_new(o, "first", json_string(ip_str(&first, a)));
	json_object_set_new(o, "last", json_string(ip_str(&last, b)));

	return o;
}

static void add_runs(const struct cluster *c, const struct titles *t, const struct node_id *owner,
		     json_t *list)
{
	struct spaces_use u = { .space = &t->links[0]->id };

	definitions_each(c->definitions, DEFINITION_SPACE, match_space, &u);
	definitions_each(c->definitions, DEFINITION_NETWORK, match_network, &u);
	for (uint32_t i = 0; i < t->n_runs; i++)
		if (node_id_equal(title_owner(&t->runs[i]), owner))
			json_array_append_new(list, run_json(&u, &t->runs[i]));
}

/* All numbers that a node owns: containers of it may use them. */
static json_t *owned_json(const struct cluster *c, const struct node_id *owner)
{
	const struct ledger *l = blocks_ledger(c->blocks);
	json_t *list = json_array();

	for (uint32_t i = 0; i < l->n_spaces; i++)
		add_runs(c, &l->spaces[i], owner, list);

	return list;
}

static json_t *member_whole(const struct cluster *c, const struct member *m)
{
	json_t *o = cluster_member_json(c, m);

	if (o)
		json_object_set_new(o, "owns", owned_json(c, &m->profile->id));

	return o;
}

static void node_inspect(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	const struct member *m;
	struct err e = { 0 };

	if (need_up(c, &e) < 0 || find_node(c, params, &m, &e) < 0)
		control_fail(call, &e);
	else
		control_answer(call, member_whole(c, m));
}

static int check_forget(const struct cluster *c, const struct member *m, bool force, struct err *e)
{
	if (node_id_equal(&m->profile->id, engine_id(c->engine)))
		return err_cni(e, CNI_E_CONFIG, "node %s is this one: leave the cluster instead",
			       m->profile->name);
	if (!force && (m->state == MEMBER_ALIVE || m->state == MEMBER_SUSPECT))
		return err_cni(
			e, CNI_E_CONFIG,
			"node %s is alive: its addresses would be given twice. Stop it first, "
			"or let it leave",
			m->profile->name);

	return 0;
}

static void forget_cancelled(void *ctx, struct control_call *call)
{
	struct forget_call *one = ctx;

	(void)call;
	one->call = NULL;
}

/* Answered when all others have agreed, which may be never: the caller decides how long it waits.
 */
static void wait_for_forget(struct cluster *c, struct control_call *call, const struct node_id *id)
{
	for (unsigned int i = 0; i < CLUSTER_FORGETS; i++) {
		struct forget_call *one = &c->forgets[i];

		if (one->call)
			continue;
		*one = (struct forget_call){ .call = call, .node = *id };
		control_on_cancel(call, forget_cancelled, one);
		return;
	}
	control_fail_say(call, CNI_E_AGAIN,
			 "it is being forgotten, as are %d others that somebody waits for: see the "
			 "list of nodes",
			 CLUSTER_FORGETS);
}

void cluster_say_forgotten(struct cluster *c, const struct node_id *id)
{
	for (unsigned int i = 0; i < CLUSTER_FORGETS; i++) {
		struct control_call *call = c->forgets[i].call;

		if (!call || !node_id_equal(&c->forgets[i].node, id))
			continue;
		c->forgets[i].call = NULL;
		control_answer(call, NULL);
	}
}

void cluster_fail_forgets(struct cluster *c)
{
	for (unsigned int i = 0; i < CLUSTER_FORGETS; i++) {
		struct control_call *call = c->forgets[i].call;

		if (!call)
			continue;
		c->forgets[i].call = NULL;
		control_fail_say(call, CNI_E_AGAIN, "this node has left the cluster meanwhile");
	}
}

static void node_forget(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	bool dry_run = false, force = false;
	const struct member *m;
	struct err e = { 0 };
	struct node_id id;

	if (need_up(c, &e) < 0 || find_node(c, params, &m, &e) < 0 ||
	    get_bool(params, "dry_run", &dry_run, &e) < 0 ||
	    get_bool(params, "force", &force, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	if (dry_run) {
		control_answer(call, member_whole(c, m));
		return;
	}
	id = m->profile->id;
	if (check_forget(c, m, force, &e) < 0 ||
	    blocks_forget(c->blocks, &id, cluster_now(c), &e) < 0)
		control_fail(call, &e);
	else
		wait_for_forget(c, call, &id);
}

static void node_drain(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	struct err e = { 0 };
	bool on = true;

	if (need_up(c, &e) < 0 || get_bool(params, "on", &on, &e) < 0 ||
	    store_put(c->d->store, STORE_CLUSTER, key_draining, sizeof(key_draining),
		      on ? "1" : NULL, on ? 1 : 0, STORE_DURABLE, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	c->draining = on;
	log_info(on ? "draining: no new containers" : "draining no more");
	control_answer(call, json_pack("{s:b}", "draining", on));
}

void cluster_load_draining(struct cluster *c)
{
	AUTO_FREE void *value = NULL;

	c->draining = store_get(c->d->store, STORE_CLUSTER, key_draining, sizeof(key_draining),
				&value, NULL, NULL) == 0;
}

/* ---- entering and leaving -------------------------------------------------------------- */

static json_t *self_json(const struct cluster *c)
{
	const struct self *self = &c->d->self;
	char id[NODE_ID_TEXT];

	return json_pack("{s:s, s:s}", "name", self->name, "id",
			 node_id_text(&self->identity.id, id));
}

static void cluster_init(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	const char *name = c->d->config.name;
	struct err e = { 0 };

	if (get_str(params, "name", &name, &e) < 0 ||
	    self_init(c->d->store, &c->d->self, name, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	if (cluster_come_up(c, &e) == 0) {
		control_answer(call, self_json(c));
		return;
	}
	err_wrap(&e, -EAGAIN, "the cluster is founded, but this node is not up yet");
	cluster_retry_later(c);
	control_fail(call, &e);
}

static int read_addresses(const struct jnode *params, struct config_addrs *ret, struct err *e)
{
	struct jnode list, one;
	const char *text;
	int r;

	if (!jn_get(params, "addresses", &list) || jn_count(&list) == 0)
		return err_cni(e, CNI_E_CONFIG,
			       "addresses: of which members? Give at least one, of an admitter");
	if (jn_count(&list) > CONFIG_SEEDS_MAX)
		return jn_bad(&list, e, "more than %d addresses", CONFIG_SEEDS_MAX);
	for (ret->n = 0; ret->n < jn_count(&list); ret->n++) {
		one = jn_item(&list, ret->n);
		r = jn_str(&one, &text, e);
		if (r < 0)
			return r;
		if (config_parse_addr(text, &ret->list[ret->n]) < 0)
			return jn_bad(&one, e, "\"%.64s\" is not an address, or address:port",
				      text);
	}

	return 0;
}

static void join_cancelled(void *ctx, struct control_call *call)
{
	struct cluster *c = ctx;

	(void)call;
	c->calls.join = NULL;
}

static void cluster_join(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	struct config_addrs addrs = { 0 };
	const char *text = "";
	struct token token;
	struct err e = { 0 };

	if (c->calls.join || c->phase == CLUSTER_JOINING) {
		control_fail_say(call, CNI_E_AGAIN, "this node is joining already");
		return;
	}
	if (get_str(params, "token", &text, &e) < 0 || read_addresses(params, &addrs, &e) < 0 ||
	    token_parse(text, (uint64_t)time(NULL), &token, &e) < 0 ||
	    self_want_join(c->d->store, &c->d->self, text, &addrs, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	sodium_memzero(&token, sizeof(token));
	c->calls.join = call;
	control_on_cancel(call, join_cancelled, c);
	cluster_begin_join(c);
}

bool cluster_say_joined(struct cluster *c, const struct err *failure)
{
	struct control_call *call = c->calls.join;

	if (!call)
		return false;
	c->calls.join = NULL;
	control_on_cancel(call, NULL, NULL);
	if (failure)
		control_fail(call, failure);
	else
		control_answer(call, self_json(c));

	return true;
}

static void leave_cancelled(void *ctx, struct control_call *call)
{
	struct cluster *c = ctx;

	(void)call;
	c->calls.leave = NULL;
}

static int check_leave(const struct cluster *c, bool force, struct err *e)
{
	if (force || !c->d->self.admitter || members_alive(engine_members(c->engine)) == 1)
		return 0;

	return err_cni(
		e, CNI_E_CONFIG,
		"this node holds the cluster's key: without it nobody is admitted, and no key "
		"is changed any more. Leave with force if that is meant");
}

static void leave(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	struct err e = { 0 };
	bool force = false;
	int runs;

	if (need_up(c, &e) < 0 || get_bool(params, "force", &force, &e) < 0 ||
	    check_leave(c, force, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	for (size_t i = 0; i < c->n_users; i++)
		if (c->users[i].leaving)
			c->users[i].leaving(c->users[i].ctx);
	runs = blocks_hand_over(c->blocks, cluster_now(c));
	log_info("leaving: %d ranges of numbers given to others", runs);
	engine_leave(c->engine, cluster_now(c));
	c->phase = CLUSTER_LEAVING;
	c->calls.leave = call;
	control_on_cancel(call, leave_cancelled, c);
}

void cluster_say_left(struct cluster *c)
{
	struct control_call *call = c->calls.leave;

	if (!call)
		return;
	c->calls.leave = NULL;
	control_on_cancel(call, NULL, NULL);
	control_answer(call, NULL);
}

/* ---- tokens and keys ------------------------------------------------------------------- */

static int need_admitter(const struct cluster *c, struct err *e)
{
	int r = need_up(c, e);

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

	if (need_admitter(c, &e) < 0 || get_uint(params, "ttl_s", TTL_MOST_S, &ttl, &e) < 0) {
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

	if (get_str(params, "token", &text, e) < 0 || get_str(params, "id", &id, e) < 0 ||
	    get_uint(params, "expires", UINT32_MAX, &expires, e) < 0)
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
	int r = need_up(c, &e);

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

	if (need_up(c, &e) < 0 || get_str(params, "step", &step, &e) < 0 || rotate(c, step, &e) < 0)
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

	if (need_admitter(c, &e) < 0 || find_node(c, params, &m, &e) < 0) {
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

	if (need_up(c, &e) < 0 || get_str(params, "sealed", &text, &e) < 0 ||
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

static const struct control_method methods[] = {
	{ "cluster.init", cluster_init },
	{ "cluster.join", cluster_join },
	{ "leave", leave },
	{ "node.list", node_list },
	{ "node.inspect", node_inspect },
	{ "node.forget", node_forget },
	{ "node.drain", node_drain },
	{ "token.create", token_create },
	{ "token.revoke", token_revoke_method },
	{ "key.rotate", key_rotate },
	{ "admitter.seal", admitter_seal },
	{ "admitter.open", admitter_open },
	{ 0 },
};

int cluster_add_methods(struct cluster *c, struct err *e)
{
	return control_register(c->d->control, methods, c, e);
}
