/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link - see link.h; deleting without the wait is in link-del.c. */
#include "lib/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/nl-attr.h"
#include "lib/nl.h"

/* The work queue waits for a lock that a hundred ADDs at once may want before it. */
#define UP_TIMEOUT_MS 20000

/* ---- reading ------------------------------------------------------------- */

static void read_bridge(const struct nlattr *data, struct link *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) {
		if (mnl_attr_get_type(attr) == IFLA_BR_VLAN_FILTERING)
			link->vlan_filtering = nl_attr_u8(attr);
	}
}

static void read_port(const struct nlattr *data, struct link *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) {
		if (mnl_attr_get_type(attr) == IFLA_BRPORT_MODE)
			link->hairpin = nl_attr_u8(attr);
		else if (mnl_attr_get_type(attr) == IFLA_BRPORT_ISOLATED)
			link->isolated = nl_attr_u8(attr);
	}
}

static void read_macvlan(const struct nlattr *data, struct link *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) {
		if (mnl_attr_get_type(attr) == IFLA_MACVLAN_MODE)
			link->macvlan_mode = nl_attr_u32(attr);
		else if (mnl_attr_get_type(attr) == IFLA_MACVLAN_BC_QUEUE_LEN)
			link->bc_queue_len = nl_attr_u32(attr);
	}
}

void link_read_info(const struct nlattr *info, struct link_info *ret)
{
	const struct nlattr *attr;

	*ret = (struct link_info){ 0 };
	mnl_attr_for_each_nested(attr, info) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_INFO_KIND:
			nl_attr_str(attr, ret->kind, sizeof(ret->kind));
			break;
		case IFLA_INFO_DATA:
			ret->data = attr;
			break;
		case IFLA_INFO_SLAVE_KIND:
			nl_attr_str(attr, ret->port_kind, sizeof(ret->port_kind));
			break;
		case IFLA_INFO_SLAVE_DATA:
			ret->port_data = attr;
			break;
		default:
			break;
		}
	}
}

static void read_info(const struct nlattr *attr, struct link *link)
{
	struct link_info info;

	link_read_info(attr, &info);
	memcpy(link->kind, info.kind, sizeof(link->kind));
	if (info.data && strcmp(info.kind, "bridge") == 0)
		read_bridge(info.data, link);
	else if (info.data && strcmp(info.kind, "macvlan") == 0)
		read_macvlan(info.data, link);
	if (info.port_data && strcmp(info.port_kind, "bridge") == 0)
		read_port(info.port_data, link);
}

static void read_attr(const struct nlattr *attr, struct link *link)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		nl_attr_str(attr, link->name, sizeof(link->name));
		break;
	case IFLA_ADDRESS:
		link->has_mac = mnl_attr_get_payload_len(attr) == MAC_LEN;
		if (link->has_mac)
			memcpy(link->mac, mnl_attr_get_payload(attr), MAC_LEN);
		break;
	case IFLA_MTU:
		link->mtu = nl_attr_u32(attr);
		break;
	case IFLA_TXQLEN:
		link->txqlen = nl_attr_u32(attr);
		break;
	case IFLA_OPERSTATE:
		link->operstate = nl_attr_u8(attr);
		break;
	case IFLA_MASTER:
		link->master = (int)nl_attr_u32(attr);
		break;
	case IFLA_LINK:
		link->peer = (int)nl_attr_u32(attr);
		break;
	case IFLA_LINK_NETNSID:
		link->peer_netns_id = (int)nl_attr_u32(attr);
		break;
	case IFLA_GROUP:
		link->group = nl_attr_u32(attr);
		break;
	case IFLA_IFALIAS:
		nl_attr_str(attr, link->alias, sizeof(link->alias));
		break;
	case IFLA_LINKINFO:
		read_info(attr, link);
		break;
	default:
		break;
	}
}

static bool parse(const struct nlmsghdr *nlh, struct link *ret)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return false;
	*ret = (struct link){ .index = ifi->ifi_index,
			      .type = ifi->ifi_type,
			      .flags = ifi->ifi_flags,
			      .peer_netns_id = -1 };
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
		read_attr(attr, ret);

	return true;
}

