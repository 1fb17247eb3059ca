/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifstate - see ifstate.h. */
#include "netd/ifstate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/nl-attr.h"
#include "lib/nl.h"

/* ---- reading ------------------------------------------------------------------ */

static void read_vxlan(const struct nlattr *data, struct ifstate *s)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_VXLAN_ID:
			s->vxlan.vni = nl_attr_u32(attr);
			break;
		case IFLA_VXLAN_PORT:
			s->vxlan.port = ntohs(nl_attr_u16(attr));
			break;
		case IFLA_VXLAN_LOCAL:
			nl_attr_ip(attr, AF_INET, &s->vxlan.local);
			break;
		case IFLA_VXLAN_LOCAL6:
			nl_attr_ip(attr, AF_INET6, &s->vxlan.local);
			break;
		case IFLA_VXLAN_LEARNING:
			s->vxlan.learning = nl_attr_u8(attr);
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
			s->snooping = nl_attr_u8(attr);
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
				*(bool *)((char *)port + port_settings[i].offset) =
					nl_attr_u8(attr);
}

static void read_info(const struct nlattr *attr, struct ifstate *s)
{
	struct link_info info;

	link_read_info(attr, &info);
	memcpy(s->kind, info.kind, sizeof(s->kind));
	if (info.data && strcmp(info.kind, "vxlan") == 0)
		read_vxlan(info.data, s);
	else if (info.data && strcmp(info.kind, "bridge") == 0)
		read_bridge(info.data, s);
	if (info.port_data && strcmp(info.port_kind, "bridge") == 0)
		read_port(info.port_data, &s->port);
}

static void read_attr(const struct nlattr *attr, struct ifstate *s)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		nl_attr_str(attr, s->name, sizeof(s->name));
		break;
	case IFLA_IFALIAS:
		nl_attr_str(attr, s->alias, sizeof(s->alias));
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(s->mac))
			memcpy(s->mac, mnl_attr_get_payload(attr), sizeof(s->mac));
		break;
	case IFLA_MTU:
		s->mtu = nl_attr_u32(attr);
		break;
	case IFLA_MASTER:
		s->master = (int)nl_attr_u32(attr);
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

int ifstate_get(struct nl *nl, const char *name, struct ifstate *ret, struct err *e)
{
	struct ifstate s = { 0 };
	struct err said;
	int r;

	link_put_get(nl, name);
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

	link_put_dump(nl);

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
