/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft-expr - the words of a rule
 *
 * Each returns one expression for the list of nft_add_rule(), or NULL when out
 * of memory, which nft_add_rule() takes care of.  The macros in capitals stand
 * for several.  A rule then reads nearly as nft prints it:
 *
 *	ip saddr . oifname @masq4 return
 *	NFT_IPV4, nft_ip_saddr(0), nft_oifname(1), nft_in(&masq4, 0), nft_return()
 *
 * @reg is one of 16 registers of four bytes, 0 to 15, where a value begins; a
 * concatenation is values side by side.  An IPv4 address, a port and a protocol
 * take one, a MAC two, an IPv6 address and an interface name four.
 *
 * Source: linux/netfilter/nf_tables.h; `nft --debug=netlink` for comparison.
 */
#ifndef NFT_EXPR_H
#define NFT_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

struct nft_set;
struct nftnl_expr;

/* Loads. */
struct nftnl_expr *nft_meta(uint32_t key, uint32_t reg); /* enum nft_meta_keys */
struct nftnl_expr *nft_ct(uint32_t key, uint32_t reg);	 /* enum nft_ct_keys */
struct nftnl_expr *nft_fib_daddr_type(uint32_t reg);	 /* RTN_LOCAL and so on, host order */
/* The interface by which the source could be reached, if it is the incoming one; or 0. */
struct nftnl_expr *nft_fib_saddr_iif(uint32_t reg);
struct nftnl_expr *nft_payload(uint32_t base, uint32_t offset, uint32_t len, uint32_t reg);

/* Comparisons; @data is in network order unless nft says otherwise. */
struct nftnl_expr *nft_and(uint32_t reg, const void *mask, uint32_t len);
struct nftnl_expr *nft_is(uint32_t reg, const void *data, uint32_t len);
struct nftnl_expr *nft_is_not(uint32_t reg, const void *data, uint32_t len);
/* Between two values, both included; or outside of them. */
struct nftnl_expr *nft_range(uint32_t reg, bool outside, const void *from, const void *to,
			     uint32_t len);
struct nftnl_expr *nft_in(const struct nft_set *set, uint32_t reg);
struct nftnl_expr *nft_not_in(const struct nft_set *set, uint32_t reg);
/* The data that a map has for the key at @reg goes to @to; without it the rule ends. */
struct nftnl_expr *nft_map(const struct nft_set *map, uint32_t reg, uint32_t to);

/* The verdict that a map of verdicts has for it; without it the rule ends. */
struct nftnl_expr *nft_vmap(const struct nft_set *map, uint32_t reg);

/* The bits of @mark are set in the packet's mark; uses register 0. */
#define NFT_SET_MARK(mark)                                                                         \
	nft_meta(NFT_META_MARK, 0), nft_or(0, (mark)), nft_meta_set(NFT_META_MARK, 0)
struct nftnl_expr *nft_or(uint32_t reg, uint32_t bits);
struct nftnl_expr *nft_meta_set(uint32_t key, uint32_t reg);

/* Counts the packets that get here (nft_count_packets()). */
struct nftnl_expr *nft_counter(void);

/* Ends. */
struct nftnl_expr *nft_jump(const char *chain);
struct nftnl_expr *nft_verdict(int verdict); /* NF_DROP, NF_ACCEPT, NFT_RETURN */
struct nftnl_expr *nft_masquerade(void);
/* Address at register @addr, port at @port. @family: NFPROTO_IPV4, NFPROTO_IPV6 */
struct nftnl_expr *nft_dnat(uint8_t family, uint32_t addr, uint32_t port);

static inline struct nftnl_expr *nft_return(void)
{
	return nft_verdict(NFT_RETURN);
}

static inline struct nftnl_expr *nft_accept(void)
{
	return nft_verdict(NF_ACCEPT);
}

static inline struct nftnl_expr *nft_drop(void)
{
	return nft_verdict(NF_DROP);
}

static inline struct nftnl_expr *nft_iifname(uint32_t reg)
{
	return nft_meta(NFT_META_IIFNAME, reg);
}

static inline struct nftnl_expr *nft_oifname(uint32_t reg)
{
	return nft_meta(NFT_META_OIFNAME, reg);
}

static inline struct nftnl_expr *nft_oifgroup(uint32_t reg)
{
	return nft_meta(NFT_META_OIFGROUP, reg);
}

