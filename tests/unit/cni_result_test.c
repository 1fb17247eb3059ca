/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cni_result_test - the result of an ADD in every version of its JSON */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/cni-result.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "tests/unit/failing_alloc.h"

/*
 * One attachment of two families as each kind of result says it: PLAIN with
 * what 0.3.0 to 1.0.0 know of interfaces and routes, FULL with what 1.1.0 does.
 */
#define IFACES_PLAIN                                                                               \
	"'interfaces': [{'name': 'cni0', 'mac': '02:00:00:00:00:01'},"                             \
	" {'name': 'hv1', 'mac': '02:00:00:00:00:02'},"                                            \
	" {'name': 'eth0', 'mac': '02:00:00:00:00:03', 'sandbox': '/run/netns/a'}], "
#define IFACES_FULL                                                                                \
	"'interfaces': [{'name': 'cni0', 'mac': '02:00:00:00:00:01', 'mtu': 1400},"                \
	" {'name': 'hv1', 'mac': '02:00:00:00:00:02', 'socketPath': '/run/s'},"                    \
	" {'name': 'eth0', 'mac': '02:00:00:00:00:03', 'sandbox': '/run/netns/a',"                 \
	"  'pciID': '0000:00:1f.6'}], "
#define IPS_VERSION                                                                                \
	"'ips': [{'version': '4', 'interface': 2, 'address': '10.1.0.5/24',"                       \
	" 'gateway': '10.1.0.1'},"                                                                 \
	" {'version': '6', 'interface': 2, 'address': 'fd00::5/64', 'gateway': 'fd00::1'},"        \
	" {'version': '4', 'address': '10.2.0.5/16'}], "
#define IPS                                                                                        \
	"'ips': [{'interface': 2, 'address': '10.1.0.5/24', 'gateway': '10.1.0.1'},"               \
	" {'interface': 2, 'address': 'fd00::5/64', 'gateway': 'fd00::1'},"                        \
	" {'address': '10.2.0.5/16'}], "
#define ROUTES                                                                                     \
	"'routes': [{'dst': '0.0.0.0/0', 'gw': '10.1.0.1'},"                                       \
	" {'dst': '192.168.0.0/16', 'mtu': 1400, 'advmss': 1360, 'priority': 7,"                   \
	"  'table': 100, 'scope': 0}, {'dst': '::/0', 'gw': 'fd00::1'}], "
#define DNS                                                                                        \
	"'dns': {'nameservers': ['10.1.0.1', 'fd00::1'], 'domain': 'example.org',"                 \
	" 'search': ['a.example.org', 'b.example.org'], 'options': ['ndots:2']}"
#define SLOTS                                                                                      \
	"'ip4': {'ip': '10.1.0.5/24', 'gateway': '10.1.0.1', 'routes': ["                          \
	"  {'dst': '0.0.0.0/0', 'gw': '10.1.0.1'}, {'dst': '192.168.0.0/16'}]}, "                  \
	"'ip6': {'ip': 'fd00::5/64', 'gateway': 'fd00::1', 'routes': [{'dst': '::/0',"             \
	"  'gw': 'fd00::1'}]}, "
/* What is left of the rest once it has been through 0.1.0 or 0.2.0. */
#define IPS_VERSION_LEFT                                                                           \
	"'ips': [{'version': '4', 'address': '10.1.0.5/24', 'gateway': '10.1.0.1'},"               \
	" {'version': '6', 'address': 'fd00::5/64', 'gateway': 'fd00::1'}], "
#define IPS_LEFT                                                                                   \
	"'ips': [{'address': '10.1.0.5/24', 'gateway': '10.1.0.1'},"                               \
	" {'address': 'fd00::5/64', 'gateway': 'fd00::1'}], "
#define ROUTES_LEFT                                                                                \
	"'routes': [{'dst': '0.0.0.0/0', 'gw': '10.1.0.1'}, {'dst': '192.168.0.0/16'},"            \
	" {'dst': '::/0', 'gw': 'fd00::1'}], "

/* The attachment in each version. */
static const char *const attachment[CNI_N_VERSIONS] = {
	[CNI_0_1_0] = "{'cniVersion': '0.1.0', " SLOTS DNS "}",
	[CNI_0_2_0] = "{'cniVersion': '0.2.0', " SLOTS DNS "}",
	[CNI_0_3_0] = "{'cniVersion': '0.3.0', " IFACES_PLAIN IPS_VERSION ROUTES DNS "}",
	[CNI_0_3_1] = "{'cniVersion': '0.3.1', " IFACES_PLAIN IPS_VERSION ROUTES DNS "}",
	[CNI_0_4_0] = "{'cniVersion': '0.4.0', " IFACES_PLAIN IPS_VERSION ROUTES DNS "}",
	[CNI_1_0_0] = "{'cniVersion': '1.0.0', " IFACES_PLAIN IPS ROUTES DNS "}",
	[CNI_1_1_0] = "{'cniVersion': '1.1.0', " IFACES_FULL IPS ROUTES DNS "}",
};

