/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-networks - checks of subnets and bridges, as configured and as they are */
#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/nl.h"
#include "lib/route.h"

/* ---- subnets of two networks ---------------------------------------------------------- */

static bool share_a_wire(const struct network *a, const struct network *b)
{
	return a->link && b->link && strcmp(a->link, b->link) == 0;
}

static void compare(struct doctor *d, const struct network *a, const struct network *b)
{
	for (size_t i = 0; i < a->n_subnets; i++) {
		for (size_t j = 0; j < b->n_subnets; j++) {
			char x[IP_NET_STRLEN], y[IP_NET_STRLEN];
			AUTO_FREE char *mend = NULL;

			if (!ip_net_overlaps(&a->subnets[i].subnet, &b->subnets[j].subnet))
				continue;
			mend = doctor_text("heddle network rm %s", b->name);
			doctor_find(d, DOCTOR_ERROR, mend,
				    "%s of %s and %s of %s overlap: this host reaches the "
				    "containers of one of them only",
				    ip_net_str(&a->subnets[i].subnet, x), a->name,
				    ip_net_str(&b->subnets[j].subnet, y), b->name);
		}
	}
}

int doctor_subnets(struct doctor *d, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *a = &d->store.networks[i];

		for (size_t j = i + 1; a->conf && j < d->store.n; j++) {
			const struct network *b = &d->store.networks[j];

			if (b->conf && !share_a_wire(a, b))
				compare(d, a, b);
		}
	}

	return 0;
}

/* ---- subnets and routes ------------------------------------------------------------------- */

struct route_walk {
	struct doctor *d;
	const struct network *net;
	const struct ip_net *subnet;
};

/* The default route overlaps with everything, and is meant to. */
static int look_at_route(const struct route *route, void *data)
{
	struct route_walk *w = data;
	char x[IP_NET_STRLEN], y[IP_NET_STRLEN], ifname[IF_NAMESIZE] = "?";
	AUTO_FREE char *mend = NULL;

	if (route->dst.len == 0 || !ip_net_overlaps(&route->dst, w->subnet) ||
	    ip_is_link_local(&route->dst.addr))
		return 0;
	if (route->index != 0)
		if_indextoname((unsigned int)route->index, ifname);
	if (w->net->link && strcmp(ifname, w->net->link) == 0)
		return 0;
	mend = doctor_text("heddle network rm %s", w->net->name);
	doctor_find(w->d, DOCTOR_WARNING, mend,
		    "%s of %s overlaps with the route to %s through %s: what is there and the "
		    "containers hide each other",
		    ip_net_str(w->subnet, x), w->net->name, ip_net_str(&route->dst, y), ifname);

	return 0;
}

/* A macvlan's subnet is its wire's, to which the host has a route of its own. */
int doctor_routes(struct doctor *d, struct err *e)
{
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		struct route_walk w = { .d = d, .net = net };

		if (!doctor_is_bridge(net))
			continue;
		for (size_t j = 0; j < net->n_subnets; j++) {
			int r;

			w.subnet = &net->subnets[j].subnet;
			r = route_each(d->route, w.subnet->addr.family, look_at_route, &w, e);
			if (r < 0)
				return r;
		}
	}

	return 0;
}

/* ---- bridges -------------------------------------------------------------------------------- */

static bool is_gateway(const struct network *net)
{
	const json_t *bridge = doctor_plugin(net, "bridge");

	return json_is_true(json_object_get(bridge, "isGateway")) ||
	       json_is_true(json_object_get(bridge, "isDefaultGateway"));
}

struct addr_walk {
	struct doctor *d;
	const struct network *net;
	const struct network_subnet *subnet;
};

/* An address of the subnet that is not the gateway's: what containers are told is not there. */
static int look_at_addr(const struct addr *addr, void *data)
{
	struct addr_walk *w = data;
	char text[IP_NET_STRLEN], gateway[IP_STRLEN];
	AUTO_FREE char *mend = NULL;

	if (!ip_net_contains(&w->subnet->subnet, &addr->net.addr) ||
	    ip_equal(&addr->net.addr, &w->subnet->gateway))
		return 0;
	ip_net_str(&addr->net, text);
	mend = doctor_text("ip address del %s dev %s", text, w->net->link);
	doctor_find(w->d, DOCTOR_WARNING, mend,
		    "%s has %s, and the gateway of %s is %s: a container may be given that "
		    "address",
		    w->net->link, text, w->net->name, ip_str(&w->subnet->gateway, gateway));

	return 0;
}

