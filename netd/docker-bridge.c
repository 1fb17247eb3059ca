/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-bridge - see docker-bridge.h */
#include "netd/docker-bridge.h"

#define LOG_AREA "docker"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/admit.h"
#include "lib/bridge.h"
#include "lib/err.h"
#include "lib/flows.h"
#include "lib/gate.h"
#include "lib/link.h"
#include "lib/masq.h"
#include "lib/nl.h"
#include "lib/publish.h"
#include "lib/ruleset.h"
#include "lib/sysctl.h"
#include "netd/docker-private.h"
#include "netd/log.h"

/* ---- the network --------------------------------------------------------- */

static int set_gateways(struct docker *k, const struct docker_network *n, int index, struct err *e)
{
	struct ip_net own[DOCKER_FAMILIES];
	size_t n_own = 0;
	int r = 0;

	for (size_t i = 0; i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&n->subnets[i].gateway))
			own[n_own++] =
				(struct ip_net){ n->subnets[i].gateway, n->subnets[i].net.len };
	for (size_t i = 0; r == 0 && i < n_own; i++)
		r = bridge_set_gateway(k->route, index, &own[i], own, n_own, false, e);

	return r;
}

int docker_bridge_create(struct docker *k, struct docker_network *n, struct err *e)
{
	const struct bridge_conf conf = { .name = n->bridge, .mtu = n->mtu };
	struct link bridge = { 0 };
	int r = bridge_find(k->route, n->bridge, &bridge, e);

	if (r < 0)
		return r;
	n->adopted = r > 0;
	if ((r = bridge_ensure(k->route, &conf, &bridge, e)) < 0)
		return r;
	r = set_gateways(k, n, bridge.index, e);
	if (r < 0 && !n->adopted)
		(void)link_del_quick(k->route, bridge.index, NULL);

	return r < 0 ? err_wrap(e, r, "set up the bridge %s", n->bridge) : 0;
}

int docker_bridge_delete(struct docker *k, const struct docker_network *n, struct err *e)
{
	struct link bridge;
	int r = n->adopted ? 0 : bridge_find(k->route, n->bridge, &bridge, e);

	return r <= 0 ? r : link_del_quick(k->route, bridge.index, e);
}

/* ---- claims in nftables -------------------------------------------------- */

struct claims {
	struct masq masq;
	struct admit admit;
	struct owner owner;
	struct ip_net nets[DOCKER_FAMILIES];
	struct ip_addr addrs[DOCKER_FAMILIES];
	size_t n;
};

/* What it points at is in itself, or in @n and @ep. */
static void claims_of(const struct docker_network *n, const struct docker_endpoint *ep,
		      struct claims *c)
{
	*c = (struct claims){ 0 };
	docker_endpoint_owner(ep, &c->owner);
	for (size_t i = 0; i < DOCKER_FAMILIES; i++) {
		if (!ip_is_set(&ep->addrs[i].addr))
			continue;
		c->nets[c->n] = ep->addrs[i];
		c->addrs[c->n++] = ep->addrs[i].addr;
	}
	c->masq = (struct masq){ .owner = &c->owner,
				 .network = n->id,
				 .container_id = ep->id,
				 .ifname = n->bridge,
				 .addrs = c->nets,
				 .n_addrs = c->n };
	c->admit = (struct admit){ .backend = ADMIT_NFTABLES,
				   .owner = &c->owner,
				   .network = n->id,
				   .container_id = ep->id,
				   .internal = n->internal,
				   .ifname = n->bridge,
				   .port = c->owner.host_ifname,
				   .addrs = c->addrs,
				   .n_addrs = c->n };
}

static bool is_masqueraded(const struct docker_network *n)
{
	return n->ports && !n->internal;
}

static int claim(struct docker *k, const struct docker_network *n, const struct docker_endpoint *ep,
		 struct err *e)
{
	struct claims c;
	int r;

	claims_of(n, ep, &c);
	if (c.n == 0)
		return 0;
	/* dockerd's own FORWARD chain drops what is not of its bridges; it starts the container
	 * later. */
	pass_ask(&k->pass);
	if ((r = admit_add(k->filter, &c.admit, e)) < 0)
		return r;
	if (is_masqueraded(n) && (r = masq_add(k->filter, &c.masq, e)) < 0)
		(void)admit_del(k->filter, &c.admit, NULL);

	return r;
}

static int unclaim(struct docker *k, const struct docker_network *n,
		   const struct docker_endpoint *ep, struct err *e)
{
	struct claims c;
	struct err next;
	int r;

	claims_of(n, ep, &c);
	if (c.n == 0)
		return 0;
	r = admit_del(k->filter, &c.admit, e);
	r = r < 0 ? r : 0;

	return is_masqueraded(n) ? err_keep(r, e, masq_del(k->filter, &c.masq, &next), &next) : r;
}

/* ---- endpoints ----------------------------------------------------------- */

/* The container's end as long as it is on the host: "hp" for "hv". */
static void peer_name(const struct owner *o, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "hp%s", o->host_ifname + 2);
}

/* @del: one of link.h's */
static int delete_pair(struct docker *k, const struct owner *o,
		       int (*del)(struct nl *nl, int index, struct err *e), struct err *e)
{
	struct link link;
	int r = link_get(k->route, o->host_ifname, &link, e);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (!owner_has(o, link.alias, strlen(link.alias)))
		return err_say(e, EEXIST, "the interface %s is somebody else's", o->host_ifname);

	return del(k->route, link.index, e);
}

