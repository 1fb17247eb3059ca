/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay - CNI plugin: a veth pair between a container and a network of several hosts
 *
 *	container                 host
 *	  eth0 ───── veth pair ───── hv<hash> ── port of ── hb-<id> ── hv-<id> ── other hosts
 *	                                              (bridge and VXLAN device are netd's)
 *
 * netd has the network and its addresses.  ADD asks it for addresses on one
 * connection (reserve), makes the pair and the interface as the plugin bridge
 * does, and tells it on the same connection that the port is there (commit);
 * netd then lets all hosts know.  What was reserved and not committed netd lets
 * go when the connection ends, however this process ends.
 *
 * DEL needs no netd: one that does not run finds at its start that the port is
 * gone.  As everywhere, things are found by the marks of lib/owner.h.
 *
 * Source: CNI specification; netd/control.h for the protocol.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "ipam/requested.h"
#include "lib/attachment.h"
#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/iface.h"
#include "lib/jnode.h"
#include "lib/link-gc.h"
#include "lib/link.h"
#include "lib/mac.h"
#include "lib/netd.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/veth.h"

/* Numbers may have to be fetched from another host, whose netd may just restart. */
#define RESERVE_MS 10000
#define COMMIT_MS  5000
#define ASK_MS	   3000

/* ---- config -------------------------------------------------------------- */

struct conf {
	const char *network;
	const char *socket; /* NULL: lib/netd.h's */
	bool hairpin;
	bool has_ipam;
};

static int read_network(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	int r = jn_str(n, &conf->network, e);

	return r < 0 ? r : cni_valid_id(conf->network, "network", CNI_E_CONFIG, e);
}

static int read_ipam(const struct jnode *n, void *data, struct err *e)
{
	int r = jn_object(n, e);

	((struct conf *)data)->has_ipam = r == 0 && json_object_size(n->json) > 0;

	return r;
}

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "network", JN_CALL, 0, .call = read_network },
		{ "socket", JN_STR, offsetof(struct conf, socket) },
		{ "hairpinMode", JN_BOOL, offsetof(struct conf, hairpin) },
		{ "ipam", JN_CALL, 0, .call = read_ipam },
		{ 0 },
	};
	struct conf conf = { .network = rq->network, .hairpin = true };
	int r = jn_read(&rq->conf, keys, &conf, e);

	if (r < 0)
		return r;
	if (conf.has_ipam)
		return err_cni(e, CNI_E_FIELD,
			       "ipam: addresses of an overlay network come from netd; remove ipam");
	*ret = conf;

	return 0;
}

/* All that DEL and GC want to know: a config that went bad must not block them. */
static const char *socket_of(const struct cni_request *rq)
{
	struct jnode n;
	const char *path;

	return jn_get(&rq->conf, "socket", &n) && jn_str(&n, &path, NULL) == 0 ? path : NULL;
}

/* ---- asking netd --------------------------------------------------------- */

/* The attachment as netd knows it: "owner" is the list's name, which its marks are made of. */
static json_t *attachment_json(const struct cni_request *rq)
{
	return json_pack("{s:s, s:s, s:s}", "owner", rq->network, "container", rq->container_id,
			 "ifname", rq->ifname);
}

static int add_requested(const struct requested *list, json_t *ips, struct err *e)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < list->n; i++)
		if (json_array_append_new(ips, json_string(ip_str(&list->nets[i].addr, text))) < 0)
			return err_sys(e, ENOMEM, "ask for addresses");

	return 0;
}

/* What the runtime asks for counts before the config, and that before CNI_ARGS. */
static int read_requested(const struct cni_request *rq, struct requested *list, struct err *e)
{
	struct cni_args args = { 0 };
	int r = requested_by_runtime(rq, false, list, e);

	if (r == 0 && list->n == 0)
		r = requested_by_args(rq, false, list, e);
	if (r < 0 || list->n > 0)
		return r;
	r = cni_args_parse(rq->args, &args, e);
	if (r == 0)
		r = requested_by_env(&args, false, list, e);
	cni_args_clear(&args);

	return r;
}

static int put_requested(const struct cni_request *rq, json_t *params, struct err *e)
{
	AUTO_JSON json_t *ips = json_array();
	struct requested list = { 0 };
	char text[MAC_STRLEN];
	uint8_t mac[MAC_LEN];
	bool given = false;
	int r = read_requested(rq, &list, e);

	if (r == 0)
		r = add_requested(&list, ips, e);
	requested_clear(&list);
	if (r == 0)
		r = cni_mac(rq, mac, &given, e);
	if (r < 0)
		return r;
	if (json_object_set(params, "ips", ips) < 0 ||
	    (given && json_object_set_new(params, "mac", json_string(mac_str(mac, text))) < 0))
		return err_sys(e, ENOMEM, "ask for addresses");

	return 0;
}

