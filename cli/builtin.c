/* SPDX-License-Identifier: GPL-2.0-or-later */
/* builtin - see builtin.h */
#include "cli/builtin.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network-conf.h"
#include "lib/network.h"

/* @driver is Docker's word for it, @plugin what a chain is made of. */
static const struct {
	const char *name, *driver, *plugin;
} builtins[BUILTIN_COUNT] = {
	{ "bridge", "bridge", NULL },
	{ "host", "host", "host" },
	{ "none", "null", "none" },
};

#define BRIDGE_NAME   "hb-bridge"
#define BRIDGE_SUBNET "10.87.0.0/16"

/* They have always been there. */
#define CREATED "1970-01-01T00:00:00.000000000Z"

static int complete_bridge(struct network *net, const char *leases, struct err *e)
{
	struct network_subnet *s;
	struct ip_net subnet;
	int r;

	(void)ip_net_parse(BRIDGE_SUBNET, &subnet);
	s = network_add_subnet(net, &subnet);
	if (!s)
		return -ENOMEM;
	s->gateway = ip_net_first_host(&subnet);
	net->ipv4 = true;
	r = network_pairs_set(&net->options, "com.docker.network.bridge.name", BRIDGE_NAME, e);

	return r < 0 ? r : network_conf_write(net, leases, e);
}

static int complete(struct network *net, size_t i, const char *leases, struct err *e)
{
	if (!builtins[i].plugin)
		return complete_bridge(net, leases, e);
	net->conf = json_pack("{s:s, s:s, s:[{s:s}]}", "cniVersion", "1.0.0", "name", net->name,
			      "plugins", "type", builtins[i].plugin);

	return net->conf ? 0 : -ENOMEM;
}

int builtin_network(size_t i, const char *leases, struct network *ret, struct err *e)
{
	AUTO(network_clear)
	struct network net = {
		.name = strdup(builtins[i].name),
		.driver = strdup(builtins[i].driver),
		.created = strdup(CREATED),
		.origin = NETWORK_BUILTIN,
	};

	if (!net.name || !net.driver || !net.created)
		return err_sys(e, ENOMEM, "make network %s", builtins[i].name);
	network_id(net.name, net.id);
	if (complete(&net, i, leases, e) < 0)
		return err_sys(e, ENOMEM, "make network %s", builtins[i].name);
	*ret = net;
	net = (struct network){ 0 };

	return 0;
}
