/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gateway - see gateway.h. */
#include "netd/gateway.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/nl.h"
#include "lib/route.h"
#include "lib/sysctl.h"
#include "netd/plane.h"

/* Two for each subnet, and the link-local one. */
#define ADDRS_MAX   (2 * PLANE_SUBNETS + 1)
#define STALE_MAX   16 /* removed in one go; the next look finds the rest */
#define IPV6_METRIC 256

/* Of ours that are wanted, which are there; and of ours that are there, which are not wanted. */
struct survey {
	struct ip_net wanted[ADDRS_MAX];
	bool present[ADDRS_MAX];
	size_t n_wanted;
	struct ip_net stale[STALE_MAX];
	size_t n_stale;
};

/* ---- addresses ---------------------------------------------------------------------- */

static void want(struct survey *s, const struct ip_addr *ip, uint8_t len)
{
	if (ip_is_set(ip) && s->n_wanted < ADDRS_MAX)
		s->wanted[s->n_wanted++] = (struct ip_net){ .addr = *ip, .len = len };
}

static bool has_family(const struct gateway_conf *c, uint8_t family)
{
	for (size_t i = 0; i < c->n_subnets; i++)
		if (c->subnets[i].net.addr.family == family)
			return true;

	return false;
}

/* Without a link-local address the host could not solicit neighbours on behalf of others. */
static void list_wanted(struct survey *s, const struct gateway_conf *c)
{
	const struct ip_addr link_local = ip_link_local(c->mac);

	for (size_t i = 0; i < c->n_subnets; i++) {
		const struct plane_subnet *sub = &c->subnets[i];

		want(s, &sub->gateway, sub->net.len);
		want(s, &sub->own, ip_bits(sub->own.family));
	}
	if (has_family(c, AF_INET6))
		want(s, &link_local, 64);
}

static bool net_equal(const struct ip_net *a, const struct ip_net *b)
{
	return a->len == b->len && ip_equal(&a->addr, &b->addr);
}

static int addr_cb(const struct addr *addr, void *data)
{
	struct survey *s = data;

	for (size_t i = 0; i < s->n_wanted; i++) {
		if (net_equal(&addr->net, &s->wanted[i])) {
			s->present[i] = true;
			return 0;
		}
	}
	if (addr->protocol == PLANE_PROTOCOL && s->n_stale < STALE_MAX)
		s->stale[s->n_stale++] = addr->net;

	return 0;
}

static int ensure_addrs(struct nl *nl, const struct gateway_conf *c, uint32_t *changed,
			struct err *e)
{
	struct survey s = { .n_wanted = 0 };
	int r;

	list_wanted(&s, c);
	r = addr_each(nl, c->bridge, addr_cb, &s, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n_stale; i++)
		addr_put_del(nl, c->bridge, &s.stale[i]);
	*changed += (uint32_t)s.n_stale;
	for (size_t i = 0; i < s.n_wanted; i++) {
		if (s.present[i])
			continue;
		addr_put_add_of(nl, c->bridge, &s.wanted[i], IFA_F_NODAD | IFA_F_NOPREFIXROUTE,
				PLANE_PROTOCOL);
		++*changed;
	}

	return nl_commit(nl, e);
}

/* ---- routes -------------------------------------------------------------------------- */

static struct route route_to(const struct gateway_conf *c, const struct plane_subnet *sub)
{
	struct ip_net net = { .addr = ip_net_first(&sub->net), .len = sub->net.len };

	return (struct route){ .dst = net,
			       .src = sub->own,
			       .index = c->bridge,
			       .priority = net.addr.family == AF_INET6 ? IPV6_METRIC : 0,
			       .scope = -1,
			       .protocol = PLANE_PROTOCOL };
}

struct route_survey {
	const struct gateway_conf *conf;
	bool present[PLANE_SUBNETS];
	struct route stale[STALE_MAX];
	size_t n_stale;
};

static int route_cb(const struct route *route, void *data)
{
	struct route_survey *s = data;

	if (route->index != s->conf->bridge || route->protocol != PLANE_PROTOCOL)
		return 0;
	for (size_t i = 0; i < s->conf->n_subnets; i++) {
		const struct route wanted = route_to(s->conf, &s->conf->subnets[i]);

		if (net_equal(&route->dst, &wanted.dst) && ip_equal(&route->src, &wanted.src)) {
			s->present[i] = true;
			return 0;
		}
	}
	if (s->n_stale < STALE_MAX)
		s->stale[s->n_stale++] = *route;

	return 0;
}

/* Old ones go first: the kernel takes one route of a destination and a priority. */
static int ensure_routes(struct nl *nl, const struct gateway_conf *c, uint32_t *changed,
			 struct err *e)
{
	struct route_survey s = { .conf = c };
	int r = route_each(nl, 0, route_cb, &s, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n_stale; i++)
		route_put_del(nl, &s.stale[i]);
	*changed += (uint32_t)s.n_stale;
	for (size_t i = 0; i < c->n_subnets; i++) {
		const struct route wanted = route_to(c, &c->subnets[i]);

		if (s.present[i])
			continue;
		route_put_add(nl, &wanted);
		++*changed;
	}

	return nl_commit(nl, e);
}

/* ---- both ------------------------------------------------------------------------------ */

static int enable_forwarding(const struct gateway_conf *c, struct err *e)
{
	int r = 0;

	if (c->forward && has_family(c, AF_INET))
		r = sysctl_enable_forwarding(AF_INET, e);
	if (r == 0 && c->forward && has_family(c, AF_INET6))
		r = sysctl_enable_forwarding(AF_INET6, e);

	return r;
}

int gateway_ensure(struct nl *nl, const struct gateway_conf *conf, uint32_t *ret_changed,
		   struct err *e)
{
	uint32_t changed = 0;
	int r = ensure_addrs(nl, conf, &changed, e);

	if (r == 0)
		r = ensure_routes(nl, conf, &changed, e);
	if (r == 0)
		r = enable_forwarding(conf, e);
	if (r == 0)
		*ret_changed = changed;

	return r;
}
