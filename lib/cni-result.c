/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni-result - see cni-result.h
 *
 * What differs between the versions:
 *
 *	0.1.0, 0.2.0	ip4 and ip6, one address each, routes inside them
 *	0.3.0 - 0.4.0	interfaces, ips with "version", routes; dns even if empty
 *	1.0.0		ips without "version"; what is empty is left out
 *	1.1.0		interfaces with mtu, socketPath, pciID
 *
 * The route keys of 1.1.0 (mtu, advmss, ...) are read and written in every
 * version with a list of routes: a delegate and a chained plugin would lose
 * them otherwise, and readers ignore keys that they do not know.
 */
#include "lib/cni-result.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

static const char *const versions[] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0", [CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0", [CNI_1_1_0] = "1.1.0",
};
static_assert(ARRAY_SIZE(versions) == CNI_N_VERSIONS, "a name for each version");

const char *cni_version_str(enum cni_version v)
{
	return versions[v];
}

int cni_version_parse(const char *text, enum cni_version *ret)
{
	for (size_t i = 0; i < CNI_N_VERSIONS; i++) {
		if (strcmp(text, versions[i]) == 0) {
			*ret = (enum cni_version)i;
			return 0;
		}
	}

	return -EINVAL;
}

/* ---- the struct ---------------------------------------------------------- */

static int oom(struct err *e)
{
	return err_sys(e, ENOMEM, "build a CNI result");
}

static void list_free(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void cni_dns_clear(struct cni_dns *dns)
{
	list_free(dns->nameservers);
	list_free(dns->search);
	list_free(dns->options);
	free(dns->domain);
	memset(dns, 0, sizeof(*dns));
}

bool cni_dns_is_empty(const struct cni_dns *dns)
{
	return !dns->nameservers && !dns->search && !dns->options && !dns->domain;
}

static void iface_clear(struct cni_iface *i)
{
	free(i->name);
	free(i->mac);
	free(i->sandbox);
	free(i->socket_path);
	free(i->pci_id);
}

void cni_result_clear(struct cni_result *res)
{
	for (size_t i = 0; i < res->n_ifaces; i++)
		iface_clear(&res->ifaces[i]);
	free(res->ifaces);
	free(res->ips);
	free(res->routes);
	cni_dns_clear(&res->dns);
	memset(res, 0, sizeof(*res));
}

/* Room for one more of *@array, which holds @n of @size bytes. */
static void *grown(void *array, size_t n, size_t size)
{
	return reallocarray(array, n + 1, size);
}

/* Copies @text into *@ret; NULL and "" are nothing to copy. */
static bool copy_text(char **ret, const char *text)
{
	*ret = text && *text ? strdup(text) : NULL;

	return *ret || !text || !*text;
}

int cni_result_add_iface(struct cni_result *res, const char *name, const char *mac,
			 const char *sandbox, struct err *e)
{
	struct cni_iface *array = grown(res->ifaces, res->n_ifaces, sizeof(*array));
	struct cni_iface *i;

	if (!array)
		return oom(e);
	res->ifaces = array;
	i = &array[res->n_ifaces];
	memset(i, 0, sizeof(*i));
	if (!copy_text(&i->name, name) || !copy_text(&i->mac, mac) ||
	    !copy_text(&i->sandbox, sandbox)) {
		iface_clear(i);
		return oom(e);
	}

	return (int)res->n_ifaces++;
}

int cni_result_add_ip(struct cni_result *res, const struct cni_ip *ip, struct err *e)
{
	struct cni_ip *array = grown(res->ips, res->n_ips, sizeof(*array));

	if (!array)
		return oom(e);
	res->ips = array;
	array[res->n_ips] = *ip;

	return (int)res->n_ips++;
}

int cni_result_add_route(struct cni_result *res, const struct cni_route *route, struct err *e)
{
	struct cni_route *array = grown(res->routes, res->n_routes, sizeof(*array));

	if (!array)
		return oom(e);
	res->routes = array;
	array[res->n_routes] = *route;

	return (int)res->n_routes++;
}

int cni_dns_add(char ***list, const char *value, struct err *e)
{
	size_t n = 0;
	char **bigger;

	while (*list && (*list)[n])
		n++;
	bigger = reallocarray(*list, n + 2, sizeof(char *));
	if (!bigger)
		return oom(e);
	*list = bigger;
	bigger[n] = strdup(value);
	bigger[n + 1] = NULL;

	return bigger[n] ? 0 : oom(e);
}

static int list_copy(char *const *from, char ***ret, struct err *e)
{
	for (; from && *from; from++) {
		if (cni_dns_add(ret, *from, e) < 0)
			return -ENOMEM;
	}

	return 0;
}

static int iface_copy(const struct cni_iface *from, struct cni_result *ret, struct err *e)
{
	int i = cni_result_add_iface(ret, from->name, from->mac, from->sandbox, e);
	struct cni_iface *to;

	if (i < 0)
		return i;
	to = &ret->ifaces[i];
	to->mtu = from->mtu;
	if (!copy_text(&to->socket_path, from->socket_path) ||
	    !copy_text(&to->pci_id, from->pci_id))
		return oom(e);

	return 0;
}

static int copy_all(const struct cni_result *from, struct cni_result *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < from->n_ifaces; i++)
		r = iface_copy(&from->ifaces[i], to, e);
	for (size_t i = 0; r >= 0 && i < from->n_ips; i++)
		r = cni_result_add_ip(to, &from->ips[i], e);
	for (size_t i = 0; r >= 0 && i < from->n_routes; i++)
		r = cni_result_add_route(to, &from->routes[i], e);
	if (r < 0)
		return r;

	if (list_copy(from->dns.nameservers, &to->dns.nameservers, e) < 0 ||
	    list_copy(from->dns.search, &to->dns.search, e) < 0 ||
	    list_copy(from->dns.options, &to->dns.options, e) < 0)
		return -ENOMEM;

	return copy_text(&to->dns.domain, from->dns.domain) ? 0 : oom(e);
}

