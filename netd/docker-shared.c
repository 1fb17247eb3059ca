/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-shared - see docker-shared.h */
#include "netd/docker-shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip-json.h"
#include "netd/docker-bridge.h"
#include "netd/docker-private.h"
#include "netd/service-private.h"
#include "netd/store.h"

#define WAIT_MS 800 /* within HTTP's deadline */

/* ---- the network --------------------------------------------------------- */

static struct cluster_network *find(struct docker *k, const char *name, struct err *e)
{
	struct cluster_network *n;

	if (!k->service->up) {
		(void)err_cni(e, CNI_E_AGAIN,
			      "network %s: this node is in no cluster: netd init, netd join", name);
		return NULL;
	}
	n = networks_named(k->service, name);
	if (n && !n->removed && n->def.net.scope == NETWORK_SWARM)
		return n;
	(void)err_cni(e, CNI_E_CONFIG,
		      "network %s not found in the cluster: heddle network create --scope swarm %s",
		      name, name);

	return NULL;
}

static const struct network_subnet *subnet_of(const struct cluster_network *n, uint8_t family)
{
	for (size_t i = 0; i < n->def.net.n_subnets; i++)
		if (n->def.net.subnets[i].subnet.addr.family == family)
			return &n->def.net.subnets[i];

	return NULL;
}

/* What makes dockerd join the network on this host. */
static int say_line(const struct cluster_network *n, struct err *e)
{
	const char *name = n->def.net.name;
	char subnets[2 * (IP_NET_STRLEN + 16)] = "", text[IP_NET_STRLEN];

	for (size_t i = 0; i < n->def.net.n_subnets; i++) {
		const struct ip_net *net = &n->def.net.subnets[i].subnet;
		size_t used = strlen(subnets);

		snprintf(subnets + used, sizeof(subnets) - used, "%s--subnet %s ",
			 net->addr.family == AF_INET6 ? "--ipv6 " : "", ip_net_str(net, text));
	}

	return err_cni(e, CNI_E_CONFIG,
		       "say the subnets of network %s: docker network create -d heddle "
		       "--ipam-driver heddle --ipam-opt network=%s -o network=%s %s%s",
		       name, name, name, subnets, name);
}

int docker_shared_pool(struct docker *k, const char *network, const struct docker_pool *want,
		       struct docker_pool *ret, struct err *e)
{
	struct cluster_network *n = find(k, network, e);
	const struct network_subnet *s;
	struct docker_pool p = { 0 };
	int r;

	if (!n)
		return -EINVAL;
	s = subnet_of(n, want->net.addr.family);
	if (!s || ip_is_unspecified(&want->net.addr) || !ip_net_same(&s->subnet, &want->net))
		return say_line(n, e);
	p.net = (struct ip_net){ ip_net_first(&s->subnet), s->subnet.len };
	p.gateway = s->gateway;
	snprintf(p.network, sizeof(p.network), "%s", n->def.net.name);
	r = docker_pool_add(k->daemon->store, &p, e);
	if (r == 0)
		*ret = p;

	return r;
}

int docker_shared_find(struct docker *k, struct docker_network *d, struct err *e)
{
	struct cluster_network *n = find(k, d->shared, e);

	if (!n)
		return -EINVAL;
	for (size_t i = 0; i < DOCKER_FAMILIES; i++) {
		const struct ip_net *net = &d->subnets[i].net;
		const struct network_subnet *s = subnet_of(n, net->addr.family);

		if (ip_is_set(&net->addr) && (!s || !ip_net_same(&s->subnet, net)))
			return say_line(n, e);
	}
	plane_bridge_name(&n->id, d->bridge);
	d->internal |= n->def.net.internal;

	return 0;
}

bool docker_shared_exists(const struct docker *k, const char *network)
{
	const struct cluster_network *n = k->service->up ? networks_named(k->service, network)
							 : NULL;

	return n && !n->removed;
}

/* ---- an answer that comes later ------------------------------------------ */

