/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-def - see network-def.h */
#include "netd/network-def.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/network-meta.h"
#include "lib/network-rules.h"

#define VNI_MAX 0xffffff

void network_def_clear(struct network_def *d)
{
	network_clear(&d->net);
	*d = (struct network_def){ 0 };
}

/* ---- numbers ------------------------------------------------------------- */

int network_def_subnet_of(const struct network_def *d, const struct ip_addr *ip)
{
	for (size_t i = 0; i < d->net.n_subnets; i++)
		if (ip_net_contains(&d->net.subnets[i].subnet, ip))
			return (int)i;

	return -1;
}

uint64_t network_def_count(const struct network_subnet *s)
{
	unsigned int bits = ip_bits(s->subnet.addr.family) - s->subnet.len;

	return bits < 62 ? 1ULL << bits : NETWORK_DEF_NUMBERS;
}

uint64_t network_def_number(const struct network_subnet *s, const struct ip_addr *ip)
{
	return ip_distance(&s->subnet.addr, ip);
}

struct ip_addr network_def_address(const struct network_subnet *s, uint64_t number)
{
	struct ip_addr ip = s->subnet.addr;

	(void)ip_add(&ip, number);

	return ip;
}

struct span network_def_bounds(const struct network_subnet *s)
{
	struct span all = { 0, network_def_count(s) - 1 };
	struct ip_addr first, last;

	if (!ip_is_set(&s->range.addr))
		return all;
	first = ip_net_first(&s->range);
	last = ip_net_last(&s->range);
	if (network_def_number(s, &first) > all.last)
		return all;
	all.first = network_def_number(s, &first);
	if (network_def_number(s, &last) < all.last)
		all.last = network_def_number(s, &last);

	return all;
}

bool network_def_is_reserved(const struct network_subnet *s, const struct ip_addr *ip)
{
	for (size_t i = 0; i < s->n_aux; i++)
		if (ip_equal(&s->aux[i].addr, ip))
			return true;

	return ip_equal(&s->gateway, ip) || ip_net_is_network(&s->subnet, ip) ||
	       ip_net_is_broadcast(&s->subnet, ip);
}

/* ---- rules --------------------------------------------------------------- */

static size_t count_family(const struct network *net, uint8_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < net->n_subnets; i++)
		n += net->subnets[i].subnet.addr.family == family;

	return n;
}

static int check_families(const struct network *net, struct err *e)
{
	size_t n4 = count_family(net, AF_INET), n6 = count_family(net, AF_INET6);

	if (!net->ipv4 && !net->ipv6)
		return err_cni(e, CNI_E_CONFIG, "IPv4 or IPv6 must be enabled");
	if (n4 > 1 || n6 > 1)
		return err_cni(e, CNI_E_CONFIG,
			       "network %s: the driver %s has one subnet of each family", net->name,
			       net->driver);
	if (n4 > net->ipv4 || n6 > net->ipv6)
		return err_cni(e, CNI_E_CONFIG,
			       "network %s: it has a subnet of a family that is not enabled",
			       net->name);

	return 0;
}

static int check_scope(const struct network *net, struct err *e)
{
	bool overlay = strcmp(net->driver, "overlay") == 0;

	if (net->scope == NETWORK_LOCAL)
		return err_cni(
			e, CNI_E_CONFIG,
			"network %s: netd has networks of the scopes swarm and global; one of "
			"this host alone needs no netd",
			net->name);
	if (overlay != (net->scope == NETWORK_SWARM))
		return err_cni(e, CNI_E_CONFIG,
			       "network %s: the scope swarm goes with the driver overlay, and "
			       "global with bridge and macvlan",
			       net->name);
	if (!overlay && strcmp(net->driver, "bridge") != 0 && strcmp(net->driver, "macvlan") != 0)
		return err_cni(e, CNI_E_CONFIG,
			       "plugin \"%.64s\" not found: the drivers are overlay, bridge and "
			       "macvlan",
			       net->driver);

	return 0;
}

/* Of what is said; what is chosen later is network_def_check()'s. */
static int check_said(struct network_def *d, struct err *e)
{
	struct network *net = &d->net;
	int r;

	if ((r = check_scope(net, e)) < 0 || (r = check_families(net, e)) < 0 ||
	    (r = network_check_config(net, e)) < 0 ||
	    (r = driver_options_read(net, &d->options, e)) < 0)
		return r;
	/* What came from a template is said; its name stays as a note. */
	if (net->config_only)
		return err_cni(e, CNI_E_CONFIG,
			       "network %s: templates are for networks of one host", net->name);

	return 0;
}

static bool has_subnets(const struct network *net)
{
	return count_family(net, AF_INET) == net->ipv4 && count_family(net, AF_INET6) == net->ipv6;
}

static int check_overlay(const struct network_def *d, struct err *e)
{
	static const struct link_id none;

	if (d->vni < 1 || d->vni > VNI_MAX)
		return err_cni(e, CNI_E_CONFIG, "network %s: vni %u is not in 1..%d", d->net.name,
			       d->vni, VNI_MAX);
	for (size_t i = 0; i < d->net.n_subnets; i++)
		if (link_id_equal(&d->spaces[i], &none))
			return err_cni(e, CNI_E_CONFIG, "network %s: subnet %zu has no space",
				       d->net.name, i);

	return 0;
}