static int take_one(const struct nlmsghdr *nlh, void *data)
{
	(void)parse(nlh, data);

	return 0;
}

void link_put_get(struct nl *nl, const char *name)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, 0, "look up the interface %s", name);

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void link_put_dump(struct nl *nl)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, NLM_F_DUMP, "list the interfaces");

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

int link_get(struct nl *nl, const char *name, struct link *ret, struct err *e)
{
	struct link link = { 0 };
	int r;

	link_put_get(nl, name);
	r = nl_query(nl, take_one, &link, e);
	if (r == 0)
		*ret = link;

	return r;
}

int link_get_index(struct nl *nl, int index, struct link *ret, struct err *e)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, 0, "look up interface number %d", index);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	struct link link = { 0 };
	int r;

	ifi->ifi_index = index;
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nl_query(nl, take_one, &link, e);
	if (r == 0)
		*ret = link;

	return r;
}

struct walk {
	int (*fn)(const struct link *link, void *data);
	void *data;
};

static int take_each(const struct nlmsghdr *nlh, void *data)
{
	const struct walk *walk = data;
	struct link link;

	return parse(nlh, &link) ? walk->fn(&link, walk->data) : 0;
}

int link_each(struct nl *nl, int (*fn)(const struct link *link, void *data), void *data,
	      struct err *e)
{
	struct walk walk = { .fn = fn, .data = data };

	link_put_dump(nl);

	return nl_query(nl, take_each, &walk, e);
}

/* ---- MAC addresses ------------------------------------------------------- */

int link_random_mac(uint8_t ret[MAC_LEN], struct err *e)
{
	uint8_t mac[MAC_LEN];

	if (getrandom(mac, sizeof(mac), 0) != sizeof(mac))
		return err_sys(e, errno, "choose a MAC address");
	mac[0] = (mac[0] & 0xfc) | 0x02;
	memcpy(ret, mac, sizeof(mac));

	return 0;
}

/* ---- writing ------------------------------------------------------------- */

static struct ifinfomsg *put_header(struct nlmsghdr *req, int index)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));

	ifi->ifi_index = index;

	return ifi;
}

/*
 * Unasked, veth allocates a queue for each CPU and then shuts all but one, which
 * waits for a grace period under the RTNL lock, once an end.
 */
static void put_one_queue(struct nlmsghdr *req)
{
	mnl_attr_put_u32(req, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(req, IFLA_NUM_RX_QUEUES, 1);
}

void link_put_veth(struct nl *nl, const struct link_veth *v)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
				      "add the veth pair %s and %s", v->name, v->peer);
	struct ifinfomsg *ifi = put_header(req, 0);
	struct nlattr *info, *data, *peer;

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	mnl_attr_put_strz(req, IFLA_IFNAME, v->name);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, v->mac);
	mnl_attr_put_u32(req, IFLA_GROUP, v->group);
	if (v->mtu)
		mnl_attr_put_u32(req, IFLA_MTU, v->mtu);
	if (v->master)
		mnl_attr_put_u32(req, IFLA_MASTER, (uint32_t)v->master);
	put_one_queue(req);

	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	/* The peer nest is a link message of its own: header first, then attributes. */
	peer = mnl_attr_nest_start(req, VETH_INFO_PEER);
	put_header(req, 0);
	mnl_attr_put_strz(req, IFLA_IFNAME, v->peer);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, v->peer_mac);
	mnl_attr_put_u32(req, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	if (v->mtu)
		mnl_attr_put_u32(req, IFLA_MTU, v->mtu);
	put_one_queue(req);
	mnl_attr_nest_end(req, peer);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}

