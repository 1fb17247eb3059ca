/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-new - see network-new.h */
#include "cli/network-new.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/network-check.h"
#include "cli/network-plan.h"
#include "cli/shared-network.h"
#include "ipam/pools.h"
#include "cli/store.h"
#include "ipam/range.h"
#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/driver-options.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/link.h"
#include "lib/network-conf.h"
#include "lib/network-rules.h"
#include "lib/nl.h"

void network_new_clear(struct network_new *n)
{
	network_clear(&n->net);
	network_ipam_clear(&n->ipam);
}

/* ---- what flags mean ----------------------------------------------------- */

static int check_flags(const struct network_new *n, struct err *e)
{
	if (n->ingress)
		return err_say(e, ENOTSUP,
			       "an ingress network belongs to a swarm: publish ports with -p");
	if (n->ipam_driver && strcmp(n->ipam_driver, "default") != 0 &&
	    strcmp(n->ipam_driver, "host-local") != 0)
		return err_say(e, ENOTSUP,
			       "IPAM plugin \"%s\" not found: there is default, which is "
			       "host-local",
			       n->ipam_driver);

	return 0;
}

/* A template is of no driver, and of what the network is, not of who may use it. */
static int check_config_only(const struct network_new *n, struct err *e)
{
	if (n->net.config_from)
		return err_say(e, EINVAL,
			       "a configuration network cannot depend on another configuration "
			       "network");
	if (n->net.internal || n->net.attachable || n->scope)
		return err_say(e, EINVAL,
			       "configuration network can only contain network specific fields; "
			       "internal, attachable and scope are for the network that is made "
			       "from it");

	return 0;
}

/* An overlay spans hosts, and nothing else does: either of scope and driver says the other. */
static int set_scope(struct network_new *n, struct err *e)
{
	bool overlay = n->driver && strcmp(n->driver, "overlay") == 0;

	if (overlay && !n->scope)
		n->scope = "swarm";
	if (n->scope && network_scope_parse(n->scope, &n->net.scope) < 0)
		return err_say(e, EINVAL, "invalid scope %s: it is local, global or swarm",
			       n->scope);
	if (overlay && n->net.scope != NETWORK_SWARM)
		return err_say(e, EINVAL,
			       "--scope %s: an overlay spans the hosts of a cluster, its scope is "
			       "swarm",
			       n->scope);
	if (n->net.scope == NETWORK_SWARM && !n->driver)
		n->driver = "overlay";
	if (n->net.scope == NETWORK_SWARM && strcmp(n->driver, "overlay") != 0)
		return err_say(e, EINVAL,
			       "--driver %s: a network of swarm scope is an overlay; the same "
			       "network on every host, each by itself, has the scope global",
			       n->driver);

	return 0;
}

static int set_driver(struct network_new *n, struct err *e)
{
	const char *driver = n->driver ? n->driver : "bridge";
	int r = n->net.config_only && !n->driver ? 0 : network_check_driver(driver, e);

	if (r < 0)
		return r;
	n->net.driver = strdup(n->net.config_only ? "null" : driver);

	return n->net.driver ? 0 : err_sys(e, ENOMEM, "create network %s", n->net.name);
}

static int stamp(struct network *net, struct err *e)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	network_id(net->name, net->id);
	net->created = network_time_str(&now);

	return net->created ? 0 : err_sys(e, ENOMEM, "create network %s", net->name);
}

/* All that can be said without a look at other networks. */
static int read_flags(struct network_new *n, struct err *e)
{
	int r;

	if ((r = network_check_name(n->net.name, e)) < 0 || (r = check_flags(n, e)) < 0 ||
	    (r = set_scope(n, e)) < 0 || (r = set_driver(n, e)) < 0 ||
	    (n->net.config_only && (r = check_config_only(n, e)) < 0) ||
	    (r = network_ipam_read(&n->ipam, &n->net, e)) < 0 ||
	    (r = network_check_config(&n->net, e)) < 0)
		return r;

	return stamp(&n->net, e);
}

/* ---- templates ----------------------------------------------------------- */

static struct network *find_template(struct store *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->networks[i].name, name) == 0)
			return &s->networks[i];

	return NULL;
}

