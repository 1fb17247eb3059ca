/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip_test - addresses and prefixes as values */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/ip.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr ret;

	if (ip_parse(text, &ret) < 0)
		fail_msg("%s is not an address", text);

	return ret;
}

static struct ip_net net(const char *text)
{
	struct ip_net ret;

	if (ip_net_parse(text, &ret) < 0)
		fail_msg("%s is not a prefix", text);

	return ret;
}

static void an_address_is_written_as_go_writes_it(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "10.0.0.5", "10.0.0.5" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "FD00:0:0:0::5", "fd00::5" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::102:304", "::102:304" },
		{ "::1.2.3.4", "::102:304" },
	};
	char text[IP_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr a = ip(cases[i].in);

		assert_string_equal(ip_str(&a, text), cases[i].out);
	}
	assert_string_equal(ip_str(&(struct ip_addr){ 0 }, text), "");
}

static void text_that_is_no_address_is_refused_and_leaves_the_output_alone(void **state)
{
	static const char *const cases[] = {
		"",	     "10.0.0",	     "10.0.0.256", "10.0.0.5/24", "010.0.0.5",	" 10.0.0.5",
		"10.0.0.5 ", "fe80::1%eth0", "1::2::3",	   "g::",	  "0x0a.0.0.1",
	};
	struct ip_addr out = { .family = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ip_parse(cases[i], &out), -EINVAL);
	assert_int_equal(out.family, 77);
}

static void a_prefix_keeps_its_host_bits(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "10.1.0.5/24", "10.1.0.5/24" },	 { "0.0.0.0/0", "0.0.0.0/0" },
		{ "fd00::5/64", "fd00::5/64" },		 { "::/0", "::/0" },
		{ "::ffff:10.0.0.1/104", "10.0.0.1/8" },
	};
	char text[IP_NET_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_net n = net(cases[i].in);

		assert_string_equal(ip_net_str(&n, text), cases[i].out);
	}
}

static void text_that_is_no_prefix_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/08",
		"10.0.0.0/8 ",
		"fd00::/129",
		"/24",
		"10.0.0/8",
		"10.0.0.0/4294967304",
		"::ffff:10.0.0.1/8",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64",
	};
	struct ip_net out;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (ip_net_parse(cases[i], &out) != -EINVAL)
			fail_msg("%s was taken", cases[i]);
}

