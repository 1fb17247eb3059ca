/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iface - see iface.h. */
#include "lib/iface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <strings.h>

#include "lib/addr.h"
#include "lib/attachment.h"
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

static struct ip_addr first_gateway(const struct cni_result *res, int iface, uint8_t family)
{
	for (size_t i = 0; i < res->n_ips; i++) {
		const struct cni_ip *ip = &res->ips[i];

		if (ip->iface == iface && ip->gateway.family == family)
			return ip->gateway;
	}

	return (struct ip_addr){ 0 };
}

/* A route of a result as the kernel gets it. */
static struct route route_of(const struct cni_result *res, size_t i, int iface, int index)
{
	const struct cni_route *from = &res->routes[i];

	return (struct route){
		.dst = from->dst,
		.gw = ip_is_set(&from->gw) ? from->gw
					   : first_gateway(res, iface, from->dst.addr.family),
		.index = index,
		.table = from->table,
		.priority = from->priority,
		.mtu = from->mtu,
		.advmss = from->advmss,
		.scope = from->scope,
	};
}

static bool same_gateway(const struct cni_ip *a, const struct cni_ip *b)
{
	return ip_equal(&a->gateway, &b->gateway);
}

static bool same_subnet(const struct cni_ip *a, const struct cni_ip *b)
{
	struct ip_addr first_a = ip_net_first(&a->address), first_b = ip_net_first(&b->address);

	return a->address.len == b->address.len && ip_equal(&first_a, &first_b);
}

static bool repeats(const struct cni_result *res, size_t i,
		    bool (*same)(const struct cni_ip *a, const struct cni_ip *b))
{
	for (size_t had = 0; had < i; had++) {
		if (res->ips[had].iface == res->ips[i].iface && same(&res->ips[had], &res->ips[i]))
			return true;
	}

	return false;
}

bool iface_repeats_gateway(const struct cni_result *res, size_t i)
{
	return repeats(res, i, same_gateway);
}

/*
 * What the kernel would put in one route, "the subnet is on this link", becomes
 * two: the gateway is, and the subnet is behind it.
 */
static struct route route_to_gateway(const struct cni_ip *ip, int index)
{
	return (struct route){ .dst = ip_host_net(&ip->gateway),
			       .src = ip->address.addr,
			       .index = index,
			       .scope = RT_SCOPE_LINK };
}

static struct route route_to_subnet(const struct cni_ip *ip, int index)
{
	return (struct route){ .dst = ip->address,
			       .gw = ip->gateway,
			       .src = ip->address.addr,
			       .index = index,
			       .scope = -1 };
}

/* An address without a subnet, /32 or /128, needs no way to it. */
static bool has_subnet(const struct cni_ip *ip)
{
	return ip->address.len < ip_bits(ip->address.addr.family);
}

static void put_detour(struct nl *inside, const struct cni_result *res, size_t i, int index)
{
	struct route gateway = route_to_gateway(&res->ips[i], index);
	struct route subnet = route_to_subnet(&res->ips[i], index);

	if (!iface_repeats_gateway(res, i))
		route_put_add(inside, &gateway);
	if (has_subnet(&res->ips[i]) && !repeats(res, i, same_subnet))
		route_put_add(inside, &subnet);
}

static void put_addrs(struct nl *inside, const struct iface_conf *conf, int index)
{
	uint32_t flags = (conf->dad ? 0 : IFA_F_NODAD) |
			 (conf->by_gateway ? IFA_F_NOPREFIXROUTE : 0);

	for (size_t i = 0; i < conf->res->n_ips; i++) {
		if (conf->res->ips[i].iface != conf->iface)
			continue;
		addr_put_add(inside, index, &conf->res->ips[i].address, flags);
		if (conf->by_gateway)
			put_detour(inside, conf->res, i, index);
	}
}

static void put_routes(struct nl *inside, const struct iface_conf *conf, int index)
{
	for (size_t i = 0; i < conf->res->n_routes; i++) {
		struct route route = route_of(conf->res, i, conf->iface, index);

		route_put_add(inside, &route);
	}
}

