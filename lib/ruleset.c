/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset - see ruleset.h. */
#include "lib/ruleset.h"

#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nft-expr.h"

#define ESTABLISHED_OR_RELATED (NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))

#define LAYOUT_COMMENT "heddle layout %u, compatible with %u"

/* ---- table inet heddle ----------------------------------------------------- */

static const struct nft_table inet = { .family = NFPROTO_INET, .name = "heddle" };

const struct nft_set ruleset_masq4 = {
	.table = &inet,
	.name = "masq4",
	.comment = "masqueraded: container address . interface that leads to it",
	.key = { NFT_TYPE_IPV4, NFT_TYPE_IFNAME },
};

const struct nft_set ruleset_masq6 = {
	.table = &inet,
	.name = "masq6",
	.comment = "masqueraded: container address . interface that leads to it",
	.key = { NFT_TYPE_IPV6, NFT_TYPE_IFNAME },
};

const struct nft_set ruleset_routed4 = {
	.table = &inet,
	.name = "routed4",
	.comment = "not masqueraded: container address . group of its network's interfaces",
	.key = { NFT_TYPE_IPV4, NFT_TYPE_GROUP },
};

const struct nft_set ruleset_routed6 = {
	.table = &inet,
	.name = "routed6",
	.comment = "not masqueraded: container address . group of its network's interfaces",
	.key = { NFT_TYPE_IPV6, NFT_TYPE_GROUP },
};

#define PORT_MAP(symbol_, name_, ip_, comment_, ...)                                               \
	const struct nft_set symbol_ = {                                                           \
		.table = &inet,                                                                    \
		.name = name_,                                                                     \
		.comment = comment_,                                                               \
		.key = { __VA_ARGS__ },                                                            \
		.data = { ip_, NFT_TYPE_PORT },                                                    \
	}

PORT_MAP(ruleset_port4, "port4", NFT_TYPE_IPV4, "published on every address: container . its port",
	 NFT_TYPE_PROTO, NFT_TYPE_PORT);
PORT_MAP(ruleset_port6, "port6", NFT_TYPE_IPV6, "published on every address: container . its port",
	 NFT_TYPE_PROTO, NFT_TYPE_PORT);
PORT_MAP(ruleset_hostport4, "hostport4", NFT_TYPE_IPV4,
	 "published on one address: container . its port", NFT_TYPE_IPV4, NFT_TYPE_PROTO,
	 NFT_TYPE_PORT);
PORT_MAP(ruleset_hostport6, "hostport6", NFT_TYPE_IPV6,
	 "published on one address: container . its port", NFT_TYPE_IPV6, NFT_TYPE_PROTO,
	 NFT_TYPE_PORT);

#define CONTAINER_SET(symbol_, name_, ip_, comment_)                                               \
	const struct nft_set symbol_ = {                                                           \
		.table = &inet,                                                                    \
		.name = name_,                                                                     \
		.comment = comment_,                                                               \
		.key = { ip_, NFT_TYPE_IFNAME },                                                   \
	}

CONTAINER_SET(ruleset_published4, "published4", NFT_TYPE_IPV4,
	      "has published ports: container address . interface that leads to it");
CONTAINER_SET(ruleset_published6, "published6", NFT_TYPE_IPV6,
	      "has published ports: container address . interface that leads to it");
CONTAINER_SET(ruleset_keepsource4, "keepsource4", NFT_TYPE_IPV4,
	      "published with snat off: not masqueraded for itself, neighbours and 127.0.0.1");
CONTAINER_SET(ruleset_keepsource6, "keepsource6", NFT_TYPE_IPV6,
	      "published with snat off: not masqueraded for itself, neighbours and 127.0.0.1");
CONTAINER_SET(ruleset_masqall4, "masqall4", NFT_TYPE_IPV4,
	      "its clients come with the host's address");
CONTAINER_SET(ruleset_masqall6, "masqall6", NFT_TYPE_IPV6,
	      "its clients come with the host's address");

CONTAINER_SET(ruleset_admitted4, "admitted4", NFT_TYPE_IPV4,
	      "forwarded: container address . interface that leads to it");
CONTAINER_SET(ruleset_admitted6, "admitted6", NFT_TYPE_IPV6,
	      "forwarded: container address . interface that leads to it");

const struct nft_set ruleset_shut = {
	.table = &inet,
	.name = "shut",
	.comment = "bridges that do not see each other",
	.key = { NFT_TYPE_IFNAME },
};

const struct nft_set ruleset_shut_own = {
	.table = &inet,
	.name = "shut_own",
	.comment = "the same bridges, but each sees itself",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME },
};

