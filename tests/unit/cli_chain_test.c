/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli_chain - chains of plugins that note how they were called
 *
 * The plugins are shell scripts in a directory of the test's own; each appends
 * its name and the verb to "log", and keeps its stdin in NAME.VERB.
 */
#include "cli/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"

struct lab {
	char dir[64];
	struct command_env env;
	struct network net;
	struct chain_attachment a;
	struct err e;
};

#define VERSION_IS(list)                                                                           \
	"if [ $CNI_COMMAND = VERSION ]; then "                                                     \
	"echo '{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[" list "]}'; exit; fi\n"
#define ALL_VERSIONS VERSION_IS("\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"")
#define RESULT(mac)                                                                                \
	"[ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"1.0.0\","                              \
	"\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"" mac "\"}]}'\n"
#define FAILS_AT(verb)                                                                             \
	"if [ $CNI_COMMAND = " verb " ]; then "                                                    \
	"echo '{\"code\":11,\"msg\":\"try again\",\"details\":\"later\"}'; exit 1; fi\n"
#define TEXT(conf)                                                                                 \
	"{" conf ",\"name\":\"n\",\"plugins\":["                                                   \
	"{\"type\":\"one\",\"capabilities\":{\"mac\":true}},{\"type\":\"two\"}]}"

static void install(const struct lab *lab, const char *name, const char *script)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", lab->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f,
		"#!/bin/sh\ncd %s\n"
		"echo \"${0##*/} $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS\" "
		">>log\ncat >${0##*/}.$CNI_COMMAND\n%s",
		lab->dir, script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void set_conf(struct lab *lab, const char *text)
{
	json_decref(lab->net.conf);
	lab->net.conf = json_loads(text, 0, NULL);
	assert_non_null(lab->net.conf);
}

static int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/cli_chain_test.XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	lab->env = (struct command_env){ .cache_dir = lab->dir, .plugin_path = lab->dir };
	lab->a = (struct chain_attachment){
		.network = "n",
		.container_id = "c1",
		.ifname = "eth0",
		.netns = "/run/netns/c1",
		.args = "IgnoreUnknown=1;K=V",
		.capability_args = json_pack("{s:s}", "mac", "02:00:00:00:00:01"),
		.heddle = json_pack("{s:s}", "name", "c1"),
	};
	lab->net.name = strdup("n");
	set_conf(lab, TEXT("\"cniVersion\":\"1.0.0\""));
	install(lab, "one", RESULT("02:00:00:00:00:0a"));
	install(lab, "two", RESULT("02:00:00:00:00:0b"));
	*state = lab;

	return 0;
}

static int lab_teardown(void **state)
{
	struct lab *lab = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", lab->dir);
	assert_int_equal(system(command), 0);
	json_decref(lab->a.capability_args);
	json_decref(lab->a.heddle);
	json_decref(lab->net.conf);
	free(lab->net.name);
	free(lab);

	return 0;
}

/* ---- what was done ------------------------------------------------------- */

static void assert_log(const struct lab *lab, const char *want)
{
	char path[128], text[1024];
	AUTO_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/log", lab->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, want);
}

/* The calls so far are of no interest. */
static void forget_log(const struct lab *lab)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/log", lab->dir);
	assert_int_equal(unlink(path), 0);
}

/* What a plugin got on stdin, owned by the caller. */
static json_t *stdin_of(const struct lab *lab, const char *file)
{
	char path[128];
	json_t *doc;

	snprintf(path, sizeof(path), "%s/%s", lab->dir, file);
	doc = json_load_file(path, 0, NULL);
	assert_non_null(doc);

	return doc;
}

static const char *mac_of(const json_t *result)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(result, "interfaces"), 0), "mac"));
}

static size_t count_cached(const struct lab *lab)
{
	AUTO(cache_clear) struct cache c = { 0 };

	assert_int_equal(cache_load(&lab->env, NULL, NULL, &c, NULL), 0);

	return c.n;
}

static int add(struct lab *lab)
{
	return chain_add(&lab->env, &lab->net, &lab->a, NULL, &lab->e);
}

