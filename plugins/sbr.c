/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sbr - CNI plugin: packets are routed by the address that they are sent from
 *
 * In a container with several interfaces, what is sent from an address of one
 * leaves by that one; srcroute.h has the tables and rules.
 *
 * A chained plugin; everything is in the container.  Rules and routes carry a
 * protocol number of ours (rule.h), and go with the namespace, so there is
 * nothing for GC.  Whoever works on the tables of a namespace holds a lock on
 * it, also the reference's plugin.
 *
 * Source: CNI specification; keys as the reference's sbr plugin of 2026.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "ipam/lock.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/srcroute.h"

#define LOCK_WAIT_MS 10000

/* ---- config -------------------------------------------------------------- */

struct conf {
	uint32_t table;			   /* 0: one of its own for each address */
	struct ip_addr gateway4, gateway6; /* unset: as the result says */
	bool add_source_hints;
};

static int read_gateway(const struct jnode *n, struct conf *conf, struct err *e)
{
	struct ip_addr ip, *gateway;
	int r = jn_ip(n, &ip, e);

	if (r < 0)
		return r;
	gateway = ip.family == AF_INET ? &conf->gateway4 : &conf->gateway6;
	if (ip_is_set(gateway))
		return jn_bad(n, e, "there can be one %s gateway", ip_family_name(ip.family));
	*gateway = ip;

	return 0;
}

static int read_gateways(const struct jnode *n, void *data, struct err *e)
{
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);

		r = read_gateway(&item, data, e);
	}

	return r;
}

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "table", JN_U32, offsetof(struct conf, table), 1, UINT32_MAX },
		{ "gateways", JN_CALL, 0, .call = read_gateways },
		{ "addSourceHints", JN_BOOL, offsetof(struct conf, add_source_hints) },
		{ 0 },
	};

	*ret = (struct conf){ 0 };

	return jn_read(&rq->conf, keys, ret, e);
}

/* ---- what there is ------------------------------------------------------- */

struct sbr {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *inside;
	struct link link;		 /* index 0: it is gone */
	struct srcroute_source *sources; /* owned, like what the lists hold */
	size_t n_sources;
	struct srcroute_rules rules;
	struct srcroute_routes routes;
	bool adopt; /* take the reference's rules for this attachment's */
};

static void sbr_clear(struct sbr *s)
{
	nl_close(s->inside);
	free(s->sources);
	free(s->rules.list);
	free(s->routes.list);
}

static int lock(const struct cni_request *rq, struct err *e)
{
	int r = lock_take(rq->netns_fd, LOCK_WAIT_MS);

	if (r == -ETIMEDOUT)
		return err_cni(e, CNI_E_AGAIN, "CNI_NETNS: another program has locked %s for %d s",
			       rq->netns, LOCK_WAIT_MS / 1000);

	return r < 0 ? err_sys(e, -r, "lock the network namespace %s", rq->netns) : 0;
}

static int take_stock(struct sbr *s, struct err *e)
{
	int r;

	s->rules.n = s->routes.n = 0;
	r = rule_each(s->inside, srcroute_keep_rule, &s->rules, e);
	if (r == 0)
		r = route_each(s->inside, 0, srcroute_keep_route, &s->routes, e);

	return r == -ENOMEM ? err_sys(e, ENOMEM, "list rules and routes") : r;
}

/* The interface, rules and routes; the lock is held until the process ends. */
static int look(struct sbr *s, struct err *e)
{
	int r;

	if ((r = lock(s->rq, e)) < 0 ||
	    (r = netns_nl_open(s->rq->netns_fd, NETLINK_ROUTE, &s->inside, e)) < 0)
		return r;
	r = take_stock(s, e);

	return r < 0 ? r : link_get(s->inside, s->rq->ifname, &s->link, e);
}

