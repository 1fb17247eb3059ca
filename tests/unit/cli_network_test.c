/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_network - networks of ours and of others, as conflists and back */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/builtin.h"
#include "cli/network-conf-read.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network-conf.h"
#include "lib/network.h"
#include "tests/unit/addresses.h"
#include "tests/unit/failing_alloc.h"

static struct err err;

/* JSON with ' for ", which C would want escaped. */
static json_t *parse(const char *text)
{
	AUTO_FREE char *copy = strdup(text);
	json_error_t why;
	json_t *doc;

	assert_non_null(copy);
	for (char *quote = strchr(copy, '\''); quote; quote = strchr(quote, '\''))
		*quote = '"';
	doc = json_loads(copy, 0, &why);
	if (!doc)
		fail_msg("%s: %s", why.text, copy);

	return doc;
}

static void assert_json(const json_t *have, const char *want_text)
{
	AUTO_JSON json_t *want = parse(want_text);
	AUTO_FREE char *text = json_dumps(have, JSON_INDENT(1));

	if (!json_equal(have, want))
		fail_msg("not as wanted: %s", text);
}

static void assert_net(const struct ip_net *net, const char *want)
{
	char text[IP_NET_STRLEN];

	assert_string_equal(ip_is_set(&net->addr) ? ip_net_str(net, text) : "", want);
}

static void assert_ip(const struct ip_addr *ip, const char *want)
{
	char text[IP_STRLEN];

	assert_string_equal(ip_str(ip, text), want);
}

/* The network of the manual's first example. */
static struct network lows(void)
{
	struct network net = { .name = strdup("lows-network"), .driver = strdup("bridge") };
	struct ip_net subnet = net_of("192.168.1.0/24");
	struct ip_addr nas = ip_of("192.168.1.5");
	struct network_subnet *s = network_add_subnet(&net, &subnet);

	assert_non_null(s);
	s->range = net_of("192.168.1.128/25");
	s->gateway = ip_of("192.168.1.1");
	assert_int_equal(network_add_aux(s, "nas", &nas), 0);
	net.created = strdup("2026-11-22T08:00:00.000000001Z");
	net.ipv4 = net.attachable = true;
	network_id(net.name, net.id);

	return net;
}

static struct network written(struct network net)
{
	if (network_conf_write(&net, NULL, &err) < 0)
		fail_msg("%s", err.msg);

	return net;
}

static struct network read_as(const char *text, const char *file)
{
	AUTO_JSON json_t *doc = parse(text);
	struct network net = { 0 };

	if (network_conf_read(doc, file, &net, &err) < 0)
		fail_msg("%s", err.msg);

	return net;
}

static const json_t *plugin(const struct network *net, size_t i)
{
	return json_array_get(json_object_get(net->conf, "plugins"), i);
}

/* ---- the model ----------------------------------------------------------- */

static void an_id_is_the_sha256_of_the_name(void **state)
{
	char id[NETWORK_ID_DIGITS + 1];

	(void)state;
	network_id("podman", id);
	assert_string_equal(id, "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9");
}

static void of_two_values_of_a_key_the_last_counts(void **state)
{
	AUTO(network_pairs_clear) struct network_pairs pairs = { 0 };

	(void)state;
	assert_int_equal(network_pairs_set(&pairs, "a", "1", &err), 0);
	assert_int_equal(network_pairs_set(&pairs, "b", "2", &err), 0);
	assert_int_equal(network_pairs_set(&pairs, "a", "3", &err), 0);
	assert_int_equal(pairs.n, 2);
	assert_string_equal(network_pairs_get(&pairs, "a"), "3");
	assert_string_equal(pairs.v[1].key, "b");
	assert_null(network_pairs_get(&pairs, "c"));
}

static void a_time_has_nanoseconds_and_is_utc(void **state)
{
	AUTO_FREE char *text = network_time_str(&(struct timespec){ 1000000000, 42 });

	(void)state;
	assert_string_equal(text, "2001-09-09T01:46:40.000000042Z");
}

/* ---- ours ---------------------------------------------------------------- */