static void attach(struct lab *lab)
{
	assert_int_equal(add(lab), 0);
	forget_log(lab);
}

#define LINE(name, verb) name " " verb " c1 /run/netns/c1 eth0 IgnoreUnknown=1;K=V\n"

/* ---- ADD ----------------------------------------------------------------- */

static void each_plugin_gets_the_result_of_the_one_before(void **state)
{
	struct lab *lab = *state;
	AUTO_JSON json_t *result = NULL, *one = NULL, *two = NULL;

	assert_int_equal(chain_add(&lab->env, &lab->net, &lab->a, &result, NULL), 0);
	assert_log(lab, LINE("one", "ADD") LINE("two", "ADD"));
	one = stdin_of(lab, "one.ADD");
	two = stdin_of(lab, "two.ADD");
	assert_null(json_object_get(one, "prevResult"));
	assert_string_equal(mac_of(json_object_get(two, "prevResult")), "02:00:00:00:00:0a");
	assert_string_equal(mac_of(result), "02:00:00:00:00:0b");
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(one, "runtimeConfig"), "mac")),
			    "02:00:00:00:00:01");
	assert_null(json_object_get(two, "runtimeConfig"));
}

static void an_attachment_is_remembered(void **state)
{
	struct lab *lab = *state;
	AUTO(cache_clear) struct cache c = { 0 };

	attach(lab);
	assert_int_equal(cache_load(&lab->env, "n", "c1", &c, NULL), 0);
	assert_int_equal(c.n, 1);
	assert_true(json_equal(c.entries[0].conf, lab->net.conf));
	assert_true(json_equal(c.entries[0].heddle, lab->a.heddle));
	assert_true(json_equal(c.entries[0].capability_args, lab->a.capability_args));
	assert_string_equal(mac_of(c.entries[0].result), "02:00:00:00:00:0b");
	assert_int_equal(json_array_size(c.entries[0].args), 2);
}

static void a_result_of_another_version_is_converted(void **state)
{
	struct lab *lab = *state;
	AUTO_JSON json_t *two = NULL;
	const json_t *prev;

	install(lab, "one",
		"[ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"0.3.1\","
		"\"ips\":[{\"version\":\"4\",\"address\":\"10.1.0.5/24\"}],\"dns\":{}}'\n");
	assert_int_equal(add(lab), 0);
	two = stdin_of(lab, "two.ADD");
	prev = json_object_get(two, "prevResult");
	assert_string_equal(json_string_value(json_object_get(prev, "cniVersion")), "1.0.0");
	assert_null(json_object_get(json_array_get(json_object_get(prev, "ips"), 0), "version"));
}

static void a_failed_add_is_undone_by_all(void **state)
{
	struct lab *lab = *state;
	AUTO_JSON json_t *undo = NULL;

	install(lab, "two", FAILS_AT("ADD"));
	assert_int_equal(add(lab), -EAGAIN);
	assert_int_equal(lab->e.cni, CNI_E_AGAIN);
	assert_non_null(strstr(lab->e.msg, "network n: two: try again"));
	assert_string_equal(lab->e.details, "later");
	assert_log(lab,
		   LINE("one", "ADD") LINE("two", "ADD") LINE("two", "DEL") LINE("one", "DEL"));
	assert_int_equal(count_cached(lab), 0);
	/* What there is of a result helps plugins that need one. */
	undo = stdin_of(lab, "one.DEL");
	assert_string_equal(mac_of(json_object_get(undo, "prevResult")), "02:00:00:00:00:0a");
}

