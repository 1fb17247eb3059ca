/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srcroute_test - which tables, rules and routes an interface's addresses get */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/srcroute.h"

#define ETH   7 /* the interface */
#define OTHER 8

static struct ip_addr ip(const char *text)
{
	struct ip_addr ret = { 0 };

	if (*text && ip_parse(text, &ret) < 0)
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

/* ---- a namespace to think about ------------------------------------------- */

struct fixture {
	struct srcroute_rules rules;
	struct srcroute_routes routes;
	struct srcroute_source sources[4];
	struct srcroute work;
	struct srcroute_plan plan;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->work = (struct srcroute){
		.rules = &f->rules,
		.routes = &f->routes,
		.index = ETH,
		.sources = f->sources,
	};
	*state = f;

	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->rules.list);
	free(f->routes.list);
	srcroute_plan_clear(&f->plan);
	free(f);

	return 0;
}

static struct route route(const char *dst, const char *gw, const char *src)
{
	return (struct route){
		.dst = net(dst),
		.gw = ip(gw),
		.src = ip(src),
		.index = ETH,
		.table = RT_TABLE_MAIN,
		.scope = *gw ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.protocol = RTPROT_KERNEL,
	};
}

static void has_route(struct fixture *f, struct route r)
{
	assert_int_equal(srcroute_keep_route(&r, &f->routes), 0);
}

static void has_rule(struct fixture *f, const char *src, uint32_t table)
{
	const struct rule rule = { .src = net(src), .table = table, .plain = true };

	assert_int_equal(srcroute_keep_rule(&rule, &f->rules), 0);
}

static struct srcroute_source *has_source(struct fixture *f, const char *address,
					  const char *gateway)
{
	struct srcroute_source *source = &f->sources[f->work.n_sources++];

	*source = (struct srcroute_source){ .net = net(address), .gateway = ip(gateway) };

	return source;
}

static void fill(struct fixture *f)
{
	srcroute_choose_tables(&f->work);
	assert_int_equal(srcroute_fill(&f->work, &f->plan), 0);
}

/* Routes as text: "dst[ via gw][ src src] table n, …" */
static void assert_routes(const struct srcroute_routes *routes, const char *want)
{
	char text[1024] = "", dst[IP_NET_STRLEN], gw[IP_STRLEN], src[IP_STRLEN];

	for (size_t i = 0; i < routes->n; i++) {
		const struct route *r = &routes->list[i];
		size_t len = strlen(text);
		struct ip_net first = { ip_net_first(&r->dst), r->dst.len };

		snprintf(text + len, sizeof(text) - len, "%s%s%s%s%s%s table %u", i ? ", " : "",
			 ip_net_str(&first, dst), ip_is_set(&r->gw) ? " via " : "",
			 ip_str(&r->gw, gw), ip_is_set(&r->src) ? " src " : "",
			 ip_str(&r->src, src), r->table);
		assert_int_equal(r->index, ETH);
	}
	assert_string_equal(text, want);
}

/* ---- tables ---------------------------------------------------------------- */

static void tables_are_those_without_rules_and_routes(void **state)
{
	struct fixture *f = *state;
	struct route r = route("10.9.0.0/16", "", "");

	has_rule(f, "10.1.0.9/32", 100);
	r.table = 102;
	r.index = OTHER;
	has_route(f, r);
	has_source(f, "10.1.0.5/24", "");
	has_source(f, "10.2.0.5/24", "")->table = 7;
	has_source(f, "fd00::5/64", "");
	srcroute_choose_tables(&f->work);
	assert_int_equal(f->sources[0].table, 101);
	assert_int_equal(f->sources[1].table, 7);
	assert_int_equal(f->sources[2].table, 103);
}

static void a_rule_is_for_one_address(void **state)
{
	const struct srcroute_source source = { .net = net("10.1.0.5/24"), .table = 100 };
	struct rule rule = srcroute_rule(&source);

	(void)state;
	assert_int_equal(rule.src.len, 32);
	assert_true(ip_equal(&rule.src.addr, &source.net.addr));
	assert_int_equal(rule.table, 100);
	assert_int_equal(rule.protocol, RULE_PROTOCOL);
}

