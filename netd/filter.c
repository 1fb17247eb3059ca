/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter - see filter.h. */
#include "netd/filter.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nft-expr.h"
#include "lib/ruleset.h"

/* Another's transaction in between is refused for free, and tried again. */
#define BUILD_TRIES 100

static const struct nft_table table = { .family = NFPROTO_INET, .name = FILTER_TABLE };

/* A VNI is at th+96, 24 bits: behind the UDP header and a word of flags. */
#define VNI_AT .raw_offset = 96, .raw_bits = 24

static const struct nft_set networks = {
	.table = &table,
	.name = "networks",
	.comment = "networks of this node: UDP port . VNI",
	.key = { NFT_TYPE_PORT, NFT_TYPE_RAW_VNI },
	VNI_AT,
};

static const struct nft_set members4 = {
	.table = &table,
	.name = "members4",
	.comment = "who may send: VTEP . VNI",
	.key = { NFT_TYPE_IPV4, NFT_TYPE_RAW_VNI },
	VNI_AT,
};

static const struct nft_set members6 = {
	.table = &table,
	.name = "members6",
	.comment = "who may send: VTEP . VNI",
	.key = { NFT_TYPE_IPV6, NFT_TYPE_RAW_VNI },
	VNI_AT,
};

static const struct nft_set bridges = {
	.table = &table,
	.name = "bridges",
	.comment = "networks' bridges: what stays on one passes: bridge . the same bridge",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME },
};

static const struct nft_set *const sets[] = { &networks, &members4, &members6, &bridges, NULL };

/* ---- rules --------------------------------------------------------------------------- */

#define UDP	     nft_meta(NFT_META_L4PROTO, 0), nft_is(0, &(uint8_t){ IPPROTO_UDP }, 1)
#define OF_A_NETWORK UDP, nft_dport(8), nft_vni(9), nft_in(&networks, 8)

#define FROM_MEMBER4 NFT_IPV4, nft_ip_saddr(8), nft_vni(9), nft_in(&members4, 8)
#define FROM_MEMBER6 NFT_IPV6, nft_ip6_saddr(8), nft_vni(12), nft_in(&members6, 8)
#define TO_MEMBER4   NFT_IPV4, nft_ip_daddr(8), nft_vni(9), nft_in(&members4, 8)
#define TO_MEMBER6   NFT_IPV6, nft_ip6_daddr(8), nft_vni(12), nft_in(&members6, 8)

/* It came in where the way back to its source begins. */
#define BY_ITS_WAY nft_fib_saddr_iif(0), nft_is_not(0, "\0\0\0", 4)

static void members_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "VXLAN from a member", FROM_MEMBER4, BY_ITS_WAY, nft_return());
	nft_add_rule(b, chain, "VXLAN from a member", FROM_MEMBER6, BY_ITS_WAY, nft_return());
}

static void received_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	members_rules(b, chain);
	nft_add_rule(b, chain, "VXLAN from somebody else", nft_counter(), nft_drop());
}

static void forwarded_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	members_rules(b, chain);
	nft_add_rule(b, chain, "VXLAN from somebody else to a member", TO_MEMBER4, nft_counter(),
		     nft_drop());
	nft_add_rule(b, chain, "VXLAN from somebody else to a member", TO_MEMBER6, nft_counter(),
		     nft_drop());
}

/* What is no VXLAN of ours, that is nearly everything, is asked one question. */
static void input_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "VXLAN of a network", OF_A_NETWORK, nft_jump("received"));
}

static void forward_rules(struct nft_batch *b, const struct nft_chain *chain, uint32_t mark)
{
	nft_add_rule(b, chain, "within a network", nft_iifname(8), nft_oifname(12),
		     nft_in(&bridges, 8), NFT_SET_MARK(mark));
	nft_add_rule(b, chain, "VXLAN of a network", OF_A_NETWORK, nft_jump("forwarded"));
}

enum { INPUT, FORWARD, RECEIVED, FORWARDED };

static const struct ruleset_chain chains[] = {
	[INPUT] = {
		.chain = { .table = &table,
			   .name = "input",
			   .type = "filter",
			   .hook = NF_INET_LOCAL_IN,
			   .priority = NF_IP_PRI_RAW },
		.n_rules = 1,
		.rules = input_rules,
	},
	[FORWARD] = {
		.chain = { .table = &table,
			   .name = "forward",
			   .type = "filter",
			   .hook = NF_INET_FORWARD,
			   .priority = NF_IP_PRI_RAW },
		.n_rules = 2,
		.marking_rules = forward_rules,
	},
	[RECEIVED] = {
		.chain = { .table = &table, .name = "received" },
		.n_rules = 3,
		.rules = received_rules,
	},
	[FORWARDED] = {
		.chain = { .table = &table, .name = "forwarded" },
		.n_rules = 4,
		.rules = forwarded_rules,
	},
};

