/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane - see plane.h. */
#include "netd/plane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/mac.h"
#include "lib/nl.h"
#include "netd/announce.h"
#include "netd/gateway.h"
#include "netd/ifstate.h"
#include "netd/plane-private.h"
#include "netd/tunnel.h"
#include "netd/underlay.h"

#define LOG_AREA "plane"
#include "netd/log.h"

#define VNI_MAX	      0xffffffu
#define MTU_DEFAULT   1500 /* of an underlay that nobody follows */
#define OVERHEAD_IPV4 50   /* outer Ethernet, IP, UDP and VXLAN headers */
#define OVERHEAD_IPV6 70

/* ---- networks ---------------------------------------------------------------------- */

static void name_device(const char *prefix, const struct network_id *id, char ret[IFNAMSIZ])
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(prefix);

	memcpy(ret, prefix, len);
	for (size_t i = 0; len + 2 < IFNAMSIZ; i++) {
		ret[len++] = digits[id->b[i] >> 4];
		ret[len++] = digits[id->b[i] & 15];
	}
	ret[len] = '\0';
}

void plane_bridge_name(const struct network_id *id, char ret[IFNAMSIZ])
{
	name_device(PLANE_BRIDGE_PREFIX, id, ret);
}

void plane_vxlan_name(const struct network_id *id, char ret[IFNAMSIZ])
{
	name_device(PLANE_VXLAN_PREFIX, id, ret);
}

struct plane_net *plane_find(const struct plane *p, const struct network_id *id)
{
	for (struct plane_net *n = p->nets; n; n = n->next)
		if (network_id_equal(&n->id, id))
			return n;

	return NULL;
}

struct plane_net *plane_find_served(const struct plane *p, const struct network_id *id)
{
	struct plane_net *n = plane_find(p, id);

	return n && n->served ? n : NULL;
}

/* Return: NULL when there is no memory. */
static struct plane_net *need(struct plane *p, const struct network_id *id)
{
	struct plane_net *n = plane_find(p, id);

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n || entries_init(&n->entries) < 0) {
		free(n);
		return NULL;
	}
	n->id = *id;
	plane_bridge_name(id, n->bridge);
	plane_vxlan_name(id, n->vxlan);
	n->next = p->nets;
	p->nets = n;

	return n;
}

static void free_net(struct plane_net *n)
{
	while (n->locals) {
		struct local *l = n->locals;

		n->locals = l->next;
		free(l);
	}
	entries_clear(&n->entries);
	free((char *)n->conf.name);
	free(n);
}

void plane_forget_empty(struct plane *p)
{
	struct plane_net **at = &p->nets;

	while (*at) {
		struct plane_net *n = *at;

		if (n->served || n->entries.n > 0) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free_net(n);
	}
}

/* ---- devices ------------------------------------------------------------------------- */

static uint32_t mtu_of(const struct plane *p, const struct plane_net *net)
{
	uint32_t under = p->underlay ? underlay_mtu(p->underlay, &p->vtep) : MTU_DEFAULT;
	uint32_t overhead = p->vtep.family == AF_INET6 ? OVERHEAD_IPV6 : OVERHEAD_IPV4;
	uint32_t most = under > overhead ? under - overhead : 0;

	/* The address is on no interface at the moment: it will come back. */
	if (!most)
		most = net->mtu ? net->mtu : MTU_DEFAULT - overhead;

	return net->conf.mtu && net->conf.mtu < most ? net->conf.mtu : most;
}

static struct tunnel_conf tunnel_conf(const struct plane *p, const struct plane_net *net)
{
	struct tunnel_conf c = { .id = net->id,
				 .name = net->conf.name,
				 .vni = net->conf.vni,
				 .port = net->conf.port,
				 .local = p->vtep,
				 .mtu = net->mtu,
				 .multicast = net->conf.multicast };

