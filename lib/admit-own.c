/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit-own - see admit-own.h. */
#include "lib/admit-own.h"

#include <errno.h>
#include <string.h>

#include "lib/admit-list.h"
#include "lib/admit.h"
#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/pin.h"
#include "lib/zone.h"

static const struct nft_set *const inet_sets[] = {
	&ruleset_admitted4, &ruleset_admitted6, &ruleset_ingress4,
	&ruleset_ingress6,  &ruleset_egress4,	&ruleset_egress6,
	&ruleset_listed4,   &ruleset_listed6,	NULL
};
static const struct nft_set *const bridge_sets[] = {
	&ruleset_isolated_ports, &ruleset_pinned,
	&ruleset_pinned_mac,	 &ruleset_pinned4,
	&ruleset_pinned6,	 &ruleset_pinned_own4,
	&ruleset_pinned_own6,	 &ruleset_pinned_nd_mac,
	&ruleset_pinned_nd,	 NULL
};
static const struct nft_set *const zoned_sets[] = { &ruleset_zoned4, &ruleset_zoned6, NULL };

/* ---- keys ---------------------------------------------------------------------- */

/* Sets of either family. */
struct twins {
	const struct nft_set *ipv4, *ipv6;
};

static const struct nft_set *of_family(const struct twins *twins, const struct ip_addr *addr)
{
	return addr->family == AF_INET ? twins->ipv4 : twins->ipv6;
}

/* address . interface that leads to it; @list: the chain that a map leads to, or NULL */
static int list_address(struct claims *ret, struct twins twins, const struct admit *a,
			const struct ip_addr *addr, const char *list, struct err *e)
{
	struct nft_value key = { 0 }, data = { 0 };

	nft_value_ip(&key, addr);
	nft_value_ifname(&key, a->ifname);
	if (list)
		nft_value_ifname(&data, list);

	return claims_add(ret, of_family(&twins, addr), &key, list ? &data : NULL, e);
}

static int list_port(struct claims *ret, const struct admit *a, const struct nft_set *set,
		     struct err *e)
{
	struct nft_value key = { 0 };

	nft_value_ifname(&key, a->port);

	return claims_add(ret, set, &key, NULL, e);
}

/* ---- what is wanted, and what may be there ---------------------------------------- */

/* Which parts of an attachment to list. */
struct parts {
	bool admitted, ingress, egress, isolated, pins;
};

static struct parts wanted(const struct admit *a)
{
	bool chains = a->backend == ADMIT_IPTABLES; /* admit, and keep policies, instead */

	return (struct parts){ .admitted = !chains,
			       .ingress = allow_given(&a->ingress),
			       .egress = allow_given(&a->egress),
			       .isolated = !chains && a->policy == ADMIT_ISOLATED,
			       .pins = a->spoofchk };
}

static const struct parts everything = { true, true, true, true, true };

static int list_inet_of(struct claims *ret, const struct admit *a, const struct ip_addr *addr,
			struct parts parts, struct err *e)
{
	static const struct twins admitted = { &ruleset_admitted4, &ruleset_admitted6 },
				  listed = { &ruleset_listed4, &ruleset_listed6 },
				  ingress = { &ruleset_ingress4, &ruleset_ingress6 },
				  egress = { &ruleset_egress4, &ruleset_egress6 };
	char in[IFNAMSIZ], out[IFNAMSIZ];
	int r = 0;

	admit_list_name(in, ADMIT_IN, &a->ingress);
	admit_list_name(out, ADMIT_OUT, &a->egress);
	if (parts.admitted)
		r = list_address(ret, admitted, a, addr, NULL, e);
	if (r == 0 && parts.ingress)
		r = list_address(ret, listed, a, addr, NULL, e);
	if (r == 0 && parts.ingress)
		r = list_address(ret, ingress, a, addr, in, e);
	if (r == 0 && parts.egress)
		r = list_address(ret, egress, a, addr, out, e);

	return r;
}

static int list_inet(struct claims *ret, const struct admit *a, struct parts parts, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_addrs; i++)
		r = list_inet_of(ret, a, &a->addrs[i], parts, e);

	return r;
}