static int check_template(const struct network_new *n, const struct network *from, struct err *e)
{
	if (!from)
		return err_say(e, ENOENT, "configuration network \"%s\" not found",
			       n->net.config_from);
	if (!from->config_only)
		return err_say(e, EINVAL, "network \"%s\" is not a configuration network",
			       from->name);
	if (network_ipam_is_set(&n->ipam) || n->ipam_driver || n->net.labels.n > 0 ||
	    n->ipv4_given || n->ipv6_given)
		return err_say(e, EINVAL,
			       "user specified configurations are not supported if the network "
			       "depends on a configuration network");
	if (n->net.options.n > 0)
		return err_say(e, EINVAL,
			       "network driver options are not supported if the network depends "
			       "on a configuration network");

	return 0;
}

/* The store is this process's own, so what the template has can be moved. */
static int apply_template(struct network_new *n, struct store *s, struct err *e)
{
	struct network *from;
	int r;

	if (!n->net.config_from)
		return 0;
	from = find_template(s, n->net.config_from);
	r = check_template(n, from, e);
	if (r < 0)
		return r;
	n->net.ipv4 = from->ipv4;
	n->net.ipv6 = from->ipv6;
	n->net.subnets = MOVE_PTR(from->subnets);
	n->net.n_subnets = from->n_subnets;
	from->n_subnets = 0;
	n->net.options = from->options;
	from->options = (struct network_pairs){ 0 };
	n->net.labels = from->labels;
	from->labels = (struct network_pairs){ 0 };

	return network_check_config(&n->net, e);
}

/* ---- addresses ----------------------------------------------------------- */

/* Subnets of a family that the network does not have, which Docker drops in silence. */
static void drop_subnets(struct network *net)
{
	char text[IP_NET_STRLEN];
	size_t kept = 0;

	for (size_t i = 0; i < net->n_subnets; i++) {
		struct network_subnet *s = &net->subnets[i];
		bool ipv6 = s->subnet.addr.family == AF_INET6;

		if (ipv6 ? net->ipv6 : net->ipv4) {
			net->subnets[kept++] = *s;
			continue;
		}
		command_warn("subnet %s is left out: it needs --ipv%d",
			     ip_net_str(&s->subnet, text), ipv6 ? 6 : 4);
		network_subnet_clear(s);
	}
	net->n_subnets = kept;
}

/* A macvlan is meant to be on a network that the host knows. */
static void warn_of_host_subnets(const struct network *net, const struct pools *pools)
{
	char subnet[IP_NET_STRLEN], other[IP_NET_STRLEN], ifname[IF_NAMESIZE];

	for (size_t i = 0; i < net->n_subnets; i++) {
		const struct ip_net *s = &net->subnets[i].subnet;
		const struct pools_use *use = pools_on_host(pools, s);

		if (!use || ip_is_unspecified(&s->addr) || net->adopted ||
		    strcmp(net->driver, "macvlan") == 0)
			continue;
		if (!if_indextoname((unsigned int)use->index, ifname))
			snprintf(ifname, sizeof(ifname), "if%d", use->index);
		command_warn("subnet %s overlaps %s, which this host reaches by %s",
			     ip_net_str(s, subnet), ip_net_str(&use->net, other), ifname);
	}
}

/* The last word on ranges is of the plugin that will read them. */
static int check_ranges(const struct network *net, struct err *e)
{
	struct jnode root = jn_root(net->conf), plugins, plugin, ipam, ranges;
	int r = 0;

	(void)jn_get(&root, "plugins", &plugins);
	plugin = jn_item(&plugins, 0);
	(void)jn_get(&plugin, "ipam", &ipam);
	(void)jn_get(&ipam, "ranges", &ranges);
	for (size_t i = 0; r == 0 && i < jn_count(&ranges); i++) {
		AUTO(range_set_clear) struct range_set set = { 0 };
		const struct jnode item = jn_item(&ranges, i);

		r = range_set_read(&item, &set, e);
	}

	return r;
}

/* ---- the host's interfaces ----------------------------------------------- */

