/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-node-methods - node.*: who is in the cluster, what each owns, and its end */
#define LOG_AREA "cluster"

#include "lib/cleanup.h"
#include "lib/jnode.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "netd/network-def.h"
#include "netd/store.h"
#include "overlay/blocks.h"
#include "overlay/members.h"
#include "overlay/profile.h"

static const char key_draining[] = "draining";

/* ---- looking ---------------------------------------------------------------------------- */

static void node_list(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	struct err e = { 0 };
	json_t *nodes;

	(void)params;
	if (cluster_need_up(c, &e) < 0) {
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

	if (cluster_need_up(c, &e) < 0 || cluster_find_node(c, params, &m, &e) < 0)
		control_fail(call, &e);
	else
		control_answer(call, member_whole(c, m));
}

/* ---- forgetting -------------------------------------------------------------------------- */

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

static void node_forget(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	bool dry_run = false, force = false;
	const struct member *m;
	struct err e = { 0 };
	struct node_id id;

	if (cluster_need_up(c, &e) < 0 || cluster_find_node(c, params, &m, &e) < 0 ||
	    jn_get_bool(params, "dry_run", &dry_run, &e) < 0 ||
	    jn_get_bool(params, "force", &force, &e) < 0) {
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
		cluster_await_forgotten(c, call, &id);
}

/* ---- draining ------------------------------------------------------------------------- */

static void node_drain(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	struct err e = { 0 };
	bool on = true;

	if (cluster_need_up(c, &e) < 0 || jn_get_bool(params, "on", &on, &e) < 0 ||
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

const struct control_method cluster_node_methods[] = {
	{ "node.list", node_list },
	{ "node.inspect", node_inspect },
	{ "node.forget", node_forget },
	{ "node.drain", node_drain },
	{ 0 },
};