static void a_bridge_is_a_chain_that_engines_can_read(void **state)
{
	AUTO(network_clear) struct network net = written(lows());

	(void)state;
	assert_string_equal(net.link, "hb-6033271e116b");
	assert_json(json_object_get(net.conf, "plugins"),
		    "[{'type': 'bridge', 'bridge': 'hb-6033271e116b', 'isGateway': true,"
		    "  'ipMasq': true, 'hairpinMode': true,"
		    "  'capabilities': {'ips': true, 'mac': true},"
		    "  'ipam': {'type': 'host-local',"
		    "    'ranges': [[{'subnet': '192.168.1.0/24', 'ipRange': '192.168.1.128/25',"
		    "      'gateway': '192.168.1.1', 'exclude': ['192.168.1.5']}]],"
		    "    'routes': [{'dst': '0.0.0.0/0'}]}},"
		    " {'type': 'portmap', 'capabilities': {'portMappings': true}},"
		    " {'type': 'firewall', 'ingressPolicy': 'same-bridge'}]");
	assert_string_equal(json_string_value(json_object_get(net.conf, "cniVersion")), "1.0.0");
	assert_json(json_object_get(net.conf, "cniVersions"), "['0.4.0', '1.0.0', '1.1.0']");
	assert_null(json_object_get(net.conf, "args"));
}

static void what_was_written_is_read_back(void **state)
{
	struct network net = lows();
	AUTO(network_clear) struct network back = { 0 };
	struct ip_net v6 = net_of("fd00:1::/64");

	(void)state;
	net.scope = NETWORK_GLOBAL;
	net.ipv6 = net.adopted = true;
	net.config_from = strdup("template");
	assert_non_null(network_add_subnet(&net, &v6));
	assert_int_equal(network_pairs_set(&net.labels, "team", "looms", &err), 0);
	assert_int_equal(network_pairs_set(&net.options, "mtu", "1400", &err), 0);
	net = written(net);
	assert_int_equal(network_conf_read(net.conf, "/d/zz-heddle-lows.conflist", &back, &err), 0);

	assert_int_equal(back.origin, NETWORK_OURS);
	assert_string_equal(back.name, net.name);
	assert_string_equal(back.id, net.id);
	assert_string_equal(back.driver, "bridge");
	assert_string_equal(back.created, net.created);
	assert_string_equal(back.config_from, "template");
	assert_string_equal(back.link, "hb-6033271e116b");
	assert_string_equal(back.file, "/d/zz-heddle-lows.conflist");
	assert_int_equal(back.scope, NETWORK_GLOBAL);
	assert_true(back.ipv4 && back.ipv6 && back.attachable && back.adopted);
	assert_false(back.internal || back.config_only);
	assert_int_equal(back.n_subnets, 2);
	assert_net(&back.subnets[0].subnet, "192.168.1.0/24");
	assert_net(&back.subnets[0].range, "192.168.1.128/25");
	assert_ip(&back.subnets[0].gateway, "192.168.1.1");
	assert_int_equal(back.subnets[0].n_aux, 1);
	assert_string_equal(back.subnets[0].aux[0].name, "nas");
	assert_ip(&back.subnets[0].aux[0].addr, "192.168.1.5");
	assert_net(&back.subnets[1].subnet, "fd00:1::/64");
	assert_net(&back.subnets[1].range, "");
	assert_false(ip_is_set(&back.subnets[1].gateway));
	assert_string_equal(network_pairs_get(&back.labels, "team"), "looms");
	assert_string_equal(network_pairs_get(&back.options, "mtu"), "1400");
	network_clear(&net);
}

static void labels_are_also_where_podman_looks(void **state)
{
	struct network net = lows();

	(void)state;
	assert_int_equal(network_pairs_set(&net.labels, "team", "looms", &err), 0);
	net = written(net);
	assert_json(json_object_get(net.conf, "args"), "{'podman_labels': {'team': 'looms'}}");
	network_clear(&net);
}