const struct nft_set ruleset_isolated = {
	.table = &inet,
	.name = "isolated",
	.comment = "bridges that do not even see themselves",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME },
};

static const struct nft_set *const inet_sets[] = {
	&ruleset_masq4,	     &ruleset_masq6,	  &ruleset_routed4,	&ruleset_routed6,
	&ruleset_port4,	     &ruleset_port6,	  &ruleset_hostport4,	&ruleset_hostport6,
	&ruleset_published4, &ruleset_published6, &ruleset_keepsource4, &ruleset_keepsource6,
	&ruleset_masqall4,   &ruleset_masqall6,	  &ruleset_admitted4,	&ruleset_admitted6,
	&ruleset_shut,	     &ruleset_shut_own,	  &ruleset_isolated,	NULL,
};

/*
 * The specific address first.  A packet to somebody else's address that only
 * passes through is not for us, whatever its port.
 */
static void publish_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "port of one address", NFT_IPV4, nft_ip_daddr(8),
		     nft_meta(NFT_META_L4PROTO, 9), nft_dport(10), NFT_TO_HOST,
		     nft_map(&ruleset_hostport4, 8, 4), nft_dnat(NFPROTO_IPV4, 4, 5));
	nft_add_rule(b, chain, "port of any address", NFT_IPV4, nft_meta(NFT_META_L4PROTO, 8),
		     nft_dport(9), NFT_TO_HOST, nft_map(&ruleset_port4, 8, 4),
		     nft_dnat(NFPROTO_IPV4, 4, 5));
	nft_add_rule(b, chain, "port of one address", NFT_IPV6, nft_ip6_daddr(8),
		     nft_meta(NFT_META_L4PROTO, 12), nft_dport(13), NFT_TO_HOST,
		     nft_map(&ruleset_hostport6, 8, 0), nft_dnat(NFPROTO_IPV6, 0, 4));
	nft_add_rule(b, chain, "port of any address", NFT_IPV6, nft_meta(NFT_META_L4PROTO, 8),
		     nft_dport(9), NFT_TO_HOST, nft_map(&ruleset_port6, 8, 0),
		     nft_dnat(NFPROTO_IPV6, 0, 4));
}

/*
 * net.ipv4 route_localnet, which 127.0.0.1 as a host address needs, would let a
 * container's packets to 127.0.0.1 in (CVE-2020-8558).  Nothing legitimate
 * comes from outside with that destination, before anything was translated.
 */
static void guard_localnet_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "127.0.0.0/8 from outside", NFT_IP_TO_LOOPBACK, nft_iifname(0),
		     nft_is_not(0, "lo\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), nft_drop());
}

/*
 * A published container that is reached by its own host, by itself or by a
 * neighbour must answer through the host, or its answer would come from
 * another address than the one that was asked.  A neighbour is who comes in by
 * the interface that leads to the container.  Where br_netfilter is on, it
 * comes in by none, and needs nothing: the answer passes here on its bridge.
 */
static void way_back_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "published with masqAll", NFT_IPV4, NFT_WAS_DNATED, nft_ip_daddr(0),
		     nft_oifname(1), nft_in(&ruleset_masqall4, 0), nft_masquerade());
	nft_add_rule(b, chain, "published, asked by itself or its like", NFT_IPV4, NFT_WAS_DNATED,
		     nft_ip_daddr(0), nft_oifname(1), nft_in(&ruleset_published4, 0),
		     nft_not_in(&ruleset_keepsource4, 0), nft_ip_saddr(0),
		     nft_in(&ruleset_published4, 0), nft_masquerade());
	nft_add_rule(b, chain, "published, asked by a neighbour", NFT_IPV4, NFT_WAS_DNATED,
		     nft_ip_daddr(0), nft_oifname(1), nft_in(&ruleset_published4, 0),
		     nft_not_in(&ruleset_keepsource4, 0), nft_iifname(1),
		     nft_in(&ruleset_published4, 0), nft_masquerade());
	nft_add_rule(b, chain, "published, asked at 127.0.0.1", NFT_IPV4, NFT_WAS_DNATED,
		     NFT_IP_FROM_LOOPBACK, nft_ip_daddr(0), nft_oifname(1),
		     nft_in(&ruleset_published4, 0), nft_not_in(&ruleset_keepsource4, 0),
		     nft_masquerade());
	nft_add_rule(b, chain, "published with masqAll", NFT_IPV6, NFT_WAS_DNATED, nft_ip6_daddr(0),
		     nft_oifname(4), nft_in(&ruleset_masqall6, 0), nft_masquerade());
	nft_add_rule(b, chain, "published, asked by itself or its like", NFT_IPV6, NFT_WAS_DNATED,
		     nft_ip6_daddr(0), nft_oifname(4), nft_in(&ruleset_published6, 0),
		     nft_not_in(&ruleset_keepsource6, 0), nft_ip6_saddr(0),
		     nft_in(&ruleset_published6, 0), nft_masquerade());
	nft_add_rule(b, chain, "published, asked by a neighbour", NFT_IPV6, NFT_WAS_DNATED,
		     nft_ip6_daddr(0), nft_oifname(4), nft_in(&ruleset_published6, 0),
		     nft_not_in(&ruleset_keepsource6, 0), nft_iifname(4),
		     nft_in(&ruleset_published6, 0), nft_masquerade());
}