int cni_result_copy(const struct cni_result *from, struct cni_result *ret, struct err *e)
{
	struct cni_result copy = { 0 };
	int r = copy_all(from, &copy, e);

	if (r < 0)
		cni_result_clear(&copy);
	else
		*ret = copy;

	return r;
}

/* ---- JSON to struct ------------------------------------------------------ */

static int each(const struct jnode *obj, const char *key,
		int (*read)(const struct jnode *item, struct cni_result *res, struct err *e),
		struct cni_result *res, struct err *e)
{
	struct jnode list, item;
	int r;

	if (!jn_get(obj, key, &list))
		return 0;
	r = jn_array(&list, e);
	for (size_t i = 0; r >= 0 && i < jn_count(&list); i++) {
		item = jn_item(&list, i);
		r = read(&item, res, e);
	}

	return r < 0 ? r : 0;
}

struct iface_text {
	const char *name, *mac, *sandbox, *socket_path, *pci_id;
	uint32_t mtu;
};

static int read_iface(const struct jnode *n, struct cni_result *res, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "name", JN_STR, offsetof(struct iface_text, name) },
		{ "mac", JN_STR, offsetof(struct iface_text, mac) },
		{ "sandbox", JN_STR, offsetof(struct iface_text, sandbox) },
		{ "mtu", JN_U32, offsetof(struct iface_text, mtu) },
		{ "socketPath", JN_STR, offsetof(struct iface_text, socket_path) },
		{ "pciID", JN_STR, offsetof(struct iface_text, pci_id) },
		{ 0 },
	};
	struct iface_text text = { 0 };
	struct cni_iface *to;
	int r;

	r = jn_read(n, keys, &text, e);
	if (r < 0)
		return r;
	if (!text.name || !*text.name)
		return jn_bad(n, e, "an interface must have a name");
	r = cni_result_add_iface(res, text.name, text.mac, text.sandbox, e);
	if (r < 0)
		return r;

	to = &res->ifaces[r];
	to->mtu = text.mtu;
	if (!copy_text(&to->socket_path, text.socket_path) || !copy_text(&to->pci_id, text.pci_id))
		return oom(e);

	return 0;
}

static int read_ip_index(const struct jnode *n, void *conf, struct err *e)
{
	struct cni_ip *ip = conf;
	uint64_t index;
	int r = jn_uint(n, 0, INT32_MAX, &index, e);

	if (r == 0)
		ip->iface = (int)index;

	return r;
}

static int check_gateway(const struct jnode *n, const struct cni_ip *ip, struct err *e)
{
	if (ip_is_set(&ip->gateway) && ip->gateway.family != ip->address.addr.family)
		return jn_bad(n, e, "address and gateway are of different address families");

	return 0;
}