struct answering {
	struct waiting w;
	struct docker *k;
	struct http_call *call;
	struct docker_pool pool; /* of an address */
	struct ip_addr want;
	bool using; /* the network, so that it stays */
	struct network_id id;
	struct docker_network net; /* of a join */
	struct docker_endpoint ep;
	char ifname[IFNAMSIZ];
	struct programming_wait told;
};

static struct answering *answering_new(struct docker *k, struct err *e)
{
	struct answering *a = calloc(1, sizeof(*a));

	if (!a) {
		(void)err_sys(e, ENOMEM, "answer dockerd");
		return NULL;
	}
	a->k = k;
	a->call = docker_take_call(k);

	return a;
}

static void use(struct answering *a, struct cluster_network *n)
{
	if (a->using)
		return;
	a->using = true;
	a->id = n->id;
	networks_use(n);
}

static void unuse(struct answering *a)
{
	struct cluster_network *n = a->using ? networks_find(a->k->service, &a->id) : NULL;

	if (n)
		networks_unuse(n);
	a->using = false;
}

/* ---- making the network -------------------------------------------------- */

static json_t *subnets_json(const struct docker_network *n)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < DOCKER_FAMILIES; i++) {
		json_t *subnet;

		if (!ip_is_set(&n->subnets[i].net.addr))
			continue;
		subnet = json_object();
		if (json_array_append_new(list, subnet) < 0 ||
		    ip_net_json_set(subnet, "subnet", &n->subnets[i].net) < 0 ||
		    ip_json_set(subnet, "gateway", &n->subnets[i].gateway) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

static json_t *creation_json(const struct docker_network *n)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:o}", "name", n->shared, "driver",
			 "overlay", "scope", "swarm", "ipv4", ip_is_set(&n->subnets[0].net.addr),
			 "ipv6", ip_is_set(&n->subnets[1].net.addr), "internal", n->internal,
			 "subnets", subnets_json(n));
}

/* What dockerd has asked for until now was of this host alone. */
static int hand_over_pools(struct docker *k, const struct docker_network *n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&n->subnets[i].net.addr))
			r = docker_pools_hand_over(k->daemon->store, &n->subnets[i].net,
						   &n->subnets[i].gateway, n->shared, e);

	return r;
}

int docker_shared_keep(struct docker *k, const struct docker_network *n, struct err *e)
{
	int r = hand_over_pools(k, n, e);

	return r < 0 ? r : docker_network_keep(k->daemon->store, n, e);
}

static int take_over(struct answering *a, struct err *e)
{
	int r = docker_shared_find(a->k, &a->net, e);

	return r < 0 ? r : docker_shared_keep(a->k, &a->net, e);
}

static void made(void *ctx, const struct cluster_network *n, const struct err *why)
{
	struct answering *a = ctx;
	struct err e = { 0 };

	if (!n)
		docker_fail(a->k, a->call, "/NetworkDriver.CreateNetwork", why);
	else if (take_over(a, &e) < 0)
		docker_fail(a->k, a->call, "/NetworkDriver.CreateNetwork", &e);
	else
		docker_answer(a->call, json_object());
	free(a);
}

int docker_shared_create(struct docker *k, const struct docker_network *n, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	struct answering *a;
	struct jnode params;
	int r;

	if (!k->service->up) {
		(void)find(k, n->shared, e);
		return -EAGAIN;
	}
	doc = creation_json(n);
	if (!doc)
		return err_sys(e, ENOMEM, "create network %s", n->shared);
	params = jn_root(doc);
	a = answering_new(k, e);
	if (!a)
		return -ENOMEM;
	a->net = *n;
	r = network_create(k->service, &params, WAIT_MS, made, a, e);
	if (r < 0) {
		docker_fail(k, a->call, "/NetworkDriver.CreateNetwork", e);
		free(a);
	}

	return DOCKER_LATER;
}

/* ---- addresses ----------------------------------------------------------- */