/*
 * Today's kernels have the outgoing interface as the incoming one of routed
 * multicast (ip_mc_output()), so the last two rules would not match it anyway;
 * the first two keep that from mattering.
 *
 * A packet that stays on its bridge is bridged (then it has no incoming
 * interface here, and comes by only where br_netfilter is on) or routed back out
 * of it; the outgoing interface is the bridge in both cases.
 */
static void masquerade_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "multicast keeps its source", NFT_IP_TO_MULTICAST, nft_return());
	nft_add_rule(b, chain, "multicast keeps its source", NFT_IP6_TO_MULTICAST, nft_return());
	nft_add_rule(b, chain, "stays on its own network", NFT_IPV4, nft_ip_saddr(0),
		     nft_oifname(1), nft_in(&ruleset_masq4, 0), nft_return());
	nft_add_rule(b, chain, "stays on its own network", NFT_IPV6, nft_ip6_saddr(0),
		     nft_oifname(4), nft_in(&ruleset_masq6, 0), nft_return());
	nft_add_rule(b, chain, "routed within its network", NFT_IPV4, nft_ip_saddr(0),
		     nft_oifgroup(1), nft_in(&ruleset_routed4, 0), nft_return());
	nft_add_rule(b, chain, "routed within its network", NFT_IPV6, nft_ip6_saddr(0),
		     nft_oifgroup(4), nft_in(&ruleset_routed6, 0), nft_return());
	nft_add_rule(b, chain, "leaves its own network", NFT_IPV4, nft_ip_saddr(0), nft_iifname(1),
		     nft_in(&ruleset_masq4, 0), nft_masquerade());
	nft_add_rule(b, chain, "leaves its own network", NFT_IPV6, nft_ip6_saddr(0), nft_iifname(4),
		     nft_in(&ruleset_masq6, 0), nft_masquerade());
}

static void postrouting_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	way_back_rules(b, chain);
	masquerade_rules(b, chain);
}

/*
 * An accept here does not bind other tables, a drop does.  What is let through
 * is marked, so that one rule in a chain that would drop it can tell (coexist.h).
 */
static void forward_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "the operator's rules", nft_jump("admin"));
	nft_add_rule(b, chain, "isolated from its neighbours", nft_iifname(0), nft_oifname(4),
		     nft_in(&ruleset_isolated, 0), nft_drop());
	nft_add_rule(b, chain, "another network", nft_iifname(0), nft_in(&ruleset_shut, 0),
		     nft_oifname(4), nft_in(&ruleset_shut, 4), nft_not_in(&ruleset_shut_own, 0),
		     nft_drop());

	nft_add_rule(b, chain, "from a container, of no known connection", NFT_IPV4,
		     NFT_CT_STATE_IS(NF_CT_STATE_INVALID_BIT), nft_ip_saddr(0), nft_iifname(1),
		     nft_in(&ruleset_admitted4, 0), nft_drop());
	nft_add_rule(b, chain, "from a container", NFT_IPV4, nft_ip_saddr(0), nft_iifname(1),
		     nft_in(&ruleset_admitted4, 0), NFT_SET_MARK(RULESET_MARK), nft_accept());
	nft_add_rule(b, chain, "to a container: answers", NFT_IPV4, nft_ip_daddr(4), nft_oifname(5),
		     nft_in(&ruleset_admitted4, 4), NFT_CT_STATE_IS(ESTABLISHED_OR_RELATED),
		     NFT_SET_MARK(RULESET_MARK), nft_accept());
	nft_add_rule(b, chain, "to a container: a published port", NFT_IPV4, nft_ip_daddr(4),
		     nft_oifname(5), nft_in(&ruleset_admitted4, 4), NFT_WAS_DNATED,
		     NFT_SET_MARK(RULESET_MARK), nft_accept());

	nft_add_rule(b, chain, "from a container, of no known connection", NFT_IPV6,
		     NFT_CT_STATE_IS(NF_CT_STATE_INVALID_BIT), nft_ip6_saddr(0), nft_iifname(4),
		     nft_in(&ruleset_admitted6, 0), nft_drop());
	nft_add_rule(b, chain, "from a container", NFT_IPV6, nft_ip6_saddr(0), nft_iifname(4),
		     nft_in(&ruleset_admitted6, 0), NFT_SET_MARK(RULESET_MARK), nft_accept());
	nft_add_rule(b, chain, "to a container: answers", NFT_IPV6, nft_ip6_daddr(4),
		     nft_oifname(8), nft_in(&ruleset_admitted6, 4),
		     NFT_CT_STATE_IS(ESTABLISHED_OR_RELATED), NFT_SET_MARK(RULESET_MARK),
		     nft_accept());
	nft_add_rule(b, chain, "to a container: a published port", NFT_IPV6, nft_ip6_daddr(4),
		     nft_oifname(8), nft_in(&ruleset_admitted6, 4), NFT_WAS_DNATED,
		     NFT_SET_MARK(RULESET_MARK), nft_accept());
}

