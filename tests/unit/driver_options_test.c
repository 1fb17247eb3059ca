/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_driver_options - what -o says, for each driver */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/driver-options.h"
#include "lib/err.h"
#include "lib/network.h"

static struct err err;

/* A network of that driver with one option, or two. */
static struct network with(const char *driver, const char *key, const char *value)
{
	struct network net = { .name = strdup("n"), .driver = strdup(driver), .ipv4 = true };

	assert_true(net.name && net.driver);
	if (key)
		assert_int_equal(network_pairs_set(&net.options, key, value, &err), 0);

	return net;
}

static struct driver_options read_one(const char *driver, const char *key, const char *value)
{
	struct network net = with(driver, key, value);
	struct driver_options o;

	if (driver_options_read(&net, &o, &err) < 0)
		fail_msg("%s", err.msg);
	/* They end with the network. */
	o.bridge = o.bridge ? value : NULL;
	o.parent = o.parent ? value : NULL;
	o.mode = o.mode ? value : NULL;
	network_clear(&net);

	return o;
}

static void without_options_there_are_dockers_defaults(void **state)
{
	struct driver_options o = read_one("bridge", NULL, NULL);

	(void)state;
	assert_true(o.icc && o.isolate && o.masquerade && o.bridge_address);
	assert_null(o.bridge);
	assert_int_equal(o.mtu, 0);
	assert_int_equal(o.vlan, 0);
}

static void each_option_has_all_its_names(void **state)
{
	static const char *const mtu[] = { "com.docker.network.driver.mtu", "mtu" };
	static const char *const icc[] = { "com.docker.network.bridge.enable_icc", "icc" };
	static const char *const masq[] = { "com.docker.network.bridge.enable_ip_masquerade",
					    "ip-masq" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(read_one("bridge", mtu[i], "1400").mtu, 1400);
		assert_false(read_one("bridge", icc[i], "false").icc);
		assert_false(read_one("bridge", masq[i], "0").masquerade);
	}
	assert_int_equal(read_one("macvlan", "mtu", "9000").mtu, 9000);
	assert_false(read_one("bridge", "isolate", "False").isolate);
	assert_int_equal(read_one("bridge", "vlan", "42").vlan, 42);
	assert_false(read_one("bridge", "com.docker.network.bridge.inhibit_ipv4", "true")
			     .bridge_address);
	assert_string_equal(read_one("bridge", "com.docker.network.bridge.name", "b0").bridge,
			    "b0");
	assert_string_equal(read_one("macvlan", "parent", "eth7").parent, "eth7");
	assert_string_equal(read_one("macvlan", "macvlan_mode", "vepa").mode, "vepa");
	assert_string_equal(read_one("macvlan", "mode", "private").mode, "private");
	assert_int_equal(read_one("overlay", mtu[0], "1400").mtu, 1400);
	assert_int_equal(
		read_one("overlay", "com.docker.network.driver.overlay.vxlanid_list", "7").vni, 7);
	assert_true(read_one("overlay", "multicast", "1").multicast);
	assert_true(read_one("overlay", NULL, NULL).pin);
	assert_false(read_one("overlay", "pin", "false").pin);
	assert_true(read_one("bridge", "com.docker.network.bridge.gateway_mode_ipv4", "nat")
			    .bridge_address);
}