static int list_bridge(struct claims *ret, const struct admit *a, struct parts parts, struct err *e)
{
	const struct pin pin = {
		.port = a->port, .mac = a->mac, .addrs = a->addrs, .n_addrs = a->n_addrs
	};
	int r = 0;

	if (!*a->port)
		return 0;
	if (parts.pins)
		r = pin_list(ret, &pin, e);
	if (r == 0 && parts.isolated)
		r = list_port(ret, a, &ruleset_isolated_ports, e);

	return r;
}

static int list_zoned(struct claims *ret, const struct admit *a, struct err *e)
{
	static const struct twins zoned = { &ruleset_zoned4, &ruleset_zoned6 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_addrs; i++) {
		struct nft_value key = { 0 };

		nft_value_ip(&key, &a->addrs[i]);
		r = claims_add(ret, of_family(&zoned, &a->addrs[i]), &key, NULL, e);
	}

	return r;
}

/* ---- take ------------------------------------------------------------------------ */

static int take(struct nl *nl, const struct ruleset *rs, struct claims *c, const struct admit *a,
		struct err *e)
{
	return claim_take(nl, rs, c, a->owner, claim_abandoned(), e);
}

/* Without an address it still makes the table, or heals it. */
static int take_inet(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct ruleset rs = ruleset_inet;
	int r = list_inet(&c, a, wanted(a), e);

	rs.mark = a->mark;

	return r < 0 ? r : take(nl, &rs, &c, a, e);
}

/*
 * Pins come and go together.  A port found pinned while another of its pins was
 * not there says that it has others, from an ADD that was never undone.
 */
static bool has_other_pins(const struct claims *c)
{
	bool pinned = c->list[0].set == &ruleset_pinned && c->list[0].state == CLAIM_OURS;

	for (size_t i = 1; pinned && i < c->n; i++)
		if (c->list[i].state == CLAIM_FREE && c->list[i].set != &ruleset_isolated_ports)
			return true;

	return false;
}

static int take_bridge(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_bridge(&c, a, wanted(a), e);

	if (r < 0 || c.n == 0)
		return r;
	r = take(nl, &ruleset_bridge, &c, a, e);
	if (r < 0 || !has_other_pins(&c))
		return r;
	r = claim_sweep(nl, bridge_sets, claim_of(a->owner), e);

	return r < 0 ? r : take(nl, &ruleset_bridge, &c, a, e);
}

/* The record first: what firewalld has and nobody knows of would stay. */
static int take_zoned(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r;

	if (a->backend != ADMIT_FIREWALLD)
		return 0;
	if ((r = list_zoned(&c, a, e)) < 0 || (r = take(nl, &ruleset_inet, &c, a, e)) < 0)
		return r;
	r = zone_add(a->zone, a->addrs, a->n_addrs, e);
	if (r == 0)
		return err_cni(e, CNI_E_AGAIN, "firewalld has just stopped: try again");

	return r < 0 ? r : 0;
}

int admit_own_take(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = take_bridge(nl, a, e);

	if (r == 0)
		r = take_inet(nl, a, e);

	return r < 0 ? r : take_zoned(nl, a, e);
}

/* ---- release --------------------------------------------------------------------- */

static struct ip_addr address_of(const struct claim *zoned)
{
	struct ip_addr addr = { .family = zoned->set == &ruleset_zoned4 ? AF_INET : AF_INET6 };

	memcpy(addr.b, zoned->key.b, ip_size(addr.family));

	return addr;
}

/* Those that were found; a firewalld that does not run has forgotten them. */
static int remove_sources(const char *zone, const struct claims *c, struct err *e)
{
	AUTO_FREE struct ip_addr *addrs = calloc(c->n + 1, sizeof(*addrs));
	size_t n = 0;
	int r;

	if (!addrs)
		return err_sys(e, ENOMEM, "list the sources of zone \"%s\"", zone);
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].state == CLAIM_OURS)
			addrs[n++] = address_of(&c->list[i]);
	if (n == 0 || !zone_may_ask())
		return 0;
	r = zone_remove(zone, addrs, n, e);

	return r < 0 ? r : 0;
}