static inline struct nftnl_expr *nft_ip_saddr(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, reg);
}

static inline struct nftnl_expr *nft_ip_daddr(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg);
}

static inline struct nftnl_expr *nft_ip6_saddr(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 8, 16, reg);
}

static inline struct nftnl_expr *nft_ip6_daddr(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 24, 16, reg);
}

/* Of every protocol that has ports. */
static inline struct nftnl_expr *nft_dport(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
}

/* Of VXLAN, whose header follows UDP's. */
static inline struct nftnl_expr *nft_vni(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 12, 3, reg);
}

static inline struct nftnl_expr *nft_ether_saddr(uint32_t reg)
{
	return nft_payload(NFT_PAYLOAD_LL_HEADER, 6, 6, reg);
}

/* The family of the packet, which a table of family inet has to ask for first. */
#define NFT_IPV4	       NFT_NFPROTO_IS_(NFPROTO_IPV4)
#define NFT_IPV6	       NFT_NFPROTO_IS_(NFPROTO_IPV6)
#define NFT_NFPROTO_IS_(proto) nft_meta(NFT_META_NFPROTO, 0), nft_is(0, &(uint8_t){ proto }, 1)

/* The destination is an address of this host. */
#define NFT_TO_HOST nft_fib_daddr_type(0), nft_is(0, &(uint32_t){ RTN_LOCAL }, 4)

/* The destination was changed by this or an earlier rule. */
#define NFT_WAS_DNATED                                                                             \
	nft_ct(NFT_CT_STATUS, 0), nft_and(0, &(uint32_t){ IPS_DST_NAT }, 4),                       \
		nft_is_not(0, "\0\0\0", 4)

/* One of the states, NF_CT_STATE_BIT() or NF_CT_STATE_INVALID_BIT. */
#define NFT_CT_STATE_IS(bits)                                                                      \
	nft_ct(NFT_CT_STATE, 0), nft_and(0, &(uint32_t){ bits }, 4), nft_is_not(0, "\0\0\0", 4)

/* To a container, if the port of this one address, or of any of this host, leads to it (ruleset.h).
 */
#define NFT_DNAT_HOSTPORT4                                                                         \
	nft_ip_daddr(8), nft_meta(NFT_META_L4PROTO, 9), nft_dport(10), NFT_TO_HOST,                \
		nft_map(&ruleset_hostport4, 8, 4), nft_dnat(NFPROTO_IPV4, 4, 5)
#define NFT_DNAT_PORT4                                                                             \
	nft_meta(NFT_META_L4PROTO, 8), nft_dport(9), NFT_TO_HOST, nft_map(&ruleset_port4, 8, 4),   \
		nft_dnat(NFPROTO_IPV4, 4, 5)
#define NFT_DNAT_HOSTPORT6                                                                         \
	nft_ip6_daddr(8), nft_meta(NFT_META_L4PROTO, 12), nft_dport(13), NFT_TO_HOST,              \
		nft_map(&ruleset_hostport6, 8, 0), nft_dnat(NFPROTO_IPV6, 0, 4)
#define NFT_DNAT_PORT6                                                                             \
	nft_meta(NFT_META_L4PROTO, 8), nft_dport(9), NFT_TO_HOST, nft_map(&ruleset_port6, 8, 0),   \
		nft_dnat(NFPROTO_IPV6, 0, 4)

/* 127.0.0.0/8. */
#define NFT_IP_FROM_LOOPBACK nft_ip_saddr(0), nft_and(0, "\xff\0\0", 4), nft_is(0, "\x7f\0\0", 4)
#define NFT_IP_TO_LOOPBACK                                                                         \
	NFT_IPV4, nft_ip_daddr(0), nft_and(0, "\xff\0\0", 4), nft_is(0, "\x7f\0\0", 4)

/* 224.0.0.0/4 and ff00::/8. */
#define NFT_IP_TO_MULTICAST                                                                        \
	NFT_IPV4, nft_ip_daddr(0), nft_and(0, "\xf0\0\0", 4), nft_is(0, "\xe0\0\0", 4)
#define NFT_IP6_TO_MULTICAST                                                                       \
	NFT_IPV6, nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 24, 1, 0), nft_is(0, "\xff", 1)

#endif