static const struct nft_chain admin = { .table = &inet, .name = "admin" };

/* One before dstnat (-100): iptables-nft's rules, Docker's too, come after ours. */
#define PRIORITY_DSTNAT -101

static const struct ruleset_chain inet_chains[] = {
	{
		.chain = { .table = &inet,
			   .name = "guard",
			   .type = "filter",
			   .hook = NF_INET_PRE_ROUTING,
			   .priority = NF_IP_PRI_RAW },
		.n_rules = 1,
		.rules = guard_localnet_rules,
	},
	{
		.chain = { .table = &inet,
			   .name = "prerouting",
			   .type = "nat",
			   .hook = NF_INET_PRE_ROUTING,
			   .priority = PRIORITY_DSTNAT },
		.n_rules = 4,
		.rules = publish_rules,
	},
	{
		.chain = { .table = &inet,
			   .name = "output",
			   .type = "nat",
			   .hook = NF_INET_LOCAL_OUT,
			   .priority = PRIORITY_DSTNAT },
		.n_rules = 4,
		.rules = publish_rules,
	},
	{
		.chain = { .table = &inet,
			   .name = "forward",
			   .type = "filter",
			   .hook = NF_INET_FORWARD,
			   .priority = NF_IP_PRI_FILTER - 10 },
		.n_rules = 11,
		.rules = forward_rules,
	},
	{
		/* One before srcnat (100): of several NAT rules the first one counts. */
		.chain = { .table = &inet,
			   .name = "postrouting",
			   .type = "nat",
			   .hook = NF_INET_POST_ROUTING,
			   .priority = 99 },
		.n_rules = 15,
		.rules = postrouting_rules,
	},
};

const struct ruleset ruleset_inet = {
	.table = &inet,
	.comment = "containers of heddle, see docs/nftables.md",
	.sets = inet_sets,
	.chains = inet_chains,
	.n_chains = ARRAY_SIZE(inet_chains),
	.own = &admin,
};

/* ---- table bridge heddle --------------------------------------------------- */

static const struct nft_table bridge = { .family = NFPROTO_BRIDGE, .name = "heddle" };

const struct nft_set ruleset_guarded = {
	.table = &bridge,
	.name = "guarded",
	.comment = "bridge ports that may send from allowed_mac only",
	.key = { NFT_TYPE_IFNAME },
};

const struct nft_set ruleset_allowed_mac = {
	.table = &bridge,
	.name = "allowed_mac",
	.comment = "bridge port . source MAC that may pass it",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_MAC },
};

const struct nft_set ruleset_isolated_ports = {
	.table = &bridge,
	.name = "isolated_ports",
	.comment = "bridge ports that do not see each other",
	.key = { NFT_TYPE_IFNAME },
};

static const struct nft_set *const bridge_sets[] = { &ruleset_guarded, &ruleset_allowed_mac,
						     &ruleset_isolated_ports, NULL };

static void isolation_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "isolated from its neighbours", nft_iifname(0),
		     nft_in(&ruleset_isolated_ports, 0), nft_oifname(0),
		     nft_in(&ruleset_isolated_ports, 0), nft_drop());
}

