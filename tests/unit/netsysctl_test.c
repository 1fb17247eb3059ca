/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netsysctl_test - keys of configs to paths, and values that are the same */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/netsysctl.h"

static void a_key_names_a_path_with_either_separator(void **state)
{
	static const struct {
		const char *key, *path;
	} cases[] = {
		{ "net.core.somaxconn", "net/core/somaxconn" },
		{ "net/core/somaxconn", "net/core/somaxconn" },
		{ "/net//core/somaxconn/", "net/core/somaxconn" },
		{ "net.ipv4.conf.IFNAME.arp_filter", "net/ipv4/conf/eth0.7/arp_filter" },
		{ "net/ipv4/conf/IFNAME/arp_filter", "net/ipv4/conf/eth0.7/arp_filter" },
		{ "net.ipv4.conf.a/b.arp_filter", "net/ipv4/conf/a.b/arp_filter" },
		{ "net/ipv4/conf/a.b/arp_filter", "net/ipv4/conf/a.b/arp_filter" },
		{ "net.x.IFNAME.IFNAME", "net/x/eth0.7/IFNAME" },
		{ "net/...", "net/..." },
	};
	char path[NETSYSCTL_PATH_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(netsysctl_path(cases[i].key, "eth0.7", path), 0);
		assert_string_equal(path, cases[i].path);
	}
}

static void a_path_stays_below_net(void **state)
{
	static const char *const keys[] = {
		"",
		"net",
		"net.",
		"net/",
		"kernel.hostname",
		"network/x",
		"netx/y",
		"../net/core/x",
		"net/../kernel/x",
		"net/core/..",
		"net/./x",
		"net/core/.",
		"net.core.//.x",
		"net.core./.x",
		"/proc/sys/net/core/x",
		"IFNAME/core/x",
	};
	char path[NETSYSCTL_PATH_SIZE] = "untouched";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (netsysctl_path(keys[i], "eth0", path) != -EINVAL)
			fail_msg("%s was taken, as %s", keys[i], path);
	}
	assert_string_equal(path, "untouched");
}

static void a_path_has_room_for_what_fits_and_no_more(void **state)
{
	char key[2 * NETSYSCTL_PATH_SIZE] = "net.";
	char path[NETSYSCTL_PATH_SIZE];

	(void)state;
	memset(key + 4, 'a', NETSYSCTL_PATH_SIZE - 5);
	assert_int_equal(netsysctl_path(key, "eth0", path), 0);
	assert_int_equal(strlen(path), NETSYSCTL_PATH_SIZE - 1);
	memcpy(key + 4, "IFNAME", 6);
	assert_int_equal(netsysctl_path(key, "eth0", path), 0);
	assert_int_equal(netsysctl_path(key, "eth0123", path), -EINVAL);
	memset(key + 4, 'a', NETSYSCTL_PATH_SIZE);
	assert_int_equal(netsysctl_path(key, "eth0", path), -EINVAL);
}

static void white_space_does_not_count_and_anything_else_does(void **state)
{
	(void)state;
	assert_true(netsysctl_same("4096 8192\t16384", "4096\t8192 16384\n"));
	assert_true(netsysctl_same("  1", "1 \n"));
	assert_true(netsysctl_same("", " "));
	assert_false(netsysctl_same("1 2", "12"));
	assert_false(netsysctl_same("12", "1 2"));
	assert_false(netsysctl_same("1", ""));
	assert_false(netsysctl_same("1", "1 1"));
	assert_false(netsysctl_same("cubic", "Cubic"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_names_a_path_with_either_separator),
		cmocka_unit_test(a_path_stays_below_net),
		cmocka_unit_test(a_path_has_room_for_what_fits_and_no_more),
		cmocka_unit_test(white_space_does_not_count_and_anything_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