	memcpy(c.bridge, net->bridge, sizeof(c.bridge));
	memcpy(c.vxlan, net->vxlan, sizeof(c.vxlan));
	memcpy(c.gateway_mac, net->conf.gateway_mac, sizeof(c.gateway_mac));
	memcpy(c.own_mac, net->conf.own_mac, sizeof(c.own_mac));

	return c;
}

static int ensure_tunnel(struct plane *p, struct plane_net *net, struct err *e)
{
	const struct tunnel_conf conf = tunnel_conf(p, net);
	struct tunnel t;
	int r = tunnel_ensure(p->route, &conf, &t, e);

	if (r < 0)
		return r;
	if (t.new_bridge || t.new_vxlan || net->dev.bridge != t.bridge ||
	    net->dev.vxlan != t.vxlan || t.changed)
		net->check_entries = true;
	net->dev = (struct forward_devices){ .bridge = t.bridge, .vxlan = t.vxlan };
	if (net->settled && t.changed) {
		p->counters.repaired_links += t.changed;
		log_warning("network %s: devices were not as they should be: repaired",
			    net->conf.name);
	}

	return 0;
}

static int ensure_gateway(struct plane *p, struct plane_net *net, struct err *e)
{
	const struct gateway_conf conf = { .bridge = net->dev.bridge,
					   .subnets = net->conf.subnets,
					   .n_subnets = net->conf.n_subnets,
					   .mac = net->conf.gateway_mac,
					   .forward = !net->conf.internal };
	uint32_t changed = 0;
	int r = gateway_ensure(p->route, &conf, &changed, e);

	if (r < 0)
		return r;
	if (net->settled && changed) {
		p->counters.repaired_addrs += changed;
		log_warning("network %s: addresses or routes of %s were not as they should be: "
			    "repaired",
			    net->conf.name, net->bridge);
	}

	return 0;
}

int plane_ensure_devices(struct plane *p, struct plane_net *net, struct err *e)
{
	int r = ensure_tunnel(p, net, e);

	if (r == 0)
		r = ensure_gateway(p, net, e);
	if (r < 0)
		return r;
	plane_ensure_ports(p, net, true);
	net->settled = true;
	net->check_devices = false;

	return 0;
}

/* ---- serving ----------------------------------------------------------------------------- */

static int check_conf(const struct plane_network *c, struct err *e)
{
	const char *name = c->name ? c->name : "";

	if (c->vni == 0 || c->vni > VNI_MAX)
		return err_say(e, EINVAL, "network %s: VNI %u: it is a number from 1 to %u", name,
			       c->vni, VNI_MAX);
	if (c->port == 0)
		return err_say(e, EINVAL, "network %s: it needs a UDP port for VXLAN", name);
	if (c->n_subnets > PLANE_SUBNETS)
		return err_say(e, EINVAL, "network %s: %zu subnets: %d at most", name, c->n_subnets,
			       PLANE_SUBNETS);
	if (!mac_is_station(c->gateway_mac) || !mac_is_station(c->own_mac) ||
	    memcmp(c->gateway_mac, c->own_mac, 6) == 0)
		return err_say(e, EINVAL,
			       "network %s: gateway and node need a MAC address each, and "
			       "different ones",
			       name);

	return 0;
}

struct members {
	struct ip_addr *vteps;
	size_t n;
};

static void collect_member(void *ctx, struct entry *e)
{
	struct members *m = ctx;

	if (e->is.kind == ENTRY_PEER && e->state & ENTRY_WANTED)
		m->vteps[m->n++] = e->is.ip;
}

/* Copies of what is for everybody, to a member: if the network has that. */
static void want_copies(struct plane_net *net, const struct ip_addr *vtep)
{
	const struct entry_is flood = { .kind = ENTRY_FLOOD, .ip = *vtep };

	if (net->conf.multicast)
		(void)entries_want(&net->entries, &flood);
	else
		entries_unwant(&net->entries, &flood);
}

