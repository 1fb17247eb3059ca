/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel - see tunnel.h. */
#include "netd/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/link.h"
#include "lib/nl.h"
#include "lib/sysctl.h"
#include "netd/ifstate.h"

#define ALIAS_WORDS "heddle overlay "
#define ALIAS_SIZE  160

/* ---- whose a device is ---------------------------------------------------------- */

static void write_alias(const struct tunnel_conf *c, char ret[ALIAS_SIZE])
{
	int len = snprintf(ret, ALIAS_SIZE, "%s", ALIAS_WORDS);

	for (size_t i = 0; i < NETWORK_ID_LEN; i++)
		len += snprintf(ret + len, ALIAS_SIZE - (size_t)len, "%02x", c->id.b[i]);
	snprintf(ret + len, ALIAS_SIZE - (size_t)len, " %s", c->name);
}

bool tunnel_is_of(const struct ifstate *s, struct network_id *ret)
{
	const char *at = s->alias + strlen(ALIAS_WORDS);
	struct network_id id;

	if (strncmp(s->alias, ALIAS_WORDS, strlen(ALIAS_WORDS)) != 0)
		return false;
	for (size_t i = 0; i < NETWORK_ID_LEN; i++)
		if (sscanf(at + 2 * i, "%2hhx", &id.b[i]) != 1)
			return false;
	*ret = id;

	return true;
}

static bool is_ours(const struct ifstate *s, const struct network_id *id)
{
	struct network_id of;

	return tunnel_is_of(s, &of) && network_id_equal(&of, id);
}

static int check_ours(const struct ifstate *s, const struct tunnel_conf *c, const char *kind,
		      struct err *e)
{
	if (is_ours(s, &c->id) && strcmp(s->kind, kind) == 0)
		return 0;

	return err_say(e, EEXIST,
		       "network %s: its %s would be %s, but there is an interface of that name "
		       "which is not the network's: rename or delete that one",
		       c->name, strcmp(kind, "vxlan") == 0 ? "VXLAN device" : "bridge", s->name);
}

/* ---- messages --------------------------------------------------------------------- */

static struct nlmsghdr *put_device(struct nl *nl, const char *name, uint16_t flags,
				   const char *what)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWLINK, flags, "%s %s", what, name);

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);

	return req;
}

