/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pools - see pools.h */
#include "ipam/pools.h"

#include <errno.h>
#include <sha256.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

struct pool {
	struct ip_net base;
	uint8_t len; /* of a piece */
};

static const struct {
	const char *base;
	uint8_t len;
} ipv4_pools[] = {
	{ "172.17.0.0/16", 16 },  { "172.18.0.0/16", 16 }, { "172.19.0.0/16", 16 },
	{ "172.20.0.0/14", 16 },  { "172.24.0.0/14", 16 }, { "172.28.0.0/14", 16 },
	{ "192.168.0.0/16", 20 },
};

void pools_clear(struct pools *p)
{
	free(p->uses);
	*p = (struct pools){ 0 };
}

int pools_add(struct pools *p, const struct pools_use *use)
{
	struct pools_use *bigger = reallocarray(p->uses, p->n + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	p->uses = bigger;
	bigger[p->n++] = *use;

	return 0;
}

struct ip_net pools_local(const void *seed, size_t len)
{
	struct ip_net net = { .addr = { .family = AF_INET6, .b = { 0xfd } }, .len = 48 };
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, (const uint8_t *)"heddle", sizeof("heddle"));
	SHA256_Update(&ctx, seed, len);
	SHA256_Final(digest, &ctx);
	memcpy(net.addr.b + 1, digest, 5);

	return net;
}

/* ---- picking ------------------------------------------------------------- */

static const struct pools_use *find(const struct pools *p, const struct ip_net *net, bool on_link)
{
	for (size_t i = 0; i < p->n; i++)
		if ((p->uses[i].on_link || !on_link) && ip_net_overlaps(&p->uses[i].net, net))
			return &p->uses[i];

	return NULL;
}

/* From piece to piece, past whatever is in the way, however large it is. */
static bool pick_in(const struct pools *p, const struct pool *pool, bool on_link,
		    struct ip_net *ret)
{
	struct ip_net piece = { pool->base.addr, pool->len };
	const struct pools_use *use = find(p, &piece, on_link);

	for (; use; use = find(p, &piece, on_link)) {
		struct ip_addr last = ip_net_last(&piece), end = ip_net_last(&use->net);

		if (ip_cmp(&end, &last) > 0)
			last = end;
		if (!ip_next(&last) || !ip_net_contains(&pool->base, &last))
			return false;
		piece.addr = last;
	}
	*ret = piece;

	return true;
}

/* With the length that is asked for, unless @pool is smaller than that. */
static bool pick_of(const struct pools *p, struct pool pool, uint8_t len, bool on_link,
		    struct ip_net *ret)
{
	if (len)
		pool.len = len;

	return pool.len >= pool.base.len && pick_in(p, &pool, on_link, ret);
}

static bool pick(const struct pools *p, uint8_t family, uint8_t len, bool on_link,
		 struct ip_net *ret)
{
	if (family == AF_INET6)
		return pick_of(p, (struct pool){ p->local, 64 }, len, on_link, ret);
	for (size_t i = 0; i < ARRAY_SIZE(ipv4_pools); i++) {
		struct pool pool = { .len = ipv4_pools[i].len };

		(void)ip_net_parse(ipv4_pools[i].base, &pool.base);
		if (pick_of(p, pool, len, on_link, ret))
			return true;
	}

	return false;
}

int pools_pick(const struct pools *p, uint8_t family, uint8_t len, struct ip_net *ret,
	       struct err *e)
{
	if (pick(p, family, len, false, ret) || pick(p, family, len, true, ret))
		return 0;

	return err_say(e, ENOSPC,
		       "all predefined address pools have been fully subnetted: "
		       "choose a subnet with --subnet");
}

const struct pools_use *pools_on_host(const struct pools *p, const struct ip_net *net)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->uses[i].index && ip_net_overlaps(&p->uses[i].net, net))
			return &p->uses[i];

	return NULL;
}