static int read_ip(const struct jnode *n, struct cni_result *res, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "interface", JN_CALL, 0, .call = read_ip_index },
		{ "address", JN_IP_NET, offsetof(struct cni_ip, address) },
		{ "gateway", JN_IP, offsetof(struct cni_ip, gateway) },
		{ 0 },
	};
	struct cni_ip ip = { .iface = -1 };
	int r;

	r = jn_read(n, keys, &ip, e);
	if (r < 0)
		return r;
	if (!ip_is_set(&ip.address.addr))
		return jn_bad(n, e, "an entry of ips must have an address");
	/* An IPAM result has indexes to no interfaces; elsewhere they must exist. */
	if (ip.iface >= 0 && res->n_ifaces > 0 && (size_t)ip.iface >= res->n_ifaces)
		return jn_bad(n, e, "interface %d is not the index of one of the %zu interfaces",
			      ip.iface, res->n_ifaces);
	r = check_gateway(n, &ip, e);

	return r < 0 ? r : cni_result_add_ip(res, &ip, e);
}

static int read_scope(const struct jnode *n, void *conf, struct err *e)
{
	struct cni_route *route = conf;
	uint64_t scope;
	int r = jn_uint(n, 0, 255, &scope, e);

	if (r == 0)
		route->scope = (int)scope;

	return r;
}

int cni_route_read(const struct jnode *n, struct cni_route *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "dst", JN_IP_NET, offsetof(struct cni_route, dst) },
		{ "gw", JN_IP, offsetof(struct cni_route, gw) },
		{ "mtu", JN_U32, offsetof(struct cni_route, mtu) },
		{ "advmss", JN_U32, offsetof(struct cni_route, advmss) },
		{ "priority", JN_U32, offsetof(struct cni_route, priority) },
		{ "table", JN_U32, offsetof(struct cni_route, table) },
		{ "scope", JN_CALL, 0, .call = read_scope },
		{ 0 },
	};
	struct cni_route route = { .scope = -1 };
	int r;

	r = jn_read(n, keys, &route, e);
	if (r < 0)
		return r;
	if (!ip_is_set(&route.dst.addr))
		return jn_bad(n, e, "a route must have a dst");
	if (ip_is_set(&route.gw) && route.gw.family != route.dst.addr.family)
		return jn_bad(n, e, "gw and dst are of different address families");
	*ret = route;

	return 0;
}

static int read_route(const struct jnode *n, struct cni_result *res, struct err *e)
{
	struct cni_route route;
	int r = cni_route_read(n, &route, e);

	return r < 0 ? r : cni_result_add_route(res, &route, e);
}

static int read_list(const struct jnode *dns, const char *key, char ***ret, struct err *e)
{
	struct jnode list, item;
	const char *text;
	int r;

	if (!jn_get(dns, key, &list))
		return 0;
	r = jn_array(&list, e);
	for (size_t i = 0; r >= 0 && i < jn_count(&list); i++) {
		item = jn_item(&list, i);
		r = jn_str(&item, &text, e);
		if (r == 0)
			r = cni_dns_add(ret, text, e);
	}

	return r < 0 ? r : 0;
}

static int read_dns(const struct jnode *n, struct cni_dns *dns, struct err *e)
{
	struct jnode domain;
	const char *text;
	int r;

	if ((r = jn_object(n, e)) < 0 ||
	    (r = read_list(n, "nameservers", &dns->nameservers, e)) < 0 ||
	    (r = read_list(n, "search", &dns->search, e)) < 0 ||
	    (r = read_list(n, "options", &dns->options, e)) < 0)
		return r;
	if (!jn_get(n, "domain", &domain))
		return 0;
	r = jn_str(&domain, &text, e);
	if (r == 0 && !copy_text(&dns->domain, text))
		r = oom(e);

	return r;
}

int cni_dns_read(const struct jnode *n, struct cni_dns *ret, struct err *e)
{
	struct cni_dns dns = { 0 };
	int r = read_dns(n, &dns, e);

	if (r < 0)
		cni_dns_clear(&dns);
	else
		*ret = dns;

	return r;
}