/* Addresses are given, not made from the MAC, which every node's bridge has. */
static void put_no_generated_address(struct nlmsghdr *req)
{
	struct nlattr *spec = mnl_attr_nest_start(req, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(req, AF_INET6);

	mnl_attr_put_u8(req, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(req, inet6);
	mnl_attr_nest_end(req, spec);
}

static void put_up(struct nl *nl, const char *name)
{
	struct nlmsghdr *req = put_device(nl, name, 0, "bring up");
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(req);

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
}

static void put_alias(struct nl *nl, const struct tunnel_conf *c, const char *name)
{
	char alias[ALIAS_SIZE];

	write_alias(c, alias);
	mnl_attr_put_strz(put_device(nl, name, 0, "set the alias of"), IFLA_IFALIAS, alias);
}

/* Return: 0 or a negative errno. */
static int get_new(struct nl *nl, const char *name, struct ifstate *ret, struct err *e)
{
	int r = ifstate_get(nl, name, ret, e);

	return r == 0 ? err_sys(e, ENODEV, "%s has been deleted meanwhile", name) : r < 0 ? r : 0;
}

/* ---- the bridge -------------------------------------------------------------------- */

static void put_bridge_info(struct nlmsghdr *req)
{
	struct nlattr *info = mnl_attr_nest_start(req, IFLA_LINKINFO), *data;

	mnl_attr_put_strz(req, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	/* With nobody to ask for groups, who is in which is not known. */
	mnl_attr_put_u8(req, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}

static int make_bridge(struct nl *nl, const struct tunnel_conf *c, struct err *e)
{
	struct nlmsghdr *req =
		put_device(nl, c->bridge, NLM_F_CREATE | NLM_F_EXCL, "add the bridge");
	int r;

	mnl_attr_put(req, IFLA_ADDRESS, sizeof(c->gateway_mac), c->gateway_mac);
	mnl_attr_put_u32(req, IFLA_MTU, c->mtu);
	put_bridge_info(req);
	put_alias(nl, c, c->bridge);
	/* Of an IPv6 that is not there it fails alone. */
	r = nl_commit(nl, e);
	if (r < 0)
		return r;
	put_no_generated_address(put_device(nl, c->bridge, 0, "set the address mode of"));
	(void)nl_commit(nl, NULL);
	/* Containers' word about routes is not taken. */
	(void)sysctl_set("0", NULL, "net/ipv6/conf/%s/accept_ra", c->bridge);
	put_up(nl, c->bridge);

	return nl_commit(nl, e);
}

/* Return: how many settings differ, which are queued. */
static uint32_t fix_bridge(struct nl *nl, const struct tunnel_conf *c, const struct ifstate *s)
{
	uint32_t n = 0;

	if (memcmp(s->mac, c->gateway_mac, sizeof(s->mac)) != 0 && ++n)
		link_put_mac(nl, s->index, c->gateway_mac);
	if (s->mtu != c->mtu && ++n)
		link_put_mtu(nl, s->index, c->mtu);
	if (s->snooping && ++n)
		put_bridge_info(put_device(nl, c->bridge, 0, "set up the bridge"));
	if (!(s->flags & IFF_UP) && ++n)
		put_up(nl, c->bridge);

	return n;
}

static int ensure_bridge(struct nl *nl, const struct tunnel_conf *c, struct tunnel *t,
			 struct err *e)
{
	struct ifstate s;
	int r = ifstate_get(nl, c->bridge, &s, e);

	if (r < 0)
		return r;
	t->new_bridge = r == 0;
	if (t->new_bridge)
		r = make_bridge(nl, c, e);
	else
		r = check_ours(&s, c, "bridge", e);
	if (r == 0 && t->new_bridge)
		r = get_new(nl, c->bridge, &s, e);
	if (r < 0)
		return r;
	t->bridge = s.index;
	t->changed += fix_bridge(nl, c, &s) + t->new_bridge;

	return nl_commit(nl, e);
}

/* ---- the VXLAN device ---------------------------------------------------------------- */

/* @conf with what only a new device can be told. */
static void put_vxlan_info(struct nlmsghdr *req, const struct tunnel_conf *c, bool is_new)
{
	struct nlattr *info = mnl_attr_nest_start(req, IFLA_LINKINFO), *data;

	mnl_attr_put_strz(req, IFLA_INFO_KIND, "vxlan");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	if (is_new) {
		mnl_attr_put_u32(req, IFLA_VXLAN_ID, c->vni);
		mnl_attr_put_u16(req, IFLA_VXLAN_PORT, htons(c->port));
	}
	mnl_attr_put(req, c->local.family == AF_INET ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6,
		     ip_size(c->local.family), c->local.b);
	mnl_attr_put_u8(req, IFLA_VXLAN_LEARNING, 0);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
}

static struct ifstate_port vxlan_port(const struct tunnel_conf *c)
{
	return (struct ifstate_port){ .neigh_suppress = true,
				      .mcast_flood = c->multicast,
				      .bcast_flood = c->multicast };
}

static int vni_is_taken(const struct tunnel_conf *c, struct err *e)
{
	return err_say(e, EEXIST,
		       "network %s: another device of this host has VNI %u on UDP port %u: give "
		       "the network another VNI",
		       c->name, c->vni, c->port);
}

/* It comes up last, when it is a port that does what it should. */
static int make_vxlan(struct nl *nl, const struct tunnel_conf *c, int bridge, struct err *e)
{
	const struct ifstate_port port = vxlan_port(c);
	struct nlmsghdr *req =
		put_device(nl, c->vxlan, NLM_F_CREATE | NLM_F_EXCL, "add the VXLAN device");
	int r;

	mnl_attr_put(req, IFLA_ADDRESS, sizeof(c->own_mac), c->own_mac);
	mnl_attr_put_u32(req, IFLA_MTU, c->mtu);
	mnl_attr_put_u32(req, IFLA_MASTER, (uint32_t)bridge);
	put_vxlan_info(req, c, true);
	r = nl_commit(nl, e);
	if (r == -EEXIST)
		return vni_is_taken(c, e);
	if (r < 0)
		return r;
	put_alias(nl, c, c->vxlan);
	ifstate_put_port(nl, c->vxlan, &port);
	r = nl_commit(nl, e);
	if (r < 0)
		return r;
	put_no_generated_address(put_device(nl, c->vxlan, 0, "set the address mode of"));
	(void)nl_commit(nl, NULL);
	put_up(nl, c->vxlan);

	return nl_commit(nl, e);
}

/*
 * Its MTU is raised, never lowered: containers that have the larger one would send
 * into nothing, while the device itself tells them what the underlay has room for.
 *
 * Return: how many settings differ, which are queued.
 */
static uint32_t fix_vxlan(struct nl *nl, const struct tunnel_conf *c, const struct ifstate *s,
			  int bridge)
{
	const struct ifstate_port port = vxlan_port(c);
	uint32_t n = 0;

	if (memcmp(s->mac, c->own_mac, sizeof(s->mac)) != 0 && ++n)
		link_put_mac(nl, s->index, c->own_mac);
	if (s->mtu < c->mtu && ++n)
		link_put_mtu(nl, s->index, c->mtu);
	if ((s->vxlan.learning || !ip_equal(&s->vxlan.local, &c->local)) && ++n)
		put_vxlan_info(put_device(nl, c->vxlan, 0, "set up the VXLAN device"), c, false);
	if (s->master != bridge && ++n)
		ifstate_put_master(nl, c->vxlan, bridge);
	if ((s->master != bridge || !ifstate_port_equal(&s->port, &port)) && ++n)
		ifstate_put_port(nl, c->vxlan, &port);
	if (!(s->flags & IFF_UP) && ++n)
		put_up(nl, c->vxlan);

	return n;
}

static bool can_stay(const struct ifstate *s, const struct tunnel_conf *c)
{
	return s->vxlan.vni == c->vni && s->vxlan.port == c->port &&
	       s->vxlan.local.family == c->local.family;
}

static int find_vxlan(struct nl *nl, const struct tunnel_conf *c, struct ifstate *s, struct err *e)
{
	int r = ifstate_get(nl, c->vxlan, s, e);

	if (r <= 0)
		return r;
	r = check_ours(s, c, "vxlan", e);
	if (r < 0 || can_stay(s, c))
		return r < 0 ? r : 1;

	return link_del_quick(nl, s->index, e);
}

static int ensure_vxlan(struct nl *nl, const struct tunnel_conf *c, struct tunnel *t, struct err *e)
{
	struct ifstate s;
	int r = find_vxlan(nl, c, &s, e);

	if (r < 0)
		return r;
	t->new_vxlan = r == 0;
	r = t->new_vxlan ? make_vxlan(nl, c, t->bridge, e) : 0;
	if (r == 0 && t->new_vxlan)
		r = get_new(nl, c->vxlan, &s, e);
	if (r < 0)
		return r;
	t->vxlan = s.index;
	t->changed += fix_vxlan(nl, c, &s, t->bridge) + t->new_vxlan;

	return nl_commit(nl, e);
}

int tunnel_ensure(struct nl *nl, const struct tunnel_conf *conf, struct tunnel *ret, struct err *e)
{
	struct tunnel t = { 0 };
	int r = ensure_bridge(nl, conf, &t, e);

	if (r == 0)
		r = ensure_vxlan(nl, conf, &t, e);
	if (r == 0)
		*ret = t;

	return r;
}

/* ---- removal ---------------------------------------------------------------------------- */

static int remove_one(struct nl *nl, const struct network_id *id, const char *name, struct err *e)
{
	struct ifstate s;
	int r = ifstate_get(nl, name, &s, e);

	if (r <= 0 || !is_ours(&s, id))
		return r < 0 ? r : 0;

	return link_del_quick(nl, s.index, e);
}

int tunnel_remove(struct nl *nl, const struct network_id *id, const char *bridge, const char *vxlan,
		  struct err *e)
{
	int r = remove_one(nl, id, vxlan, e);

	return r < 0 ? r : remove_one(nl, id, bridge, e);
}