static void what_cannot_be_is_refused_in_dockers_words(void **state)
{
	static const struct {
		const char *driver, *key, *value, *says;
	} cases[] = {
		{ "bridge", "mtu", "big", "failed to parse mtu value: big (" },
		{ "bridge", "mtu", "", "failed to parse mtu value:  (" },
		{ "bridge", "mtu", "67", "invalid MTU number: 67" },
		{ "bridge", "mtu", "65536", "invalid MTU number: 65536" },
		{ "bridge", "mtu", "-1", "invalid MTU number: -1" },
		{ "bridge", "mtu", "99999999999999999999", "failed to parse mtu value" },
		{ "bridge", "vlan", "4095", "invalid VLAN: 4095" },
		{ "overlay", "vni", "0", "invalid vxlan id value: 0" },
		{ "overlay", "encrypted", "", "option encrypted is not served" },
		{ "bridge", "icc", "yes", "failed to parse icc value: yes (" },
		{ "bridge", "com.docker.network.bridge.name", "a-name-too-long0", "a-name-too-l" },
		{ "bridge", "com.docker.network.bridge.name", "a/b", "a/b" },
		{ "macvlan", "mode", "l2", "failed to parse mode value: l2 (" },
		{ "bridge", "com.docker.network.bridge.gateway_mode_ipv4", "x",
		  "unknown gateway mode x" },
		{ "bridge", "com.docker.network.bridge.gateway_mode_ipv4", "routed",
		  "gateway mode 'routed' is not served" },
		{ "bridge", "com.docker.network.bridge.gateway_mode_ipv4", "isolated",
		  "gateway mode 'isolated' can only be used for an internal network" },
		{ "bridge", "com.docker.network.bridge.host_binding_ipv4", "lo",
		  "host_binding_ipv4 value: lo (it is an address of this host" },
		{ "bridge", "com.docker.network.bridge.host_binding_ipv4", "::1", "not ::1" },
		{ "bridge", "com.docker.network.bridge.default_bridge", "true", "not served" },
		{ "bridge", "com.docker.network.host_ipv6", "::1", "not served" },
		{ "bridge", "parent", "eth0", "unknown option parent for driver bridge" },
		{ "macvlan", "icc", "true", "unknown option icc for driver macvlan" },
		{ "bridge", "com.docker.network.bridge", "x", "unknown option" },
		{ "bridge", "", "x", "unknown option" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(network_clear)
		struct network net = with(cases[i].driver, cases[i].key, cases[i].value);
		struct driver_options o = { .mtu = 7 };

		assert_int_equal(driver_options_read(&net, &o, &err), -EINVAL);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s", err.msg);
		assert_int_equal(o.mtu, 7);
	}
}

static void an_unknown_option_gets_the_list_of_those_there_are(void **state)
{
	AUTO(network_clear) struct network net = with("macvlan", "foo", "bar");
	struct driver_options o;

	(void)state;
	assert_int_equal(driver_options_read(&net, &o, &err), -EINVAL);
	assert_string_equal(err.details,
			    "its options are com.docker.network.driver.mtu, mtu, parent, "
			    "macvlan_mode, mode");
}

static void an_internal_network_is_not_masqueraded_and_may_be_isolated(void **state)
{
	AUTO(network_clear)
	struct network net =
		with("bridge", "com.docker.network.bridge.gateway_mode_ipv4", "isolated");
	struct driver_options o;

	(void)state;
	net.internal = true;
	assert_int_equal(driver_options_read(&net, &o, &err), 0);
	assert_false(o.masquerade || o.bridge_address);
}

static void the_bridge_has_addresses_of_both_families_or_of_none(void **state)
{
	AUTO(network_clear)
	struct network net =
		with("bridge", "com.docker.network.bridge.gateway_mode_ipv4", "isolated");
	struct driver_options o;

	(void)state;
	net.internal = net.ipv6 = true;
	assert_int_equal(driver_options_read(&net, &o, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "both"));
	assert_int_equal(network_pairs_set(&net.options,
					   "com.docker.network.bridge.gateway_mode_ipv6",
					   "isolated", &err),
			 0);
	assert_int_equal(driver_options_read(&net, &o, &err), 0);
	assert_false(o.bridge_address);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_there_are_dockers_defaults),
		cmocka_unit_test(each_option_has_all_its_names),
		cmocka_unit_test(what_cannot_be_is_refused_in_dockers_words),
		cmocka_unit_test(an_unknown_option_gets_the_list_of_those_there_are),
		cmocka_unit_test(an_internal_network_is_not_masqueraded_and_may_be_isolated),
		cmocka_unit_test(the_bridge_has_addresses_of_both_families_or_of_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
