/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iface_test - a container's interface: configured from a result, and checked
 *
 * Each test has a host's namespace, which it runs in, and a container's:
 *
 *	host0 ─── veth ─── eth0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/cni-result.h"
#include "lib/err.h"
#include "lib/iface.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "tests/unit/lab.h"

#define in_lab(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const uint8_t host_mac[MAC_LEN] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t mac[MAC_LEN] = { 2, 0, 0, 0, 0, 2 };

static struct nl *inside;
static int netns = -1;

static void add_pair(struct nl *nl, const char *name, const char *peer)
{
	link_put_veth(nl, &(struct link_veth){ .name = name,
					       .peer = peer,
					       .peer_netns = netns,
					       .mac = host_mac,
					       .peer_mac = mac });
	assert_done(nl_commit(nl, &lab_err));
}

static int setup(void **state)
{
	int r = lab_setup_route(state);

	if (r < 0 || !*state)
		return r;
	netns = lab_netns();
	r = netns_nl_open(netns, NETLINK_ROUTE, &inside, &lab_err);
	add_pair(*state, "host0", "eth0");

	return r;
}

static int teardown(void **state)
{
	nl_close(inside);
	inside = NULL;
	close(netns);

	return lab_teardown(state);
}

/* ---- results ------------------------------------------------------------- */

static void add_ip(struct cni_result *res, int iface, const char *address, const char *gateway)
{
	struct cni_ip ip = { .iface = iface };

	assert_int_equal(ip_net_parse(address, &ip.address), 0);
	if (gateway)
		assert_int_equal(ip_parse(gateway, &ip.gateway), 0);
	assert_true(cni_result_add_ip(res, &ip, NULL) >= 0);
}

static void add_route(struct cni_result *res, const char *dst, const char *gw,
		      const struct cni_route *rest)
{
	struct cni_route route = rest ? *rest : (struct cni_route){ .scope = -1 };

	assert_int_equal(ip_net_parse(dst, &route.dst), 0);
	if (gw)
		assert_int_equal(ip_parse(gw, &route.gw), 0);
	assert_true(cni_result_add_route(res, &route, NULL) >= 0);
}

/* eth0 of "netns" with both families, and a default route in each. */
static struct cni_result both_families(void)
{
	struct cni_result res = { 0 };

	assert_int_equal(cni_result_add_iface(&res, "eth0", "02:00:00:00:00:02", "netns", NULL), 0);
	add_ip(&res, 0, "10.1.0.5/24", "10.1.0.1");
	add_ip(&res, 0, "fd00::5/64", "fd00::1");
	add_route(&res, "0.0.0.0/0", NULL, NULL);
	add_route(&res, "::/0", NULL, NULL);

	return res;
}

static int configure(const char *name, const struct cni_result *res, int iface, struct err *e)
{
	const struct iface_conf conf = {
		.netns_fd = netns, .name = name, .res = res, .iface = iface
	};
	int index = -1;
	int r = iface_configure(inside, &conf, &index, e);

	if (r == 0)
		assert_true(index > 0);

	return r;
}

static int check(const char *name, const struct cni_result *res, struct err *e)
{
	*e = (struct err){ 0 };

	return iface_check(inside, name, "netns", res, e);
}

/* ---- configure ----------------------------------------------------------- */

#define ADDRESSES(name)                                                                            \
	"ip -json address show dev " name " | jq -c \".[0].addr_info[] | select(.scope == "        \
	"\\\"global\\\") | [.local, .prefixlen, .broadcast, .tentative]\""

static void an_interface_has_its_addresses_at_once(void **state)
{
	struct cni_result res = both_families();

	(void)lab_nl(state);
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns, ADDRESSES("eth0"),
		      "[\"10.1.0.5\",24,\"10.1.0.255\",null]\n[\"fd00::5\",64,null,null]\n");
	lab_expect_in(netns, "ip -oneline link show up dev eth0 | wc -l", "1\n");
	cni_result_clear(&res);
}

static void addresses_of_other_interfaces_are_left_to_them(void **state)
{
	struct cni_result res = { 0 };

	(void)lab_nl(state);
	add_ip(&res, 0, "10.1.0.5/24", NULL);
	add_ip(&res, 1, "10.2.0.5/24", NULL);
	add_ip(&res, -1, "10.3.0.5/24", NULL);
	assert_done(configure("eth0", &res, 1, &lab_err));
	lab_expect_in(netns, ADDRESSES("eth0"), "[\"10.2.0.5\",24,\"10.2.0.255\",null]\n");
	cni_result_clear(&res);
}

