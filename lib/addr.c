/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr - see addr.h. */
#include "lib/addr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nl-attr.h"
#include "lib/nl.h"

static struct nlmsghdr *put(struct nl *nl, uint16_t type, uint16_t flags, const char *verb,
			    int index, const struct ip_net *net)
{
	char text[IP_NET_STRLEN];
	struct nlmsghdr *req = nl_put(nl, type, flags, "%s the address %s %s interface number %d",
				      verb, ip_net_str(net, text), *verb == 'a' ? "to" : "from",
				      index);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(req, sizeof(*ifa));

	ifa->ifa_family = net->addr.family;
	ifa->ifa_prefixlen = net->len;
	ifa->ifa_index = (uint32_t)index;
	mnl_attr_put(req, IFA_LOCAL, ip_size(net->addr.family), net->addr.b);
	mnl_attr_put(req, IFA_ADDRESS, ip_size(net->addr.family), net->addr.b);

	return req;
}

void addr_put_add(struct nl *nl, int index, const struct ip_net *net, uint32_t flags)
{
	addr_put_add_of(nl, index, net, flags, 0);
}

void addr_put_add_of(struct nl *nl, int index, const struct ip_net *net, uint32_t flags,
		     uint8_t protocol)
{
	struct nlmsghdr *req = put(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "add", index, net);
	struct ip_addr broadcast = ip_net_last(net);

	if (net->addr.family == AF_INET && net->len < 31)
		mnl_attr_put(req, IFA_BROADCAST, 4, broadcast.b);
	if (net->addr.family == AF_INET)
		flags &= ~(uint32_t)IFA_F_NODAD;
	if (flags)
		mnl_attr_put_u32(req, IFA_FLAGS, flags);
	if (protocol)
		mnl_attr_put_u8(req, IFA_PROTO, protocol);
}

void addr_put_del(struct nl *nl, int index, const struct ip_net *net)
{
	(void)put(nl, RTM_DELADDR, 0, "delete", index, net);
}

struct walk {
	int index;
	int (*fn)(const struct addr *addr, void *data);
	void *data;
};

static int take(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct walk *walk = data;
	struct ip_addr local = { 0 }, address = { 0 };
	const struct nlattr *attr;
	struct addr found;

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) ||
	    (walk->index && (int)ifa->ifa_index != walk->index))
		return 0;

	found = (struct addr){ .index = (int)ifa->ifa_index,
			       .scope = ifa->ifa_scope,
			       .flags = ifa->ifa_flags,
			       .net.len = ifa->ifa_prefixlen };
	mnl_attr_for_each(attr, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			nl_attr_ip(attr, ifa->ifa_family, &local);
		else if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			nl_attr_ip(attr, ifa->ifa_family, &address);
		else if (mnl_attr_get_type(attr) == IFA_FLAGS &&
			 mnl_attr_get_payload_len(attr) >= 4)
			found.flags = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == IFA_PROTO && mnl_attr_get_payload_len(attr) > 0)
			found.protocol = mnl_attr_get_u8(attr);
	}
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	found.net.addr = ip_is_set(&local) ? local : address;

	return ip_is_set(&found.net.addr) ? walk->fn(&found, walk->data) : 0;
}

int addr_each(struct nl *nl, int index, int (*fn)(const struct addr *addr, void *data), void *data,
	      struct err *e)
{
	struct walk walk = { .index = index, .fn = fn, .data = data };
	struct nlmsghdr *req = nl_put(nl, RTM_GETADDR, NLM_F_DUMP, "list the addresses");
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(req, sizeof(*ifa));

	/* A kernel that checks strictly lists that interface alone. */
	ifa->ifa_index = (uint32_t)index;

	return nl_query(nl, take, &walk, e);
}

struct search {
	const struct ip_net *net;
	bool found;
};

static int match(const struct addr *addr, void *data)
{
	struct search *s = data;

	if (addr->net.len == s->net->len && ip_equal(&addr->net.addr, &s->net->addr))
		s->found = true;

	return 0;
}

int addr_has(struct nl *nl, int index, const struct ip_net *net, struct err *e)
{
	struct search s = { .net = net };
	int r = addr_each(nl, index, match, &s, e);

	return r < 0 ? r : s.found;
}