static int check_gateways(const struct network *net, struct err *e)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		if (!ip_is_set(&net->subnets[i].gateway))
			return err_cni(e, CNI_E_CONFIG, "network %s: subnet %zu has no gateway",
				       net->name, i);

	return network_check_addresses(net, e);
}

int network_def_check(const struct network_def *d, struct err *e)
{
	const struct network *net = &d->net;
	int r;

	if (!has_subnets(net))
		return err_cni(e, CNI_E_CONFIG, "network %s: a family has no subnet", net->name);
	r = check_gateways(net, e);
	if (r < 0)
		return r;

	return net->scope == NETWORK_SWARM ? check_overlay(d, e) : 0;
}

/* ---- reading ------------------------------------------------------------- */

static int check_name(const char *name, struct err *e)
{
	int r = network_check_name(name, e);

	if (r == 0 && strlen(name) > DEFINITION_NAME_MAX)
		return err_cni(e, CNI_E_CONFIG,
			       "invalid name: it is longer than %d characters, which a network of "
			       "several hosts cannot be",
			       DEFINITION_NAME_MAX);

	return r;
}

static int read_said(const char *name, const struct jnode *n, struct network_def *d, struct err *e)
{
	int r;

	if ((r = check_name(name, e)) < 0)
		return r;
	d->net.name = strdup(name);
	if (!d->net.name)
		return err_sys(e, ENOMEM, "read network %s", name);
	network_id(name, d->net.id);
	r = network_meta_read(n, &d->net, e);

	return r < 0 ? r : check_said(d, e);
}

int network_def_read_request(const struct jnode *params, struct network_def *ret, struct err *e)
{
	AUTO(network_def_clear)
	struct network_def d = {
		.net = { .ipv4 = true, .scope = NETWORK_SWARM },
	};
	const char *name;
	struct jnode n;
	int r;

	if (!jn_get(params, "name", &n))
		return jn_bad(params, e, "a network needs a name");
	if ((r = jn_str(&n, &name, e)) < 0 || (r = read_said(name, params, &d, e)) < 0)
		return r;
	d.vni = d.options.vni;
	*ret = d;
	d = (struct network_def){ 0 };

	return 0;
}

static int read_space(const struct jnode *subnet, struct link_id *ret, struct err *e)
{
	struct jnode n;
	const char *text;
	size_t len;
	int r;

	if (!jn_get(subnet, "space", &n))
		return jn_bad(subnet, e, "space is missing");
	r = jn_str(&n, &text, e);
	if (r == 0 &&
	    (sodium_hex2bin(ret->b, LINK_ID_LEN, text, strlen(text), NULL, &len, NULL) < 0 ||
	     len != LINK_ID_LEN))
		return jn_bad(&n, e, "\"%.64s\" is not %d hexadecimal digits", text,
			      2 * LINK_ID_LEN);

	return r;
}

static int read_chosen(const struct jnode *n, struct network_def *d, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "vni", JN_U32, offsetof(struct network_def, vni), 1, VNI_MAX },
		{ 0 },
	};
	struct jnode subnets;
	int r = jn_read(n, keys, d, e);

	if (r < 0 || d->net.scope != NETWORK_SWARM || !jn_get(n, "subnets", &subnets))
		return r;
	for (size_t i = 0; r == 0 && i < d->net.n_subnets; i++) {
		const struct jnode item = jn_item(&subnets, i);

		r = read_space(&item, &d->spaces[i], e);
	}

	return r;
}

int network_def_read(const struct definition *of, struct network_def *ret, struct err *e)
{
	AUTO(network_def_clear) struct network_def d = { 0 };
	const struct timespec created = { .tv_sec = (time_t)of->created };
	AUTO_JSON json_t *doc = NULL;
	struct jnode root;
	int r = jn_parse((const char *)of->body, of->body_len, &doc, e);

	if (r < 0)
		return err_wrap(e, r, "definition of %s", of->name);
	root = jn_root(doc);
	if (!network_meta_is_known(&root))
		return err_cni(e, CNI_E_CONFIG,
			       "definition of %s: it is of a version that this netd does not know",
			       of->name);
	if ((r = read_said(of->name, &root, &d, e)) < 0 || (r = read_chosen(&root, &d, e)) < 0 ||
	    (r = network_def_check(&d, e)) < 0)
		return err_wrap(e, r, "definition of %s", of->name);
	free(d.net.created);
	d.net.created = network_time_str(&created);
	if (!d.net.created)
		return err_sys(e, ENOMEM, "definition of %s", of->name);
	*ret = d;
	d = (struct network_def){ 0 };

	return 0;
}

/* ---- writing ------------------------------------------------------------- */

static int add_spaces(const struct network_def *d, json_t *body)
{
	json_t *subnets = json_object_get(body, "subnets");
	char text[2 * LINK_ID_LEN + 1];

	for (size_t i = 0; i < d->net.n_subnets; i++) {
		sodium_bin2hex(text, sizeof(text), d->spaces[i].b, LINK_ID_LEN);
		if (json_object_set_new(json_array_get(subnets, i), "space", json_string(text)) < 0)
			return -1;
	}

	return json_object_set_new(body, "vni", json_integer(d->vni));
}

char *network_def_write(const struct network_def *d)
{
	AUTO_JSON json_t *body = network_meta_write(&d->net);

	if (!body || (d->net.scope == NETWORK_SWARM && add_spaces(d, body) < 0))
		return NULL;
	(void)json_object_del(body, "created");

	return json_dumps(body, JSON_COMPACT);
}
