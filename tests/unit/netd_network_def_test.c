/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_network_def - the body of a network's definition: what is refused, what comes back */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "netd/network-def.h"
#include "tests/unit/addresses.h"

static struct err err;

/* What network_def_read_request() makes of a text; the caller clears @ret. */
static int request(const char *text, struct network_def *ret)
{
	json_t *doc = json_loads(text, 0, NULL);
	struct jnode root = jn_root(doc);
	int r;

	assert_non_null(doc);
	err = (struct err){ 0 };
	r = network_def_read_request(&root, ret, &err);
	json_decref(doc);

	return r;
}

#define ASKED(more) "{\"name\": \"warp\", \"driver\": \"overlay\", \"scope\": \"swarm\"" more "}"

static void what_cannot_be_served_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{\"driver\": \"overlay\"}", "name" },
		{ "{\"name\": \"a/b\", \"driver\": \"overlay\"}", "invalid name" },
		{ "{\"name\": \"bridge\", \"driver\": \"overlay\"}",
		  "operation is not permitted on predefined bridge network" },
		{ "{\"name\": "
		  "\"n2345678901234567890123456789012345678901234567890123456789012345\","
		  " \"driver\": \"overlay\"}",
		  "longer than 63" },
		{ "{\"name\": \"warp\"}", "driver is missing" },
		{ "{\"name\": \"warp\", \"driver\": \"bridge\"}", "scope swarm goes with" },
		{ "{\"name\": \"warp\", \"driver\": \"overlay\", \"scope\": \"global\"}",
		  "scope swarm goes with" },
		{ "{\"name\": \"warp\", \"driver\": \"bridge\", \"scope\": \"local\"}",
		  "needs no netd" },
		{ "{\"name\": \"warp\", \"driver\": \"weave\", \"scope\": \"global\"}",
		  "plugin \"weave\" not found" },
		{ ASKED(", \"ipv4\": false"), "IPv4 or IPv6 must be enabled" },
		{ ASKED(", \"subnets\": [{\"subnet\": \"10.1.0.0/24\"}, "
			"{\"subnet\": \"10.2.0.0/24\"}]"),
		  "one subnet of each family" },
		{ ASKED(", \"subnets\": [{\"subnet\": \"fd01::/64\"}]"), "not enabled" },
		{ ASKED(", \"subnets\": [{\"subnet\": \"10.1.0.5/24\"}]"),
		  "it should be 10.1.0.0/24" },
		{ ASKED(", \"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"gateway\": "
			"\"10.2.0.1\"}]"),
		  "doesn't contain this address" },
		{ ASKED(", \"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"ipRange\": "
			"\"10.2.0.0/25\"}]"),
		  "doesn't contain ip-range" },
		{ ASKED(", \"options\": {\"encrypted\": \"\"}"),
		  "frames between hosts go as they are" },
		{ ASKED(", \"options\": {\"vlan\": \"3\"}"), "unknown option vlan" },
		{ ASKED(", \"options\": {\"vni\": \"16777216\"}"), "invalid vxlan id value" },
		{ ASKED(", \"options\": {\"mtu\": \"66000\"}"), "invalid MTU number" },
		{ ASKED(", \"configOnly\": true"), "templates are for networks of one host" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct network_def d = { 0 };

		if (request(cases[i].text, &d) == 0)
			fail_msg("taken: %s", cases[i].text);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("%s: \"%s\" does not say %s", cases[i].text, err.msg,
				 cases[i].why);
		assert_null(d.net.name);
	}
}

/* What netd adds before it defines a network. */
static void choose(struct network_def *d)
{
	d->vni = d->vni ? d->vni : 4096;
	for (size_t i = 0; i < d->net.n_subnets; i++) {
		memset(d->spaces[i].b, 0x40 + (int)i, LINK_ID_LEN);
		if (!ip_is_set(&d->net.subnets[i].gateway))
			d->net.subnets[i].gateway = network_def_address(&d->net.subnets[i], 1);
	}
}

/* @d as another node reads it; the caller clears it. */
static struct network_def sent(const struct network_def *d)
{
	AUTO_FREE char *text = network_def_write(d);
	struct definition of = { .kind = DEFINITION_NETWORK, .created = 1795345000 };
	struct network_def back = { 0 };

	assert_non_null(text);
	assert_true(strlen(text) <= DEFINITION_BODY_MAX);
	snprintf(of.name, sizeof(of.name), "%s", d->net.name);
	of.body = (const uint8_t *)text;
	of.body_len = (uint16_t)strlen(text);
	err = (struct err){ 0 };
	if (network_def_read(&of, &back, &err) < 0)
		fail_msg("%s", err.msg);

	return back;
}

