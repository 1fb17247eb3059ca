/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route - see route.h. */
#include "lib/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nl-attr.h"
#include "lib/nl.h"
#include "lib/rule.h"

static uint8_t scope_of(const struct route *route)
{
	if (route->scope >= 0)
		return (uint8_t)route->scope;

	return ip_is_set(&route->gw) || route->dst.addr.family == AF_INET6 ? RT_SCOPE_UNIVERSE
									   : RT_SCOPE_LINK;
}

static void put_ip(struct nlmsghdr *req, uint16_t type, const struct ip_addr *ip)
{
	if (ip_is_set(ip))
		mnl_attr_put(req, type, ip_size(ip->family), ip->b);
}

static void put_u32(struct nlmsghdr *req, uint16_t type, uint32_t number)
{
	if (number)
		mnl_attr_put_u32(req, type, number);
}

static void put_metrics(struct nlmsghdr *req, const struct route *route)
{
	struct nlattr *metrics;

	if (!route->mtu && !route->advmss)
		return;
	metrics = mnl_attr_nest_start(req, RTA_METRICS);
	put_u32(req, RTAX_MTU, route->mtu);
	put_u32(req, RTAX_ADVMSS, route->advmss);
	mnl_attr_nest_end(req, metrics);
}

static struct nlmsghdr *put(struct nl *nl, uint16_t type, uint16_t flags, const char *verb,
			    const struct route *route)
{
	char dst[IP_NET_STRLEN], gw[IP_STRLEN];
	bool via = ip_is_set(&route->gw);
	struct nlmsghdr *req = nl_put(nl, type, flags, "%s the route to %s%s%s", verb,
				      ip_net_str(&route->dst, dst), via ? " via " : "",
				      via ? ip_str(&route->gw, gw) : "");
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(req, sizeof(*rtm));
	struct ip_addr first = ip_net_first(&route->dst);

	rtm->rtm_family = route->dst.addr.family;
	rtm->rtm_dst_len = route->dst.len;
	rtm->rtm_table = route->table < 256 ? (uint8_t)route->table : RT_TABLE_UNSPEC;
	if (!route->table)
		rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = route->protocol ? route->protocol : RTPROT_BOOT;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_scope = scope_of(route);
	if (route->dst.len > 0)
		put_ip(req, RTA_DST, &first);
	put_ip(req, RTA_GATEWAY, &route->gw);
	put_ip(req, RTA_PREFSRC, &route->src);
	put_u32(req, RTA_OIF, (uint32_t)route->index);
	put_u32(req, RTA_TABLE, route->table);
	put_u32(req, RTA_PRIORITY, route->priority);

	return req;
}

void route_put_add(struct nl *nl, const struct route *route)
{
	/*
	 * NLM_F_EXCL only on demand: a container on two networks has two default
	 * routes of one priority, and the kernel itself refuses the same twice.
	 */
	uint16_t flags = NLM_F_CREATE | (route->only ? NLM_F_EXCL : 0);

	put_metrics(put(nl, RTM_NEWROUTE, flags, "add", route), route);
}

void route_put_del(struct nl *nl, const struct route *route)
{
	(void)put(nl, RTM_DELROUTE, 0, "delete", route);
}

struct walk {
	int (*fn)(const struct route *route, void *data);
	void *data;
};

static void read_metrics(const struct nlattr *metrics, struct route *route)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, metrics) {
		if (mnl_attr_get_type(attr) == RTAX_MTU)
			route->mtu = nl_attr_u32(attr);
		else if (mnl_attr_get_type(attr) == RTAX_ADVMSS)
			route->advmss = nl_attr_u32(attr);
	}
}

