/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-serve - being in a network, in another way, and no more */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/mac.h"
#include "netd/ifstate.h"
#include "netd/plane-private.h"
#include "netd/tunnel.h"

#define VNI_MAX 0xffffffu

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

/* The filter first: no packet of the network comes in before it is looked at. */
static int bring_up(struct plane *p, struct plane_net *net, struct err *e)
{
	int r = plane_filter_network(p, net, e);

	if (r == 0)
		r = plane_ensure_devices(p, net, e);
	if (r == 0 && net->conf.internal)
		r = local_shut(p->nft, net->conf.name, net->bridge, e);
	if (r == 0)
		r = plane_update_copies(net, e);
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
	n = name ? plane_need(p, &net->id) : NULL;
	if (!n)
		return err_sys(e, ENOMEM, "serve a network");
	was = n->conf;
	n->conf = *net;
	n->conf.name = MOVE_PTR(name);
	n->mtu = plane_mtu_now(p, n);
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
