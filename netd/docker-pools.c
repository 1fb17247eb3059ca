/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-pools - see docker-pools.h */
#include "netd/docker-pools.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "ipam/pools.h"
#include "ipam/range.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip-json.h"
#include "lib/jnode.h"
#include "netd/docker-records.h"
#include "netd/store.h"

/* ---- records ------------------------------------------------------------- */

static json_t *pool_json(const struct docker_pool *p)
{
	AUTO_JSON json_t *doc = json_object();

	if (!doc || ip_net_json_set(doc, "net", &p->net) < 0 ||
	    ip_net_json_set(doc, "range", &p->range) < 0 ||
	    ip_json_set(doc, "gateway", &p->gateway) < 0 ||
	    json_object_set_new(doc, "network", json_string(p->network)) < 0)
		return NULL;

	return MOVE_PTR(doc);
}

static int pool_read(const char *id, json_t *doc, struct docker_pool *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "net", JN_IP_NET, offsetof(struct docker_pool, net) },
		{ "range", JN_IP_NET, offsetof(struct docker_pool, range) },
		{ "gateway", JN_IP, offsetof(struct docker_pool, gateway) },
		{ 0 },
	};
	const char *network = json_string_value(json_object_get(doc, "network"));
	const struct jnode root = jn_root(doc);
	struct docker_pool p = { 0 };
	int r = jn_read(&root, keys, &p, e);

	if (r < 0)
		return r;
	snprintf(p.id, sizeof(p.id), "%s", id);
	snprintf(p.network, sizeof(p.network), "%s", network ? network : "");
	*ret = p;

	return 0;
}

int docker_pool_update(struct store *s, const struct docker_pool *pool, struct err *e)
{
	return docker_record_put(s, DOCKER_POOL, pool->id, pool_json(pool), STORE_DURABLE, e);
}

int docker_pool_find(struct store *s, const char *id, struct docker_pool *ret, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	int r = docker_record_get(s, DOCKER_POOL, id, &doc, e);

	if (r == -ENOENT)
		return err_say(e, ENOENT, "there is no pool \"%.64s\"", id);

	return r < 0 ? r : pool_read(id, doc, ret, e);
}

/* ---- all pools ----------------------------------------------------------- */

struct search {
	int (*fn)(void *ctx, const struct docker_pool *p);
	void *ctx;
	struct err *e;
};

static int visit(void *ctx, const char *id, json_t *doc)
{
	const struct search *s = ctx;
	struct docker_pool p;
	int r = pool_read(id, doc, &p, s->e);

	return r < 0 ? r : s->fn(s->ctx, &p);
}

static int each_pool(struct store *s, int (*fn)(void *ctx, const struct docker_pool *p), void *ctx,
		     struct err *e)
{
	struct search search = { fn, ctx, e };

	return docker_record_each(s, DOCKER_POOL, visit, &search, e);
}

struct of {
	struct ip_net net;
	struct docker_pool *ret;
	bool found;
};

static int is_of(void *ctx, const struct docker_pool *p)
{
	struct of *o = ctx;

	if (ip_net_same(&p->net, &o->net)) {
		*o->ret = *p;
		o->found = true;
	}

	return 0;
}

int docker_pool_of(struct store *s, const struct ip_net *net, struct docker_pool *ret,
		   struct err *e)
{
	struct docker_pool found;
	struct of o = { { ip_net_first(net), net->len }, &found, false };
	int r = each_pool(s, is_of, &o, e);

	if (r < 0)
		return r;
	if (!o.found)
		return -ENOENT;
	*ret = found;

	return 0;
}

/* With a full disk dockerd still starts anew with the subnets that it has. */
static int may_add(struct store *s, const struct ip_net *net, struct err *e)
{
	struct docker_pool known;
	int r = docker_pool_of(s, net, &known, e);

	return r == -ENOENT ? store_may_add(s, e) : r;
}

int docker_pool_add(struct store *s, struct docker_pool *pool, struct err *e)
{
	uint8_t random[(DOCKER_POOL_ID_SIZE - 1) / 2];
	int r = may_add(s, &pool->net, e);

	if (r < 0)
		return r;
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(pool->id, sizeof(pool->id), random, sizeof(random));

	return docker_pool_update(s, pool, e);
}