void link_put_bridge(struct nl *nl, const struct link_bridge *b, const uint8_t mac[MAC_LEN])
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "add the bridge %s", b->name);
	struct ifinfomsg *ifi = put_header(req, 0);
	struct nlattr *info, *data;

	ifi->ifi_flags = ifi->ifi_change = IFF_UP | (b->promisc ? IFF_PROMISC : 0);
	mnl_attr_put_strz(req, IFLA_IFNAME, b->name);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, mac);
	if (b->mtu)
		mnl_attr_put_u32(req, IFLA_MTU, b->mtu);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	if (b->vlan_filtering)
		mnl_attr_put_u8(req, IFLA_BR_VLAN_FILTERING, 1);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}

static void put_macvlan_info(struct nlmsghdr *req, const struct link_macvlan *m)
{
	struct nlattr *info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	struct nlattr *data;

	mnl_attr_put_strz(req, IFLA_INFO_KIND, "macvlan");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	mnl_attr_put_u32(req, IFLA_MACVLAN_MODE, m->mode);
	if (m->bc_queue_len)
		mnl_attr_put_u32(req, IFLA_MACVLAN_BC_QUEUE_LEN, m->bc_queue_len);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}

void link_put_macvlan(struct nl *nl, const struct link_macvlan *m)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "add the macvlan %s", m->name);

	put_header(req, 0);
	mnl_attr_put_strz(req, IFLA_IFNAME, m->name);
	mnl_attr_put_u32(req, IFLA_LINK, (uint32_t)m->master);
	mnl_attr_put_u32(req, IFLA_GROUP, m->group);
	if (m->netns >= 0)
		mnl_attr_put_u32(req, IFLA_NET_NS_FD, (uint32_t)m->netns);
	if (m->mac)
		mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, m->mac);
	if (m->mtu)
		mnl_attr_put_u32(req, IFLA_MTU, m->mtu);
	put_macvlan_info(req, m);
}

void link_put_port(struct nl *nl, const char *name, const char *alias, bool hairpin, bool isolated)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWLINK, 0, "set up the bridge port %s", name);
	struct nlattr *info, *data;

	put_header(req, 0);
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put_strz(req, IFLA_IFALIAS, alias);
	if (!hairpin && !isolated)
		return;
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(req, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(req, IFLA_BRPORT_MODE, hairpin);
	mnl_attr_put_u8(req, IFLA_BRPORT_ISOLATED, isolated);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}

static struct nlmsghdr *put_set(struct nl *nl, int index, const char *what)
{
	struct nlmsghdr *req = nl_put(nl, RTM_SETLINK, 0, "%s of interface number %d", what, index);

	put_header(req, index);

	return req;
}

void link_put_flags(struct nl *nl, int index, unsigned int flags, unsigned int mask)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_SETLINK, 0, "set the flags of interface number %d", index);
	struct ifinfomsg *ifi = put_header(req, index);

	ifi->ifi_flags = flags;
	ifi->ifi_change = mask;
}

void link_put_mac(struct nl *nl, int index, const uint8_t mac[MAC_LEN])
{
	struct nlmsghdr *req = put_set(nl, index, "set the MAC address");

	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, mac);
}

void link_put_mtu(struct nl *nl, int index, uint32_t mtu)
{
	struct nlmsghdr *req = put_set(nl, index, "set the MTU");

	mnl_attr_put_u32(req, IFLA_MTU, mtu);
}

void link_put_group(struct nl *nl, int index, uint32_t group)
{
	struct nlmsghdr *req = put_set(nl, index, "set the group");

	mnl_attr_put_u32(req, IFLA_GROUP, group);
}

void link_put_alias(struct nl *nl, int index, const char *alias)
{
	struct nlmsghdr *req = put_set(nl, index, "set the alias");

	mnl_attr_put_str(req, IFLA_IFALIAS, alias);
}

void link_put_name(struct nl *nl, int index, const char *name)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_SETLINK, 0, "name interface number %d %s", index, name);

	put_header(req, index);
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
}

/*
 * One request, so that nobody sees the interface under its old name in the new
 * namespace: do_setlink() in net/core/rtnetlink.c moves first, then renames.
 */
void link_put_move(struct nl *nl, int index, int netns_fd, const char *name)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_SETLINK, 0, "move interface number %d, as %s", index, name);

	put_header(req, index);
	mnl_attr_put_u32(req, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
}