static void families_are_range_sets_and_have_a_route_each(void **state)
{
	struct network net = lows();
	struct ip_net v6 = net_of("fd00:1::/64");
	const json_t *ipam;

	(void)state;
	net.ipv6 = true;
	assert_non_null(network_add_subnet(&net, &v6));
	net = written(net);
	ipam = json_object_get(plugin(&net, 0), "ipam");
	assert_int_equal(json_array_size(json_object_get(ipam, "ranges")), 2);
	assert_json(json_object_get(ipam, "routes"), "[{'dst': '0.0.0.0/0'}, {'dst': '::/0'}]");
	network_clear(&net);
}

static void an_internal_network_has_no_way_out(void **state)
{
	struct network net = lows();

	(void)state;
	net.internal = true;
	net = written(net);
	assert_true(json_is_true(json_object_get(plugin(&net, 0), "isGateway")));
	assert_true(json_is_false(json_object_get(plugin(&net, 0), "ipMasq")));
	assert_json(json_object_get(json_object_get(plugin(&net, 0), "ipam"), "routes"), "[]");
	network_clear(&net);
}

static void an_auxiliary_address_can_be_the_default_gateway(void **state)
{
	struct network net = lows();
	struct ip_addr router = ip_of("192.168.1.9");

	(void)state;
	assert_int_equal(network_add_aux(&net.subnets[0], "DefaultGatewayIPv4", &router), 0);
	net = written(net);
	assert_json(json_object_get(json_object_get(plugin(&net, 0), "ipam"), "routes"),
		    "[{'dst': '0.0.0.0/0', 'gw': '192.168.1.9'}]");
	network_clear(&net);
}

static void a_macvlan_is_alone_in_its_chain(void **state)
{
	struct network net = lows();

	(void)state;
	free(net.driver);
	net.driver = strdup("macvlan");
	assert_int_equal(network_pairs_set(&net.options, "parent", "eth7", &err), 0);
	assert_int_equal(network_pairs_set(&net.options, "macvlan_mode", "vepa", &err), 0);
	net = written(net);
	assert_string_equal(net.link, "eth7");
	assert_int_equal(json_array_size(json_object_get(net.conf, "plugins")), 1);
	assert_string_equal(json_string_value(json_object_get(plugin(&net, 0), "type")), "macvlan");
	assert_string_equal(json_string_value(json_object_get(plugin(&net, 0), "master")), "eth7");
	assert_string_equal(json_string_value(json_object_get(plugin(&net, 0), "mode")), "vepa");
	network_clear(&net);
}

