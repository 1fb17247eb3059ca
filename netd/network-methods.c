/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-methods - network.* on the control socket; see docs/control.md */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ip-json.h"
#include "lib/mac.h"
#include "lib/network-meta.h"
#include "netd/service-private.h"
#include "overlay/members.h"
#include "overlay/profile.h"

#define LOOK_MS	  500  /* for what other nodes say, to show it */
#define REMOVE_MS 1500 /* … to be sure that nobody is left */

/* ---- which one ----------------------------------------------------------- */

/* Answers @call and returns NULL if there is none. */
static struct cluster_network *find(struct service *s, struct control_call *call,
				    const struct jnode *params)
{
	struct cluster_network *n;
	struct err e = { 0 };
	struct jnode name;
	const char *text;

	if (!service_is_up(s, call))
		return NULL;
	if (!jn_get(params, "name", &name))
		(void)jn_bad(params, &e, "name is missing: a network's name, or its id");
	else if (jn_str(&name, &text, &e) == 0) {
		n = networks_named(s, text);
		if (n)
			return n;
		(void)err_cni(&e, CNI_E_UNKNOWN, "network %s not found", text);
	}
	control_fail(call, &e);

	return NULL;
}

/* ---- what there is to say of it ------------------------------------------- */

static const char *state_name(const struct cluster_network *n)
{
	static const char *const names[] = {
		[NETWORK_KNOWN] = "known",
		[NETWORK_JOINED] = "joined",
		[NETWORK_SERVED] = "served",
	};

	return names[n->state];
}

static json_t *own_json(const struct cluster_network *n)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < n->def.net.n_subnets; i++)
		if (ip_is_set(&n->own[i]) && json_array_append_new(list, ip_json(&n->own[i])) < 0)
			return NULL;

	return MOVE_PTR(list);
}

static json_t *network_json(const struct cluster_network *n)
{
	AUTO_JSON json_t *obj = network_meta_write(&n->def.net);
	char id[NETWORK_ID_TEXT], author[NODE_ID_TEXT + NODE_NAME_MAX], bridge[IFNAMSIZ];

	plane_bridge_name(&n->id, bridge);
	if (!obj ||
	    json_object_update_new(
		    obj,
		    json_pack("{s:s, s:s, s:i, s:s, s:s, s:b, s:b, s:s, s:i, s:i, s:o, s:o}",
			      "name", n->def.net.name, "id", network_id_text(&n->id, id), "vni",
			      (int)n->def.vni, "author",
			      service_node_name(n->s, &n->author, author), "state", state_name(n),
			      "nameLost", !n->wins, "removed", n->removed, "bridge", bridge, "mtu",
			      (int)plane_mtu(n->s->p, &n->id), "endpointsHere", (int)n->n_endpoints,
			      "own", own_json(n), "conflicts", network_conflicts_json(n))) < 0)
		return NULL;

	return MOVE_PTR(obj);
}

static void list_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	json_t *list = json_array();

	(void)params;
	for (const struct cluster_network *n = s->networks; list && n; n = n->next) {
		if (json_array_append_new(list, network_json(n)) == 0)
			continue;
		json_decref(list);
		list = NULL;
	}
	control_answer(call, json_pack("{s:o}", "networks", list));
}

/* ---- inspect ------------------------------------------------------------- */

struct listing {
	const struct cluster_network *n;
	json_t *list;
};

static void list_endpoint(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct listing *l = ctx;
	char node[NODE_ID_TEXT + NODE_NAME_MAX], mac[MAC_STRLEN];
	struct endpoint_text t;
	json_t *ips, *names;

	if (!endpoint_read(row, &t) || !t.container[0])
		return;
	ips = json_array();
	names = json_array();
	for (size_t i = 0; i < t.n_ips; i++)
		(void)json_array_append_new(ips, ip_json(&t.ips[i]));
	for (size_t i = 0; i < t.n_names; i++)
		(void)json_array_append_new(names, json_string(t.names[i]));
	(void)json_array_append_new(l->list,
				    json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "node",
					      service_node_name(l->n->s, owner, node), "container",
					      t.container, "ifname", t.ifname, "mac",
					      mac_str(t.mac, mac), "ips", ips, "names", names));
}

