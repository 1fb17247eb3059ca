/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_store - networks on disk: what is read, found, added and removed */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network-conf.h"

static struct err err;

/* Directories of the test's own, and what was warned of. */
static struct {
	char top[64], conf[80], state[80];
	struct command_env env;
	char warning[512];
	int warnings;
} lab;

static int setup(void **state)
{
	(void)state;
	snprintf(lab.top, sizeof(lab.top), "/tmp/cli_store_test.XXXXXX");
	assert_non_null(mkdtemp(lab.top));
	snprintf(lab.conf, sizeof(lab.conf), "%s/net.d", lab.top);
	snprintf(lab.state, sizeof(lab.state), "%s/state", lab.top);
	lab.env = (struct command_env){ .conf_dir = lab.conf,
					.state_dir = lab.state,
					.cache_dir = lab.top };
	lab.warnings = 0;

	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", lab.top);
	assert_int_equal(system(command), 0);

	return 0;
}

static void warn(const char *text)
{
	snprintf(lab.warning, sizeof(lab.warning), "%s", text);
	lab.warnings++;
}

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", lab.conf, name);

	return path;
}

static void put_at(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *name, const char *text)
{
	(void)mkdir(lab.conf, 0755);
	put_at(path_of(name), text);
}

static void put_network(const char *file, const char *name)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"plugins\":[{\"type\":\"x\"}]}", name);
	put(file, text);
}

static struct store load(void)
{
	struct store s = { 0 };

	if (store_load(&lab.env, warn, &s, &err) < 0)
		fail_msg("%s", err.msg);

	return s;
}

/* The names of a store, with spaces between. */
static const char *names(const struct store *s)
{
	static char text[512];

	text[0] = '\0';
	for (size_t i = 0; i < s->n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 s->networks[i].name);

	return text;
}

static struct network make(const char *name)
{
	struct network net = { .name = strdup(name),
			       .driver = strdup("bridge"),
			       .created = strdup("2026-11-22T08:00:00.000000001Z") };

	assert_int_equal(network_conf_write(&net, NULL, &err), 0);

	return net;
}

