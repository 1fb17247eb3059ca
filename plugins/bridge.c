/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge - CNI plugin: a veth pair between a container and a bridge on the host
 *
 *	container                     host
 *	  eth0 ───── veth pair ───── hv<hash> ── port of ── cni0 (gateway's address)
 *
 * ADD looks at everything first, then asks IPAM, then makes its changes; what
 * it made is undone in reverse when a later step fails.  The bridge itself
 * stays: it belongs to the network.  DEL, CHECK and GC find things by the marks
 * of lib/owner.h and need no record.
 *
 * Source: CNI specification; keys and defaults as the reference's bridge
 * plugin 1.9.
 */
#include <linux/rtnetlink.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <string.h>

#include "ipam/ipam.h"
#include "lib/addr.h"
#include "lib/attachment.h"
#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/iface.h"
#include "lib/linger.h"
#include "lib/link-gc.h"
#include "lib/link.h"
#include "lib/masq.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/spoof.h"
#include "lib/veth.h"

#define VLAN_MAX 4094

/* ---- config -------------------------------------------------------------- */

struct trunk {
	uint32_t min, max;
};

struct conf {
	const char *bridge;
	bool is_gateway, is_default_gateway, force_address;
	bool ip_masq;
	enum masq_backend masq_backend;
	uint32_t mtu;
	bool hairpin, promisc;
	uint32_t vlan;
	struct trunk *trunks; /* owned */
	size_t n_trunks;
	bool preserve_default_vlan;
	bool macspoofchk;
	bool enabledad;
	bool disable_container_interface;
	bool port_isolation;
	bool has_ipam;
	uint8_t mac[MAC_LEN];
	bool has_mac;
};

static void conf_clear(struct conf *conf)
{
	free(conf->trunks);
}

static int read_bridge_name(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;

	return attachment_read_ifname(n, &conf->bridge, e);
}

static int read_backend(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;

	return masq_read_backend(n, &conf->masq_backend, e);
}

struct trunk_keys {
	uint32_t id, min, max;
};

static int read_trunk(const struct jnode *n, struct trunk *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "id", JN_U32, offsetof(struct trunk_keys, id), 1, VLAN_MAX },
		{ "minID", JN_U32, offsetof(struct trunk_keys, min), 1, VLAN_MAX },
		{ "maxID", JN_U32, offsetof(struct trunk_keys, max), 1, VLAN_MAX },
		{ 0 },
	};
	struct trunk_keys k = { 0 };
	int r = jn_read(n, keys, &k, e);

	if (r < 0)
		return r;
	if (!k.min != !k.max || (!k.id && !k.min))
		return jn_bad(n, e, "a trunk has an id, or both minID and maxID");
	if (k.min > k.max)
		return jn_bad(n, e, "minID %u is above maxID %u", k.min, k.max);
	*ret = k.min ? (struct trunk){ k.min, k.max } : (struct trunk){ k.id, k.id };

	return 0;
}

static int read_trunks(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	struct jnode item;
	int r = jn_array(n, e);

	if (r < 0)
		return r;
	conf->trunks = calloc(jn_count(n) + 1, sizeof(*conf->trunks));
	if (!conf->trunks)
		return err_sys(e, ENOMEM, "read vlanTrunk");
	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		item = jn_item(n, i);
		r = read_trunk(&item, &conf->trunks[conf->n_trunks++], e);
	}

	return r;
}

