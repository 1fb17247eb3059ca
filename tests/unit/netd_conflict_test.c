/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_conflict - what two networks cannot both have, and that it is the same one's everywhere */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "netd/conflict.h"
#include "tests/unit/addresses.h"

struct net {
	const char *name;
	uint32_t vni;
	const char *subnets[NETWORK_DEF_SUBNETS];
};

/* Borrows from @t and @subnets. */
static struct network_def def_of(const struct net *t,
				 struct network_subnet subnets[NETWORK_DEF_SUBNETS])
{
	struct network_def d = { .vni = t->vni };

	d.net.name = (char *)t->name;
	d.net.subnets = subnets;
	for (; d.net.n_subnets < NETWORK_DEF_SUBNETS && t->subnets[d.net.n_subnets];
	     d.net.n_subnets++)
		subnets[d.net.n_subnets] =
			(struct network_subnet){ .subnet = net_of(t->subnets[d.net.n_subnets]) };

	return d;
}

static void what_both_claim_is_found_and_named(void **state)
{
	static const struct net warp = { "warp", 4096, { "10.1.0.0/24", "fd01::/64" } };
	static const struct {
		struct net other;
		const char *said[CONFLICTS]; /* of warp's */
	} cases[] = {
		{ { "weft", 4097, { "10.2.0.0/24", "fd02::/64" } }, { NULL } },
		{ { "warp", 4097, { "10.2.0.0/24" } }, { "its name" } },
		{ { "weft", 4096, { "10.2.0.0/24" } }, { NULL, "the VNI 4096" } },
		{ { "weft", 4097, { "10.1.0.128/25" } }, { NULL, NULL, "the subnet 10.1.0.0/24" } },
		{ { "weft", 4097, { "10.0.0.0/8" } }, { NULL, NULL, "the subnet 10.1.0.0/24" } },
		{ { "weft", 4097, { "fd01::/48" } }, { NULL, NULL, "the subnet fd01::/64" } },
		{ { "warp", 4096, { "10.1.0.0/24" } },
		  { "its name", "the VNI 4096", "the subnet 10.1.0.0/24" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct network_subnet a[NETWORK_DEF_SUBNETS], b[NETWORK_DEF_SUBNETS];
		const struct network_def x = def_of(&warp, a), y = def_of(&cases[i].other, b);
		char text[CONFLICT_TEXT];

		for (int what = 0; what < CONFLICTS; what++) {
			bool is = cases[i].said[what] != NULL;

			assert_int_equal(conflict_between(what, &x, &y, text), is);
			if (is)
				assert_string_equal(text, cases[i].said[what]);
			assert_int_equal(conflict_between(what, &y, &x, text), is);
		}
	}
}

static void networks_of_one_host_each_have_no_vni(void **state)
{
	struct network_subnet a[NETWORK_DEF_SUBNETS], b[NETWORK_DEF_SUBNETS];
	const struct net warp = { "warp", 0, { "10.1.0.0/24" } };
	const struct net weft = { "weft", 0, { "10.2.0.0/24" } };
	const struct network_def x = def_of(&warp, a), y = def_of(&weft, b);
	char text[CONFLICT_TEXT];

	(void)state;
	assert_false(conflict_between(CONFLICT_VNI, &x, &y, text));
}

static void the_older_one_has_it_then_the_lower_id(void **state)
{
	const struct conflict_age old = { 100, { { 9 } } }, young = { 101, { { 1 } } };
	const struct conflict_age low = { 101, { { 0, 5 } } };

	(void)state;
	assert_true(conflict_is_won(&old, &young));
	assert_false(conflict_is_won(&young, &old));
	assert_true(conflict_is_won(&low, &young));
	assert_false(conflict_is_won(&young, &low));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_both_claim_is_found_and_named),
		cmocka_unit_test(networks_of_one_host_each_have_no_vni),
		cmocka_unit_test(the_older_one_has_it_then_the_lower_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
