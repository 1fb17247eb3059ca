/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-remove - see network-remove.h */
#include "cli/network-remove.h"

#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cache.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/shared-network.h"
#include "ipam/lease.h"
#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/network-conf.h"
#include "lib/nl.h"

int network_remover_open(struct network_remover *m, const struct command_env *env, struct err *e)
{
	int r;

	m->env = env;
	m->lock = store_lock(env, e);
	if (m->lock < 0)
		return m->lock;
	r = store_load(env, command_warn_text, &m->store, e);

	return r < 0 ? r : usage_load(env, &m->store, NULL, &m->usage, e);
}

void network_remover_close(struct network_remover *m)
{
	usage_clear(&m->usage);
	store_clear(&m->store);
	if (m->lock >= 0)
		close(m->lock);
	*m = NETWORK_REMOVER_CLOSED;
}

/* ---- whether it may go --------------------------------------------------- */

static bool is_on(const struct usage_endpoint *ep, const struct network *net,
		  enum usage_state state)
{
	return ep->state == state && strcmp(ep->network, net->name) == 0;
}

static int check_endpoints(const struct network_remover *m, const struct network *net,
			   struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->usage.n; i++) {
		const struct usage_endpoint *ep = m->usage.v[i];
		size_t used;

		if (!is_on(ep, net, USAGE_ALIVE))
			continue;
		if (r == 0)
			r = err_say(e, EBUSY, "network %s has active endpoints (", net->name);
		else if (e)
			strncat(e->msg, ", ", sizeof(e->msg) - strlen(e->msg) - 1);
		if (!e)
			break;
		used = strlen(e->msg);
		snprintf(e->msg + used, sizeof(e->msg) - used, "name:\"%s\" id:\"%.12s\"", ep->name,
			 ep->id);
	}
	if (r < 0 && e)
		strncat(e->msg, ")", sizeof(e->msg) - strlen(e->msg) - 1);

	return r;
}

static int check_template(const struct store *s, const struct network *net, struct err *e)
{
	int r;

	for (size_t i = 0; net->config_only && i < s->n; i++) {
		const char *from = s->networks[i].config_from;

		if (!from || strcmp(from, net->name) != 0)
			continue;
		r = err_say(e, EBUSY, "configuration network \"%s\" is in use", net->name);
		err_detail(e, "the network %s was made from it", s->networks[i].name);
		return r;
	}

	return 0;
}

int network_remover_check(const struct network_remover *m, const struct network *net, struct err *e)
{
	int r;

	if (network_is_predefined(net->name))
		return err_say(e, EPERM, "%s is a pre-defined network and cannot be removed",
			       net->name);
	if (net->file && access(net->file, F_OK) < 0 && errno == ENOENT)
		return err_say(e, ENOENT, "network %s not found", net->name);
	r = check_template(&m->store, net, e);

	return r < 0 ? r : check_endpoints(m, net, e);
}

/* ---- what attachments left ----------------------------------------------- */

/* Those of whom only a lease is known keep what they have. */
static int collect(const struct network_remover *m, const struct network *net, struct err *e)
{
	AUTO_FREE struct cache_entry *entries = calloc(m->usage.n + 1, sizeof(*entries));
	AUTO_FREE const struct cache_entry **valid =
		calloc(m->usage.n + 1, sizeof(struct cache_entry *));
	size_t n = 0;

	if (!entries || !valid)
		return err_sys(e, ENOMEM, "remove network %s", net->name);
	for (size_t i = 0; i < m->usage.n; i++) {
		const struct usage_endpoint *ep = m->usage.v[i];

		if (!is_on(ep, net, USAGE_UNKNOWN))
			continue;
		entries[n] = (struct cache_entry){ .network = ep->network,
						   .container_id = ep->container_id,
						   .ifname = ep->ifname };
		valid[n] = &entries[n];
		n++;
	}

	return chain_gc(m->env, net, valid, n, e);
}