static struct srcroute srcroute_of(struct sbr *s)
{
	return (struct srcroute){
		.rules = &s->rules,
		.routes = &s->routes,
		.index = s->link.index,
		.sources = s->sources,
		.n_sources = s->n_sources,
		.hints = s->conf.add_source_hints,
	};
}

/* ---- the attachment's addresses ------------------------------------------ */

static int add_source(struct sbr *s, const struct ip_net *net, const struct ip_addr *gateway)
{
	const struct ip_addr *fixed = net->addr.family == AF_INET ? &s->conf.gateway4
								  : &s->conf.gateway6;
	struct srcroute_source *bigger =
		reallocarray(s->sources, s->n_sources + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	s->sources = bigger;
	bigger[s->n_sources++] = (struct srcroute_source){
		.net = *net,
		.gateway = ip_is_set(fixed) ? *fixed : *gateway,
		.fixed = ip_is_set(fixed),
		.table = s->conf.table,
	};

	return 0;
}

/* Those that the result gives CNI_IFNAME, or of which it does not say whose they are. */
static int read_prev(struct sbr *s, struct err *e)
{
	const struct cni_result *prev = s->rq->prev;

	for (size_t i = 0; prev && i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];

		if (ip->iface >= 0 && (size_t)ip->iface < prev->n_ifaces &&
		    strcmp(prev->ifaces[ip->iface].name, s->rq->ifname) != 0)
			continue;
		if (add_source(s, &ip->address, &ip->gateway) < 0)
			return err_sys(e, ENOMEM, "list the addresses of %s", s->rq->ifname);
	}

	return 0;
}

static int need_sources(const struct sbr *s, struct err *e)
{
	if (s->n_sources > 0)
		return 0;

	return err_cni(e, CNI_E_CONFIG,
		       "prevResult.ips: %s has no address, and sbr routes by the address that a "
		       "packet is sent from; give the plugin before it an ipam",
		       s->rq->ifname);
}

static bool is_source(const struct sbr *s, const struct ip_addr *ip)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		if (ip_equal(&s->sources[i].net.addr, ip))
			return true;
	}

	return false;
}

/*
 * Rules from an address that goes are of no use to anybody, so DEL and CHECK
 * take those without a mark too, as the reference's DEL does.
 */
static bool is_mine(const struct sbr *s, const struct rule *rule)
{
	return is_source(s, &rule->src.addr) &&
	       (srcroute_is_ours(rule) || (s->adopt && srcroute_is_foreign(rule)));
}

/* ---- taking away --------------------------------------------------------- */

/* The kernel says one of these of what is gone already. */
static int gone_is_fine(int r)
{
	return r == -ENOENT || r == -ESRCH || r == -ENODEV ? 0 : r;
}

static void put_del_rules(struct sbr *s)
{
	for (size_t i = 0; i < s->rules.n; i++) {
		if (is_mine(s, &s->rules.list[i]))
			rule_put_del(s->inside, &s->rules.list[i]);
	}
}

/* Routes of ours go with their interface; while it is there they are deleted by its number. */
static void put_del_routes(struct sbr *s)
{
	for (size_t i = 0; s->link.index && i < s->routes.n; i++) {
		const struct route *route = &s->routes.list[i];

		if (route->protocol == RULE_PROTOCOL && route->index == s->link.index)
			route_put_del(s->inside, route);
	}
}

static int take_away(struct sbr *s, struct err *e)
{
	put_del_rules(s);
	put_del_routes(s);

	return gone_is_fine(nl_commit(s->inside, e));
}

/* ---- ADD ----------------------------------------------------------------- */

static bool has_remains(const struct sbr *s)
{
	for (size_t i = 0; i < s->rules.n; i++) {
		if (is_mine(s, &s->rules.list[i]))
			return true;
	}
	for (size_t i = 0; i < s->routes.n; i++) {
		if (s->routes.list[i].protocol == RULE_PROTOCOL &&
		    s->routes.list[i].index == s->link.index)
			return true;
	}

	return false;
}