int iface_configure(struct nl *inside, const struct iface_conf *conf, int *ret_index, struct err *e)
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
	put_addrs(inside, conf, link.index);
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

static int check_addr(struct nl *inside, int index, const char *name, const struct ip_net *net,
		      struct err *e)
{
	char text[IP_NET_STRLEN];
	int r = addr_has(inside, index, net, e);

	if (r != 0)
		return r < 0 ? r : 0;

	return cni_differs(e, "%s in the container has no address %s", name, ip_net_str(net, text));
}

static int check_route(struct nl *inside, const char *name, const struct route *want, struct err *e)
{
	struct ip_net subnet = { .addr = ip_net_first(&want->dst), .len = want->dst.len };
	char dst[IP_NET_STRLEN], gw[IP_STRLEN];
	bool via = ip_is_set(&want->gw);
	int r = route_has(inside, want, e);

	if (r != 0)
		return r < 0 ? r : 0;

	return cni_differs(e, "the container has no route to %s%s%s on %s",
			   ip_net_str(&subnet, dst), via ? " via " : "",
			   via ? ip_str(&want->gw, gw) : "", name);
}

static int check_detour(struct nl *inside, const struct link *link, const struct cni_ip *ip,
			struct err *e)
{
	struct route gateway = route_to_gateway(ip, link->index);
	struct route subnet = route_to_subnet(ip, link->index);
	int r = 0;

	CNI_CHECK_STEP(r, check_route(inside, link->name, &gateway, e));
	if (has_subnet(ip))
		CNI_CHECK_STEP(r, check_route(inside, link->name, &subnet, e));

	return r;
}

static int check_link(const struct link *link, const struct cni_iface *want, struct err *e)
{
	char mac[MAC_STRLEN];
	int r = 0;

	if (!(link->flags & IFF_UP))
		r = cni_differs(e, "%s in the container is down", link->name);
	if (want->mac && strcasecmp(mac_str(link->mac, mac), want->mac) != 0)
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
	for (size_t i = 0; i < prev->n_routes; i++) {
		struct route want = route_of(prev, i, iface, link->index);

		CNI_CHECK_STEP(r, check_route(inside, link->name, &want, e));
	}

	return r;
}

/* The interface's place in a result, -1 if it isn't there. */
static int find_iface(const struct cni_result *prev, const char *name, const char *sandbox)
{
	for (size_t i = 0; i < prev->n_ifaces; i++) {
		const struct cni_iface *iface = &prev->ifaces[i];

		if (iface->sandbox && strcmp(iface->name, name) == 0 &&
		    strcmp(iface->sandbox, sandbox) == 0)
			return (int)i;
	}

	return -1;
}

int iface_check(struct nl *inside, const char *name, const char *sandbox,
		const struct cni_result *prev, struct err *e)
{
	int i = find_iface(prev, name, sandbox);
	struct link link;
	int r;

	r = attachment_check_link(inside, name, "in the container", &link, e);
	if (r < 0)
		return r;
	if (i < 0)
		return cni_differs(e, "the result has no interface %s in %s", name, sandbox);
	CNI_CHECK_STEP(r, check_link(&link, &prev->ifaces[i], e));
	CNI_CHECK_STEP(r, check_contents(inside, &link, i, prev, e));

	return r;
}

int iface_check_by_gateway(struct nl *inside, const char *name, const char *sandbox,
			   const struct cni_result *prev, struct err *e)
{
	int iface = find_iface(prev, name, sandbox);
	struct link link;
	int r = 0;

	/* If either is missing, iface_check() has said it. */
	if (iface < 0 || link_get(inside, name, &link, NULL) < 0)
		return 0;
	for (size_t i = 0; i < prev->n_ips; i++) {
		if (prev->ips[i].iface == iface && ip_is_set(&prev->ips[i].gateway))
			CNI_CHECK_STEP(r, check_detour(inside, &link, &prev->ips[i], e));
	}

	return r;
}
