/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-plan - see network-plan.h */
#include "cli/network-plan.h"

#include <errno.h>

#include "ipam/pools.h"
#include "lib/err.h"
#include "lib/network-gateway.h"
#include "lib/network.h"

static int pick(struct pools *pools, uint8_t family, uint8_t len, struct ip_net *ret, struct err *e)
{
	struct pools_use use = { .on_link = true };
	int r = pools_pick(pools, family, len, &use.net, e);

	if (r < 0)
		return r;
	if (pools_add(pools, &use) < 0)
		return err_sys(e, ENOMEM, "choose a subnet");
	*ret = use.net;

	return 0;
}

static bool has_family(const struct network *net, uint8_t family)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		if (net->subnets[i].subnet.addr.family == family)
			return true;

	return false;
}

static int plan_family(struct network *net, uint8_t family, struct pools *pools, struct err *e)
{
	struct ip_net subnet;
	int r;

	if (has_family(net, family))
		return 0;
	r = pick(pools, family, 0, &subnet, e);
	if (r < 0)
		return r;

	return network_add_subnet(net, &subnet) ? 0 : err_sys(e, ENOMEM, "choose a subnet");
}

int network_plan(struct network *net, struct pools *pools, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < net->n_subnets; i++) {
		struct ip_net *subnet = &net->subnets[i].subnet;

		if (ip_is_unspecified(&subnet->addr))
			r = pick(pools, subnet->addr.family, subnet->len, subnet, e);
	}
	if (r == 0 && net->ipv4)
		r = plan_family(net, AF_INET, pools, e);
	if (r == 0 && net->ipv6)
		r = plan_family(net, AF_INET6, pools, e);
	for (size_t i = 0; r == 0 && i < net->n_subnets; i++)
		r = network_choose_gateway(&net->subnets[i], e);

	return r;
}