static json_t *address_json(const struct docker_pool *pool, const struct ip_addr *ip)
{
	const struct ip_net given = { *ip, pool->net.len };
	char text[IP_NET_STRLEN];

	return json_pack("{s:s, s:{}}", "Address", ip_net_str(&given, text), "Data");
}

/* @a->want becomes what was taken. */
static int take(struct waiting *w, struct err *e)
{
	struct answering *a = (struct answering *)w;
	struct store *s = a->k->daemon->store;
	struct cluster_network *n = find(a->k, a->pool.network, e);
	int i, r;

	if (!n || network_may_begin(n, a->pool.network, e) < 0)
		return -EINVAL;
	if (cluster_is_draining(a->k->service->c))
		return err_say(e, EBUSY,
			       "this node is being drained and takes no new containers: "
			       "heddle node drain --off ends that");
	use(a, n);
	i = network_def_subnet_of(&n->def, &a->pool.net.addr);
	if (i < 0)
		return say_line(n, e);
	if ((r = store_may_add(s, e)) < 0 || (r = networks_serve(n, e)) < 0 ||
	    (r = numbers_take(n, (size_t)i, &a->want, e)) < 0)
		return r == -EBUSY ? -EAGAIN : r;
	r = docker_address_keep(s, &a->pool, &a->want, e);
	if (r < 0)
		numbers_release(n, &a->want);

	return r;
}

static void taken(struct waiting *w, int r, const struct err *e)
{
	struct answering *a = (struct answering *)w;

	if (r < 0)
		docker_fail(a->k, a->call, "/IpamDriver.RequestAddress", e);
	else
		docker_answer(a->call, address_json(&a->pool, &a->want));
	unuse(a);
	free(a);
}

/* The gateway, and what the network keeps free, are asked for by every host. */
static bool is_reserved(struct docker *k, const struct docker_pool *pool, const struct ip_addr *ip)
{
	struct cluster_network *n = find(k, pool->network, NULL);
	const struct network_subnet *s = n ? subnet_of(n, ip->family) : NULL;

	return s && network_def_is_reserved(s, ip);
}

int docker_shared_address(struct docker *k, const struct docker_pool *pool,
			  const struct ip_addr *want, bool is_gateway, json_t **reply,
			  struct err *e)
{
	struct answering *a;
	int r;

	if (is_gateway || (ip_is_set(want) && is_reserved(k, pool, want)))
		return docker_reply(reply,
				    address_json(pool, ip_is_set(want) ? want : &pool->gateway), e);
	r = ip_is_set(want) ? docker_address_known(k->daemon->store, pool, want, e) : 0;
	if (r < 0)
		return r;
	if (r > 0) {
		r = docker_address_keep(k->daemon->store, pool, want, e);
		return r < 0 ? r : docker_reply(reply, address_json(pool, want), e);
	}
	a = answering_new(k, e);
	if (!a)
		return -ENOMEM;
	a->w = (struct waiting){ .step = take, .done = taken };
	a->pool = *pool;
	a->want = *want;
	waiting_begin(&k->service->waitings, &a->w, WAIT_MS);

	return DOCKER_LATER;
}

int docker_shared_release(struct docker *k, const struct docker_pool *pool,
			  const struct ip_addr *ip, struct err *e)
{
	struct cluster_network *n = find(k, pool->network, NULL);

	if (n && !is_reserved(k, pool, ip))
		numbers_release(n, ip);

	return docker_address_release(k->daemon->store, pool, ip, e);
}

/* ---- containers ---------------------------------------------------------- */

/* A mark of another name would make another owner of the same port. */
static void text_of(const struct docker_endpoint *ep, struct endpoint_text *t)
{
	*t = (struct endpoint_text){ .ifname = DOCKER_IFNAME };
	memcpy(t->mac, ep->mac, sizeof(t->mac));
	for (size_t i = 0; i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&ep->addrs[i].addr))
			t->ips[t->n_ips++] = ep->addrs[i].addr;
}

