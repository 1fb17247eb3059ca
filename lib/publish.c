/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish - see publish.h. */
#include "lib/publish.h"

#include <errno.h>
#include <string.h>

#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gate.h"
#include "lib/gc.h"
#include "lib/shared-chain.h"

/* The sets and maps of one address family. */
static const struct family {
	const struct nft_set *any; /* proto . port */
	const struct nft_set *one; /* host address . proto . port */
	const struct nft_set *any_gate, *one_gate;
	const struct nft_set *published; /* every container that has ports */
	const struct nft_set *keep_source;
	const struct nft_set *masq_all;
} families[] = {
	{ &ruleset_port4, &ruleset_hostport4, &ruleset_gate4, &ruleset_hostgate4,
	  &ruleset_published4, &ruleset_keepsource4, &ruleset_masqall4 },
	{ &ruleset_port6, &ruleset_hostport6, &ruleset_gate6, &ruleset_hostgate6,
	  &ruleset_published6, &ruleset_keepsource6, &ruleset_masqall6 },
};

static const struct nft_set *const sets[] = {
	&ruleset_port4,	      &ruleset_port6,	    &ruleset_hostport4,
	&ruleset_hostport6,   &ruleset_gate4,	    &ruleset_gate6,
	&ruleset_hostgate4,   &ruleset_hostgate6,   &ruleset_published4,
	&ruleset_published6,  &ruleset_masqall4,    &ruleset_masqall6,
	&ruleset_keepsource4, &ruleset_keepsource6, NULL,
};

static void put_port(struct nft_value *v, uint8_t proto, uint16_t number)
{
	nft_value_proto(v, proto);
	nft_value_port(v, number);
}

/* The port, and behind it its gate. */
static int list_port(struct claims *ret, const struct family *f, const struct publish_port *port,
		     const struct gate *gate, const struct ip_addr *ip, struct err *e)
{
	struct nft_value key = { 0 }, to = { 0 }, by = { 0 };
	bool any = ip_is_unspecified(&port->host_ip);
	int r;

	if (!any)
		nft_value_ip(&key, &port->host_ip);
	put_port(&key, port->proto, port->host_port);
	nft_value_ip(&to, ip);
	nft_value_port(&to, port->port);
	nft_value_ifname(&by, gate->name);

	r = claims_add(ret, any ? f->any : f->one, &key, &to, e);

	return r < 0 || !gate_given(gate)
		       ? r
		       : claims_add(ret, any ? f->any_gate : f->one_gate, &key, &by, e);
}

static bool is_gate(const struct claim *c)
{
	return c->set->data[0] == NFT_TYPE_GOTO;
}

static int list_container(struct claims *ret, const struct nft_set *set, const struct ip_addr *ip,
			  const char *ifname, struct err *e)
{
	struct nft_value key = { 0 };

	nft_value_ip(&key, ip);
	nft_value_ifname(&key, ifname);

	return claims_add(ret, set, &key, NULL, e);
}

static int list_ports(struct claims *ret, const struct family *f, const struct publish *p,
		      const struct ip_addr *ip, struct err *e)
{
	const struct gate *gate = ip->family == AF_INET ? p->gate4 : p->gate6;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_ports; i++) {
		if (p->ports[i].host_ip.family == ip->family)
			r = list_port(ret, f, &p->ports[i], gate, ip, e);
	}

	return r;
}

/* What an ADD claims for one address of the container. */
static int list_family(struct claims *ret, const struct family *f, const struct publish *p,
		       const struct ip_addr *ip, struct err *e)
{
	size_t before = ret->n;
	int r = list_ports(ret, f, p, ip, e);

	if (r < 0 || ret->n == before)
		return r;
	r = list_container(ret, f->published, ip, p->ifname, e);
	if (r == 0 && !p->snat)
		r = list_container(ret, f->keep_source, ip, p->ifname, e);
	if (r == 0 && p->masq_all)
		r = list_container(ret, f->masq_all, ip, p->ifname, e);

	return r;
}

