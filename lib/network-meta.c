/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-meta - see network-meta.h */
#include "lib/network-meta.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip-json.h"
#include "lib/jnode.h"
#include "lib/network.h"

#define VERSION 1

bool network_meta_is_known(const struct jnode *heddle)
{
	struct jnode version;

	return jn_get(heddle, "version", &version) && json_integer_value(version.json) == VERSION;
}

/* ---- reading ------------------------------------------------------------- */

int network_pairs_read(const struct jnode *n, struct network_pairs *ret, struct err *e)
{
	const char *key;
	json_t *value;
	int r = jn_object(n, e);

	if (r < 0)
		return r;
	json_object_foreach(n->json, key, value) {
		if (!json_is_string(value))
			continue;
		r = network_pairs_set(ret, key, json_string_value(value), e);
		if (r < 0)
			return r;
	}

	return 0;
}

static int read_aux(const struct jnode *n, struct network_subnet *s, struct err *e)
{
	const char *key;
	json_t *value;
	int r = jn_object(n, e);

	if (r < 0)
		return r;
	json_object_foreach(n->json, key, value) {
		const struct jnode item = { .json = value, .up = n, .key = key };
		struct ip_addr addr;

		r = jn_ip(&item, &addr, e);
		if (r < 0)
			return r;
		if (network_add_aux(s, key, &addr) < 0)
			return err_sys(e, ENOMEM, "read auxiliary addresses");
	}

	return 0;
}

static int read_subnet(const struct jnode *n, struct network *net, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "subnet", JN_IP_NET, offsetof(struct network_subnet, subnet) },
		{ "ipRange", JN_IP_NET, offsetof(struct network_subnet, range) },
		{ "gateway", JN_IP, offsetof(struct network_subnet, gateway) },
		{ 0 },
	};
	struct network_subnet given = { 0 }, *s;
	struct jnode aux;
	int r = jn_read(n, keys, &given, e);

	if (r < 0)
		return r;
	if (!ip_is_set(&given.subnet.addr))
		return jn_bad(n, e, "a subnet is missing");
	s = network_add_subnet(net, &given.subnet);
	if (!s)
		return err_sys(e, ENOMEM, "read subnets");
	s->range = given.range;
	s->gateway = given.gateway;

	return jn_get(n, "auxAddresses", &aux) ? read_aux(&aux, s, e) : 0;
}

static int read_subnets(const struct jnode *n, void *data, struct err *e)
{
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);

		r = read_subnet(&item, data, e);
	}

	return r;
}

static int read_text(const struct jnode *n, char **ret, struct err *e)
{
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	*ret = strdup(text);

	return *ret ? 0 : err_sys(e, ENOMEM, "read a network");
}

static int read_driver(const struct jnode *n, void *data, struct err *e)
{
	return read_text(n, &((struct network *)data)->driver, e);
}

static int read_created(const struct jnode *n, void *data, struct err *e)
{
	return read_text(n, &((struct network *)data)->created, e);
}

static int read_config_from(const struct jnode *n, void *data, struct err *e)
{
	return read_text(n, &((struct network *)data)->config_from, e);
}

static int read_scope(const struct jnode *n, void *data, struct err *e)
{
	struct network *net = data;
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	if (network_scope_parse(text, &net->scope) < 0)
		return jn_bad(n, e, "\"%s\" is not one of local, global and swarm", text);

	return 0;
}

static int read_options(const struct jnode *n, void *data, struct err *e)
{
	return network_pairs_read(n, &((struct network *)data)->options, e);
}

static int read_labels(const struct jnode *n, void *data, struct err *e)
{
	return network_pairs_read(n, &((struct network *)data)->labels, e);
}

int network_meta_read(const struct jnode *heddle, struct network *net, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "driver", JN_CALL, .call = read_driver },
		{ "scope", JN_CALL, .call = read_scope },
		{ "created", JN_CALL, .call = read_created },
		{ "ipv4", JN_BOOL, offsetof(struct network, ipv4) },
		{ "ipv6", JN_BOOL, offsetof(struct network, ipv6) },
		{ "internal", JN_BOOL, offsetof(struct network, internal) },
		{ "attachable", JN_BOOL, offsetof(struct network, attachable) },
		{ "configOnly", JN_BOOL, offsetof(struct network, config_only) },
		{ "configFrom", JN_CALL, .call = read_config_from },
		{ "adopted", JN_BOOL, offsetof(struct network, adopted) },
		{ "subnets", JN_CALL, .call = read_subnets },
		{ "options", JN_CALL, .call = read_options },
		{ "labels", JN_CALL, .call = read_labels },
		{ 0 },
	};
	int r = jn_read(heddle, keys, net, e);

	if (r < 0)
		return r;
	if (!net->driver)
		return jn_bad(heddle, e, "driver is missing");

	return 0;
}

/* ---- writing ------------------------------------------------------------- */

json_t *network_pairs_write(const struct network_pairs *pairs)
{
	AUTO_JSON json_t *obj = json_object();

	for (size_t i = 0; obj && i < pairs->n; i++) {
		if (json_object_set_new(obj, pairs->v[i].key, json_string(pairs->v[i].value)) < 0)
			return NULL;
	}

	return MOVE_PTR(obj);
}

json_t *network_aux_write(const struct network_subnet *s)
{
	AUTO_JSON json_t *obj = json_object();

	for (size_t i = 0; obj && i < s->n_aux; i++) {
		if (json_object_set_new(obj, s->aux[i].name, ip_json(&s->aux[i].addr)) < 0)
			return NULL;
	}

	return MOVE_PTR(obj);
}

static json_t *write_subnet(const struct network_subnet *s)
{
	AUTO_JSON json_t *obj = json_object();

	if (!obj || ip_net_json_set(obj, "subnet", &s->subnet) < 0 ||
	    ip_net_json_set(obj, "ipRange", &s->range) < 0 ||
	    ip_json_set(obj, "gateway", &s->gateway) < 0 ||
	    json_object_set_new(obj, "auxAddresses", network_aux_write(s)) < 0)
		return NULL;

	return MOVE_PTR(obj);
}

static json_t *write_subnets(const struct network *net)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < net->n_subnets; i++) {
		if (json_array_append_new(list, write_subnet(&net->subnets[i])) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

static int set_text(json_t *obj, const char *key, const char *text)
{
	return text ? json_object_set_new(obj, key, json_string(text)) : 0;
}

json_t *network_meta_write(const struct network *net)
{
	AUTO_JSON json_t *obj =
		json_pack("{s:i, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:o}", "version",
			  VERSION, "driver", net->driver, "scope", network_scope_str(net->scope),
			  "ipv4", net->ipv4, "ipv6", net->ipv6, "internal", net->internal,
			  "attachable", net->attachable, "configOnly", net->config_only, "adopted",
			  net->adopted, "subnets", write_subnets(net), "options",
			  network_pairs_write(&net->options), "labels",
			  network_pairs_write(&net->labels));

	if (!obj || set_text(obj, "created", net->created) < 0 ||
	    set_text(obj, "configFrom", net->config_from) < 0)
		return NULL;

	return MOVE_PTR(obj);
}
