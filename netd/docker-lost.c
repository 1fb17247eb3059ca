/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-lost - see docker-lost.h */
#include "netd/docker-lost.h"

#define LOG_AREA "docker"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/control.h"
#include "netd/daemon.h"
#include "netd/docker-bridge.h"
#include "netd/docker-network.h"
#include "netd/docker-pools.h"
#include "netd/docker-private.h"
#include "netd/docker-shared.h"
#include "netd/log.h"

/* ---- networks -------------------------------------------------------------- */

struct networks {
	struct docker_network *list;
	size_t n;
};

static void networks_clear(struct networks *l)
{
	free(l->list);
}

static int networks_load(struct store *s, struct networks *ret, struct err *e)
{
	AUTO(docker_names_clear) struct docker_names names = { 0 };
	AUTO(networks_clear) struct networks l = { 0 };
	int r = docker_record_names(s, DOCKER_NETWORK, &names, e);

	if (r < 0)
		return r;
	l.list = calloc(names.n + 1, sizeof(*l.list));
	if (!l.list)
		return err_sys(e, ENOMEM, "list Docker's networks");
	for (; l.n < names.n && r == 0; l.n++)
		r = docker_network_find(s, names.list[l.n] + 1, &l.list[l.n], e);
	if (r < 0)
		return r;
	*ret = l;
	l.list = NULL;

	return 0;
}

static const struct docker_network *network_with(const struct networks *l, const struct ip_net *net)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t j = 0; j < DOCKER_FAMILIES; j++)
			if (ip_is_set(&l->list[i].subnets[j].net.addr) &&
			    ip_net_same(&l->list[i].subnets[j].net, net))
				return &l->list[i];

	return NULL;
}

/* ---- endpoints --------------------------------------------------------------- */

/* Those of one network, by a walk of all.  Return: 0, or what @fn returned below 0. */
static int each_endpoint(struct docker *k, const struct docker_network *n,
			 int (*fn)(struct docker *k, const struct docker_endpoint *ep, void *ctx,
				   struct err *e),
			 void *ctx, struct err *e)
{
	AUTO(docker_names_clear) struct docker_names names = { 0 };
	struct store *s = k->daemon->store;
	int r = docker_record_names(s, DOCKER_ENDPOINT, &names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct docker_endpoint ep;

		r = docker_endpoint_find(s, names.list[i] + 1, &ep, e);
		if (r == 0 && strcmp(ep.network, n->id) == 0)
			r = fn(k, &ep, ctx, e);
	}

	return r;
}

struct count {
	int endpoints, containers;
};

static int count_one(struct docker *k, const struct docker_endpoint *ep, void *ctx, struct err *e)
{
	struct count *c = ctx;
	int r = docker_bridge_has_container(k, ep, e);

	c->endpoints++;
	c->containers += r > 0;

	return r < 0 ? r : 0;
}

static int forget(struct docker *k, const struct docker_endpoint *ep, void *ctx, struct err *e)
{
	(void)ctx;

	return docker_forget_endpoint(k, ep, e);
}

/* ---- seeing ------------------------------------------------------------------ */

static json_t *subnets_json(const struct docker_network *n)
{
	AUTO_JSON json_t *list = json_array();
	char net[IP_NET_STRLEN];

	for (size_t i = 0; list && i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&n->subnets[i].net.addr) &&
		    json_array_append_new(list, json_string(ip_net_str(&n->subnets[i].net, net))) <
			    0)
			return NULL;

	return MOVE_PTR(list);
}

static json_t *network_json(const struct docker_network *n, const struct count *c)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:i, s:i}", "id", n->id, "bridge", n->bridge,
			 "network", n->shared, "subnets", subnets_json(n), "endpoints",
			 c->endpoints, "containers", c->containers);
}

static int add_network(struct docker *k, const struct docker_network *n, json_t *list,
		       struct err *e)
{
	struct count c = { 0 };
	int r = each_endpoint(k, n, count_one, &c, e);

	if (r == 0 && json_array_append_new(list, network_json(n, &c)) < 0)
		r = err_sys(e, ENOMEM, "list Docker's networks");

	return r;
}

static int add_subnet(struct docker *k, const char *pool_id, const struct networks *l,
		      json_t *subnets, struct err *e)
{
	struct docker_pool pool;
	char net[IP_NET_STRLEN];
	int r = docker_pool_find(k->daemon->store, pool_id, &pool, e);

	if (r < 0 || network_with(l, &pool.net))
		return r;
	if (json_object_set_new(subnets, ip_net_str(&pool.net, net), json_string(pool.network)) < 0)
		return err_sys(e, ENOMEM, "list Docker's subnets");

	return 0;
}