/* What 0.1.0 and 0.2.0 leave of it, in the others. */
static const char *const after_slots[CNI_N_VERSIONS] = {
	[CNI_0_1_0] = "{'cniVersion': '0.1.0', " SLOTS DNS "}",
	[CNI_0_2_0] = "{'cniVersion': '0.2.0', " SLOTS DNS "}",
	[CNI_0_3_0] = "{'cniVersion': '0.3.0', " IPS_VERSION_LEFT ROUTES_LEFT DNS "}",
	[CNI_0_3_1] = "{'cniVersion': '0.3.1', " IPS_VERSION_LEFT ROUTES_LEFT DNS "}",
	[CNI_0_4_0] = "{'cniVersion': '0.4.0', " IPS_VERSION_LEFT ROUTES_LEFT DNS "}",
	[CNI_1_0_0] = "{'cniVersion': '1.0.0', " IPS_LEFT ROUTES_LEFT DNS "}",
	[CNI_1_1_0] = "{'cniVersion': '1.1.0', " IPS_LEFT ROUTES_LEFT DNS "}",
};

static const char *expected(enum cni_version from, enum cni_version to)
{
	if (from < CNI_0_3_0)
		return after_slots[to];
	if (from < CNI_1_1_0 && to == CNI_1_1_0)
		return "{'cniVersion': '1.1.0', " IFACES_PLAIN IPS ROUTES DNS "}";

	return attachment[to];
}

/* JSON with single quotes, so that the texts above can be read. */
static json_t *parse(const char *text)
{
	AUTO_FREE char *quoted = strdup(text);
	json_error_t je;
	json_t *doc;

	assert_non_null(quoted);
	for (char *s = quoted; *s; s++)
		if (*s == '\'')
			*s = '"';
	doc = json_loads(quoted, 0, &je);
	if (!doc)
		fail_msg("%s: %s", text, je.text);

	return doc;
}

static int read_text(const char *text, enum cni_version version, struct cni_result *ret,
		     struct err *e)
{
	AUTO_JSON json_t *doc = parse(text);
	const struct jnode n = { .json = doc, .key = "prevResult" };

	return cni_result_read(&n, version, ret, e);
}

static struct cni_result result_of(const char *text, enum cni_version version)
{
	struct cni_result res = { 0 };
	struct err e;

	if (read_text(text, version, &res, &e) < 0)
		fail_msg("%s: %s", text, e.msg);

	return res;
}

static void assert_written(const struct cni_result *res, enum cni_version version, const char *text)
{
	AUTO_JSON json_t *want = parse(text);
	AUTO_JSON json_t *have = NULL;
	struct err e;

	if (cni_result_write(res, version, &have, &e) < 0)
		fail_msg("%s: %s", cni_version_str(version), e.msg);
	if (!json_equal(have, want)) {
		AUTO_FREE char *shown = json_dumps(have, JSON_INDENT(1));

		fail_msg("%s\nis not\n%s", shown, text);
	}
}

/* ---- versions ------------------------------------------------------------ */

static void the_seven_versions_have_their_names(void **state)
{
	static const char *const names[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1",
					     "0.4.0", "1.0.0", "1.1.0" };
	static const char *const others[] = { "", "0.3", "0.5.0", "1.1.0 ", "1.1.1", "v1.0.0" };
	enum cni_version v;

	(void)state;
	assert_int_equal(ARRAY_SIZE(names), CNI_N_VERSIONS);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(cni_version_str((enum cni_version)i), names[i]);
		assert_int_equal(cni_version_parse(names[i], &v), 0);
		assert_int_equal(v, i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(cni_version_parse(others[i], &v), -EINVAL);
		assert_int_equal(v, CNI_1_1_0);
	}
}

static void a_result_goes_from_every_version_to_every_version(void **state)
{
	(void)state;
	for (int from = 0; from < CNI_N_VERSIONS; from++) {
		struct cni_result res = result_of(attachment[from], (enum cni_version)from);

		for (int to = 0; to < CNI_N_VERSIONS; to++)
			assert_written(&res, (enum cni_version)to,
				       expected((enum cni_version)from, (enum cni_version)to));
		cni_result_clear(&res);
	}
}

