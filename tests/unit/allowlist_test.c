/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowlist_test - what a list allows, and which of its lines are refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "lib/allowlist.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void a_key_is_allowed_by_any_line_that_matches_a_part_of_it(void **state)
{
	static const struct {
		const char *list, *key;
		int permits;
	} cases[] = {
		{ "", "net.core.somaxconn", 0 },
		{ "\n \t\n", "net.core.somaxconn", 0 },
		{ "somaxconn", "net.core.somaxconn", 1 },
		{ "^net\\.core\\.somaxconn$", "net.core.somaxconn", 1 },
		{ "^net\\.core\\.somaxconn$", "net.core.somaxconn2", 0 },
		{ "^net\\.core\\.somaxconn$", "net/core/somaxconn", 0 },
		{ "  ^net.core.somaxconn$\r\n", "net/core/somaxconn", 1 },
		{ "^a$\n\n^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]+$", "net.ipv4.conf.IFNAME.rp_filter",
		  1 },
		{ "^net\\.(core|ipv4)\\.", "net.ipv4.tcp_rmem", 1 },
		{ "^net\\.(core|ipv4)\\.", "net.ipv6.bindv6only", 0 },
		{ "^net[./]core[\\./]a{2}$", "net/core/aa", 1 },
		{ "^net[^]x]core", "net.core", 1 },
		{ "^net.[[:alpha:]]+$", "net.core", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = allowlist_permits(cases[i].list, cases[i].key, NULL);

		if (r != cases[i].permits)
			fail_msg("\"%s\" and %s: %d", cases[i].list, cases[i].key, r);
	}
}

/* Each would allow more here than with Go's syntax, or something else. */
static void what_go_reads_differently_is_refused(void **state)
{
	static const char *const lines[] = {
		"net\\.\\d+", "net\\.\\w", "\\bnet",  "\\Anet", "net\\",   "\\<net",
		"net\\'",     "(?:net)",   "(?i)net", "ne+?t",	"ne*?t",   "n{1}?",
		"ne??t",      "net{,9}",   "n{e",     "[\\w.]", "[a\\]b]", "[\\-a]",
		"[[.a.]]",    "[[=a=]]",   "net[",    "net(",	"*net",	   "a{99999}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct err e = { 0 };
		char list[64] = "^never$\n";

		strcat(list, lines[i]);
		if (allowlist_permits(list, "net", &e) != -EINVAL)
			fail_msg("%s was taken", lines[i]);
		assert_int_equal(e.cni, CNI_E_CONFIG);
		assert_non_null(strstr(e.msg, "line 2"));
		assert_non_null(strstr(e.msg, lines[i]));
	}
}

static void a_list_that_is_not_there_is_none(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_equal(allowlist_read("/nonexistent/allowlist.conf", &text, NULL), 0);
	assert_null(text);
}

static void a_list_that_cannot_be_read_is_an_error(void **state)
{
	struct err e = { 0 };
	char *text = NULL;

	(void)state;
	assert_int_equal(allowlist_read("/proc/self", &text, &e), -EISDIR);
	assert_int_equal(e.cni, CNI_E_IO);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_allowed_by_any_line_that_matches_a_part_of_it),
		cmocka_unit_test(what_go_reads_differently_is_refused),
		cmocka_unit_test(a_list_that_is_not_there_is_none),
		cmocka_unit_test(a_list_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
