/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srcroute - which rules and routes make packets leave by the interface that
 * they have their source address from
 *
 * Each address has a table with the interface's routes, and a rule that leads
 * there:
 *
 *	32765:	from 10.1.0.5 lookup 100
 *	table 100:  default via 10.1.0.1 dev net1
 *	            10.1.0.0/24 dev net1 scope link src 10.1.0.5
 *
 * The routes leave the main table, so that nothing else uses the interface; or
 * those on the link stay there, with their source, as hints for packets that
 * have none yet.  This only thinks: rules and routes are looked up and changed
 * by the caller.
 *
 * Source: tables as the reference's sbr plugin of 2026 fills them.
 */
#ifndef SRCROUTE_H
#define SRCROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/route.h"
#include "lib/rule.h"

#define SRCROUTE_FIRST_TABLE 100

struct srcroute_rules {
	struct rule *list;
	size_t n;
};

struct srcroute_routes {
	struct route *list;
	size_t n;
};

/* Append one to the list @data, as rule_each() and route_each() call it.  Return: 0 or -ENOMEM. */
int srcroute_keep_rule(const struct rule *rule, void *data);
int srcroute_keep_route(const struct route *route, void *data);

/* An address of the interface. */
struct srcroute_source {
	struct ip_net net;
	struct ip_addr gateway; /* of the default route, unset: none but what the interface has */
	bool fixed;		/* that gateway takes the place of what the interface has */
	uint32_t table;		/* 0: none chosen yet */
};

/* What there is, and what is wanted; all borrowed. */
struct srcroute {
	const struct srcroute_rules *rules; /* of the namespace */
	const struct srcroute_routes *routes;
	int index; /* the interface */
	struct srcroute_source *sources;
	size_t n_sources;
	bool hints;
};

/* Give each source that has none a table that no rule leads to and no route is in. */
void srcroute_choose_tables(struct srcroute *s);

/*
 * What is to be done, in this order, with the rules behind @added.  Within a list
 * a route by a gateway comes behind the one that says how it is reached.
 */
struct srcroute_plan {
	struct srcroute_routes added;	/* to the tables */
	struct srcroute_routes removed; /* from the main table */
	struct srcroute_routes hints;	/* added to the main table */
};

void srcroute_plan_clear(struct srcroute_plan *plan);

/**
 * srcroute_fill() - plan to fill tables that were chosen, and to clear the main table
 * @ret:	empty on entry; to be released also on failure
 *
 * Return: 0 or -ENOMEM.
 */
int srcroute_fill(const struct srcroute *s, struct srcroute_plan *ret);

/**
 * srcroute_fill_given() - the same for a table that the config names
 *
 * Its routes are the config's too; only default routes to fixed gateways are
 * added where the interface has none in it.
 */
int srcroute_fill_given(const struct srcroute *s, struct srcroute_plan *ret);

/* The rule of a source. */
struct rule srcroute_rule(const struct srcroute_source *source);

/* Whether a rule is one that srcroute_rule() made. */
bool srcroute_is_ours(const struct rule *rule);

/* Whether the reference can have made it: like ip(8), it says no protocol. */
bool srcroute_is_foreign(const struct rule *rule);

/* The default route of a source, also without a gateway. */
struct route srcroute_default(const struct srcroute *s, const struct srcroute_source *source);

/* Whether the main table of @routes says which source packets into this one's subnet have. */
bool srcroute_has_hint(const struct srcroute_routes *routes, int index,
		       const struct srcroute_source *source);

#endif