/* Of an ADD that was killed, or of a holder of the address whose DEL never came. */
static int clear_remains(struct sbr *s, struct err *e)
{
	int r;

	if (!has_remains(s))
		return 0;
	r = take_away(s, e);

	return r < 0 ? r : take_stock(s, e);
}

static void put_routes(struct nl *inside, const struct srcroute_routes *routes,
		       void (*put)(struct nl *nl, const struct route *route))
{
	for (size_t i = 0; i < routes->n; i++)
		put(inside, &routes->list[i]);
}

static void put_rules(struct sbr *s, void (*put)(struct nl *nl, const struct rule *rule))
{
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct rule rule = srcroute_rule(&s->sources[i]);

		put(s->inside, &rule);
	}
}

/* The main table is cleared last: until then every packet finds its way as before. */
static int carry_out(struct sbr *s, const struct srcroute_plan *plan, struct err *e)
{
	int r;

	put_routes(s->inside, &plan->added, route_put_add);
	put_rules(s, rule_put_add);
	r = nl_commit(s->inside, e);
	if (r == 0) {
		put_routes(s->inside, &plan->removed, route_put_del);
		put_routes(s->inside, &plan->hints, route_put_add);
		r = nl_commit(s->inside, e);
	}

	return r < 0 ? err_wrap(e, r, "route by the addresses of %s", s->rq->ifname) : 0;
}

/* Each request that has nothing to undo fails, and the others are carried out. */
static void undo(struct sbr *s, const struct srcroute_plan *plan)
{
	put_routes(s->inside, &plan->hints, route_put_del);
	put_routes(s->inside, &plan->removed, route_put_add);
	put_rules(s, rule_put_del);
	put_routes(s->inside, &plan->added, route_put_del);
	(void)nl_commit(s->inside, NULL);
}

static int make(struct sbr *s, struct err *e)
{
	struct srcroute_plan plan = { 0 };
	struct srcroute work = srcroute_of(s);
	int r;

	srcroute_choose_tables(&work);
	r = s->conf.table ? srcroute_fill_given(&work, &plan) : srcroute_fill(&work, &plan);
	if (r < 0)
		(void)err_sys(e, ENOMEM, "plan the routes of %s", s->rq->ifname);
	else
		r = carry_out(s, &plan, e);
	if (r < 0)
		undo(s, &plan);
	srcroute_plan_clear(&plan);

	return r;
}

static int sbr_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct sbr s = { .rq = rq };
	int r;

	if (!rq->prev)
		return err_cni(e, CNI_E_CONFIG,
			       "prevResult: sbr routes by addresses that are there; list it behind "
			       "the plugin that makes the interface");
	if ((r = conf_read(rq, &s.conf, e)) == 0 && (r = read_prev(&s, e)) == 0 &&
	    (r = need_sources(&s, e)) == 0 && (r = cni_result_copy(rq->prev, res, e)) == 0 &&
	    (r = look(&s, e)) == 0 && (r = clear_remains(&s, e)) == 0)
		r = make(&s, e);
	sbr_clear(&s);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

static int keep_address(const struct addr *addr, void *data)
{
	static const struct ip_addr none;

	return add_source(data, &addr->net, &none);
}

/*
 * Without the interface and a result nobody tells the addresses: rules of ours
 * from addresses that no interface has any more are what was left.
 */
static int take_away_orphans(struct sbr *s, struct err *e)
{
	int r = addr_each(s->inside, 0, keep_address, s, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s->rules.n; i++) {
		const struct rule *rule = &s->rules.list[i];

		if (srcroute_is_ours(rule) && !is_source(s, &rule->src.addr))
			rule_put_del(s->inside, rule);
	}

	return gone_is_fine(nl_commit(s->inside, e));
}