/* ip4 or ip6 of 0.1.0 and 0.2.0. */
static int read_slot(const struct jnode *n, const char *key, uint8_t family, struct cni_result *res,
		     struct err *e)
{
	struct cni_ip ip = { .iface = -1 };
	struct jnode slot, value;
	int r;

	if (!jn_get(n, key, &slot))
		return 0;
	r = jn_object(&slot, e);
	if (r < 0)
		return r;
	if (!jn_get(&slot, "ip", &value))
		return jn_bad(&slot, e, "ip is missing");
	r = jn_ip_net(&value, &ip.address, e);
	if (r == 0 && ip.address.addr.family != family)
		return jn_bad(&value, e, "it is not an %s address", ip_family_name(family));
	if (r == 0 && jn_get(&slot, "gateway", &value))
		r = jn_ip(&value, &ip.gateway, e);
	if (r == 0)
		r = check_gateway(&slot, &ip, e);
	if (r == 0)
		r = cni_result_add_ip(res, &ip, e);
	if (r < 0)
		return r;

	return each(&slot, "routes", read_route, res, e);
}

static int read_all(const struct jnode *n, enum cni_version version, struct cni_result *res,
		    struct err *e)
{
	struct jnode dns;
	int r;

	r = jn_object(n, e);
	if (r < 0)
		return r;
	if (version < CNI_0_3_0) {
		if ((r = read_slot(n, "ip4", AF_INET, res, e)) < 0 ||
		    (r = read_slot(n, "ip6", AF_INET6, res, e)) < 0)
			return r;
	} else {
		if ((r = each(n, "interfaces", read_iface, res, e)) < 0 ||
		    (r = each(n, "ips", read_ip, res, e)) < 0 ||
		    (r = each(n, "routes", read_route, res, e)) < 0)
			return r;
	}
	if (jn_get(n, "dns", &dns))
		return cni_dns_read(&dns, &res->dns, e);

	return 0;
}

int cni_result_read(const struct jnode *n, enum cni_version version, struct cni_result *ret,
		    struct err *e)
{
	struct cni_result res = { 0 };
	int r = read_all(n, version, &res, e);

	if (r < 0)
		cni_result_clear(&res);
	else
		*ret = res;

	return r;
}

/* ---- struct to JSON ------------------------------------------------------ */

/*
 * jansson reports a failed set like a NULL value: -1.  The setters below keep
 * the first failure in @bad, which the caller looks at once at the end.
 */
static void set(json_t *obj, const char *key, json_t *value, bool *bad)
{
	*bad |= json_object_set_new(obj, key, value) < 0;
}

static void append(json_t *array, json_t *value, bool *bad)
{
	*bad |= json_array_append_new(array, value) < 0;
}

static void set_text(json_t *obj, const char *key, const char *text, bool *bad)
{
	if (text)
		set(obj, key, json_string(text), bad);
}

static void set_u32(json_t *obj, const char *key, uint32_t number, bool *bad)
{
	if (number)
		set(obj, key, json_integer(number), bad);
}

static void set_ip(json_t *obj, const char *key, const struct ip_addr *ip, bool *bad)
{
	char text[IP_STRLEN];

	if (ip_is_set(ip))
		set(obj, key, json_string(ip_str(ip, text)), bad);
}

static void set_net(json_t *obj, const char *key, const struct ip_net *net, bool *bad)
{
	char text[IP_NET_STRLEN];

	set(obj, key, json_string(ip_net_str(net, text)), bad);
}

static json_t *write_iface(const struct cni_iface *i, enum cni_version version, bool *bad)
{
	json_t *obj = json_object();

	set_text(obj, "name", i->name, bad);
	set_text(obj, "mac", i->mac, bad);
	if (version >= CNI_1_1_0)
		set_u32(obj, "mtu", i->mtu, bad);
	set_text(obj, "sandbox", i->sandbox, bad);
	if (version >= CNI_1_1_0) {
		set_text(obj, "socketPath", i->socket_path, bad);
		set_text(obj, "pciID", i->pci_id, bad);
	}

	return obj;
}

static json_t *write_ip(const struct cni_ip *ip, enum cni_version version, bool *bad)
{
	json_t *obj = json_object();

	if (version < CNI_1_0_0)
		set_text(obj, "version", ip->address.addr.family == AF_INET ? "4" : "6", bad);
	if (ip->iface >= 0)
		set(obj, "interface", json_integer(ip->iface), bad);
	set_net(obj, "address", &ip->address, bad);
	set_ip(obj, "gateway", &ip->gateway, bad);

	return obj;
}