static int list_all(struct docker *k, json_t *doc, struct err *e)
{
	AUTO(docker_names_clear) struct docker_names pools = { 0 };
	AUTO(networks_clear) struct networks l = { 0 };
	int r;

	if ((r = networks_load(k->daemon->store, &l, e)) < 0 ||
	    (r = docker_record_names(k->daemon->store, DOCKER_POOL, &pools, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n && r == 0; i++)
		r = add_network(k, &l.list[i], json_object_get(doc, "networks"), e);
	for (size_t i = 0; i < pools.n && r == 0; i++)
		r = add_subnet(k, pools.list[i] + 1, &l, json_object_get(doc, "subnets"), e);

	return r;
}

static void list_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	AUTO_JSON json_t *doc = json_pack("{s:[], s:{}}", "networks", "subnets");
	struct err e = { 0 };
	int r;

	(void)params;
	r = doc ? list_all(ctx, doc, &e) : err_sys(&e, ENOMEM, "list Docker's networks");
	if (r < 0)
		control_fail(call, &e);
	else
		control_answer(call, MOVE_PTR(doc));
}

/* ---- taking back --------------------------------------------------------------- */

/* Also those of the cluster's network. */
static int release_addresses(struct docker *k, const struct docker_pool *pool, struct err *e)
{
	AUTO_FREE struct ip_addr *list = NULL;
	struct store *s = k->daemon->store;
	int n = docker_addresses_of(s, pool, &list, e), r = n;

	for (int i = 0; i < n && r >= 0; i++)
		r = *pool->network ? docker_shared_release(k, pool, &list[i], e)
				   : docker_address_release(s, pool, &list[i], e);

	return r < 0 ? r : 0;
}

static int release_subnet(struct docker *k, const struct ip_net *net, struct err *e)
{
	struct docker_pool pool;
	int r = docker_pool_of(k->daemon->store, net, &pool, e);

	if (r == 0)
		r = release_addresses(k, &pool, e);
	if (r == 0)
		r = docker_pools_drop(k->daemon->store, net, e);

	return r == -ENOENT ? 0 : r;
}

static int remove_subnet(struct docker *k, const struct ip_net *net, struct err *e)
{
	AUTO(networks_clear) struct networks l = { 0 };
	const struct docker_network *n;
	char text[IP_NET_STRLEN];
	int r = networks_load(k->daemon->store, &l, e);

	if (r < 0)
		return r;
	n = network_with(&l, net);
	if (n)
		return err_say(e, EBUSY, "%s is of Docker's network %.12s: remove that",
			       ip_net_str(net, text), n->id);
	r = release_subnet(k, net, e);
	if (r == 0)
		log_info("%s, which Docker had asked for, is free", ip_net_str(net, text));

	return r;
}

static int need_no_container(struct docker *k, const struct docker_network *n, struct err *e)
{
	struct count c = { 0 };
	int r = each_endpoint(k, n, count_one, &c, e);

	if (r == 0 && c.containers > 0)
		r = err_say(e, EBUSY,
			    "containers of Docker's network %.12s run, %d of them: stop them first",
			    n->id, c.containers);

	return r;
}

static int take_back(struct docker *k, const struct docker_network *n, struct err *e)
{
	int r;

	if ((r = need_no_container(k, n, e)) < 0 ||
	    (r = each_endpoint(k, n, forget, NULL, e)) < 0 ||
	    (!*n->shared && (r = docker_bridge_delete(k, n, e)) < 0))
		return r;
	for (size_t i = 0; i < DOCKER_FAMILIES && r == 0; i++)
		if (ip_is_set(&n->subnets[i].net.addr))
			r = release_subnet(k, &n->subnets[i].net, e);

	return r < 0 ? r : docker_record_drop(k->daemon->store, DOCKER_NETWORK, n->id, e);
}

static int remove_network(struct docker *k, const char *id, struct err *e)
{
	struct docker_network n;
	int r = docker_network_find(k->daemon->store, id, &n, e);

	if (r == 0)
		r = take_back(k, &n, e);
	if (r == 0)
		log_info("Docker's network %.12s was removed by hand", id);

	return r;
}

static int remove_one(struct docker *k, const struct jnode *params, struct err *e)
{
	struct jnode subnet;
	struct ip_net net;
	const char *id;
	int r;

	if (jn_get(params, "subnet", &subnet)) {
		r = jn_ip_net(&subnet, &net, e);
		return r < 0 ? r : remove_subnet(k, &net, e);
	}
	r = docker_need_text(params, "id", &id, e);

	return r < 0 ? r : remove_network(k, id, e);
}

static void remove_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct err e = { 0 };

	if (remove_one(ctx, params, &e) < 0)
		control_fail(call, &e);
	else
		control_answer(call, NULL);
}

int docker_lost_register(struct docker *k, struct err *e)
{
	static const struct control_method methods[] = {
		{ "docker.list", list_method },
		{ "docker.remove", remove_method },
		{ 0 },
	};

	return control_register(k->daemon->control, methods, k, e);
}