static int look_at_parent(struct nl *nl, const char *parent, struct err *e)
{
	struct link link;
	int r = link_get(nl, parent, &link, e);

	if (r == -ENODEV)
		return err_say(e, ENODEV, "parent %s: this host has no such interface", parent);

	return r;
}

/* A bridge that somebody has named, and that is there, is not ours to remove. */
static int look_at_bridge(struct nl *nl, struct network *net, const char *bridge, struct err *e)
{
	struct link link;
	int r = bridge_find(nl, bridge, &link, e);

	if (r < 0)
		return r;
	net->adopted = r > 0;

	return 0;
}

static int look_at_links(struct network *net, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct driver_options o;
	int r = driver_options_read(net, &o, e);

	if (r == 0)
		r = nl_open(NETLINK_ROUTE, &nl, e);
	if (r == 0 && o.parent)
		r = look_at_parent(nl, o.parent, e);
	if (r == 0 && o.bridge)
		r = look_at_bridge(nl, net, o.bridge, e);

	return r;
}

/* ---- create -------------------------------------------------------------- */

/* Each network's subnets are taken, whoever made it. */
static int add_networks(struct pools *p, const struct store *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct network *net = &s->networks[i];

		for (size_t k = 0; !net->config_only && k < net->n_subnets; k++) {
			const struct pools_use use = { .net = net->subnets[k].subnet,
						       .on_link = true };

			if (pools_add(p, &use) < 0)
				return err_sys(e, ENOMEM, "look for subnets in use");
		}
	}

	return 0;
}

static int complete(struct network_new *n, const struct store *s, struct err *e)
{
	AUTO(pools_clear) struct pools pools = { 0 };
	int r;

	drop_subnets(&n->net);
	if ((r = network_check_driver_config(&n->net, e)) < 0 ||
	    (r = look_at_links(&n->net, e)) < 0 || (r = pools_init(&pools, e)) < 0 ||
	    (r = add_networks(&pools, s, e)) < 0)
		return r;
	warn_of_host_subnets(&n->net, &pools);
	r = network_plan(&n->net, &pools, e);

	return r < 0 ? r : network_check_addresses(&n->net, e);
}

static int decide(const struct command_env *env, struct network_new *n, struct store *s,
		  struct err *e)
{
	AUTO_FREE char *leases = store_leases(env);
	int r;

	if (!leases)
		return err_sys(e, ENOMEM, "create network %s", n->net.name);
	if ((r = network_check_free(&n->net, s, e)) < 0 || (r = apply_template(n, s, e)) < 0)
		return r;
	if (n->net.config_only)
		return network_conf_write(&n->net, leases, e);
	if ((r = complete(n, s, e)) < 0 || (r = network_conf_write(&n->net, leases, e)) < 0 ||
	    (r = network_check_overlap(&n->net, s, e)) < 0)
		return r;

	return check_ranges(&n->net, e);
}

/* What netd decides is left open; it knows of networks that this host has not heard of yet. */
static int add_shared(const struct command_env *env, struct network_new *n, struct err *e)
{
	AUTO(store_clear) struct store s = { 0 };
	int r;

	if ((r = store_load(env, command_warn_text, &s, e)) < 0 ||
	    (r = network_check_free(&n->net, &s, e)) < 0 || (r = apply_template(n, &s, e)) < 0)
		return r;
	drop_subnets(&n->net);
	if ((r = network_check_driver_config(&n->net, e)) < 0 ||
	    (r = network_check_overlap(&n->net, &s, e)) < 0)
		return r;

	return shared_network_create(env, &n->net, e);
}

int network_new_add(const struct command_env *env, struct network_new *n, struct err *e)
{
	AUTO(store_clear) struct store s = { 0 };
	AUTO_FD int lock = -1;
	int r = read_flags(n, e);

	if (r < 0)
		return r;
	if (!n->net.config_only && shared_network_is(env, &n->net))
		return add_shared(env, n, e);
	lock = store_lock(env, e);
	if (lock < 0)
		return lock;
	if ((r = store_load(env, command_warn_text, &s, e)) < 0 || (r = decide(env, n, &s, e)) < 0)
		return r;

	return store_add(env, &n->net, e);
}