static const struct jn_key conf_keys[] = {
	{ "bridge", JN_CALL, 0, .call = read_bridge_name },
	{ "isGateway", JN_BOOL, offsetof(struct conf, is_gateway) },
	{ "isDefaultGateway", JN_BOOL, offsetof(struct conf, is_default_gateway) },
	{ "forceAddress", JN_BOOL, offsetof(struct conf, force_address) },
	{ "ipMasq", JN_BOOL, offsetof(struct conf, ip_masq) },
	{ "ipMasqBackend", JN_CALL, 0, .call = read_backend },
	{ "mtu", JN_U32, offsetof(struct conf, mtu), 0, 65535 },
	{ "hairpinMode", JN_BOOL, offsetof(struct conf, hairpin) },
	{ "promiscMode", JN_BOOL, offsetof(struct conf, promisc) },
	{ "vlan", JN_U32, offsetof(struct conf, vlan), 0, VLAN_MAX },
	{ "vlanTrunk", JN_CALL, 0, .call = read_trunks },
	{ "preserveDefaultVlan", JN_BOOL, offsetof(struct conf, preserve_default_vlan) },
	{ "macspoofchk", JN_BOOL, offsetof(struct conf, macspoofchk) },
	{ "enabledad", JN_BOOL, offsetof(struct conf, enabledad) },
	{ "disableContainerInterface", JN_BOOL,
	  offsetof(struct conf, disable_container_interface) },
	{ "portIsolation", JN_BOOL, offsetof(struct conf, port_isolation) },
	{ 0 },
};

/* All that DEL and GC want to know: a config that went bad must not block them. */
static const struct jn_key del_keys[] = {
	{ "bridge", JN_CALL, 0, .call = read_bridge_name },
	{ "isGateway", JN_BOOL, offsetof(struct conf, is_gateway) },
	{ "isDefaultGateway", JN_BOOL, offsetof(struct conf, is_default_gateway) },
	{ "ipMasqBackend", JN_CALL, 0, .call = read_backend },
	{ "vlan", JN_U32, offsetof(struct conf, vlan), 0, VLAN_MAX },
	{ 0 },
};

/* With what cannot be read left out: rules are then searched by their owner. */
static struct conf conf_of_del(const struct cni_request *rq)
{
	struct conf conf = { .bridge = "cni0" };

	if (jn_read(&rq->conf, del_keys, &conf, NULL) < 0)
		return (struct conf){ 0 };
	conf.is_gateway |= conf.is_default_gateway;

	return conf;
}

static int check_conf(const struct conf *conf, struct err *e)
{
	if (conf->hairpin && conf->promisc)
		return err_cni(
			e, CNI_E_CONFIG,
			"hairpinMode and promiscMode: both are true, and exclude each other");
	if (conf->disable_container_interface && conf->has_ipam)
		return err_cni(
			e, CNI_E_CONFIG,
			"disableContainerInterface: an interface that stays down cannot have "
			"addresses; remove ipam");

	return 0;
}

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct conf conf = { .bridge = "cni0" };
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	conf.has_ipam = ipam_configured(rq);
	conf.is_gateway |= conf.is_default_gateway;
	if (r == 0)
		r = cni_mac(rq, conf.mac, &conf.has_mac, e);
	if (r == 0)
		r = check_conf(&conf, e);
	if (r < 0)
		conf_clear(&conf);
	else
		*ret = conf;

	return r;
}

/* The interface that leads to a container and has its gateway's address; NULL if unknown. */
static const char *gateway_name(const struct conf *conf, char buf[IFNAMSIZ])
{
	if (!conf->vlan || !conf->is_gateway)
		return conf->bridge;
	snprintf(buf, IFNAMSIZ, "%s.%u", conf->bridge, conf->vlan);

	return buf;
}

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside, *nft; /* nft is opened when it is needed first */
	struct cni_result *res;
	struct link bridge;
	struct link gateway; /* has the gateway's addresses: the bridge, or a port in a VLAN */
	struct link port;    /* the host's end */
	int iface;	     /* the container's end in res->ifaces */
	int inner_index;     /* … and in its namespace */
	struct masq masq;
	uint8_t host_mac[MAC_LEN], mac[MAC_LEN];
};

static void add_clear(struct add *a)
{
	nl_close(a->host);
	nl_close(a->inside);
	linger_close(a->nft);
	masq_clear(&a->masq);
	conf_clear(&a->conf);
}

/* Everything that can be wrong and can be seen before anything is changed. */
static int look_first(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	int r;

	if ((r = conf_read(rq, &a->conf, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &a->host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &a->inside, e)) < 0 ||
	    (r = bridge_find(a->host, a->conf.bridge, &a->bridge, e)) < 0 ||
	    (r = attachment_need_free(rq, a->inside, e)) < 0)
		return r;

	if (!a->conf.has_mac && (r = link_random_mac(a->conf.mac, e)) < 0)
		return r;
	memcpy(a->mac, a->conf.mac, MAC_LEN);

	return link_random_mac(a->host_mac, e);
}