static void every_key_of_a_route_is_applied(void **state)
{
	const struct cni_route rest = {
		.mtu = 1400, .advmss = 1300, .priority = 77, .table = 1000, .scope = 0
	};
	const struct cni_route link_scope = { .table = 5, .scope = 253 };
	struct cni_result res = both_families();

	(void)lab_nl(state);
	add_route(&res, "192.168.0.0/16", "10.1.0.9", &rest);
	add_route(&res, "fd01::/64", "fd00::9", &rest);
	add_route(&res, "172.16.0.0/12", NULL, &(struct cni_route){ .scope = -1, .mtu = 1280 });
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns, "ip -4 route show table 1000",
		      "192.168.0.0/16 via 10.1.0.9 dev eth0 metric 77 mtu 1400 advmss 1300 \n");
	lab_expect_in(
		netns, "ip -6 route show table 1000",
		"fd01::/64 via fd00::9 dev eth0 metric 77 mtu 1400 advmss 1300 pref medium\n");
	lab_expect_in(netns, "ip -4 route show table main",
		      "default via 10.1.0.1 dev eth0 \n"
		      "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.5 \n"
		      "172.16.0.0/12 via 10.1.0.1 dev eth0 mtu 1280 \n");
	cni_result_clear(&res);

	memset(&res, 0, sizeof(res));
	add_route(&res, "10.9.0.0/16", NULL, &link_scope);
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns, "ip -4 route show table 5", "10.9.0.0/16 dev eth0 scope link \n");
	cni_result_clear(&res);
}

static void a_route_without_a_gateway_to_use_goes_to_the_link(void **state)
{
	struct cni_result res = { 0 };

	(void)lab_nl(state);
	add_ip(&res, 0, "10.1.0.5/24", NULL);
	add_route(&res, "10.9.0.0/16", NULL, NULL);
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns, "ip route show 10.9.0.0/16", "10.9.0.0/16 dev eth0 scope link \n");
	cni_result_clear(&res);
}

static void a_route_that_cannot_be_is_named(void **state)
{
	struct cni_result res = both_families();
	struct err e;

	(void)lab_nl(state);
	add_route(&res, "192.168.0.0/16", "10.77.0.1", NULL);
	assert_int_equal(configure("eth0", &res, 0, &e), -ENETUNREACH);
	assert_string_equal(e.msg,
			    "configure eth0 in the container: add the route to 192.168.0.0/16 "
			    "via 10.77.0.1: Network is unreachable "
			    "(Nexthop has invalid gateway)");
	cni_result_clear(&res);
}

static void an_interface_that_is_missing_is_named(void **state)
{
	struct cni_result res = both_families();
	struct err e;

	(void)lab_nl(state);
	assert_int_equal(configure("eth7", &res, 0, &e), -ENODEV);
	assert_non_null(strstr(e.msg, "eth7"));
	cni_result_clear(&res);
}

static void ipv6_is_switched_on_where_an_engine_had_it_off(void **state)
{
	struct cni_result res = both_families();

	(void)lab_nl(state);
	lab_expect_in(netns, "echo 1 | tee /proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n");
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns, ADDRESSES("eth0"),
		      "[\"10.1.0.5\",24,\"10.1.0.255\",null]\n[\"fd00::5\",64,null,null]\n");
	cni_result_clear(&res);
}

static void an_ipv4_result_leaves_ipv6_alone(void **state)
{
	struct cni_result res = { 0 };

	(void)lab_nl(state);
	add_ip(&res, 0, "10.1.0.5/24", NULL);
	lab_expect_in(netns, "echo 1 | tee /proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1\n");
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns, "cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1\n");
	cni_result_clear(&res);
}

static void duplicate_detection_is_done_on_demand(void **state)
{
	struct cni_result res = both_families();
	const struct iface_conf conf = {
		.netns_fd = netns, .name = "eth0", .res = &res, .iface = 0, .dad = true
	};

	(void)lab_nl(state);
	assert_done(iface_configure(inside, &conf, NULL, &lab_err));
	lab_expect_in(netns, "cd /proc/sys/net/ipv6/conf/eth0 && cat accept_dad enhanced_dad",
		      "1\n1\n");
	lab_expect_in(netns, ADDRESSES("eth0") " | grep :", "[\"fd00::5\",64,null,true]\n");
	cni_result_clear(&res);
}

/* A container on two networks: the last one's default route comes first, as with the reference. */
static void two_interfaces_may_each_have_a_default_route(void **state)
{
	struct cni_result one = both_families(), two = { 0 };
	struct err e;

	add_pair(lab_nl(state), "host1", "eth1");
	assert_int_equal(cni_result_add_iface(&two, "eth1", NULL, "netns", NULL), 0);
	add_ip(&two, 0, "10.2.0.5/24", "10.2.0.1");
	add_ip(&two, 0, "fd02::5/64", "fd02::1");
	add_route(&two, "0.0.0.0/0", NULL, NULL);
	add_route(&two, "::/0", NULL, NULL);
	assert_done(configure("eth0", &one, 0, &lab_err));
	assert_done(configure("eth1", &two, 0, &lab_err));
	lab_expect_in(netns, "ip -4 route show default",
		      "default via 10.2.0.1 dev eth1 \ndefault via 10.1.0.1 dev eth0 \n");
	if (check("eth0", &one, &e) < 0 || check("eth1", &two, &e) < 0)
		fail_msg("%s", e.details);
	cni_result_clear(&one);
	cni_result_clear(&two);
}