static void a_prefix_knows_its_first_and_last_address(void **state)
{
	static const struct {
		const char *net, *first, *last;
		bool host_bits;
	} cases[] = {
		{ "10.1.2.3/24", "10.1.2.0", "10.1.2.255", true },
		{ "10.1.2.0/23", "10.1.2.0", "10.1.3.255", false },
		{ "10.1.3.0/23", "10.1.2.0", "10.1.3.255", true },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3", false },
		{ "1.2.3.4/0", "0.0.0.0", "255.255.255.255", true },
		{ "fd00::5/64", "fd00::", "fd00::ffff:ffff:ffff:ffff", true },
		{ "fd00::/127", "fd00::", "fd00::1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_net n = net(cases[i].net);
		struct ip_addr first = ip_net_first(&n), last = ip_net_last(&n);
		struct ip_addr want_first = ip(cases[i].first), want_last = ip(cases[i].last);

		assert_true(ip_equal(&first, &want_first));
		assert_true(ip_equal(&last, &want_last));
		assert_int_equal(ip_net_has_host_bits(&n), cases[i].host_bits);
	}
}

static void containing_and_overlapping_stay_within_a_family(void **state)
{
	static const struct {
		const char *net, *ip;
		bool inside;
	} in[] = {
		{ "10.1.0.0/16", "10.1.255.255", true }, { "10.1.0.0/16", "10.2.0.0", false },
		{ "0.0.0.0/0", "8.8.8.8", true },	 { "0.0.0.0/0", "::1", false },
		{ "::/0", "10.0.0.1", false },		 { "fd00::/8", "fdff::1", true },
		{ "10.0.0.4/30", "10.0.0.8", false },
	};
	static const struct {
		const char *a, *b;
		bool both;
	} pairs[] = {
		{ "10.0.0.0/8", "10.5.0.0/16", true },	 { "10.5.0.0/16", "10.0.0.0/8", true },
		{ "10.0.0.0/24", "10.0.1.0/24", false }, { "0.0.0.0/0", "::/0", false },
		{ "fd00::/64", "fd00::/64", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		struct ip_net n = net(in[i].net);
		struct ip_addr a = ip(in[i].ip);

		assert_int_equal(ip_net_contains(&n, &a), in[i].inside);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct ip_net a = net(pairs[i].a), b = net(pairs[i].b);

		assert_int_equal(ip_net_overlaps(&a, &b), pairs[i].both);
	}
}

static void subnets_are_the_same_whatever_their_host_bits(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} in[] = {
		{ "10.1.0.7/24", "10.1.0.0/24", true },	 { "10.1.0.0/24", "10.1.0.0/25", false },
		{ "10.1.0.0/24", "10.1.1.0/24", false }, { "fd00::1/64", "fd00::/64", true },
		{ "::/0", "0.0.0.0/0", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		const struct ip_net a = net(in[i].a), b = net(in[i].b);

		assert_int_equal(ip_net_same(&a, &b), in[i].same);
	}
}

static void stepping_carries_and_stops_at_the_ends_of_the_family(void **state)
{
	static const struct {
		const char *low, *high;
	} cases[] = {
		{ "10.0.0.255", "10.0.1.0" },
		{ "10.255.255.255", "11.0.0.0" },
		{ "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::" },
	};
	static const char *const ends[][2] = {
		{ "0.0.0.0", "255.255.255.255" },
		{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr low = ip(cases[i].low), high = ip(cases[i].high), a = low;

		assert_true(ip_next(&a));
		assert_true(ip_equal(&a, &high));
		assert_true(ip_prev(&a));
		assert_true(ip_equal(&a, &low));
	}
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct ip_addr low = ip(ends[i][0]), high = ip(ends[i][1]);
		struct ip_addr a = low, b = high;

		assert_false(ip_prev(&a));
		assert_true(ip_equal(&a, &low));
		assert_false(ip_next(&b));
		assert_true(ip_equal(&b, &high));
	}
}

static void distance_and_addition_agree(void **state)
{
	static const struct {
		const char *from, *to;
		uint64_t steps;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1", 0 },
		{ "10.0.0.1", "10.0.0.2", 1 },
		{ "0.0.0.0", "255.255.255.255", UINT32_MAX },
		{ "fd00::", "fd00::1:0:0:0", 1ull << 48 },
		{ "fd00::ffff:ffff:ffff:fff0", "fd00:0:0:1::10", 32 },
		{ "fd00::1", "fd00::ffff:ffff:ffff:ffff", UINT64_MAX - 1 },
	};
	struct ip_addr low = ip("fd00::"), high = ip("fd01::");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr from = ip(cases[i].from), to = ip(cases[i].to);

		assert_true(ip_distance(&from, &to) == cases[i].steps);
		assert_true(ip_add(&from, cases[i].steps));
		assert_true(ip_equal(&from, &to));
	}
	assert_true(ip_distance(&low, &high) == UINT64_MAX);
}

static void kinds_of_addresses_are_told_apart(void **state)
{
	static const struct {
		const char *ip;
		bool unspecified, multicast, loopback, link_local;
	} cases[] = {
		{ "0.0.0.0", true, false, false, false },
		{ "::", true, false, false, false },
		{ "224.0.0.1", false, true, false, false },
		{ "ff02::1", false, true, false, false },
		{ "127.8.0.1", false, false, true, false },
		{ "::1", false, false, true, false },
		{ "169.254.9.9", false, false, false, true },
		{ "febf::1", false, false, false, true },
		{ "10.0.0.1", false, false, false, false },
		{ "fec0::1", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr a = ip(cases[i].ip);

		assert_int_equal(ip_is_unspecified(&a), cases[i].unspecified);
		assert_int_equal(ip_is_multicast(&a), cases[i].multicast);
		assert_int_equal(ip_is_loopback(&a), cases[i].loopback);
		assert_int_equal(ip_is_link_local(&a), cases[i].link_local);
	}
	assert_false(ip_is_unspecified(&(struct ip_addr){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_written_as_go_writes_it),
		cmocka_unit_test(text_that_is_no_address_is_refused_and_leaves_the_output_alone),
		cmocka_unit_test(a_prefix_keeps_its_host_bits),
		cmocka_unit_test(text_that_is_no_prefix_is_refused),
		cmocka_unit_test(a_prefix_knows_its_first_and_last_address),
		cmocka_unit_test(containing_and_overlapping_stay_within_a_family),
		cmocka_unit_test(subnets_are_the_same_whatever_their_host_bits),
		cmocka_unit_test(stepping_carries_and_stops_at_the_ends_of_the_family),
		cmocka_unit_test(distance_and_addition_agree),
		cmocka_unit_test(kinds_of_addresses_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
