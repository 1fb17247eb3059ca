/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge_test - the bridge of a network and its gateway's addresses, in an own namespace */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"
#include "lib/link.h"
#include "lib/nl.h"
#include "tests/unit/lab.h"

#define in_lab(test) cmocka_unit_test_setup_teardown(test, lab_setup_route, lab_teardown)

static struct ip_net net(const char *text)
{
	struct ip_net ret;

	assert_int_equal(ip_net_parse(text, &ret), 0);

	return ret;
}

/* As the plugin does: look, and make what is not there. */
static int ensure(struct nl *nl, const struct bridge_conf *conf, struct link *ret, struct err *e)
{
	struct link bridge = { 0 };
	int r = bridge_find(nl, conf->name, &bridge, e);

	if (r >= 0)
		r = bridge_ensure(nl, conf, &bridge, e);
	if (r == 0)
		*ret = bridge;

	return r;
}

static struct link make_bridge(struct nl *nl)
{
	const struct bridge_conf conf = { .name = "br0" };
	struct link bridge = { 0 };

	assert_done(ensure(nl, &conf, &bridge, &lab_err));

	return bridge;
}

static int set_gateway(struct nl *nl, const char *gateway, bool force, struct err *e)
{
	struct ip_net address = net(gateway);

	return bridge_set_gateway(nl, make_bridge(nl).index, &address, &address, 1, force, e);
}

#define ADDRESSES                                                                                  \
	"ip -json address show dev br0 | jq -r \".[0].addr_info[] | select(.scope == "             \
	"\\\"global\\\")"                                                                          \
	" | \\\"\\(.local)/\\(.prefixlen)\\\"\" | sort"

/* ---- the bridge ---------------------------------------------------------- */

static void a_bridge_is_made_once_and_found_again(void **state)
{
	struct nl *nl = lab_nl(state);
	struct link first, found;

	assert_int_equal(bridge_find(nl, "br0", &found, NULL), 0);
	first = make_bridge(nl);
	assert_true(first.flags & IFF_UP);
	assert_int_equal(bridge_find(nl, "br0", &found, NULL), 1);
	assert_int_equal(found.index, first.index);
	assert_int_equal(make_bridge(nl).index, first.index);
	lab_expect("cat /proc/sys/net/ipv6/conf/br0/accept_ra", "0\n");
}

static void a_bridge_that_is_there_is_brought_up_and_keeps_the_rest(void **state)
{
	const struct bridge_conf conf = { .name = "br0", .mtu = 1400, .promisc = true };
	struct nl *nl = lab_nl(state);
	struct link bridge;

	lab_expect("ip link add br0 type bridge forward_delay 0", "");
	assert_done(ensure(nl, &conf, &bridge, &lab_err));
	assert_true((bridge.flags & (IFF_UP | IFF_PROMISC)) == (IFF_UP | IFF_PROMISC));
	lab_expect("ip -json -details link show br0 | jq -c \".[0] | [.mtu, .promiscuity]\"",
		   "[1500,1]\n");
}

static void a_name_of_something_else_is_refused(void **state)
{
	const struct bridge_conf conf = { .name = "br0" };
	struct nl *nl = lab_nl(state);
	struct link bridge = { .index = 77 };
	struct err e;

	lab_expect("ip link add br0 type veth peer name br1", "");
	assert_int_equal(ensure(nl, &conf, &bridge, &e), -EINVAL);
	assert_int_equal(e.cni, CNI_E_CONFIG);
	assert_string_equal(
		e.msg, "bridge: br0 exists and is not a bridge but a veth; choose another name");
	assert_int_equal(bridge.index, 77);
}

static void a_kernel_without_vlan_filtering_is_named(void **state)
{
	const struct bridge_conf conf = { .name = "br0", .vlan_filtering = true };
	struct nl *nl = lab_nl(state);
	struct link bridge;
	struct err e;
	int r = ensure(nl, &conf, &bridge, &e);

	if (r == 0) {
		assert_true(bridge.vlan_filtering);
		return;
	}
	assert_int_equal(e.cni, CNI_E_FIELD);
	assert_non_null(strstr(e.msg, "CONFIG_BRIDGE_VLAN_FILTERING"));
}

