/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srcroute - see srcroute.h. */
#include "lib/srcroute.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* ---- lists --------------------------------------------------------------- */

int srcroute_keep_rule(const struct rule *rule, void *data)
{
	struct srcroute_rules *rules = data;
	struct rule *bigger = reallocarray(rules->list, rules->n + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	rules->list = bigger;
	bigger[rules->n++] = *rule;

	return 0;
}

int srcroute_keep_route(const struct route *route, void *data)
{
	struct srcroute_routes *routes = data;
	struct route *bigger = reallocarray(routes->list, routes->n + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	routes->list = bigger;
	bigger[routes->n++] = *route;

	return 0;
}

void srcroute_plan_clear(struct srcroute_plan *plan)
{
	free(plan->added.list);
	free(plan->removed.list);
	free(plan->hints.list);
	*plan = (struct srcroute_plan){ 0 };
}

/* ---- rules and tables ---------------------------------------------------- */

struct rule srcroute_rule(const struct srcroute_source *source)
{
	return (struct rule){
		.src = ip_host_net(&source->net.addr),
		.table = source->table,
		.protocol = RULE_PROTOCOL,
	};
}

static bool is_from_host(const struct rule *rule)
{
	return rule->plain && rule->src.len == ip_bits(rule->src.addr.family);
}

bool srcroute_is_ours(const struct rule *rule)
{
	return is_from_host(rule) && rule->protocol == RULE_PROTOCOL;
}

bool srcroute_is_foreign(const struct rule *rule)
{
	return is_from_host(rule) && rule->protocol == RTPROT_UNSPEC;
}

static bool is_used(const struct srcroute *s, uint32_t table)
{
	for (size_t i = 0; i < s->rules->n; i++) {
		if (s->rules->list[i].table == table)
			return true;
	}
	for (size_t i = 0; i < s->routes->n; i++) {
		if (s->routes->list[i].table == table)
			return true;
	}

	return false;
}

void srcroute_choose_tables(struct srcroute *s)
{
	uint32_t table = SRCROUTE_FIRST_TABLE;

	for (size_t i = 0; i < s->n_sources; i++) {
		if (s->sources[i].table)
			continue;
		while (is_used(s, table))
			table++;
		s->sources[i].table = table++;
	}
}

/* ---- routes -------------------------------------------------------------- */

struct route srcroute_default(const struct srcroute *s, const struct srcroute_source *source)
{
	return (struct route){
		.dst.addr.family = source->net.addr.family,
		.gw = source->gateway,
		.index = s->index,
		.table = source->table,
		.protocol = RULE_PROTOCOL,
		.scope = -1,
	};
}

static bool has_default(const struct srcroute_routes *routes, const struct route *like)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->list[i];

		if (route->dst.len == 0 && route->dst.addr.family == like->dst.addr.family &&
		    route->table == like->table && route->index == like->index)
			return true;
	}

	return false;
}

/*
 * Whether a route of the interface is for packets from @source: by the source
 * or the gateway that it names, or because it names neither.  Link-local routes
 * are for all addresses, and stay where they are.
 */
static bool belongs(const struct srcroute *s, const struct route *route,
		    const struct srcroute_source *source)
{
	if (route->index != s->index || route->table != RT_TABLE_MAIN ||
	    route->dst.addr.family != source->net.addr.family || ip_is_link_local(&route->dst.addr))
		return false;
	if (!ip_is_set(&route->src) && !ip_is_set(&route->gw))
		return true;

	return ip_net_contains(&source->net, &route->src) ||
	       ip_net_contains(&source->net, &route->gw);
}

static int copy_routes(const struct srcroute *s, const struct srcroute_source *source,
		       bool by_gateway, struct srcroute_routes *ret)
{
	for (size_t i = 0; i < s->routes->n; i++) {
		struct route copy = s->routes->list[i];

		if (!belongs(s, &copy, source) || ip_is_set(&copy.gw) != by_gateway ||
		    (copy.dst.len == 0 && source->fixed))
			continue;
		copy.table = source->table;
		copy.protocol = RULE_PROTOCOL;
		if (srcroute_keep_route(&copy, ret) < 0)
			return -ENOMEM;
	}

	return 0;
}