/* Names that the container has in this network, by the capability "aliases". */
static int put_names(const struct cni_request *rq, const struct conf *conf, json_t *params,
		     struct err *e)
{
	struct jnode parent, aliases, names;
	int r;

	if (!cni_runtime(rq, "aliases", &parent, &aliases))
		return 0;
	if (!jn_get(&aliases, conf->network, &names))
		return 0;
	r = jn_array(&names, e);
	if (r == 0 && json_object_set(params, "names", names.json) < 0)
		r = err_sys(e, ENOMEM, "ask for addresses");

	return r;
}

static int reserve_json(const struct cni_request *rq, const struct conf *conf, json_t **ret,
			struct err *e)
{
	AUTO_JSON json_t *params = attachment_json(rq);
	int r;

	if (!params || json_object_set_new(params, "network", json_string(conf->network)) < 0)
		return err_sys(e, ENOMEM, "ask netd");
	if ((r = put_requested(rq, params, e)) < 0 || (r = put_names(rq, conf, params, e)) < 0)
		return r;
	*ret = MOVE_PTR(params);

	return 0;
}

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside;
	struct netd *netd;
	struct cni_result *res;
	json_t *lease; /* what netd reserved */
	const char *bridge_name;
	uint32_t mtu;
	uint8_t mac[MAC_LEN], host_mac[MAC_LEN];
	struct link bridge, port;
	int iface;	 /* the container's end in res->ifaces */
	int inner_index; /* … and in its namespace */
};

static void add_clear(struct add *a)
{
	nl_close(a->host);
	nl_close(a->inside);
	netd_close(a->netd);
	json_decref(a->lease);
}

static int look_first(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	int r;

	if ((r = conf_read(rq, &a->conf, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &a->host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &a->inside, e)) < 0 ||
	    (r = attachment_need_free(rq, a->inside, e)) < 0)
		return r;

	return link_random_mac(a->host_mac, e);
}

static int read_ip(const struct jnode *n, struct add *a, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "address", JN_IP_NET, offsetof(struct cni_ip, address) },
		{ "gateway", JN_IP, offsetof(struct cni_ip, gateway) },
		{ 0 },
	};
	struct cni_ip ip = { .iface = a->iface };
	int r = jn_read(n, keys, &ip, e);

	if (r == 0 && !ip_is_set(&ip.address.addr))
		r = jn_bad(n, e, "address is missing");

	return r < 0 ? r : cni_result_add_ip(a->res, &ip, e);
}

static int read_ips(const struct jnode *n, void *data, struct err *e)
{
	int r = jn_array(n, e);

	for (size_t i = 0; r >= 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);

		r = read_ip(&item, data, e);
	}

	return r < 0 ? r : 0;
}

static int read_routes(const struct jnode *n, void *data, struct err *e)
{
	struct add *a = data;
	int r = jn_array(n, e);

	for (size_t i = 0; r >= 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);
		struct cni_route route = { .scope = -1 };

		r = cni_route_read(&item, &route, e);
		if (r == 0)
			r = cni_result_add_route(a->res, &route, e);
	}

	return r < 0 ? r : 0;
}

static int read_mac(const struct jnode *n, void *data, struct err *e)
{
	return jn_mac(n, ((struct add *)data)->mac, e);
}

static int read_bridge(const struct jnode *n, void *data, struct err *e)
{
	return attachment_read_ifname(n, &((struct add *)data)->bridge_name, e);
}

static int read_lease(struct add *a, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "bridge", JN_CALL, .call = read_bridge },
		{ "mac", JN_CALL, .call = read_mac },
		{ "mtu", JN_U32, offsetof(struct add, mtu), 0, 65535 },
		{ "ips", JN_CALL, .call = read_ips },
		{ "routes", JN_CALL, .call = read_routes },
		{ 0 },
	};
	const struct jnode root = jn_root(a->lease);
	int r = jn_read(&root, keys, a, e);

	if (r == 0 && (!a->bridge_name || a->res->n_ips == 0 || !mac_is_station(a->mac)))
		r = err_cni(e, CNI_E_INTERNAL, "bridge, mac or ips are missing");

	return r < 0 ? err_wrap(e, r, "netd's answer") : 0;
}

static int reserve(struct add *a, struct err *e)
{
	AUTO_JSON json_t *params = NULL;
	size_t n4 = 0;
	int r;

	if ((r = reserve_json(a->rq, &a->conf, &params, e)) < 0 ||
	    (r = netd_connect(a->conf.socket, &a->netd, e)) < 0 ||
	    (r = netd_call(a->netd, "endpoint.reserve", params, RESERVE_MS, &a->lease, e)) < 0 ||
	    (r = read_lease(a, e)) < 0 || (r = attachment_set_dns(a->rq, a->res, e)) < 0)
		return r;
	for (size_t i = 0; i < a->res->n_ips; i++)
		n4 += a->res->ips[i].address.addr.family == AF_INET;

	return requested_check_version(a->rq, n4, a->res->n_ips - n4, e);
}

