/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip - see ip.h. */
#include "lib/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- text ---------------------------------------------------------------- */

/* ::ffff:a.b.c.d is a.b.c.d: the kernel would route it as neither. */
static void unmap(struct ip_addr *ip)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (ip->family != AF_INET6 || memcmp(ip->b, prefix, sizeof(prefix)) != 0)
		return;
	ip->family = AF_INET;
	memcpy(ip->b, ip->b + 12, 4);
	memset(ip->b + 4, 0, 12);
}

static int parse(const char *text, struct ip_addr *ret)
{
	struct ip_addr ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.b) != 1)
		return -EINVAL;
	*ret = ip;

	return 0;
}

int ip_parse(const char *text, struct ip_addr *ret)
{
	int r = parse(text, ret);

	if (r == 0)
		unmap(ret);

	return r;
}

/* Decimal, no sign, no leading zero: what Go's net.ParseCIDR takes. */
static int parse_len(const char *text, uint8_t max, uint8_t *ret)
{
	unsigned int len = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		len = len * 10 + (unsigned int)(*text - '0');
		if (len > max)
			return -EINVAL;
	}
	*ret = (uint8_t)len;

	return 0;
}

int ip_net_parse(const char *text, struct ip_net *ret)
{
	const char *slash = strchr(text, '/');
	char addr[IP_STRLEN];
	struct ip_net net;

	if (!slash || slash - text >= (ptrdiff_t)sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';

	if (parse(addr, &net.addr) < 0 ||
	    parse_len(slash + 1, ip_bits(net.addr.family), &net.len) < 0)
		return -EINVAL;

	/* A mapped prefix has an IPv4 meaning only inside the mapped block. */
	unmap(&net.addr);
	if (strchr(addr, ':') && net.addr.family == AF_INET) {
		if (net.len < 96)
			return -EINVAL;
		net.len = (uint8_t)(net.len - 96);
	}
	*ret = net;

	return 0;
}

/* glibc writes ::102:304 as ::1.2.3.4, which is no lease file's name for Go. */
static bool is_v4_compatible(const struct ip_addr *ip)
{
	static const uint8_t prefix[12];

	return ip->family == AF_INET6 && memcmp(ip->b, prefix, sizeof(prefix)) == 0 &&
	       (ip->b[12] || ip->b[13]);
}

const char *ip_str(const struct ip_addr *ip, char buf[IP_STRLEN])
{
	buf[0] = '\0';
	if (is_v4_compatible(ip))
		snprintf(buf, IP_STRLEN, "::%x:%x", ip->b[12] << 8 | ip->b[13],
			 ip->b[14] << 8 | ip->b[15]);
	else if (ip_is_set(ip))
		inet_ntop(ip->family, ip->b, buf, IP_STRLEN);

	return buf;
}

const char *ip_net_str(const struct ip_net *net, char buf[IP_NET_STRLEN])
{
	char addr[IP_STRLEN];

	snprintf(buf, IP_NET_STRLEN, "%s/%u", ip_str(&net->addr, addr), net->len);

	return buf;
}

/* ---- order and kinds ----------------------------------------------------- */

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->b, b->b, sizeof(a->b));

	return (order > 0) - (order < 0);
}

bool ip_is_unspecified(const struct ip_addr *ip)
{
	static const uint8_t zero[16];

	return ip_is_set(ip) && memcmp(ip->b, zero, ip_size(ip->family)) == 0;
}

bool ip_is_multicast(const struct ip_addr *ip)
{
	return ip->family == AF_INET ? (ip->b[0] & 0xf0) == 0xe0
				     : ip->family == AF_INET6 && ip->b[0] == 0xff;
}

bool ip_is_loopback(const struct ip_addr *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	return ip->family == AF_INET ? ip->b[0] == 127
				     : ip->family == AF_INET6 && memcmp(ip->b, one, 16) == 0;
}

