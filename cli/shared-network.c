/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared-network - see shared-network.h */
#include "cli/shared-network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip-json.h"
#include "lib/netd.h"
#include "lib/network-meta.h"
#include "lib/network.h"

#define LOOK_MS	   5000
#define LIST_MS	   1000
#define ID_DIGITS  32
#define TIMEOUT_MS 15000 /* netd asks other nodes for a VNI or a subnet, 500 ms each */

static bool netd_runs(const struct command_env *env)
{
	AUTO(netd_closep) struct netd *netd = NULL;

	return netd_connect(env->netd_socket, &netd, NULL) == 0;
}

bool shared_network_is(const struct command_env *env, const struct network *net)
{
	return net->scope == NETWORK_SWARM || (net->scope == NETWORK_GLOBAL && netd_runs(env));
}

int shared_network_create(const struct command_env *env, const struct network *net, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = network_meta_write(net);
	int r;

	if (!params || json_object_set_new(params, "name", json_string(net->name)) < 0)
		return err_sys(e, ENOMEM, "create network %s", net->name);
	r = netd_connect(env->netd_socket, &netd, e);
	if (r < 0)
		return err_wrap(e, r, "cannot create a %s scoped network when swarm is not active",
				network_scope_str(net->scope));

	return netd_call(netd, "network.create", params, TIMEOUT_MS, NULL, e);
}

int shared_network_remove(const struct command_env *env, const struct network *net, struct err *e)
{
	return shared_network_remove_id(env, net->name, e);
}

bool shared_network_is_id(const char *ref)
{
	return strlen(ref) == ID_DIGITS && strspn(ref, "0123456789abcdef") == ID_DIGITS;
}

int shared_network_remove_id(const struct command_env *env, const char *id, struct err *e)
{
	return ask_netd(env, "network.remove", json_pack("{s:s}", "name", id), TIMEOUT_MS, NULL, e);
}

/* ---- what networks have lost --------------------------------------------- */

static const char *text(const json_t *obj, const char *key)
{
	const char *value = json_string_value(json_object_get(obj, key));

	return value ? value : "";
}

static void warn_of(const json_t *net)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(net, "conflicts"), i, c)
		command_warn("network %s (%s) has lost %s to network %s (%s), and takes no new "
			     "containers: see heddle doctor",
			     text(net, "name"), text(net, "id"), text(c, "text"),
			     text(c, "network"), text(c, "id"));
}

void shared_network_warn(const struct command_env *env)
{
	AUTO_JSON json_t *answer = NULL;
	const json_t *net;
	size_t i;

	if (ask_netd(env, "network.list", json_object(), LIST_MS, &answer, NULL) < 0)
		return;
	json_array_foreach(json_object_get(answer, "networks"), i, net)
		warn_of(net);
}

/* In the words of `network inspect`. */
static json_t *conflicts_json(const json_t *conflicts)
{
	AUTO_JSON json_t *list = json_array();
	const json_t *c;
	size_t i;

	json_array_foreach(conflicts, i, c) {
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s, s:s}", "Lost", text(c, "text"),
						    "Network", text(c, "network"), "ID",
						    text(c, "id"))) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

/* ---- what others have ---------------------------------------------------- */

/* "10.20.0.5/24": netd says addresses alone, people want them with the subnet's length. */
static json_t *with_length(const struct network *net, const struct ip_addr *ip)
{
	struct ip_net text = ip_host_net(ip);

	for (size_t i = 0; i < net->n_subnets; i++)
		if (ip_net_contains(&net->subnets[i].subnet, ip))
			text.len = net->subnets[i].subnet.len;

	return ip_net_json(&text);
}

static int set_addresses(json_t *container, const struct network *net, const json_t *ips)
{
	const json_t *text;
	struct ip_addr ip;
	size_t i;

	json_array_foreach(ips, i, text) {
		if (ip_parse(json_string_value(text), &ip) < 0)
			continue;
		if (json_object_set_new(container,
					ip.family == AF_INET ? "IPv4Address" : "IPv6Address",
					with_length(net, &ip)) < 0)
			return -1;
	}

	return 0;
}

/* One of another node, in the form of those that are here. */
static json_t *container_json(const struct network *net, const json_t *endpoint)
{
	const json_t *names = json_object_get(endpoint, "names");
	const char *id = json_string_value(json_object_get(endpoint, "container"));
	const char *name = json_string_value(json_array_get(names, 0));
	AUTO_JSON json_t *c = json_pack("{s:s, s:s, s:O, s:s, s:s}", "Name", name ? name : id,
					"EndpointID", "", "MacAddress",
					json_object_get(endpoint, "mac"), "IPv4Address", "",
					"IPv6Address", "");

	if (!c || set_addresses(c, net, json_object_get(endpoint, "ips")) < 0)
		return NULL;

	return MOVE_PTR(c);
}

/* A namespace is its own ID, and may be called so on each host: then @id is followed by @node. */
static int add_container(const struct network *net, const json_t *endpoint, json_t *containers)
{
	const char *id = text(endpoint, "container"), *node = text(endpoint, "node");
	json_t *there = json_object_get(containers, id);
	AUTO_FREE char *key = NULL;

	if (there && strcmp(text(there, "MacAddress"), text(endpoint, "mac")) == 0)
		return json_object_set_new(there, "Node", json_string(node));
	if (asprintf(&key, "%s%s%s", id, there ? "@" : "", there ? node : "") < 0 ||
	    json_object_set_new(containers, key, container_json(net, endpoint)) < 0)
		return -1;

	return json_object_set_new(json_object_get(containers, key), "Node", json_string(node));
}

static int add_containers(const struct network *net, const json_t *endpoints, json_t *containers)
{
	const json_t *endpoint;
	size_t i;

	json_array_foreach(endpoints, i, endpoint)
		if (add_container(net, endpoint, containers) < 0)
			return -1;

	return 0;
}

static json_t *peers_json(const json_t *peers)
{
	AUTO_JSON json_t *list = json_array();
	const json_t *peer;
	size_t i;

	json_array_foreach(peers, i, peer) {
		if (json_array_append_new(list, json_pack("{s:O, s:O}", "Name",
							  json_object_get(peer, "name"), "IP",
							  json_object_get(peer, "ip"))) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

int shared_network_describe(const struct command_env *env, const struct network *net, json_t *doc,
			    struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	const json_t *conflicts;
	int r = ask_netd(env, "network.inspect", json_pack("{s:s}", "name", net->name), LOOK_MS,
			 &answer, e);

	if (r < 0)
		return r;
	conflicts = json_object_get(answer, "conflicts");
	if (json_object_set_new(doc, "Peers", peers_json(json_object_get(answer, "peers"))) < 0 ||
	    add_containers(net, json_object_get(answer, "endpoints"),
			   json_object_get(doc, "Containers")) < 0 ||
	    (json_array_size(conflicts) > 0 &&
	     json_object_set_new(doc, "Conflicts", conflicts_json(conflicts)) < 0))
		return err_sys(e, ENOMEM, "inspect network %s", net->name);

	return 0;
}