static void list_peer(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct listing *l = ctx;
	struct members *table = engine_members(cluster_engine(l->n->s->c));
	uint32_t at = members_find(table, owner);
	char node[NODE_ID_TEXT + NODE_NAME_MAX];

	if (row->kind != ROW_PRESENCE || row->key_len != NETWORK_ID_LEN || at == MEMBER_NONE ||
	    memcmp(row->bytes, l->n->id.b, NETWORK_ID_LEN) != 0)
		return;
	(void)json_array_append_new(l->list,
				    json_pack("{s:s, s:o}", "name",
					      service_node_name(l->n->s, owner, node), "ip",
					      ip_json(&members_at(table, at)->profile->addr.ip)));
}

static void show(struct control_call *call, struct cluster_network *n)
{
	static const struct network_id cluster;
	struct listing endpoints = { n, json_array() }, peers = { n, json_array() };
	json_t *obj = network_json(n);

	rows_each(cluster_rows(n->s->c), &n->id, ROWS_LIVE, list_endpoint, &endpoints);
	rows_each(cluster_rows(n->s->c), &cluster, ROWS_LIVE, list_peer, &peers);
	if (obj)
		(void)json_object_update_new(obj, json_pack("{s:o, s:o}", "endpoints",
							    endpoints.list, "peers", peers.list));
	control_answer(call, obj);
}

static void inspect_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster_network *n = find(ctx, call, params);

	if (n && n->def.net.scope == NETWORK_SWARM)
		network_visit_method(call, n, LOOK_MS, networks_is_heard, show);
	else if (n)
		control_answer(call, network_json(n));
}

/* ---- remove -------------------------------------------------------------- */

struct users {
	const struct service *s;
	size_t n;
	char text[512]; /* the first of them, as Docker lists them */
};

static void count_user(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct users *u = ctx;
	size_t used = strlen(u->text);
	char node[NODE_ID_TEXT + NODE_NAME_MAX];
	struct endpoint_text t;

	if (!endpoint_read(row, &t) || !t.container[0])
		return;
	u->n++;
	snprintf(u->text + used, sizeof(u->text) - used,
		 "%sname:\"%.63s\" id:\"%.12s\" node:\"%s\"", used ? ", " : "",
		 t.n_names ? t.names[0] : t.container, t.container,
		 service_node_name(u->s, owner, node));
}

/* Those of this node that are reserved only have no row yet. */
static bool is_used(struct control_call *call, const struct cluster_network *n)
{
	struct users u = { .s = n->s };

	rows_each(cluster_rows(n->s->c), &n->id, ROWS_LIVE, count_user, &u);
	if (u.n == 0 && n->n_endpoints == 0)
		return false;
	control_fail_say(call, CNI_E_CONFIG, "network %s has active endpoints (%s)",
			 n->def.net.name, u.n ? u.text : "one that is being made");

	return true;
}

/* A container that has just gone elsewhere may still be there by what this node has heard. */
static bool is_settled(const struct cluster_network *n)
{
	struct users u = { .s = n->s };

	if (n->n_endpoints > 0)
		return true;
	rows_each(cluster_rows(n->s->c), &n->id, ROWS_LIVE, count_user, &u);

	return networks_is_heard(n) && u.n == 0;
}

static void remove_now(struct control_call *call, struct cluster_network *n)
{
	struct service *s = n->s;
	struct definition_id id;
	struct definition of;
	struct err e = { 0 };

	if (is_used(call, n))
		return;
	memcpy(id.b, n->id.b, DEFINITION_ID_LEN);
	if (!definitions_find(cluster_definitions(s->c), &id, &of)) {
		control_answer(call, NULL);
		return;
	}
	if (definitions_remove(cluster_definitions(s->c), &id, cluster_now(s->c), &e) < 0) {
		control_fail(call, &e);
		return;
	}
	networks_undefined(s, &of);
	conflists_sync(s->conflists);
	control_answer(call, NULL);
}

static void remove_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster_network *n = find(ctx, call, params);

	if (n && n->def.net.scope == NETWORK_SWARM)
		network_visit_method(call, n, REMOVE_MS, is_settled, remove_now);
	else if (n)
		remove_now(call, n);
}

int network_methods_register(struct service *s, struct err *e)
{
	static const struct control_method methods[] = {
		{ "network.create", network_create_method },
		{ "network.remove", remove_method },
		{ "network.list", list_method },
		{ "network.inspect", inspect_method },
		{ 0 },
	};

	return control_register(s->d->control, methods, s, e);
}
