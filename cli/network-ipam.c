/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-ipam - see network-ipam.h */
#include "cli/network-ipam.h"

#include <errno.h>

#include "lib/err.h"

void network_ipam_clear(struct network_ipam *ipam)
{
	words_clear(&ipam->subnets);
	words_clear(&ipam->ranges);
	words_clear(&ipam->gateways);
	network_pairs_clear(&ipam->aux);
}

bool network_ipam_is_set(const struct network_ipam *ipam)
{
	return ipam->subnets.n > 0 || ipam->ranges.n > 0 || ipam->gateways.n > 0 || ipam->aux.n > 0;
}

/* A subnet may have host bits here: that is for the check to say, of all subnets at once. */
static struct network_subnet *find(const struct network *net, const struct ip_addr *ip)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		if (ip_net_contains(&net->subnets[i].subnet, ip))
			return &net->subnets[i];

	return NULL;
}

/* 0.0.0.0/20 and ::/64 ask for any subnet of that size, so several are no overlap. */
static bool overlap(const struct ip_net *a, const struct ip_net *b)
{
	return !ip_is_unspecified(&a->addr) && !ip_is_unspecified(&b->addr) &&
	       ip_net_overlaps(a, b);
}

static int read_subnet(struct network *net, const char *text, struct err *e)
{
	struct ip_net subnet;

	if (ip_net_parse(text, &subnet) < 0)
		return err_cni(e, CNI_E_CONFIG, "invalid subnet %s: invalid CIDR block notation",
			       text);
	for (size_t i = 0; i < net->n_subnets; i++)
		if (overlap(&net->subnets[i].subnet, &subnet))
			return err_cni(
				e, CNI_E_CONFIG,
				"multiple overlapping subnet configuration is not supported");

	return network_add_subnet(net, &subnet) ? 0 : err_sys(e, ENOMEM, "read subnets");
}

static int read_range(struct network *net, const char *text, struct err *e)
{
	char subnet[IP_NET_STRLEN], first[IP_NET_STRLEN];
	struct network_subnet *s;
	struct ip_net range;

	if (ip_net_parse(text, &range) < 0)
		return err_cni(e, CNI_E_CONFIG, "invalid ip-range %s: invalid CIDR block notation",
			       text);
	s = find(net, &range.addr);
	if (!s)
		return err_cni(e, CNI_E_CONFIG, "no matching subnet for range %s", text);
	if (ip_is_set(&s->range.addr))
		return err_cni(e, CNI_E_CONFIG,
			       "cannot configure multiple ranges (%s, %s) on the same subnet (%s)",
			       text, ip_net_str(&s->range, first), ip_net_str(&s->subnet, subnet));
	s->range = range;

	return 0;
}

static int read_gateway(struct network *net, const char *text, struct err *e)
{
	char subnet[IP_NET_STRLEN], first[IP_STRLEN];
	struct network_subnet *s;
	struct ip_addr gateway;

	if (ip_parse(text, &gateway) < 0)
		return err_cni(e, CNI_E_CONFIG, "invalid gateway %s: invalid address", text);
	s = find(net, &gateway);
	if (!s)
		return err_cni(e, CNI_E_CONFIG, "no matching subnet for gateway %s", text);
	if (ip_is_set(&s->gateway))
		return err_cni(
			e, CNI_E_CONFIG,
			"cannot configure multiple gateways (%s, %s) for the same subnet (%s)",
			text, ip_str(&s->gateway, first), ip_net_str(&s->subnet, subnet));
	s->gateway = gateway;

	return 0;
}

static int read_aux(struct network *net, const struct network_pair *pair, struct err *e)
{
	struct network_subnet *s;
	struct ip_addr addr;

	if (ip_parse(pair->value, &addr) < 0)
		return err_cni(e, CNI_E_CONFIG,
			       "invalid auxiliary address %s: %s is not an address", pair->key,
			       pair->value);
	s = find(net, &addr);
	if (!s)
		return err_cni(e, CNI_E_CONFIG, "no matching subnet for aux-address %s",
			       pair->value);

	return network_add_aux(s, pair->key, &addr) < 0
		       ? err_sys(e, ENOMEM, "read auxiliary addresses")
		       : 0;
}

int network_ipam_read(const struct network_ipam *ipam, struct network *net, struct err *e)
{
	int r = 0;

	if (ipam->ranges.n > ipam->subnets.n || ipam->gateways.n > ipam->subnets.n)
		return err_cni(e, CNI_E_CONFIG,
			       "every ip-range or gateway must have a corresponding subnet");
	for (size_t i = 0; r == 0 && i < ipam->subnets.n; i++)
		r = read_subnet(net, ipam->subnets.v[i], e);
	for (size_t i = 0; r == 0 && i < ipam->ranges.n; i++)
		r = read_range(net, ipam->ranges.v[i], e);
	for (size_t i = 0; r == 0 && i < ipam->gateways.n; i++)
		r = read_gateway(net, ipam->gateways.v[i], e);
	for (size_t i = 0; r == 0 && i < ipam->aux.n; i++)
		r = read_aux(net, &ipam->aux.v[i], e);

	return r;
}
