/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset-inet - table inet heddle, see ruleset.h. */
#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "lib/cleanup.h"
#include "lib/nft-expr.h"
#include "lib/ruleset.h"

#define ESTABLISHED_OR_RELATED (NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))

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

#define GATE_MAP(symbol_, name_, ...)                                                              \
	const struct nft_set symbol_ = {                                                           \
		.table = &inet,                                                                    \
		.name = name_,                                                                     \
		.comment = "published on conditions: where these are",                             \
		.key = { __VA_ARGS__ },                                                            \
		.data = { NFT_TYPE_GOTO },                                                         \
	}

GATE_MAP(ruleset_gate4, "gate4", NFT_TYPE_PROTO, NFT_TYPE_PORT);
GATE_MAP(ruleset_gate6, "gate6", NFT_TYPE_PROTO, NFT_TYPE_PORT);
GATE_MAP(ruleset_hostgate4, "hostgate4", NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT);
GATE_MAP(ruleset_hostgate6, "hostgate6", NFT_TYPE_IPV6, NFT_TYPE_PROTO, NFT_TYPE_PORT);

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

const struct nft_set ruleset_internal = {
	.table = &inet,
	.name = "internal",
	.comment = "bridges that nothing enters or leaves",
	.key = { NFT_TYPE_IFNAME },
};

#define LIST_MAP(symbol_, name_, ip_, comment_)                                                    \
	const struct nft_set symbol_ = {                                                           \
		.table = &inet,                                                                    \
		.name = name_,                                                                     \
		.comment = comment_,                                                               \
		.key = { ip_, NFT_TYPE_IFNAME },                                                   \
		.data = { NFT_TYPE_VERDICT },                                                      \
	}

LIST_MAP(ruleset_ingress4, "ingress4", NFT_TYPE_IPV4,
	 "container address . interface that leads to it : list of what may come in");
LIST_MAP(ruleset_ingress6, "ingress6", NFT_TYPE_IPV6,
	 "container address . interface that leads to it : list of what may come in");
LIST_MAP(ruleset_egress4, "egress4", NFT_TYPE_IPV4,
	 "container address . interface that leads to it : list of what may go out");
LIST_MAP(ruleset_egress6, "egress6", NFT_TYPE_IPV6,
	 "container address . interface that leads to it : list of what may go out");

CONTAINER_SET(ruleset_listed4, "listed4", NFT_TYPE_IPV4,
	      "let in if on its list: container address . interface that leads to it");
CONTAINER_SET(ruleset_listed6, "listed6", NFT_TYPE_IPV6,
	      "let in if on its list: container address . interface that leads to it");

const struct nft_set ruleset_zoned4 = {
	.table = &inet,
	.name = "zoned4",
	.comment = "made a source of a zone of firewalld: container address",
	.key = { NFT_TYPE_IPV4 },
};

const struct nft_set ruleset_zoned6 = {
	.table = &inet,
	.name = "zoned6",
	.comment = "made a source of a zone of firewalld: container address",
	.key = { NFT_TYPE_IPV6 },
};

static const struct nft_set *const inet_sets[] = {
	&ruleset_masq4,	      &ruleset_masq6,	   &ruleset_routed4,
	&ruleset_routed6,     &ruleset_port4,	   &ruleset_port6,
	&ruleset_hostport4,   &ruleset_hostport6,  &ruleset_gate4,
	&ruleset_gate6,	      &ruleset_hostgate4,  &ruleset_hostgate6,
	&ruleset_published4,  &ruleset_published6, &ruleset_keepsource4,
	&ruleset_keepsource6, &ruleset_masqall4,   &ruleset_masqall6,
	&ruleset_admitted4,   &ruleset_admitted6,  &ruleset_shut,
	&ruleset_shut_own,    &ruleset_isolated,   &ruleset_internal,
	&ruleset_ingress4,    &ruleset_ingress6,   &ruleset_egress4,
	&ruleset_egress6,     &ruleset_listed4,	   &ruleset_listed6,
	&ruleset_zoned4,      &ruleset_zoned6,	   NULL,
};

/*
 * The specific address first.  A packet to somebody else's address that only
 * passes through is not for us, whatever its port.  A port with conditions is
 * decided about in their chain (gate.h), from which nothing comes back.
 */