static int del_all(struct sbr *s, struct err *e)
{
	int r = read_prev(s, e);

	if (r == 0)
		r = look(s, e);
	if (r == -ENODEV)
		return s->n_sources > 0 ? take_away(s, e) : take_away_orphans(s, e);
	if (r == 0)
		r = addr_each(s->inside, s->link.index, keep_address, s, e);

	return r < 0 ? r : take_away(s, e);
}

static int sbr_del(const struct cni_request *rq, struct err *e)
{
	struct sbr s = { .rq = rq, .adopt = true };
	int r;

	if (rq->netns_fd < 0)
		return 0;
	r = del_all(&s, e);
	sbr_clear(&s);

	return r;
}

/* ---- CHECK --------------------------------------------------------------- */

static const struct rule *find_rule(const struct sbr *s, const struct srcroute_source *source)
{
	for (size_t i = 0; i < s->rules.n; i++) {
		const struct rule *rule = &s->rules.list[i];

		if (is_mine(s, rule) && ip_equal(&rule->src.addr, &source->net.addr) &&
		    (!s->conf.table || rule->table == s->conf.table))
			return rule;
	}

	return NULL;
}

static bool has_default_route(const struct sbr *s, const struct srcroute_source *source,
			      uint32_t table)
{
	for (size_t i = 0; i < s->routes.n; i++) {
		const struct route *route = &s->routes.list[i];

		if (route->dst.len == 0 && route->table == table && route->index == s->link.index &&
		    ip_equal(&route->gw, &source->gateway))
			return true;
	}

	return false;
}

/* What other routes there are is the business of the plugin that makes them. */
static int check_source(const struct sbr *s, const struct srcroute_source *source, struct err *e)
{
	const struct rule *rule = find_rule(s, source);
	char ip[IP_STRLEN], gateway[IP_STRLEN];
	int r = 0;

	ip_str(&source->net.addr, ip);
	if (!rule)
		return s->conf.table ? cni_differs(e, "there is no rule from %s to table %u", ip,
						   s->conf.table)
				     : cni_differs(e, "there is no rule from %s", ip);
	if (ip_is_set(&source->gateway) && (source->fixed || !s->conf.table) &&
	    !has_default_route(s, source, rule->table))
		r = cni_differs(e, "table %u, of %s, has no default route via %s", rule->table, ip,
				ip_str(&source->gateway, gateway));
	if (s->conf.add_source_hints && !s->conf.table &&
	    source->net.len < ip_bits(source->net.addr.family) &&
	    !srcroute_has_hint(&s->routes, s->link.index, source))
		r = cni_differs(e, "the main table has no route with a source to the subnet of %s",
				ip);

	return r;
}

static int check_all(struct sbr *s, struct err *e)
{
	struct err step = { 0 };
	int r = look(s, &step);

	if (r == -ENODEV)
		return cni_differs(e, "%s is missing in the container", s->rq->ifname);
	if (r < 0)
		return cni_fold(e, r, &step);
	for (size_t i = 0; i < s->n_sources; i++)
		CNI_CHECK_STEP(r, check_source(s, &s->sources[i], e));

	return r;
}

static int sbr_check(const struct cni_request *rq, struct err *e)
{
	struct sbr s = { .rq = rq, .adopt = true };
	int r;

	if ((r = cni_need_prev(rq, e)) == 0 && (r = conf_read(rq, &s.conf, e)) == 0 &&
	    (r = read_prev(&s, e)) == 0 && (r = need_sources(&s, e)) == 0)
		r = check_all(&s, e);
	sbr_clear(&s);

	return r;
}

/* ---- STATUS -------------------------------------------------------------- */

static int sbr_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;

	return conf_read(rq, &conf, e);
}

int main(void)
{
	static const struct cni_plugin sbr = {
		.name = "sbr",
		.add = sbr_add,
		.del = sbr_del,
		.check = sbr_check,
		.status = sbr_status,
	};

	return cni_main(&sbr);
}