static void the_version_is_the_first_key_of_a_result(void **state)
{
	struct cni_result res = result_of(attachment[CNI_1_1_0], CNI_1_1_0);

	(void)state;
	for (int v = 0; v < CNI_N_VERSIONS; v++) {
		AUTO_JSON json_t *obj = NULL;

		assert_int_equal(cni_result_write(&res, (enum cni_version)v, &obj, NULL), 0);
		assert_string_equal(json_object_iter_key(json_object_iter(obj)), "cniVersion");
	}
	cni_result_clear(&res);
}

static void an_empty_result_has_a_dns_object_before_1_0_0_only(void **state)
{
	const struct cni_result empty = { 0 };

	(void)state;
	assert_written(&empty, CNI_0_3_0, "{'cniVersion': '0.3.0', 'dns': {}}");
	assert_written(&empty, CNI_0_3_1, "{'cniVersion': '0.3.1', 'dns': {}}");
	assert_written(&empty, CNI_0_4_0, "{'cniVersion': '0.4.0', 'dns': {}}");
	assert_written(&empty, CNI_1_0_0, "{'cniVersion': '1.0.0'}");
	assert_written(&empty, CNI_1_1_0, "{'cniVersion': '1.1.0'}");
}

static void versions_that_are_all_about_an_address_need_one(void **state)
{
	json_t *obj = (json_t *)attachment;
	const struct cni_result empty = { 0 };
	struct err e;

	(void)state;
	for (int v = CNI_0_1_0; v <= CNI_0_2_0; v++) {
		assert_int_equal(cni_result_write(&empty, (enum cni_version)v, &obj, &e), -EINVAL);
		assert_int_equal(e.cni, CNI_E_CONFIG);
		assert_non_null(strstr(e.msg, cni_version_str((enum cni_version)v)));
		assert_ptr_equal(obj, attachment);
	}
}

static void a_family_without_an_address_is_left_out_of_old_results(void **state)
{
	struct cni_result res = result_of("{'ips': [{'address': 'fd00::5/64'}],"
					  " 'routes': [{'dst': '10.0.0.0/8'}]}",
					  CNI_1_0_0);

	(void)state;
	assert_written(&res, CNI_0_2_0,
		       "{'cniVersion': '0.2.0', 'ip6': {'ip': 'fd00::5/64'}, 'dns': {}}");
	cni_result_clear(&res);
}

/* ---- reading ------------------------------------------------------------- */

static void keys_of_a_result_are_matched_without_regard_to_case(void **state)
{
	struct cni_result res =
		result_of("{'CNIVERSION': '1.0.0', 'Interfaces': [{'NAME': 'eth0'}],"
			  " 'IPs': [{'Address': '10.1.0.5/24', 'INTERFACE': 0}],"
			  " 'DNS': {'NameServers': ['10.1.0.1']}}",
			  CNI_1_0_0);

	(void)state;
	assert_written(&res, CNI_1_0_0,
		       "{'cniVersion': '1.0.0', 'interfaces': [{'name': 'eth0'}],"
		       " 'ips': [{'address': '10.1.0.5/24', 'interface': 0}],"
		       " 'dns': {'nameservers': ['10.1.0.1']}}");
	cni_result_clear(&res);
}

static void what_is_null_or_empty_text_is_not_there(void **state)
{
	struct cni_result res =
		result_of("{'interfaces': [{'name': 'eth0', 'mac': '', 'sandbox': ''}],"
			  " 'ips': [{'address': '10.0.0.5/8', 'gateway': ''}], 'routes': null,"
			  " 'dns': {'domain': '', 'search': null, 'options': []}}",
			  CNI_1_0_0);

	(void)state;
	assert_null(res.ifaces[0].mac);
	assert_null(res.ifaces[0].sandbox);
	assert_false(ip_is_set(&res.ips[0].gateway));
	assert_int_equal(res.n_routes, 0);
	assert_true(cni_dns_is_empty(&res.dns));
	cni_result_clear(&res);
}

/* An IPAM plugin numbers no interfaces, but may number what it does not list. */
static void an_index_may_point_to_interfaces_that_are_not_listed(void **state)
{
	struct cni_result res =
		result_of("{'ips': [{'address': '10.1.0.5/24', 'interface': 3}]}", CNI_0_3_1);

	(void)state;
	assert_int_equal(res.ips[0].iface, 3);
	cni_result_clear(&res);
}