/* The record last. */
static int release_zoned(struct nl *nl, const char *zone, struct claims *c,
			 struct claim_filter filter, struct err *e)
{
	int r = claim_look(nl, c, filter, e);

	if (r > 0)
		r = remove_sources(zone, c, e);

	return r < 0 ? r : claim_release(nl, c, filter, e);
}

static int sweep(struct nl *nl, const char *zone, struct claim_filter filter, struct err *e)
{
	AUTO(claims_clear) struct claims zoned = { 0 };
	int n, inet = 0, bridge = 0;

	n = claim_find(nl, zoned_sets, filter, &zoned, e);
	if (n == 0)
		n = release_zoned(nl, zone, &zoned, filter, e);
	if (n >= 0)
		inet = claim_sweep(nl, inet_sets, filter, e);
	if (n >= 0 && inet >= 0)
		bridge = claim_sweep(nl, bridge_sets, filter, e);

	return n < 0 ? n : inet < 0 ? inet : bridge < 0 ? bridge : n + inet + bridge;
}

/* Pins that its result does not tell, since a plugin behind us has changed the MAC. */
static int release_other_pins(struct nl *nl, const struct admit *a, const struct claims *c,
			      struct err *e)
{
	if (c->n == 0 || !has_other_pins(c))
		return 0;

	return claim_sweep(nl, bridge_sets, claim_of(a->owner), e);
}

static int release_bridge(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_bridge(&c, a, everything, e), n;

	if (r < 0)
		return r;
	n = claim_release(nl, &c, claim_of(a->owner), e);
	r = n < 0 ? n : release_other_pins(nl, a, &c, e);

	return r < 0 ? r : n + r;
}

static int release_inet(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_inet(&c, a, everything, e);

	return r < 0 ? r : claim_release(nl, &c, claim_of(a->owner), e);
}

int admit_own_release(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims zoned = { 0 };
	int n, inet = 0, bridge = 0;

	if (!*a->ifname)
		return sweep(nl, a->zone, claim_of(a->owner), e);
	n = list_zoned(&zoned, a, e);
	if (n == 0)
		n = release_zoned(nl, a->zone, &zoned, claim_of(a->owner), e);
	if (n >= 0)
		inet = release_inet(nl, a, e);
	if (n >= 0 && inet >= 0)
		bridge = release_bridge(nl, a, e);

	return n < 0 ? n : inet < 0 ? inet : bridge < 0 ? bridge : n + inet + bridge;
}

int admit_own_gc(struct nl *nl, const char *zone, const struct gc *gc, struct err *e)
{
	return sweep(nl, zone, claim_garbage(gc), e);
}

/* ---- check ----------------------------------------------------------------------- */

static int check_inet(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct ruleset rs = ruleset_inet;
	int r = list_inet(&c, a, wanted(a), e);

	rs.mark = a->mark;

	return r < 0 ? r : claim_check(nl, &rs, &c, a->owner, e);
}

static int check_bridge(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_bridge(&c, a, wanted(a), e);

	return r < 0 || c.n == 0 ? r : claim_check(nl, &ruleset_bridge, &c, a->owner, e);
}

static int check_zoned(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r;

	if (a->backend != ADMIT_FIREWALLD)
		return 0;
	if ((r = list_zoned(&c, a, e)) < 0 ||
	    (r = claim_check(nl, &ruleset_inet, &c, a->owner, e)) < 0 ||
	    (r = zone_check(a->zone, a->addrs, a->n_addrs, e)) < 0)
		return r;

	return r > 0 ? 0 : err_cni(e, CNI_E_CHECK, "firewalld does not run");
}

int admit_own_check(struct nl *nl, const struct admit *a, struct err *e)
{
	static int (*const checks[])(struct nl * nl, const struct admit *a,
				     struct err *e) = { check_inet, check_bridge, check_zoned };
	struct err next;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int each = checks[i](nl, a, &next);

		r = err_keep(r, e, each, &next);
	}

	return r;
}
