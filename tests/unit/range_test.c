/* SPDX-License-Identifier: GPL-2.0-or-later */
/* range_test - rules of address ranges, and which address is next */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipam/range.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr ret;

	if (ip_parse(text, &ret) < 0)
		fail_msg("%s is not an address", text);

	return ret;
}

/* @json has ' for ". */
static int read_set(const char *json, struct range_set *ret, struct err *e)
{
	AUTO_FREE char *text = strdup(json);
	AUTO_JSON json_t *doc = NULL;
	struct jnode root;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (jn_parse(text, strlen(text), &doc, e) < 0)
		fail_msg("%s: %s", json, e->msg);
	root = jn_root(doc);

	return range_set_read(&root, ret, e);
}

static struct range_set set_of(const char *json)
{
	struct range_set set;
	struct err e = { 0 };

	if (read_set(json, &set, &e) < 0)
		fail_msg("%s: %s", json, e.msg);

	return set;
}

static void assert_ip(const struct ip_addr *got, const char *want)
{
	char text[IP_STRLEN];

	assert_string_equal(ip_str(got, text), want);
}

static void what_is_not_given_has_the_defaults_of_the_reference(void **state)
{
	static const struct {
		const char *json, *gateway, *start, *end, *first, *last;
	} cases[] = {
		{ "{'subnet':'10.1.0.0/24'}", "10.1.0.1", "10.1.0.1", "10.1.0.254", "10.1.0.1",
		  "10.1.0.254" },
		{ "{'subnet':'10.1.0.0/30'}", "10.1.0.1", "10.1.0.1", "10.1.0.2", "10.1.0.1",
		  "10.1.0.2" },
		{ "{'subnet':'fd00::/64'}", "fd00::1", "fd00::1", "fd00::ffff:ffff:ffff:ffff",
		  "fd00::1", "fd00::ffff:ffff:ffff:ffff" },
		/* Podman: --ip-range 192.168.1.128/25 */
		{ "{'subnet':'192.168.1.0/24','rangeStart':'192.168.1.128',"
		  "'rangeEnd':'192.168.1.255','gateway':'192.168.1.1'}",
		  "192.168.1.1", "192.168.1.128", "192.168.1.254", "192.168.1.128",
		  "192.168.1.254" },
		/* Podman: --ip-range fd00::/120 begins with the network address */
		{ "{'subnet':'fd00::/64','rangeStart':'fd00::','rangeEnd':'fd00::ff'}", "fd00::1",
		  "fd00::1", "fd00::ff", "fd00::1", "fd00::ff" },
		/* containerd's ipRanges: other capitals, and "" for what was not given */
		{ "{'Subnet':'10.1.0.0/24','RangeStart':'','RangeEnd':'','Gateway':''}", "10.1.0.1",
		  "10.1.0.1", "10.1.0.254", "10.1.0.1", "10.1.0.254" },
		/* nerdctl: --ip-range 10.4.1.128/25 */
		{ "{'subnet':'10.4.1.0/24','gateway':'10.4.1.1','rangeStart':'10.4.1.128',"
		  "'rangeEnd':'10.4.1.255','ipRange':'10.4.1.128/25'}",
		  "10.4.1.1", "10.4.1.128", "10.4.1.254", "10.4.1.128", "10.4.1.254" },
		{ "{'subnet':'10.1.0.0/24','ipRange':'10.1.0.192/26'}", "10.1.0.1", "10.1.0.1",
		  "10.1.0.254", "10.1.0.192", "10.1.0.254" },
		{ "{'subnet':'10.1.0.0/24','ipRange':'10.1.0.0/24'}", "10.1.0.1", "10.1.0.1",
		  "10.1.0.254", "10.1.0.1", "10.1.0.254" },
		{ "{'subnet':'10.1.0.0/24','ipRange':''}", "10.1.0.1", "10.1.0.1", "10.1.0.254",
		  "10.1.0.1", "10.1.0.254" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(range_set_clear) struct range_set set = set_of(cases[i].json);

		assert_int_equal(set.n, 1);
		assert_ip(&set.ranges[0].gateway, cases[i].gateway);
		assert_ip(&set.ranges[0].start, cases[i].start);
		assert_ip(&set.ranges[0].end, cases[i].end);
		assert_ip(&set.ranges[0].first, cases[i].first);
		assert_ip(&set.ranges[0].last, cases[i].last);
	}
}

static void a_range_that_breaks_a_rule_is_named_with_the_rule(void **state)
{
	static const struct {
		const char *json, *message;
	} cases[] = {
		{ "[]", "config: a set needs a range" },
		{ "['x']", "[0]: \"x\" is not an object" },
		{ "[{}]", "[0]: a range needs a subnet" },
		{ "[{'subnet':''}]",
		  "[0].subnet: \"\" is not an IPv4 or IPv6 prefix (address/length)" },
		{ "[{'subnet':7}]",
		  "[0].subnet: 7 is not an IPv4 or IPv6 prefix (address/length)" },
		{ "[{'subnet':'10.1.0.5/24'}]",
		  "[0].subnet: 10.1.0.5/24 has host bits set; the subnet is 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/31'}]",
		  "[0].subnet: 10.1.0.0/31 is too small to give addresses from; the longest "
		  "prefix is /30" },
		{ "[{'subnet':'fd00::/127'}]",
		  "[0].subnet: fd00::/127 is too small to give addresses from; the longest "
		  "prefix is /126" },
		{ "[{'subnet':'10.1.0.0/24','rangeStart':'10.2.0.5'}]",
		  "[0].rangeStart: 10.2.0.5 is not in 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','rangeEnd':'fd00::1'}]",
		  "[0].rangeEnd: fd00::1 is not in 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','gateway':'10.2.0.1'}]",
		  "[0].gateway: 10.2.0.1 is not in 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.9','rangeEnd':'10.1.0.5'}]",
		  "[0].rangeEnd: 10.1.0.5 is before the start of the range, 10.1.0.9" },
		{ "[{'subnet':'10.1.0.0/24','ipRange':'10.2.0.0/25'}]",
		  "[0].ipRange: 10.2.0.0/25 is not inside the subnet 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','ipRange':'10.1.0.0/16'}]",
		  "[0].ipRange: 10.1.0.0/16 is not inside the subnet 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','ipRange':'fd00::/64'}]",
		  "[0].ipRange: fd00::/64 is not inside the subnet 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','ipRange':'10.1.0.130/25'}]",
		  "[0].ipRange: 10.1.0.130/25 has host bits set; the subnet is 10.1.0.128/25" },
		{ "[{'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.9','ipRange':'10.1.0.128/25'}]",
		  "[0]: no address is left between rangeStart and rangeEnd, inside of ipRange, "
		  "and off the network and broadcast address" },
		{ "[{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.255'}]",
		  "[0]: no address is left between rangeStart and rangeEnd, inside of ipRange, "
		  "and off the network and broadcast address" },
		{ "[{'subnet':'10.1.0.0/24','exclude':['10.1.0.7','10.2.0.7']}]",
		  "[0].exclude[1]: 10.2.0.7 is not in 10.1.0.0/24" },
		{ "[{'subnet':'10.1.0.0/24','exclude':{'a':'10.1.0.7'}}]",
		  "[0].exclude: {\"a\":\"10.1.0.7\"} is not a list" },
		{ "[{'subnet':'10.1.0.0/24'},{'subnet':'fd00::/64'}]",
		  "[1].subnet: fd00::/64 is in a set that begins with IPv4; put the families in "
		  "sets of their own" },
		{ "[{'subnet':'10.1.0.0/24'},{'subnet':'10.1.0.0/16','rangeStart':'10.1.0.254'}]",
		  "[1]: 10.1.0.254 to 10.1.255.254 overlaps 10.1.0.1 to 10.1.0.254 of the same "
		  "set" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range_set set = { .n = 77 };
		struct err e = { 0 };

		assert_int_equal(read_set(cases[i].json, &set, &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].message);
		assert_int_equal(e.cni, CNI_E_CONFIG);
		assert_int_equal(set.n, 77);
	}
}

/* nerdctl --aux-address leaves the address out by splitting the subnet. */
static void ranges_of_one_subnet_stand_side_by_side(void **state)
{
	AUTO(range_set_clear)
	struct range_set set = set_of("[{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.1',"
				      "'rangeEnd':'10.1.0.9'},"
				      "{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.11',"
				      "'rangeEnd':'10.1.0.255'}]");
	const struct ip_addr hole = ip("10.1.0.10");

	(void)state;
	assert_int_equal(set.n, 2);
	assert_null(range_set_find(&set, &hole));
	assert_int_equal(range_set_size(&set), 8 + 244);
}

static void sets_overlap_where_an_address_is_in_both(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{ "{'subnet':'10.1.0.0/24'}", "{'subnet':'10.1.0.0/16'}", true },
		{ "{'subnet':'10.1.0.0/24'}", "{'subnet':'10.2.0.0/24'}", false },
		{ "{'subnet':'10.1.0.0/24'}", "{'subnet':'fd00::/64'}", false },
		{ "{'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.99'}",
		  "{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.100'}", false },
		{ "{'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.100'}",
		  "{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.100'}", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(range_set_clear) struct range_set a = set_of(cases[i].a);
		AUTO(range_set_clear) struct range_set b = set_of(cases[i].b);

		assert_int_equal(range_set_overlaps(&a, &b), cases[i].overlap);
		assert_int_equal(range_set_overlaps(&b, &a), cases[i].overlap);
	}
}

static void only_addresses_for_containers_may_be_requested(void **state)
{
	static const struct {
		const char *ip, *message; /* NULL: granted */
	} cases[] = {
		{ "10.1.0.2", NULL },
		{ "10.1.0.200", NULL },
		{ "10.1.0.254", NULL },
		{ "10.1.0.0", "requested address 10.1.0.0 is the network address in subnet "
			      "10.1.0.0/24; ask for another one" },
		{ "10.1.0.255", "requested address 10.1.0.255 is the broadcast address in subnet "
				"10.1.0.0/24; ask for another one" },
		{ "10.1.0.1", "requested address 10.1.0.1 is the gateway in subnet 10.1.0.0/24; "
			      "ask for another one" },
		{ "10.1.0.130", "requested address 10.1.0.130 is excluded in subnet 10.1.0.0/24; "
				"ask for another one" },
	};
	AUTO(range_set_clear)
	struct range_set set = set_of("{'subnet':'10.1.0.0/24','ipRange':'10.1.0.128/26',"
				      "'exclude':['10.1.0.130']}");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ip_addr a = ip(cases[i].ip);
		struct err e = { 0 };
		int r;

		assert_non_null(range_set_find(&set, &a));
		r = range_set_permits(&set, &a, &e);
		assert_int_equal(r, cases[i].message ? -EINVAL : 0);
		assert_string_equal(e.msg, cases[i].message ?: "");
	}
}

static void without_ip_range_a_request_stays_between_start_and_end(void **state)
{
	AUTO(range_set_clear)
	struct range_set set = set_of("{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.10',"
				      "'rangeEnd':'10.1.0.20'}");
	AUTO(range_set_clear)
	struct range_set part = set_of("{'subnet':'10.1.0.0/24','ipRange':'10.1.0.0/25',"
				       "'rangeStart':'10.1.0.10','rangeEnd':'10.1.0.20'}");
	const struct ip_addr inside = ip("10.1.0.20"), before = ip("10.1.0.9");
	const struct ip_addr outside = ip("10.1.0.128"), other = ip("fd00::1");

	(void)state;
	assert_ptr_equal(range_set_find(&set, &inside), &set.ranges[0]);
	assert_null(range_set_find(&set, &before));
	assert_null(range_set_find(&set, &outside));
	assert_null(range_set_find(&set, &other));
	/* Inside of ipRange the start and end still hold. */
	assert_null(range_set_find(&part, &before));
	assert_non_null(range_set_find(&part, &outside));
}

/* The addresses that come one after the other when each stays taken. */
static void assert_sequence(const struct range_set *set, const char *last, const char *const *want,
			    size_t n)
{
	struct ip_addr at = { 0 }, *taken = calloc(n + 1, sizeof(*taken));
	const struct range *range;

	assert_non_null(taken);
	if (last)
		at = ip(last);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(range_set_next(set, &at, taken, i, &at, &range), 0);
		assert_ip(&at, want[i]);
		assert_true(ip_net_contains(&range->subnet, &at));
		taken[i] = at;
	}
	assert_int_equal(range_set_next(set, &at, taken, n, &at, &range), -ENOSPC);
	free(taken);
}

