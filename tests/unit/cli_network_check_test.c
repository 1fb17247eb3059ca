/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_network_check - what is said of subnets and names that cannot be, in Docker's words */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/network-check.h"
#include "cli/network-ipam.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network-rules.h"
#include "lib/network.h"
#include "tests/unit/addresses.h"

static struct err err;

/* ---- what goes with what ------------------------------------------------- */

static void add(struct words *words, const char *text)
{
	if (text)
		assert_int_equal(words_add(words, text), 0);
}

static void what_lies_in_a_subnet_belongs_to_it_in_any_order(void **state)
{
	AUTO(network_ipam_clear) struct network_ipam ipam = { 0 };
	AUTO(network_clear) struct network net = { 0 };

	(void)state;
	assert_false(network_ipam_is_set(&ipam));
	add(&ipam.subnets, "10.1.0.0/24,fd00:1::/64");
	add(&ipam.ranges, "fd00:1::ff00/120");
	add(&ipam.ranges, "10.1.0.128/25");
	add(&ipam.gateways, "fd00:1::1,10.1.0.9");
	assert_int_equal(network_pairs_set(&ipam.aux, "nas", "10.1.0.5", &err), 0);
	assert_true(network_ipam_is_set(&ipam));
	assert_int_equal(network_ipam_read(&ipam, &net, &err), 0);

	assert_int_equal(net.n_subnets, 2);
	assert_int_equal(net.subnets[0].range.len, 25);
	assert_int_equal(net.subnets[0].gateway.b[3], 9);
	assert_string_equal(net.subnets[0].aux[0].name, "nas");
	assert_int_equal(net.subnets[1].range.len, 120);
	assert_int_equal(net.subnets[1].gateway.family, AF_INET6);
	assert_int_equal(net.subnets[1].n_aux, 0);
}