static void publish4_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "port of one address, on conditions", NFT_IPV4, nft_ip_daddr(8),
		     nft_meta(NFT_META_L4PROTO, 9), nft_dport(10), nft_vmap(&ruleset_hostgate4, 8));
	nft_add_rule(b, chain, "port of one address", NFT_IPV4, NFT_DNAT_HOSTPORT4);
	nft_add_rule(b, chain, "port of any address, on conditions", NFT_IPV4,
		     nft_meta(NFT_META_L4PROTO, 8), nft_dport(9), nft_vmap(&ruleset_gate4, 8));
	nft_add_rule(b, chain, "port of any address", NFT_IPV4, NFT_DNAT_PORT4);
}

static void publish6_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "port of one address, on conditions", NFT_IPV6, nft_ip6_daddr(8),
		     nft_meta(NFT_META_L4PROTO, 12), nft_dport(13),
		     nft_vmap(&ruleset_hostgate6, 8));
	nft_add_rule(b, chain, "port of one address", NFT_IPV6, NFT_DNAT_HOSTPORT6);
	nft_add_rule(b, chain, "port of any address, on conditions", NFT_IPV6,
		     nft_meta(NFT_META_L4PROTO, 8), nft_dport(9), nft_vmap(&ruleset_gate6, 8));
	nft_add_rule(b, chain, "port of any address", NFT_IPV6, NFT_DNAT_PORT6);
}

static void publish_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	publish4_rules(b, chain);
	publish6_rules(b, chain);
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

/* Neither answers nor neighbour discovery, which conntrack leaves alone. */
#define TO_BE_ALLOWED                                                                              \
	nft_ct(NFT_CT_STATE, 0),                                                                   \
		nft_and(0, &(uint32_t){ ESTABLISHED_OR_RELATED | NF_CT_STATE_UNTRACKED_BIT }, 4),  \
		nft_is(0, "\0\0\0", 4)

/*
 * The list's chain (admit-list.h) returns what is on it and drops the rest.  It
 * holds for neighbours too, and for who comes by a published port: address and
 * port are the container's by then.
 */
static void list_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "from a container with a list", NFT_IPV4, TO_BE_ALLOWED,
		     nft_ip_saddr(0), nft_iifname(1), nft_vmap(&ruleset_egress4, 0));
	nft_add_rule(b, chain, "from a container with a list", NFT_IPV6, TO_BE_ALLOWED,
		     nft_ip6_saddr(0), nft_iifname(4), nft_vmap(&ruleset_egress6, 0));
	nft_add_rule(b, chain, "to a container with a list", NFT_IPV4, TO_BE_ALLOWED,
		     nft_ip_daddr(0), nft_oifname(1), nft_vmap(&ruleset_ingress4, 0));
	nft_add_rule(b, chain, "to a container with a list", NFT_IPV6, TO_BE_ALLOWED,
		     nft_ip6_daddr(0), nft_oifname(4), nft_vmap(&ruleset_ingress6, 0));
}

static void admit4_rules(struct nft_batch *b, const struct nft_chain *chain, uint32_t mark)
{
	nft_add_rule(b, chain, "from a container, of no known connection", NFT_IPV4,
		     NFT_CT_STATE_IS(NF_CT_STATE_INVALID_BIT), nft_ip_saddr(0), nft_iifname(1),
		     nft_in(&ruleset_admitted4, 0), nft_drop());
	nft_add_rule(b, chain, "from a container", NFT_IPV4, nft_ip_saddr(0), nft_iifname(1),
		     nft_in(&ruleset_admitted4, 0), NFT_SET_MARK(mark), nft_accept());
	nft_add_rule(b, chain, "to a container: answers", NFT_IPV4, nft_ip_daddr(4), nft_oifname(5),
		     nft_in(&ruleset_admitted4, 4), NFT_CT_STATE_IS(ESTABLISHED_OR_RELATED),
		     NFT_SET_MARK(mark), nft_accept());
	nft_add_rule(b, chain, "to a container: a published port", NFT_IPV4, nft_ip_daddr(4),
		     nft_oifname(5), nft_in(&ruleset_admitted4, 4), NFT_WAS_DNATED,
		     NFT_SET_MARK(mark), nft_accept());
	nft_add_rule(b, chain, "to a container: on its list", NFT_IPV4, nft_ip_daddr(4),
		     nft_oifname(5), nft_in(&ruleset_listed4, 4), NFT_SET_MARK(mark), nft_accept());
}