/* Routes by a gateway come behind those that say how it is reached. */
static int fill_table(const struct srcroute *s, const struct srcroute_source *source,
		      struct srcroute_routes *ret)
{
	const struct route route = srcroute_default(s, source);

	if (copy_routes(s, source, false, ret) < 0 || copy_routes(s, source, true, ret) < 0)
		return -ENOMEM;
	if (!ip_is_set(&source->gateway) || has_default(ret, &route))
		return 0;

	return srcroute_keep_route(&route, ret);
}

static bool is_subnet_of(const struct route *route, const struct srcroute_source *source)
{
	const struct ip_addr subnet = ip_net_first(&source->net);

	return route->dst.len == source->net.len && ip_equal(&route->dst.addr, &subnet);
}

/* With hints, what is on the link stays; a subnet's route only if it has a source. */
static bool stays(const struct srcroute *s, const struct route *route)
{
	if (!s->hints || ip_is_set(&route->gw))
		return false;
	for (size_t i = 0; i < s->n_sources; i++) {
		if (is_subnet_of(route, &s->sources[i]))
			return ip_is_set(&route->src);
	}

	return true;
}

static int clear_main(const struct srcroute *s, bool by_gateway, struct srcroute_routes *ret)
{
	for (size_t i = 0; i < s->routes->n; i++) {
		const struct route *route = &s->routes->list[i];
		bool copied = false;

		for (size_t j = 0; j < s->n_sources; j++)
			copied |= belongs(s, route, &s->sources[j]);
		if (copied && ip_is_set(&route->gw) == by_gateway && !stays(s, route) &&
		    srcroute_keep_route(route, ret) < 0)
			return -ENOMEM;
	}

	return 0;
}

bool srcroute_has_hint(const struct srcroute_routes *routes, int index,
		       const struct srcroute_source *source)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->list[i];

		if (route->table == RT_TABLE_MAIN && route->index == index &&
		    is_subnet_of(route, source) && ip_is_set(&route->src))
			return true;
	}

	return false;
}

/* The first address of a subnet speaks for all of them. */
static int add_hints(const struct srcroute *s, struct srcroute_routes *ret)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct srcroute_source *source = &s->sources[i];
		const struct route hint = {
			.dst = { ip_net_first(&source->net), source->net.len },
			.src = source->net.addr,
			.index = s->index,
			.table = RT_TABLE_MAIN,
			.protocol = RULE_PROTOCOL,
			.scope = -1,
		};

		if (source->net.len == ip_bits(source->net.addr.family) ||
		    srcroute_has_hint(s->routes, s->index, source) ||
		    srcroute_has_hint(ret, s->index, source))
			continue;
		if (srcroute_keep_route(&hint, ret) < 0)
			return -ENOMEM;
	}

	return 0;
}

/* ---- plans --------------------------------------------------------------- */

int srcroute_fill(const struct srcroute *s, struct srcroute_plan *ret)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		if (fill_table(s, &s->sources[i], &ret->added) < 0)
			return -ENOMEM;
	}
	if (clear_main(s, false, &ret->removed) < 0 || clear_main(s, true, &ret->removed) < 0)
		return -ENOMEM;

	return s->hints ? add_hints(s, &ret->hints) : 0;
}

int srcroute_fill_given(const struct srcroute *s, struct srcroute_plan *ret)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct route route = srcroute_default(s, &s->sources[i]);

		if (s->sources[i].fixed && !has_default(s->routes, &route) &&
		    !has_default(&ret->added, &route) &&
		    srcroute_keep_route(&route, &ret->added) < 0)
			return -ENOMEM;
	}

	return 0;
}
