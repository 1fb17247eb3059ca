/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_config - the file of the operator, and what is wrong with it */
#include "netd/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static struct err err;

static int parse(const char *text, struct config *ret)
{
	return config_parse("netd.conf", text, strlen(text), ret, &err);
}

/* A text that is right; config_clear() the result. */
static struct config parsed(const char *text)
{
	struct config c;

	if (parse(text, &c) < 0)
		fail_msg("%s", err.msg);

	return c;
}

static void an_empty_file_is_all_defaults(void **state)
{
	struct config c = parsed("");
	char path[CONFIG_SOCKET_LEN];

	(void)state;
	assert_true(c.listen.n >= 1);
	assert_int_equal(c.listen.list[0].port, CONFIG_PORT);
	assert_false(ip_is_set(&c.advertise));
	assert_int_equal(c.seeds.n, 0);
	assert_string_equal(c.data_dir, "/var/lib/heddle/netd");
	assert_string_equal(c.cni_conf_dir, "/etc/cni/net.d");
	assert_string_equal(config_socket(&c, path), "/run/heddle/netd.sock");
	assert_string_equal(c.metrics.path, "/run/heddle/metrics.sock");
	assert_false(c.has_user);
	assert_string_equal(c.docker_socket, "/run/docker/plugins/heddle.sock");
	assert_int_equal(c.log_level, LOG_INFO);
	assert_int_equal(c.vxlan_port, 4789);
	assert_int_equal(c.vni_min, 65536);
	assert_int_equal(c.vni_max, 131071);
	assert_int_equal(c.n_pools, 1);
	assert_true(c.masquerade);
	config_clear(&c);
}

static void every_key_is_read(void **state)
{
	struct config c = parsed("# all of them\n"
				 "name = kiln-3\r\n"
				 "listen = 10.0.0.3:99, [fd00::3]:99\n"
				 "  advertise=10.0.0.9\n"
				 "seeds\t=\t10.0.0.1 10.0.0.2:5 fd00::1\n"
				 "data-dir = /a b/c\n"
				 "run-dir = /r\n"
				 "control-group =\n"
				 "cni-conf-dir = /n\n"
				 "user = root\n"
				 "log-level = debug\n"
				 "log-format = json\n"
				 "metrics = [::1]:9000\n"
				 "vxlan-port = 8472\n"
				 "vni-range = 7-7\n"
				 "docker-socket = /d.sock\n"
				 "default-pools = 10.0.0.0/8 size 24,192.168.0.0/16  size 26\n"
				 "masquerade = false");

	(void)state;
	assert_string_equal(c.name, "kiln-3");
	assert_int_equal(c.listen.n, 2);
	assert_int_equal(c.listen.list[1].port, 99);
	assert_int_equal(c.listen.list[1].ip.family, AF_INET6);
	assert_int_equal(c.advertise.b[3], 9);
	assert_int_equal(c.seeds.n, 3);
	assert_int_equal(c.seeds.list[1].port, 5);
	assert_string_equal(c.data_dir, "/a b/c");
	assert_int_equal(c.control_gid, (gid_t)-1);
	assert_true(c.has_user);
	assert_int_equal(c.uid, 0);
	assert_int_equal(c.log_level, LOG_DEBUG);
	assert_int_equal(c.log_format, LOG_JSON);
	assert_null(c.metrics.path);
	assert_int_equal(c.metrics.local.port, 9000);
	assert_string_equal(c.docker_socket, "/d.sock");
	assert_int_equal(c.vni_min, 7);
	assert_int_equal(c.n_pools, 2);
	assert_int_equal(c.pools[1].size, 26);
	assert_false(c.masquerade);
	config_clear(&c);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "colour = red", "netd.conf:1: there is no key \"colour\"" },
		{ "\n\nname", "netd.conf:3: \"name\": a line is KEY = VALUE" },
		{ "name = a\nname = b", "netd.conf:2: name: given a second time" },
		{ "name = Kiln", "netd.conf:1: name: \"Kiln\": a node's name is" },
		{ "listen =", "netd.conf:1: listen: \"\": at least one address" },
		{ "listen = 1.2.3.4:0", "netd.conf:1: listen: \"1.2.3.4:0\": \"1.2.3.4:0\" is no" },
		{ "listen = 1.2.3.4:1, 1.2.3.5:2", "a node has one port on all its addresses" },
		{ "listen = ::1:5:x", "is no address" },
		{ "listen = [::1", "is no address" },
		{ "listen = [::1]5", "is no address" },
		{ "listen = 1 2 3 4 5 6 7 8 9", "is no address" },
		{ "listen = ::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9", "more than 8 addresses" },
		{ "advertise = 0.0.0.0", "other nodes cannot send there" },
		{ "advertise = 10.0.0.1:4794", "it is an address, without a port" },
		{ "advertise = 224.0.0.1", "other nodes cannot send there" },
		{ "seeds = kiln-1", "\"kiln-1\" is no address" },
		{ "data-dir = here", "a path begins with '/'" },
		{ "control-group = no-such-group-here", "there is no such group" },
		{ "user = no-such-user-here", "there is no such user" },
		{ "log-level = loud", "it is one of error, warning, info, debug" },
		{ "log-format = xml", "it is one of text, json" },
		{ "metrics = 10.0.0.1:9000", "on a loopback address or a unix socket only" },
		{ "metrics = tcp", "it is unix:PATH" },
		{ "vxlan-port = 70000", "netd.conf:1: vxlan-port: \"70000\": a port is" },
		{ "vxlan-port = -1", "a port is a number" },
		{ "vxlan-port = 0x10", "a port is a number" },
		{ "vni-range = 9-8", "it is FIRST-LAST" },
		{ "vni-range = 9", "it is FIRST-LAST" },
		{ "vni-range = 1-16777216", "it is FIRST-LAST" },
		{ "default-pools = 10.0.0.0/8", "a pool is NET size LEN" },
		{ "default-pools = 10.0.0.1/8 size 24", "bits behind the prefix are set" },
		{ "default-pools = fd00::/48 size 64", "pools are of IPv4" },
		{ "default-pools = 10.0.0.0/8 size 31", "the size is from 8 to 30" },
		{ "default-pools = 10.0.0.0/8 size 7", "the size is from 8 to 30" },
		{ "default-pools = 10.0.0.0/8 size 9, 10.1.0.0/16 size 24", "overlap" },
		{ "masquerade = perhaps", "it is true or false" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config c;

		assert_int_equal(parse(cases[i].text, &c), -EINVAL);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("\"%s\": %s", cases[i].text, err.msg);
	}
}