/* What there could be, whatever the config is by now. */
static int list_family_del(struct claims *ret, const struct family *f, const struct publish *p,
			   const struct ip_addr *ip, struct err *e)
{
	int r = list_container(ret, f->keep_source, ip, p->ifname, e);

	if (r == 0)
		r = list_container(ret, f->masq_all, ip, p->ifname, e);
	if (r == 0)
		r = list_ports(ret, f, p, ip, e);

	/* The last, as its absence says that nothing is there. */
	return r < 0 ? r : list_container(ret, f->published, ip, p->ifname, e);
}

static int list_claims(struct claims *ret, const struct publish *p,
		       int (*list)(struct claims *, const struct family *, const struct publish *,
				   const struct ip_addr *, struct err *),
		       struct err *e)
{
	int r = ip_is_set(&p->ip4) ? list(ret, &families[0], p, &p->ip4, e) : 0;

	return r == 0 && ip_is_set(&p->ip6) ? list(ret, &families[1], p, &p->ip6, e) : r;
}

/* ---- other attachments of the container ------------------------------------- */

#define ID_CUT_MIN 16 /* so much of a container ID has to be left of it in a cut tag */

/*
 * A tag's hash is of the attachment; the container is in its words, "network id
 * ifname", of which the end may be cut.
 */
static bool is_sibling(const char *tag, size_t len, const void *data)
{
	const struct publish *p = data;
	const char *id = strchr(owner_words(tag), ' ');
	size_t n;

	if (!id || owner_has(p->owner, tag, len))
		return false;
	n = strcspn(++id, " ");
	if (!id[n] && len == OWNER_TAG_SIZE - 1)
		return n >= ID_CUT_MIN && strncmp(id, p->container_id, n) == 0;

	return strlen(p->container_id) == n && memcmp(id, p->container_id, n) == 0;
}

/* Takes ports that a sibling holds from the list, and their gates.  Return: how many, or an errno.
 */
static int leave_to_siblings(struct nl *nl, struct claims *c, const struct publish *p,
			     struct err *e)
{
	struct claim_filter siblings = { .match = is_sibling, .data = p };
	size_t n = c->n, kept = 0;
	bool leave = false;
	int r = claim_look(nl, c, siblings, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!is_gate(&c->list[i]))
			leave = c->list[i].state == CLAIM_OURS && c->list[i].data.len > 0;
		if (!leave)
			c->list[kept++] = c->list[i];
	}
	c->n = kept;

	return (int)(n - kept);
}

/* ---- a port of one address under a mapping of all ------------------------- */

static int taken_for_all(const struct publish_port *port, const struct nft_elem *elem,
			 struct err *e)
{
	char ip[IP_STRLEN];

	(void)err_cni(
		e, CNI_E_CONFIG,
		"host port %u of %s is covered by the mapping of that port for every address, "
		"which is held by %s: choose another port, or detach that container",
		port->host_port, ip_str(&port->host_ip, ip), owner_words(elem->comment));

	return -EEXIST;
}

static int need_not_covered(struct nl *nl, const struct publish *p, const struct publish_port *port,
			    struct err *e)
{
	const struct family *f = &families[port->host_ip.family == AF_INET6];
	struct nft_value key = { 0 };
	struct nft_elem elem;
	int r;

	put_port(&key, port->proto, port->host_port);
	r = nft_get_elem(nl, f->any, &key, &elem, e);
	if (r <= 0)
		return r;

	if (owner_has(p->owner, elem.comment, strlen(elem.comment)) ||
	    is_sibling(elem.comment, strlen(elem.comment), p))
		return 0;

	return taken_for_all(port, &elem, e);
}

static int need_none_covered(struct nl *nl, const struct publish *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_ports; i++) {
		if (!ip_is_unspecified(&p->ports[i].host_ip))
			r = need_not_covered(nl, p, &p->ports[i], e);
	}

	return r;
}

/* ---- how many there are ----------------------------------------------------- */

/*
 * The element that tells of a container tells how many its ports and gates are;
 * they stand before it.
 */
static void count_ports(struct claims *c)
{
	unsigned int ports = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct claim *claim = &c->list[i];

		ports += claim->data.len > 0;
		if (claim->set != &ruleset_published4 && claim->set != &ruleset_published6)
			continue;
		claim->count = ports;
		ports = 0;
	}
}

