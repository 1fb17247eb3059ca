/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_endpoint_spec - what people write after --network */
#include "cli/endpoint-spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define SAME(a, b) ((a) && (b) ? strcmp(a, b) == 0 : (a) == (b))

static const char *text_of(const struct ip_addr *ip, char buf[IP_STRLEN])
{
	return ip_is_set(ip) ? ip_str(ip, buf) : NULL;
}

static void each_form_is_read(void **state)
{
	static const struct {
		const char *text, *network, *ifname, *mac, *ip4, *ip6;
	} cases[] = {
		{ "lows-network", "lows-network" },
		{ "n:", "n" },
		{ "n:ip=10.1.0.5", "n", .ip4 = "10.1.0.5" },
		{ "n:ip=10.1.0.5,ip=fd00::5", "n", .ip4 = "10.1.0.5", .ip6 = "fd00::5" },
		{ "n:ip6=fd00::5,mac=02:00:00:00:00:01", "n", .ip6 = "fd00::5",
		  .mac = "02:00:00:00:00:01" },
		{ "n:interface_name=net0", "n", "net0" },
		{ "name=n,mac-address=02:00:00:00:00:01,ifname=net1", "n", "net1",
		  "02:00:00:00:00:01" },
		{ "ip=10.1.0.5,name=n", "n", .ip4 = "10.1.0.5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(endpoint_spec_clear) struct endpoint_spec got = { 0 };
		char ip4[IP_STRLEN], ip6[IP_STRLEN];
		struct err e = { 0 };

		if (endpoint_spec_parse(cases[i].text, &got, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		if (!SAME(got.network, cases[i].network) || !SAME(got.ifname, cases[i].ifname) ||
		    !SAME(got.mac, cases[i].mac) || !SAME(text_of(&got.ip4, ip4), cases[i].ip4) ||
		    !SAME(text_of(&got.ip6, ip6), cases[i].ip6))
			fail_msg("%s was misread", cases[i].text);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "no network" },
		{ ":ip=10.1.0.5", "no network" },
		{ "ip=10.1.0.5", "no network" },
		{ "name=,ip=10.1.0.5", "no network" },
		{ "n:ip", "not KEY=VALUE" },
		{ "n:speed=9", "no option of a network" },
		{ "n:ip=10.1.0.5/24", "not an IP address" },
		{ "n:ip=10.1.0.5,ip=10.1.0.6", "second address" },
		{ "n:ip6=10.1.0.5", "not an IPv6 address" },
		{ "n:mac=01:00:5e:00:00:01", "MAC address of one station" },
		{ "n:mac=2:0:0:0:0:1", "MAC address of one station" },
		{ "n:ifname=eth/0", "interface name" },
		{ "n:ifname=a,interface_name=b", "given twice" },
		{ "n:alias=db", "name resolution" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(endpoint_spec_clear) struct endpoint_spec got = { 0 };
		struct err e = { 0 };

		if (endpoint_spec_parse(cases[i].text, &got, &e) != -EINVAL)
			fail_msg("%s should be wrong", cases[i].text);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_null(got.network);
	}
}

static void a_list_keeps_its_order_and_what_went_before_an_error(void **state)
{
	AUTO(endpoint_specs_clear) struct endpoint_specs list = { 0 };

	(void)state;
	assert_int_equal(endpoint_specs_add(&list, "b", NULL), 0);
	assert_int_equal(endpoint_specs_add(&list, "a:ip=10.1.0.5", NULL), 0);
	assert_int_equal(endpoint_specs_add(&list, "c:ip=", NULL), -EINVAL);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0].network, "b");
	assert_string_equal(list.v[1].network, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_read),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_list_keeps_its_order_and_what_went_before_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
