/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-foreign - see network-foreign.h
 *
 * Source: what Podman 4 and nerdctl 2 write, and how they read it back.
 */
#include "cli/network-foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/network-meta.h"
#include "lib/network.h"

/* "" where it is not there or no string. */
static const char *text_of(const struct jnode *obj, const char *key)
{
	struct jnode n;

	return jn_get(obj, key, &n) && json_is_string(n.json) ? json_string_value(n.json) : "";
}

static bool is_true(const struct jnode *obj, const char *key)
{
	struct jnode n;

	return jn_get(obj, key, &n) && json_is_true(n.json);
}

/* ---- whose it is --------------------------------------------------------- */

/* Podman marks its files in no way of their own, if there are no labels and options. */
static bool is_podman(const struct jnode *doc, const struct jnode *plugin, const char *file,
		      const char *name)
{
	const char *base = strrchr(file, '/');
	char want[NETWORK_NAME_MAX + sizeof(".conflist")];
	struct jnode args, mark;

	if (jn_get(doc, "args", &args) &&
	    (jn_get(&args, "podman_labels", &mark) || jn_get(&args, "podman_options", &mark)))
		return true;
	if (strncmp(text_of(plugin, "bridge"), "cni-podman", 10) == 0)
		return true;
	snprintf(want, sizeof(want), "%s.conflist", name);

	return strcmp(base ? base + 1 : file, want) == 0 &&
	       strcmp(text_of(doc, "cniVersion"), "0.4.0") == 0 &&
	       strstr(text_of(plugin, "type"), "vlan");
}

static enum network_origin origin_of(const struct jnode *doc, const struct jnode *plugin,
				     const char *file, const char *name)
{
	struct jnode id;

	if (jn_get(doc, "nerdctlID", &id))
		return NETWORK_NERDCTL;

	return is_podman(doc, plugin, file, name) ? NETWORK_PODMAN : NETWORK_FOREIGN;
}

/* ---- subnets ------------------------------------------------------------- */

/*
 * Podman keeps --ip-range as its first and last address, of which the first is
 * moved behind the network address.
 */
static struct ip_net net_between(struct ip_addr first, const struct ip_addr *last)
{
	struct ip_net net = { .addr = first, .len = ip_bits(first.family) };
	struct ip_addr before = first;

	while (net.len > 0 && !ip_net_contains(&net, last)) {
		net.len--;
		net.addr = ip_net_first(&net);
	}
	net.addr = ip_net_first(&net);
	(void)ip_prev(&before);
	if (!ip_equal(&net.addr, &first) && !ip_equal(&net.addr, &before))
		return (struct ip_net){ 0 };
	before = ip_net_last(&net);

	return ip_equal(&before, last) ? net : (struct ip_net){ 0 };
}

static struct ip_net range_of(const struct jnode *range, const struct ip_net *subnet)
{
	struct ip_addr first, last;
	struct ip_net net = { 0 };

	if (ip_net_parse(text_of(range, "ipRange"), &net) == 0)
		return net;
	if (ip_parse(text_of(range, "rangeStart"), &first) < 0 ||
	    ip_parse(text_of(range, "rangeEnd"), &last) < 0 || first.family != last.family)
		return (struct ip_net){ 0 };
	net = net_between(first, &last);
	if (net.len == subnet->len) /* the whole of it, which nobody has to say */
		net = (struct ip_net){ 0 };

	return net;
}

static struct network_subnet *find_subnet(const struct network *net, const struct ip_net *subnet)
{
	for (size_t i = 0; i < net->n_subnets; i++) {
		struct ip_net *s = &net->subnets[i].subnet;

		if (s->len == subnet->len && ip_equal(&s->addr, &subnet->addr))
			return &net->subnets[i];
	}

	return NULL;
}

/* nerdctl cuts a subnet with auxiliary addresses into several ranges. */
static int read_range(const struct jnode *range, struct network *net, struct err *e)
{
	struct network_subnet *s;
	struct ip_net subnet;

	if (ip_net_parse(text_of(range, "subnet"), &subnet) < 0)
		return 0;
	subnet.addr = ip_net_first(&subnet);
	s = find_subnet(net, &subnet);
	if (s) {
		s->range = (struct ip_net){ 0 };
		return 0;
	}

	s = network_add_subnet(net, &subnet);
	if (!s)
		return err_sys(e, ENOMEM, "read subnets");
	s->range = range_of(range, &subnet);
	(void)ip_parse(text_of(range, "gateway"), &s->gateway);
	if (subnet.addr.family == AF_INET)
		net->ipv4 = true;
	else
		net->ipv6 = true;

	return 0;
}