static const struct ruleset ruleset = {
	.table = &table,
	.comment = "overlay networks of heddle's netd, see docs/nftables.md",
	.sets = sets,
	.chains = chains,
	.n_chains = ARRAY_SIZE(chains),
};

/* ---- the table -------------------------------------------------------------------------- */

/* The mark is the host's, which the first network that names one decides, maybe later. */
static int look(struct nl *nl, struct ruleset_view *ret, struct err *e)
{
	uint32_t mark;
	int r = ruleset_get_mark(nl, 0, &mark, e);

	if (r == 0)
		r = ruleset_look(nl, &ruleset, ret, e);
	if (r < 0)
		return r;
	ret->stands = ret->stands && ret->mark == mark;
	ret->mark = mark;

	return 0;
}

int filter_stands(struct nl *nl, struct err *e)
{
	struct ruleset_view view;
	int r = look(nl, &view, e);

	return r < 0 ? r : view.stands;
}

static int build_once(struct nl *nl, struct err *e)
{
	struct ruleset_view view;
	struct nft_batch b;
	uint32_t genid;
	int r = nft_get_genid(nl, &genid, e);

	if (r == 0)
		r = look(nl, &view, e);
	if (r < 0)
		return r;
	view.stands = false;
	nft_begin(&b, nl, genid);
	ruleset_build(&b, &ruleset, &view);

	return nft_commit(&b, e);
}

int filter_build(struct nl *nl, struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < BUILD_TRIES && r == -ERESTART; i++)
		r = build_once(nl, e);

	return r == -ERESTART ? nft_still_busy(e) : r;
}

/* ---- elements ------------------------------------------------------------------------------ */

static const struct nft_set *set_of(const struct filter_key *key)
{
	if (key->bridge[0])
		return &bridges;
	if (!ip_is_set(&key->vtep))
		return &networks;

	return key->vtep.family == AF_INET ? &members4 : &members6;
}

static struct nft_value value_of(const struct filter_key *key)
{
	struct nft_value v = { .len = 0 };

	if (key->bridge[0]) {
		nft_value_ifname(&v, key->bridge);
		nft_value_ifname(&v, key->bridge);
		return v;
	}
	if (ip_is_set(&key->vtep))
		nft_value_ip(&v, &key->vtep);
	else
		nft_value_port(&v, key->port);
	nft_value_vni(&v, key->vni);

	return v;
}

int filter_has(struct nl *nl, const struct filter_key *key, struct err *e)
{
	const struct nft_value v = value_of(key);
	struct nft_elem elem;

	return nft_get_elem(nl, set_of(key), &v, &elem, e);
}

void filter_add(struct nft_batch *b, const struct filter_key *key)
{
	const struct nft_value v = value_of(key);

	nft_add_elem(b, set_of(key), &v, NULL, NULL);
}

void filter_del(struct nft_batch *b, const struct filter_key *key)
{
	const struct nft_value v = value_of(key);

	nft_del_elem(b, set_of(key), &v);
}

struct walk {
	const struct nft_set *set;
	int (*fn)(const struct filter_key *key, void *data);
	void *data;
};

static int elem_cb(const struct nft_elem *elem, void *data)
{
	const struct walk *w = data;
	const uint8_t *b = elem->key.b, *vni = b + 4;
	struct filter_key key = { .port = 0 };

	if (w->set == &bridges) {
		memcpy(key.bridge, b, IFNAMSIZ - 1);
		return w->fn(&key, w->data);
	}
	if (w->set == &networks) {
		key.port = (uint16_t)(b[0] << 8 | b[1]);
	} else {
		key.vtep.family = w->set == &members4 ? AF_INET : AF_INET6;
		memcpy(key.vtep.b, b, ip_size(key.vtep.family));
		vni = b + ip_size(key.vtep.family);
	}
	key.vni = (uint32_t)vni[0] << 16 | (uint32_t)vni[1] << 8 | vni[2];

	return w->fn(&key, w->data);
}

int filter_each(struct nl *nl, int (*fn)(const struct filter_key *key, void *data), void *data,
		struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && sets[i]; i++)
		r = nft_dump_elems(nl, sets[i], elem_cb, &(struct walk){ sets[i], fn, data }, e);

	return r;
}

int filter_count(struct nl *nl, struct filter_drops *ret, struct err *e)
{
	struct filter_drops d;
	int r = nft_count_packets(nl, &chains[RECEIVED].chain, &d.input, e);

	if (r == 0)
		r = nft_count_packets(nl, &chains[FORWARDED].chain, &d.forward, e);
	if (r == 0)
		*ret = d;

	return r;
}