static void addresses_go_round_from_the_last_one(void **state)
{
	static const char *const anew[] = { "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.6" };
	static const char *const round[] = { "10.1.0.4", "10.1.0.6", "10.1.0.2", "10.1.0.3" };
	static const char *const at_end[] = { "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.6" };
	AUTO(range_set_clear)
	struct range_set set = set_of("{'subnet':'10.1.0.0/29','exclude':['10.1.0.5']}");

	(void)state;
	assert_int_equal(range_set_size(&set), 4);
	assert_sequence(&set, NULL, anew, 4);
	assert_sequence(&set, "10.1.0.3", round, 4);
	assert_sequence(&set, "10.1.0.6", at_end, 4);
	assert_sequence(&set, "10.9.9.9", anew, 4);
	assert_sequence(&set, "fd00::1", anew, 4);
}

static void the_ranges_of_a_set_follow_each_other(void **state)
{
	static const char *const anew[] = { "10.1.0.2", "10.1.0.3", "10.2.0.2", "10.2.0.3",
					    "10.3.0.2" };
	static const char *const round[] = { "10.2.0.3", "10.3.0.2", "10.1.0.2", "10.1.0.3",
					     "10.2.0.2" };
	AUTO(range_set_clear)
	struct range_set set = set_of("[{'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.3'},"
				      "{'subnet':'10.2.0.0/24','rangeEnd':'10.2.0.3'},"
				      "{'subnet':'10.3.0.0/30'}]");

	(void)state;
	assert_sequence(&set, NULL, anew, 5);
	assert_sequence(&set, "10.2.0.2", round, 5);
}