static void guard_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "forged source MAC", nft_iifname(0), nft_in(&ruleset_guarded, 0),
		     nft_iifname(0), nft_ether_saddr(4), nft_not_in(&ruleset_allowed_mac, 0),
		     nft_drop());
}

static const struct ruleset_chain bridge_chains[] = {
	{
		.chain = { .table = &bridge,
			   .name = "prerouting",
			   .type = "filter",
			   .hook = NF_BR_PRE_ROUTING,
			   .priority = NF_BR_PRI_NAT_DST_BRIDGED },
		.n_rules = 1,
		.rules = guard_rules,
	},
	{
		.chain = { .table = &bridge,
			   .name = "forward",
			   .type = "filter",
			   .hook = NF_BR_FORWARD,
			   .priority = NF_BR_PRI_FILTER_BRIDGED },
		.n_rules = 1,
		.rules = isolation_rules,
	},
};

const struct ruleset ruleset_bridge = {
	.table = &bridge,
	.comment = "containers of heddle, see docs/nftables.md",
	.sets = bridge_sets,
	.chains = bridge_chains,
	.n_chains = ARRAY_SIZE(bridge_chains),
};

static_assert(ARRAY_SIZE(inet_chains) <= RULESET_CHAINS, "inet_chains");
static_assert(ARRAY_SIZE(bridge_chains) <= RULESET_CHAINS, "bridge_chains");

/* ---- layouts --------------------------------------------------------------- */

/* Whether a chain is as this program, or a later one, made it. */
static bool chain_stands(const struct ruleset_chain *c, const struct nft_chain_state *state,
			 unsigned int layout)
{
	if (layout == RULESET_LAYOUT)
		return state->n_rules >= c->n_rules;

	return layout > RULESET_LAYOUT && state->n_rules > 0;
}

static int look_at_chain(struct nl *nl, const struct ruleset *rs, size_t i,
			 struct ruleset_view *view, struct err *e)
{
	const struct ruleset_chain *c = &rs->chains[i];
	unsigned int layout = 0, compatible = 0;
	struct nft_chain_state state;
	int r;

	r = nft_get_chain(nl, &c->chain, &state, e);
	if (r < 0)
		return r;
	view->chain_exists[i] = r > 0;
	/* What has no such comment is no layout of ours: 0, older than any. */
	if (r > 0 && sscanf(state.comment, LAYOUT_COMMENT, &layout, &compatible) != 2)
		layout = compatible = 0;
	if (compatible > RULESET_LAYOUT)
		return err_cni(e, CNI_E_INTERNAL,
			       "nftables table %s %s has layout %u, which a program of layout %u "
			       "cannot use: install the newer heddle's plugins everywhere",
			       nft_family_name(rs->table->family), rs->table->name, layout,
			       RULESET_LAYOUT);
	view->stands = view->stands && r > 0 && chain_stands(c, &state, layout);

	return 0;
}

int ruleset_look(struct nl *nl, const struct ruleset *rs, struct ruleset_view *ret, struct err *e)
{
	struct ruleset_view view = { .stands = true };
	int r;

	for (size_t i = 0; i < rs->n_chains; i++) {
		r = look_at_chain(nl, rs, i, &view, e);
		if (r < 0)
			return r;
	}
	*ret = view;

	return 0;
}

void ruleset_build(struct nft_batch *b, const struct ruleset *rs, const struct ruleset_view *view)
{
	char layout[NFT_COMMENT_SIZE];

	if (view->stands)
		return;
	snprintf(layout, sizeof(layout), LAYOUT_COMMENT, RULESET_LAYOUT, RULESET_COMPATIBLE);
	nft_add_table(b, rs->table, rs->comment);
	for (size_t i = 0; rs->sets[i]; i++)
		nft_add_set(b, rs->sets[i]);
	if (rs->own)
		nft_keep_chain(b, rs->own,
			       "yours: what forwards containers' packets comes by here first");
	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct ruleset_chain *c = &rs->chains[i];

		if (view->chain_exists[i])
			nft_del_chain(b, &c->chain);
		nft_add_chain(b, &c->chain, layout);
		c->rules(b, &c->chain);
	}
}

int ruleset_check(struct nl *nl, const struct ruleset *rs, struct err *e)
{
	struct ruleset_view view;
	int r;

	r = ruleset_look(nl, rs, &view, e);
	if (r < 0 || view.stands)
		return r;

	return err_cni(e, CNI_E_CHECK,
		       "nftables table %s %s is missing or lacks rules: an ADD restores it",
		       nft_family_name(rs->table->family), rs->table->name);
}