/* host-local's ranges, sets of ranges, or one range beside its other keys. */
static int read_ranges(const struct jnode *ipam, struct network *net, struct err *e)
{
	struct jnode ranges;
	int r = read_range(ipam, net, e);

	if (!jn_get(ipam, "ranges", &ranges))
		return r;
	for (size_t i = 0; r == 0 && i < jn_count(&ranges); i++) {
		const struct jnode set = jn_item(&ranges, i);

		for (size_t k = 0; r == 0 && k < jn_count(&set); k++) {
			const struct jnode range = jn_item(&set, k);

			r = read_range(&range, net, e);
		}
	}

	return r;
}

static bool has_default_route(const struct jnode *ipam)
{
	struct jnode routes;

	if (!jn_get(ipam, "routes", &routes))
		return false;
	for (size_t i = 0; i < jn_count(&routes); i++) {
		const struct jnode route = jn_item(&routes, i);
		struct ip_net dst;

		if (ip_net_parse(text_of(&route, "dst"), &dst) == 0 && dst.len == 0)
			return true;
	}

	return false;
}

/* ---- the rest ------------------------------------------------------------ */

static int set_number(struct network *net, const struct jnode *plugin, const char *from,
		      const char *to, struct err *e)
{
	struct jnode n;
	char text[24];

	if (!jn_get(plugin, from, &n) || json_integer_value(n.json) <= 0)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(n.json));

	return network_pairs_set(&net->options, to, text, e);
}

static int set_text(struct network *net, const struct jnode *plugin, const char *from,
		    const char *to, struct err *e)
{
	const char *text = text_of(plugin, from);

	return *text ? network_pairs_set(&net->options, to, text, e) : 0;
}

static int read_options(const struct jnode *doc, const struct jnode *plugin, struct network *net,
			struct err *e)
{
	struct jnode args, options;
	int r;

	if ((r = set_text(net, plugin, "bridge", "com.docker.network.bridge.name", e)) < 0 ||
	    (r = set_text(net, plugin, "master", "parent", e)) < 0 ||
	    (r = set_text(net, plugin, "mode", "mode", e)) < 0 ||
	    (r = set_number(net, plugin, "mtu", "com.docker.network.driver.mtu", e)) < 0 ||
	    (r = set_number(net, plugin, "vlan", "vlan", e)) < 0)
		return r;
	if (jn_get(doc, "args", &args) && jn_get(&args, "podman_options", &options) &&
	    json_is_object(options.json))
		return network_pairs_read(&options, &net->options, e);

	return 0;
}

static int read_labels(const struct jnode *doc, struct network *net, struct err *e)
{
	struct jnode args, labels;

	if (((jn_get(doc, "args", &args) && jn_get(&args, "podman_labels", &labels)) ||
	     jn_get(doc, "nerdctlLabels", &labels)) &&
	    json_is_object(labels.json))
		return network_pairs_read(&labels, &net->labels, e);

	return 0;
}

static int set_driver(struct network *net, const struct jnode *plugin, struct err *e)
{
	const char *link = text_of(plugin, "bridge");

	if (!*link)
		link = text_of(plugin, "master");
	net->driver = strdup(text_of(plugin, "type"));
	net->link = *link ? strdup(link) : NULL;

	return !net->driver || (*link && !net->link) ? err_sys(e, ENOMEM, "read a network") : 0;
}

/* As Podman and nerdctl read it back, where the bridge has no address; unless routes lead on. */
static bool is_internal(const struct jnode *plugin, const struct jnode *ipam)
{
	return strcmp(text_of(plugin, "type"), "bridge") == 0 && !is_true(plugin, "isGateway") &&
	       !is_true(plugin, "isDefaultGateway") && !has_default_route(ipam);
}

int network_foreign_read(const struct jnode *doc, const char *file, struct network *net,
			 struct err *e)
{
	struct jnode plugins, plugin, ipam = { 0 };
	int r;

	(void)jn_get(doc, "plugins", &plugins);
	plugin = jn_item(&plugins, 0);
	(void)jn_get(&plugin, "ipam", &ipam);
	net->origin = origin_of(doc, &plugin, file, net->name);
	net->internal = is_internal(&plugin, &ipam);

	if ((r = set_driver(net, &plugin, e)) < 0 || (r = read_ranges(&ipam, net, e)) < 0 ||
	    (r = read_options(doc, &plugin, net, e)) < 0)
		return r;

	return read_labels(doc, net, e);
}
