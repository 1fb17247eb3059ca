/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * least - the least that an ADD and a DEL of bridge + host-local can cost
 *
 * All changes that our bridge plugin asks the kernel for, by libmnl, in two
 * sends, with the two look-ups that they need, and nothing else: no JSON, no
 * checks of what it is told or finds, no address management, no undo, no words
 * for errors.  It takes the environment of a CNI plugin and always gives the
 * same address.  VERSION does nothing at all, so it tells what a process costs.
 *
 * A request that fails ends it with the request's line as exit status.
 */
#include <fcntl.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <libmnl/libmnl.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAC_LEN	   6
#define PREFIX_LEN 16
#define BUF_SIZE   8192
#define MUST(truth)                                                                                \
	do {                                                                                       \
		if (!(truth))                                                                      \
			_exit(__LINE__ & 127);                                                     \
	} while (0)

static const char bridge[] = "bench0";
static const uint8_t gateway[4] = { 10, 9, 0, 1 };
static const uint8_t address[4] = { 10, 9, 0, 2 };
static const uint8_t broadcast[4] = { 10, 9, 255, 255 };

static char buf[BUF_SIZE];

/* ---- netlink ------------------------------------------------------------------- */

static struct mnl_socket *nl_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	MUST(nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0);
	return nl;
}

static struct nlmsghdr *put(void *at, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *req = mnl_nlmsg_put_header(at);

	req->nlmsg_type = type;
	req->nlmsg_flags = NLM_F_REQUEST | flags;

	return req;
}

static struct nlmsghdr *put_link(void *at, uint16_t type, uint16_t flags, int index,
				 unsigned int up)
{
	struct nlmsghdr *req = put(at, type, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));

	ifi->ifi_index = index;
	ifi->ifi_flags = ifi->ifi_change = up;

	return req;
}

static void *behind(struct nlmsghdr *req)
{
	return mnl_nlmsg_get_payload_tail(req);
}

/* Send all up to the end of @last, which has asked for an acknowledgement. */
static int send_until(struct mnl_socket *nl, struct nlmsghdr *last)
{
	size_t len = (size_t)((char *)behind(last) - buf);
	ssize_t n;

	MUST(mnl_socket_sendto(nl, buf, len) == (ssize_t)len);
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

	return mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), NULL, NULL);
}

/* Return: the interface's index, 0 if there is none. */
static int link_index(struct mnl_socket *nl, const char *name)
{
	struct nlmsghdr *req = put_link(buf, RTM_GETLINK, 0, 0, 0);
	const struct ifinfomsg *ifi;

	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	MUST(mnl_socket_sendto(nl, req, req->nlmsg_len) > 0);
	MUST(mnl_socket_recvfrom(nl, buf, sizeof(buf)) > 0);
	if (req->nlmsg_type != RTM_NEWLINK)
		return 0;
	ifi = mnl_nlmsg_get_payload(req);

	return ifi->ifi_index;
}

static struct nlmsghdr *put_address(void *at, int index, const uint8_t ip[4])
{
	struct nlmsghdr *req = put(at, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(req, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = PREFIX_LEN;
	ifa->ifa_index = (unsigned int)index;
	mnl_attr_put(req, IFA_LOCAL, 4, ip);
	mnl_attr_put(req, IFA_ADDRESS, 4, ip);
	mnl_attr_put(req, IFA_BROADCAST, 4, broadcast);

	return req;
}

static struct nlmsghdr *put_default_route(void *at)
{
	struct nlmsghdr *req = put(at, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(req, sizeof(*rt));

	rt->rtm_family = AF_INET;
	rt->rtm_table = RT_TABLE_MAIN;
	rt->rtm_protocol = RTPROT_BOOT;
	rt->rtm_scope = RT_SCOPE_UNIVERSE;
	rt->rtm_type = RTN_UNICAST;
	mnl_attr_put(req, RTA_GATEWAY, 4, gateway);

	return req;
}

/* ---- ADD ------------------------------------------------------------------------- */

static void random_mac(uint8_t mac[MAC_LEN])
{
	MUST(getrandom(mac, MAC_LEN, 0) == MAC_LEN);
	mac[0] = (mac[0] & 0xfc) | 0x02;
}

/* Once a host, in warm-up. */
static int bridge_add(struct mnl_socket *nl)
{
	struct nlmsghdr *req =
		put_link(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 0, IFF_UP);
	struct nlattr *info;
	uint8_t mac[MAC_LEN];
	int index;

	random_mac(mac);
	mnl_attr_put_strz(req, IFLA_IFNAME, bridge);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, mac);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(req, info);
	(void)send_until(nl, req); /* another call may have been first */

	index = link_index(nl, bridge);
	req = put_address(buf, index, gateway);
	req->nlmsg_flags |= NLM_F_ACK;
	(void)send_until(nl, req);

	return index;
}

static void host_ifname(char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "lv%.13s", getenv("CNI_CONTAINERID"));
}

static void veth_add(struct mnl_socket *nl, int master, int netns, const uint8_t peer_mac[MAC_LEN])
{
	struct nlmsghdr *req = put_link(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, IFF_UP);
	struct nlattr *info, *data, *peer;
	uint8_t mac[MAC_LEN];
	char name[IFNAMSIZ];

	host_ifname(name);
	random_mac(mac);
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, mac);
	mnl_attr_put_u32(req, IFLA_MASTER, (uint32_t)master);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(req, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, getenv("CNI_IFNAME"));
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, peer_mac);
	mnl_attr_put_u32(req, IFLA_NET_NS_FD, (uint32_t)netns);
	mnl_attr_nest_end(req, peer);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);

	/* The kernel ignores an alias in the request that makes a veth. */
	req = put_link(behind(req), RTM_NEWLINK, NLM_F_ACK, 0, 0);
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put_strz(req, IFLA_IFALIAS, getenv("CNI_CONTAINERID"));
	MUST(send_until(nl, req) >= 0);
}