static json_t *write_route(const struct cni_route *route, enum cni_version version, bool *bad)
{
	json_t *obj = json_object();

	set_net(obj, "dst", &route->dst, bad);
	set_ip(obj, "gw", &route->gw, bad);
	if (version < CNI_0_3_0)
		return obj;
	set_u32(obj, "mtu", route->mtu, bad);
	set_u32(obj, "advmss", route->advmss, bad);
	set_u32(obj, "priority", route->priority, bad);
	set_u32(obj, "table", route->table, bad);
	if (route->scope >= 0)
		set(obj, "scope", json_integer(route->scope), bad);

	return obj;
}

static void set_list(json_t *obj, const char *key, char *const *list, bool *bad)
{
	json_t *array;

	if (!list)
		return;
	array = json_array();
	for (; *list; list++)
		append(array, json_string(*list), bad);
	set(obj, key, array, bad);
}

static json_t *write_dns(const struct cni_dns *dns, bool *bad)
{
	json_t *obj = json_object();

	set_list(obj, "nameservers", dns->nameservers, bad);
	set_text(obj, "domain", dns->domain, bad);
	set_list(obj, "search", dns->search, bad);
	set_list(obj, "options", dns->options, bad);

	return obj;
}

/* The first address of @family as ip4 or ip6, with the routes of that family. */
static void write_slot(json_t *obj, const struct cni_result *res, uint8_t family, bool *bad)
{
	const struct cni_ip *ip = NULL;
	json_t *slot, *routes;

	for (size_t i = 0; !ip && i < res->n_ips; i++) {
		if (res->ips[i].address.addr.family == family)
			ip = &res->ips[i];
	}
	if (!ip)
		return;

	slot = json_object();
	set_net(slot, "ip", &ip->address, bad);
	set_ip(slot, "gateway", &ip->gateway, bad);
	routes = json_array();
	for (size_t i = 0; i < res->n_routes; i++) {
		if (res->routes[i].dst.addr.family == family)
			append(routes, write_route(&res->routes[i], CNI_0_2_0, bad), bad);
	}
	if (json_array_size(routes) > 0)
		set(slot, "routes", json_incref(routes), bad);
	json_decref(routes);
	set(obj, family == AF_INET ? "ip4" : "ip6", slot, bad);
}

static void write_lists(json_t *obj, const struct cni_result *res, enum cni_version version,
			bool *bad)
{
	json_t *ifaces = json_array(), *ips = json_array(), *routes = json_array();

	for (size_t i = 0; i < res->n_ifaces; i++)
		append(ifaces, write_iface(&res->ifaces[i], version, bad), bad);
	for (size_t i = 0; i < res->n_ips; i++)
		append(ips, write_ip(&res->ips[i], version, bad), bad);
	for (size_t i = 0; i < res->n_routes; i++)
		append(routes, write_route(&res->routes[i], version, bad), bad);
	if (res->n_ifaces > 0)
		set(obj, "interfaces", json_incref(ifaces), bad);
	if (res->n_ips > 0)
		set(obj, "ips", json_incref(ips), bad);
	if (res->n_routes > 0)
		set(obj, "routes", json_incref(routes), bad);
	json_decref(ifaces);
	json_decref(ips);
	json_decref(routes);
}

int cni_result_write(const struct cni_result *res, enum cni_version version, json_t **ret,
		     struct err *e)
{
	bool bad = false;
	json_t *obj;

	if (version < CNI_0_3_0 && res->n_ips == 0)
		return err_cni(
			e, CNI_E_CONFIG,
			"a result of CNI version %s must have an IP address; use 0.3.1 or newer",
			cni_version_str(version));

	obj = json_object();
	set_text(obj, "cniVersion", cni_version_str(version), &bad);
	if (version < CNI_0_3_0) {
		write_slot(obj, res, AF_INET, &bad);
		write_slot(obj, res, AF_INET6, &bad);
	} else {
		write_lists(obj, res, version, &bad);
	}
	if (version < CNI_1_0_0 || !cni_dns_is_empty(&res->dns))
		set(obj, "dns", write_dns(&res->dns, &bad), &bad);

	if (bad) {
		json_decref(obj);
		return oom(e);
	}
	*ret = obj;

	return 0;
}