static void assert_found(const struct store *s, const char *ref, const char *want)
{
	const struct network *net;

	if (store_find(s, ref, &net, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(net->name, want);
}

/* ---- reading ------------------------------------------------------------- */

static void no_directory_holds_the_predefined_networks(void **state)
{
	AUTO(store_clear) struct store s = load();

	(void)state;
	assert_string_equal(names(&s), "bridge host none");
	assert_int_equal(lab.warnings, 0);
}

static void networks_are_in_the_order_of_people(void **state)
{
	AUTO(store_clear) struct store s = { 0 };

	(void)state;
	put_network("b.conflist", "net10");
	put_network("c.conf", "net2");
	put_network("d.json", "a");
	put_network("e.txt", "no");
	s = load();
	assert_string_equal(names(&s), "a bridge host net2 net10 none");
	assert_int_equal(lab.warnings, 0);
}

static void nerdctls_namespaces_are_looked_into(void **state)
{
	AUTO(store_clear) struct store s = { 0 };

	(void)state;
	put_network("a.conflist", "a");
	assert_int_equal(mkdir(path_of("ns"), 0755), 0);
	put_network("ns/nerdctl-b.conflist", "b");
	put_network("ns/other.conflist", "other");
	s = load();
	assert_string_equal(names(&s), "a b bridge host none");
}

static void what_is_no_network_is_warned_of(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "not valid JSON" },
		{ "{\"name\": \"a\", \"plugins\": [{\"typ", "not valid JSON" },
		{ "{\"name\": \"a\"}", "plugins" },
		{ "{\"name\": \"host\", \"plugins\": [{\"type\": \"x\"}]}", "predefined" },
		{ "{\"name\": \"bridge\", \"plugins\": [{\"type\": \"x\"}]}", "predefined" },
		{ "{\"name\": \"a\", \"heddle\": {\"version\": 1, \"driver\": \"null\","
		  "\"configOnly\": true}}",
		  "config-only" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(store_clear) struct store s = { 0 };

		put("a.conflist", cases[i].text);
		s = load();
		assert_string_equal(names(&s), "bridge host none");
		assert_int_equal(lab.warnings, i + 1);
		assert_non_null(strstr(lab.warning, "/a.conflist: not used: "));
		if (!strstr(lab.warning, cases[i].says))
			fail_msg("%s", lab.warning);
	}
}

static void a_fifo_and_a_directory_are_no_networks(void **state)
{
	AUTO(store_clear) struct store s = { 0 };

	(void)state;
	assert_int_equal(mkdir(lab.conf, 0755), 0);
	assert_int_equal(mkfifo(path_of("a.conf"), 0600), 0);
	assert_int_equal(mkdir(path_of("b.conflist"), 0700), 0);
	s = load();
	assert_string_equal(names(&s), "bridge host none");
	assert_int_equal(lab.warnings, 2);
}

static void of_two_files_for_a_name_the_first_counts(void **state)
{
	AUTO(store_clear) struct store s = { 0 };
	const struct network *net;

	(void)state;
	put_network("a.conflist", "twice");
	put_network("b.conflist", "twice");
	s = load();
	assert_int_equal(store_find(&s, "twice", &net, &err), 0);
	assert_non_null(strstr(net->file, "/a.conflist"));
	assert_int_equal(lab.warnings, 1);
}

static void nerdctls_bridge_is_the_bridge_where_it_is_there(void **state)
{
	AUTO(store_clear) struct store s = { 0 };
	const struct network *net;

	(void)state;
	put("nerdctl-bridge.conflist", "{\"name\":\"bridge\",\"nerdctlID\":\"x\",\"plugins\":["
				       "{\"type\":\"bridge\",\"bridge\":\"nerdctl0\"}]}");
	s = load();
	assert_string_equal(names(&s), "bridge host none");
	assert_int_equal(store_find(&s, "bridge", &net, &err), 0);
	assert_string_equal(net->link, "nerdctl0");
	assert_int_equal(lab.warnings, 0);
}

static void a_network_that_does_not_say_when_is_as_old_as_its_file(void **state)
{
	static const struct timespec times[2] = { { 1, 0 }, { 1000000000, 42 } };
	AUTO(store_clear) struct store s = { 0 };
	const struct network *net;

	(void)state;
	put_network("a.conflist", "a");
	assert_int_equal(utimensat(AT_FDCWD, path_of("a.conflist"), times, 0), 0);
	s = load();
	assert_int_equal(store_find(&s, "a", &net, &err), 0);
	assert_string_equal(net->created, "2001-09-09T01:46:40.000000042Z");
}

/* ---- finding ------------------------------------------------------------- */

static void a_network_is_found_by_id_name_and_prefix(void **state)
{
	AUTO(store_clear) struct store s = { 0 };

	(void)state;
	put_network("a.conflist", "podman"); /* 2f259bab93aa… */
	put_network("b.conflist", "2f259");  /* a name goes before a prefix */
	s = load();
	assert_found(&s, "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
		     "podman");
	assert_found(&s, "podman", "podman");
	assert_found(&s, "2f259b", "podman");
	assert_found(&s, "2f259", "2f259");
}

static void a_prefix_of_several_is_ambiguous(void **state)
{
	struct network two[] = { { .name = (char[]){ "x" }, .id = "abc1" },
				 { .name = (char[]){ "y" }, .id = "abc2" } };
	const struct store s = { two, 2 };
	const struct network *net;

	(void)state;
	assert_int_equal(store_find(&s, "abc", &net, &err), -ENOTUNIQ);
	assert_string_equal(err.msg,
			    "network abc is ambiguous (2 matches found based on ID prefix)");
	assert_int_equal(store_find(&s, "", &net, &err), -ENOENT);
}

static void a_scope_or_a_driver_in_the_place_of_a_name_gets_a_hint(void **state)
{
	AUTO(store_clear) struct store s = load();
	const struct network *net;

	(void)state;
	assert_int_equal(store_find(&s, "local", &net, &err), -ENOENT);
	assert_string_equal(err.msg, "network local not found");
	assert_non_null(strstr(err.details, "ls --filter scope=local"));
	assert_int_equal(store_find(&s, "macvlan", &net, &err), -ENOENT);
	assert_non_null(strstr(err.details, "ls --filter driver=macvlan"));
	assert_int_equal(store_find(&s, "lows", &net, &err), -ENOENT);
	assert_string_equal(err.details, "");
}

/* ---- changing ------------------------------------------------------------ */

static void a_network_that_is_added_is_there_and_can_be_read_by_all(void **state)
{
	AUTO(network_clear) struct network net = make("lows");
	AUTO(store_clear) struct store s = { 0 };
	AUTO_FD int lock = -1;
	struct stat st;

	(void)state;
	umask(077);
	lock = store_lock(&lab.env, &err);
	assert_true(lock >= 0);
	assert_int_equal(store_add(&lab.env, &net, &err), 0);
	umask(022);
	assert_string_equal(net.file, path_of("zz-heddle-lows.conflist"));
	assert_int_equal(stat(net.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_nlink, 1);
	s = load();
	assert_string_equal(names(&s), "bridge host lows none");
	assert_int_equal(store_remove(&net, &err), 0);
	assert_int_equal(store_remove(&net, &err), 0);
	assert_int_equal(access(net.file, F_OK), -1);
}

static void a_file_that_is_there_is_left_alone(void **state)
{
	AUTO(network_clear) struct network net = make("lows");
	struct stat before, after;

	(void)state;
	put("zz-heddle-lows.conflist", "torn");
	assert_int_equal(stat(path_of("zz-heddle-lows.conflist"), &before), 0);
	assert_int_equal(store_add(&lab.env, &net, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "zz-heddle-lows.conflist"));
	assert_int_equal(stat(path_of("zz-heddle-lows.conflist"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_size, 4);
	assert_null(net.file);
}

static void a_template_is_kept_out_of_the_engines_sight(void **state)
{
	AUTO(network_clear) struct network net = make("template");
	AUTO(store_clear) struct store s = { 0 };
	const struct network *found;

	(void)state;
	net.config_only = true;
	assert_int_equal(network_conf_write(&net, NULL, &err), 0);
	assert_int_equal(store_add(&lab.env, &net, &err), 0);
	assert_non_null(strstr(net.file, "/state/networks/template.json"));
	s = load();
	assert_int_equal(store_find(&s, "template", &found, &err), 0);
	assert_true(found->config_only);
}

static void whoever_has_the_lock_clears_what_the_last_has_left(void **state)
{
	char templates[96], half[128];
	AUTO_FD int lock = -1;

	(void)state;
	snprintf(templates, sizeof(templates), "%s/networks", lab.state);
	snprintf(half, sizeof(half), "%s/.heddle-7.tmp", templates);
	assert_int_equal(mkdir(lab.state, 0755), 0);
	assert_int_equal(mkdir(templates, 0755), 0);
	put_at(half, "half");
	put(".heddle-123.tmp", "half");
	put(".heddle-123.txt", "not ours");
	lock = store_lock(&lab.env, &err);
	assert_true(lock >= 0);
	assert_int_equal(access(half, F_OK), -1);
	assert_int_equal(access(path_of(".heddle-123.tmp"), F_OK), -1);
	assert_int_equal(access(path_of(".heddle-123.txt"), F_OK), 0);
}

static void names_that_engines_read(void **state)
{
	(void)state;
	assert_true(store_is_conf("a.conf") && store_is_conf("a.conflist"));
	assert_true(store_is_conf("a.json"));
	assert_false(store_is_conf(".json") || store_is_conf("a.tmp") || store_is_conf("conf"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_directory_holds_the_predefined_networks),
		TEST(networks_are_in_the_order_of_people),
		TEST(nerdctls_namespaces_are_looked_into),
		TEST(what_is_no_network_is_warned_of),
		TEST(a_fifo_and_a_directory_are_no_networks),
		TEST(of_two_files_for_a_name_the_first_counts),
		TEST(nerdctls_bridge_is_the_bridge_where_it_is_there),
		TEST(a_network_that_does_not_say_when_is_as_old_as_its_file),
		TEST(a_network_is_found_by_id_name_and_prefix),
		TEST(a_prefix_of_several_is_ambiguous),
		TEST(a_scope_or_a_driver_in_the_place_of_a_name_gets_a_hint),
		TEST(a_network_that_is_added_is_there_and_can_be_read_by_all),
		TEST(a_file_that_is_there_is_left_alone),
		TEST(a_template_is_kept_out_of_the_engines_sight),
		TEST(whoever_has_the_lock_clears_what_the_last_has_left),
		TEST(names_that_engines_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
