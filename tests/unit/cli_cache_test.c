/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_cache - attachments as libcni's cache has them */
#include "cli/cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "tests/unit/cache_lab.h"

static const char *path_of(const struct lab *lab, const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/results/%s", lab->dir, name);

	return path;
}

static void write_file(const struct lab *lab, const char *name, const char *text)
{
	FILE *f = fopen(path_of(lab, name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct cache_entry make(const char *network, const char *container, const char *ifname)
{
	return (struct cache_entry){
		.network = strdup(network),
		.container_id = strdup(container),
		.ifname = strdup(ifname),
		.netns = strdup("/run/netns/one"),
		.conf = json_pack("{s:s, s:s}", "cniVersion", "1.0.0", "name", network),
		.args = json_pack("[[s, s]]", "IgnoreUnknown", "1"),
		.capability_args = json_pack("{s:s}", "mac", "02:00:00:00:00:01"),
		.result = json_pack("{s:s}", "cniVersion", "1.0.0"),
		.heddle = json_pack("{s:s}", "name", "one"),
	};
}

static void write_entry(const struct lab *lab, const char *network, const char *container,
			const char *ifname)
{
	AUTO(cache_entry_clear) struct cache_entry entry = make(network, container, ifname);

	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
}

static size_t count(const struct lab *lab, const char *network, const char *container)
{
	AUTO(cache_clear) struct cache c = { 0 };

	assert_int_equal(cache_load(&lab->env, network, container, &c, NULL), 0);

	return c.n;
}

/* ---- tests --------------------------------------------------------------- */

static void base64_is_that_of_the_rfc(void **state)
{
	/* RFC 4648, section 10 */
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		AUTO_FREE char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
		AUTO_FREE char *back = NULL;
		size_t len;

		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(base64_decode(text, &back, &len), 0);
		assert_int_equal(len, strlen(pairs[i][0]));
		assert_string_equal(back, pairs[i][0]);
	}
}

static void what_is_not_base64_is_refused(void **state)
{
	static const char *const bad[] = { "Zg", "Zg=", "Zg===", "Z===", "=Zg=", "Zm9v\n", "Zm-v" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_FREE char *back = NULL;
		size_t len;

		assert_int_equal(base64_decode(bad[i], &back, &len), -EINVAL);
	}
}

static void without_a_directory_nothing_is_attached(void **state)
{
	const struct lab *lab = *state;

	assert_int_equal(count(lab, NULL, NULL), 0);
}

static void what_is_written_is_read_back(void **state)
{
	const struct lab *lab = *state;
	AUTO(cache_entry_clear) struct cache_entry entry = make("lows-network", "c-1", "eth0");
	AUTO(cache_clear) struct cache c = { 0 };

	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
	assert_int_equal(cache_load(&lab->env, NULL, NULL, &c, NULL), 0);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.entries[0].network, "lows-network");
	assert_string_equal(c.entries[0].container_id, "c-1");
	assert_string_equal(c.entries[0].ifname, "eth0");
	assert_string_equal(c.entries[0].netns, "/run/netns/one");
	assert_true(json_equal(c.entries[0].conf, entry.conf));
	assert_true(json_equal(c.entries[0].args, entry.args));
	assert_true(json_equal(c.entries[0].capability_args, entry.capability_args));
	assert_true(json_equal(c.entries[0].result, entry.result));
	assert_true(json_equal(c.entries[0].heddle, entry.heddle));
}

static void the_file_is_libcni_s(void **state)
{
	const struct lab *lab = *state;
	AUTO(cache_entry_clear) struct cache_entry entry = make("n", "c", "eth0");
	AUTO_JSON json_t *doc = NULL;
	struct stat st;

	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
	assert_int_equal(stat(path_of(lab, "n-c-eth0"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	doc = json_load_file(path_of(lab, "n-c-eth0"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), "cniCacheV1");
	/* {"cniVersion":"1.0.0","name":"n"} */
	assert_string_equal(json_string_value(json_object_get(doc, "config")),
			    "eyJjbmlWZXJzaW9uIjoiMS4wLjAiLCJuYW1lIjoibiJ9");
}

static void an_engine_s_entry_is_read(void **state)
{
	const struct lab *lab = *state;
	AUTO(cache_clear) struct cache c = { 0 };

	write_entry(lab, "n", "c", "eth0"); /* makes the directory */
	write_file(lab, "podman-0a1b-eth0",
		   "{\"kind\":\"cniCacheV1\",\"containerId\":\"0a1b\",\"config\":\"e30=\","
		   "\"ifName\":\"eth0\",\"networkName\":\"podman\",\"netns\":\"/run/netns/x\","
		   "\"cniArgs\":[[\"IgnoreUnknown\",\"1\"],[\"K8S_POD_NAME\",\"web\"]],"
		   "\"result\":{\"cniVersion\":\"0.4.0\"}}");
	assert_int_equal(cache_load(&lab->env, "podman", NULL, &c, NULL), 0);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.entries[0].netns, "/run/netns/x");
	assert_true(json_is_object(c.entries[0].conf));
	assert_null(c.entries[0].heddle);
	assert_null(c.entries[0].capability_args);
}

static void torn_and_foreign_files_are_left_out(void **state)
{
	const struct lab *lab = *state;

	write_entry(lab, "n", "c", "eth0");
	write_file(lab, "n-torn-eth0", "{\"kind\":\"cniCacheV1\",\"contai");
	write_file(lab, "n-empty-eth0", "");
	write_file(lab, "n-legacy-eth0", "{\"cniVersion\":\"0.4.0\",\"ips\":[]}");
	write_file(lab, "n-other-eth0",
		   "{\"kind\":\"cniCacheV1\",\"containerId\":\"else\",\"ifName\":\"eth0\","
		   "\"networkName\":\"n\",\"config\":\"e30=\"}");
	write_file(lab, ".heddle-abcdef.tmp", "{}");
	assert_int_equal(symlink("n-c-eth0", path_of(lab, "n-link-eth0")), 0);
	assert_int_equal(count(lab, NULL, NULL), 1);
}

static void names_with_dashes_are_not_mixed_up(void **state)
{
	const struct lab *lab = *state;

	write_entry(lab, "a", "b-c", "eth0");
	write_entry(lab, "a-b", "c", "eth0"); /* the same file name: the later one counts */
	write_entry(lab, "a", "d", "eth0");
	assert_int_equal(count(lab, NULL, NULL), 2);
	assert_int_equal(count(lab, "a", NULL), 1);
	assert_int_equal(count(lab, "a-b", NULL), 1);
	assert_int_equal(count(lab, NULL, "c"), 1);
	assert_int_equal(count(lab, "a-b", "d"), 0);
}

static void a_second_write_replaces_the_first(void **state)
{
	const struct lab *lab = *state;
	AUTO(cache_clear) struct cache c = { 0 };
	AUTO(cache_entry_clear) struct cache_entry entry = make("n", "c", "eth0");

	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
	json_object_set_new(entry.heddle, "name", json_string("two"));
	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
	assert_int_equal(cache_load(&lab->env, NULL, NULL, &c, NULL), 0);
	assert_int_equal(c.n, 1);
	assert_string_equal(json_string_value(json_object_get(c.entries[0].heddle, "name")), "two");
}

static void removing_is_content_to_find_nothing(void **state)
{
	const struct lab *lab = *state;
	AUTO(cache_entry_clear) struct cache_entry entry = make("n", "c", "eth0");

	assert_int_equal(cache_remove(&lab->env, &entry, NULL), 0);
	assert_int_equal(cache_write(&lab->env, &entry, NULL), 0);
	assert_int_equal(cache_remove(&lab->env, &entry, NULL), 0);
	assert_int_equal(cache_remove(&lab->env, &entry, NULL), 0);
	assert_int_equal(count(lab, NULL, NULL), 0);
}

static void a_cache_that_cannot_be_written_is_told_with_its_place(void **state)
{
	struct lab *lab = *state;
	AUTO(cache_entry_clear) struct cache_entry entry = make("n", "c", "eth0");
	struct command_env env = { .cache_dir = "/proc/none" };
	struct err e = { 0 };

	(void)lab;
	assert_int_equal(cache_write(&env, &entry, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/proc/none"));
}

static void entries_are_in_order(void **state)
{
	const struct lab *lab = *state;
	AUTO(cache_clear) struct cache c = { 0 };

	write_entry(lab, "b", "c", "eth0");
	write_entry(lab, "a", "d", "eth0");
	write_entry(lab, "a", "c", "eth1");
	write_entry(lab, "a", "c", "eth0");
	assert_int_equal(cache_load(&lab->env, NULL, NULL, &c, NULL), 0);
	assert_int_equal(c.n, 4);
	assert_string_equal(c.entries[0].ifname, "eth0");
	assert_string_equal(c.entries[1].ifname, "eth1");
	assert_string_equal(c.entries[2].container_id, "d");
	assert_string_equal(c.entries[3].network, "b");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_that_of_the_rfc),
		cmocka_unit_test(what_is_not_base64_is_refused),
		TEST(without_a_directory_nothing_is_attached),
		TEST(what_is_written_is_read_back),
		TEST(the_file_is_libcni_s),
		TEST(an_engine_s_entry_is_read),
		TEST(torn_and_foreign_files_are_left_out),
		TEST(names_with_dashes_are_not_mixed_up),
		TEST(a_second_write_replaces_the_first),
		TEST(removing_is_content_to_find_nothing),
		TEST(a_cache_that_cannot_be_written_is_told_with_its_place),
		TEST(entries_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
