/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_oci_state - what OCI runtimes tell hooks, and what containers ask for */
#include "cli/oci-state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/attach-options.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static json_t *parse(const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);

	assert_non_null(doc);

	return doc;
}

/* ---- the state ----------------------------------------------------------- */

static void runc_s_and_crun_s_states_are_read(void **state)
{
	AUTO_JSON json_t *runc = parse("{\"ociVersion\":\"1.0.2-dev\",\"id\":\"one\","
				       "\"status\":\"creating\",\"pid\":42,\"bundle\":\"/b\","
				       "\"annotations\":{\"io.heddle.networks\":\"n\"}}");
	AUTO_JSON json_t *crun = parse("{\"ociVersion\":\"1.0\",\"id\":\"one\",\"pid\":0,"
				       "\"root\":\"/r\",\"bundle\":\"/b\",\"status\":\"stopped\"}");
	struct oci_state s;

	(void)state;
	assert_int_equal(oci_state_read(runc, &s, NULL), 0);
	assert_string_equal(s.id, "one");
	assert_string_equal(s.bundle, "/b");
	assert_int_equal(s.pid, 42);
	assert_false(s.stopped);
	assert_int_equal(json_object_size(s.annotations), 1);
	assert_int_equal(oci_state_read(crun, &s, NULL), 0);
	assert_true(s.stopped);
	assert_null(s.annotations);
}

static void what_is_no_state_is_refused(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"id\":\"\"}",
		"{\"id\":\"a/b\"}",
		"{\"id\":7}",
		"{\"id\":\"a\",\"pid\":-1}",
		"{\"id\":\"a\",\"pid\":\"1\"}",
		"{\"id\":\"a\",\"annotations\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_JSON json_t *doc = parse(bad[i]);
		struct err e = { 0 };
		struct oci_state s;

		if (oci_state_read(doc, &s, &e) != -EINVAL)
			fail_msg("%s should be refused", bad[i]);
		assert_true(*e.msg);
	}
}

/* ---- config.json --------------------------------------------------------- */

static void the_namespace_is_new_or_given_or_the_host_s(void **state)
{
	static const struct {
		const char *config;
		int r;
		const char *path;
	} cases[] = {
		{ "{}", 0, "" },
		{ "{\"linux\":{}}", 0, "" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}", 0, "" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"}]}}", 1,
		  "/proc/42/ns/net" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/netns/x\"}]}}",
		  1, "/run/netns/x" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":7}]}}", -EINVAL, "" },
		{ "{\"linux\":{\"namespaces\":{}}}", -EINVAL, "" },
		{ "[]", -EINVAL, "" },
	};
	const struct oci_state s = { .id = "one", .pid = 42 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON json_t *config = parse(cases[i].config);
		char path[PATH_MAX] = "";

		if (oci_state_netns(&s, config, path, NULL) != cases[i].r)
			fail_msg("%s", cases[i].config);
		assert_string_equal(path, cases[i].path);
	}
}

static void a_new_namespace_needs_a_process(void **state)
{
	AUTO_JSON json_t *config = parse("{\"linux\":{\"namespaces\":[{\"type\":\"network\"}]}}");
	const struct oci_state s = { .id = "one" };
	struct err e = { 0 };
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(oci_state_netns(&s, config, path, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "pid"));
}

/* ---- annotations --------------------------------------------------------- */

static int read_annotations(const char *text, struct attach_options *ret, const char **ret_name,
			    json_t **ret_doc, struct err *e)
{
	struct oci_state s = { 0 };

	s.annotations = *ret_doc = parse(text);

	return oci_state_options(&s, ret, ret_name, e);
}

static void annotations_say_what_is_wanted(void **state)
{
	AUTO(attach_options_clear) struct attach_options o = { 0 };
	AUTO_JSON json_t *doc = NULL;
	const char *name = "id";

	(void)state;
	assert_int_equal(
		read_annotations(
			"{\"io.heddle.networks\":\"a:ip=10.1.0.5; b\\nc\","
			"\"io.heddle.ports\":\"8080:80, 53/udp\",\"io.heddle.name\":\"web\","
			"\"org.example\":\"x\"}",
			&o, &name, &doc, NULL),
		0);
	assert_int_equal(o.networks.n, 3);
	assert_string_equal(o.networks.v[0].network, "a");
	assert_true(ip_is_set(&o.networks.v[0].ip4));
	assert_string_equal(o.networks.v[2].network, "c");
	assert_int_equal(o.n_ports, 2);
	assert_int_equal(o.ports[0].host_port, 8080);
	assert_int_equal(o.ports[1].port, 53);
	assert_string_equal(name, "web");
}

static void options_of_the_only_network_have_their_own(void **state)
{
	AUTO(attach_options_clear) struct attach_options o = { 0 };
	AUTO_JSON json_t *doc = NULL;
	struct container_wish wish;
	const char *name = "id";

	(void)state;
	assert_int_equal(read_annotations("{\"io.heddle.networks\":\"a\",\"io.heddle.ip\":"
					  "\"10.1.0.5\",\"io.heddle.mac\":\"02:00:00:00:00:01\","
					  "\"io.heddle.ifname\":\"net0\"}",
					  &o, &name, &doc, NULL),
			 0);
	assert_int_equal(attach_options_finish(&o, "bridge", &wish, NULL), 0);
	assert_true(ip_is_set(&wish.networks->v[0].ip4));
	assert_string_equal(wish.networks->v[0].mac, "02:00:00:00:00:01");
	assert_string_equal(wish.networks->v[0].ifname, "net0");
	assert_string_equal(name, "id");
}

static void wrong_annotations_are_named(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "{\"io.heddle.network\":\"a\"}", "io.heddle.network: no such annotation" },
		{ "{\"io.heddle.networks\":7}", "io.heddle.networks: not a text" },
		{ "{\"io.heddle.networks\":\"a:speed=1\"}", "no option of a network" },
		{ "{\"io.heddle.ports\":\"http\"}", "publish http" },
		{ "{\"io.heddle.mac\":\"x\"}", "MAC address of one station" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(attach_options_clear) struct attach_options o = { 0 };
		AUTO_JSON json_t *doc = NULL;
		struct err e = { 0 };
		const char *name = "id";

		assert_int_equal(read_annotations(cases[i].text, &o, &name, &doc, &e), -EINVAL);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("%s: %s", cases[i].text, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runc_s_and_crun_s_states_are_read),
		cmocka_unit_test(what_is_no_state_is_refused),
		cmocka_unit_test(the_namespace_is_new_or_given_or_the_host_s),
		cmocka_unit_test(a_new_namespace_needs_a_process),
		cmocka_unit_test(annotations_say_what_is_wanted),
		cmocka_unit_test(options_of_the_only_network_have_their_own),
		cmocka_unit_test(wrong_annotations_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