static void read_attr(const struct nlattr *attr, struct route *route)
{
	uint8_t family = route->dst.addr.family;

	switch (mnl_attr_get_type(attr)) {
	case RTA_DST:
		nl_attr_ip(attr, family, &route->dst.addr);
		break;
	case RTA_GATEWAY:
		nl_attr_ip(attr, family, &route->gw);
		break;
	case RTA_PREFSRC:
		nl_attr_ip(attr, family, &route->src);
		break;
	case RTA_OIF:
		route->index = (int)nl_attr_u32(attr);
		break;
	case RTA_TABLE:
		route->table = nl_attr_u32(attr);
		break;
	case RTA_PRIORITY:
		route->priority = nl_attr_u32(attr);
		break;
	case RTA_METRICS:
		read_metrics(attr, route);
		break;
	default:
		break;
	}
}

/* A route with several nexthops is handed over as one route for each. */
static int take_nexthops(const struct nlattr *multipath, const struct route *route,
			 const struct walk *walk)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	int len = mnl_attr_get_payload_len(multipath), r = 0;

	while (r >= 0 && len >= (int)sizeof(*hop) && RTNH_OK(hop, len)) {
		const void *attrs = RTNH_DATA(hop);
		struct route one = *route;
		const struct nlattr *attr;

		mnl_attr_for_each_payload(attrs, hop->rtnh_len - sizeof(*hop))
			read_attr(attr, &one);
		one.index = hop->rtnh_ifindex;
		r = walk->fn(&one, walk->data);
		len -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}

	return r;
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct walk *walk = data;
	const struct nlattr *attr, *multipath = NULL;
	struct route route;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    rtm->rtm_type != RTN_UNICAST || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	route = (struct route){ .dst = { .addr.family = rtm->rtm_family, .len = rtm->rtm_dst_len },
				.table = rtm->rtm_table,
				.scope = rtm->rtm_scope,
				.protocol = rtm->rtm_protocol };
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
			multipath = attr;
		else
			read_attr(attr, &route);
	}
	if (route.table == RT_TABLE_LOCAL)
		return 0;

	return multipath ? take_nexthops(multipath, &route, walk) : walk->fn(&route, walk->data);
}

static int each_of(struct nl *nl, uint8_t family, struct walk *walk, struct err *e)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_GETROUTE, NLM_F_DUMP, "list the %s routes", ip_family_name(family));
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(req, sizeof(*rtm));

	rtm->rtm_family = family;

	return nl_query(nl, take, walk, e);
}

int route_each(struct nl *nl, uint8_t family, int (*fn)(const struct route *route, void *data),
	       void *data, struct err *e)
{
	struct walk walk = { .fn = fn, .data = data };
	int r;

	if (family)
		return each_of(nl, family, &walk, e);
	r = each_of(nl, AF_INET, &walk, e);
	if (r < 0)
		return r;
	r = each_of(nl, AF_INET6, &walk, e);

	/* A host booted without IPv6 has no such table. */
	return r == -EOPNOTSUPP || r == -EAFNOSUPPORT ? 0 : r;
}

struct search {
	const struct route *want;
	bool found;
};

static int match(const struct route *route, void *data)
{
	struct search *s = data;
	const struct route *want = s->want;
	struct ip_addr dst = ip_net_first(&want->dst);
	struct ip_addr live = ip_net_first(&route->dst);
	bool there = route->table == (want->table ? want->table : RT_TABLE_MAIN);
	/* sbr moves routes of the main table to one of its own. */
	bool moved = !want->table && route->protocol == RULE_PROTOCOL;

	if (route->index == want->index && (there || moved) && route->dst.len == want->dst.len &&
	    ip_equal(&dst, &live) && (!ip_is_set(&want->gw) || ip_equal(&route->gw, &want->gw)) &&
	    (!want->priority || route->priority == want->priority))
		s->found = true;

	return 0;
}

int route_has(struct nl *nl, const struct route *want, struct err *e)
{
	struct search s = { .want = want };
	int r = route_each(nl, want->dst.addr.family, match, &s, e);

	return r < 0 ? r : s.found;
}
