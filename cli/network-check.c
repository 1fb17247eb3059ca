/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-check - see network-check.h */
#include "cli/network-check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/driver-options.h"
#include "lib/err.h"
#include "lib/network.h"

/* ---- drivers ------------------------------------------------------------- */

int network_check_driver(const char *driver, struct err *e)
{
	static const struct {
		const char *name, *why;
	} others[] = {
		{ "host", "only one instance of \"host\" network is allowed" },
		{ "null", "only one instance of \"null\" network is allowed" },
		{ "none", "only one instance of \"null\" network is allowed" },
		{ "ipvlan", "driver ipvlan is not served: macvlan is, and a bridge with "
			    "-o com.docker.network.bridge.enable_ip_masquerade=false" },
	};

	static const char *const served[] = { "bridge", "macvlan", "overlay" };

	for (size_t i = 0; i < ARRAY_SIZE(served); i++)
		if (strcmp(driver, served[i]) == 0)
			return 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(driver, others[i].name) == 0)
			return err_say(e, ENOTSUP, "%s", others[i].why);

	return err_say(e, ENOTSUP,
		       "plugin \"%s\" not found: the drivers are bridge, macvlan and overlay",
		       driver);
}

static size_t count(const struct network *net, uint8_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < net->n_subnets; i++)
		n += net->subnets[i].subnet.addr.family == family;

	return n;
}

int network_check_driver_config(const struct network *net, struct err *e)
{
	struct driver_options o;
	bool macvlan = strcmp(net->driver, "macvlan") == 0;

	if (!net->ipv4 && !net->ipv6)
		return err_say(e, EINVAL, "IPv4 or IPv6 must be enabled");
	if (!macvlan && (count(net, AF_INET) > 1 || count(net, AF_INET6) > 1))
		return err_say(e, EINVAL, "%s driver doesn't support multiple subnets",
			       net->driver);
	if (macvlan && net->internal)
		return err_say(e, ENOTSUP,
			       "a macvlan cannot be internal: its containers are on the wire of "
			       "their parent; use the driver bridge");

	return driver_options_read(net, &o, e);
}

/* ---- other networks ------------------------------------------------------ */

int network_check_free(const struct network *net, const struct store *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->networks[i].name, net->name) == 0)
			return err_say(e, EEXIST, "network with name %s already exists", net->name);

	return 0;
}

static bool subnets_overlap(const struct network *a, const struct network *b,
			    char text[IP_NET_STRLEN])
{
	for (size_t i = 0; i < a->n_subnets; i++) {
		for (size_t k = 0; k < b->n_subnets; k++) {
			if (ip_net_overlaps(&a->subnets[i].subnet, &b->subnets[k].subnet)) {
				ip_net_str(&b->subnets[k].subnet, text);
				return true;
			}
		}
	}

	return false;
}

static bool is_bridge(const struct network *net)
{
	return net->link && strcmp(net->driver, "bridge") == 0;
}

static int check_pair(const struct network *net, const struct network *other, struct err *e)
{
	char subnet[IP_NET_STRLEN];
	int r;

	if (subnets_overlap(net, other, subnet)) {
		r = err_say(e, EEXIST,
			    "invalid pool request: Pool overlaps with other one on this address "
			    "space");
		err_detail(e, "the network %s has %s", other->name, subnet);
		return r;
	}
	if (is_bridge(net) && is_bridge(other) && strcmp(net->link, other->link) == 0)
		return err_say(e, EEXIST,
			       "cannot create network %.12s (%s): conflicts with network %.12s "
			       "(%s): networks have same bridge name",
			       net->id, net->link, other->id, other->link);

	return 0;
}

int network_check_overlap(const struct network *net, const struct store *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++)
		if (!s->networks[i].config_only)
			r = check_pair(net, &s->networks[i], e);

	return r;
}