/* Collected first: a table that grows cannot be walked. */
static int update_copies(struct plane_net *net, struct err *e)
{
	AUTO_FREE struct ip_addr *vteps = calloc(net->entries.n + 1, sizeof(*vteps));
	struct members members = { .vteps = vteps };

	if (!vteps)
		return err_sys(e, ENOMEM, "network %s", net->conf.name);
	entries_each(&net->entries, collect_member, &members);
	for (size_t i = 0; i < members.n; i++)
		want_copies(net, &vteps[i]);

	return 0;
}

/* The filter first: no packet of the network comes in before it is looked at. */
static int bring_up(struct plane *p, struct plane_net *net, struct err *e)
{
	int r = plane_filter_network(p, net, e);

	if (r == 0)
		r = plane_ensure_devices(p, net, e);
	if (r == 0 && net->conf.internal)
		r = local_shut(p->nft, net->conf.name, net->bridge, e);
	if (r == 0)
		r = update_copies(net, e);
	if (r == 0) {
		net->check_entries = p->check_filter = true;
		plane_pass_others(p);
	}

	return r;
}

static int begin_serving(struct plane *p, struct plane_net *net, struct err *e)
{
	struct ifstate before;
	bool stood = ifstate_get(p->route, net->bridge, &before, NULL) > 0;
	int r;

	net->served = true;
	r = bring_up(p, net, e);
	if (r == 0) {
		p->counters.networks++;
		return 0;
	}
	net->served = false;
	/* What stood goes on as it did, behind the filter. */
	if (!stood) {
		(void)tunnel_remove(p->route, &net->id, net->bridge, net->vxlan, NULL);
		(void)plane_unfilter_network(p, net, NULL);
	}

	return r;
}

static int serve_otherwise(struct plane *p, struct plane_net *net, const struct plane_network *was,
			   struct err *e)
{
	int r = 0;

	if (was->vni != net->conf.vni || was->port != net->conf.port) {
		struct plane_network now = net->conf;

		net->conf = *was;
		r = plane_unfilter_network(p, net, e);
		net->conf = now;
	}
	if (r == 0)
		r = bring_up(p, net, e);
	if (r == 0)
		r = plane_release_claims(p, net, e);

	return r < 0 ? r : plane_ensure_claims(p, net, e);
}

int plane_serve(struct plane *p, const struct plane_network *net, struct err *e)
{
	AUTO_FREE char *name = strdup(net->name ? net->name : "");
	struct plane_network was;
	struct plane_net *n;
	int r = check_conf(net, e);

	if (r < 0)
		return r;
	if (!ip_is_set(&p->vtep))
		return err_say(e, EADDRNOTAVAIL,
			       "network %s: this node has no address on the underlay yet", name);
	n = name ? need(p, &net->id) : NULL;
	if (!n)
		return err_sys(e, ENOMEM, "serve a network");
	was = n->conf;
	n->conf = *net;
	n->conf.name = MOVE_PTR(name);
	n->mtu = mtu_of(p, n);
	n->settled = false;
	r = n->served ? serve_otherwise(p, n, &was, e) : begin_serving(p, n, e);
	p->unflushed = true;
	if (r == 0) {
		free((char *)was.name);
		return 0;
	}
	free((char *)n->conf.name);
	n->conf = was;
	n->check_devices = n->served;
	p->counters.failures++;

	return r;
}

int plane_unserve(struct plane *p, const struct network_id *id, struct err *e)
{
	struct plane_net *net = plane_find_served(p, id);
	struct err next;
	int r = 0, each;

	if (!net)
		return 0;
	while (net->locals) {
		each = plane_detach(p, id, net->locals->ep.owner.host_ifname, &next);
		r = err_keep(r, e, each, &next);
	}
	each = tunnel_remove(p->route, id, net->bridge, net->vxlan, &next);
	r = err_keep(r, e, each, &next);
	each = plane_unfilter_network(p, net, &next);
	r = err_keep(r, e, each, &next);
	if (net->conf.internal) {
		each = local_open(p->nft, net->conf.name, net->bridge, &next);
		r = err_keep(r, e, each, &next);
	}
	net->served = false;
	p->counters.networks--;
	p->unflushed = true;
	net->dev = (struct forward_devices){ 0 };
	/* The kernel has none of its entries now. */
	entries_begin(&net->entries, ~0u);
	(void)entries_end(&net->entries, ~0u);

	return r;
}

