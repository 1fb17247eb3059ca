/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-conf - see network-conf.h */
#include "lib/network-conf.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/driver-options.h"
#include "lib/err.h"
#include "lib/ip-json.h"
#include "lib/jnode.h"
#include "lib/network-meta.h"
#include "lib/network.h"

static int set_text(json_t *obj, const char *key, const char *text)
{
	return text ? json_object_set_new(obj, key, json_string(text)) : 0;
}

static int set_number(json_t *obj, const char *key, uint32_t number)
{
	return number ? json_object_set_new(obj, key, json_integer(number)) : 0;
}

/* ---- addresses ----------------------------------------------------------- */

static json_t *exclude_json(const struct network_subnet *s)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < s->n_aux; i++) {
		if (json_array_append_new(list, ip_json(&s->aux[i].addr)) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

static json_t *range_json(const struct network_subnet *s)
{
	AUTO_JSON json_t *range = json_object();

	if (!range || ip_net_json_set(range, "subnet", &s->subnet) < 0 ||
	    ip_net_json_set(range, "ipRange", &s->range) < 0 ||
	    ip_json_set(range, "gateway", &s->gateway) < 0 ||
	    (s->n_aux > 0 && json_object_set_new(range, "exclude", exclude_json(s)) < 0))
		return NULL;

	return MOVE_PTR(range);
}

/* Subnets of one family are one set: a container gets one address of them. */
static json_t *set_json(const struct network *net, uint8_t family)
{
	AUTO_JSON json_t *set = json_array();

	for (size_t i = 0; set && i < net->n_subnets; i++) {
		if (net->subnets[i].subnet.addr.family != family)
			continue;
		if (json_array_append_new(set, range_json(&net->subnets[i])) < 0)
			return NULL;
	}

	return MOVE_PTR(set);
}

static json_t *ranges_json(const struct network *net)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	AUTO_JSON json_t *ranges = json_array();

	for (size_t i = 0; ranges && i < ARRAY_SIZE(families); i++) {
		AUTO_JSON json_t *set = set_json(net, families[i]);

		if (!set || (json_array_size(set) > 0 && json_array_append(ranges, set) < 0))
			return NULL;
	}

	return MOVE_PTR(ranges);
}

/* Docker's names for a default gateway that is not the bridge. */
static const struct ip_addr *other_gateway(const struct network *net, uint8_t family)
{
	const char *name = family == AF_INET ? "DefaultGatewayIPv4" : "DefaultGatewayIPv6";

	for (size_t i = 0; i < net->n_subnets; i++) {
		const struct network_subnet *s = &net->subnets[i];

		for (size_t k = 0; k < s->n_aux; k++)
			if (strcmp(s->aux[k].name, name) == 0 && s->aux[k].addr.family == family)
				return &s->aux[k].addr;
	}

	return NULL;
}

static int add_route(json_t *routes, const struct network *net, uint8_t family)
{
	const struct ip_addr *gw = other_gateway(net, family);
	json_t *route = json_pack("{s:s}", "dst", family == AF_INET ? "0.0.0.0/0" : "::/0");

	if (json_array_append_new(routes, route) < 0)
		return -1;

	return gw ? ip_json_set(route, "gw", gw) : 0;
}

/* The default routes; an internal network has none. */
static json_t *routes_json(const struct network *net)
{
	AUTO_JSON json_t *routes = json_array();

	if (!routes || (net->ipv4 && !net->internal && add_route(routes, net, AF_INET) < 0) ||
	    (net->ipv6 && !net->internal && add_route(routes, net, AF_INET6) < 0))
		return NULL;

	return MOVE_PTR(routes);
}

static json_t *ipam_json(const struct network *net, const char *leases)
{
	AUTO_JSON json_t *ipam = json_pack("{s:s, s:o, s:o}", "type", "host-local", "ranges",
					   ranges_json(net), "routes", routes_json(net));
	bool elsewhere = leases && strcmp(leases, NETWORK_LEASES) != 0;

	if (!ipam || (elsewhere && set_text(ipam, "dataDir", leases) < 0))
		return NULL;

	return MOVE_PTR(ipam);
}

/* ---- plugins ------------------------------------------------------------- */

static json_t *bridge_json(const struct network *net, const struct driver_options *o,
			   const char *leases)
{
	AUTO_JSON json_t *plugin = json_pack("{s:s, s:s, s:b, s:b, s:b, s:{s:b, s:b}, s:o}", "type",
					     "bridge", "bridge", net->link, "isGateway",
					     o->bridge_address, "ipMasq", o->masquerade,
					     "hairpinMode", true, "capabilities", "ips", true,
					     "mac", true, "ipam", ipam_json(net, leases));

	if (!plugin || set_number(plugin, "mtu", o->mtu) < 0 ||
	    set_number(plugin, "vlan", o->vlan) < 0)
		return NULL;

	return MOVE_PTR(plugin);
}

static json_t *portmap_json(const struct driver_options *o)
{
	AUTO_JSON json_t *plugin = json_pack("{s:s, s:{s:b}}", "type", "portmap", "capabilities",
					     "portMappings", true);

	return plugin && ip_json_set(plugin, "hostIP", &o->host_ip) == 0 ? MOVE_PTR(plugin) : NULL;
}

static json_t *bridge_chain(const struct network *net, const struct driver_options *o,
			    const char *leases)
{
	const char *policy = "isolated";

	if (o->icc)
		policy = o->isolate ? "same-bridge" : "open";

	return json_pack("[o, o, {s:s, s:s, s:o*}]", bridge_json(net, o, leases), portmap_json(o),
			 "type", "firewall", "ingressPolicy", policy, "internal",
			 net->internal ? json_true() : NULL);
}

static json_t *macvlan_chain(const struct network *net, const struct driver_options *o,
			     const char *leases)
{
	AUTO_JSON json_t *plugin = json_pack("{s:s, s:{s:b, s:b}, s:o}", "type", "macvlan",
					     "capabilities", "ips", true, "mac", true, "ipam",
					     ipam_json(net, leases));

	if (!plugin || set_text(plugin, "master", o->parent) < 0 ||
	    set_text(plugin, "mode", o->mode) < 0 || set_number(plugin, "mtu", o->mtu) < 0)
		return NULL;

	return json_pack("[O]", plugin);
}

/* netd has the addresses, so there is no ipam. */
static json_t *overlay_chain(const struct network *net, const struct driver_options *o)
{
	AUTO_JSON json_t *plugin = json_pack("{s:s, s:s, s:{s:b, s:b, s:b}}", "type", "overlay",
					     "network", net->name, "capabilities", "ips", true,
					     "mac", true, "aliases", true);

	if (!plugin || set_text(plugin, "bridge", net->link) < 0)
		return NULL;

	return json_pack("[O, o, {s:s, s:s, s:o*}]", plugin, portmap_json(o), "type", "firewall",
			 "ingressPolicy", o->isolate ? "same-bridge" : "open", "internal",
			 net->internal ? json_true() : NULL);
}

static json_t *chain_json(const struct network *net, const struct driver_options *o,
			  const char *leases)
{
	if (strcmp(net->driver, "overlay") == 0)
		return overlay_chain(net, o);

	return strcmp(net->driver, "macvlan") == 0 ? macvlan_chain(net, o, leases)
						   : bridge_chain(net, o, leases);
}

/* ---- the whole ----------------------------------------------------------- */

static int set_link(struct network *net, const struct driver_options *o, struct err *e)
{
	char name[IFNAMSIZ];
	const char *link = o->parent;

	if (strcmp(net->driver, "overlay") == 0)
		return 0;
	if (strcmp(net->driver, "bridge") == 0) {
		snprintf(name, sizeof(name), "hb-%.12s", net->id);
		link = o->bridge ? o->bridge : name;
	}
	free(net->link);
	net->link = link ? strdup(link) : NULL;

	return link && !net->link ? err_sys(e, ENOMEM, "write network %s", net->name) : 0;
}

static json_t *conflist_json(const struct network *net, const struct driver_options *o,
			     const char *leases)
{
	AUTO_JSON json_t *doc = json_pack("{s:s, s:[s, s, s], s:s, s:o, s:o}", "cniVersion",
					  "1.0.0", "cniVersions", "0.4.0", "1.0.0", "1.1.0", "name",
					  net->name, "heddle", network_meta_write(net), "plugins",
					  chain_json(net, o, leases));

	if (!doc || (net->labels.n > 0 &&
		     json_object_set_new(doc, "args",
					 json_pack("{s:o}", "podman_labels",
						   network_pairs_write(&net->labels))) < 0))
		return NULL;

	return MOVE_PTR(doc);
}

int network_conf_write(struct network *net, const char *leases, struct err *e)
{
	struct driver_options o;
	json_t *doc;
	int r = 0;

	network_id(net->name, net->id);
	if (net->config_only) {
		doc = json_pack("{s:s, s:o}", "name", net->name, "heddle", network_meta_write(net));
	} else {
		if ((r = driver_options_read(net, &o, e)) < 0 || (r = set_link(net, &o, e)) < 0)
			return r;
		doc = conflist_json(net, &o, leases);
	}
	if (!doc)
		return err_sys(e, ENOMEM, "write network %s", net->name);
	json_decref(net->conf);
	net->conf = doc;

	return 0;
}

const char *network_conf_leases(const struct network *net)
{
	const struct jnode root = jn_root(net->conf);
	struct jnode plugins, plugin, ipam, dir;

	if (!jn_get(&root, "plugins", &plugins))
		return NETWORK_LEASES;
	plugin = jn_item(&plugins, 0);
	if (!jn_get(&plugin, "ipam", &ipam) || !jn_get(&ipam, "dataDir", &dir) ||
	    json_string_length(dir.json) == 0)
		return NETWORK_LEASES;

	return json_string_value(dir.json);
}