/* Whether as many ports and gates were released as the container's elements say that it had. */
static bool is_whole(const struct claims *released)
{
	size_t had = 0, gone = 0;

	for (size_t i = 0; i < released->n; i++) {
		const struct claim *c = &released->list[i];

		if (c->state == CLAIM_OURS) {
			had += c->count;
			gone += c->data.len > 0;
		}
	}

	return had > 0 && gone == had;
}

/* ---- gates ------------------------------------------------------------------ */

static bool leads_to(const struct claims *c, const struct gate *g)
{
	for (size_t i = 0; i < c->n; i++)
		if (is_gate(&c->list[i]) && strcmp((const char *)c->list[i].data.b, g->name) == 0)
			return true;

	return false;
}

/* Those that a port of the list leads to: one for a family without ports is nobody's. */
static int each_gate(struct nl *nl, const struct claims *c, const struct publish *p,
		     int (*act)(struct nl *nl, const struct gate *g, struct err *e), struct err *e)
{
	int r = leads_to(c, p->gate4) ? act(nl, p->gate4, e) : 0;

	return r == 0 && leads_to(c, p->gate6) ? act(nl, p->gate6, e) : r;
}

static bool has_gates(const struct publish *p)
{
	return gate_given(p->gate4) || gate_given(p->gate6);
}

/* ---- the verbs ------------------------------------------------------------- */

static int take_once(struct nl *nl, struct claims *c, const struct publish *p, struct err *e)
{
	struct claim_filter nobody = { 0 };
	int r = -ENOENT;

	for (int i = 0; i < SHARED_CHAIN_TRIES && r == -ENOENT; i++) {
		r = each_gate(nl, c, p, gate_add, e);
		if (r == 0)
			r = claim_take(nl, &ruleset_inet, c, p->owner, nobody, e);
	}

	return r;
}

static int take(struct nl *nl, struct claims *c, const struct publish *p, struct err *e)
{
	int r, left;

	do {
		count_ports(c);
		r = take_once(nl, c, p, e);
		left = r == -EEXIST ? leave_to_siblings(nl, c, p, NULL) : 0;
	} while (left > 0);
	if (r == -EEXIST && has_gates(p))
		(void)gate_prune(nl, p->owner, NULL);

	return r;
}

int publish_add(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_claims(&c, p, list_family, e);

	if (r == 0)
		r = need_none_covered(nl, p, e);
	if (r == 0 && c.n > 0)
		r = take(nl, &c, p, e);
	/* What was sent may have been done all the same: the answer alone may be lost. */
	if (r < 0 && r != -EEXIST)
		(void)publish_del(nl, p, NULL);

	return r < 0 ? err_wrap(e, r, "publish ports") : 0;
}

int publish_del(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_claims(&c, p, list_family_del, e), found, swept = 0;
	bool whole;

	found = r == 0 && c.n > 0 ? claim_release(nl, &c, claim_of(p->owner), e) : r;
	/* Nothing at all, or everything, spares reading the maps to the end. */
	whole = c.n > 0 && (found == 0 || is_whole(&c));
	if (found >= 0 && !whole)
		swept = claim_sweep(nl, sets, claim_of(p->owner), e);
	r = found < 0 ? found : swept;
	/* Which gates those were, a config that may have changed does not tell. */
	if (r >= 0 && (!whole || has_gates(p)))
		r = gate_prune(nl, p->owner, e);

	return r < 0 ? err_wrap(e, r, "close published ports") : found + swept;
}

int publish_check(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct err next;
	int r = list_claims(&c, p, list_family, e);

	if (r == 0)
		r = leave_to_siblings(nl, &c, p, e);
	if (r >= 0 && c.n > 0) {
		r = claim_check(nl, &ruleset_inet, &c, p->owner, e);
		r = err_keep(r, e, each_gate(nl, &c, p, gate_check, &next), &next);
	}

	return r < 0 ? err_wrap(e, r, "published ports") : 0;
}

int publish_gc(struct nl *nl, const struct gc *gc, struct err *e)
{
	int r = claim_sweep(nl, sets, claim_garbage(gc), e);

	if (r >= 0) {
		int gates = gate_prune(nl, &gc->owner, e);

		r = gates < 0 ? gates : r + gates;
	}

	return r < 0 ? err_wrap(e, r, "collect published ports of network %s", gc->network) : r;
}