/* Per-device IPv4 settings travel by netlink, so no file of /proc has to be opened. */
void link_put_arp_notify(struct nl *nl, int index)
{
	struct nlmsghdr *req = put_set(nl, index, "set arp_notify");
	struct nlattr *spec, *inet, *conf;

	spec = mnl_attr_nest_start(req, IFLA_AF_SPEC);
	inet = mnl_attr_nest_start(req, AF_INET);
	conf = mnl_attr_nest_start(req, IFLA_INET_CONF);
	mnl_attr_put_u32(req, IPV4_DEVCONF_ARP_NOTIFY, 1);
	mnl_attr_nest_end(req, conf);
	mnl_attr_nest_end(req, inet);
	mnl_attr_nest_end(req, spec);
}

void link_put_no_link_local(struct nl *nl, int index)
{
	struct nlmsghdr *req = put_set(nl, index, "generate no IPv6 address");
	struct nlattr *spec, *inet6;

	spec = mnl_attr_nest_start(req, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(req, AF_INET6);
	mnl_attr_put_u8(req, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(req, inet6);
	mnl_attr_nest_end(req, spec);
}

void link_put_del(struct nl *nl, int index)
{
	struct nlmsghdr *req = nl_put(nl, RTM_DELLINK, 0, "delete interface number %d", index);

	put_header(req, index);
}

void link_put_del_group(struct nl *nl, uint32_t group)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_DELLINK, 0, "delete the interfaces of group %u", group);

	put_header(req, 0);
	mnl_attr_put_u32(req, IFLA_GROUP, group);
}

static struct nlmsghdr *put_bridge_af(struct nl *nl, uint16_t type, int index, const char *what,
				      uint16_t vid)
{
	struct nlmsghdr *req =
		nl_put(nl, type, 0, "%s VLAN %u on interface number %d", what, vid, index);

	put_header(req, index)->ifi_family = AF_BRIDGE;

	return req;
}

static void put_vlan_info(struct nlmsghdr *req, uint16_t vid, uint16_t flags)
{
	struct bridge_vlan_info info = { .vid = vid, .flags = flags };

	mnl_attr_put(req, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
}

void link_put_vlan(struct nl *nl, int index, uint16_t min, uint16_t max, bool pvid, bool untagged)
{
	struct nlmsghdr *req = put_bridge_af(nl, RTM_SETLINK, index, "add", min);
	uint16_t flags = (pvid ? BRIDGE_VLAN_INFO_PVID : 0) |
			 (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
	struct nlattr *spec = mnl_attr_nest_start(req, IFLA_AF_SPEC);

	if (min == max) {
		put_vlan_info(req, min, flags);
	} else {
		put_vlan_info(req, min, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
		put_vlan_info(req, max, flags | BRIDGE_VLAN_INFO_RANGE_END);
	}
	mnl_attr_nest_end(req, spec);
}

void link_put_vlan_del(struct nl *nl, int index, uint16_t vid)
{
	struct nlmsghdr *req = put_bridge_af(nl, RTM_DELLINK, index, "remove", vid);
	struct nlattr *spec = mnl_attr_nest_start(req, IFLA_AF_SPEC);

	put_vlan_info(req, vid, 0);
	mnl_attr_nest_end(req, spec);
}

/* ---- waiting ------------------------------------------------------------- */

/* The kernel's work queue runs at once; asking again costs 5 microseconds. */
int link_wait_up(struct nl *nl, int index, struct err *e)
{
	int64_t deadline = clock_ms() + UP_TIMEOUT_MS;
	struct link link;
	int pause_ms = 0, r;

	for (;;) {
		r = link_get_index(nl, index, &link, e);
		if (r < 0 || link.operstate == IF_OPER_UP)
			return r;
		if (clock_ms() > deadline)
			return err_sys(e, ETIMEDOUT, "wait for %s to come up", link.name);
		poll(NULL, 0, pause_ms);
		pause_ms = 1;
	}
}
