/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-view - see network-view.h */
#include "cli/network-view.h"

#include <stdio.h>
#include <string.h>

#include "cli/leases.h"
#include "cli/usage.h"
#include "lib/cleanup.h"
#include "lib/ip-json.h"
#include "lib/network-meta.h"

const char *network_view_origin(enum network_origin origin)
{
	switch (origin) {
	case NETWORK_OURS:
		return "heddle";
	case NETWORK_BUILTIN:
		return "builtin";
	case NETWORK_PODMAN:
		return "podman";
	case NETWORK_NERDCTL:
		return "nerdctl";
	case NETWORK_FOREIGN:
		break;
	}

	return "other";
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* ---- ls ------------------------------------------------------------------ */

/* "2026-11-22 08:00:00.5 +0000 UTC", as Go shows a time. */
static json_t *created_at(const char *created)
{
	char text[64], *end;

	snprintf(text, sizeof(text), "%s", or_empty(created));
	end = text + strlen(text);
	if (end == text || end[-1] != 'Z')
		return json_string(text);
	*--end = '\0';
	if (strchr(text, '.')) {
		while (end[-1] == '0')
			end--;
		if (end[-1] == '.')
			end--;
	}
	snprintf(end, sizeof(text) - (size_t)(end - text), " +0000 UTC");
	end = strchr(text, 'T');
	if (end && end < strchr(text, ' '))
		*end = ' ';

	return json_string(text);
}

json_t *network_view_row(const struct network *net)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:s, s:o}", "ID", net->id,
			 "Name", net->name, "Driver", net->driver, "Scope",
			 network_scope_str(net->scope), "CreatedAt", created_at(net->created),
			 "IPv4", net->ipv4, "IPv6", net->ipv6, "Internal", net->internal, "Labels",
			 network_pairs_write(&net->labels), "Origin",
			 network_view_origin(net->origin), ".Label",
			 network_pairs_write(&net->labels));
}

/* ---- addresses of a network ---------------------------------------------- */

/* What is not set is there for templates, which ask every subnet for the same. */
static json_t *subnet_json(const struct network_subnet *s)
{
	bool has_range = ip_is_set(&s->range.addr), has_gateway = ip_is_set(&s->gateway);

	return json_pack("{s:o, s:o, s:o, s:o}", "Subnet", ip_net_json(&s->subnet),
			 has_range ? "IPRange" : ".IPRange",
			 has_range ? ip_net_json(&s->range) : json_string(""),
			 has_gateway ? "Gateway" : ".Gateway",
			 has_gateway ? ip_json(&s->gateway) : json_string(""),
			 s->n_aux > 0 ? "AuxiliaryAddresses" : ".AuxiliaryAddresses",
			 network_aux_write(s));
}

/* What gives the addresses: Docker's word for host-local, else the plugin's name. */
static const char *ipam_driver(const struct network *net)
{
	const json_t *plugin;
	size_t i;

	json_array_foreach(json_object_get(net->conf, "plugins"), i, plugin) {
		const char *type =
			json_string_value(json_object_get(json_object_get(plugin, "ipam"), "type"));

		if (type && *type && strcmp(type, "host-local") != 0)
			return type;
	}

	return "default";
}

static json_t *ipam_json(const struct network *net)
{
	AUTO_JSON json_t *subnets = json_array();

	for (size_t i = 0; i < net->n_subnets; i++)
		if (json_array_append_new(subnets, subnet_json(&net->subnets[i])) < 0)
			return NULL;

	return json_pack("{s:s, s:{}, s:O}", "Driver", ipam_driver(net), "Options", "Config",
			 subnets);
}

/* ---- who is attached ----------------------------------------------------- */

/* The first address of a family with its prefix length, or "". */
static json_t *first_ip(const struct usage_endpoint *ep, uint8_t family)
{
	for (size_t i = 0; i < ep->n_ips; i++)
		if (ep->ips[i].addr.family == family)
			return ip_net_json(&ep->ips[i]);

	return json_string("");
}