static void a_bad_value_is_named_by_its_path(void **state)
{
	static const struct {
		enum cni_version version;
		const char *text, *msg;
	} cases[] = {
		{ CNI_1_0_0, "[1]", "prevResult: [1] is not an object" },
		{ CNI_1_0_0, "{'ips': {}}", "prevResult.ips: {} is not a list" },
		{ CNI_1_0_0, "{'ips': [7]}", "prevResult.ips[0]: 7 is not an object" },
		{ CNI_1_0_0, "{'ips': [{'interface': 0}]}",
		  "prevResult.ips[0]: an entry of ips must have an address" },
		{ CNI_1_0_0, "{'ips': [{'address': '10.0.0.300/8'}]}",
		  "prevResult.ips[0].address: \"10.0.0.300/8\" is not an IPv4 or IPv6 prefix "
		  "(address/length)" },
		{ CNI_1_0_0, "{'ips': [{'address': '10.0.0.3/8', 'gateway': 'fd00::1'}]}",
		  "prevResult.ips[0]: address and gateway are of different address families" },
		{ CNI_1_0_0, "{'ips': [{'address': '10.0.0.3/8', 'interface': -1}]}",
		  "prevResult.ips[0].interface: -1 is not in 0..2147483647" },
		{ CNI_1_0_0,
		  "{'interfaces': [{'name': 'a'}], 'ips': [{'address': '10.0.0.3/8', 'interface': "
		  "1}]}",
		  "prevResult.ips[0]: interface 1 is not the index of one of the 1 interfaces" },
		{ CNI_0_4_0, "{'interfaces': [{'name': 'a'}, {'mac': 'x'}]}",
		  "prevResult.interfaces[1]: an interface must have a name" },
		{ CNI_0_4_0, "{'interfaces': [{'name': ''}]}",
		  "prevResult.interfaces[0]: an interface must have a name" },
		{ CNI_1_1_0, "{'interfaces': [{'name': 'a', 'mtu': -1}]}",
		  "prevResult.interfaces[0].mtu: -1 is not in 0..4294967295" },
		{ CNI_1_1_0, "{'routes': [{'gw': '10.0.0.1'}]}",
		  "prevResult.routes[0]: a route must have a dst" },
		{ CNI_1_1_0, "{'routes': [{'dst': '::/0', 'gw': '10.0.0.1'}]}",
		  "prevResult.routes[0]: gw and dst are of different address families" },
		{ CNI_1_1_0, "{'routes': [{'dst': '::/0', 'scope': 256}]}",
		  "prevResult.routes[0].scope: 256 is not in 0..255" },
		{ CNI_1_1_0, "{'dns': {'search': ['a', 7]}}",
		  "prevResult.dns.search[1]: 7 is not a string" },
		{ CNI_1_1_0, "{'dns': []}", "prevResult.dns: [] is not an object" },
		{ CNI_1_1_0, "{'dns': {'domain': 7}}", "prevResult.dns.domain: 7 is not a string" },
		{ CNI_0_2_0, "{'ip4': 7}", "prevResult.ip4: 7 is not an object" },
		{ CNI_0_2_0, "{'ip4': {}}", "prevResult.ip4: ip is missing" },
		{ CNI_0_2_0, "{'ip4': {'ip': 'fd00::5/64'}}",
		  "prevResult.ip4.ip: it is not an IPv4 address" },
		{ CNI_0_2_0, "{'ip6': {'ip': '10.0.0.5/8'}}",
		  "prevResult.ip6.ip: it is not an IPv6 address" },
		{ CNI_0_1_0, "{'ip4': {'ip': '10.0.0.5/8', 'gateway': '::1'}}",
		  "prevResult.ip4: address and gateway are of different address families" },
		{ CNI_0_1_0, "{'ip4': {'ip': '10.0.0.5/8', 'routes': [{'dst': 1}]}}",
		  "prevResult.ip4.routes[0].dst: 1 is not an IPv4 or IPv6 prefix "
		  "(address/length)" },
	};
	struct cni_result res = { .n_ips = 77 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (read_text(cases[i].text, cases[i].version, &res, &e) != -EINVAL)
			fail_msg("%s was taken", cases[i].text);
		assert_string_equal(e.msg, cases[i].msg);
		assert_int_equal(e.cni, CNI_E_CONFIG);
		assert_int_equal(res.n_ips, 77);
	}
}

/* ---- the struct ---------------------------------------------------------- */

