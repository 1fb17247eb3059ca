/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-devices - bridges and VXLAN devices of networks, and the underlay that they stand on */
#include <string.h>

#include "lib/err.h"
#include "netd/gateway.h"
#include "netd/plane-private.h"
#include "netd/tunnel.h"
#include "netd/underlay.h"

#define LOG_AREA "plane"
#include "netd/log.h"

#define MTU_DEFAULT   1500 /* of an underlay that nobody follows */
#define OVERHEAD_IPV4 50   /* outer Ethernet, IP, UDP and VXLAN headers */
#define OVERHEAD_IPV6 70

/* ---- as they are to be ----------------------------------------------------------------- */

uint32_t plane_mtu_now(const struct plane *p, const struct plane_net *net)
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

/* ---- following the underlay ------------------------------------------------------------- */

/* A new address or MTU is no drift. */
static bool follow(struct plane *p, struct plane_net *net)
{
	uint32_t mtu = plane_mtu_now(p, net);
	bool changed = mtu != net->mtu;

	net->mtu = mtu;
	net->settled = net->settled && !changed;
	net->check_devices = net->check_devices || changed;

	return changed;
}

void plane_underlay_changed(void *ctx)
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
		n->mtu = plane_mtu_now(p, n);
		n->settled = false;
		n->check_devices = true;
		each = plane_ensure_devices(p, n, &next);
		r = err_keep(r, e, each, &next);
	}
	plane_wake(p);

	return r;
}