static void rules_are_told_by_their_protocol_if_they_are_plain(void **state)
{
	struct rule rule = { .src = net("10.1.0.5/32"), .protocol = RULE_PROTOCOL, .plain = true };

	(void)state;
	assert_true(srcroute_is_ours(&rule));
	assert_false(srcroute_is_foreign(&rule));
	rule.plain = false;
	assert_false(srcroute_is_ours(&rule));
	rule.plain = true;
	rule.src.len = 24;
	assert_false(srcroute_is_ours(&rule));
	rule.src.len = 32;
	rule.protocol = RTPROT_STATIC;
	assert_false(srcroute_is_ours(&rule));
	assert_false(srcroute_is_foreign(&rule));
	rule.protocol = RTPROT_UNSPEC;
	assert_false(srcroute_is_ours(&rule));
	assert_true(srcroute_is_foreign(&rule));
	rule.plain = false;
	assert_false(srcroute_is_foreign(&rule));
}

/* ---- routes ---------------------------------------------------------------- */

static void the_interfaces_routes_move_to_its_table(void **state)
{
	struct fixture *f = *state;
	struct route other = route("10.3.0.0/24", "", "10.3.0.5");

	has_route(f, route("0.0.0.0/0", "10.1.0.1", ""));
	has_route(f, route("10.1.0.0/24", "", "10.1.0.5"));
	has_route(f, route("10.7.0.0/16", "", ""));
	other.index = OTHER;
	has_route(f, other);
	has_source(f, "10.1.0.5/24", "10.1.0.1");
	fill(f);
	assert_routes(&f->plan.added, "10.1.0.0/24 src 10.1.0.5 table 100, 10.7.0.0/16 table 100, "
				      "0.0.0.0/0 via 10.1.0.1 table 100");
	assert_routes(&f->plan.removed,
		      "10.1.0.0/24 src 10.1.0.5 table 254, 10.7.0.0/16 table 254, "
		      "0.0.0.0/0 via 10.1.0.1 table 254");
	assert_routes(&f->plan.hints, "");
	assert_int_equal(f->plan.added.list[0].protocol, RULE_PROTOCOL);
	assert_int_equal(f->plan.removed.list[0].protocol, RTPROT_KERNEL);
}

static void a_gateway_of_the_result_makes_a_default_route_where_there_is_none(void **state)
{
	struct fixture *f = *state;

	has_route(f, route("10.1.0.0/24", "", "10.1.0.5"));
	has_source(f, "10.1.0.5/24", "10.1.0.1");
	fill(f);
	assert_routes(&f->plan.added, "10.1.0.0/24 src 10.1.0.5 table 100, "
				      "0.0.0.0/0 via 10.1.0.1 table 100");
}

static void the_interfaces_own_default_route_goes_before_the_results_gateway(void **state)
{
	struct fixture *f = *state;
	struct route own = route("0.0.0.0/0", "10.1.0.254", "");

	own.mtu = 1300;
	has_route(f, own);
	has_source(f, "10.1.0.5/24", "10.1.0.1");
	fill(f);
	assert_routes(&f->plan.added, "0.0.0.0/0 via 10.1.0.254 table 100");
	assert_int_equal(f->plan.added.list[0].mtu, 1300);
}

static void a_fixed_gateway_goes_before_both(void **state)
{
	struct fixture *f = *state;

	has_route(f, route("0.0.0.0/0", "10.1.0.254", ""));
	has_source(f, "10.1.0.5/24", "10.1.0.2")->fixed = true;
	fill(f);
	assert_routes(&f->plan.added, "0.0.0.0/0 via 10.1.0.2 table 100");
	assert_routes(&f->plan.removed, "0.0.0.0/0 via 10.1.0.254 table 254");
}

