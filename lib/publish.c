/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish - see publish.h. */
#include "lib/publish.h"

#include <errno.h>
#include <string.h>

#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"

/* The sets and maps of one address family. */
static const struct family {
	const struct nft_set *any;	 /* proto . port */
	const struct nft_set *one;	 /* host address . proto . port */
	const struct nft_set *published; /* every container that has ports */
	const struct nft_set *keep_source;
	const struct nft_set *masq_all;
} families[] = {
	{&ruleset_port4, &ruleset_hostport4, &ruleset_published4, &ruleset_keepsource4,
	 &ruleset_masqall4},
	{&ruleset_port6, &ruleset_hostport6, &ruleset_published6, &ruleset_keepsource6,
	 &ruleset_masqall6},
};

static const struct nft_set *const sets[] = {
	&ruleset_port4,
	&ruleset_port6,
	&ruleset_hostport4,
	&ruleset_hostport6,
	&ruleset_published4,
	&ruleset_published6,
	&ruleset_masqall4,
	&ruleset_masqall6,
	&ruleset_keepsource4,
	&ruleset_keepsource6,
	NULL,
};

/* Whether a mapping is meant for containers with an address of @family. */
static bool is_for(const struct publish_port *port, uint8_t family)
{
	return !ip_is_set(&port->host_ip) || port->host_ip.family == family;
}

static bool is_any(const struct publish_port *port)
{
	return !ip_is_set(&port->host_ip) || ip_is_unspecified(&port->host_ip);
}

static void put_port(struct nft_value *v, uint8_t proto, uint16_t number)
{
	nft_value_proto(v, proto);
	nft_value_port(v, number);
}

static int list_port(struct claims *ret, const struct family *f, const struct publish_port *port,
		     const struct ip_addr *ip, struct err *e)
{
	struct nft_value key = {0}, data = {0};

	if (!is_any(port))
		nft_value_ip(&key, &port->host_ip);
	put_port(&key, port->proto, port->host_port);
	nft_value_ip(&data, ip);
	nft_value_port(&data, port->port);

	return claims_add(ret, is_any(port) ? f->any : f->one, &key, &data, e);
}

static int list_container(struct claims *ret, const struct nft_set *set, const struct ip_addr *ip,
			  const char *ifname, struct err *e)
{
	struct nft_value key = {0};

	nft_value_ip(&key, ip);
	nft_value_ifname(&key, ifname);

	return claims_add(ret, set, &key, NULL, e);
}

static int list_family(struct claims *ret, const struct family *f, const struct publish *p,
		       const struct ip_addr *ip, struct err *e)
{
	size_t before = ret->n;
	int r = 0;

	if (!ip_is_set(ip))
		return 0;
	for (size_t i = 0; r == 0 && i < p->n_ports; i++) {
		if (is_for(&p->ports[i], ip->family))
			r = list_port(ret, f, &p->ports[i], ip, e);
	}
	if (r < 0 || ret->n == before)
		return r;
	r = list_container(ret, f->published, ip, p->ifname, e);
	if (r == 0 && !p->snat)
		r = list_container(ret, f->keep_source, ip, p->ifname, e);
	if (r == 0 && p->masq_all)
		r = list_container(ret, f->masq_all, ip, p->ifname, e);

	return r;
}

static int list_claims(struct claims *ret, const struct publish *p, struct err *e)
{
	int r = list_family(ret, &families[0], p, &p->ip4, e);

	return r < 0 ? r : list_family(ret, &families[1], p, &p->ip6, e);
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
	struct nft_value key = {0};
	struct nft_elem elem;
	int r;

	put_port(&key, port->proto, port->host_port);
	r = nft_get_elem(nl, f->any, &key, &elem, e);
	if (r <= 0)
		return r;

	return owner_has(p->owner, elem.comment, strlen(elem.comment))
		       ? 0
		       : taken_for_all(port, &elem, e);
}

static int need_none_covered(struct nl *nl, const struct publish *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_ports; i++) {
		if (!is_any(&p->ports[i]))
			r = need_not_covered(nl, p, &p->ports[i], e);
	}

	return r;
}

/* ---- the verbs ------------------------------------------------------------- */

int publish_add(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = {0};
	struct claim_filter nobody = {0};
	int r;

	r = list_claims(&c, p, e);
	if (r == 0)
		r = need_none_covered(nl, p, e);
	if (r == 0 && c.n > 0)
		r = claim_take(nl, &ruleset_inet, &c, p->owner, nobody, e);

	return r < 0 ? err_wrap(e, r, "publish ports") : 0;
}

/* Whether the attachment has published anything, by two questions at most. */
static int has_any(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = {0};
	int r = 0;

	if (!ip_is_set(&p->ip4) && !ip_is_set(&p->ip6))
		return 1; /* not known */
	if (ip_is_set(&p->ip4))
		r = list_container(&c, &ruleset_published4, &p->ip4, p->ifname, e);
	if (r == 0 && ip_is_set(&p->ip6))
		r = list_container(&c, &ruleset_published6, &p->ip6, p->ifname, e);

	return r < 0 ? r : claim_look(nl, &c, claim_of(p->owner), e);
}

int publish_del(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = {0};
	int found, more = 0;

	found = list_claims(&c, p, e);
	if (found == 0 && c.n > 0)
		found = claim_release(nl, &c, claim_of(p->owner), e);
	/* All that was to be expected, or nothing at all, spares reading the maps to the end. */
	if (found >= 0 && (c.n == 0 || (size_t)found < c.n))
		more = has_any(nl, p, e);
	if (found >= 0 && more > 0)
		more = claim_sweep(nl, sets, claim_of(p->owner), e);
	if (found < 0 || more < 0)
		return err_wrap(e, found < 0 ? found : more, "close published ports");

	return found + more;
}

int publish_check(struct nl *nl, const struct publish *p, struct err *e)
{
	AUTO(claims_clear) struct claims c = {0};
	int r = list_claims(&c, p, e);

	if (r == 0 && c.n > 0)
		r = claim_check(nl, &ruleset_inet, &c, p->owner, e);

	return r < 0 ? err_wrap(e, r, "published ports") : 0;
}

int publish_gc(struct nl *nl, const struct gc *gc, struct err *e)
{
	int r = claim_sweep(nl, sets, claim_garbage(gc), e);

	return r < 0 ? err_wrap(e, r, "collect published ports of network %s", gc->network) : r;
}
