/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iface - see iface.h. */
#include "lib/iface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <strings.h>

#include "lib/addr.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/route.h"
#include "lib/sysctl.h"

/* ---- configure ----------------------------------------------------------- */

static bool has_ipv6(const struct iface_conf *conf)
{
	for (size_t i = 0; i < conf->res->n_ips; i++) {
		const struct cni_ip *ip = &conf->res->ips[i];

		if (ip->iface == conf->iface && ip->address.addr.family == AF_INET6)
			return true;
	}

	return false;
}

/* Runs inside the container.  Engines start namespaces with IPv6 off. */
static int enable_ipv6(void *data, struct err *e)
{
	const struct iface_conf *conf = data;
	const char *dad = conf->dad ? "1" : "0";
	int r;

	if ((r = sysctl_set("0", e, "net/ipv6/conf/lo/disable_ipv6")) < 0 ||
	    (r = sysctl_set("0", e, "net/ipv6/conf/%s/disable_ipv6", conf->name)) < 0 ||
	    (r = sysctl_set("1", e, "net/ipv6/conf/%s/keep_addr_on_down", conf->name)) < 0 ||
	    (r = sysctl_set("1", e, "net/ipv6/conf/%s/ndisc_notify", conf->name)) < 0 ||
	    (r = sysctl_set(dad, e, "net/ipv6/conf/%s/accept_dad", conf->name)) < 0)
		return r;

	return conf->dad ? sysctl_set("1", e, "net/ipv6/conf/%s/enhanced_dad", conf->name) : 0;
}

static struct ip_addr first_gateway(const struct iface_conf *conf, uint8_t family)
{
	for (size_t i = 0; i < conf->res->n_ips; i++) {
		const struct cni_ip *ip = &conf->res->ips[i];

		if (ip->iface == conf->iface && ip->gateway.family == family)
			return ip->gateway;
	}

	return (struct ip_addr){ 0 };
}

static struct route route_of(const struct cni_route *from, int index)
{
	return (struct route){
		.dst = from->dst,
		.gw = from->gw,
		.index = index,
		.table = from->table,
		.priority = from->priority,
		.mtu = from->mtu,
		.advmss = from->advmss,
		.scope = from->scope,
	};
}

static void put_routes(struct nl *inside, const struct iface_conf *conf, int index)
{
	for (size_t i = 0; i < conf->res->n_routes; i++) {
		struct route route = route_of(&conf->res->routes[i], index);

		if (!ip_is_set(&route.gw))
			route.gw = first_gateway(conf, route.dst.addr.family);
		route_put_add(inside, &route);
	}
}

int iface_configure(struct nl *inside, const struct iface_conf *conf, int *ret_index,
		    struct err *e)
{
	struct link link;
	int r;

	r = link_get(inside, conf->name, &link, e);
	if (r == 0 && has_ipv6(conf))
		r = netns_call(conf->netns_fd, enable_ipv6, (void *)conf, e);
	if (r < 0)
		return r;

	link_put_arp_notify(inside, link.index);
	link_put_flags(inside, link.index, IFF_UP, IFF_UP);
	for (size_t i = 0; i < conf->res->n_ips; i++) {
		if (conf->res->ips[i].iface == conf->iface)
			addr_put_add(inside, link.index, &conf->res->ips[i].address,
				     conf->dad ? 0 : IFA_F_NODAD);
	}
	put_routes(inside, conf, link.index);
	r = nl_commit(inside, e);
	if (r < 0)
		return err_wrap(e, r, "configure %s in the container", conf->name);
	if (ret_index)
		*ret_index = link.index;

	return 0;
}

/*
 * Setting a MAC address, also the one that is there, makes the kernel tell the
 * neighbours of every address, if arp_notify and ndisc_notify are on.  A packet
 * socket could do the same, but closing one costs an RCU grace period.
 */
int iface_announce(struct nl *inside, int index, const uint8_t mac[6], struct err *e)
{
	link_put_mac(inside, index, mac);

	return nl_commit(inside, e);
}

