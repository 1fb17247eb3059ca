/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-network - see docker-network.h */
#include "netd/docker-network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/boolean.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip-json.h"
#include "lib/jnode.h"
#include "lib/link.h"
#include "lib/mac.h"
#include "netd/docker-private.h"
#include "netd/store.h"

#define GENERIC "com.docker.network.generic" /* what -o says */

static int read_id(const struct jnode *request, const char *key, char ret[DOCKER_ID_MAX + 1],
		   struct err *e)
{
	const char *text;
	int r = docker_need_text(request, key, &text, e);

	if (r < 0)
		return r;
	if (strlen(text) > DOCKER_ID_MAX)
		return err_cni(e, CNI_E_CONFIG, "%s is longer than %d characters", key,
			       DOCKER_ID_MAX);
	strcpy(ret, text);

	return 0;
}

/* ---- what -o says -------------------------------------------------------- */

static int opt_bridge(struct docker_network *n, const struct jnode *v, const char *text,
		      struct err *e)
{
	if (strlen(text) == 0 || strlen(text) >= IFNAMSIZ || strpbrk(text, "/: \t\n"))
		return jn_bad(v, e, "\"%s\" is no interface's name", text);
	strcpy(n->bridge, text);

	return 0;
}

static int opt_ports(struct docker_network *n, const struct jnode *v, const char *text,
		     struct err *e)
{
	if (strcmp(text, "docker") != 0 && strcmp(text, "heddle") != 0)
		return jn_bad(v, e, "\"%s\" is neither docker nor heddle", text);
	n->ports = strcmp(text, "heddle") == 0;

	return 0;
}

static int opt_mtu(struct docker_network *n, const struct jnode *v, const char *text, struct err *e)
{
	char *end;
	unsigned long mtu = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || mtu < 68 || mtu > 65535)
		return jn_bad(v, e, "\"%s\" is no MTU: it is a number from 68 to 65535", text);
	n->mtu = (uint32_t)mtu;

	return 0;
}

static int opt_internal(struct docker_network *n, const struct jnode *v, const char *text,
			struct err *e)
{
	int value = boolean_parse(text);

	if (value < 0)
		return jn_bad(v, e, "\"%s\" is neither true nor false", text);
	n->internal = value > 0;

	return 0;
}

static int opt_network(struct docker_network *n, const struct jnode *v, const char *text,
		       struct err *e)
{
	if (*text == '\0' || strlen(text) >= sizeof(n->shared))
		return jn_bad(v, e, "\"%s\" is no network's name", text);
	strcpy(n->shared, text);

	return 0;
}

static int opt_scope(struct docker_network *n, const struct jnode *v, const char *text,
		     struct err *e)
{
	if (strcmp(text, "local") != 0 && strcmp(text, "swarm") != 0)
		return jn_bad(v, e, "\"%s\" is neither local nor swarm", text);
	n->spans = strcmp(text, "swarm") == 0;

	return 0;
}

/* Docker's own names, and short ones. */
static const struct option {
	const char *key;
	int (*read)(struct docker_network *n, const struct jnode *v, const char *text,
		    struct err *e);
} options[] = {
	{ "com.docker.network.bridge.name", opt_bridge },
	{ "com.docker.network.driver.mtu", opt_mtu },
	{ "com.docker.network.internal", opt_internal },
	{ "mtu", opt_mtu },
	{ "network", opt_network },
	{ "ports", opt_ports },
	{ "scope", opt_scope },
};

static int read_option(struct docker_network *n, const struct jnode *v, struct err *e)
{
	const char *text;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].key, v->key) != 0)
			continue;
		r = jn_str(v, &text, e);
		return r < 0 ? r : options[i].read(n, v, text, e);
	}

	return jn_bad(v, e, "no such option: there are bridge.name, mtu, network, ports and scope");
}

static int read_options(const struct jnode *request, struct docker_network *n, struct err *e)
{
	struct jnode all, generic, internal;
	const char *key;
	json_t *value;
	int r = 0;

	if (!jn_get(request, "Options", &all))
		return 0;
	if (jn_get(&all, "com.docker.network.internal", &internal) &&
	    (r = jn_bool(&internal, &n->internal, e)) < 0)
		return r;
	if (!jn_get(&all, GENERIC, &generic))
		return 0;
	json_object_foreach(generic.json, key, value) {
		const struct jnode v = { .json = value, .up = &generic, .key = key };

		if (r == 0)
			r = read_option(n, &v, e);
	}

	return r;
}