static void each_address_has_a_table_with_what_is_its(void **state)
{
	struct fixture *f = *state;

	has_route(f, route("10.1.0.0/24", "", "10.1.0.5"));
	has_route(f, route("10.2.0.0/24", "", "10.2.0.5"));
	has_route(f, route("10.9.0.0/16", "10.2.0.1", ""));
	has_route(f, route("fd00::/64", "", ""));
	has_route(f, route("fe80::/64", "", ""));
	has_source(f, "10.1.0.5/24", "");
	has_source(f, "10.2.0.5/24", "");
	has_source(f, "fd00::5/64", "fd00::1");
	fill(f);
	assert_routes(&f->plan.added,
		      "10.1.0.0/24 src 10.1.0.5 table 100, 10.2.0.0/24 src 10.2.0.5 table 101, "
		      "10.9.0.0/16 via 10.2.0.1 table 101, fd00::/64 table 102, "
		      "::/0 via fd00::1 table 102");
	/* The link-local one is for all of them. */
	assert_routes(&f->plan.removed,
		      "10.1.0.0/24 src 10.1.0.5 table 254, 10.2.0.0/24 src 10.2.0.5 table 254, "
		      "fd00::/64 table 254, 10.9.0.0/16 via 10.2.0.1 table 254");
}

static void a_route_that_fits_no_address_stays(void **state)
{
	struct fixture *f = *state;

	has_route(f, route("10.9.0.0/16", "192.0.2.1", ""));
	has_source(f, "10.1.0.5/24", "");
	fill(f);
	assert_routes(&f->plan.added, "");
	assert_routes(&f->plan.removed, "");
}

static void hints_stay_on_the_link_and_have_a_source(void **state)
{
	struct fixture *f = *state;

	has_route(f, route("0.0.0.0/0", "10.1.0.1", ""));
	has_route(f, route("10.1.0.0/24", "", "10.1.0.5"));
	has_route(f, route("10.7.0.0/16", "", ""));
	has_route(f, route("fd00::/64", "", ""));
	has_source(f, "10.1.0.5/24", "");
	has_source(f, "10.1.0.6/24", "");
	has_source(f, "10.4.0.5/32", "");
	has_source(f, "fd00::5/64", "");
	f->work.hints = true;
	fill(f);
	assert_routes(&f->plan.removed, "fd00::/64 table 254, 0.0.0.0/0 via 10.1.0.1 table 254");
	assert_routes(&f->plan.hints, "fd00::/64 src fd00::5 table 254");
	assert_true(srcroute_has_hint(&f->routes, ETH, &f->sources[1]));
	assert_false(srcroute_has_hint(&f->routes, ETH, &f->sources[3]));
}

static void a_table_that_the_config_names_gets_fixed_gateways_only(void **state)
{
	struct fixture *f = *state;
	struct route v6 = route("::/0", "fd00::1", "");

	v6.table = 50;
	has_route(f, v6);
	has_route(f, route("10.1.0.0/24", "", "10.1.0.5"));
	has_source(f, "10.1.0.5/24", "10.1.0.1")->fixed = true;
	has_source(f, "10.1.0.6/24", "10.1.0.1")->fixed = true;
	has_source(f, "fd00::5/64", "fd00::2")->fixed = true;
	has_source(f, "10.2.0.5/24", "10.2.0.1");
	for (size_t i = 0; i < 4; i++)
		f->sources[i].table = 50;
	assert_int_equal(srcroute_fill_given(&f->work, &f->plan), 0);
	assert_routes(&f->plan.added, "0.0.0.0/0 via 10.1.0.1 table 50");
	assert_routes(&f->plan.removed, "");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(tables_are_those_without_rules_and_routes),
		test(a_rule_is_for_one_address),
		test(rules_are_told_by_their_protocol_if_they_are_plain),
		test(the_interfaces_routes_move_to_its_table),
		test(a_gateway_of_the_result_makes_a_default_route_where_there_is_none),
		test(the_interfaces_own_default_route_goes_before_the_results_gateway),
		test(a_fixed_gateway_goes_before_both),
		test(each_address_has_a_table_with_what_is_its),
		test(a_route_that_fits_no_address_stays),
		test(hints_stay_on_the_link_and_have_a_source),
		test(a_table_that_the_config_names_gets_fixed_gateways_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