/* ---- announce ------------------------------------------------------------ */

static int open_tap(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);

	return fd;
}

static bool is_gratuitous_arp(const uint8_t *frame, size_t len)
{
	const struct ether_arp *arp = (const void *)(frame + ETH_HLEN);
	struct in_addr ip;

	inet_pton(AF_INET, "10.1.0.5", &ip);

	return len >= ETH_HLEN + sizeof(*arp) && frame[12] == 8 && frame[13] == 6 &&
	       memcmp(arp->arp_spa, &ip, 4) == 0 && memcmp(arp->arp_tpa, &ip, 4) == 0 &&
	       memcmp(arp->arp_sha, mac, MAC_LEN) == 0;
}

static bool is_advertisement(const uint8_t *frame, size_t len)
{
	const struct ip6_hdr *ip = (const void *)(frame + ETH_HLEN);
	const struct nd_neighbor_advert *na = (const void *)(ip + 1);
	struct in6_addr target;

	inet_pton(AF_INET6, "fd00::5", &target);

	return len >= ETH_HLEN + sizeof(*ip) + sizeof(*na) && frame[12] == 0x86 &&
	       frame[13] == 0xdd && ip->ip6_nxt == IPPROTO_ICMPV6 &&
	       na->nd_na_type == ND_NEIGHBOR_ADVERT &&
	       memcmp(&na->nd_na_target, &target, sizeof(target)) == 0;
}

static void neighbours_are_told_of_every_address(void **state)
{
	struct cni_result res = both_families();
	int64_t deadline = clock_ms() + 30000;
	bool arp = false, na = false;
	AUTO_FD int tap = -1;
	struct link eth0, host0;
	struct nl *nl = lab_nl(state);

	assert_done(configure("eth0", &res, 0, &lab_err));
	assert_done(link_get(inside, "eth0", &eth0, &lab_err));
	assert_done(link_get(nl, "host0", &host0, &lab_err));
	assert_done(link_wait_up(nl, host0.index, &lab_err));
	tap = open_tap("host0");
	assert_done(iface_announce(inside, eth0.index, mac, &lab_err));
	while ((!arp || !na) && clock_ms() < deadline) {
		struct pollfd in = { .fd = tap, .events = POLLIN };
		/* The headers behind the Ethernet header are aligned. */
		uint8_t room[2 + 2048] __attribute__((aligned(4))), *frame = room + 2;
		ssize_t len;

		if (poll(&in, 1, 100) <= 0)
			continue;
		len = recv(tap, frame, sizeof(room) - 2, 0);
		assert_true(len > 0);
		arp |= is_gratuitous_arp(frame, (size_t)len);
		na |= is_advertisement(frame, (size_t)len);
	}
	assert_true(arp);
	assert_true(na);
	cni_result_clear(&res);
}

/* ---- check --------------------------------------------------------------- */

static void what_was_configured_passes_the_check(void **state)
{
	const struct cni_route rest = { .mtu = 1400, .priority = 77, .table = 1000, .scope = -1 };
	struct cni_result res = both_families();
	struct err e;

	(void)lab_nl(state);
	add_route(&res, "192.168.0.0/16", "10.1.0.9", &rest);
	add_route(&res, "fd01::/64", "fd00::9", &rest);
	assert_done(configure("eth0", &res, 0, &lab_err));
	if (check("eth0", &res, &e) < 0)
		fail_msg("%s", e.details);
	cni_result_clear(&res);
}

/* 104 is the protocol of sbr's routes. */
static void a_route_that_sbr_moved_to_its_table_is_there(void **state)
{
	struct cni_result res = both_families();
	struct err e;

	(void)lab_nl(state);
	assert_done(configure("eth0", &res, 0, &lab_err));
	lab_expect_in(netns,
		      "ip route add default via 10.1.0.1 table 100 proto 104; "
		      "ip route del default table main",
		      "");
	if (check("eth0", &res, &e) < 0)
		fail_msg("%s", e.details);
	cni_result_clear(&res);
}