static struct nlmsghdr *put_arp_notify(void *at, int index)
{
	struct nlmsghdr *req = put_link(at, RTM_SETLINK, 0, index, 0);
	struct nlattr *spec = mnl_attr_nest_start(req, IFLA_AF_SPEC);
	struct nlattr *inet = mnl_attr_nest_start(req, AF_INET);
	struct nlattr *conf = mnl_attr_nest_start(req, IFLA_INET_CONF);

	mnl_attr_put_u32(req, IPV4_DEVCONF_ARP_NOTIFY, 1);
	mnl_attr_nest_end(req, conf);
	mnl_attr_nest_end(req, inet);
	mnl_attr_nest_end(req, spec);

	return req;
}

/* Setting the MAC that is there makes the kernel announce the address. */
static void container_setup(struct mnl_socket *nl, const uint8_t mac[MAC_LEN])
{
	int index = link_index(nl, getenv("CNI_IFNAME"));
	struct nlmsghdr *req;

	req = put_arp_notify(buf, index);
	req = put_link(behind(req), RTM_SETLINK, 0, index, IFF_UP);
	req = put_address(behind(req), index, address);
	req = put_default_route(behind(req));
	req = put_link(behind(req), RTM_SETLINK, NLM_F_ACK, index, 0);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, mac);
	MUST(send_until(nl, req) >= 0);
}

static void add(void)
{
	int netns = open(getenv("CNI_NETNS"), O_RDONLY | O_CLOEXEC);
	struct mnl_socket *nl = nl_open();
	int master = link_index(nl, bridge);
	uint8_t mac[MAC_LEN];

	MUST(netns >= 0);
	if (!master)
		master = bridge_add(nl);
	random_mac(mac);
	veth_add(nl, master, netns, mac);
	MUST(setns(netns, CLONE_NEWNET) == 0);
	container_setup(nl_open(), mac);
}

/* ---- DEL ------------------------------------------------------------------------- */

/* The kernel holds the child until RCU readers are done; nobody waits for it. */
static void del_in_background(int index)
{
	struct mnl_socket *nl;
	struct nlmsghdr *req;

	if (fork() != 0)
		return;
	setsid();
	syscall(SYS_close_range, 0, ~0U, 0);
	nl = nl_open();
	req = put_link(buf, RTM_DELLINK, NLM_F_ACK, index, 0);
	MUST(send_until(nl, req) >= 0);
	_exit(0);
}

static void wait_gone(struct mnl_socket *monitor, int index)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	do {
		MUST(mnl_socket_recvfrom(monitor, buf, sizeof(buf)) > 0);
	} while (nlh->nlmsg_type != RTM_DELLINK || ifi->ifi_index != index ||
		 ifi->ifi_family != AF_UNSPEC);
}

static void del(void)
{
	struct mnl_socket *monitor = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char name[IFNAMSIZ];
	int index;

	MUST(monitor && mnl_socket_bind(monitor, RTMGRP_LINK, MNL_SOCKET_AUTOPID) == 0);
	host_ifname(name);
	index = link_index(nl_open(), name);
	MUST(index > 0);
	del_in_background(index);
	wait_gone(monitor, index);
}

int main(void)
{
	const char *command = getenv("CNI_COMMAND");

	MUST(command);
	if (strcmp(command, "ADD") == 0)
		add();
	else if (strcmp(command, "DEL") == 0)
		del();

	return 0;
}