static bool is_default(const struct ip_net *dst)
{
	struct ip_addr first = ip_net_first(dst);

	return dst->len == 0 && ip_is_unspecified(&first);
}

static int add_default_route(struct cni_result *res, const struct ip_addr *gw, struct err *e)
{
	struct cni_route route = { .dst.addr.family = gw->family, .gw = *gw, .scope = -1 };
	int r;

	for (size_t i = 0; i < res->n_routes; i++) {
		const struct cni_route *have = &res->routes[i];

		if (have->dst.addr.family == gw->family && is_default(&have->dst) &&
		    ip_is_set(&have->gw))
			return 0;
	}
	r = cni_result_add_route(res, &route, e);

	return r < 0 ? r : 0;
}

/* Gateways and default routes that the config asks for, into what IPAM answered. */
static int complete_addresses(struct add *a, struct err *e)
{
	struct cni_result *res = a->res;
	int r = attachment_set_dns(a->rq, res, e);

	if (r == 0 && a->conf.has_ipam && res->n_ips == 0)
		return err_cni(e, CNI_E_CONFIG, "ipam: the IPAM plugin gave no address");
	for (size_t i = 0; r == 0 && i < res->n_ips; i++) {
		struct cni_ip *ip = &res->ips[i];

		ip->iface = a->iface;
		if (a->conf.is_gateway && !ip_is_set(&ip->gateway))
			ip->gateway = ip_net_first_host(&ip->address);
		if (a->conf.is_default_gateway)
			r = add_default_route(res, &ip->gateway, e);
	}

	return r;
}

/* On failure nothing is kept. */
static int get_addresses(struct add *a, struct err *e)
{
	int r = ipam_add(a->rq, a->res, e);

	if (r < 0)
		return r;
	r = complete_addresses(a, e);
	if (r < 0)
		(void)ipam_del(a->rq, NULL);

	return r;
}

static int set_gateways(struct add *a, struct err *e)
{
	const struct cni_result *res = a->res;
	AUTO_FREE struct ip_net *gateways = calloc(res->n_ips + 1, sizeof(*gateways));
	int r = 0;

	if (!a->conf.is_gateway)
		return 0;
	if (!gateways)
		return err_sys(e, ENOMEM, "set the gateway's addresses");
	if (a->conf.vlan)
		r = bridge_vlan_gateway(a->host, &a->bridge, (uint16_t)a->conf.vlan, &a->gateway,
					e);
	for (size_t i = 0; i < res->n_ips; i++)
		gateways[i] = (struct ip_net){ res->ips[i].gateway, res->ips[i].address.len };
	for (size_t i = 0; r == 0 && i < res->n_ips; i++)
		r = bridge_set_gateway(a->host, a->gateway.index, &gateways[i], gateways,
				       res->n_ips, a->conf.force_address, e);

	return r < 0 ? err_wrap(e, r, "set up the bridge %s", a->conf.bridge) : 0;
}

static int set_up_bridge(struct add *a, struct err *e)
{
	const struct bridge_conf b = {
		.name = a->conf.bridge,
		.mtu = a->conf.mtu,
		.promisc = a->conf.promisc,
		.vlan_filtering = a->conf.vlan || a->conf.n_trunks,
	};
	int r = bridge_ensure(a->host, &b, &a->bridge, e);

	a->gateway = a->bridge;

	return r < 0 ? err_wrap(e, r, "set up the bridge %s", a->conf.bridge) : 0;
}

/*
 * What the bridge is for, its ports need no address for.  With one each, the
 * kernel walks a list of all their fe80::/64 and ff00::/8 for every new one and
 * every one that goes: a millisecond each way with a thousand of them.
 */
static void spare_port_address(struct add *a)
{
	link_put_no_link_local(a->host, a->port.index);
	(void)nl_commit(a->host, NULL);
}

