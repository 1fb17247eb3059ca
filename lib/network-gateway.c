/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-gateway - see network-gateway.h */
#include "lib/network-gateway.h"

#include <errno.h>

#include "lib/err.h"
#include "lib/network.h"

static bool is_taken(const struct network_subnet *s, const struct ip_addr *ip)
{
	for (size_t i = 0; i < s->n_aux; i++)
		if (ip_equal(&s->aux[i].addr, ip))
			return true;

	return ip_net_is_network(&s->subnet, ip) || ip_net_is_broadcast(&s->subnet, ip);
}

int network_choose_gateway(struct network_subnet *s, struct err *e)
{
	const struct ip_net *in = ip_is_set(&s->range.addr) ? &s->range : &s->subnet;
	struct ip_addr ip = ip_net_first(in);
	char text[IP_NET_STRLEN];

	if (ip_is_set(&s->gateway))
		return 0;
	while (is_taken(s, &ip))
		if (!ip_next(&ip) || !ip_net_contains(in, &ip))
			return err_say(e, ENOSPC,
				       "no available addresses on this pool: %s has none for the "
				       "gateway, say one with --gateway",
				       ip_net_str(in, text));
	s->gateway = ip;

	return 0;
}