static void each_difference_is_found(void **state)
{
	static const struct {
		const char *command, *says;
	} cases[] = {
		{ "ip address del 10.1.0.5/24 dev eth0",
		  "eth0 in the container has no address 10.1.0.5/24" },
		{ "ip address del fd00::5/64 dev eth0",
		  "eth0 in the container has no address fd00::5/64" },
		{ "ip address del 10.1.0.5/24 dev eth0; ip address add 10.1.0.5/16 dev eth0",
		  "eth0 in the container has no address 10.1.0.5/24" },
		{ "ip route del default",
		  "the container has no route to 0.0.0.0/0 via 10.1.0.1 on eth0" },
		{ "ip -6 route del default",
		  "the container has no route to ::/0 via fd00::1 on eth0" },
		{ "ip route replace 192.168.0.0/16 via 10.1.0.8",
		  "the container has no route to 192.168.0.0/16 via 10.1.0.9 on eth0" },
		{ "ip route del 192.168.0.0/16; ip route add 192.168.0.0/16 via 10.1.0.9 table 9",
		  "the container has no route to 192.168.0.0/16 via 10.1.0.9 on eth0" },
		{ "ip link set eth0 address 02:00:00:00:00:77",
		  "eth0 in the container has the MAC address 02:00:00:00:00:77, not "
		  "02:00:00:00:00:02" },
		{ "ip link set eth0 down", "eth0 in the container is down" },
	};
	struct cni_result res = both_families();

	add_route(&res, "192.168.0.0/16", "10.1.0.9", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e;

		if (i > 0) {
			assert_int_equal(teardown(state), 0);
			assert_int_equal(setup(state), 0);
		}
		(void)lab_nl(state);
		assert_done(configure("eth0", &res, 0, &lab_err));
		lab_expect_in(netns, cases[i].command, "");
		assert_int_equal(check("eth0", &res, &e), -ESTALE);
		assert_int_equal(e.cni, CNI_E_CHECK);
		if (!strstr(e.details, cases[i].says))
			fail_msg("%s: %s", cases[i].command, e.details);
	}
	cni_result_clear(&res);
}

static void all_differences_are_reported_at_once(void **state)
{
	struct cni_result res = both_families();
	struct err e;

	(void)lab_nl(state);
	assert_int_equal(check("eth0", &res, &e), -ESTALE);
	assert_string_equal(e.details,
			    "eth0 in the container is down; "
			    "eth0 in the container has no address 10.1.0.5/24; "
			    "eth0 in the container has no address fd00::5/64; "
			    "the container has no route to 0.0.0.0/0 via 10.1.0.1 on eth0; "
			    "the container has no route to ::/0 via fd00::1 on eth0");
	assert_int_equal(iface_check(inside, "eth0", "netns", &res, NULL), -ESTALE);
	cni_result_clear(&res);
}

static void an_interface_that_is_gone_or_not_in_the_result_is_a_difference(void **state)
{
	struct cni_result res = both_families();
	struct err e;

	(void)lab_nl(state);
	assert_int_equal(check("eth7", &res, &e), -ESTALE);
	assert_non_null(strstr(e.msg, "eth7"));
	assert_int_equal(iface_check(inside, "eth0", "other netns", &res, &e), -ESTALE);
	assert_non_null(strstr(e.details, "the result has no interface eth0 in other netns"));
	cni_result_clear(&res);
}

static void what_keeps_the_kernel_from_answering_is_no_difference(void **state)
{
	static const char name[] = "a-name-of-more-than-fifteen-bytes";
	struct cni_result res = both_families();
	struct err e;
	int r;

	(void)lab_nl(state);
	r = check(name, &res, &e);
	assert_true(r < 0 && r != -ESTALE);
	assert_int_not_equal(e.cni, CNI_E_CHECK);
	assert_int_equal(iface_check(inside, name, "netns", &res, NULL), r);
	cni_result_clear(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_interface_has_its_addresses_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(addresses_of_other_interfaces_are_left_to_them,
						setup, teardown),
		cmocka_unit_test_setup_teardown(every_key_of_a_route_is_applied, setup, teardown),
		cmocka_unit_test_setup_teardown(a_route_without_a_gateway_to_use_goes_to_the_link,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_route_that_cannot_be_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interface_that_is_missing_is_named, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ipv6_is_switched_on_where_an_engine_had_it_off,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_ipv4_result_leaves_ipv6_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(duplicate_detection_is_done_on_demand, setup,
						teardown),
		cmocka_unit_test_setup_teardown(two_interfaces_may_each_have_a_default_route, setup,
						teardown),
		cmocka_unit_test_setup_teardown(neighbours_are_told_of_every_address, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_configured_passes_the_check, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_route_that_sbr_moved_to_its_table_is_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(each_difference_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(all_differences_are_reported_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			an_interface_that_is_gone_or_not_in_the_result_is_a_difference, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_keeps_the_kernel_from_answering_is_no_difference, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
