/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset-bridge - table bridge heddle, see ruleset.h. */
#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>

#include "lib/cleanup.h"
#include "lib/nft-expr.h"
#include "lib/ruleset.h"

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

const struct nft_set ruleset_pinned = {
	.table = &bridge,
	.name = "pinned",
	.comment = "bridge ports that may send as themselves only",
	.key = { NFT_TYPE_IFNAME },
};

const struct nft_set ruleset_pinned_mac = {
	.table = &bridge,
	.name = "pinned_mac",
	.comment = "pinned bridge port . MAC that it is",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_MAC },
};

const struct nft_set ruleset_pinned4 = {
	.table = &bridge,
	.name = "pinned4",
	.comment = "pinned bridge port . address that it is",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 },
};

const struct nft_set ruleset_pinned6 = {
	.table = &bridge,
	.name = "pinned6",
	.comment = "pinned bridge port . address that it is",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_IPV6 },
};

const struct nft_set ruleset_pinned_own4 = {
	.table = &bridge,
	.name = "pinned_own4",
	.comment = "pinned bridge port . MAC . address that it is",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_MAC, NFT_TYPE_IPV4 },
};

const struct nft_set ruleset_pinned_own6 = {
	.table = &bridge,
	.name = "pinned_own6",
	.comment = "pinned bridge port . MAC . address that it is",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_MAC, NFT_TYPE_IPV6 },
};

/* What is told within ICMPv6 has no name in nft, so its sets are of bytes. */
const struct nft_set ruleset_pinned_nd_mac = {
	.table = &bridge,
	.name = "pinned_nd_mac",
	.comment = "pinned bridge port . MAC that it may tell of",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_RAW_MAC },
	.raw_offset = 208,
	.raw_bits = 48,
};

const struct nft_set ruleset_pinned_nd = {
	.table = &bridge,
	.name = "pinned_nd",
	.comment = "pinned bridge port . address that it may tell of",
	.key = { NFT_TYPE_IFNAME, NFT_TYPE_RAW_IPV6 },
	.raw_offset = 64,
	.raw_bits = 128,
};

const struct nft_set ruleset_isolated_ports = {
	.table = &bridge,
	.name = "isolated_ports",
	.comment = "bridge ports that do not see each other",
	.key = { NFT_TYPE_IFNAME },
};

static const struct nft_set *const bridge_sets[] = {
	&ruleset_guarded,     &ruleset_allowed_mac,   &ruleset_isolated_ports, &ruleset_pinned,
	&ruleset_pinned_mac,  &ruleset_pinned4,	      &ruleset_pinned6,	       &ruleset_pinned_own4,
	&ruleset_pinned_own6, &ruleset_pinned_nd_mac, &ruleset_pinned_nd,      NULL,
};

static void isolation_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "isolated from its neighbours", nft_iifname(0),
		     nft_in(&ruleset_isolated_ports, 0), nft_oifname(0),
		     nft_in(&ruleset_isolated_ports, 0), nft_drop());
}

#define PROTOCOL_IS(bytes) nft_meta(NFT_META_PROTOCOL, 0), nft_is(0, bytes, 2)
#define ARP		   PROTOCOL_IS("\x08\x06")
#define IPV4		   PROTOCOL_IS("\x08\x00")
#define IPV6		   PROTOCOL_IS("\x86\xdd")
#define L4_IS(number)	   nft_meta(NFT_META_L4PROTO, 0), nft_is(0, &(uint8_t){ number }, 1)
#define L4_IS_NOT(number)  nft_meta(NFT_META_L4PROTO, 0), nft_is_not(0, &(uint8_t){ number }, 1)

/*
 * Nearly every packet ends here, after one look; the others go the long way, which
 * would say the same of these.  No container is behind a VXLAN port.
 */