static json_t *endpoint_json(const struct usage_endpoint *ep)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "Name", ep->name, "EndpointID", ep->id,
			 "MacAddress", ep->mac, "IPv4Address", first_ip(ep, AF_INET), "IPv6Address",
			 first_ip(ep, AF_INET6));
}

/* By container; a second interface of one has its own ID for a key, as Docker has it. */
static json_t *containers_json(const struct network *net, const struct usage *usage)
{
	AUTO_JSON json_t *containers = json_object();

	for (size_t i = 0; i < usage->n; i++) {
		const struct usage_endpoint *ep = usage->v[i];
		char second[sizeof("ep-") + USAGE_ID_LEN];
		const char *key = ep->container_id;

		if (strcmp(ep->network, net->name) != 0)
			continue;
		snprintf(second, sizeof(second), "ep-%s", ep->id);
		if (json_object_get(containers, key))
			key = second;
		if (json_object_set_new(containers, key, endpoint_json(ep)) < 0)
			return NULL;
	}

	return MOVE_PTR(containers);
}

static json_t *status_json(const struct leases_count *counts, size_t n)
{
	AUTO_JSON json_t *subnets = json_object();

	for (size_t i = 0; i < n; i++) {
		char subnet[IP_NET_STRLEN];
		json_t *count = json_pack("{s:I, s:I}", "IPsInUse", (json_int_t)counts[i].in_use,
					  "DynamicIPsAvailable", (json_int_t)counts[i].available);

		if (json_object_set_new(subnets, ip_net_str(&counts[i].subnet, subnet), count) < 0)
			return NULL;
	}

	return json_pack("{s:{s:O}}", "IPAM", "Subnets", subnets);
}

/* ---- inspect ------------------------------------------------------------- */

static json_t *own_json(const struct network *net)
{
	return json_pack("{s:s, s:s, s:s}", "Origin", network_view_origin(net->origin), "Interface",
			 or_empty(net->link), "File", or_empty(net->file));
}

/* Heddle, or the same for templates alone. */
static int add_own(json_t *doc, const struct network *net, bool verbose)
{
	AUTO_JSON json_t *own = own_json(net);
	const char *key;
	json_t *value;

	if (verbose && json_object_set(doc, "Heddle", own) < 0)
		return -1;
	json_object_foreach(own, key, value) {
		char hidden[16];

		snprintf(hidden, sizeof(hidden), ".%s", key);
		if (json_object_set(doc, hidden, value) < 0)
			return -1;
	}

	return json_object_set_new(doc, ".Label", network_pairs_write(&net->labels));
}

json_t *network_view_inspect(const struct network *net, const struct usage *usage,
			     const struct leases_count *counts, size_t n_counts, bool verbose)
{
	AUTO_JSON json_t *doc = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:b, s:b, s:b, s:{s:s}, s:b, s:o, s:o, "
		"s:o}",
		"Name", net->name, "Id", net->id, "Created", or_empty(net->created), "Scope",
		network_scope_str(net->scope), "Driver", net->driver, "EnableIPv4", net->ipv4,
		"EnableIPv6", net->ipv6, "IPAM", ipam_json(net), "Internal", net->internal,
		"Attachable", net->attachable, "Ingress", false, "ConfigFrom", "Network",
		or_empty(net->config_from), "ConfigOnly", net->config_only, "Options",
		network_pairs_write(&net->options), "Labels", network_pairs_write(&net->labels),
		"Containers", containers_json(net, usage));

	if (!doc ||
	    json_object_set_new(doc, verbose ? "Services" : ".Services", json_object()) < 0 ||
	    json_object_set_new(doc, n_counts > 0 ? "Status" : ".Status",
				status_json(counts, n_counts)) < 0 ||
	    add_own(doc, net, verbose) < 0)
		return NULL;

	return MOVE_PTR(doc);
}