/* This process may not be the one that gave the addresses. */
static int hold_addresses(struct cluster_network *n, const struct docker_endpoint *ep,
			  struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&ep->addrs[i].addr))
			r = numbers_hold(n, &ep->addrs[i].addr, e);

	return r;
}

static int add_endpoint(struct cluster_network *n, const struct docker_endpoint *ep,
			struct endpoint **ret, struct err *e)
{
	struct endpoint_text text;
	struct owner owner;

	docker_endpoint_owner(ep, &owner);
	*ret = endpoints_find(n->s, &owner);
	if (*ret)
		return 0;
	text_of(ep, &text);

	return endpoints_add(n, ep->network, ep->id, &text, ret, e);
}

static int commit(struct answering *a, struct cluster_network *n, struct err *e)
{
	struct endpoint *ep;
	int r = docker_bridge_pair(a->k, a->net.bridge, plane_mtu(n->s->p, &n->id), &a->ep,
				   a->ifname, e);

	if (r < 0)
		return r;
	r = add_endpoint(n, &a->ep, &ep, e);
	if (r == 0 && (r = endpoints_commit(ep, e)) < 0)
		endpoints_release(ep);
	if (r < 0)
		(void)docker_bridge_unpair(a->k, &a->ep, NULL);

	return r;
}

/* Once the container is in, that the others know of it is waited for, and not insisted on. */
static int is_programmed(struct waiting *w, struct err *e)
{
	const struct answering *a = (const struct answering *)w;

	(void)e;

	return programming_wait(a->k->service, &a->told);
}

static void programmed(struct waiting *w, int r, const struct err *e)
{
	struct answering *a = (struct answering *)w;

	(void)e;
	(void)programming_waited(a->k->service, &a->told, r);
	docker_answer(a->call, docker_join_json(&a->net, a->ifname));
	unuse(a);
	free(a);
}

static int enter(struct waiting *w, struct err *e)
{
	struct answering *a = (struct answering *)w;
	struct cluster_network *n = find(a->k, a->net.shared, e);
	int r;

	if (!n)
		return -EINVAL;
	use(a, n);
	if ((r = networks_serve(n, e)) < 0 || (r = plane_lets_pass(n->s->p, e)) < 0 ||
	    (r = hold_addresses(n, &a->ep, e)) < 0 || (r = commit(a, n, e)) < 0)
		return r == -EBUSY ? -EAGAIN : r;
	a->told = programming_told(n->s, &n->id);

	return 0;
}

static void entered(struct waiting *w, int r, const struct err *e)
{
	struct answering *a = (struct answering *)w;

	if (r < 0) {
		docker_fail(a->k, a->call, "/NetworkDriver.Join", e);
		unuse(a);
		free(a);
		return;
	}
	a->w = (struct waiting){ .step = is_programmed, .done = programmed };
	waiting_begin(&a->k->service->waitings, &a->w, PROGRAMMING_MS);
}

int docker_shared_join(struct docker *k, const struct docker_network *n,
		       const struct docker_endpoint *ep, struct err *e)
{
	struct answering *a = answering_new(k, e);

	if (!a)
		return -ENOMEM;
	a->w = (struct waiting){ .step = enter, .done = entered };
	a->net = *n;
	a->ep = *ep;
	waiting_begin(&k->service->waitings, &a->w, WAIT_MS);

	return DOCKER_LATER;
}

int docker_shared_leave(struct docker *k, const struct docker_network *n,
			const struct docker_endpoint *ep, struct err *e)
{
	struct endpoint *known;
	struct owner owner;
	struct err next;
	int r;

	docker_endpoint_owner(ep, &owner);
	r = docker_bridge_unpair(k, ep, e);
	r = err_keep(r, e, docker_bridge_unpublish(k, n, ep, &next), &next);
	known = endpoints_find(k->service, &owner);
	if (known)
		endpoints_release(known);

	return r;
}