static int make_pair(struct docker *k, const char *bridge_name, uint32_t mtu,
		     const struct docker_endpoint *ep, const struct owner *o, const char *peer,
		     struct err *e)
{
	uint8_t mac[MAC_LEN];
	struct link bridge;
	struct link_veth veth = { .name = o->host_ifname,
				  .peer = peer,
				  .peer_netns = k->netns,
				  .mac = mac,
				  .peer_mac = ep->mac,
				  .mtu = mtu,
				  .group = o->group };
	int r;

	if ((r = link_random_mac(mac, e)) < 0 ||
	    (r = link_get(k->route, bridge_name, &bridge, e)) < 0)
		return r;
	veth.master = bridge.index;
	link_put_veth(k->route, &veth);
	link_put_port(k->route, o->host_ifname, o->tag, true, false);
	r = nl_commit(k->route, e);

	return r < 0 ? bridge_say_port(k->route, &bridge, r, e) : 0;
}

int docker_bridge_pair(struct docker *k, const char *bridge, uint32_t mtu,
		       const struct docker_endpoint *ep, char ret[IFNAMSIZ], struct err *e)
{
	char peer[IFNAMSIZ];
	struct owner o;
	int r;

	docker_endpoint_owner(ep, &o);
	peer_name(&o, peer);
	if ((r = delete_pair(k, &o, link_del_quick, e)) < 0 ||
	    (r = make_pair(k, bridge, mtu, ep, &o, peer, e)) < 0)
		return r;
	memcpy(ret, peer, IFNAMSIZ);

	return 0;
}

int docker_bridge_unpair(struct docker *k, const struct docker_endpoint *ep, struct err *e)
{
	struct owner o;

	docker_endpoint_owner(ep, &o);

	/* Nobody has the name again but the same endpoint, and then it is waited for. */
	return delete_pair(k, &o, link_del_later, e);
}

/* Return: 1, 0, or a negative errno. */
static int is_here(struct docker *k, const char *ifname, struct err *e)
{
	struct link link;
	int r = link_get(k->route, ifname, &link, e);

	return r == -ENODEV ? 0 : r < 0 ? r : 1;
}

int docker_bridge_has_container(struct docker *k, const struct docker_endpoint *ep, struct err *e)
{
	char peer[IFNAMSIZ];
	struct owner o;
	int r;

	docker_endpoint_owner(ep, &o);
	peer_name(&o, peer);
	r = is_here(k, o.host_ifname, e);
	if (r <= 0)
		return r;
	r = is_here(k, peer, e);

	return r < 0 ? r : !r;
}

int docker_bridge_join(struct docker *k, const struct docker_network *n,
		       const struct docker_endpoint *ep, char ret[IFNAMSIZ], struct err *e)
{
	char peer[IFNAMSIZ];
	int r = docker_bridge_pair(k, n->bridge, n->mtu, ep, peer, e);

	if (r < 0)
		return r;
	r = claim(k, n, ep, e);
	if (r < 0)
		(void)docker_bridge_unpair(k, ep, NULL);
	else
		memcpy(ret, peer, IFNAMSIZ);

	return r;
}

int docker_bridge_leave(struct docker *k, const struct docker_network *n,
			const struct docker_endpoint *ep, struct err *e)
{
	struct err next;
	int r = docker_bridge_unpair(k, ep, e);

	r = err_keep(r, e, docker_bridge_unpublish(k, n, ep, &next), &next);

	return err_keep(r, e, unclaim(k, n, ep, &next), &next);
}

/* ---- ports --------------------------------------------------------------- */

static const struct gate open_to_all;

static struct publish publish_of(const struct docker_network *n, const struct docker_endpoint *ep,
				 const struct owner *o)
{
	return (struct publish){ .owner = o,
				 .container_id = ep->id,
				 .ifname = n->bridge,
				 .ip4 = ep->addrs[0].addr,
				 .ip6 = ep->addrs[1].addr,
				 .snat = true,
				 .gate4 = &open_to_all,
				 .gate6 = &open_to_all };
}

/* For 127.0.0.1 of the host; without it the other addresses are still worth having. */
static void route_localnet(const struct docker_network *n)
{
	struct err e;

	if (sysctl_set("1", &e, "net/ipv4/conf/%s/route_localnet", n->bridge) < 0)
		log_warning("no published port of network %.12s at 127.0.0.1: %s", n->id, e.msg);
}

int docker_bridge_publish(struct docker *k, const struct docker_network *n,
			  const struct docker_endpoint *ep, const struct publish_port *ports,
			  size_t n_ports, struct err *e)
{
	struct publish p;
	struct owner o;
	int r;

	docker_endpoint_owner(ep, &o);
	p = publish_of(n, ep, &o);
	p.ports = ports;
	p.n_ports = n_ports;
	if ((r = publish_add(k->filter, &p, e)) < 0)
		return r;
	route_localnet(n);

	return flows_forget_stale(k->filter, &p, e);
}

int docker_bridge_unpublish(struct docker *k, const struct docker_network *n,
			    const struct docker_endpoint *ep, struct err *e)
{
	struct publish p;
	struct owner o;
	int r;

	if (!n->ports)
		return 0;
	docker_endpoint_owner(ep, &o);
	p = publish_of(n, ep, &o);
	r = publish_del(k->filter, &p, e);

	return r < 0 ? r : 0;
}
