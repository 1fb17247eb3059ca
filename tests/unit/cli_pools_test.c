/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_pools - which subnet a network gets that names none, and which gateway */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/network-plan.h"
#include "ipam/pools.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"
#include "tests/unit/addresses.h"

static struct err err;

static void use(struct pools *p, const char *text, bool on_link, int index)
{
	const struct pools_use u = { .net = net_of(text), .on_link = on_link, .index = index };

	assert_int_equal(pools_add(p, &u), 0);
}

/* A host with a /48 of its own and nothing else. */
static struct pools bare(void)
{
	return (struct pools){ .local = net_of("fd12:3456:789a::/48") };
}

static void assert_pick(const struct pools *p, uint8_t family, uint8_t len, const char *want)
{
	char text[IP_NET_STRLEN];
	struct ip_net net;

	if (pools_pick(p, family, len, &net, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(ip_net_str(&net, text), want);
}

static void the_pools_are_dockers_in_dockers_order(void **state)
{
	AUTO(pools_clear) struct pools p = bare();
	char want[IP_NET_STRLEN];
	struct ip_net net;

	(void)state;
	for (int i = 17; i < 32; i++) {
		snprintf(want, sizeof(want), "172.%d.0.0/16", i);
		assert_pick(&p, AF_INET, 0, want);
		use(&p, want, true, 0);
	}
	for (int i = 0; i < 256; i += 16) {
		snprintf(want, sizeof(want), "192.168.%d.0/20", i);
		assert_pick(&p, AF_INET, 0, want);
		use(&p, want, true, 0);
	}
	assert_int_equal(pools_pick(&p, AF_INET, 0, &net, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "all predefined address pools have been fully subnetted"));
}

static void a_hole_is_used_first(void **state)
{
	AUTO(pools_clear) struct pools p = bare();

	(void)state;
	use(&p, "172.17.0.0/16", true, 1);
	use(&p, "172.19.0.0/16", true, 1);
	assert_pick(&p, AF_INET, 0, "172.18.0.0/16");
}

static void what_is_larger_or_smaller_than_a_piece_is_passed(void **state)
{
	AUTO(pools_clear) struct pools p = bare();

	(void)state;
	use(&p, "172.17.255.255/32", true, 0);
	use(&p, "172.18.0.0/15", true, 1);
	use(&p, "172.16.0.0/13", false, 1);
	assert_pick(&p, AF_INET, 0, "172.24.0.0/16");
}

static void another_size_may_be_asked_for(void **state)
{
	AUTO(pools_clear) struct pools p = bare();
	struct ip_net net;

	(void)state;
	assert_pick(&p, AF_INET, 24, "172.17.0.0/24");
	use(&p, "172.17.0.0/24", true, 0);
	use(&p, "172.17.1.0/25", true, 0);
	assert_pick(&p, AF_INET, 24, "172.17.2.0/24");
	assert_pick(&p, AF_INET, 14, "172.20.0.0/14");
	assert_int_equal(pools_pick(&p, AF_INET, 8, &net, &err), -ENOSPC);
}

static void of_ipv6_the_hosts_own_prefix_is_used(void **state)
{
	AUTO(pools_clear) struct pools p = bare();

	(void)state;
	assert_pick(&p, AF_INET6, 0, "fd12:3456:789a::/64");
	use(&p, "fd12:3456:789a::/64", true, 0);
	assert_pick(&p, AF_INET6, 0, "fd12:3456:789a:1::/64");
	assert_pick(&p, AF_INET6, 80, "fd12:3456:789a:1::/80");
}

static void the_hosts_own_prefix_comes_from_a_seed_and_is_unique_local(void **state)
{
	struct ip_net a = pools_local("a", 1), b = pools_local("b", 1), again = pools_local("a", 1);

	(void)state;
	assert_int_equal(a.addr.b[0], 0xfd);
	assert_int_equal(a.len, 48);
	assert_false(ip_net_has_host_bits(&a));
	assert_true(ip_equal(&a.addr, &again.addr));
	assert_false(ip_equal(&a.addr, &b.addr));
}

static void routes_by_a_gateway_count_while_something_else_is_left(void **state)
{
	AUTO(pools_clear) struct pools p = bare();

	(void)state;
	use(&p, "172.16.0.0/12", false, 1);
	assert_pick(&p, AF_INET, 0, "192.168.0.0/20");
	use(&p, "192.168.0.0/16", false, 1);
	use(&p, "172.17.0.0/16", true, 1);
	assert_pick(&p, AF_INET, 0, "172.18.0.0/16");
}

static void what_the_host_reaches_itself_is_found(void **state)
{
	AUTO(pools_clear) struct pools p = bare();
	struct ip_net asked = net_of("10.0.1.0/24"), other = net_of("10.1.0.0/24");

	(void)state;
	use(&p, "10.0.0.0/16", true, 0);
	assert_null(pools_on_host(&p, &asked));
	use(&p, "10.0.0.0/16", false, 3);
	assert_int_equal(pools_on_host(&p, &asked)->index, 3);
	assert_null(pools_on_host(&p, &other));
}

/* ---- gateways ------------------------------------------------------------ */

static void plan_of(struct network *net, const char *subnet, const char *range)
{
	struct ip_net s = net_of(subnet);
	struct network_subnet *added;

	*net = (struct network){ .ipv4 = strchr(subnet, '.'), .ipv6 = !strchr(subnet, '.') };
	added = network_add_subnet(net, &s);
	assert_non_null(added);
	if (range)
		added->range = net_of(range);
}

static void a_gateway_is_the_lowest_address_of_the_range(void **state)
{
	static const struct {
		const char *subnet, *range, *want;
	} cases[] = {
		{ "10.1.0.0/24", NULL, "10.1.0.1" },
		{ "10.1.0.0/24", "10.1.0.0/25", "10.1.0.1" },
		{ "10.1.0.0/24", "10.1.0.128/25", "10.1.0.128" },
		{ "fd00:1::/64", NULL, "fd00:1::1" },
		{ "fd00:1::/64", "fd00:1::ff00/120", "fd00:1::ff00" },
	};
	char text[IP_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(network_clear) struct network net;
		AUTO(pools_clear) struct pools p = bare();

		plan_of(&net, cases[i].subnet, cases[i].range);
		assert_int_equal(network_plan(&net, &p, &err), 0);
		assert_string_equal(ip_str(&net.subnets[0].gateway, text), cases[i].want);
		assert_int_equal(net.n_subnets, 1);
	}
}

static void a_gateway_is_no_auxiliary_address(void **state)
{
	AUTO(network_clear) struct network net;
	AUTO(pools_clear) struct pools p = bare();
	struct ip_addr first = net_of("10.1.0.1/32").addr;
	char text[IP_STRLEN];

	(void)state;
	plan_of(&net, "10.1.0.0/24", NULL);
	assert_int_equal(network_add_aux(&net.subnets[0], "router", &first), 0);
	assert_int_equal(network_plan(&net, &p, &err), 0);
	assert_string_equal(ip_str(&net.subnets[0].gateway, text), "10.1.0.2");
}

static void a_range_without_room_for_a_gateway_is_said(void **state)
{
	AUTO(network_clear) struct network net;
	AUTO(pools_clear) struct pools p = bare();

	(void)state;
	plan_of(&net, "10.1.0.0/24", "10.1.0.255/32");
	assert_int_equal(network_plan(&net, &p, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "no available addresses on this pool"));
}

static void families_without_a_subnet_get_one(void **state)
{
	AUTO(network_clear) struct network net = { .ipv4 = true, .ipv6 = true };
	AUTO(pools_clear) struct pools p = bare();
	char text[IP_NET_STRLEN];

	(void)state;
	assert_int_equal(network_plan(&net, &p, &err), 0);
	assert_int_equal(net.n_subnets, 2);
	assert_string_equal(ip_net_str(&net.subnets[0].subnet, text), "172.17.0.0/16");
	assert_string_equal(ip_net_str(&net.subnets[1].subnet, text), "fd12:3456:789a::/64");
}

static void any_subnet_of_a_size_is_another_one_each_time(void **state)
{
	AUTO(network_clear) struct network net;
	AUTO(pools_clear) struct pools p = bare();
	struct ip_net any = net_of("0.0.0.0/20");
	char text[IP_NET_STRLEN];

	(void)state;
	plan_of(&net, "0.0.0.0/28", NULL);
	assert_non_null(network_add_subnet(&net, &any));
	assert_int_equal(network_plan(&net, &p, &err), 0);
	assert_string_equal(ip_net_str(&net.subnets[0].subnet, text), "172.17.0.0/28");
	assert_string_equal(ip_net_str(&net.subnets[1].subnet, text), "172.17.16.0/20");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pools_are_dockers_in_dockers_order),
		cmocka_unit_test(a_hole_is_used_first),
		cmocka_unit_test(what_is_larger_or_smaller_than_a_piece_is_passed),
		cmocka_unit_test(another_size_may_be_asked_for),
		cmocka_unit_test(of_ipv6_the_hosts_own_prefix_is_used),
		cmocka_unit_test(the_hosts_own_prefix_comes_from_a_seed_and_is_unique_local),
		cmocka_unit_test(routes_by_a_gateway_count_while_something_else_is_left),
		cmocka_unit_test(what_the_host_reaches_itself_is_found),
		cmocka_unit_test(a_gateway_is_the_lowest_address_of_the_range),
		cmocka_unit_test(a_gateway_is_no_auxiliary_address),
		cmocka_unit_test(a_range_without_room_for_a_gateway_is_said),
		cmocka_unit_test(families_without_a_subnet_get_one),
		cmocka_unit_test(any_subnet_of_a_size_is_another_one_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