static void leases_are_said_to_be_elsewhere_only_if_they_are(void **state)
{
	static const struct {
		const char *dir, *want;
	} cases[] = {
		{ NULL, NULL },
		{ NETWORK_LEASES, NULL },
		{ "/tmp/leases", "/tmp/leases" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(network_clear) struct network net = lows();
		const char *dir;

		assert_int_equal(network_conf_write(&net, cases[i].dir, &err), 0);
		dir = json_string_value(
			json_object_get(json_object_get(plugin(&net, 0), "ipam"), "dataDir"));
		assert_true(dir ? strcmp(dir, cases[i].want) == 0 : !cases[i].want);
		assert_string_equal(network_conf_leases(&net), dir ? dir : NETWORK_LEASES);
	}
}

static void a_template_has_no_plugins(void **state)
{
	struct network net = lows();
	AUTO(network_clear) struct network back = { 0 };

	(void)state;
	net.config_only = true;
	net = written(net);
	assert_null(json_object_get(net.conf, "plugins"));
	assert_int_equal(network_conf_read(net.conf, "/d/lows.json", &back, &err), 0);
	assert_true(back.config_only);
	assert_net(&back.subnets[0].range, "192.168.1.128/25");
	network_clear(&net);
}

static void a_bad_option_is_refused_with_the_conflist_left_as_it_was(void **state)
{
	AUTO(network_clear) struct network net = written(lows());
	const json_t *before = net.conf;

	(void)state;
	assert_int_equal(network_pairs_set(&net.options, "mtu", "x", &err), 0);
	assert_int_equal(network_conf_write(&net, NULL, &err), -EINVAL);
	assert_ptr_equal(net.conf, before);
}

/* ---- others' ------------------------------------------------------------- */

static void podman_is_known_by_its_labels_and_its_bridges(void **state)
{
	AUTO(network_clear)
	struct network net = read_as(
		"{'args': {'podman_labels': {'a': 'b'}, 'podman_options': {'isolate': 'true'}},"
		" 'cniVersion': '0.4.0', 'name': 'pod', 'plugins': ["
		"  {'type': 'bridge', 'bridge': 'cni-podman3', 'isGateway': true, 'mtu': 1400,"
		"   'ipam': {'type': 'host-local', 'routes': [{'dst': '0.0.0.0/0'}], 'ranges': ["
		"    [{'subnet': '10.89.0.0/24', 'rangeStart': '10.89.0.129',"
		"      'rangeEnd': '10.89.0.255', 'gateway': '10.89.0.1'}],"
		"    [{'subnet': 'fd00::/64', 'gateway': 'fd00::1'}]]}}]}",
		"/etc/cni/net.d/pod.conflist");

	(void)state;
	assert_int_equal(net.origin, NETWORK_PODMAN);
	assert_string_equal(net.driver, "bridge");
	assert_string_equal(net.link, "cni-podman3");
	assert_true(net.ipv4 && net.ipv6);
	assert_false(net.internal || net.attachable);
	assert_net(&net.subnets[0].range, "10.89.0.128/25");
	assert_ip(&net.subnets[0].gateway, "10.89.0.1");
	assert_net(&net.subnets[1].subnet, "fd00::/64");
	assert_string_equal(network_pairs_get(&net.labels, "a"), "b");
	assert_string_equal(network_pairs_get(&net.options, "isolate"), "true");
	assert_string_equal(network_pairs_get(&net.options, "com.docker.network.driver.mtu"),
			    "1400");
	assert_null(net.created);
}

static void a_bridge_without_gateway_and_routes_is_internal(void **state)
{
	AUTO(network_clear)
	struct network net =
		read_as("{'cniVersion': '0.4.0', 'name': 'in', 'plugins': [{'type': 'bridge',"
			" 'bridge': 'cni-podman4', 'isGateway': false, 'ipam': {'ranges':"
			" [[{'subnet': '10.89.4.0/24'}]]}}]}",
			"/d/in.conflist");

	(void)state;
	assert_int_equal(net.origin, NETWORK_PODMAN);
	assert_true(net.internal);
}

static void podmans_macvlan_is_known_by_its_file(void **state)
{
	static const char text[] = "{'cniVersion': '0.4.0', 'name': 'mv', 'plugins': "
				   "[{'type': 'macvlan', 'master': 'eth0', 'ipam': {}}]}";
	AUTO(network_clear) struct network theirs = read_as(text, "/d/mv.conflist");
	AUTO(network_clear) struct network others = read_as(text, "/d/10-mv.conflist");

	(void)state;
	assert_int_equal(theirs.origin, NETWORK_PODMAN);
	assert_int_equal(others.origin, NETWORK_FOREIGN);
	assert_string_equal(theirs.link, "eth0");
	assert_int_equal(theirs.n_subnets, 0);
}

static void what_nerdctl_cuts_into_ranges_is_one_subnet(void **state)
{
	AUTO(network_clear)
	struct network net = read_as("{'cniVersion': '1.0.0', 'name': 'n', 'nerdctlID': 'abc',"
				     " 'nerdctlLabels': {'x': 'y'}, 'plugins': [{'type': 'bridge',"
				     " 'bridge': 'br-abc', 'isGateway': true, 'ipam': {'ranges': [["
				     "  {'subnet': '10.4.1.0/24', 'gateway': '10.4.1.1',"
				     "   'ipRange': '10.4.1.0/25', 'rangeEnd': '10.4.1.4'},"
				     "  {'subnet': '10.4.1.0/24', 'gateway': '10.4.1.1',"
				     "   'rangeStart': '10.4.1.6'}]]}}]}",
				     "/d/nerdctl-n.conflist");

	(void)state;
	assert_int_equal(net.origin, NETWORK_NERDCTL);
	assert_int_equal(net.n_subnets, 1);
	assert_net(&net.subnets[0].subnet, "10.4.1.0/24");
	assert_net(&net.subnets[0].range, "");
	assert_string_equal(network_pairs_get(&net.labels, "x"), "y");
}

static void a_conf_of_one_plugin_becomes_a_list(void **state)
{
	AUTO(network_clear)
	struct network net = read_as("{'cniVersion': '0.3.1', 'name': 'flat', 'type': 'ptp',"
				     " 'ipam': {'type': 'host-local', 'subnet': '10.5.0.0/16'}}",
				     "/d/10-flat.conf");

	(void)state;
	assert_int_equal(net.origin, NETWORK_FOREIGN);
	assert_string_equal(net.driver, "ptp");
	assert_null(net.link);
	assert_net(&net.subnets[0].subnet, "10.5.0.0/16");
	assert_string_equal(json_string_value(json_object_get(plugin(&net, 0), "type")), "ptp");
	assert_string_equal(json_string_value(json_object_get(net.conf, "name")), "flat");
}

static void metadata_of_a_later_version_is_left_to_later_versions(void **state)
{
	AUTO(network_clear)
	struct network net = read_as("{'name': 'later', 'heddle': {'version': 2, 'driver': 7},"
				     " 'plugins': [{'type': 'bridge', 'bridge': 'b0'}]}",
				     "/d/zz-heddle-later.conflist");

	(void)state;
	assert_int_equal(net.origin, NETWORK_FOREIGN);
	assert_string_equal(net.link, "b0");
}

static void what_is_no_network_says_why(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "[]", "object" },
		{ "{}", "name" },
		{ "{'name': 'a/b', 'plugins': [{'type': 'x'}]}", "a/b" },
		{ "{'name': 7, 'plugins': [{'type': 'x'}]}", "name" },
		{ "{'name': 'a'}", "plugins" },
		{ "{'name': 'a', 'plugins': []}", "plugins" },
		{ "{'name': 'a', 'plugins': {}}", "plugins" },
		{ "{'name': 'a', 'plugins': [{}]}", "plugins[0]" },
		{ "{'name': 'a', 'plugins': [{'type': ''}]}", "plugins[0].type" },
		{ "{'name': 'a', 'heddle': {'version': 1}, 'plugins': [{'type': 'x'}]}",
		  "heddle: driver" },
		{ "{'name': 'a', 'heddle': {'version': 1, 'driver': 'bridge', 'scope': 'x'},"
		  " 'plugins': [{'type': 'x'}]}",
		  "heddle.scope" },
		{ "{'name': 'a', 'heddle': {'version': 1, 'driver': 'bridge', 'subnets': [{}]},"
		  " 'plugins': [{'type': 'x'}]}",
		  "heddle.subnets[0]" },
		{ "{'name': 'a', 'heddle': {'version': 1, 'driver': 'bridge', 'subnets': "
		  "[{'subnet': '10.0.0.0/8', 'auxAddresses': {'n': 'x'}}]},"
		  " 'plugins': [{'type': 'x'}]}",
		  "heddle.subnets[0].auxAddresses.n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON json_t *doc = parse(cases[i].text);
		struct network net = { 0 };

		assert_int_equal(network_conf_read(doc, "/d/a.conflist", &net, &err), -EINVAL);
		if (!strstr(err.msg, cases[i].word))
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_null(net.name);
	}
}

