/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_install_toml_test - keys of somebody's TOML file are changed, and changed back */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cli/install-toml.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define CRI "io.containerd.grpc.v1.cri"

static const struct install_toml_key bin_dir = { { "plugins", CRI, "cni", "bin_dir" }, 4 };

/* The key is set to "/ours", and found so; without our lines the text is as it was. */
static char *set_and_undo(const char *text)
{
	AUTO_FREE char *changed = NULL, *back = NULL, *value = NULL;
	struct err e = { 0 };

	if (install_toml_set(text, &bin_dir, "\"/ours\"", &changed, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(install_toml_get(changed, &bin_dir, &value, NULL), 0);
	assert_string_equal(value, "\"/ours\"");
	back = install_toml_undo(changed);
	assert_string_equal(back, text);

	return MOVE_PTR(changed);
}

static void assert_becomes(const char *text, const char *wanted)
{
	AUTO_FREE char *changed = set_and_undo(text);

	assert_string_equal(changed, wanted);
}

static void a_key_that_is_there_is_replaced(void **state)
{
	(void)state;
	assert_becomes("version = 2\n"
		       "[plugins.\"" CRI "\".cni]\n"
		       "  bin_dir = \"/usr/lib/cni\"   # Debian's\n"
		       "  conf_dir = \"/etc/cni/net.d\"\n",
		       "version = 2\n"
		       "[plugins.\"" CRI "\".cni]\n"
		       "  #heddle-was#  bin_dir = \"/usr/lib/cni\"   # Debian's\n"
		       "  bin_dir = \"/ours\" # heddle install\n"
		       "  conf_dir = \"/etc/cni/net.d\"\n");
}

static void a_table_that_is_there_gets_the_key(void **state)
{
	(void)state;
	assert_becomes("[ plugins . '" CRI "'.cni ] # pods\n"
		       "[other]\n"
		       "bin_dir = \"/usr/lib/cni\"\n",
		       "[ plugins . '" CRI "'.cni ] # pods\n"
		       "  bin_dir = \"/ours\" # heddle install\n"
		       "[other]\n"
		       "bin_dir = \"/usr/lib/cni\"\n");
}

static void a_table_is_added_at_the_end(void **state)
{
	(void)state;
	assert_becomes("[plugins]\n", "[plugins]\n"
				      "[plugins.\"" CRI "\".cni] # heddle install\n"
				      "  bin_dir = \"/ours\" # heddle install\n");
	assert_becomes("", "[plugins.\"" CRI "\".cni] # heddle install\n"
			   "  bin_dir = \"/ours\" # heddle install\n");
}

/* What looks like the key or its table, but is in a string, a list or a comment. */
static void lookalikes_are_left_alone(void **state)
{
	static const char text[] = "a = \"\"\"\n"
				   "[plugins.\"" CRI "\".cni]\n"
				   "bin_dir = 1 \\\"\"\"\"\"\n"
				   "b = '''\n[x]\n'''\n"
				   "c = [ # ]\n"
				   "  [1, 2],\n"
				   "  '[y]',\n"
				   "]\n"
				   "#[plugins.\"" CRI "\".cni]\n"
				   "d = { e = \"}\", f = 1 }\n"
				   "[[plugins.list]]\n"
				   "bin_dir = 1\n";
	AUTO_FREE char *changed = set_and_undo(text);

	(void)state;
	assert_memory_equal(changed, text, strlen(text));
}

static void keys_with_dots_are_found_or_refused(void **state)
{
	AUTO_FREE char *changed = NULL;
	struct err e = { 0 };

	(void)state;
	assert_becomes("[plugins.\"" CRI "\"]\ncni.bin_dir = '/x'\n",
		       "[plugins.\"" CRI "\"]\n"
		       "#heddle-was#cni.bin_dir = '/x'\n"
		       "cni.bin_dir = \"/ours\" # heddle install\n");
	assert_int_equal(install_toml_set("[plugins.\"" CRI "\"]\ncni.conf_dir = '/x'\n", &bin_dir,
					  "1", &changed, &e),
			 -EINVAL);
	assert_non_null(strstr(e.msg, "with dots"));
	assert_int_equal(install_toml_set("[plugins.\"" CRI "\"]\ncni = { conf_dir = '/x' }\n",
					  &bin_dir, "1", &changed, &e),
			 -EINVAL);
	assert_non_null(strstr(e.msg, "one line"));
	assert_null(changed);
}

static void values_of_many_lines_are_replaced_whole(void **state)
{
	(void)state;
	assert_becomes("[plugins.\"" CRI "\".cni]\n  bin_dir = [\n    1,\n  ]\nx = 1\n",
		       "[plugins.\"" CRI "\".cni]\n"
		       "  #heddle-was#  bin_dir = [\n"
		       "  #heddle-was#    1,\n"
		       "  #heddle-was#  ]\n"
		       "  bin_dir = \"/ours\" # heddle install\n"
		       "x = 1\n");
}

static void a_missing_newline_is_added(void **state)
{
	AUTO_FREE char *changed = NULL, *back = NULL;

	(void)state;
	assert_int_equal(install_toml_set("[a]\nb = 1", &bin_dir, "2", &changed, NULL), 0);
	back = install_toml_undo(changed);
	assert_string_equal(back, "[a]\nb = 1\n");
}

static void what_is_no_toml_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "a = 1\nb\n", "line 2: a key is without '='" },
		{ "a =\n", "line 1: a key has no value" },
		{ "= 1\n", "line 1: a key is expected" },
		{ "a = \"x\nb = 1\n", "line 1: a string has no end" },
		{ "a = '''x\n", "line 1: a string has no end" },
		{ "a = [1,\n", "a list or table has no end" },
		{ "[a\n", "line 1: a table's name has no end" },
		{ "[[a]\n", "line 1: a table's name has no end" },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1", "line 1: a key has too many parts" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *value = NULL;
		struct err e = { 0 };

		assert_int_equal(install_toml_get(cases[i].text, &bin_dir, &value, &e), -EINVAL);
		assert_null(value);
		if (!strstr(e.msg, cases[i].says))
			fail_msg("%s: says %s", cases[i].text, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_is_there_is_replaced),
		cmocka_unit_test(a_table_that_is_there_gets_the_key),
		cmocka_unit_test(a_table_is_added_at_the_end),
		cmocka_unit_test(lookalikes_are_left_alone),
		cmocka_unit_test(keys_with_dots_are_found_or_refused),
		cmocka_unit_test(values_of_many_lines_are_replaced_whole),
		cmocka_unit_test(a_missing_newline_is_added),
		cmocka_unit_test(what_is_no_toml_is_told_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
