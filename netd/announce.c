/* SPDX-License-Identifier: GPL-2.0-or-later */
/* announce - see announce.h. */
#include "netd/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>

#include "lib/err.h"

struct arp_frame {
	struct ether_header eth;
	struct arphdr arp;
	uint8_t sender_mac[6], sender_ip[4];
	uint8_t target_mac[6], target_ip[4];
} __attribute__((packed));

struct advert_frame {
	struct ether_header eth;
	struct ip6_hdr ip;
	struct nd_neighbor_advert advert;
	struct nd_opt_hdr option;
	uint8_t mac[6];
} __attribute__((packed));

static size_t arp_frame(const struct ip_addr *ip, const uint8_t mac[6], uint8_t *ret)
{
	struct arp_frame f = {
		.eth.ether_type = htons(ETHERTYPE_ARP),
		.arp = { .ar_hrd = htons(ARPHRD_ETHER),
			 .ar_pro = htons(ETHERTYPE_IP),
			 .ar_hln = 6,
			 .ar_pln = 4,
			 .ar_op = htons(ARPOP_REQUEST) },
	};

	memset(f.eth.ether_dhost, 0xff, 6);
	memcpy(f.eth.ether_shost, mac, 6);
	memcpy(f.sender_mac, mac, 6);
	memcpy(f.sender_ip, ip->b, 4);
	memcpy(f.target_ip, ip->b, 4);
	memcpy(ret, &f, sizeof(f));

	return sizeof(f);
}

static uint32_t sum_words(const uint8_t *b, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];

	return sum;
}

/* Over the pseudo-header and the message.  Source: RFC 8200, section 8.1. */
static uint16_t checksum(const struct advert_frame *f)
{
	const uint8_t *message = (const uint8_t *)f + offsetof(struct advert_frame, advert);
	size_t len = sizeof(*f) - offsetof(struct advert_frame, advert);
	uint32_t sum = (uint32_t)len + IPPROTO_ICMPV6;

	sum = sum_words(f->ip.ip6_src.s6_addr, 16, sum);
	sum = sum_words(f->ip.ip6_dst.s6_addr, 16, sum);
	sum = sum_words(message, len, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);

	return htons((uint16_t)~sum);
}

static size_t advert_frame(const struct ip_addr *ip, const uint8_t mac[6], uint8_t *ret)
{
	/* All nodes of the link, and the Ethernet group that stands for them. */
	static const struct in6_addr all_nodes = { .s6_addr = { 0xff, 0x02, [15] = 1 } };
	static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct advert_frame f = {
		.eth.ether_type = htons(ETHERTYPE_IPV6),
		.ip = { .ip6_flow = htonl(6u << 28),
			.ip6_plen = htons(sizeof(f) - offsetof(struct advert_frame, advert)),
			.ip6_nxt = IPPROTO_ICMPV6,
			.ip6_hlim = 255,
			.ip6_dst = all_nodes },
		.advert.nd_na_hdr.icmp6_type = ND_NEIGHBOR_ADVERT,
		.option = { .nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 },
	};

	memcpy(f.eth.ether_dhost, all_nodes_mac, 6);
	memcpy(f.eth.ether_shost, mac, 6);
	memcpy(f.ip.ip6_src.s6_addr, ip->b, 16);
	memcpy(f.advert.nd_na_target.s6_addr, ip->b, 16);
	memcpy(f.mac, mac, 6);
	f.advert.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
	f.advert.nd_na_cksum = checksum(&f);
	memcpy(ret, &f, sizeof(f));

	return sizeof(f);
}

_Static_assert(sizeof(struct advert_frame) == ANNOUNCE_FRAME, "ANNOUNCE_FRAME");

size_t announce_frame(const struct ip_addr *ip, const uint8_t mac[6], uint8_t ret[ANNOUNCE_FRAME])
{
	return ip->family == AF_INET ? arp_frame(ip, mac, ret) : advert_frame(ip, mac, ret);
}

/* It hears nothing: protocol 0. */
int announce_open(struct err *e)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? err_sys(e, errno, "open a packet socket (CAP_NET_RAW)") : fd;
}

int announce_send(int fd, int bridge, const struct ip_addr *ip, const uint8_t mac[6])
{
	uint8_t frame[ANNOUNCE_FRAME];
	size_t len = announce_frame(ip, mac, frame);
	const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = bridge };
	ssize_t n = sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to));

	return n < 0 ? -errno : 0;
}