/*
 * Both ends, named, up, with their MACs, on the bridge, in one request; the
 * port's flags and alias follow in the same send.
 */
static int attach(struct add *a, struct err *e)
{
	const struct owner *o = &a->rq->owner;
	const struct link_veth veth = {
		.name = o->host_ifname,
		.peer = a->rq->ifname,
		.peer_netns = a->rq->netns_fd,
		.mac = a->host_mac,
		.peer_mac = a->mac,
		.mtu = a->conf.mtu,
		.group = o->group,
		.master = a->bridge.index,
	};
	int r;

	link_put_veth(a->host, &veth);
	link_put_port(a->host, o->host_ifname, o->tag, a->conf.hairpin, a->conf.port_isolation);
	r = nl_commit(a->host, e);
	if (r < 0)
		return bridge_say_port(a->host, &a->bridge, r, e);
	r = link_get(a->host, o->host_ifname, &a->port, e);
	if (r < 0)
		return r;
	spare_port_address(a);

	return 0;
}

/*
 * A new port has VLAN 1, untagged.  It stays for untagged frames if there are
 * trunks only; else it goes, unless the config keeps it.
 */
static int set_vlans(struct add *a, struct err *e)
{
	const struct conf *conf = &a->conf;
	int port = a->port.index;

	if (conf->vlan > 1 && !conf->preserve_default_vlan)
		link_put_vlan_del(a->host, port, 1);
	if (conf->vlan)
		link_put_vlan(a->host, port, (uint16_t)conf->vlan, (uint16_t)conf->vlan, true,
			      true);
	for (size_t i = 0; i < conf->n_trunks; i++)
		link_put_vlan(a->host, port, (uint16_t)conf->trunks[i].min,
			      (uint16_t)conf->trunks[i].max, false, false);

	return nl_commit(a->host, e);
}

static int need_nft(struct add *a, struct err *e)
{
	return a->nft ? 0 : nl_open(NETLINK_NETFILTER, &a->nft, e);
}

static struct spoof spoof_of(const struct cni_request *rq, const uint8_t *mac)
{
	return (struct spoof){ .owner = &rq->owner, .port = rq->owner.host_ifname, .mac = mac };
}

/* The container's MAC address as ADD reported it.  Return: six bytes in @buf, NULL: not known. */
static const uint8_t *mac_in_prev(const struct cni_request *rq, struct ether_addr *buf)
{
	const struct cni_iface *iface = attachment_in_prev(rq);

	return iface && ether_aton_r(iface->mac, buf) ? buf->ether_addr_octet : NULL;
}

static int guard(struct add *a, struct err *e)
{
	struct spoof spoof = spoof_of(a->rq, a->mac);
	int r;

	if (!a->conf.macspoofchk)
		return 0;
	r = need_nft(a, e);

	return r < 0 ? r : spoof_add(a->nft, &spoof, e);
}

static void unguard(struct add *a)
{
	struct spoof spoof = spoof_of(a->rq, a->mac);

	if (a->conf.macspoofchk && a->nft)
		(void)spoof_del(a->nft, &spoof, NULL);
}

static int configure_inside(struct add *a, struct err *e)
{
	const struct iface_conf conf = {
		.netns_fd = a->rq->netns_fd,
		.name = a->rq->ifname,
		.res = a->res,
		.iface = a->iface,
		.dad = a->conf.enabledad,
	};

	if (a->conf.disable_container_interface)
		return 0;

	return iface_configure(a->inside, &conf, &a->inner_index, e);
}

static int masquerade(struct add *a, struct err *e)
{
	int r;

	if (!a->conf.ip_masq || a->res->n_ips == 0)
		return 0;
	if ((r = need_nft(a, e)) < 0 ||
	    (r = masq_init(&a->masq, a->rq, a->conf.masq_backend, a->gateway.name, a->res, e)) < 0)
		return r;

	return masq_add(a->nft, &a->masq, e);
}

static void unmasquerade(struct add *a)
{
	if (a->masq.n_addrs > 0)
		(void)masq_del(a->nft, &a->masq, NULL);
}