/* ---- the predefined ------------------------------------------------------ */

static void three_networks_are_predefined(void **state)
{
	static const struct {
		const char *name, *driver, *plugin;
	} want[] = {
		{ "bridge", "bridge", "bridge" },
		{ "host", "host", "host" },
		{ "none", "null", "none" },
	};

	(void)state;
	assert_int_equal(BUILTIN_COUNT, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		AUTO(network_clear) struct network net = { 0 };

		assert_int_equal(builtin_network(i, NULL, &net, &err), 0);
		assert_int_equal(net.origin, NETWORK_BUILTIN);
		assert_string_equal(net.name, want[i].name);
		assert_string_equal(net.driver, want[i].driver);
		assert_true(network_is_predefined(net.name));
		assert_null(net.file);
		assert_string_equal(json_string_value(json_object_get(plugin(&net, 0), "type")),
				    want[i].plugin);
	}
	assert_false(network_is_predefined("null"));
}

/* ---- memory -------------------------------------------------------------- */

static void any_allocation_may_fail_while_writing(void **state)
{
	static const char *const drivers[] = { "bridge", "macvlan" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		struct network net = lows();
		AUTO_JSON json_t *whole = NULL;
		int r;

		free(net.driver);
		net.driver = strdup(drivers[i]);
		net.config_from = strdup("template");
		assert_int_equal(network_pairs_set(&net.labels, "team", "looms", &err), 0);
		assert_int_equal(network_pairs_set(&net.options, "mtu", "1400", &err), 0);
		assert_int_equal(network_conf_write(&net, "/l", &err), 0);
		whole = MOVE_PTR(net.conf);
		for (alloc_try(1); (r = network_conf_write(&net, "/l", &err)) == -ENOMEM;
		     alloc_try_next())
			assert_null(net.conf);
		alloc_try(0);
		assert_int_equal(r, 0);
		/* None that failed was for something that was then left out. */
		assert_true(json_equal(net.conf, whole));
		network_clear(&net);
	}
}

