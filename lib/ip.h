/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip - IPv4 and IPv6 addresses and prefixes as values
 *
 * Pure: nothing here asks the kernel.  Bytes are in network order throughout,
 * so memcmp() orders addresses of one family.
 */
#ifndef IP_H
#define IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_STRLEN     46 /* INET6_ADDRSTRLEN: any address and its NUL */
#define IP_NET_STRLEN 50 /* any address, "/128" and its NUL */

struct ip_addr {
	uint8_t family; /* AF_INET, AF_INET6, or 0: no address */
	uint8_t b[16];	/* network order; of IPv4 the first 4, the rest 0 */
};

struct ip_net {
	struct ip_addr addr; /* host bits may be set, e.g. 10.1.0.5/24 */
	uint8_t len;	     /* prefix length in bits, 0..32 or 0..128 */
};

/* Bytes of an address of @family: 4 or 16. */
static inline size_t ip_size(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* Bits of an address of @family: 32 or 128. */
static inline uint8_t ip_bits(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

/* "IPv4" or "IPv6", for messages. */
static inline const char *ip_family_name(uint8_t family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

/**
 * ip_parse() - read an address without a prefix length
 * @text:	dotted quad without leading zeros, or RFC 4291 text; a mapped
 *		address (::ffff:10.0.0.1) is read as the IPv4 address in it, as
 *		Go's net.ParseIP does
 * @ret:	the address
 *
 * Return: 0, or -EINVAL.
 */
int ip_parse(const char *text, struct ip_addr *ret);

/**
 * ip_net_parse() - read "address/length"
 * @text:	as ip_parse(), then '/' and a decimal length
 * @ret:	the address with its host bits, and the length
 *
 * Return: 0, or -EINVAL.
 */
int ip_net_parse(const char *text, struct ip_net *ret);

/* Text of @ip in @buf, as Go's net.IP.String() writes it (RFC 5952).  Return: @buf. */
const char *ip_str(const struct ip_addr *ip, char buf[IP_STRLEN]);
const char *ip_net_str(const struct ip_net *net, char buf[IP_NET_STRLEN]);

/* -1, 0 or 1; a lower family sorts first. */
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_cmp(a, b) == 0;
}

static inline bool ip_is_set(const struct ip_addr *ip)
{
	return ip->family != 0;
}

bool ip_is_unspecified(const struct ip_addr *ip); /* 0.0.0.0 or :: */
bool ip_is_multicast(const struct ip_addr *ip);	  /* 224.0.0.0/4 or ff00::/8 */
bool ip_is_loopback(const struct ip_addr *ip);	  /* 127.0.0.0/8 or ::1 */
bool ip_is_link_local(const struct ip_addr *ip);  /* 169.254.0.0/16 or fe80::/10 */

/**
 * ip_next(), ip_prev() - step by one in place
 * @ip:		changed unless the step would leave the address family
 *
 * Return: true, or false at the last (first) address of the family.
 */
bool ip_next(struct ip_addr *ip);
bool ip_prev(struct ip_addr *ip);

/* As ip_next(), @n steps at once. */
bool ip_add(struct ip_addr *ip, uint64_t n);

/**
 * ip_distance() - how many steps lead from one address to another
 * @from:	of @to's family, not after @to
 * @to:		the later one
 *
 * Return: @to - @from; UINT64_MAX for that and anything more.
 */
uint64_t ip_distance(const struct ip_addr *from, const struct ip_addr *to);

/* @net's lowest address: host bits all 0 (the network address of an IPv4 subnet). */
struct ip_addr ip_net_first(const struct ip_net *net);
/* @net's highest address: host bits all 1 (the broadcast address of an IPv4 subnet). */
struct ip_addr ip_net_last(const struct ip_net *net);
/* The address after the lowest: the gateway's, where nobody says another. */
struct ip_addr ip_net_first_host(const struct ip_net *net);
/*
 * Whether @ip is what nobody has in @net, which is without host bits: its network
 * address, or its broadcast address, which an IPv6 subnet does not have.
 */
bool ip_net_is_network(const struct ip_net *net, const struct ip_addr *ip);
bool ip_net_is_broadcast(const struct ip_net *net, const struct ip_addr *ip);
/* Whether host bits are set in @net's address. */
bool ip_net_has_host_bits(const struct ip_net *net);
/* Whether both are the same subnet, whatever their host bits. */
bool ip_net_same(const struct ip_net *a, const struct ip_net *b);
/* Whether @ip is of @net's family and inside it. */
bool ip_net_contains(const struct ip_net *net, const struct ip_addr *ip);
/* Whether any address is in both; never across families. */
bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b);

/* What the kernel makes of a MAC.  Source: RFC 4291, appendix A. */
struct ip_addr ip_link_local(const uint8_t mac[6]);

/* @ip as a prefix of its own: /32 or /128. */
static inline struct ip_net ip_host_net(const struct ip_addr *ip)
{
	return (struct ip_net){ .addr = *ip, .len = ip_bits(ip->family) };
}

#endif
