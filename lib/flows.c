/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows - see flows.h. */
#include "lib/flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl-attr.h"
#include "lib/nl.h"

#define TUPLE_SIZE 128

/* What is to go, copied from the dump: deleting while it runs would spoil it. */
struct doomed {
	uint8_t tuple[TUPLE_SIZE]; /* the payload of CTA_TUPLE_ORIG */
	uint16_t len;
	uint32_t id;
	uint8_t family;
};

struct search {
	const struct publish *p;
	bool stale;	     /* what leads elsewhere, else what leads here */
	struct doomed *list; /* owned */
	size_t n;
};

struct tuple {
	struct ip_addr src, dst;
	uint16_t dport;
	uint8_t proto;
};

static void read_ips(const struct nlattr *nest, struct tuple *t)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_IP_V4_SRC:
			nl_attr_ip(attr, AF_INET, &t->src);
			break;
		case CTA_IP_V4_DST:
			nl_attr_ip(attr, AF_INET, &t->dst);
			break;
		case CTA_IP_V6_SRC:
			nl_attr_ip(attr, AF_INET6, &t->src);
			break;
		case CTA_IP_V6_DST:
			nl_attr_ip(attr, AF_INET6, &t->dst);
			break;
		default:
			break;
		}
	}
}

static void read_proto(const struct nlattr *nest, struct tuple *t)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == CTA_PROTO_NUM && mnl_attr_get_payload_len(attr) >= 1)
			t->proto = mnl_attr_get_u8(attr);
		if (mnl_attr_get_type(attr) == CTA_PROTO_DST_PORT &&
		    mnl_attr_get_payload_len(attr) >= 2)
			t->dport = ntohs(mnl_attr_get_u16(attr));
	}
}

static void read_tuple(const struct nlattr *nest, struct tuple *t)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == CTA_TUPLE_IP)
			read_ips(attr, t);
		else if (mnl_attr_get_type(attr) == CTA_TUPLE_PROTO)
			read_proto(attr, t);
	}
}

struct flow {
	struct tuple orig, reply;
	const struct nlattr *orig_attr;
	uint32_t status, id;
};

static void read_flow(const struct nlmsghdr *nlh, struct flow *f)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_TUPLE_ORIG:
			f->orig_attr = attr;
			read_tuple(attr, &f->orig);
			break;
		case CTA_TUPLE_REPLY:
			read_tuple(attr, &f->reply);
			break;
		case CTA_STATUS:
			f->status = ntohl(mnl_attr_get_u32(attr));
			break;
		case CTA_ID:
			f->id = mnl_attr_get_u32(attr);
			break;
		default:
			break;
		}
	}
}

/* Only an address of this host can be bound to. */
static bool is_local(const struct ip_addr *ip)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool is4 = ip->family == AF_INET;
	AUTO_FD int fd = socket(ip->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(is4 ? (void *)&four.sin_addr : (void *)&six.sin6_addr, ip->b, ip_size(ip->family));

	return fd >= 0 && bind(fd, is4 ? (struct sockaddr *)&four : (struct sockaddr *)&six,
			       is4 ? sizeof(four) : sizeof(six)) == 0;
}

/* The first of @p's ports with this protocol and number: they are in this order. */
static size_t find_port(const struct publish *p, const struct tuple *t)
{
	size_t low = 0, high = p->n_ports;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct publish_port *port = &p->ports[mid];

		if (port->proto < t->proto ||
		    (port->proto == t->proto && port->host_port < t->dport))
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

/* Without a list of ports, any may have been. */
static bool is_published(const struct publish *p, const struct tuple *orig)
{
	for (size_t i = find_port(p, orig); i < p->n_ports; i++) {
		const struct publish_port *port = &p->ports[i];

		if (port->proto != orig->proto || port->host_port != orig->dport)
			return false;
		if (port->host_ip.family == orig->dst.family &&
		    (ip_is_unspecified(&port->host_ip) || ip_equal(&port->host_ip, &orig->dst)))
			return true;
	}

	return p->n_ports == 0;
}

/*
 * A connection that merely passes through to the same port of another machine
 * is left alone: what is published is asked at an address of this host.
 */
static bool is_doomed(const struct search *s, const struct flow *f)
{
	const struct ip_addr *ours = f->orig.dst.family == AF_INET ? &s->p->ip4 : &s->p->ip6;
	bool here = f->status & IPS_DST_NAT && ip_equal(&f->reply.src, ours);

	if (!f->orig_attr || f->orig.proto == IPPROTO_TCP || !is_published(s->p, &f->orig))
		return false;

	return s->stale ? !here && is_local(&f->orig.dst) : here;
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	struct search *s = data;
	struct flow f = { 0 };
	struct doomed *bigger;
	size_t len;

	read_flow(nlh, &f);
	if (!is_doomed(s, &f))
		return 0;
	len = mnl_attr_get_payload_len(f.orig_attr);
	if (len > TUPLE_SIZE)
		return 0;
	bigger = reallocarray(s->list, s->n + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	s->list = bigger;
	bigger[s->n].len = (uint16_t)len;
	bigger[s->n].id = f.id;
	bigger[s->n].family = f.orig.dst.family;
	memcpy(bigger[s->n].tuple, mnl_attr_get_payload(f.orig_attr), len);
	s->n++;

	return 0;
}

static struct nlmsghdr *put(struct nl *nl, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *req = nl_put(nl, (NFNL_SUBSYS_CTNETLINK << 8) | type, flags,
				      "look after tracked connections");
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(req, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;

	return req;
}

static int forget(struct nl *nl, const struct search *s, struct err *e)
{
	int r;

	for (size_t i = 0; i < s->n; i++) {
		struct nlmsghdr *req = put(nl, IPCTNL_MSG_CT_DELETE, 0, s->list[i].family);

		mnl_attr_put(req, CTA_TUPLE_ORIG | NLA_F_NESTED, s->list[i].len, s->list[i].tuple);
		mnl_attr_put_u32(req, CTA_ID, s->list[i].id);
	}
	r = nl_commit(nl, e);

	return r == -ENOENT ? 0 : r; /* it ended by itself */
}

static int find_and_forget(struct nl *nl, struct search *s, struct err *e)
{
	int r;

	(void)put(nl, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	r = nl_query(nl, take, s, e);
	if (r == 0)
		r = forget(nl, s, e);
	free(s->list);

	/* A kernel without connection tracking has nothing to forget. */
	return r == -EOPNOTSUPP || r == -EINVAL ? 0 : r;
}

/* The namespace's count is at hand; the table that all namespaces share is long. */
static bool are_none(void)
{
	char text[16] = "";
	AUTO_FD int fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC);

	return fd < 0 || (read(fd, text, sizeof(text) - 1) > 0 && text[0] == '0');
}

static bool has_datagrams(const struct publish *p)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		if (p->ports[i].proto != IPPROTO_TCP)
			return true;
	}

	return false;
}

int flows_forget_stale(struct nl *nl, const struct publish *p, struct err *e)
{
	struct search s = { .p = p, .stale = true };

	return !has_datagrams(p) || are_none() ? 0 : find_and_forget(nl, &s, e);
}

bool flows_expected(const struct publish *p)
{
	return (p->n_ports == 0 || has_datagrams(p)) && !are_none();
}

int flows_forget(struct nl *nl, const struct publish *p, struct err *e)
{
	struct search s = { .p = p };

	return flows_expected(p) ? find_and_forget(nl, &s, e) : 0;
}
