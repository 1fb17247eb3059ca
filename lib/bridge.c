/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge - see bridge.h. */
#include "lib/bridge.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/sysctl.h"

int bridge_find(struct nl *nl, const char *name, struct link *ret, struct err *e)
{
	struct link link;
	int r = link_get(nl, name, &link, e);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (strcmp(link.kind, "bridge") != 0)
		return err_cni(
			e, CNI_E_CONFIG,
			"bridge: %s exists and is not a bridge but a %s; choose another name", name,
			*link.kind ? link.kind : "device");
	*ret = link;

	return 1;
}

static int no_vlan_filtering(const struct bridge_conf *conf, struct err *e)
{
	return err_cni(e, CNI_E_FIELD,
		       "vlan, vlanTrunk: the bridge %s does not filter VLANs; that needs a kernel "
		       "with CONFIG_BRIDGE_VLAN_FILTERING and a bridge created with it",
		       conf->name);
}

static int create(struct nl *nl, const struct bridge_conf *conf, struct err *e)
{
	const struct link_bridge b = {
		.name = conf->name,
		.mtu = conf->mtu,
		.promisc = conf->promisc,
		.vlan_filtering = conf->vlan_filtering,
	};
	uint8_t mac[MAC_LEN];
	int r = link_random_mac(mac, e);

	if (r < 0)
		return r;
	link_put_bridge(nl, &b, mac);
	r = nl_commit(nl, e);
	if (r == -EEXIST)
		return 0; /* another ADD was faster */
	if (r == -EOPNOTSUPP && conf->vlan_filtering)
		return no_vlan_filtering(conf, e);
	if (r < 0)
		return r;
	/*
	 * While the bridge's own link-local address is looked for, a second or two,
	 * the host cannot ask for a container's MAC on behalf of others.
	 */
	r = sysctl_set("0", e, "net/ipv6/conf/%s/accept_ra", conf->name);
	if (r == 0)
		r = sysctl_set("0", e, "net/ipv6/conf/%s/accept_dad", conf->name);

	return r == -ENOENT ? 0 : r; /* no IPv6 on this host */
}

int bridge_ensure(struct nl *nl, const struct bridge_conf *conf, struct link *bridge, struct err *e)
{
	unsigned int wanted = IFF_UP | (conf->promisc ? IFF_PROMISC : 0);
	int r = 0;

	if (bridge->index == 0) {
		r = create(nl, conf, e);
		if (r == 0)
			r = bridge_find(nl, conf->name, bridge, e);
		if (r == 0)
			return err_sys(e, ENODEV, "the bridge %s has been removed meanwhile",
				       conf->name);
	}
	if (r < 0)
		return r;
	if (conf->vlan_filtering && !bridge->vlan_filtering)
		return no_vlan_filtering(conf, e);

	if ((bridge->flags & wanted) != wanted) {
		link_put_flags(nl, bridge->index, wanted, wanted);
		r = nl_commit(nl, e);
		if (r < 0)
			return r;
		bridge->flags |= wanted;
	}

	return 0;
}

/* ---- the gateway's address ----------------------------------------------- */

struct survey {
	const struct ip_net *gateway;
	const struct ip_net *own;
	size_t n_own;
	bool present;
	struct ip_net in_way; /* an address to be replaced; family 0: none */
};

static bool is_own(const struct survey *s, const struct ip_net *net)
{
	for (size_t i = 0; i < s->n_own; i++) {
		if (net->len == s->own[i].len && ip_equal(&net->addr, &s->own[i].addr))
			return true;
	}

	return false;
}

static int look_at(const struct addr *addr, void *data)
{
	struct survey *s = data;

	if (addr->net.addr.family != s->gateway->addr.family || addr->flags & IFA_F_SECONDARY)
		return 0;
	if (addr->net.len == s->gateway->len && ip_equal(&addr->net.addr, &s->gateway->addr)) {
		s->present = true;
		return 0;
	}
	if (is_own(s, &addr->net) || ip_is_link_local(&addr->net.addr))
		return 0;
	if (addr->net.addr.family == AF_INET || ip_net_overlaps(&addr->net, s->gateway))
		s->in_way = addr->net;

	return 0;
}

static int address_in_way(const struct survey *s, struct err *e)
{
	char old[IP_NET_STRLEN], new[IP_NET_STRLEN];

	(void)err_cni(e, CNI_E_CONFIG,
		      "the bridge has the address %s already and would need %s; set forceAddress "
		      "to replace it, or use another bridge",
		      ip_net_str(&s->in_way, old), ip_net_str(s->gateway, new));

	return -EEXIST;
}