static void a_nul_in_a_value_is_refused(void **state)
{
	static const char text[] = "data-dir = /a\0b\n";
	struct config c;

	(void)state;
	assert_int_equal(config_parse("f", text, sizeof(text) - 1, &c, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "f:1: data-dir: there is a NUL"));
}

static void a_path_of_a_socket_fits(void **state)
{
	char text[256];
	struct config c;

	(void)state;
	snprintf(text, sizeof(text), "run-dir = /%0100d", 0);
	assert_int_equal(parse(text, &c), -EINVAL);
	snprintf(text, sizeof(text), "metrics = unix:/%0107d", 0);
	assert_int_equal(parse(text, &c), -EINVAL);
}

static void a_file_that_is_named_is_there(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(config_load("/nonexistent/netd.conf", &c, &err), -ENOENT);
}

static void a_reload_takes_over_what_it_may(void **state)
{
	struct config now = parsed("name = a\nlog-level = info\nseeds = 10.0.0.1\n");
	struct config next = parsed("name = b\nlog-level = error\nvxlan-port = 5\n");
	char left[64];

	(void)state;
	config_reload(&now, &next, left, sizeof(left));
	config_clear(&next);
	assert_string_equal(left, "name, vxlan-port");
	assert_string_equal(now.name, "a");
	assert_int_equal(now.vxlan_port, 4789);
	assert_int_equal(now.log_level, LOG_ERROR);
	assert_int_equal(now.seeds.n, 0);

	/* The same file again says the same again, and of what was taken over nothing. */
	next = parsed("name = b\nlog-level = error\nvxlan-port = 5\n");
	config_reload(&now, &next, left, sizeof(left));
	config_clear(&next);
	assert_string_equal(left, "name, vxlan-port");
	config_clear(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_all_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(a_nul_in_a_value_is_refused),
		cmocka_unit_test(a_path_of_a_socket_fits),
		cmocka_unit_test(a_file_that_is_named_is_there),
		cmocka_unit_test(a_reload_takes_over_what_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