static void any_allocation_may_fail_while_reading(void **state)
{
	static const char *const texts[] = {
		"{'name': 'a', 'heddle': {'version': 1, 'driver': 'bridge', 'created': 'x',"
		" 'subnets': [{'subnet': '10.0.0.0/8', 'auxAddresses': {'n': '10.0.0.1'}}],"
		" 'options': {'a': 'b'}, 'labels': {'c': 'd'}},"
		" 'plugins': [{'type': 'bridge', 'bridge': 'b0'}]}",
		"{'name': 'a', 'type': 'bridge', 'bridge': 'b0', 'mtu': 1400,"
		" 'ipam': {'subnet': '10.0.0.0/8'}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_JSON json_t *doc = parse(texts[i]);
		struct network net = { 0 };
		int r;

		for (alloc_try(1); (r = network_conf_read(doc, "/d/a", &net, &err)) == -ENOMEM;
		     alloc_try_next())
			assert_null(net.name);
		alloc_try(0);
		assert_int_equal(r, 0);
		network_clear(&net);
	}
}

static void any_allocation_may_fail_for_the_predefined(void **state)
{
	(void)state;
	for (size_t i = 0; i < BUILTIN_COUNT; i++) {
		struct network net = { 0 };
		int r;

		for (alloc_try(1); (r = builtin_network(i, NULL, &net, &err)) == -ENOMEM;
		     alloc_try_next())
			assert_null(net.name);
		alloc_try(0);
		assert_int_equal(r, 0);
		network_clear(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_the_sha256_of_the_name),
		cmocka_unit_test(of_two_values_of_a_key_the_last_counts),
		cmocka_unit_test(a_time_has_nanoseconds_and_is_utc),
		cmocka_unit_test(a_bridge_is_a_chain_that_engines_can_read),
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(labels_are_also_where_podman_looks),
		cmocka_unit_test(families_are_range_sets_and_have_a_route_each),
		cmocka_unit_test(an_internal_network_has_no_way_out),
		cmocka_unit_test(an_auxiliary_address_can_be_the_default_gateway),
		cmocka_unit_test(a_macvlan_is_alone_in_its_chain),
		cmocka_unit_test(leases_are_said_to_be_elsewhere_only_if_they_are),
		cmocka_unit_test(a_template_has_no_plugins),
		cmocka_unit_test(a_bad_option_is_refused_with_the_conflist_left_as_it_was),
		cmocka_unit_test(podman_is_known_by_its_labels_and_its_bridges),
		cmocka_unit_test(a_bridge_without_gateway_and_routes_is_internal),
		cmocka_unit_test(podmans_macvlan_is_known_by_its_file),
		cmocka_unit_test(what_nerdctl_cuts_into_ranges_is_one_subnet),
		cmocka_unit_test(a_conf_of_one_plugin_becomes_a_list),
		cmocka_unit_test(metadata_of_a_later_version_is_left_to_later_versions),
		cmocka_unit_test(what_is_no_network_says_why),
		cmocka_unit_test(three_networks_are_predefined),
		cmocka_unit_test(any_allocation_may_fail_while_writing),
		cmocka_unit_test(any_allocation_may_fail_while_reading),
		cmocka_unit_test(any_allocation_may_fail_for_the_predefined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