bool ip_is_link_local(const struct ip_addr *ip)
{
	return ip->family == AF_INET
		       ? ip->b[0] == 169 && ip->b[1] == 254
		       : ip->family == AF_INET6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

/* ---- arithmetic ---------------------------------------------------------- */

bool ip_next(struct ip_addr *ip)
{
	return ip_add(ip, 1);
}

bool ip_prev(struct ip_addr *ip)
{
	struct ip_addr prev = *ip;

	for (size_t i = ip_size(ip->family); i-- > 0;) {
		if (prev.b[i]-- != 0) {
			*ip = prev;
			return true;
		}
	}

	return false;
}

bool ip_add(struct ip_addr *ip, uint64_t n)
{
	struct ip_addr sum = *ip;
	uint64_t carry = n;

	for (size_t i = ip_size(ip->family); i-- > 0 && carry;) {
		uint64_t digit = sum.b[i] + (carry & 0xff);

		sum.b[i] = (uint8_t)digit;
		carry = (carry >> 8) + (digit >> 8);
	}
	if (carry)
		return false;
	*ip = sum;

	return true;
}

static uint64_t load_be64(const uint8_t b[8])
{
	uint64_t word = 0;

	for (size_t i = 0; i < 8; i++)
		word = word << 8 | b[i];

	return word;
}

uint64_t ip_distance(const struct ip_addr *from, const struct ip_addr *to)
{
	uint64_t high = load_be64(to->b) - load_be64(from->b);
	uint64_t low;

	/* The four bytes of IPv4 are the upper half of the first word. */
	if (to->family == AF_INET)
		return high >> 32;
	low = load_be64(to->b + 8) - load_be64(from->b + 8);
	if (load_be64(to->b + 8) < load_be64(from->b + 8))
		high--;

	return high ? UINT64_MAX : low;
}

/* ---- prefixes ------------------------------------------------------------ */

/* The bits of byte @i that belong to the host part of a prefix of @len bits. */
static uint8_t host_mask(uint8_t len, size_t i)
{
	if (len >= 8 * (i + 1))
		return 0;
	if (len <= 8 * i)
		return 0xff;

	return (uint8_t)(0xff >> (len - 8 * i));
}

struct ip_addr ip_net_first(const struct ip_net *net)
{
	struct ip_addr ip = net->addr;

	for (size_t i = 0; i < ip_size(ip.family); i++)
		ip.b[i] &= (uint8_t)~host_mask(net->len, i);

	return ip;
}

struct ip_addr ip_net_first_host(const struct ip_net *net)
{
	struct ip_addr ip = ip_net_first(net);

	(void)ip_next(&ip);

	return ip;
}

struct ip_addr ip_net_last(const struct ip_net *net)
{
	struct ip_addr ip = net->addr;

	for (size_t i = 0; i < ip_size(ip.family); i++)
		ip.b[i] |= host_mask(net->len, i);

	return ip;
}

bool ip_net_has_host_bits(const struct ip_net *net)
{
	struct ip_addr first = ip_net_first(net);

	return !ip_equal(&first, &net->addr);
}

bool ip_net_same(const struct ip_net *a, const struct ip_net *b)
{
	const struct ip_addr x = ip_net_first(a), y = ip_net_first(b);

	return a->len == b->len && ip_equal(&x, &y);
}

bool ip_net_contains(const struct ip_net *net, const struct ip_addr *ip)
{
	if (ip->family != net->addr.family)
		return false;
	for (size_t i = 0; i < ip_size(ip->family); i++)
		if ((ip->b[i] ^ net->addr.b[i]) & (uint8_t)~host_mask(net->len, i))
			return false;

	return true;
}

bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b)
{
	return ip_net_contains(a->len < b->len ? a : b, a->len < b->len ? &b->addr : &a->addr);
}

bool ip_net_is_network(const struct ip_net *net, const struct ip_addr *ip)
{
	return ip_equal(ip, &net->addr);
}

bool ip_net_is_broadcast(const struct ip_net *net, const struct ip_addr *ip)
{
	const struct ip_addr last = ip_net_last(net);

	return ip->family == AF_INET && ip_equal(ip, &last);
}

struct ip_addr ip_link_local(const uint8_t mac[6])
{
	return (struct ip_addr){ .family = AF_INET6,
				 .b = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2],
					0xff, 0xfe, mac[3], mac[4], mac[5] } };
}