/* What host-local keeps beside leases, for the next one. */
static bool is_bookkeeping(const char *name)
{
	return strcmp(name, "lock") == 0 || strcmp(name, LEASE_INDEX_NAME) == 0 ||
	       strncmp(name, "last_reserved_ip.", 17) == 0;
}

/* Whoever has a lease still keeps the directory, as do files of others. */
static int empty_leases(const struct lease_store *s, struct err *e)
{
	DIR *dir = opendir(s->path);
	const struct dirent *d;
	bool left = false;

	if (!dir)
		return err_sys(e, errno, "list %s", s->path);
	while ((d = readdir(dir)))
		left |= !is_bookkeeping(d->d_name) && strcmp(d->d_name, ".") != 0 &&
			strcmp(d->d_name, "..") != 0;
	rewinddir(dir);
	while (!left && (d = readdir(dir)))
		(void)unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
	if (!left && rmdir(s->path) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return err_sys(e, errno, "remove %s", s->path);

	return 0;
}

static int remove_leases(const struct network *net, struct err *e)
{
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	int r = lease_open(&s, network_conf_leases(net), net->name, LEASE_CHANGE, LEASE_LOCK_MS, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;

	return empty_leases(&s, e);
}

/* ---- the bridge ---------------------------------------------------------- */

static int delete_bridge(struct nl *nl, const struct link *bridge, struct err *e)
{
	size_t n;
	int r = bridge_count_ports(nl, bridge->index, &n, e);

	if (r < 0)
		return r;
	if (n > 0) {
		command_warn("the bridge %s stays: it has %zu ports of others", bridge->name, n);
		return 0;
	}

	return link_del_quick(nl, bridge->index, e);
}

/* With a VLAN, the gateway's address is on a pair whose other end is a port. */
static int delete_vlan_gateway(struct nl *nl, const struct network *net, struct err *e)
{
	const char *vlan = network_pairs_get(&net->options, "vlan");
	char name[IFNAMSIZ];
	struct link link;
	int r;

	if (!vlan)
		return 0;
	snprintf(name, sizeof(name), "%s.%s", net->link, vlan);
	r = link_get(nl, name, &link, e);
	if (r < 0)
		return r == -ENODEV ? 0 : r;

	return link_del_quick(nl, link.index, e);
}

static int remove_bridge(const struct network *net, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct link link;
	int r;

	if (!net->link || net->adopted || strcmp(net->driver, "bridge") != 0)
		return 0;
	if ((r = nl_open(NETLINK_ROUTE, &nl, e)) < 0 || (r = delete_vlan_gateway(nl, net, e)) < 0)
		return r;
	r = link_get(nl, net->link, &link, e);
	if (r < 0)
		return r == -ENODEV ? 0 : r;

	return strcmp(link.kind, "bridge") == 0 ? delete_bridge(nl, &link, e) : 0;
}

/* ---- remove -------------------------------------------------------------- */

int network_remover_remove(const struct network_remover *m, const struct network *net,
			   struct err *e)
{
	struct err why;
	int r = network_remover_check(m, net, e);

	if (r < 0)
		return r;
	if (net->origin == NETWORK_OURS && !net->config_only && shared_network_is(m->env, net)) {
		r = shared_network_remove(m->env, net, e);
		/* One of scope global may be this host's own, made when no netd ran. */
		if (r == 0 || e->cni != CNI_E_UNKNOWN || net->scope == NETWORK_SWARM)
			return r;
	}
	if (!net->config_only && net->origin != NETWORK_FOREIGN) {
		/* A plugin that is missing must not keep a network for ever. */
		if (collect(m, net, &why) < 0)
			command_warn("%s", why.msg);
		if ((r = remove_bridge(net, e)) < 0 || (r = remove_leases(net, e)) < 0)
			return r;
	}

	return store_remove(net, e);
}