static int is_own_of(void *ctx, const struct docker_pool *p)
{
	return *p->network ? 0 : is_of(ctx, p);
}

/* Return: 1 if there was one, 0 if not, or a negative errno. */
static int hand_over_one(struct store *s, const struct ip_net *net, const struct ip_addr *gateway,
			 const char *network, struct err *e)
{
	struct docker_pool pool;
	struct of o = { *net, &pool, false };
	int r = each_pool(s, is_own_of, &o, e);

	if (r < 0 || !o.found)
		return r;
	pool.gateway = *gateway;
	snprintf(pool.network, sizeof(pool.network), "%s", network);
	r = docker_pool_update(s, &pool, e);

	return r < 0 ? r : 1;
}

int docker_pools_hand_over(struct store *s, const struct ip_net *net, const struct ip_addr *gateway,
			   const char *network, struct err *e)
{
	int r;

	while ((r = hand_over_one(s, net, gateway, network, e)) > 0)
		;

	return r;
}

/* ---- subnets ------------------------------------------------------------- */

static int take_in(void *ctx, const struct docker_pool *p)
{
	const struct pools_use use = { .net = p->net, .on_link = true };

	return pools_add(ctx, &use);
}

/* What the host has, and what was given and not given back, whether a network came of it or not. */
static int choose(struct store *s, uint8_t family, struct ip_net *ret, struct err *e)
{
	AUTO(pools_clear) struct pools p = { 0 };
	int r;

	if ((r = pools_init(&p, e)) < 0 || (r = each_pool(s, take_in, &p, e)) < 0)
		return r;

	return pools_pick(&p, family, 0, ret, e);
}

struct clash {
	const struct docker_pool *want;
	struct docker_pool with;
	bool found;
};

/* The very same subnet is a request that dockerd repeats; networks are told apart later. */
static int look_for_clash(void *ctx, const struct docker_pool *p)
{
	struct clash *c = ctx;

	if (ip_net_overlaps(&p->net, &c->want->net) && !ip_net_same(&p->net, &c->want->net)) {
		c->with = *p;
		c->found = true;
	}

	return 0;
}

static int need_free(struct store *s, const struct docker_pool *want, struct err *e)
{
	struct clash c = { .want = want };
	char text[IP_NET_STRLEN], other[IP_NET_STRLEN];
	int r = each_pool(s, look_for_clash, &c, e);

	if (r < 0 || !c.found)
		return r;

	return err_say(e, EEXIST,
		       "Pool overlaps with other one on this address space: %s and %s, which "
		       "another network has, or Docker has lost: see heddle doctor",
		       ip_net_str(&want->net, text), ip_net_str(&c.with.net, other));
}

static int check_range(const struct docker_pool *p, struct err *e)
{
	char range[IP_NET_STRLEN], net[IP_NET_STRLEN];

	if (!ip_is_set(&p->range.addr))
		return 0;
	if (p->range.addr.family != p->net.addr.family || p->range.len < p->net.len ||
	    !ip_net_overlaps(&p->net, &p->range))
		return err_cni(e, CNI_E_CONFIG, "--ip-range %s is no part of the subnet %s",
			       ip_net_str(&p->range, range), ip_net_str(&p->net, net));

	return 0;
}

int docker_pool_request(struct store *s, const struct docker_pool *want, struct docker_pool *ret,
			struct err *e)
{
	struct docker_pool p = { .net = want->net, .range = want->range };
	int r = 0;

	if (ip_is_set(&p.net.addr) && !ip_is_unspecified(&p.net.addr))
		p.net.addr = ip_net_first(&p.net);
	else
		r = choose(s, p.net.addr.family, &p.net, e);
	if (ip_is_set(&p.range.addr))
		p.range.addr = ip_net_first(&p.range);
	if (r < 0 || (r = check_range(&p, e)) < 0 || (r = need_free(s, &p, e)) < 0 ||
	    (r = docker_pool_add(s, &p, e)) < 0)
		return r;
	*ret = p;

	return 0;
}

/* ---- addresses ----------------------------------------------------------- */

#define ADDRESS_ID_SIZE (IP_NET_STRLEN + IP_STRLEN)