static void a_range_of_gateway_alone_gives_nothing(void **state)
{
	AUTO(range_set_clear)
	struct range_set set = set_of("{'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.1',"
				      "'exclude':['10.1.0.1']}");

	(void)state;
	assert_int_equal(range_set_size(&set), 0);
	assert_sequence(&set, NULL, NULL, 0);
}

static void a_gap_is_found_behind_whatever_is_taken(void **state)
{
	AUTO(range_set_clear) struct range_set set = set_of("{'subnet':'10.1.0.0/16'}");
	const size_t n = 10000;
	AUTO_FREE struct ip_addr *taken = calloc(n, sizeof(*taken));
	struct ip_addr at = ip("10.1.0.2"), last = ip("10.1.0.99"), got;
	const struct range *range;

	(void)state;
	assert_non_null(taken);
	for (size_t i = 0; i < n; i++, ip_next(&at))
		taken[i] = at;
	/* Order must not matter: the last becomes the first. */
	taken[0] = taken[n - 1];
	taken[n - 1] = ip("10.1.0.2");

	assert_int_equal(range_set_next(&set, &last, taken, n, &got, &range), 0);
	assert_true(ip_equal(&got, &at));
	taken[n / 2] = ip("10.2.0.1");
	assert_int_equal(range_set_next(&set, &last, taken, n, &got, &range), 0);
	assert_ip(&got, "10.1.19.138");
}

