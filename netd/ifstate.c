/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifstate - see ifstate.h. */
#include "netd/ifstate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"

/* ---- reading ------------------------------------------------------------------ */

static void copy_str(char *to, size_t size, const struct nlattr *attr)
{
	snprintf(to, size, "%.*s", (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
}

static uint32_t get_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : 0;
}

static bool get_bool(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 1 && mnl_attr_get_u8(attr);
}

static void get_ip(const struct nlattr *attr, uint8_t family, struct ip_addr *ret)
{
	if (mnl_attr_get_payload_len(attr) != ip_size(family))
		return;
	*ret = (struct ip_addr){ .family = family };
	memcpy(ret->b, mnl_attr_get_payload(attr), ip_size(family));
}

static void read_vxlan(const struct nlattr *data, struct ifstate *s)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_VXLAN_ID:
			s->vxlan.vni = get_u32(attr);
			break;
		case IFLA_VXLAN_PORT:
			if (mnl_attr_get_payload_len(attr) >= 2)
				s->vxlan.port = ntohs(mnl_attr_get_u16(attr));
			break;
		case IFLA_VXLAN_LOCAL:
			get_ip(attr, AF_INET, &s->vxlan.local);
			break;
		case IFLA_VXLAN_LOCAL6:
			get_ip(attr, AF_INET6, &s->vxlan.local);
			break;
		case IFLA_VXLAN_LEARNING:
			s->vxlan.learning = get_bool(attr);
			break;
		default:
			break;
		}
	}
}

static void read_bridge(const struct nlattr *data, struct ifstate *s)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
		if (mnl_attr_get_type(attr) == IFLA_BR_MCAST_SNOOPING)
			s->snooping = get_bool(attr);
}

/* Where each setting of a port is, and what it is called. */
static const struct {
	uint16_t attr;
	size_t offset;
} port_settings[] = {
	{ IFLA_BRPORT_LEARNING, offsetof(struct ifstate_port, learning) },
	{ IFLA_BRPORT_LOCKED, offsetof(struct ifstate_port, locked) },
	{ IFLA_BRPORT_NEIGH_SUPPRESS, offsetof(struct ifstate_port, neigh_suppress) },
	{ IFLA_BRPORT_UNICAST_FLOOD, offsetof(struct ifstate_port, flood) },
	{ IFLA_BRPORT_MCAST_FLOOD, offsetof(struct ifstate_port, mcast_flood) },
	{ IFLA_BRPORT_BCAST_FLOOD, offsetof(struct ifstate_port, bcast_flood) },
};

static void read_port(const struct nlattr *data, struct ifstate_port *port)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
		for (size_t i = 0; i < ARRAY_SIZE(port_settings); i++)
			if (mnl_attr_get_type(attr) == port_settings[i].attr)
				*(bool *)((char *)port + port_settings[i].offset) = get_bool(attr);
}

/* The kind comes before its data, and so the slave's. */
static void read_info(const struct nlattr *info, struct ifstate *s)
{
	const struct nlattr *attr;
	char slave[16] = "";

	mnl_attr_for_each_nested(attr, info) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_INFO_KIND:
			copy_str(s->kind, sizeof(s->kind), attr);
			break;
		case IFLA_INFO_DATA:
			if (strcmp(s->kind, "vxlan") == 0)
				read_vxlan(attr, s);
			else if (strcmp(s->kind, "bridge") == 0)
				read_bridge(attr, s);
			break;
		case IFLA_INFO_SLAVE_KIND:
			copy_str(slave, sizeof(slave), attr);
			break;
		case IFLA_INFO_SLAVE_DATA:
			if (strcmp(slave, "bridge") == 0)
				read_port(attr, &s->port);
			break;
		default:
			break;
		}
	}
}

static void read_attr(const struct nlattr *attr, struct ifstate *s)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		copy_str(s->name, sizeof(s->name), attr);
		break;
	case IFLA_IFALIAS:
		copy_str(s->alias, sizeof(s->alias), attr);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(s->mac))
			memcpy(s->mac, mnl_attr_get_payload(attr), sizeof(s->mac));
		break;
	case IFLA_MTU:
		s->mtu = get_u32(attr);
		break;
	case IFLA_MASTER:
		s->master = (int)get_u32(attr);
		break;
	case IFLA_LINKINFO:
		read_info(attr, s);
		break;
	default:
		break;
	}
}

bool ifstate_read(const struct nlmsghdr *nlh, struct ifstate *ret)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return false;
	*ret = (struct ifstate){ .index = ifi->ifi_index, .flags = ifi->ifi_flags };
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
		read_attr(attr, ret);

	return true;
}

static int take_one(const struct nlmsghdr *nlh, void *data)
{
	(void)ifstate_read(nlh, data);

	return 0;
}

static void put_get(struct nl *nl, uint16_t flags, const char *what)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, flags, "look up %s", what);

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	if (!(flags & NLM_F_DUMP))
		mnl_attr_put_strz(req, IFLA_IFNAME, what);
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

int ifstate_get(struct nl *nl, const char *name, struct ifstate *ret, struct err *e)
{
	struct ifstate s = { 0 };
	struct err said;
	int r;

	put_get(nl, 0, name);
	r = nl_query(nl, take_one, &s, &said);
	if (r == -ENODEV)
		return 0;
	if (r < 0) {
		if (e)
			*e = said;
		return r;
	}
	*ret = s;

	return 1;
}

struct walk {
	int (*fn)(const struct ifstate *s, void *data);
	void *data;
};

static int take_each(const struct nlmsghdr *nlh, void *data)
{
	const struct walk *walk = data;
	struct ifstate s;

	return ifstate_read(nlh, &s) ? walk->fn(&s, walk->data) : 0;
}

int ifstate_each(struct nl *nl, int (*fn)(const struct ifstate *s, void *data), void *data,
		 struct err *e)
{
	struct walk walk = { .fn = fn, .data = data };

	put_get(nl, NLM_F_DUMP, "all interfaces");

	return nl_query(nl, take_each, &walk, e);
}

/* ---- ports ---------------------------------------------------------------------- */

bool ifstate_port_equal(const struct ifstate_port *a, const struct ifstate_port *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void ifstate_put_master(struct nl *nl, const char *name, int bridge)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWLINK, 0, "make %s a port of a bridge", name);

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put_u32(req, IFLA_MASTER, (uint32_t)bridge);
}

void ifstate_put_port(struct nl *nl, const char *name, const struct ifstate_port *port)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWLINK, 0, "set up the bridge port %s", name);
	struct nlattr *info, *data;

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(req, IFLA_INFO_SLAVE_DATA);
	for (size_t i = 0; i < ARRAY_SIZE(port_settings); i++)
		mnl_attr_put_u8(req, port_settings[i].attr,
				*(const bool *)((const char *)port + port_settings[i].offset));
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}