/* Frames pass the port from here on; neighbours hear of the addresses. */
static int announce(struct add *a, struct err *e)
{
	int r;

	if (a->conf.disable_container_interface)
		return 0;
	r = link_wait_up(a->host, a->port.index, e);
	if (r < 0 || a->res->n_ips == 0)
		return r;

	return iface_announce(a->inside, a->inner_index, a->mac, e);
}

/* One that somebody made without a MAC address has got its first port's by now. */
static int look_at_mac(struct add *a, struct err *e)
{
	static const uint8_t none[MAC_LEN];

	return memcmp(a->bridge.mac, none, MAC_LEN) == 0
		       ? link_get(a->host, a->bridge.name, &a->bridge, e)
		       : 0;
}

/* Runtimes and chained plugins rely on the order: bridge, host's end, container's end. */
static int report(struct add *a, struct err *e)
{
	struct cni_result *res = a->res;
	int r;

	if ((r = look_at_mac(a, e)) < 0 ||
	    (r = attachment_report(res, a->bridge.name, a->bridge.mac, NULL, e)) < 0 ||
	    (r = attachment_report(res, a->port.name, a->host_mac, NULL, e)) < 0 ||
	    (r = attachment_report(res, a->rq->ifname, a->mac, a->rq->netns, e)) < 0)
		return r;
	if (a->conf.vlan && a->conf.is_gateway)
		r = attachment_report(res, a->gateway.name, a->gateway.mac, NULL, e);

	return r < 0 ? r : 0;
}

/* For an IPAM that talks through the interface: frames pass, then it is asked. */
static int get_addresses_by_port(struct add *a, struct err *e)
{
	struct link link;
	int r = link_get(a->inside, a->rq->ifname, &link, e);

	if (r < 0)
		return r;
	link_put_flags(a->inside, link.index, IFF_UP, IFF_UP);
	if ((r = nl_commit(a->inside, e)) < 0 ||
	    (r = link_wait_up(a->host, a->port.index, e)) < 0 || (r = get_addresses(a, e)) < 0)
		return r;

	return set_gateways(a, e);
}

static int make(struct add *a, struct err *e)
{
	bool by_port = ipam_needs_interface(a->rq);
	int r;

	if (!by_port && (r = get_addresses(a, e)) < 0)
		return r;
	if ((r = set_up_bridge(a, e)) < 0 || (!by_port && (r = set_gateways(a, e)) < 0))
		goto undo_ipam;
	/* Each of these undoes itself too: what came of it is unknown when the answer is lost. */
	if ((r = attach(a, e)) < 0 || (r = set_vlans(a, e)) < 0)
		goto undo_port;
	if ((r = guard(a, e)) < 0 || (by_port && (r = get_addresses_by_port(a, e)) < 0) ||
	    (r = configure_inside(a, e)) < 0)
		goto undo_guard;
	if ((r = masquerade(a, e)) < 0 || (r = announce(a, e)) < 0 || (r = report(a, e)) < 0)
		goto undo_masquerade;

	return 0;

undo_masquerade:
	unmasquerade(a);
undo_guard:
	unguard(a);
undo_port:
	veth_undo(a->host, &a->rq->owner, a->host_mac);
undo_ipam:
	if (a->res->n_ips > 0)
		(void)ipam_del(a->rq, NULL);

	return r;
}

static int bridge_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq, .res = res, .iface = 2 };
	int r = look_first(&a, e);

	if (r == 0)
		r = make(&a, e);
	add_clear(&a);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

static int del_rules(const struct cni_request *rq, struct nl *nft, struct err *e)
{
	const struct conf conf = conf_of_del(rq);
	struct ether_addr mac;
	struct spoof spoof = spoof_of(rq, mac_in_prev(rq, &mac));
	struct err next = { 0 };
	char gateway[IFNAMSIZ];
	struct masq m;
	int r;

	r = masq_init(&m, rq, conf.masq_backend, gateway_name(&conf, gateway), rq->prev, e);
	if (r < 0)
		return r;
	r = masq_del(nft, &m, e);
	masq_clear(&m);

	return err_keep(r, e, spoof_del(nft, &spoof, &next), &next);
}