static int find_bridge(struct add *a, struct err *e)
{
	int r = bridge_find(a->host, a->bridge_name, &a->bridge, e);

	if (r == 0)
		return err_cni(e, CNI_E_AGAIN, "netd's bridge %s is not there", a->bridge_name);

	return r < 0 ? r : 0;
}

/* Both ends, named, up, with their MACs, on the bridge, in one request; then flags and alias. */
static int attach(struct add *a, struct err *e)
{
	const struct owner *o = &a->rq->owner;
	const struct link_veth veth = {
		.name = o->host_ifname,
		.peer = a->rq->ifname,
		.peer_netns = a->rq->netns_fd,
		.mac = a->host_mac,
		.peer_mac = a->mac,
		.mtu = a->mtu,
		.group = o->group,
		.master = a->bridge.index,
	};
	int r;

	link_put_veth(a->host, &veth);
	link_put_port(a->host, o->host_ifname, o->tag, a->conf.hairpin, false);
	r = nl_commit(a->host, e);
	if (r < 0)
		return bridge_say_port(a->host, &a->bridge, r, e);

	return link_get(a->host, o->host_ifname, &a->port, e);
}

static int configure_inside(struct add *a, struct err *e)
{
	const struct iface_conf conf = {
		.netns_fd = a->rq->netns_fd,
		.name = a->rq->ifname,
		.res = a->res,
		.iface = a->iface,
	};

	return iface_configure(a->inside, &conf, &a->inner_index, e);
}

/* From here on other hosts send to it. */
static int commit(struct add *a, struct err *e)
{
	AUTO_JSON json_t *params = attachment_json(a->rq);

	if (!params)
		return err_sys(e, ENOMEM, "ask netd");

	return netd_call(a->netd, "endpoint.commit", params, COMMIT_MS, NULL, e);
}

static void release(struct add *a)
{
	AUTO_JSON json_t *params = attachment_json(a->rq);

	if (params)
		(void)netd_call(a->netd, "endpoint.release", params, ASK_MS, NULL, NULL);
}

static int announce(struct add *a, struct err *e)
{
	int r = link_wait_up(a->host, a->port.index, e);

	return r < 0 ? r : iface_announce(a->inside, a->inner_index, a->mac, e);
}

/* The order of the plugin bridge, which chained plugins rely on. */
static int report(struct add *a, struct err *e)
{
	struct cni_result *res = a->res;
	int r;

	if ((r = attachment_report(res, a->bridge.name, a->bridge.mac, NULL, e)) < 0 ||
	    (r = attachment_report(res, a->port.name, a->host_mac, NULL, e)) < 0 ||
	    (r = attachment_report(res, a->rq->ifname, a->mac, a->rq->netns, e)) < 0)
		return r;
	res->ifaces[a->iface].mtu = a->mtu;

	return 0;
}

static int make(struct add *a, struct err *e)
{
	int r;

	/* This undoes itself too: what came of it is unknown when the answer is lost. */
	if ((r = find_bridge(a, e)) < 0 || (r = attach(a, e)) < 0 ||
	    (r = configure_inside(a, e)) < 0)
		goto undo_port;
	if ((r = commit(a, e)) < 0 || (r = announce(a, e)) < 0 || (r = report(a, e)) < 0)
		goto undo_commit;

	return 0;

undo_commit:
	release(a);
undo_port:
	veth_undo(a->host, &a->rq->owner, a->host_mac);

	return r;
}

static int overlay_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq, .res = res, .iface = 2 };
	int r = look_first(&a, e);

	if (r == 0)
		r = reserve(&a, e);
	if (r == 0)
		r = make(&a, e);
	add_clear(&a);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