static int check_gateway(struct doctor *d, const struct network *net,
			 const struct network_subnet *subnet, const struct link *bridge,
			 struct err *e)
{
	const struct ip_net gateway = { .addr = subnet->gateway, .len = subnet->subnet.len };
	struct addr_walk w = { .d = d, .net = net, .subnet = subnet };
	char text[IP_NET_STRLEN];
	int r;

	if (!ip_is_set(&subnet->gateway))
		return 0;
	r = addr_has(d->route, bridge->index, &gateway, e);
	if (r == 0) {
		AUTO_FREE char *mend = doctor_text("ip address add %s dev %s",
						   ip_net_str(&gateway, text), net->link);

		doctor_find(d, DOCTOR_ERROR, mend,
			    "%s, the gateway of %s, has not got its address %s: containers "
			    "reach nothing beyond their own network",
			    net->link, net->name, ip_net_str(&gateway, text));
	}

	return r < 0 ? r : addr_each(d->route, bridge->index, look_at_addr, &w, e);
}

static void check_link(struct doctor *d, const struct network *net, const struct link *bridge)
{
	AUTO_FREE char *up = doctor_text("ip link set %s up", net->link);

	if (strcmp(bridge->kind, "bridge") != 0)
		doctor_find(d, DOCTOR_ERROR, "ip -details link",
			    "%s is to be the bridge of %s, and is no bridge", net->link, net->name);
	else if (!(bridge->flags & IFF_UP))
		doctor_find(d, DOCTOR_ERROR, up, "%s, the bridge of %s, is down", net->link,
			    net->name);
}

/* A bridge that is not there is made by the next ADD; only attachments that live miss it. */
static int check_bridge(struct doctor *d, const struct network *net, struct err *e)
{
	const struct census_item *item = doctor_used_by(d, net->name);
	struct link bridge;
	int r = link_get(d->route, net->link, &bridge, e);

	if (r == -ENODEV) {
		AUTO_FREE char *mend = item ? doctor_attach_again(item) : NULL;

		if (item)
			doctor_find(d, DOCTOR_ERROR, mend,
				    "%s, the bridge of %s, is gone: its containers are cut off; "
				    "attach them again",
				    net->link, net->name);
		return 0;
	}
	if (r < 0)
		return r;
	check_link(d, net, &bridge);
	for (size_t i = 0; is_gateway(net) && i < net->n_subnets && r >= 0; i++)
		r = check_gateway(d, net, &net->subnets[i], &bridge, e);

	return r;
}

int doctor_bridges(struct doctor *d, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < d->store.n && r >= 0; i++)
		if (doctor_is_bridge(&d->store.networks[i]))
			r = check_bridge(d, &d->store.networks[i], e);

	return r;
}

/* ---- MTU ---------------------------------------------------------------------------------------
 */

static int find_uplink(const struct route *route, void *data)
{
	int *index = data;

	if (route->dst.len == 0 && route->index != 0)
		*index = route->index;

	return 0;
}

int doctor_mtu(struct doctor *d, struct err *e)
{
	struct link uplink, bridge;
	int index = 0, r;

	r = route_each(d->route, 0, find_uplink, &index, e);
	if (r < 0 || index == 0)
		return r;
	r = link_get_index(d->route, index, &uplink, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		AUTO_FREE char *mend = NULL;

		if (net->internal || !doctor_is_bridge(net) ||
		    link_get(d->route, net->link, &bridge, NULL) < 0 || bridge.mtu <= uplink.mtu)
			continue;
		mend = doctor_text("heddle network rm %s && heddle network create -o "
				   "com.docker.network.driver.mtu=%u %s",
				   net->name, uplink.mtu, net->name);
		doctor_find(d, DOCTOR_WARNING, mend,
			    "%s, the bridge of %s, has MTU %u, and the way out through %s has %u: "
			    "large packets are lost where ICMP is filtered",
			    net->link, net->name, bridge.mtu, uplink.name, uplink.mtu);
	}

	return 0;
}