/* Looks at the addresses, as often as one is in the way and had to go. */
static int clear_way(struct nl *nl, int index, struct survey *s, bool force, struct err *e)
{
	for (;;) {
		int r = addr_each(nl, index, look_at, s, e);

		if (r < 0 || !ip_is_set(&s->in_way.addr))
			return r;
		if (!force)
			return address_in_way(s, e);
		addr_put_del(nl, index, &s->in_way);
		r = nl_commit(nl, e);
		if (r < 0 && r != -EADDRNOTAVAIL) /* another ADD was faster */
			return r;
		s->present = false;
		s->in_way = (struct ip_net){ 0 };
	}
}

int bridge_set_gateway(struct nl *nl, int index, const struct ip_net *gateway,
		       const struct ip_net *own, size_t n_own, bool force, struct err *e)
{
	struct survey s = { .gateway = gateway, .own = own, .n_own = n_own };
	int r = clear_way(nl, index, &s, force, e);

	if (r < 0)
		return r;
	if (!s.present) {
		addr_put_add(nl, index, gateway, IFA_F_NODAD);
		r = nl_commit(nl, e);
		if (r < 0 && r != -EEXIST) /* another ADD was faster */
			return r;
	}

	return sysctl_enable_forwarding(gateway->addr.family, e);
}

/* ---- a gateway in a VLAN ------------------------------------------------- */

static int add_vlan_gateway(struct nl *nl, const struct link *bridge, uint16_t vlan,
			    const char *name, struct err *e)
{
	AUTO_FD int self = netns_open_self(e);
	uint8_t mac[MAC_LEN], port_mac[MAC_LEN];
	char port_name[IFNAMSIZ];
	struct link port = { 0 };
	int r;

	if (self < 0)
		return self;
	if ((r = link_random_mac(mac, e)) < 0 || (r = link_random_mac(port_mac, e)) < 0)
		return r;
	snprintf(port_name, sizeof(port_name), "hg%d.%u", bridge->index, vlan);
	link_put_veth(nl, &(struct link_veth){ .name = port_name,
					       .peer = name,
					       .peer_netns = self,
					       .mac = port_mac,
					       .peer_mac = mac,
					       .mtu = bridge->mtu,
					       .master = bridge->index });
	r = nl_commit(nl, e);
	if (r == 0)
		r = link_get(nl, port_name, &port, e);
	if (r < 0)
		return r == -EEXIST ? 0 : r; /* another ADD was faster */

	if (vlan != 1)
		link_put_vlan_del(nl, port.index, 1);
	link_put_vlan(nl, port.index, vlan, vlan, true, true);
	link_put_flags(nl, port.peer, IFF_UP, IFF_UP);

	return nl_commit(nl, e);
}

int bridge_vlan_gateway(struct nl *nl, const struct link *bridge, uint16_t vlan, struct link *ret,
			struct err *e)
{
	char name[IFNAMSIZ + 8];
	int r;

	snprintf(name, sizeof(name), "%s.%u", bridge->name, vlan);
	if (strlen(name) >= IFNAMSIZ)
		return err_cni(e, CNI_E_CONFIG,
			       "bridge: %s is too long a name for the gateway's interface %s",
			       bridge->name, name);
	r = link_get(nl, name, ret, NULL);
	if (r == -ENODEV) {
		r = add_vlan_gateway(nl, bridge, vlan, name, e);
		if (r == 0)
			r = link_get(nl, name, ret, e);
	}
	if (r == 0 && strcmp(ret->kind, "veth") != 0)
		return err_cni(e, CNI_E_CONFIG, "vlan: %s exists and is not the gateway of VLAN %u",
			       name, vlan);

	return r;
}

struct ports {
	int bridge;
	size_t n;
};

static int count_port(const struct link *link, void *data)
{
	struct ports *ports = data;

	ports->n += link->master == ports->bridge;

	return 0;
}

int bridge_count_ports(struct nl *nl, int index, size_t *ret, struct err *e)
{
	struct ports ports = { .bridge = index };
	int r = link_each(nl, count_port, &ports, e);

	if (r == 0)
		*ret = ports.n;

	return r;
}

int bridge_say_port(struct nl *nl, const struct link *bridge, int r, struct err *e)
{
	size_t n = BRIDGE_PORTS_MAX;

	if (r != -EXFULL)
		return r;
	(void)bridge_count_ports(nl, bridge->index, &n, NULL);

	return err_cni(e, CNI_E_UNAVAILABLE,
		       "bridge %s has %zu ports, and the kernel gives none more than %d: remove "
		       "containers from its network, or put this one into another",
		       bridge->name, n, BRIDGE_PORTS_MAX);
}

int bridge_filter_ip(struct nl *nl, const char *name, struct err *e)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_NEWLINK, 0, "let the rules for IP see what passes bridge %s", name);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	struct nlattr *info, *data;

	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	mnl_attr_put_u8(req, IFLA_BR_NF_CALL_IPTABLES, 1);
	mnl_attr_put_u8(req, IFLA_BR_NF_CALL_IP6TABLES, 1);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);

	return nl_commit(nl, e);
}