static bool is_down(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

/* The address is free when nobody can use it any more. */
static int overlay_del(const struct cni_request *rq, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = attachment_json(rq);
	struct err next = { 0 };
	int first = veth_del(rq, e), r;

	if (!params)
		return err_keep(first, e, err_sys(&next, ENOMEM, "ask netd"), &next);
	r = netd_connect(socket_of(rq), &netd, &next);
	if (is_down(r))
		return first;
	if (r == 0)
		r = netd_call(netd, "endpoint.release", params, ASK_MS, NULL, &next);

	return err_keep(first, e, r, &next);
}

/* ---- CHECK --------------------------------------------------------------- */

static int check_port(struct nl *host, const struct cni_request *rq, const char *bridge_name,
		      struct err *e)
{
	struct link bridge, port;
	int r;

	if ((r = attachment_check_link(host, bridge_name, "on the host", &bridge, e)) < 0 ||
	    (r = attachment_check_link(host, rq->owner.host_ifname, "on the host", &port, e)) < 0)
		return r;
	if (port.master != bridge.index)
		r = cni_differs(e, "%s is not a port of the bridge %s", port.name, bridge.name);
	if (!(port.flags & IFF_UP))
		r = cni_differs(e, "%s is down", port.name);

	return r;
}

static bool prev_has(const struct cni_result *prev, const struct ip_addr *ip)
{
	for (size_t i = 0; i < prev->n_ips; i++)
		if (ip_equal(&prev->ips[i].address.addr, ip))
			return true;

	return false;
}

/* What netd tells the other hosts, and what the container was told. */
static int check_addresses(const struct cni_request *rq, const struct jnode *known, struct err *e)
{
	struct jnode ips;
	int r = 0;

	if (!jn_get(known, "ips", &ips))
		return 0;
	for (size_t i = 0; i < jn_count(&ips); i++) {
		const struct jnode item = jn_item(&ips, i);
		struct ip_addr ip;
		char text[IP_STRLEN];

		if (jn_ip(&item, &ip, NULL) == 0 && !prev_has(rq->prev, &ip))
			r = cni_differs(e, "netd has %s for this attachment, its result does not",
					ip_str(&ip, text));
	}

	return r;
}

static int check_known(const struct cni_request *rq, const struct conf *conf, json_t **ret,
		       struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = attachment_json(rq);
	int r;

	if (!params)
		return err_sys(e, ENOMEM, "ask netd");
	r = netd_connect(conf->socket, &netd, e);

	return r < 0 ? r : netd_call(netd, "endpoint.check", params, ASK_MS, ret, e);
}

static int check_all(const struct cni_request *rq, struct nl *host, struct nl *inside,
		     const struct jnode *known, struct err *e)
{
	struct jnode n;
	const char *bridge = "";
	int r = 0;

	if (jn_get(known, "bridge", &n))
		(void)jn_str(&n, &bridge, NULL);
	CNI_CHECK_STEP(r, check_port(host, rq, bridge, e));
	CNI_CHECK_STEP(r, check_addresses(rq, known, e));
	CNI_CHECK_STEP(r, iface_check(inside, rq->ifname, rq->netns, rq->prev, e));

	return r;
}

static int overlay_check(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	AUTO(nl_closep) struct nl *inside = NULL;
	AUTO_JSON json_t *known = NULL;
	struct jnode root;
	struct conf conf;
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, &host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e)) < 0 ||
	    (r = check_known(rq, &conf, &known, e)) < 0)
		return r;
	root = jn_root(known);

	return check_all(rq, host, inside, &root, e);
}

/* ---- GC and STATUS ------------------------------------------------------- */

static json_t *valid_json(const struct cni_request *rq)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < rq->n_valid; i++) {
		const struct cni_attachment *a = &rq->valid[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s}", "container",
							  a->container_id, "ifname", a->ifname)) <
		    0)
			return NULL;
	}

	return MOVE_PTR(list);
}

static int gc_leases(const struct cni_request *rq, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params =
		json_pack("{s:s, s:o}", "owner", rq->network, "valid", valid_json(rq));
	int r;

	if (!params)
		return err_sys(e, ENOMEM, "ask netd");
	r = netd_connect(socket_of(rq), &netd, e);
	if (is_down(r))
		return 0;

	return r < 0 ? r : netd_call(netd, "endpoint.gc", params, ASK_MS, NULL, e);
}

static int overlay_gc(const struct cni_request *rq, struct err *e)
{
	struct err next = { 0 };
	int first = link_gc(rq, OWNER_LINK_PREFIX, "veth", e);

	return err_keep(first, e, gc_leases(rq, &next), &next);
}

/* netd answers with 50 and 51 itself; that it does not answer is 50: what runs goes on. */
static int overlay_status(const struct cni_request *rq, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = NULL;
	struct conf conf;
	int r = conf_read(rq, &conf, e);

	if (r < 0)
		return r;
	params = json_pack("{s:s}", "network", conf.network);
	if (!params)
		return err_sys(e, ENOMEM, "ask netd");
	r = netd_connect(conf.socket, &netd, e);
	if (r == 0)
		r = netd_call(netd, "endpoint.status", params, ASK_MS, NULL, e);
	if (r < 0 && e && e->cni != CNI_E_LIMITED)
		e->cni = CNI_E_UNAVAILABLE;

	return r;
}

int main(void)
{
	static const struct cni_plugin overlay = {
		.name = "overlay",
		.add = overlay_add,
		.del = overlay_del,
		.check = overlay_check,
		.gc = overlay_gc,
		.status = overlay_status,
	};

	return cni_main(&overlay);
}