/* ---- check --------------------------------------------------------------- */

struct search {
	const struct ip_net *net;	/* of an address */
	struct route route;		/* wanted */
	bool found;
};

static int match_addr(const struct addr *addr, void *data)
{
	struct search *s = data;

	if (addr->net.len == s->net->len && ip_equal(&addr->net.addr, &s->net->addr))
		s->found = true;

	return 0;
}

static int match_route(const struct route *route, void *data)
{
	struct search *s = data;
	struct ip_addr dst = ip_net_first(&s->route.dst);
	struct ip_addr live = ip_net_first(&route->dst);
	uint32_t table = s->route.table ? s->route.table : RT_TABLE_MAIN;

	if (route->index == s->route.index && route->table == table &&
	    route->dst.len == s->route.dst.len && ip_equal(&dst, &live) &&
	    (!ip_is_set(&s->route.gw) || ip_equal(&route->gw, &s->route.gw)) &&
	    (!s->route.priority || route->priority == s->route.priority))
		s->found = true;

	return 0;
}

static bool is_this(const struct cni_iface *iface, const char *name, const char *sandbox)
{
	return iface->sandbox && strcmp(iface->name, name) == 0 &&
	       strcmp(iface->sandbox, sandbox) == 0;
}

static int check_addr(struct nl *inside, int index, const char *name, const struct ip_net *net,
		      struct err *e)
{
	struct search s = { .net = net };
	char text[IP_NET_STRLEN];
	int r = addr_each(inside, index, match_addr, &s, e);

	if (r < 0 || s.found)
		return r;

	return cni_differs(e, "%s in the container has no address %s", name, ip_net_str(net, text));
}

static int check_route(struct nl *inside, int index, const char *name,
		       const struct cni_route *route, struct err *e)
{
	struct search s = { .route = route_of(route, index) };
	char dst[IP_NET_STRLEN];
	int r = route_each(inside, route->dst.addr.family, match_route, &s, e);

	if (r < 0 || s.found)
		return r;

	return cni_differs(e, "the container has no route to %s through %s",
			   ip_net_str(&route->dst, dst), name);
}

static int check_link(const struct link *link, const struct cni_iface *want, struct err *e)
{
	char mac[MAC_STRLEN];
	int r = 0;

	if (!(link->flags & IFF_UP))
		r = cni_differs(e, "%s in the container is down", link->name);
	if (want->mac && strcasecmp(link_mac_str(link->mac, mac), want->mac) != 0)
		r = cni_differs(e, "%s in the container has the MAC address %s, not %s", link->name,
				mac, want->mac);

	return r;
}

static int check_contents(struct nl *inside, const struct link *link, int iface,
			  const struct cni_result *prev, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < prev->n_ips; i++) {
		if (prev->ips[i].iface == iface)
			CNI_CHECK_STEP(r, check_addr(inside, link->index, link->name,
						 &prev->ips[i].address, e));
	}
	/* Routes of a result are those of its first interface in a container. */
	for (size_t i = 0; i < prev->n_routes; i++)
		CNI_CHECK_STEP(r, check_route(inside, link->index, link->name, &prev->routes[i], e));

	return r;
}

int iface_check(struct nl *inside, const char *name, const char *sandbox,
		const struct cni_result *prev, struct err *e)
{
	struct err why = { 0 };
	struct link link;
	int r;

	/* @e may hold differences already: only a real error replaces them. */
	r = link_get(inside, name, &link, &why);
	if (r == -ENODEV)
		return cni_differs(e, "%s is missing in the container", name);
	if (r < 0) {
		*e = why;
		return r;
	}

	for (size_t i = 0; i < prev->n_ifaces; i++) {
		if (!is_this(&prev->ifaces[i], name, sandbox))
			continue;
		CNI_CHECK_STEP(r, check_link(&link, &prev->ifaces[i], e));
		CNI_CHECK_STEP(r, check_contents(inside, &link, (int)i, prev, e));
		return r;
	}

	return cni_differs(e, "the result has no interface %s in %s", name, sandbox);
}