static void admit6_rules(struct nft_batch *b, const struct nft_chain *chain, uint32_t mark)
{
	nft_add_rule(b, chain, "from a container, of no known connection", NFT_IPV6,
		     NFT_CT_STATE_IS(NF_CT_STATE_INVALID_BIT), nft_ip6_saddr(0), nft_iifname(4),
		     nft_in(&ruleset_admitted6, 0), nft_drop());
	nft_add_rule(b, chain, "from a container", NFT_IPV6, nft_ip6_saddr(0), nft_iifname(4),
		     nft_in(&ruleset_admitted6, 0), NFT_SET_MARK(mark), nft_accept());
	nft_add_rule(b, chain, "to a container: answers", NFT_IPV6, nft_ip6_daddr(4),
		     nft_oifname(8), nft_in(&ruleset_admitted6, 4),
		     NFT_CT_STATE_IS(ESTABLISHED_OR_RELATED), NFT_SET_MARK(mark), nft_accept());
	nft_add_rule(b, chain, "to a container: a published port", NFT_IPV6, nft_ip6_daddr(4),
		     nft_oifname(8), nft_in(&ruleset_admitted6, 4), NFT_WAS_DNATED,
		     NFT_SET_MARK(mark), nft_accept());
	nft_add_rule(b, chain, "to a container: on its list", NFT_IPV6, nft_ip6_daddr(4),
		     nft_oifname(8), nft_in(&ruleset_listed6, 4), NFT_SET_MARK(mark), nft_accept());
}

/*
 * An accept here does not bind other tables, a drop does.  What is let through
 * is marked, so that one rule in a chain that would drop it can tell (coexist.h).
 */
static void forward_rules(struct nft_batch *b, const struct nft_chain *chain, uint32_t mark)
{
	nft_add_rule(b, chain, "the operator's rules", nft_jump("admin"));
	nft_add_rule(b, chain, "isolated from its neighbours", nft_iifname(0), nft_oifname(4),
		     nft_in(&ruleset_isolated, 0), nft_drop());
	nft_add_rule(b, chain, "another network", nft_iifname(0), nft_in(&ruleset_shut, 0),
		     nft_oifname(4), nft_in(&ruleset_shut, 4), nft_not_in(&ruleset_shut_own, 0),
		     nft_drop());
	nft_add_rule(b, chain, "out of an internal network", nft_iifname(0),
		     nft_in(&ruleset_internal, 0), nft_oifname(4), nft_not_in(&ruleset_shut_own, 0),
		     nft_drop());
	nft_add_rule(b, chain, "into an internal network", nft_iifname(0), nft_oifname(4),
		     nft_in(&ruleset_internal, 4), nft_not_in(&ruleset_shut_own, 0), nft_drop());
	list_rules(b, chain);
	admit4_rules(b, chain, mark);
	admit6_rules(b, chain, mark);
}

static const struct nft_chain admin = { .table = &inet, .name = "admin" };

/* One before dstnat (-100): iptables-nft's rules, Docker's too, come after ours. */
#define PRIORITY_DSTNAT -101

/* The first is that of ruleset_masq. */
static const struct ruleset_chain inet_chains[] = {
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
		.n_rules = 8,
		.rules = publish_rules,
	},
	{
		.chain = { .table = &inet,
			   .name = "output",
			   .type = "nat",
			   .hook = NF_INET_LOCAL_OUT,
			   .priority = PRIORITY_DSTNAT },
		.n_rules = 8,
		.rules = publish_rules,
	},
	{
		.chain = { .table = &inet,
			   .name = "forward",
			   .type = "filter",
			   .hook = NF_INET_FORWARD,
			   .priority = NF_IP_PRI_FILTER - 10 },
		.n_rules = 19,
		.marking_rules = forward_rules,
	},
};

#define COMMENT "containers of heddle, see docs/nftables.md"

const struct ruleset ruleset_inet = {
	.table = &inet,
	.comment = COMMENT,
	.sets = inet_sets,
	.chains = inet_chains,
	.n_chains = ARRAY_SIZE(inet_chains),
	.own = &admin,
};

const struct ruleset ruleset_masq = {
	.table = &inet,
	.comment = COMMENT,
	.sets = inet_sets,
	.chains = inet_chains,
	.n_chains = 1,
};

static_assert(ARRAY_SIZE(inet_chains) <= RULESET_CHAINS, "inet_chains");