static void an_ipv6_range_is_not_walked(void **state)
{
	AUTO(range_set_clear) struct range_set set = set_of("{'subnet':'fd00::/64'}");
	AUTO(range_set_clear) struct range_set wide = set_of("{'subnet':'fd00::/16'}");
	const struct ip_addr last = ip("fd00::ffff:ffff:ffff:fffe");
	const struct ip_addr taken[] = { ip("fd00::ffff:ffff:ffff:ffff"), ip("fd00::2") };
	const struct range *range;
	struct ip_addr got;

	(void)state;
	assert_true(range_set_size(&set) == UINT64_MAX - 1);
	assert_true(range_set_size(&wide) == UINT64_MAX);
	assert_int_equal(range_set_next(&set, &last, taken, 2, &got, &range), 0);
	assert_ip(&got, "fd00::3");
	assert_int_equal(range_set_next(&wide, &last, taken, 2, &got, &range), 0);
	assert_ip(&got, "fd00:0:0:1::");
}

static void what_is_reserved_is_not_dynamic(void **state)
{
	AUTO(range_set_clear)
	struct range_set set = set_of("{'subnet':'10.1.0.0/24','ipRange':'10.1.0.0/28',"
				      "'exclude':['10.1.0.9']}");
	static const struct {
		const char *ip;
		bool dynamic;
	} cases[] = {
		{ "10.1.0.0", false }, { "10.1.0.1", false }, { "10.1.0.2", true },
		{ "10.1.0.9", false }, { "10.1.0.15", true }, { "10.1.0.16", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ip_addr a = ip(cases[i].ip);

		assert_int_equal(range_set_is_dynamic(&set, &a), cases[i].dynamic);
	}
}

static void a_set_is_written_with_its_bounds_and_cut_to_the_buffer(void **state)
{
	AUTO(range_set_clear)
	struct range_set set = set_of("[{'subnet':'10.1.0.0/24'},{'subnet':'10.2.0.0/30'}]");
	char text[128], small[20];

	(void)state;
	assert_string_equal(range_set_str(&set, text, sizeof(text)),
			    "10.1.0.0/24 (10.1.0.1 to 10.1.0.254), "
			    "10.2.0.0/30 (10.2.0.1 to 10.2.0.2)");
	assert_string_equal(range_set_str(&set, small, sizeof(small)), "10.1.0.0/24 (10.1.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_has_the_defaults_of_the_reference),
		cmocka_unit_test(a_range_that_breaks_a_rule_is_named_with_the_rule),
		cmocka_unit_test(ranges_of_one_subnet_stand_side_by_side),
		cmocka_unit_test(sets_overlap_where_an_address_is_in_both),
		cmocka_unit_test(only_addresses_for_containers_may_be_requested),
		cmocka_unit_test(without_ip_range_a_request_stays_between_start_and_end),
		cmocka_unit_test(addresses_go_round_from_the_last_one),
		cmocka_unit_test(the_ranges_of_a_set_follow_each_other),
		cmocka_unit_test(a_range_of_gateway_alone_gives_nothing),
		cmocka_unit_test(a_gap_is_found_behind_whatever_is_taken),
		cmocka_unit_test(an_ipv6_range_is_not_walked),
		cmocka_unit_test(what_is_reserved_is_not_dynamic),
		cmocka_unit_test(a_set_is_written_with_its_bounds_and_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