/*
 * Each step is tried, whatever became of the one before.  The address is free
 * when nobody can use it any more; but a DHCP client gives it back by the port.
 */
static int bridge_del(const struct cni_request *rq, struct err *e)
{
	AUTO(linger_closep) struct nl *nft = NULL;
	bool by_port = ipam_needs_interface(rq);
	struct err next = { 0 };
	int first = by_port ? ipam_del(rq, e) : 0;
	int r;

	if ((r = nl_open(NETLINK_NETFILTER, &nft, &next)) < 0 || (r = veth_del(rq, &next)) < 0)
		return err_keep(first, e, r, &next);
	first = err_keep(first, e, del_rules(rq, nft, &next), &next);

	return by_port ? first : err_keep(first, e, ipam_del(rq, &next), &next);
}

/* ---- CHECK --------------------------------------------------------------- */

struct check {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside, *nft;
};

static void check_clear(struct check *c)
{
	nl_close(c->host);
	nl_close(c->inside);
	nl_close(c->nft);
	conf_clear(&c->conf);
}

static int check_port(struct check *c, const struct link *bridge, const struct link *port,
		      struct err *e)
{
	int r = 0;

	if (port->master != bridge->index)
		r = cni_differs(e, "%s is not a port of the bridge %s", port->name, bridge->name);
	if (!(port->flags & IFF_UP))
		r = cni_differs(e, "%s is down", port->name);
	if (port->hairpin != c->conf.hairpin)
		r = cni_differs(e, "%s has hairpin mode %s", port->name,
				port->hairpin ? "on" : "off");
	if (port->isolated != c->conf.port_isolation)
		r = cni_differs(e, "%s has port isolation %s", port->name,
				port->isolated ? "on" : "off");

	return r;
}

struct gateway_search {
	const struct ip_addr *ip;
	bool found;
};

static int match_gateway(const struct addr *addr, void *data)
{
	struct gateway_search *s = data;

	s->found |= ip_equal(&addr->net.addr, s->ip);

	return 0;
}

static int check_gateway(struct check *c, const struct link *link, const struct ip_addr *ip,
			 struct err *e)
{
	struct gateway_search s = { .ip = ip };
	struct err why = { 0 };
	char text[IP_STRLEN];
	int r = addr_each(c->host, link->index, match_gateway, &s, &why);

	if (r < 0)
		return cni_fold(e, r, &why);
	if (s.found)
		return 0;

	return cni_differs(e, "%s has not the gateway's address %s", link->name, ip_str(ip, text));
}

/* A container's way out ends where its gateway's address is gone. */
static int check_gateways(struct check *c, struct err *e)
{
	const struct cni_result *prev = c->rq->prev;
	const struct cni_iface *iface = attachment_in_prev(c->rq);
	char name[IFNAMSIZ];
	struct link link;
	int r;

	if (!c->conf.is_gateway || !iface)
		return 0;
	r = attachment_check_link(c->host, gateway_name(&c->conf, name), "on the host", &link, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < prev->n_ips; i++) {
		if (prev->ips[i].iface == iface - prev->ifaces && ip_is_set(&prev->ips[i].gateway))
			CNI_CHECK_STEP(r, check_gateway(c, &link, &prev->ips[i].gateway, e));
	}

	return r;
}

static int check_host(struct check *c, struct err *e)
{
	struct link bridge, port;
	int r = attachment_check_link(c->host, c->conf.bridge, "on the host", &bridge, e);

	if (r < 0)
		return r;
	if (strcmp(bridge.kind, "bridge") != 0)
		return cni_differs(e, "%s is not a bridge", bridge.name);
	if (!(bridge.flags & IFF_UP))
		r = cni_differs(e, "the bridge %s is down", bridge.name);
	if (c->conf.promisc && !(bridge.flags & IFF_PROMISC))
		r = cni_differs(e, "the bridge %s is not promiscuous", bridge.name);
	CNI_CHECK_STEP(r, attachment_check_link(c->host, c->rq->owner.host_ifname, "on the host",
						&port, e));
	if (r < 0)
		return r;
	CNI_CHECK_STEP(r, check_port(c, &bridge, &port, e));
	CNI_CHECK_STEP(r, check_gateways(c, e));

	return r;
}

