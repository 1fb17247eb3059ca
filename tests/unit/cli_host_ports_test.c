/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_host_ports - ports of the host that nobody chose, on the loopback interface */
#include "cli/host-ports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "cli/port-spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "tests/unit/cache_lab.h"

static int choose(const struct lab *lab, const char *text, struct port_spec *spec,
		  struct host_ports *ret, struct err *e)
{
	assert_int_equal(port_spec_parse(text, spec, NULL), 0);

	return host_ports_choose(&lab->env, spec, 1, ret, e);
}

/* An attachment that publishes a port, engines and all: nobody listens on it. */
static void publish(const struct lab *lab, int port)
{
	AUTO(cache_entry_clear)
	struct cache_entry entry = {
		.network = strdup("n"),
		.container_id = strdup("c"),
		.ifname = strdup("eth0"),
		.netns = strdup(""),
		.conf = json_object(),
		.result = json_object(),
		.capability_args = json_pack("{s:[{s:i, s:i}]}", "portMappings", "HostPort", port,
					     "ContainerPort", 80),
	};

	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
}

/* A port that is free, and the one after it too. */
static int free_pair(const struct lab *lab)
{
	for (int port = 20000; port < 60000; port += 2) {
		AUTO(host_ports_release) struct host_ports p = { 0 }, q = { 0 };
		struct port_spec a, b;
		char text[64];

		snprintf(text, sizeof(text), "127.0.0.1:%d-%d:80", port, port + 1);
		if (choose(lab, text, &a, &p, NULL) == 0 && p.chosen[0].host_port == port &&
		    choose(lab, text, &b, &q, NULL) == 0)
			return port;
	}
	fail_msg("no two ports are free");

	return 0;
}

static void what_is_fixed_is_passed_on(void **state)
{
	const struct lab *lab = *state;
	AUTO(host_ports_release) struct host_ports p = { 0 };
	AUTO_JSON json_t *want = NULL;
	struct port_spec spec;

	assert_int_equal(choose(lab, "8080-8081:80-81/udp", &spec, &p, NULL), 0);
	want = json_loads("[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"udp\"},"
			  "{\"hostPort\":8081,\"containerPort\":81,\"protocol\":\"udp\"}]",
			  0, NULL);
	assert_true(json_equal(p.mappings, want));
	assert_int_equal(p.chosen[0].fd, -1);
}

static void what_is_chosen_is_held_until_it_is_released(void **state)
{
	const struct lab *lab = *state;
	AUTO(host_ports_release) struct host_ports first = { 0 }, second = { 0 };
	struct port_spec a, b;
	char text[64];

	assert_int_equal(choose(lab, "127.0.0.1::80", &a, &first, NULL), 0);
	assert_true(first.chosen[0].host_port > 0);
	/* Of a range that begins with it the held one is passed over. */
	snprintf(text, sizeof(text), "127.0.0.1:%d-%d:80", first.chosen[0].host_port,
		 first.chosen[0].host_port + 200);
	assert_int_equal(choose(lab, text, &b, &second, NULL), 0);
	assert_true(second.chosen[0].host_port > first.chosen[0].host_port);
}

static void each_of_several_has_a_port_of_its_own(void **state)
{
	const struct lab *lab = *state;
	AUTO(host_ports_release) struct host_ports p = { 0 };
	struct port_spec spec;

	assert_int_equal(choose(lab, "127.0.0.1::80-99", &spec, &p, NULL), 0);
	assert_int_equal(p.n, 20);
	for (size_t i = 0; i < p.n; i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(p.chosen[i].host_port, p.chosen[k].host_port);
	}
}

static void a_published_port_is_passed_over(void **state)
{
	const struct lab *lab = *state;
	AUTO(host_ports_release) struct host_ports p = { 0 };
	int port = free_pair(lab);
	struct port_spec spec;
	char text[64];

	publish(lab, port);
	snprintf(text, sizeof(text), "127.0.0.1:%d-%d:80", port, port + 1);
	assert_int_equal(choose(lab, text, &spec, &p, NULL), 0);
	assert_int_equal(p.chosen[0].host_port, port + 1);
}

static void a_range_without_a_free_port_is_told(void **state)
{
	const struct lab *lab = *state;
	AUTO(host_ports_release) struct host_ports p = { 0 }, q = { 0 }, none = { 0 };
	int port = free_pair(lab);
	struct port_spec a, b, c;
	struct err e = { 0 };
	char text[64];

	snprintf(text, sizeof(text), "127.0.0.1:%d-%d:80", port, port + 1);
	assert_int_equal(choose(lab, text, &a, &p, NULL), 0);
	assert_int_equal(choose(lab, text, &b, &q, NULL), 0);
	assert_int_equal(choose(lab, text, &c, &none, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "is in use"));
	assert_null(none.chosen);
}

static void an_address_that_is_not_the_host_s_is_told(void **state)
{
	const struct lab *lab = *state;
	AUTO(host_ports_release) struct host_ports p = { 0 };
	struct port_spec spec;
	struct err e = { 0 };

	/* RFC 5737: of documentation, so nobody's. */
	assert_int_equal(choose(lab, "192.0.2.1::80", &spec, &p, &e), -EADDRNOTAVAIL);
	assert_non_null(strstr(e.msg, "choose a port of the host"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_fixed_is_passed_on),
		TEST(what_is_chosen_is_held_until_it_is_released),
		TEST(each_of_several_has_a_port_of_its_own),
		TEST(a_published_port_is_passed_over),
		TEST(a_range_without_a_free_port_is_told),
		TEST(an_address_that_is_not_the_host_s_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