/* ---- CreateNetwork ------------------------------------------------------- */

static int read_subnet(const struct jnode *data, uint8_t family, struct docker_subnet *ret,
		       struct err *e)
{
	struct jnode pool, gateway;
	struct ip_net net;
	int r = docker_need(data, "Pool", &pool, e);

	if (r < 0 || (r = jn_ip_net(&pool, &net, e)) < 0)
		return r;
	if (net.addr.family != family)
		return jn_bad(&pool, e, "it is no %s subnet", ip_family_name(family));
	ret->net = (struct ip_net){ ip_net_first(&net), net.len };
	if ((r = docker_text(data, "AddressSpace", &ret->space, e)) < 0)
		return r;
	if (!jn_get(data, "Gateway", &gateway) || json_string_length(gateway.json) == 0)
		return 0;
	r = jn_ip_net(&gateway, &net, e);
	if (r == 0 && !ip_net_contains(&ret->net, &net.addr))
		r = jn_bad(&gateway, e, "it is not of the subnet");
	if (r == 0)
		ret->gateway = net.addr;

	return r;
}

static int read_subnets(const struct jnode *request, const char *key, uint8_t family,
			struct docker_subnet *ret, struct err *e)
{
	struct jnode list, item;

	if (!jn_get(request, key, &list) || jn_count(&list) == 0)
		return 0;
	if (jn_count(&list) > 1)
		return jn_bad(&list, e, "a network has one subnet of each family");
	item = jn_item(&list, 0);

	return read_subnet(&item, family, ret, e);
}

static bool has_own_ipam(const struct docker_network *n)
{
	for (size_t i = 0; i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&n->subnets[i].net.addr) &&
		    strcmp(n->subnets[i].space, DOCKER_ADDRESS_SPACE) != 0)
			return false;

	return true;
}

int docker_network_read(const struct jnode *request, struct docker_network *ret, struct err *e)
{
	struct docker_network n = { 0 };
	int r;

	if ((r = read_id(request, "NetworkID", n.id, e)) < 0 ||
	    (r = read_subnets(request, "IPv4Data", AF_INET, &n.subnets[0], e)) < 0 ||
	    (r = read_subnets(request, "IPv6Data", AF_INET6, &n.subnets[1], e)) < 0 ||
	    (r = read_options(request, &n, e)) < 0)
		return r;
	/* dockerd does not say what it calls the network. */
	if (n.spans && !*n.shared)
		snprintf(n.shared, sizeof(n.shared), "docker-%.12s", n.id);
	if (*n.shared && !has_own_ipam(&n))
		return err_cni(
			e, CNI_E_CONFIG,
			"network %s spans hosts, and dockerd's own IPAM would give its addresses "
			"twice: create it with --ipam-driver heddle --ipam-opt network=%s",
			n.shared, n.shared);
	if (!*n.bridge)
		snprintf(n.bridge, sizeof(n.bridge), "hb-%.12s", n.id);
	*ret = n;

	return 0;
}

/* ---- CreateEndpoint ------------------------------------------------------ */

static int read_addr(const struct jnode *iface, const char *key, uint8_t family, struct ip_net *ret,
		     struct err *e)
{
	struct jnode n;
	int r;

	if (!jn_get(iface, key, &n) || json_string_length(n.json) == 0)
		return 0;
	r = jn_ip_net(&n, ret, e);
	if (r == 0 && ret->addr.family != family)
		r = jn_bad(&n, e, "it is no %s address", ip_family_name(family));

	return r;
}

static int read_mac(const struct jnode *iface, struct docker_endpoint *ep, bool *has, struct err *e)
{
	struct jnode n;
	int r;

	*has = iface->json && jn_get(iface, "MacAddress", &n) && json_string_length(n.json) > 0;
	if (!*has)
		return link_random_mac(ep->mac, e);
	r = jn_mac(&n, ep->mac, e);
	if (r == 0 && !mac_is_station(ep->mac))
		r = jn_bad(&n, e,
			   "it is a group's or nobody's address, which no interface can have");

	return r;
}

int docker_endpoint_read(const struct jnode *request, struct docker_endpoint *ret, bool *has_mac,
			 struct err *e)
{
	struct docker_endpoint ep = { 0 };
	struct jnode iface = { 0 };
	int r;