static void what_belongs_nowhere_is_refused(void **state)
{
	static const struct {
		const char *subnets, *ranges, *gateways, *aux, *says;
	} cases[] = {
		{ "x", NULL, NULL, NULL, "invalid subnet x: invalid CIDR block notation" },
		{ "", NULL, NULL, NULL, "invalid subnet : invalid CIDR block notation" },
		{ "10.1.0.0/24,10.1.0.0/25", NULL, NULL, NULL,
		  "multiple overlapping subnet configuration is not supported" },
		{ NULL, "10.1.0.0/25", NULL, NULL,
		  "every ip-range or gateway must have a corresponding subnet" },
		{ "10.1.0.0/24", NULL, "10.1.0.1,10.1.0.2", NULL,
		  "every ip-range or gateway must have a corresponding subnet" },
		{ "10.1.0.0/24", "10.1.0.0", NULL, NULL,
		  "invalid ip-range 10.1.0.0: invalid CIDR block notation" },
		{ "10.1.0.0/24", "10.2.0.0/25", NULL, NULL,
		  "no matching subnet for range 10.2.0.0/25" },
		{ "10.1.0.0/24,10.2.0.0/24", "10.1.0.0/25,10.1.0.128/25", NULL, NULL,
		  "cannot configure multiple ranges (10.1.0.128/25, 10.1.0.0/25) on the same "
		  "subnet (10.1.0.0/24)" },
		{ "10.1.0.0/24", NULL, "x", NULL, "invalid gateway x: invalid address" },
		{ "10.1.0.0/24", NULL, "10.2.0.1", NULL,
		  "no matching subnet for gateway 10.2.0.1" },
		{ "10.1.0.0/24,10.2.0.0/24", NULL, "10.1.0.1,10.1.0.2", NULL,
		  "cannot configure multiple gateways (10.1.0.2, 10.1.0.1) for the same subnet "
		  "(10.1.0.0/24)" },
		{ "10.1.0.0/24", NULL, NULL, "x",
		  "invalid auxiliary address nas: x is not an address" },
		{ NULL, NULL, NULL, "10.1.0.5", "no matching subnet for aux-address 10.1.0.5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(network_ipam_clear) struct network_ipam ipam = { 0 };
		AUTO(network_clear) struct network net = { 0 };

		add(&ipam.subnets, cases[i].subnets);
		add(&ipam.ranges, cases[i].ranges);
		add(&ipam.gateways, cases[i].gateways);
		if (cases[i].aux)
			assert_int_equal(network_pairs_set(&ipam.aux, "nas", cases[i].aux, &err),
					 0);
		assert_int_equal(network_ipam_read(&ipam, &net, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].says);
	}
}

/* ---- subnets ------------------------------------------------------------- */

struct given {
	const char *subnet, *range, *gateway, *aux;
};

static void add_subnet(struct network *net, const struct given *g)
{
	struct ip_net subnet = net_of(g->subnet);
	struct network_subnet *s = network_add_subnet(net, &subnet);

	assert_non_null(s);
	if (g->range)
		s->range = net_of(g->range);
	if (g->gateway)
		s->gateway = ip_of(g->gateway);
	if (g->aux) {
		struct ip_addr aux = ip_of(g->aux);

		assert_int_equal(network_add_aux(s, "nas", &aux), 0);
	}
}

static void a_subnet_that_cannot_be_is_refused_in_dockers_words(void **state)
{
	static const struct {
		struct given given;
		const char *says;
	} cases[] = {
		{ { "10.1.0.1/24" }, "invalid subnet 10.1.0.1/24: it should be 10.1.0.0/24" },
		{ { "10.1.0.0/24", .range = "fd00::/120" },
		  "invalid ip-range fd00::/120: parent subnet is an IPv4 block" },
		{ { "fd00::/64", .range = "10.1.0.0/24" },
		  "invalid ip-range 10.1.0.0/24: parent subnet is an IPv6 block" },
		{ { "10.1.0.0/24", .range = "10.1.0.0/20" },
		  "invalid ip-range 10.1.0.0/20: CIDR block is bigger than its parent subnet "
		  "10.1.0.0/24" },
		{ { "10.1.0.0/24", .range = "10.1.0.129/25" },
		  "invalid ip-range 10.1.0.129/25: it should be 10.1.0.128/25" },
		{ { "10.1.0.0/24", .range = "10.2.0.0/25" },
		  "invalid ip-range 10.2.0.0/25: parent subnet 10.1.0.0/24 doesn't contain "
		  "ip-range" },
		{ { "10.1.0.0/24", .gateway = "10.2.0.1" },
		  "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this "
		  "address" },
		{ { "10.1.0.0/24", .gateway = "fd00::1" },
		  "invalid gateway fd00::1: parent subnet is an IPv4 block" },
		{ { "10.1.0.0/24", .aux = "10.2.0.1" },
		  "invalid auxiliary address nas: parent subnet 10.1.0.0/24 doesn't contain this "
		  "address" },
		{ { "fd00::/64", .aux = "10.2.0.1" },
		  "invalid auxiliary address nas: parent subnet is an IPv6 block" },
		{ { "224.1.0.0/24" }, "invalid subnet 224.1.0.0/24: it is for multicast" },
		{ { "ff02::/64" }, "invalid subnet ff02::/64: it is for multicast" },
		{ { "127.0.0.0/8" }, "invalid subnet 127.0.0.0/8: it is the loopback's" },
		{ { "fe80::/10" },
		  "invalid subnet fe80::/10: it clashes with the link-local prefix fe80::/64" },
		{ { "10.1.0.0/31" },
		  "invalid subnet 10.1.0.0/31: it is too small for a gateway and a container" },
	};
	char want[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(network_clear) struct network net = { .ipv4 = true, .ipv6 = true };

		add_subnet(&net, &cases[i].given);
		assert_int_equal(network_check_config(&net, &err), -EINVAL);
		snprintf(want, sizeof(want), "invalid network config:\n%s", cases[i].says);
		assert_string_equal(err.msg, want);
	}
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
	AUTO(network_clear) struct network net = { .ipv4 = true, .ipv6 = true };

	(void)state;
	add_subnet(&net, &(struct given){ "10.1.0.1/24", .gateway = "10.2.0.1" });
	add_subnet(&net, &(struct given){ "fd00::1/64" });
	assert_int_equal(network_check_config(&net, &err), -EINVAL);
	assert_string_equal(
		err.msg,
		"invalid network config:\n"
		"* invalid subnet 10.1.0.1/24: it should be 10.1.0.0/24\n"
		"* invalid gateway 10.2.0.1: parent subnet 10.1.0.1/24 doesn't contain this "
		"address\n"
		"* invalid subnet fd00::1/64: it should be fd00::/64");
}

static void more_than_a_message_holds_is_cut(void **state)
{
	AUTO(network_clear) struct network net = { .ipv4 = true };

	(void)state;
	for (int i = 0; i < 100; i++)
		add_subnet(&net, &(struct given){ "10.1.0.1/24" });
	assert_int_equal(network_check_config(&net, &err), -EINVAL);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_int_equal(network_check_config(&net, NULL), -EINVAL);
}

static void ipv6_subnets_do_not_matter_without_ipv6(void **state)
{
	AUTO(network_clear) struct network net = { .ipv4 = true };

	(void)state;
	add_subnet(&net, &(struct given){ "fd00::1/64" });
	assert_int_equal(network_check_config(&net, &err), 0);
}

static void what_can_be_is_accepted(void **state)
{
	static const struct given cases[] = {
		{ "10.1.0.0/24", "10.1.0.128/25", "10.1.0.254", "10.1.0.5" },
		{ "10.1.0.0/30" },
		{ "fd00::/64", "fd00::ff00/120", "fd00::1", "fd00::2" },
		{ "fe80::/64" },
		{ "fd00::/126" },
	};
	AUTO(network_clear) struct network net = { .ipv4 = true, .ipv6 = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		add_subnet(&net, &cases[i]);
	if (network_check_config(&net, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(network_check_addresses(&net, &err), 0);
}

static void no_address_is_taken_twice(void **state)
{
	static const struct {
		struct given given;
		const char *says;
	} cases[] = {
		{ { "10.1.0.0/24", .gateway = "10.1.0.0" },
		  "failed to allocate gateway (10.1.0.0): Address already in use" },
		{ { "10.1.0.0/24", .gateway = "10.1.0.255" },
		  "failed to allocate gateway (10.1.0.255): Address already in use" },
		{ { "fd00::/64", .gateway = "fd00::" },
		  "failed to allocate gateway (fd00::): Address already in use" },
		{ { "10.1.0.0/24", .gateway = "10.1.0.1", .aux = "10.1.0.1" },
		  "failed to allocate secondary ip address (nas:10.1.0.1): Address already in "
		  "use" },
		{ { "10.1.0.0/24", .gateway = "10.1.0.1", .aux = "10.1.0.255" },
		  "failed to allocate secondary ip address (nas:10.1.0.255): Address already in "
		  "use" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(network_clear) struct network net = { 0 };

		add_subnet(&net, &cases[i].given);
		assert_int_equal(network_check_addresses(&net, &err), -EADDRINUSE);
		assert_string_equal(err.msg, cases[i].says);
	}
}

static void two_auxiliary_addresses_are_two(void **state)
{
	AUTO(network_clear) struct network net = { 0 };
	struct ip_addr aux = ip_of("10.1.0.5");

	(void)state;
	add_subnet(&net, &(struct given){ "10.1.0.0/24", .aux = "10.1.0.5" });
	assert_int_equal(network_add_aux(&net.subnets[0], "printer", &aux), 0);
	assert_int_equal(network_check_addresses(&net, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "(printer:10.1.0.5)"));
}

/* ---- names and drivers --------------------------------------------------- */

static void a_name_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *name, *says;
		int r;
	} cases[] = {
		{ "", "invalid name: name is empty", -EINVAL },
		{ "bridge", "operation is not permitted on predefined bridge network", -EPERM },
		{ "host", "operation is not permitted on predefined host network", -EPERM },
		{ "none", "operation is not permitted on predefined none network", -EPERM },
		{ "default", "--network default means something else", -EINVAL },
		{ "container", "--network container means something else", -EINVAL },
		{ "private", "--network private means something else", -EINVAL },
		{ "slirp4netns", "--network slirp4netns means something else", -EINVAL },
		{ "pasta", "--network pasta means something else", -EINVAL },
		{ "-a", "invalid name: \"-a\"", -EINVAL },
		{ ".a", "invalid name: \".a\"", -EINVAL },
		{ "a/b", "invalid name: \"a/b\"", -EINVAL },
		{ "a b", "invalid name: \"a b\"", -EINVAL },
	};
	char name[NETWORK_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(network_check_name(cases[i].name, &err), cases[i].r);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s", err.msg);
	}
	memset(name, 'a', sizeof(name));
	name[NETWORK_NAME_MAX + 1] = '\0';
	assert_int_equal(network_check_name(name, &err), -EINVAL);
	name[NETWORK_NAME_MAX] = '\0';
	assert_int_equal(network_check_name(name, &err), 0);
	assert_int_equal(network_check_name("lows-network_2.x", &err), 0);
}

static void only_drivers_that_there_are_are_accepted(void **state)
{
	static const struct {
		const char *driver, *says;
	} cases[] = {
		{ "host", "only one instance of \"host\" network is allowed" },
		{ "null", "only one instance of \"null\" network is allowed" },
		{ "ipvlan", "driver ipvlan is not served" },
		{ "weave", "plugin \"weave\" not found" },
	};

	(void)state;
	assert_int_equal(network_check_driver("bridge", &err), 0);
	assert_int_equal(network_check_driver("macvlan", &err), 0);
	assert_int_equal(network_check_driver("overlay", &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(network_check_driver(cases[i].driver, &err), -ENOTSUP);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s", err.msg);
	}
}

static void a_driver_serves_what_it_can(void **state)
{
	struct network net = { .driver = (char[]){ "bridge" }, .ipv4 = true };

	(void)state;
	assert_int_equal(network_check_driver_config(&net, &err), 0);
	net.ipv4 = false;
	assert_int_equal(network_check_driver_config(&net, &err), -EINVAL);
	assert_string_equal(err.msg, "IPv4 or IPv6 must be enabled");
	net.ipv4 = true;
	net.scope = NETWORK_GLOBAL;
	assert_int_equal(network_check_driver_config(&net, &err), 0);

	add_subnet(&net, &(struct given){ "10.1.0.0/24" });
	add_subnet(&net, &(struct given){ "fd00::/64" });
	assert_int_equal(network_check_driver_config(&net, &err), 0);
	add_subnet(&net, &(struct given){ "10.2.0.0/24" });
	assert_int_equal(network_check_driver_config(&net, &err), -EINVAL);
	assert_string_equal(err.msg, "bridge driver doesn't support multiple subnets");
	net.driver = (char[]){ "macvlan" };
	assert_int_equal(network_check_driver_config(&net, &err), 0);
	net.internal = true;
	assert_int_equal(network_check_driver_config(&net, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "cannot be internal"));
	net.driver = NULL; /* not its own */
	network_clear(&net);
}

/* ---- other networks ------------------------------------------------------ */

static void two_networks_share_no_name_no_subnet_and_no_bridge(void **state)
{
	struct network other = { .name = (char[]){ "other" },
				 .driver = (char[]){ "bridge" },
				 .link = (char[]){ "b0" } };
	struct store s = { .networks = &other, .n = 1 };
	struct network net = other;

	(void)state;
	assert_int_equal(network_check_free(&net, &s, &err), -EEXIST);
	assert_string_equal(err.msg, "network with name other already exists");
	net.name = (char[]){ "net" };
	assert_int_equal(network_check_free(&net, &s, &err), 0);

	strcpy(net.id, "0123456789abcdef");
	strcpy(other.id, "fedcba9876543210");
	assert_int_equal(network_check_overlap(&net, &s, &err), -EEXIST);
	assert_string_equal(err.msg,
			    "cannot create network 0123456789ab (b0): conflicts with network "
			    "fedcba987654 (b0): networks have same bridge name");
	net.link = (char[]){ "b1" };
	assert_int_equal(network_check_overlap(&net, &s, &err), 0);

	add_subnet(&net, &(struct given){ "10.1.0.0/24" });
	add_subnet(&other, &(struct given){ "10.0.0.0/8" });
	assert_int_equal(network_check_overlap(&net, &s, &err), -EEXIST);
	assert_string_equal(err.msg, "invalid pool request: Pool overlaps with other one on this "
				     "address space");
	assert_string_equal(err.details, "the network other has 10.0.0.0/8");
	other.config_only = true;
	assert_int_equal(network_check_overlap(&net, &s, &err), 0);
	free(net.subnets);
	free(other.subnets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_in_a_subnet_belongs_to_it_in_any_order),
		cmocka_unit_test(what_belongs_nowhere_is_refused),
		cmocka_unit_test(a_subnet_that_cannot_be_is_refused_in_dockers_words),
		cmocka_unit_test(all_that_is_wrong_is_said_at_once),
		cmocka_unit_test(more_than_a_message_holds_is_cut),
		cmocka_unit_test(ipv6_subnets_do_not_matter_without_ipv6),
		cmocka_unit_test(what_can_be_is_accepted),
		cmocka_unit_test(no_address_is_taken_twice),
		cmocka_unit_test(two_auxiliary_addresses_are_two),
		cmocka_unit_test(a_name_that_cannot_be_is_refused),
		cmocka_unit_test(only_drivers_that_there_are_are_accepted),
		cmocka_unit_test(a_driver_serves_what_it_can),
		cmocka_unit_test(two_networks_share_no_name_no_subnet_and_no_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