static void usual_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "from another node", nft_meta(NFT_META_IIFKIND, 0),
		     nft_is(0, "vxlan\0\0\0\0\0\0\0\0\0\0", 16), nft_accept());
	nft_add_rule(b, chain, "IPv4 of its own", IPV4, nft_iifname(0), nft_ether_saddr(4),
		     nft_ip_saddr(6), nft_in(&ruleset_pinned_own4, 0), nft_accept());
	nft_add_rule(b, chain, "IPv6 of its own", IPV6, L4_IS_NOT(IPPROTO_ICMPV6), nft_iifname(0),
		     nft_ether_saddr(4), nft_ip6_saddr(6), nft_in(&ruleset_pinned_own6, 0),
		     nft_accept());
}

static void guard_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	usual_rules(b, chain);
	nft_add_rule(b, chain, "forged source MAC", nft_iifname(0), nft_in(&ruleset_guarded, 0),
		     nft_iifname(0), nft_ether_saddr(4), nft_not_in(&ruleset_allowed_mac, 0),
		     nft_drop());
	nft_add_rule(b, chain, "may send as itself only", nft_iifname(0),
		     nft_in(&ruleset_pinned, 0), nft_jump("pinned"));
}

#define NETWORK(offset, len, reg)   nft_payload(NFT_PAYLOAD_NETWORK_HEADER, offset, len, reg)
#define TRANSPORT(offset, len, reg) nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, len, reg)

/* An interface name takes registers 0 to 3, what it is paired with begins at 4. */
#define OF_PORT(load, set)     nft_iifname(0), (load), nft_in(set, 0)
#define NOT_OF_PORT(load, set) nft_iifname(0), (load), nft_not_in(set, 0)

#define UNSPECIFIED_IPV6     NETWORK(8, 16, 0), nft_is(0, NO_ADDRESS, 16)
#define NOT_UNSPECIFIED_IPV6 NETWORK(8, 16, 0), nft_is_not(0, NO_ADDRESS, 16)
#define NO_ADDRESS	     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define IPV6_LENGTH(is, len) NETWORK(4, 2, 0), is(0, len, 2)

/*
 * Of Ethernet and IPv4, from its own MAC (sender hardware address) and address
 * (sender protocol address).  A probe (RFC 5227) has no address yet, and asks for it.
 */
static void arp_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "ARP of its own", ARP, NETWORK(0, 6, 0),
		     nft_is(0, "\0\x01\x08\0\x06\x04", 6),
		     OF_PORT(NETWORK(8, 6, 4), &ruleset_pinned_mac),
		     OF_PORT(NETWORK(14, 4, 4), &ruleset_pinned4), nft_return());
	nft_add_rule(b, chain, "ARP probe", ARP, NETWORK(0, 6, 0),
		     nft_is(0, "\0\x01\x08\0\x06\x04", 6),
		     OF_PORT(NETWORK(8, 6, 4), &ruleset_pinned_mac), NETWORK(14, 4, 0),
		     nft_is(0, "\0\0\0", 4), OF_PORT(NETWORK(24, 4, 4), &ruleset_pinned4),
		     nft_return());
}

static void ipv4_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "IPv4 of its own", IPV4, OF_PORT(nft_ip_saddr(4), &ruleset_pinned4),
		     nft_return());
	nft_add_rule(b, chain, "asks for an address (DHCP)", IPV4, nft_ip_saddr(0),
		     nft_is(0, "\0\0\0", 4), L4_IS(IPPROTO_UDP), nft_dport(0),
		     nft_is(0, "\0\x43", 2), nft_return());
}

/* Types of ICMPv6 of neighbour discovery.  Source: RFC 4861, section 4. */
enum { ROUTER_SOLICIT = 133, ROUTER_ADVERT, NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT, REDIRECT };

#define ICMPV6(type)                                                                               \
	IPV6, L4_IS(IPPROTO_ICMPV6), TRANSPORT(0, 1, 0), nft_is(0, &(uint8_t){ type }, 1)

/*
 * A message of @type is @len bytes long ("\0\x18") or has one more unit of 8
 * bytes, its link-layer address, which then is at @mac.  Whoever has no address
 * yet tells none.
 */