	(void)jn_get(request, "Interface", &iface);
	if ((r = read_id(request, "NetworkID", ep.network, e)) < 0 ||
	    (r = read_id(request, "EndpointID", ep.id, e)) < 0 ||
	    (r = read_addr(&iface, "Address", AF_INET, &ep.addrs[0], e)) < 0 ||
	    (r = read_addr(&iface, "AddressIPv6", AF_INET6, &ep.addrs[1], e)) < 0 ||
	    (r = read_mac(&iface, &ep, has_mac, e)) < 0)
		return r;
	*ret = ep;

	return 0;
}

void docker_endpoint_owner(const struct docker_endpoint *ep, struct owner *ret)
{
	owner_init(ret, ep->network, ep->id, DOCKER_IFNAME);
}

/* ---- Join ---------------------------------------------------------------- */

static int set_gateway(json_t *doc, const char *key, const struct docker_subnet *s)
{
	char text[IP_STRLEN];

	if (!ip_is_set(&s->gateway))
		return 0;

	return json_object_set_new(doc, key, json_string(ip_str(&s->gateway, text)));
}

json_t *docker_join_json(const struct docker_network *n, const char *ifname)
{
	AUTO_JSON json_t *doc = json_pack("{s:{s:s, s:s}, s:b}", "InterfaceName", "SrcName", ifname,
					  "DstPrefix", "eth", "DisableGatewayService", n->internal);

	if (doc && n->ports && !n->internal &&
	    (set_gateway(doc, "Gateway", &n->subnets[0]) < 0 ||
	     set_gateway(doc, "GatewayIPv6", &n->subnets[1]) < 0))
		return NULL;

	return MOVE_PTR(doc);
}

/* ---- records ------------------------------------------------------------- */

static const char *const family_keys[DOCKER_FAMILIES] = { "ipv4", "ipv6" };

static json_t *subnet_json(const struct docker_subnet *s)
{
	AUTO_JSON json_t *doc = json_object();

	if (!doc || ip_net_json_set(doc, "net", &s->net) < 0 ||
	    ip_json_set(doc, "gateway", &s->gateway) < 0)
		return NULL;

	return MOVE_PTR(doc);
}

int docker_network_keep(struct store *s, const struct docker_network *n, struct err *e)
{
	AUTO_JSON json_t *doc = json_pack("{s:s, s:s, s:b, s:b, s:b, s:i}", "bridge", n->bridge,
					  "shared", n->shared, "adopted", n->adopted, "internal",
					  n->internal, "ports", n->ports, "mtu", (int)n->mtu);

	for (size_t i = 0; doc && i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&n->subnets[i].net.addr) &&
		    json_object_set_new(doc, family_keys[i], subnet_json(&n->subnets[i])) < 0)
			return err_sys(e, ENOMEM, "remember network %s", n->id);

	return docker_record_put(s, DOCKER_NETWORK, n->id, MOVE_PTR(doc), STORE_DURABLE, e);
}

static int read_family(const struct jnode *root, size_t i, struct docker_subnet *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "net", JN_IP_NET, offsetof(struct docker_subnet, net) },
		{ "gateway", JN_IP, offsetof(struct docker_subnet, gateway) },
		{ 0 },
	};
	struct jnode n;

	return jn_get(root, family_keys[i], &n) ? jn_read(&n, keys, ret, e) : 0;
}

static int network_of(const char *id, json_t *doc, struct docker_network *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "adopted", JN_BOOL, offsetof(struct docker_network, adopted) },
		{ "internal", JN_BOOL, offsetof(struct docker_network, internal) },
		{ "ports", JN_BOOL, offsetof(struct docker_network, ports) },
		{ "mtu", JN_U32, offsetof(struct docker_network, mtu) },
		{ 0 },
	};
	const struct jnode root = jn_root(doc);
	struct docker_network n = { 0 };
	const char *bridge, *shared;
	int r;

	if ((r = jn_read(&root, keys, &n, e)) < 0 ||
	    (r = docker_need_text(&root, "bridge", &bridge, e)) < 0 ||
	    (r = docker_text(&root, "shared", &shared, e)) < 0)
		return r;
	snprintf(n.shared, sizeof(n.shared), "%s", shared);
	snprintf(n.id, sizeof(n.id), "%s", id);
	snprintf(n.bridge, sizeof(n.bridge), "%s", bridge);
	for (size_t i = 0; r == 0 && i < DOCKER_FAMILIES; i++)
		r = read_family(&root, i, &n.subnets[i], e);
	if (r == 0)
		*ret = n;

	return r;
}