static void what_is_written_is_read_by_another_node(void **state)
{
	AUTO(network_def_clear) struct network_def d = { 0 };
	AUTO(network_def_clear) struct network_def back;

	(void)state;
	assert_int_equal(
		request(ASKED(", \"ipv6\": true, \"internal\": true, \"attachable\": true, "
			      "\"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"ipRange\": "
			      "\"10.1.0.128/25\", \"gateway\": \"10.1.0.9\", \"auxAddresses\": "
			      "{\"nas\": \"10.1.0.200\"}}, {\"subnet\": \"fd01::/64\"}], "
			      "\"options\": {\"vni\": \"77\", \"mtu\": \"1400\", \"pin\": "
			      "\"false\", \"multicast\": \"true\"}, \"labels\": {\"a\": \"b\"}"),
			&d),
		0);
	choose(&d);
	back = sent(&d);
	assert_string_equal(back.net.name, "warp");
	assert_string_equal(back.net.driver, "overlay");
	assert_int_equal(back.net.scope, NETWORK_SWARM);
	assert_string_equal(back.net.created, "2026-11-22T10:56:40.000000000Z");
	assert_true(back.net.internal && back.net.attachable && back.net.ipv4 && back.net.ipv6);
	assert_int_equal(back.vni, 77);
	assert_int_equal(back.options.mtu, 1400);
	assert_true(back.options.multicast && !back.options.pin && !back.options.masquerade);
	assert_int_equal(back.net.n_subnets, 2);
	assert_memory_equal(back.spaces, d.spaces, sizeof(d.spaces));
	assert_string_equal(network_pairs_get(&back.net.labels, "a"), "b");
}

static void an_incomplete_definition_is_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"[]",
		"{}",
		"{\"version\": 2, \"driver\": \"overlay\", \"scope\": \"swarm\"}",
		/* no subnet */
		"{\"version\": 1, \"driver\": \"overlay\", \"scope\": \"swarm\", \"ipv4\": true, "
		"\"vni\": 7}",
		/* no vni */
		"{\"version\": 1, \"driver\": \"overlay\", \"scope\": \"swarm\", \"ipv4\": true, "
		"\"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"gateway\": \"10.1.0.1\", \"space\": "
		"\"00112233445566778899aabbccddeeff\"}]}",
		/* no space; a space that is too short; no gateway; a gateway that nobody can have
		 */
		"{\"version\": 1, \"driver\": \"overlay\", \"scope\": \"swarm\", \"ipv4\": true, "
		"\"vni\": 7, \"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"gateway\": "
		"\"10.1.0.1\"}]}",
		"{\"version\": 1, \"driver\": \"overlay\", \"scope\": \"swarm\", \"ipv4\": true, "
		"\"vni\": 7, \"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"gateway\": "
		"\"10.1.0.1\", \"space\": \"0011\"}]}",
		"{\"version\": 1, \"driver\": \"overlay\", \"scope\": \"swarm\", \"ipv4\": true, "
		"\"vni\": 7, \"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"space\": "
		"\"00112233445566778899aabbccddeeff\"}]}",
		"{\"version\": 1, \"driver\": \"overlay\", \"scope\": \"swarm\", \"ipv4\": true, "
		"\"vni\": 7, \"subnets\": [{\"subnet\": \"10.1.0.0/24\", \"gateway\": "
		"\"10.1.0.255\", \"space\": \"00112233445566778899aabbccddeeff\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct network_def d = { 0 };
		const struct definition of = {
			.kind = DEFINITION_NETWORK,
			.name = "warp",
			.body = (const uint8_t *)bodies[i],
			.body_len = (uint16_t)strlen(bodies[i]),
		};

		err = (struct err){ 0 };
		if (network_def_read(&of, &d, &err) == 0)
			fail_msg("taken: %s", bodies[i]);
		assert_non_null(strstr(err.msg, "warp"));
	}
}

static void addresses_and_numbers_are_the_same_thing(void **state)
{
	const struct network_subnet v4 = {
		.subnet = net_of("10.1.0.0/24"),
		.range = net_of("10.1.0.128/25"),
		.gateway = ip_of("10.1.0.1"),
	};
	const struct network_subnet v6 = { .subnet = net_of("fd01::/64") };
	struct ip_addr a = ip_of("10.1.0.7"), far = ip_of("fd01::4000:0:0:0");
	struct span s = network_def_bounds(&v4);

	(void)state;
	assert_int_equal(network_def_count(&v4), 256);
	assert_int_equal(network_def_number(&v4, &a), 7);
	a = network_def_address(&v4, 255);
	assert_true(network_def_is_reserved(&v4, &a));
	a = network_def_address(&v4, 1);
	assert_true(network_def_is_reserved(&v4, &a));
	a = network_def_address(&v4, 2);
	assert_false(network_def_is_reserved(&v4, &a));
	assert_int_equal(s.first, 128);
	assert_int_equal(s.last, 255);
	assert_true(network_def_count(&v6) == NETWORK_DEF_NUMBERS);
	assert_true(network_def_number(&v6, &far) >= NETWORK_DEF_NUMBERS);
	a = network_def_address(&v6, NETWORK_DEF_NUMBERS - 1);
	assert_false(network_def_is_reserved(&v6, &a));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_served_is_refused_with_the_reason),
		cmocka_unit_test(what_is_written_is_read_by_another_node),
		cmocka_unit_test(an_incomplete_definition_is_refused),
		cmocka_unit_test(addresses_and_numbers_are_the_same_thing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