/* An interface that is meant to be down has neither addresses nor routes. */
static int check_down(struct check *c, struct err *e)
{
	struct link link;

	return attachment_check_link(c->inside, c->rq->ifname, "in the container", &link, e);
}

static int check_inside(struct check *c, struct err *e)
{
	const struct cni_request *rq = c->rq;

	if (c->conf.disable_container_interface)
		return check_down(c, e);

	return iface_check(c->inside, rq->ifname, rq->netns, rq->prev, e);
}

static int check_guard(struct check *c, struct err *e)
{
	struct ether_addr mac;
	struct spoof spoof = spoof_of(c->rq, mac_in_prev(c->rq, &mac));
	struct err step = { 0 };

	return spoof.mac ? cni_fold(e, spoof_check(c->nft, &spoof, &step), &step) : 0;
}

static int check_masquerade(struct check *c, struct err *e)
{
	const struct conf *conf = &c->conf;
	char gateway[IFNAMSIZ];
	struct err step = { 0 };
	struct masq m;
	int r;

	r = masq_init(&m, c->rq, conf->masq_backend, gateway_name(conf, gateway), c->rq->prev, e);
	if (r < 0)
		return r;
	r = masq_check(c->nft, &m, &step);
	masq_clear(&m);

	return cni_fold(e, r, &step);
}

static int check_rules(struct check *c, struct err *e)
{
	int r = 0;

	if (c->conf.ip_masq)
		CNI_CHECK_STEP(r, check_masquerade(c, e));
	if (c->conf.macspoofchk)
		CNI_CHECK_STEP(r, check_guard(c, e));

	return r;
}

static int check_all(struct check *c, struct err *e)
{
	const struct cni_request *rq = c->rq;
	struct err step = { 0 };
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &c->conf, e)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, &c->host, e)) < 0 ||
	    (r = nl_open(NETLINK_NETFILTER, &c->nft, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &c->inside, e)) < 0)
		return r;

	CNI_CHECK_STEP(r, check_host(c, e));
	CNI_CHECK_STEP(r, check_inside(c, e));
	CNI_CHECK_STEP(r, check_rules(c, e));
	CNI_CHECK_STEP(r, cni_fold(e, ipam_check(rq, &step), &step));

	return r;
}

static int bridge_check(const struct cni_request *rq, struct err *e)
{
	struct check c = { .rq = rq };
	int r = check_all(&c, e);

	check_clear(&c);

	return r;
}

/* ---- GC and STATUS ------------------------------------------------------- */

static int gc_rules(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(gc_clear) struct gc gc = { 0 };
	struct err next = { 0 };
	int r;

	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e)) < 0)
		return r;
	r = masq_gc(nft, conf_of_del(rq).masq_backend, &gc, e);

	return err_keep(r, e, spoof_gc(nft, &gc, &next), &next);
}

static int bridge_gc(const struct cni_request *rq, struct err *e)
{
	struct err next = { 0 };
	int first = link_gc(rq, OWNER_LINK_PREFIX, "veth", e);

	first = err_keep(first, e, gc_rules(rq, &next), &next);

	return err_keep(first, e, ipam_gc(rq, &next), &next);
}

static int bridge_status(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	struct conf conf;
	struct link link;
	int r;

	r = conf_read(rq, &conf, e);
	if (r < 0)
		return r;
	r = nl_open(NETLINK_ROUTE, &host, e);
	if (r == 0)
		r = bridge_find(host, conf.bridge, &link, e);
	conf_clear(&conf);

	return r < 0 ? r : ipam_status(rq, e);
}

int main(void)
{
	static const struct cni_plugin bridge = {
		.name = "bridge",
		.add = bridge_add,
		.del = bridge_del,
		.check = bridge_check,
		.gc = bridge_gc,
		.status = bridge_status,
	};

	return cni_main(&bridge);
}