int docker_network_find(struct store *s, const char *id, struct docker_network *ret, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	int r = docker_record_get(s, DOCKER_NETWORK, id, &doc, e);

	if (r == -ENOENT)
		return err_say(e, ENOENT, "netd knows of no network %.12s", id);

	return r < 0 ? r : network_of(id, doc, ret, e);
}

int docker_endpoint_keep(struct store *s, const struct docker_endpoint *ep, enum durability how,
			 struct err *e)
{
	char mac[MAC_STRLEN];
	AUTO_JSON json_t *doc = json_pack("{s:s, s:s, s:b}", "network", ep->network, "mac",
					  mac_str(ep->mac, mac), "left", ep->left);

	for (size_t i = 0; doc && i < DOCKER_FAMILIES; i++)
		if (ip_net_json_set(doc, family_keys[i], &ep->addrs[i]) < 0)
			return err_sys(e, ENOMEM, "remember endpoint %s", ep->id);

	return docker_record_put(s, DOCKER_ENDPOINT, ep->id, MOVE_PTR(doc), how, e);
}

int docker_endpoint_find(struct store *s, const char *id, struct docker_endpoint *ret,
			 struct err *e)
{
	static const struct jn_key keys[] = {
		{ "ipv4", JN_IP_NET, offsetof(struct docker_endpoint, addrs[0]) },
		{ "ipv6", JN_IP_NET, offsetof(struct docker_endpoint, addrs[1]) },
		{ "left", JN_BOOL, offsetof(struct docker_endpoint, left) },
		{ 0 },
	};
	AUTO_JSON json_t *doc = NULL;
	struct docker_endpoint ep = { 0 };
	struct jnode root, mac;
	int r = docker_record_get(s, DOCKER_ENDPOINT, id, &doc, e);

	if (r == -ENOENT)
		return err_say(e, ENOENT, "netd knows of no endpoint %.12s", id);
	if (r < 0)
		return r;
	root = jn_root(doc);
	if ((r = jn_read(&root, keys, &ep, e)) < 0 ||
	    (r = docker_need(&root, "mac", &mac, e)) < 0 || (r = jn_mac(&mac, ep.mac, e)) < 0 ||
	    (r = read_id(&root, "network", ep.network, e)) < 0)
		return r;
	snprintf(ep.id, sizeof(ep.id), "%s", id);
	*ret = ep;

	return 0;
}

/* ---- all of them --------------------------------------------------------- */

struct clash {
	const struct docker_network *n;
	struct err *e;
};

static int check_pair(void *ctx, const char *id, json_t *doc)
{
	const struct clash *c = ctx;
	struct docker_network other;
	char net[IP_NET_STRLEN];
	int r = network_of(id, doc, &other, c->e);

	if (r < 0 || strcmp(id, c->n->id) == 0)
		return r;
	if (strcmp(other.bridge, c->n->bridge) == 0)
		return err_say(c->e, EEXIST, "the bridge %s is of the network %.12s", other.bridge,
			       id);
	for (size_t i = 0; i < DOCKER_FAMILIES; i++)
		if (ip_is_set(&other.subnets[i].net.addr) &&
		    ip_net_overlaps(&other.subnets[i].net, &c->n->subnets[i].net))
			return err_say(c->e, EEXIST,
				       "Pool overlaps with other one on this address space: the "
				       "network %.12s has %s; if Docker does not know that any "
				       "more, see heddle doctor",
				       id, ip_net_str(&other.subnets[i].net, net));

	return 0;
}

int docker_network_need_free(struct store *s, const struct docker_network *n, struct err *e)
{
	struct clash c = { n, e };

	return docker_record_each(s, DOCKER_NETWORK, check_pair, &c, e);
}

struct count {
	const char *network;
	int n;
};

static int count_endpoint(void *ctx, const char *id, json_t *doc)
{
	struct count *c = ctx;
	const char *network = json_string_value(json_object_get(doc, "network"));

	(void)id;
	c->n += network && strcmp(network, c->network) == 0;

	return 0;
}

int docker_network_count(struct store *s, const char *id, struct err *e)
{
	struct count c = { id, 0 };
	int r = docker_record_each(s, DOCKER_ENDPOINT, count_endpoint, &c, e);

	return r < 0 ? r : c.n;
}
