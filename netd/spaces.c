/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spaces - see spaces.h */
#include "netd/spaces.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/pools.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "netd/cluster.h"
#include "netd/daemon.h"
#include "overlay/blocks.h"
#include "overlay/definitions.h"

#define LOG_AREA "networks"
#include "netd/log.h"

#define VNI	 "vni"
#define SUBNETS	 "subnets"
#define SUBNETS6 "subnets6"

#define SUBNET6_LEN 64

/* One pool of subnets: pieces of @size. */
struct pool_of {
	struct ip_net net;
	uint8_t size;
};

/* What a space's definition says; VNIs have @first, subnets have @pools. */
struct shared {
	struct link_id id;
	uint32_t first, count;
	struct pool_of pools[CONFIG_POOLS_MAX];
	size_t n_pools;
};

/* ---- founding ------------------------------------------------------------ */

static uint64_t pieces(const struct pool_of *p)
{
	return p->size - p->net.len < 62 ? 1ULL << (p->size - p->net.len) : 1ULL << 62;
}

static uint64_t count_of(const struct shared *s)
{
	uint64_t n = s->count;

	for (size_t i = 0; i < s->n_pools; i++)
		n += pieces(&s->pools[i]);

	return n;
}

static json_t *pools_json(const struct shared *s)
{
	AUTO_JSON json_t *list = json_array();
	char text[IP_NET_STRLEN];

	for (size_t i = 0; list && i < s->n_pools; i++) {
		const struct pool_of *p = &s->pools[i];

		if (json_array_append_new(list,
					  json_pack("{s:s, s:i}", "net", ip_net_str(&p->net, text),
						    "size", (int)p->size)) < 0)
			return NULL;
	}

	return MOVE_PTR(list);
}

static int define(struct cluster *c, const char *name, const struct shared *s, struct err *e)
{
	AUTO_JSON json_t *doc = json_pack("{s:I, s:I, s:o}", "first", (json_int_t)s->first, "count",
					  (json_int_t)s->count, "pools", pools_json(s));
	AUTO_FREE char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	uint8_t body[DEFINITION_BODY_MAX];
	struct definition_id id;
	size_t len;

	if (!text)
		return err_sys(e, ENOMEM, "define the space %s", name);
	len = strlen(text);
	memcpy(body, s->id.b, LINK_ID_LEN);
	memcpy(body + LINK_ID_LEN, text, len);

	return definitions_add(cluster_definitions(c), DEFINITION_SPACE, name, body,
			       LINK_ID_LEN + len, &id, cluster_now(c), e);
}

/* A start that ended in between has made some of them already. */
static int found(struct cluster *c, const char *name, struct shared *s, struct err *e)
{
	struct definition of;
	int r;

	if (definitions_named(cluster_definitions(c), DEFINITION_SPACE, name, &of))
		return 0;
	r = blocks_found(cluster_blocks(c), count_of(s), &s->id, cluster_now(c), e);

	return r < 0 ? r : define(c, name, s, e);
}

static struct shared configured_subnets(const struct config *config)
{
	struct shared s = { .n_pools = config->n_pools };

	for (size_t i = 0; i < config->n_pools; i++)
		s.pools[i] = (struct pool_of){ config->pools[i].net, config->pools[i].size };

	return s;
}

int spaces_found(struct cluster *c, struct daemon *d, struct err *e)
{
	struct shared vni = { .first = d->config.vni_min,
			      .count = d->config.vni_max - d->config.vni_min + 1 };
	struct shared v4 = configured_subnets(&d->config);
	struct shared v6 = { .n_pools = 1 };
	int r;

	if (!d->self.founder)
		return 0;
	v6.pools[0] =
		(struct pool_of){ pools_local(d->self.cluster_key, NODE_KEY_LEN), SUBNET6_LEN };
	if ((r = found(c, VNI, &vni, e)) < 0 || (r = found(c, SUBNETS, &v4, e)) < 0 ||
	    (r = found(c, SUBNETS6, &v6, e)) < 0)
		return err_wrap(e, r, "found the cluster's spaces");

	return self_has_founded(d->store, &d->self, e);
}

