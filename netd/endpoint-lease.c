/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint-lease - what a plugin needs to know of an endpoint */
#include <net/if.h>

#include "lib/cleanup.h"
#include "lib/ip-json.h"
#include "lib/mac.h"
#include "netd/service-private.h"

static json_t *ip_entry(const struct network_subnet *s, const struct ip_addr *ip)
{
	const struct ip_net address = { *ip, s->subnet.len };
	AUTO_JSON json_t *obj = json_object();

	if (!obj || ip_net_json_set(obj, "address", &address) < 0 ||
	    ip_json_set(obj, "gateway", &s->gateway) < 0)
		return NULL;

	return MOVE_PTR(obj);
}

static json_t *ips_json(const struct endpoint *ep)
{
	const struct network_def *d = &ep->network->def;
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < ep->text.n_ips; i++) {
		int at = network_def_subnet_of(d, &ep->text.ips[i]);

		if (at >= 0 && json_array_append_new(list, ip_entry(&d->net.subnets[at],
								    &ep->text.ips[i])) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

/* Nothing leads out of an internal network. */
static json_t *routes_json(const struct endpoint *ep)
{
	const struct network *net = &ep->network->def.net;
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && !net->internal && i < net->n_subnets; i++) {
		bool v4 = net->subnets[i].subnet.addr.family == AF_INET;

		if (json_array_append_new(list,
					  json_pack("{s:s}", "dst", v4 ? "0.0.0.0/0" : "::/0")) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

json_t *endpoint_lease_json(const struct endpoint *ep)
{
	char bridge[IFNAMSIZ], mac[MAC_STRLEN];

	plane_bridge_name(&ep->network->id, bridge);

	return json_pack("{s:s, s:i, s:s, s:o, s:o}", "bridge", bridge, "mtu",
			 (int)plane_mtu(ep->s->p, &ep->network->id), "mac",
			 mac_str(ep->text.mac, mac), "ips", ips_json(ep), "routes",
			 routes_json(ep));
}