static void many_at_once_make_one_bridge_with_one_address(void **state)
{
	pid_t pids[16];

	(void)lab_nl(state);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			const struct bridge_conf conf = { .name = "br0" };
			struct ip_net address = net("10.1.0.1/24");
			struct nl *nl = NULL;
			struct link bridge;

			if (nl_open(NETLINK_ROUTE, &nl, NULL) < 0 ||
			    ensure(nl, &conf, &bridge, NULL) < 0)
				_exit(1);
			_exit(bridge_set_gateway(nl, bridge.index, &address, &address, 1, true,
						 NULL) < 0);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	lab_expect(ADDRESSES, "10.1.0.1/24\n");
}

/* ---- the gateway's address ----------------------------------------------- */

static void the_gateway_is_added_once_and_forwarding_is_on(void **state)
{
	struct nl *nl = lab_nl(state);

	for (int i = 0; i < 2; i++) {
		assert_done(set_gateway(nl, "10.1.0.1/24", false, &lab_err));
		assert_done(set_gateway(nl, "fd00::1/64", false, &lab_err));
	}
	lab_expect(ADDRESSES, "10.1.0.1/24\nfd00::1/64\n");
	lab_expect("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
		   "1\n1\n");
}

static void another_address_is_in_the_way_and_named(void **state)
{
	static const struct {
		const char *there, *gateway;
	} cases[] = {
		{ "10.9.0.1/24", "10.1.0.1/24" }, { "10.1.0.2/24", "10.1.0.1/24" },
		{ "10.1.0.1/16", "10.1.0.1/24" }, { "fd00::2/64", "fd00::1/64" },
		{ "fd00::1/48", "fd00::1/64" },
	};
	struct nl *nl = lab_nl(state);
	char command[80];
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		(void)make_bridge(nl);
		snprintf(command, sizeof(command), "ip address add %s dev br0", cases[i].there);
		lab_expect(command, "");
		if (set_gateway(nl, cases[i].gateway, false, &e) != -EEXIST)
			fail_msg("%s did not keep %s away", cases[i].there, cases[i].gateway);
		assert_int_equal(e.cni, CNI_E_CONFIG);
		assert_non_null(strstr(e.msg, cases[i].there));
		assert_non_null(strstr(e.msg, cases[i].gateway));
		assert_done(set_gateway(nl, cases[i].gateway, true, &lab_err));
		snprintf(command, sizeof(command), "%s\n", cases[i].gateway);
		lab_expect(ADDRESSES, command);
		lab_expect("ip link del br0", "");
	}
}

static void all_that_is_in_the_way_goes_with_force(void **state)
{
	struct nl *nl = lab_nl(state);

	(void)make_bridge(nl);
	lab_expect("for a in 10.7.0.1/24 10.7.0.2/24 10.8.0.1/24 10.9.0.1/16 fd00::2/64 fd00::3/48 "
		   "fd09::1/64; "
		   "do ip address add $a dev br0; done",
		   "");
	assert_done(set_gateway(nl, "10.1.0.1/24", true, &lab_err));
	assert_done(set_gateway(nl, "fd00::1/64", true, &lab_err));
	lab_expect(ADDRESSES, "10.1.0.1/24\nfd00::1/64\nfd09::1/64\n");
}

static void addresses_of_the_same_network_stay(void **state)
{
	struct nl *nl = lab_nl(state);
	const struct ip_net own[] = { net("10.1.0.1/24"), net("10.2.0.1/24"), net("10.1.0.9/24") };
	int index = make_bridge(nl).index;

	for (int times = 0; times < 2; times++)
		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			assert_done(bridge_set_gateway(nl, index, &own[i], own, ARRAY_SIZE(own),
						       times, &lab_err));
	lab_expect(ADDRESSES, "10.1.0.1/24\n10.1.0.9/24\n10.2.0.1/24\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_bridge_is_made_once_and_found_again,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(
			a_bridge_that_is_there_is_brought_up_and_keeps_the_rest, lab_setup_route,
			lab_teardown),
		cmocka_unit_test_setup_teardown(a_name_of_something_else_is_refused,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(a_kernel_without_vlan_filtering_is_named,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(many_at_once_make_one_bridge_with_one_address,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(the_gateway_is_added_once_and_forwarding_is_on,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(another_address_is_in_the_way_and_named,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(all_that_is_in_the_way_goes_with_force,
						lab_setup_route, lab_teardown),
		cmocka_unit_test_setup_teardown(addresses_of_the_same_network_stay, lab_setup_route,
						lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