/* ---- what a definition says ---------------------------------------------- */

struct pool_said {
	struct ip_net net;
	uint32_t size;
};

static int read_pool(const struct jnode *n, struct pool_of *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "net", JN_IP_NET, offsetof(struct pool_said, net) },
		{ "size", JN_U32, offsetof(struct pool_said, size), 1, 128 },
		{ 0 },
	};
	struct pool_said given = { 0 };
	int r;

	r = jn_read(n, keys, &given, e);
	if (r < 0)
		return r;
	if (!ip_is_set(&given.net.addr) || given.size < given.net.len ||
	    given.size > ip_bits(given.net.addr.family))
		return jn_bad(n, e, "a pool is a prefix and the size of its pieces");
	*ret = (struct pool_of){ given.net, (uint8_t)given.size };

	return 0;
}

static int read_pools(const struct jnode *n, void *data, struct err *e)
{
	struct shared *s = data;
	int r = jn_array(n, e);

	if (r == 0 && jn_count(n) > CONFIG_POOLS_MAX)
		return jn_bad(n, e, "more than %d pools", CONFIG_POOLS_MAX);
	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);

		r = read_pool(&item, &s->pools[s->n_pools++], e);
	}

	return r;
}

/* Return: 0; -EAGAIN: not known yet, or written by a netd that knows more. */
static int shared_of(struct cluster *c, const char *name, struct shared *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "first", JN_U32, offsetof(struct shared, first) },
		{ "count", JN_U32, offsetof(struct shared, count) },
		{ "pools", JN_CALL, .call = read_pools },
		{ 0 },
	};
	struct shared s = { 0 };
	AUTO_JSON json_t *doc = NULL;
	struct definition of;
	struct jnode root;

	if (!definitions_named(cluster_definitions(c), DEFINITION_SPACE, name, &of))
		return err_cni(e, CNI_E_AGAIN,
			       "this node has not heard of the cluster's space \"%s\" yet", name);
	if (of.body_len < LINK_ID_LEN || jn_parse((const char *)of.body + LINK_ID_LEN,
						  of.body_len - LINK_ID_LEN, &doc, NULL) < 0)
		return err_cni(e, CNI_E_AGAIN, "the definition of the space \"%s\" is no JSON",
			       name);
	root = jn_root(doc);
	memcpy(s.id.b, of.body, LINK_ID_LEN);
	if (jn_read(&root, keys, &s, e) < 0)
		return -EAGAIN;
	*ret = s;

	return 0;
}

static int piece(const struct shared *s, uint64_t number, struct ip_net *ret)
{
	for (size_t i = 0; i < s->n_pools; i++) {
		const struct pool_of *p = &s->pools[i];
		struct ip_net net = { ip_net_first(&p->net), p->size };
		unsigned int shift = ip_bits(net.addr.family) - p->size;

		if (number >= pieces(p)) {
			number -= pieces(p);
			continue;
		}
		/* Steps of a piece's size, of which a /64 is more than 64 bits can say. */
		for (unsigned int bit = 0; bit < 64 && number >> bit; bit++) {
			unsigned int at = shift + bit;

			if (number >> bit & 1)
				net.addr.b[ip_size(net.addr.family) - 1 - at / 8] |=
					(uint8_t)(1U << at % 8);
		}
		*ret = net;
		return 0;
	}

	return -ERANGE;
}

/* The other way, also of a part of a piece; -1: it is in none. */
static int64_t number_of(const struct shared *s, const struct ip_net *net)
{
	uint64_t before = 0;

	for (size_t i = 0; i < s->n_pools; i++) {
		const struct pool_of *p = &s->pools[i];
		unsigned int shift = ip_bits(p->net.addr.family) - p->size;
		uint64_t number = 0;

		if (net->len < p->size || !ip_net_contains(&p->net, &net->addr)) {
			before += pieces(p);
			continue;
		}
		for (unsigned int bit = 0; bit < (unsigned int)(p->size - p->net.len) && bit < 62;
		     bit++) {
			unsigned int at = shift + bit;

			number |= (uint64_t)(net->addr.b[ip_size(net->addr.family) - 1 - at / 8] >>
						     at % 8 &
					     1)
				  << bit;
		}
		return (int64_t)(before + number);
	}

	return -1;
}

