/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_port_spec - what people write after -p */
#include "cli/port-spec.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static void each_form_is_read(void **state)
{
	static const struct {
		const char *text, *host_ip;
		struct port_spec want;
	} cases[] = {
		{ "80", "", { .port = 80, .last = 80, .proto = IPPROTO_TCP } },
		{ "53/udp", "", { .port = 53, .last = 53, .proto = IPPROTO_UDP } },
		{ "80-82/SCTP", "", { .port = 80, .last = 82, .proto = IPPROTO_SCTP } },
		{ "8080:80", "", { {}, 8080, 8080, 80, 80, IPPROTO_TCP } },
		{ ":80", "", { {}, 0, 0, 80, 80, IPPROTO_TCP } },
		{ "8000-8002:80-82", "", { {}, 8000, 8002, 80, 82, IPPROTO_TCP } },
		{ "8000-8010:80", "", { {}, 8000, 8010, 80, 80, IPPROTO_TCP } },
		{ "127.0.0.1:8080:80", "127.0.0.1", { {}, 8080, 8080, 80, 80, IPPROTO_TCP } },
		{ "127.0.0.1::80", "127.0.0.1", { {}, 0, 0, 80, 80, IPPROTO_TCP } },
		{ "[fd00::1]:1-65535:1-65535/tcp",
		  "fd00::1",
		  { {}, 1, 65535, 1, 65535, IPPROTO_TCP } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port_spec got, want = cases[i].want;
		struct err e = { 0 };

		if (port_spec_parse(cases[i].text, &got, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		if (*cases[i].host_ip)
			assert_int_equal(ip_parse(cases[i].host_ip, &want.host_ip), 0);
		assert_memory_equal(&got.host_ip, &want.host_ip, sizeof(want.host_ip));
		assert_int_equal(got.host_port, want.host_port);
		assert_int_equal(got.host_last, want.host_last);
		assert_int_equal(got.port, want.port);
		assert_int_equal(got.last, want.last);
		assert_int_equal(got.proto, want.proto);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "container's" },
		{ "0", "container's" },
		{ "65536", "container's" },
		{ "http", "container's" },
		{ "80-", "container's" },
		{ "-80", "container's" },
		{ "82-80", "container's" },
		{ "8080:", "container's" },
		{ " 80", "container's" },
		{ "0:80", "host's" },
		{ "+1:80", "host's" },
		{ "80/", "protocol" },
		{ "80/icmp", "protocol" },
		{ "8000-8003:80-82", "differ in length" },
		{ "8000:80-82", "differ in length" },
		{ "localhost:80:80", "IPv4 address" },
		{ "fd00::1:80:80", "IPv4 address" },
		{ "[fd00::1:80:80", "IPv4 address" },
		{ "[]:80:80", "IPv4 address" },
		{ "1.2.3.4.5:80:80", "IPv4 address" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port_spec got;
		struct err e = { 0 };

		if (port_spec_parse(cases[i].text, &got, &e) != -EINVAL)
			fail_msg("%s should be wrong", cases[i].text);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("%s: %s", cases[i].text, e.msg);
	}
}

static void a_text_too_long_is_refused(void **state)
{
	char text[4096];
	struct port_spec got;

	(void)state;
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(port_spec_parse(text, &got, NULL), -EINVAL);
}

static void open_is_what_leaves_a_choice(void **state)
{
	static const struct {
		const char *text;
		int open;
	} cases[] = {
		{ "80", 1 },  { "80-82", 1 },	     { "8080:80", 0 }, { "8000-8002:80-82", 0 },
		{ ":80", 1 }, { "8000-8010:80", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port_spec got;

		assert_int_equal(port_spec_parse(cases[i].text, &got, NULL), 0);
		assert_int_equal(!!port_spec_is_open(&got), cases[i].open);
	}
}

static void a_mapping_is_as_runtimes_write_it(void **state)
{
	AUTO_JSON json_t *list = json_array(), *want = NULL;
	struct port_spec spec;

	(void)state;
	assert_int_equal(port_spec_parse("127.0.0.1:8080:80/udp", &spec, NULL), 0);
	assert_int_equal(port_spec_append(&spec, 8080, 80, list, NULL), 0);
	assert_int_equal(port_spec_parse("8080:80", &spec, NULL), 0);
	assert_int_equal(port_spec_append(&spec, 8080, 80, list, NULL), 0);
	want = json_loads("[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"udp\","
			  "\"hostIP\":\"127.0.0.1\"},"
			  "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"}]",
			  0, NULL);
	assert_true(json_equal(list, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_read),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_text_too_long_is_refused),
		cmocka_unit_test(open_is_what_leaves_a_choice),
		cmocka_unit_test(a_mapping_is_as_runtimes_write_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