static void link_address_rules(struct nft_batch *b, const struct nft_chain *chain, uint8_t type,
			       const char *len, const char *len_with_option, uint32_t mac)
{
	nft_add_rule(b, chain, "ND: another's MAC", ICMPV6(type), NOT_UNSPECIFIED_IPV6,
		     IPV6_LENGTH(nft_is_not, len),
		     NOT_OF_PORT(TRANSPORT(mac, 6, 4), &ruleset_pinned_nd_mac), nft_drop());
	nft_add_rule(b, chain, "ND: more options", ICMPV6(type), IPV6_LENGTH(nft_is_not, len),
		     IPV6_LENGTH(nft_is_not, len_with_option), nft_drop());
}

static void discovery_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "ND: a router's word", ICMPV6(ROUTER_ADVERT), nft_drop());
	nft_add_rule(b, chain, "ND: a router's word", ICMPV6(REDIRECT), nft_drop());
	nft_add_rule(b, chain, "ND: another's address", ICMPV6(NEIGHBOUR_ADVERT),
		     NOT_OF_PORT(TRANSPORT(8, 16, 4), &ruleset_pinned_nd), nft_drop());
	nft_add_rule(b, chain, "ND: probe of another's address", ICMPV6(NEIGHBOUR_SOLICIT),
		     UNSPECIFIED_IPV6, NOT_OF_PORT(TRANSPORT(8, 16, 4), &ruleset_pinned_nd),
		     nft_drop());
	link_address_rules(b, chain, NEIGHBOUR_ADVERT, "\0\x18", "\0\x20", 26);
	link_address_rules(b, chain, NEIGHBOUR_SOLICIT, "\0\x18", "\0\x20", 26);
	link_address_rules(b, chain, ROUTER_SOLICIT, "\0\x08", "\0\x10", 10);
}

static void ipv6_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	discovery_rules(b, chain);
	nft_add_rule(b, chain, "IPv6 of its own", IPV6, OF_PORT(nft_ip6_saddr(4), &ruleset_pinned6),
		     nft_return());
	nft_add_rule(b, chain, "has no address yet", IPV6, UNSPECIFIED_IPV6, L4_IS(IPPROTO_ICMPV6),
		     nft_return());
}

static void pinned_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "forged source MAC",
		     NOT_OF_PORT(nft_ether_saddr(4), &ruleset_pinned_mac), nft_drop());
	ipv4_rules(b, chain);
	arp_rules(b, chain);
	ipv6_rules(b, chain);
	nft_add_rule(b, chain, "not as itself", nft_drop());
}

/* The first two are those of ruleset_pins. */
enum { PREROUTING, PINNED, FORWARD };

static const struct ruleset_chain bridge_chains[] = {
	[PREROUTING] = {
		.chain = { .table = &bridge,
			   .name = "prerouting",
			   .type = "filter",
			   .hook = NF_BR_PRE_ROUTING,
			   .priority = NF_BR_PRI_NAT_DST_BRIDGED },
		.n_rules = 5,
		.rules = guard_rules,
	},
	[PINNED] = {
		.chain = { .table = &bridge, .name = "pinned" },
		.n_rules = 18,
		.rules = pinned_rules,
	},
	[FORWARD] = {
		.chain = { .table = &bridge,
			   .name = "forward",
			   .type = "filter",
			   .hook = NF_BR_FORWARD,
			   .priority = NF_BR_PRI_FILTER_BRIDGED },
		.n_rules = 1,
		.rules = isolation_rules,
	},
};

#define COMMENT "containers of heddle, see docs/nftables.md"

const struct ruleset ruleset_bridge = {
	.table = &bridge,
	.comment = COMMENT,
	.sets = bridge_sets,
	.chains = bridge_chains,
	.n_chains = ARRAY_SIZE(bridge_chains),
};

const struct ruleset ruleset_pins = {
	.table = &bridge,
	.comment = COMMENT,
	.sets = bridge_sets,
	.chains = bridge_chains,
	.n_chains = PINNED + 1,
};

static_assert(ARRAY_SIZE(bridge_chains) <= RULESET_CHAINS, "bridge_chains");