/* ---- VNIs ---------------------------------------------------------------- */

/* What blocks says, for who asked for a network: of @what this node has none to give. */
static int soon(int r, const char *what, struct err *e)
{
	/* Of the space it has heard by its definition alone. */
	if (r == -ENOENT)
		return err_cni(e, CNI_E_AGAIN, "this node has not heard who owns the %s yet", what);
	if (r != -EAGAIN)
		return r;

	return err_cni(e, CNI_E_AGAIN,
		       "the %s are other nodes' to give, and none of them has answered yet: see "
		       "heddle node ls; try again when they are alive, or at one of them",
		       what);
}

int spaces_take_vni(struct cluster *c, uint32_t *ret, struct err *e)
{
	struct shared s;
	uint64_t number;
	int r = shared_of(c, VNI, &s, e);

	if (r == 0)
		r = soon(blocks_take(cluster_blocks(c), &s.id, &number, cluster_now(c), e), "VNIs",
			 e);
	if (r == 0)
		*ret = s.first + (uint32_t)number;

	return r;
}

static bool vni_number(const struct shared *s, uint32_t vni, uint64_t *ret)
{
	*ret = vni - s->first;

	return vni >= s->first && *ret < s->count;
}

int spaces_take_this_vni(struct cluster *c, uint32_t vni, struct err *e)
{
	struct shared s;
	uint64_t number;
	int r = shared_of(c, VNI, &s, e);

	if (r < 0 || !vni_number(&s, vni, &number))
		return r;

	return soon(blocks_take_exact(cluster_blocks(c), &s.id, number, cluster_now(c), e), "VNIs",
		    e);
}

void spaces_hold_vni(struct cluster *c, uint32_t vni)
{
	struct shared s;
	uint64_t number;

	if (shared_of(c, VNI, &s, NULL) == 0 && vni_number(&s, vni, &number))
		(void)blocks_hold(cluster_blocks(c), &s.id, number, NULL);
}

void spaces_release_vni(struct cluster *c, uint32_t vni)
{
	struct shared s;
	uint64_t number;

	if (shared_of(c, VNI, &s, NULL) == 0 && vni_number(&s, vni, &number))
		(void)blocks_release(cluster_blocks(c), &s.id, number, cluster_now(c));
}

/* ---- subnets ------------------------------------------------------------- */

static const char *space_of(uint8_t family)
{
	return family == AF_INET ? SUBNETS : SUBNETS6;
}

int spaces_take_subnet(struct cluster *c, uint8_t family, struct ip_net *ret, struct err *e)
{
	struct shared s;
	uint64_t number = 0;
	int r = shared_of(c, space_of(family), &s, e);

	if (r == 0)
		r = soon(blocks_take(cluster_blocks(c), &s.id, &number, cluster_now(c), e),
			 "subnets", e);

	return r < 0 ? r : piece(&s, number, ret);
}

static bool subnet_number(struct cluster *c, const struct ip_net *net, struct shared *s,
			  uint64_t *ret)
{
	int64_t number;

	if (shared_of(c, space_of(net->addr.family), s, NULL) < 0)
		return false;
	number = number_of(s, net);
	*ret = (uint64_t)number;

	return number >= 0;
}

void spaces_hold_subnet(struct cluster *c, const struct ip_net *net)
{
	struct shared s;
	uint64_t number;

	if (subnet_number(c, net, &s, &number))
		(void)blocks_hold(cluster_blocks(c), &s.id, number, NULL);
}

void spaces_release_subnet(struct cluster *c, const struct ip_net *net)
{
	struct shared s;
	uint64_t number;

	if (subnet_number(c, net, &s, &number))
		(void)blocks_release(cluster_blocks(c), &s.id, number, cluster_now(c));
}