static const char *address_id(const struct docker_pool *pool, const struct ip_addr *ip,
			      char ret[ADDRESS_ID_SIZE])
{
	char net[IP_NET_STRLEN], addr[IP_STRLEN];

	snprintf(ret, ADDRESS_ID_SIZE, "%s %s", ip_net_str(&pool->net, net), ip_str(ip, addr));

	return ret;
}

struct taken {
	const struct docker_pool *pool;
	struct ip_addr *list;
	size_t n, cap;
	struct ip_addr last; /* given most recently */
	json_int_t number;   /* … as the how-manieth */
};

static int add_taken(struct taken *t, const struct ip_addr *ip)
{
	struct ip_addr *more;

	if (t->n == t->cap) {
		more = reallocarray(t->list, t->cap * 2 + 16, sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->list = more;
		t->cap = t->cap * 2 + 16;
	}
	t->list[t->n++] = *ip;

	return 0;
}

static int look_at_address(void *ctx, const char *id, json_t *doc)
{
	struct taken *t = ctx;
	json_int_t number = json_integer_value(json_object_get(doc, "number"));
	const char *blank = strchr(id, ' ');
	char net[IP_NET_STRLEN];
	struct ip_addr ip;

	ip_net_str(&t->pool->net, net);
	if (!blank || strlen(net) != (size_t)(blank - id) || strncmp(id, net, strlen(net)) != 0 ||
	    ip_parse(blank + 1, &ip) < 0)
		return 0;
	if (number > t->number) {
		t->number = number;
		t->last = ip;
	}

	return add_taken(t, &ip);
}

static void taken_clear(struct taken *t)
{
	free(t->list);
}

/* The rules of host-local: what is no host's, and --ip-range. */
static int read_range(const struct docker_pool *p, struct range_set *ret, struct err *e)
{
	AUTO_JSON json_t *doc = json_object();
	struct jnode root;

	if (!doc || ip_net_json_set(doc, "subnet", &p->net) < 0 ||
	    ip_net_json_set(doc, "ipRange", &p->range) < 0 ||
	    ip_json_set(doc, "gateway", &p->gateway) < 0)
		return err_sys(e, ENOMEM, "choose an address");
	root = jn_root(doc);

	return range_set_read(&root, ret, e);
}

static int check_wanted(const struct docker_pool *p, const struct range_set *set,
			const struct ip_addr *ip, struct err *e)
{
	char addr[IP_STRLEN], net[IP_NET_STRLEN];

	if (!range_set_find(set, ip))
		return err_cni(e, CNI_E_CONFIG,
			       "Requested address %s is not of the pool %s, or is no host's of it",
			       ip_str(ip, addr), ip_net_str(&p->net, net));

	return 0;
}

static int keep_address(struct store *s, const struct docker_pool *p, const struct ip_addr *ip,
			json_int_t number, struct err *e)
{
	char id[ADDRESS_ID_SIZE];

	return docker_record_put(s, DOCKER_ADDRESS, address_id(p, ip, id),
				 json_pack("{s:s, s:I}", "pool", p->id, "number", number),
				 STORE_DURABLE, e);
}

int docker_address_keep(struct store *s, const struct docker_pool *pool, const struct ip_addr *ip,
			struct err *e)
{
	return keep_address(s, pool, ip, 0, e);
}

int docker_address_known(struct store *s, const struct docker_pool *p, const struct ip_addr *ip,
			 struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	char id[ADDRESS_ID_SIZE], addr[IP_STRLEN];
	const char *pool;
	int r = docker_record_get(s, DOCKER_ADDRESS, address_id(p, ip, id), &doc, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	pool = json_string_value(json_object_get(doc, "pool"));
	if (!pool || strcmp(pool, p->id) != 0)
		return 1;

	return err_say(e, EADDRINUSE, "Address already in use: %s", ip_str(ip, addr));
}

static bool is_taken(const struct taken *t, const struct ip_addr *ip)
{
	for (size_t i = 0; i < t->n; i++)
		if (ip_equal(&t->list[i], ip))
			return true;

	return false;
}

/* Docker's gateway is the lowest free address, of --ip-range if there is one. */
static int choose_gateway(const struct range_set *set, const struct taken *t, struct ip_addr *ret)
{
	struct ip_addr ip = set->ranges[0].first;

	while (is_taken(t, &ip))
		if (!ip_next(&ip) || ip_cmp(&ip, &set->ranges[0].last) > 0)
			return -ENOSPC;
	*ret = ip;

	return 0;
}

static int choose_address(const struct docker_pool *p, const struct range_set *set,
			  const struct taken *t, bool is_gateway, struct ip_addr *ret,
			  struct err *e)
{
	const struct range *range;
	char net[IP_NET_STRLEN];
	int r;

	if (is_gateway)
		r = choose_gateway(set, t, ret);
	else
		r = range_set_next(set, &t->last, t->list, t->n, ret, &range);
	if (r == -ENOSPC)
		return err_say(e, ENOSPC, "no available IPv%d addresses on this pool: %s",
			       p->net.addr.family == AF_INET6 ? 6 : 4, ip_net_str(&p->net, net));

	return r < 0 ? err_sys(e, -r, "choose an address") : 0;
}

static int pick_address(struct store *s, const struct docker_pool *p, const struct ip_addr *want,
			bool is_gateway, struct ip_addr *ret, struct err *e)
{
	AUTO(range_set_clear) struct range_set set = { 0 };
	AUTO(taken_clear) struct taken t = { .pool = p };
	int r;

	if ((r = read_range(p, &set, e)) < 0 ||
	    (r = docker_record_each(s, DOCKER_ADDRESS, look_at_address, &t, e)) < 0)
		return r;
	if (!ip_is_set(want))
		r = choose_address(p, &set, &t, is_gateway, ret, e);
	else if ((r = check_wanted(p, &set, want, e)) == 0 &&
		 (r = docker_address_known(s, p, want, e)) >= 0)
		*ret = *want;
	/* Of those that dockerd has it may ask again when the disk is full. */
	if (r == 0)
		r = store_may_add(s, e);

	return r < 0 ? r : keep_address(s, p, ret, t.number + 1, e);
}

int docker_address_request(struct store *s, struct docker_pool *pool, const struct ip_addr *want,
			   bool is_gateway, struct ip_addr *ret, struct err *e)
{
	struct docker_pool p = *pool;
	struct ip_addr ip;
	int r = pick_address(s, &p, want, is_gateway, &ip, e);

	if (r < 0)
		return r;
	if (is_gateway) {
		p.gateway = ip;
		r = docker_pool_update(s, &p, e);
		if (r < 0)
			return r;
		*pool = p;
	}
	*ret = ip;

	return 0;
}

int docker_address_release(struct store *s, const struct docker_pool *pool,
			   const struct ip_addr *ip, struct err *e)
{
	char id[ADDRESS_ID_SIZE];

	return docker_record_drop(s, DOCKER_ADDRESS, address_id(pool, ip, id), e);
}

int docker_addresses_of(struct store *s, const struct docker_pool *pool, struct ip_addr **ret,
			struct err *e)
{
	AUTO(taken_clear) struct taken t = { .pool = pool };
	int r = docker_record_each(s, DOCKER_ADDRESS, look_at_address, &t, e);

	if (r < 0)
		return r;
	*ret = MOVE_PTR(t.list);

	return (int)t.n;
}

/* ---- giving back --------------------------------------------------------- */

int docker_pools_drop(struct store *s, const struct ip_net *net, struct err *e)
{
	struct docker_pool p;
	int r;

	while ((r = docker_pool_of(s, net, &p, e)) == 0)
		if ((r = docker_record_drop(s, DOCKER_POOL, p.id, e)) < 0)
			return r;

	return r == -ENOENT ? 0 : r;
}

int docker_pool_release(struct store *s, const char *id, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	struct docker_pool p;
	int r = docker_record_get(s, DOCKER_POOL, id, &doc, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || (r = pool_read(id, doc, &p, e)) < 0 ||
	    (r = docker_record_drop(s, DOCKER_POOL, id, e)) < 0)
		return r;
	AUTO(taken_clear) struct taken t = { .pool = &p };
	r = docker_record_each(s, DOCKER_ADDRESS, look_at_address, &t, e);

	return r < 0 || t.n > 0 ? r : docker_pools_drop(s, &p.net, e);
}