bool plane_serves(const struct plane *p, const struct network_id *id)
{
	return plane_find_served(p, id) != NULL;
}

uint32_t plane_mtu(const struct plane *p, const struct network_id *id)
{
	const struct plane_net *net = plane_find_served(p, id);

	return net ? net->mtu : 0;
}

/* ---- what a start finds --------------------------------------------------------------------- */

#define FOUND_MAX 64

struct found {
	const struct plane *p;
	struct network_id list[FOUND_MAX];
	size_t n;
};

static bool is_found(const struct found *f, const struct network_id *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (network_id_equal(&f->list[i], id))
			return true;

	return false;
}

static int find_stranger(const struct ifstate *s, void *data)
{
	struct found *f = data;
	struct network_id id;

	if (f->n < FOUND_MAX && tunnel_is_of(s, &id) && !plane_serves(f->p, &id) &&
	    !is_found(f, &id))
		f->list[f->n++] = id;

	return 0;
}

static int sweep_devices(struct plane *p, struct err *e)
{
	struct found found = { .p = p };
	int r = ifstate_each(p->route, find_stranger, &found, e);

	for (size_t i = 0; r == 0 && i < found.n; i++) {
		char bridge[IFNAMSIZ], vxlan[IFNAMSIZ];

		plane_bridge_name(&found.list[i], bridge);
		plane_vxlan_name(&found.list[i], vxlan);
		r = tunnel_remove(p->route, &found.list[i], bridge, vxlan, e);
		log_info("%s: its network is not served here any more: removed", bridge);
	}

	return r;
}

int plane_sweep(struct plane *p, struct err *e)
{
	int r = sweep_devices(p, e);

	for (const struct plane_net *n = p->nets; r >= 0 && n; n = n->next)
		if (n->served)
			r = local_sweep_claims(p->nft, n->conf.name, e);
	p->swept = p->check_filter = p->unflushed = true;

	return r < 0 ? r : 0;
}

/* ---- what is wanted ---------------------------------------------------------------------------
 */

static struct entry_is entry_of(const struct wanted_entry *w)
{
	struct entry_is is = { .kind = w->kind };

	if (w->kind != WANTED_PEER)
		memcpy(is.mac, w->mac, sizeof(is.mac));
	is.ip = w->kind == WANTED_NEIGHBOUR ? w->ip : w->vtep;

	return is;
}

_Static_assert((int)ENTRY_FDB == WANTED_FDB && (int)ENTRY_NEIGHBOUR == WANTED_NEIGHBOUR &&
		       (int)ENTRY_PEER == WANTED_PEER,
	       "the kinds of wanted.h");

/* Whether @was is found by another key than @now: then it has to go by itself. */
static bool other_key(const struct wanted_entry *was, const struct wanted_entry *now)
{
	return !now || (was->kind == WANTED_PEER && !ip_equal(&was->vtep, &now->vtep));
}

static void change(struct plane_net *net, const struct entry_is *is, bool wanted)
{
	const struct entry_is flood = { .kind = ENTRY_FLOOD, .ip = is->ip };

	if (wanted)
		(void)entries_want(&net->entries, is);
	else
		entries_unwant(&net->entries, is);
	if (is->kind == ENTRY_PEER && wanted)
		want_copies(net, &is->ip);
	else if (is->kind == ENTRY_PEER)
		entries_unwant(&net->entries, &flood);
}

/* Without memory the next comparison of the engine tells it again. */
void plane_wanted(void *p, const struct wanted_entry *was, const struct wanted_entry *now)
{
	struct plane *plane = p;
	struct plane_net *net = need(plane, &(now ? now : was)->network);
	struct entry_is is;

	if (!net) {
		plane->counters.failures++;
		return;
	}
	if (now) {
		is = entry_of(now);
		change(net, &is, true);
	}
	if (was && other_key(was, now)) {
		is = entry_of(was);
		change(net, &is, false);
	}
	plane->unflushed = true;
}