static void elements_are_counted_from_0_and_strings_are_copied(void **state)
{
	const struct cni_ip ip = { .iface = -1 };
	struct cni_result res = { 0 };
	char name[] = "eth0";

	(void)state;
	assert_int_equal(cni_result_add_iface(&res, name, "", NULL, NULL), 0);
	assert_int_equal(cni_result_add_iface(&res, name, "mac", "netns", NULL), 1);
	assert_int_equal(cni_result_add_ip(&res, &ip, NULL), 0);
	assert_int_equal(cni_result_add_ip(&res, &ip, NULL), 1);
	assert_int_equal(cni_result_add_route(&res, &(struct cni_route){ 0 }, NULL), 0);
	memcpy(name, "xxxx", 4);
	assert_string_equal(res.ifaces[0].name, "eth0");
	assert_null(res.ifaces[0].mac);
	assert_string_equal(res.ifaces[1].sandbox, "netns");
	cni_result_clear(&res);
	assert_null(res.ifaces);
	assert_int_equal(res.n_ifaces + res.n_ips + res.n_routes, 0);
}

static void a_copy_says_the_same_and_outlives_what_it_is_of(void **state)
{
	(void)state;
	for (int v = 0; v < CNI_N_VERSIONS; v++) {
		struct cni_result res = result_of(attachment[v], (enum cni_version)v);
		struct cni_result copy = { 0 };

		assert_int_equal(cni_result_copy(&res, &copy, NULL), 0);
		cni_result_clear(&res);
		assert_written(&copy, (enum cni_version)v, attachment[v]);
		cni_result_clear(&copy);
	}
}

/* ---- out of memory ------------------------------------------------------- */

static void reading_survives_every_failing_allocation(void **state)
{
	(void)state;
	for (int v = 0; v < CNI_N_VERSIONS; v++) {
		AUTO_JSON json_t *doc = parse(attachment[v]);
		const struct jnode n = { .json = doc };
		struct cni_result res = { 0 };
		struct err e;
		int r;

		for (alloc_try(1);
		     (r = cni_result_read(&n, (enum cni_version)v, &res, &e)) == -ENOMEM;
		     alloc_try_next())
			assert_int_equal(res.n_ips, 0);
		alloc_try(0);
		assert_int_equal(r, 0);
		cni_result_clear(&res);
	}
}

static void copying_survives_every_failing_allocation(void **state)
{
	struct cni_result res = result_of(attachment[CNI_1_1_0], CNI_1_1_0), copy = { 0 };
	struct err e;
	int r;

	(void)state;
	for (alloc_try(1); (r = cni_result_copy(&res, &copy, &e)) == -ENOMEM; alloc_try_next())
		assert_null(copy.ifaces);
	alloc_try(0);
	assert_int_equal(r, 0);
	assert_written(&copy, CNI_1_1_0, attachment[CNI_1_1_0]);
	cni_result_clear(&copy);
	cni_result_clear(&res);
}

/* A half-built result must never be handed out as a whole one. */
static void writing_survives_every_failing_allocation(void **state)
{
	struct cni_result res = result_of(attachment[CNI_1_1_0], CNI_1_1_0);

	(void)state;
	for (int v = 0; v < CNI_N_VERSIONS; v++) {
		json_t *want = parse(attachment[v]), *obj = NULL;
		struct err e;
		int r;

		for (alloc_try(1);
		     (r = cni_result_write(&res, (enum cni_version)v, &obj, &e)) == -ENOMEM;
		     alloc_try_next())
			assert_null(obj);
		alloc_try(0);
		assert_int_equal(r, 0);
		assert_true(json_equal(obj, want));
		json_decref(obj);
		json_decref(want);
	}
	cni_result_clear(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seven_versions_have_their_names),
		cmocka_unit_test(a_result_goes_from_every_version_to_every_version),
		cmocka_unit_test(the_version_is_the_first_key_of_a_result),
		cmocka_unit_test(an_empty_result_has_a_dns_object_before_1_0_0_only),
		cmocka_unit_test(versions_that_are_all_about_an_address_need_one),
		cmocka_unit_test(a_family_without_an_address_is_left_out_of_old_results),
		cmocka_unit_test(keys_of_a_result_are_matched_without_regard_to_case),
		cmocka_unit_test(what_is_null_or_empty_text_is_not_there),
		cmocka_unit_test(an_index_may_point_to_interfaces_that_are_not_listed),
		cmocka_unit_test(a_bad_value_is_named_by_its_path),
		cmocka_unit_test(elements_are_counted_from_0_and_strings_are_copied),
		cmocka_unit_test(a_copy_says_the_same_and_outlives_what_it_is_of),
		cmocka_unit_test(reading_survives_every_failing_allocation),
		cmocka_unit_test(copying_survives_every_failing_allocation),
		cmocka_unit_test(writing_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