static void what_cannot_be_remembered_is_undone(void **state)
{
	struct lab *lab = *state;
	char path[128];

	/* A file where the directory of the cache should be. */
	snprintf(path, sizeof(path), "%s/results", lab->dir);
	assert_int_equal(close(creat(path, 0600)), 0);
	assert_true(add(lab) < 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(count_cached(lab), 0);
}

static void a_killed_plugin_is_reported(void **state)
{
	struct lab *lab = *state;

	install(lab, "two", "[ $CNI_COMMAND = DEL ] || kill -KILL $$\n");
	assert_true(add(lab) < 0);
	assert_non_null(strstr(lab->e.msg, "two was killed by signal 9"));
	assert_log(lab,
		   LINE("one", "ADD") LINE("two", "ADD") LINE("two", "DEL") LINE("one", "DEL"));
}

static void a_result_that_is_none_is_undone(void **state)
{
	struct lab *lab = *state;

	install(lab, "two", "[ $CNI_COMMAND != ADD ] || echo Hello\n");
	assert_true(add(lab) < 0);
	assert_non_null(strstr(lab->e.msg, "what two printed"));
	assert_int_equal(count_cached(lab), 0);
}

static void a_plugin_that_is_not_there_is_told_before_anything_runs(void **state)
{
	struct lab *lab = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/two", lab->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(add(lab), -ENOENT);
	assert_non_null(strstr(lab->e.msg, "no plugin \"two\""));
	assert_non_null(strstr(lab->e.msg, lab->dir));
	assert_log(lab, "");
}

static void an_attachment_that_is_there_is_told_before_anything_runs(void **state)
{
	struct lab *lab = *state;

	attach(lab);
	assert_int_equal(add(lab), -EEXIST);
	assert_non_null(strstr(lab->e.msg, "by eth0 already"));
	assert_int_equal(count_cached(lab), 1);
}

static void names_that_cni_forbids_are_told_before_anything_runs(void **state)
{
	struct lab *lab = *state;

	lab->a.ifname = "eth/0";
	assert_int_equal(add(lab), -EINVAL);
	lab->a.ifname = "eth0";
	lab->a.container_id = "../c1";
	assert_int_equal(add(lab), -EINVAL);
	assert_log(lab, "");
}

/* One that this process was started with, and knows nothing of. */
static void no_descriptor_is_handed_on(void **state)
{
	struct lab *lab = *state;
	AUTO_FD int fd = dup(STDERR_FILENO); /* not close-on-exec */
	char script[128];

	assert_true(fd > STDERR_FILENO);
	snprintf(script, sizeof(script), "[ ! -e /proc/self/fd/%d ] || exit 9\n", fd);
	install(lab, "one", RESULT("02:00:00:00:00:0a"));
	install(lab, "two", script);
	/* It prints no result, which is an error of its own; 9 would be named. */
	assert_true(add(lab) < 0);
	assert_null(strstr(lab->e.msg, "status 9"));
}

/* ---- versions ------------------------------------------------------------ */

static void where_there_is_no_choice_nobody_is_asked(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(add(lab), 0);
	assert_log(lab, LINE("one", "ADD") LINE("two", "ADD"));
}

static void the_newest_version_that_all_speak_is_used(void **state)
{
	struct lab *lab = *state;
	AUTO_JSON json_t *conf = NULL;

	set_conf(lab, TEXT("\"cniVersion\":\"0.4.0\","
			   "\"cniVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\",\"7.0.0\"]"));
	install(lab, "one", ALL_VERSIONS RESULT("02:00:00:00:00:0a"));
	install(lab, "two", VERSION_IS("\"0.4.0\",\"1.0.0\"") RESULT("02:00:00:00:00:0b"));
	assert_int_equal(add(lab), 0);
	conf = stdin_of(lab, "one.ADD");
	assert_string_equal(json_string_value(json_object_get(conf, "cniVersion")), "1.0.0");
}

static void a_plugin_that_speaks_none_of_them_is_named(void **state)
{
	struct lab *lab = *state;

	set_conf(lab, TEXT("\"cniVersions\":[\"1.0.0\",\"1.1.0\"]"));
	install(lab, "one", ALL_VERSIONS);
	install(lab, "two", VERSION_IS("\"0.3.1\""));
	assert_true(add(lab) < 0);
	assert_int_equal(lab->e.cni, CNI_E_VERSION);
	assert_non_null(strstr(lab->e.msg, "/two speaks no version"));
	assert_int_equal(count_cached(lab), 0);
}

/* ---- DEL ----------------------------------------------------------------- */

static void del_is_as_it_was_added_and_backwards(void **state)
{
	struct lab *lab = *state;
	struct chain_attachment a = { .network = "n", .container_id = "c1", .ifname = "eth0" };
	AUTO_JSON json_t *one = NULL;

	attach(lab);
	assert_int_equal(chain_del(&lab->env, NULL, &a, NULL), 0);
	assert_log(lab, "two DEL c1  eth0 IgnoreUnknown=1;K=V\none DEL c1  eth0 "
			"IgnoreUnknown=1;K=V\n");
	one = stdin_of(lab, "one.DEL");
	assert_string_equal(mac_of(json_object_get(one, "prevResult")), "02:00:00:00:00:0b");
	assert_non_null(json_object_get(json_object_get(one, "runtimeConfig"), "mac"));
	assert_int_equal(count_cached(lab), 0);
}

static void del_without_a_cache_goes_by_the_network(void **state)
{
	struct lab *lab = *state;
	AUTO_JSON json_t *one = NULL;

	assert_int_equal(chain_del(&lab->env, &lab->net, &lab->a, NULL), 0);
	assert_log(lab, LINE("two", "DEL") LINE("one", "DEL"));
	one = stdin_of(lab, "one.DEL");
	assert_null(json_object_get(one, "prevResult"));
}

static void del_of_what_nobody_knows_is_an_error(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(chain_del(&lab->env, NULL, &lab->a, &lab->e), -ENOENT);
	assert_log(lab, "");
}

static void del_goes_on_past_a_failure_and_does_not_forget(void **state)
{
	struct lab *lab = *state;

	attach(lab);
	install(lab, "two", FAILS_AT("DEL"));
	assert_int_equal(chain_del(&lab->env, &lab->net, &lab->a, &lab->e), -EAGAIN);
	assert_log(lab, LINE("two", "DEL") LINE("one", "DEL"));
	assert_int_equal(count_cached(lab), 1);
	install(lab, "two", "");
	assert_int_equal(chain_del(&lab->env, &lab->net, &lab->a, NULL), 0);
	assert_int_equal(count_cached(lab), 0);
}

/* ---- CHECK --------------------------------------------------------------- */

static void check_gets_the_result(void **state)
{
	struct lab *lab = *state;
	AUTO_JSON json_t *one = NULL;

	attach(lab);
	assert_int_equal(chain_check(&lab->env, &lab->net, &lab->a, NULL), 0);
	assert_log(lab, LINE("one", "CHECK") LINE("two", "CHECK"));
	one = stdin_of(lab, "one.CHECK");
	assert_string_equal(mac_of(json_object_get(one, "prevResult")), "02:00:00:00:00:0b");
}

static void check_stops_where_it_fails(void **state)
{
	struct lab *lab = *state;

	attach(lab);
	install(lab, "one", FAILS_AT("CHECK"));
	assert_int_equal(chain_check(&lab->env, &lab->net, &lab->a, NULL), -EAGAIN);
	assert_log(lab, LINE("one", "CHECK"));
}

static void what_is_not_attached_cannot_be_checked(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(chain_check(&lab->env, &lab->net, &lab->a, &lab->e), -ENOENT);
	assert_log(lab, "");
}

static void a_network_may_do_without_check(void **state)
{
	struct lab *lab = *state;

	set_conf(lab, TEXT("\"cniVersion\":\"1.0.0\",\"disableCheck\":true"));
	attach(lab);
	assert_int_equal(chain_check(&lab->env, &lab->net, &lab->a, NULL), 0);
	set_conf(lab, TEXT("\"cniVersion\":\"0.3.1\""));
	lab->a.ifname = "eth1";
	attach(lab);
	assert_true(chain_check(&lab->env, &lab->net, &lab->a, &lab->e) < 0);
	assert_int_equal(lab->e.cni, CNI_E_VERSION);
	assert_log(lab, "");
}

/* ---- GC and STATUS ------------------------------------------------------- */

static void gc_removes_what_is_not_valid_and_tells_the_plugins(void **state)
{
	struct lab *lab = *state;
	const struct cache_entry valid = { .network = (char[]){ "n" },
					   .container_id = (char[]){ "c1" },
					   .ifname = (char[]){ "eth0" } };
	const struct cache_entry *const list[] = { &valid };
	AUTO_JSON json_t *one = NULL;

	set_conf(lab, TEXT("\"cniVersion\":\"1.1.0\""));
	attach(lab);
	lab->a.container_id = "c2";
	attach(lab);
	assert_int_equal(chain_gc(&lab->env, &lab->net, list, 1, NULL), 0);
	assert_log(lab, "two DEL c2 /run/netns/c1 eth0 IgnoreUnknown=1;K=V\n"
			"one DEL c2 /run/netns/c1 eth0 IgnoreUnknown=1;K=V\n"
			"one GC    \ntwo GC    \n");
	one = stdin_of(lab, "one.GC");
	assert_int_equal(json_array_size(json_object_get(one, "cni.dev/valid-attachments")), 1);
	assert_int_equal(count_cached(lab), 1);
}

static void gc_of_an_older_version_is_del_alone(void **state)
{
	struct lab *lab = *state;

	attach(lab);
	assert_int_equal(chain_gc(&lab->env, &lab->net, NULL, 0, NULL), 0);
	assert_log(lab, LINE("two", "DEL") LINE("one", "DEL"));
}

static void gc_goes_on_past_a_failure(void **state)
{
	struct lab *lab = *state;

	set_conf(lab, TEXT("\"cniVersion\":\"1.1.0\""));
	install(lab, "one", FAILS_AT("GC"));
	assert_int_equal(chain_gc(&lab->env, &lab->net, NULL, 0, NULL), -EAGAIN);
	assert_log(lab, "one GC    \ntwo GC    \n");
}

static void status_asks_each_plugin(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(chain_status(&lab->env, &lab->net, NULL), 0);
	assert_log(lab, "");
	set_conf(lab, TEXT("\"cniVersion\":\"1.1.0\""));
	assert_int_equal(chain_status(&lab->env, &lab->net, NULL), 0);
	assert_log(lab, "one STATUS    \ntwo STATUS    \n");
	install(lab, "two", FAILS_AT("STATUS"));
	assert_int_equal(chain_status(&lab->env, &lab->net, NULL), -EAGAIN);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_plugin_gets_the_result_of_the_one_before),
		TEST(an_attachment_is_remembered),
		TEST(a_result_of_another_version_is_converted),
		TEST(a_failed_add_is_undone_by_all),
		TEST(what_cannot_be_remembered_is_undone),
		TEST(a_killed_plugin_is_reported),
		TEST(a_result_that_is_none_is_undone),
		TEST(a_plugin_that_is_not_there_is_told_before_anything_runs),
		TEST(an_attachment_that_is_there_is_told_before_anything_runs),
		TEST(names_that_cni_forbids_are_told_before_anything_runs),
		TEST(no_descriptor_is_handed_on),
		TEST(where_there_is_no_choice_nobody_is_asked),
		TEST(the_newest_version_that_all_speak_is_used),
		TEST(a_plugin_that_speaks_none_of_them_is_named),
		TEST(del_is_as_it_was_added_and_backwards),
		TEST(del_without_a_cache_goes_by_the_network),
		TEST(del_of_what_nobody_knows_is_an_error),
		TEST(del_goes_on_past_a_failure_and_does_not_forget),
		TEST(check_gets_the_result),
		TEST(check_stops_where_it_fails),
		TEST(what_is_not_attached_cannot_be_checked),
		TEST(a_network_may_do_without_check),
		TEST(gc_removes_what_is_not_valid_and_tells_the_plugins),
		TEST(gc_of_an_older_version_is_del_alone),
		TEST(gc_goes_on_past_a_failure),
		TEST(status_asks_each_plugin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