void plane_doubt(struct plane *p)
{
	for (struct plane_net *n = p->nets; n; n = n->next)
		entries_doubt(&n->entries);
}

void plane_complete(struct plane *p, const struct network_id *id)
{
	struct plane_net *net = plane_find(p, id);

	if (!net)
		return;
	entries_complete(&net->entries);
	net->check_entries = p->check_filter = true;
	p->unflushed = true;
}

/* ---- the underlay
 * ----------------------------------------------------------------------------------- */

/* A new address or MTU is no drift. */
static bool follow(struct plane *p, struct plane_net *net)
{
	uint32_t mtu = mtu_of(p, net);
	bool changed = mtu != net->mtu;

	net->mtu = mtu;
	net->settled = net->settled && !changed;
	net->check_devices = net->check_devices || changed;

	return changed;
}

static void underlay_changed(void *ctx)
{
	struct plane *p = ctx;
	bool changed = false;

	for (struct plane_net *n = p->nets; n; n = n->next)
		changed = (n->served && follow(p, n)) || changed;
	if (!changed)
		return;
	plane_wake(p);
	if (p->mtu_changed)
		p->mtu_changed(p->mtu_ctx);
}

int plane_set_vtep(struct plane *p, const struct ip_addr *vtep, struct err *e)
{
	struct err next;
	int r = 0;

	if (!ip_is_set(vtep) || ip_equal(vtep, &p->vtep))
		return 0;
	p->vtep = *vtep;
	for (struct plane_net *n = p->nets; n; n = n->next) {
		int each;

		if (!n->served)
			continue;
		n->mtu = mtu_of(p, n);
		n->settled = false;
		n->check_devices = true;
		each = plane_ensure_devices(p, n, &next);
		r = err_keep(r, e, each, &next);
	}
	plane_wake(p);

	return r;
}

/* ---- the plane
 * ------------------------------------------------------------------------------------------ */

void plane_on_flushed(struct plane *p, void (*fn)(void *ctx), void *ctx)
{
	p->flushed = fn;
	p->flushed_ctx = ctx;
}

void plane_on_mtu(struct plane *p, void (*fn)(void *ctx), void *ctx)
{
	p->mtu_changed = fn;
	p->mtu_ctx = ctx;
}

void plane_free(struct plane *p)
{
	if (!p)
		return;
	plane_repair_stop(p);
	while (p->nets) {
		struct plane_net *n = p->nets;

		p->nets = n->next;
		free_net(n);
	}
	nl_close(p->route);
	nl_close(p->nft);
	if (p->announce >= 0)
		close(p->announce);
	free(p);
}

static void plane_freep(struct plane **p)
{
	plane_free(*p);
}

static int open_sockets(struct plane *p, struct err *e)
{
	int r = nl_open(NETLINK_ROUTE, &p->route, e);

	if (r == 0)
		r = nl_open(NETLINK_NETFILTER, &p->nft, e);
	if (r < 0)
		return r;
	p->announce = announce_open(e);

	return p->announce < 0 ? p->announce : 0;
}

int plane_new(struct ev_loop *loop, struct underlay *u, struct plane **ret, struct err *e)
{
	AUTO(plane_freep) struct plane *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_sys(e, ENOMEM, "start the data plane");
	p->loop = loop;
	p->underlay = u;
	p->announce = -1;
	r = open_sockets(p, e);
	/* Rules of the version before this one are replaced, elements stay. */
	if (r == 0)
		r = filter_build(p->nft, e);
	if (r == 0)
		r = plane_repair_start(p, e);
	if (r == 0 && u)
		r = underlay_on_change(u, underlay_changed, p, e);
	if (r < 0)
		return err_wrap(e, r, "start the data plane");
	*ret = MOVE_PTR(p);

	return 0;
}
