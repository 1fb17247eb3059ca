/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pin - see pin.h. */
#include "lib/pin.h"

#include "lib/claim.h"

const struct nft_set *const pin_sets[] = {
	&ruleset_pinned,	&ruleset_pinned_mac,  &ruleset_pinned4,
	&ruleset_pinned6,	&ruleset_pinned_own4, &ruleset_pinned_own6,
	&ruleset_pinned_nd_mac, &ruleset_pinned_nd,   NULL
};

static int list_port(struct claims *ret, const struct pin *p, struct err *e)
{
	struct nft_value key = { 0 };

	nft_value_ifname(&key, p->port);

	return claims_add(ret, &ruleset_pinned, &key, NULL, e);
}

/* port . MAC */
static int list_mac(struct claims *ret, const struct pin *p, struct err *e)
{
	struct nft_value key = { 0 };
	int r;

	nft_value_ifname(&key, p->port);
	nft_value_mac(&key, p->mac);
	r = claims_add(ret, &ruleset_pinned_mac, &key, NULL, e);

	return r < 0 ? r : claims_add(ret, &ruleset_pinned_nd_mac, &key, NULL, e);
}

/* port . MAC . address */
static int list_own(struct claims *ret, const struct pin *p, const struct ip_addr *addr,
		    struct err *e)
{
	bool ipv4 = addr->family == AF_INET;
	struct nft_value key = { 0 };

	nft_value_ifname(&key, p->port);
	nft_value_mac(&key, p->mac);
	nft_value_ip(&key, addr);

	return claims_add(ret, ipv4 ? &ruleset_pinned_own4 : &ruleset_pinned_own6, &key, NULL, e);
}

/* port . address */
static int list_addr(struct claims *ret, const struct pin *p, const struct ip_addr *addr,
		     struct err *e)
{
	bool ipv4 = addr->family == AF_INET;
	struct nft_value key = { 0 };
	int r;

	nft_value_ifname(&key, p->port);
	nft_value_ip(&key, addr);
	r = claims_add(ret, ipv4 ? &ruleset_pinned4 : &ruleset_pinned6, &key, NULL, e);
	if (r == 0 && !ipv4)
		r = claims_add(ret, &ruleset_pinned_nd, &key, NULL, e);

	return r < 0 ? r : list_own(ret, p, addr, e);
}

int pin_list(struct claims *ret, const struct pin *p, struct err *e)
{
	const struct ip_addr link_local = ip_link_local(p->mac);
	int r = list_port(ret, p, e);

	if (r == 0)
		r = list_mac(ret, p, e);
	if (r == 0)
		r = list_addr(ret, p, &link_local, e);
	for (size_t i = 0; r == 0 && i < p->n_addrs; i++)
		if (!ip_equal(&p->addrs[i], &link_local))
			r = list_addr(ret, p, &p->addrs[i], e);

	return r;
}
