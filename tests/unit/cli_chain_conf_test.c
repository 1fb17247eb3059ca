/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_chain_conf - configs of networks, and what their plugins are given */
#include "cli/chain-conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char network[] =
	"{\"cniVersion\":\"1.0.0\",\"cniVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\",\"9.0.0\"],"
	"\"name\":\"n\",\"plugins\":["
	"{\"type\":\"bridge\",\"capabilities\":{\"ips\":true,\"mac\":false}},"
	"{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true},\"snat\":false}]}";

struct read {
	json_t *doc;
	struct chain_conf conf;
};

static int read_text(struct read *r, const char *text, struct err *e)
{
	r->conf = (struct chain_conf){ 0 };
	r->doc = json_loads(text, 0, NULL);
	assert_non_null(r->doc);

	return chain_conf_read(r->doc, &r->conf, e);
}

static void read_clear(struct read *r)
{
	chain_conf_clear(&r->conf);
	json_decref(r->doc);
}

/* A path of keys into @doc. */
static const json_t *at(const json_t *doc, const char *key)
{
	return json_object_get(doc, key);
}

static void a_list_of_plugins_is_read(void **state)
{
	AUTO(read_clear) struct read r;

	(void)state;
	assert_int_equal(read_text(&r, network, NULL), 0);
	assert_string_equal(r.conf.name, "n");
	assert_int_equal(r.conf.n, 2);
	assert_string_equal(r.conf.plugins[1].type, "portmap");
	assert_int_equal(chain_conf_newest(r.conf.versions), CNI_1_1_0);
	assert_false(r.conf.disable_check || r.conf.disable_gc);
}

static void a_config_of_one_plugin_is_a_list_of_one(void **state)
{
	AUTO(read_clear) struct read r;

	(void)state;
	assert_int_equal(read_text(&r, "{\"name\":\"one\",\"type\":\"ptp\"}", NULL), 0);
	assert_int_equal(r.conf.n, 1);
	assert_string_equal(r.conf.plugins[0].type, "ptp");
	assert_int_equal(chain_conf_newest(r.conf.versions), CNI_0_1_0);
}

static void the_switches_may_be_text(void **state)
{
	AUTO(read_clear) struct read r;

	(void)state;
	assert_int_equal(read_text(&r,
				   "{\"name\":\"n\",\"type\":\"ptp\",\"disableCheck\":\"true\","
				   "\"disableGC\":true}",
				   NULL),
			 0);
	assert_true(r.conf.disable_check && r.conf.disable_gc);
}

static void a_config_that_is_none_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[]", "config" },
		{ "{\"type\":\"ptp\"}", "name is missing" },
		{ "{\"name\":\"n\",\"plugins\":[]}", "needs a plugin" },
		{ "{\"name\":\"n\",\"plugins\":{}}", "plugins" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"ptp\"},{}]}", "plugins[1]" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"../ptp\"}]}", "plugins[0].type" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"\"}]}", "plugins[0].type" },
		{ "{\"name\":\"n\",\"type\":\"ptp\",\"cniVersion\":\"2.0.0\"}", "cniVersion" },
		{ "{\"name\":\"n\",\"type\":\"ptp\",\"cniVersions\":[1]}", "cniVersions[0]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(read_clear) struct read r;
		struct err e = { 0 };

		assert_int_equal(read_text(&r, cases[i].text, &e), -EINVAL);
		if (!strstr(e.msg, cases[i].words))
			fail_msg("%s: %s", cases[i].text, e.msg);
	}
}

static void a_plugin_gets_what_it_has_the_capability_for(void **state)
{
	AUTO(read_clear) struct read r;
	AUTO_JSON json_t *args = json_pack("{s:[s], s:s, s:[], s:[]}", "ips", "10.1.0.5", "mac",
					   "02:00:00:00:00:01", "portMappings", "aliases");
	const struct chain_input input = { .capability_args = args };
	AUTO_JSON json_t *bridge = NULL, *portmap = NULL;

	(void)state;
	assert_int_equal(read_text(&r, network, NULL), 0);
	bridge = chain_conf_plugin(&r.conf, 0, CNI_1_0_0, &input);
	portmap = chain_conf_plugin(&r.conf, 1, CNI_1_0_0, &input);
	assert_int_equal(json_object_size(at(bridge, "runtimeConfig")), 1);
	assert_non_null(at(at(bridge, "runtimeConfig"), "ips"));
	assert_int_equal(json_object_size(at(portmap, "runtimeConfig")), 1);
	assert_non_null(at(at(portmap, "runtimeConfig"), "portMappings"));
	assert_true(json_is_false(at(portmap, "snat")));
	assert_string_equal(json_string_value(at(portmap, "name")), "n");
	assert_string_equal(json_string_value(at(portmap, "cniVersion")), "1.0.0");

	assert_true(chain_conf_can(&r.conf, "portMappings"));
	assert_false(chain_conf_can(&r.conf, "mac"));
	assert_false(chain_conf_can(&r.conf, "aliases"));
}

static void without_anything_to_give_there_is_no_runtime_config(void **state)
{
	AUTO(read_clear) struct read r;
	AUTO_JSON json_t *args = json_pack("{s:s}", "mac", "02:00:00:00:00:01");
	const struct chain_input input = { .capability_args = args };
	AUTO_JSON json_t *conf = NULL;

	(void)state;
	assert_int_equal(read_text(&r, network, NULL), 0);
	conf = chain_conf_plugin(&r.conf, 0, CNI_1_0_0, &input);
	assert_null(at(conf, "runtimeConfig"));
	assert_null(at(conf, "prevResult"));
	assert_null(at(conf, "cni.dev/valid-attachments"));
}

static void valid_attachments_have_both_names(void **state)
{
	AUTO(read_clear) struct read r;
	AUTO_JSON json_t *valid = json_array(), *conf = NULL;
	const struct chain_input input = { .valid = valid };

	(void)state;
	assert_int_equal(read_text(&r, network, NULL), 0);
	conf = chain_conf_plugin(&r.conf, 0, CNI_1_1_0, &input);
	assert_true(json_is_array(at(conf, "cni.dev/valid-attachments")));
	assert_true(json_is_array(at(conf, "cni.dev/attachments")));
}

static void the_document_stays_as_it_is(void **state)
{
	AUTO(read_clear) struct read r;
	AUTO_JSON json_t *before = json_loads(network, 0, NULL), *prev = json_object();
	const struct chain_input input = { .prev = prev, .capability_args = prev, .valid = prev };
	AUTO_JSON json_t *conf = NULL;

	(void)state;
	assert_int_equal(read_text(&r, network, NULL), 0);
	conf = chain_conf_plugin(&r.conf, 0, CNI_1_1_0, &input);
	assert_non_null(conf);
	assert_true(json_equal(r.doc, before));
}

static void arguments_are_taken_apart_and_joined(void **state)
{
	static const struct {
		const char *text, *joined;
		size_t n;
	} cases[] = {
		{ "", "", 0 },
		{ "IgnoreUnknown=1", "IgnoreUnknown=1", 1 },
		{ "A=1;B=2;;C=", "A=1;B=2;C=", 3 },
		{ "A=x=y;B", "A=x=y;B=", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON json_t *args = chain_args_split(cases[i].text);
		AUTO_FREE char *joined = chain_args_join(args);

		assert_int_equal(json_array_size(args), cases[i].n);
		assert_string_equal(joined, cases[i].joined);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_of_plugins_is_read),
		cmocka_unit_test(a_config_of_one_plugin_is_a_list_of_one),
		cmocka_unit_test(the_switches_may_be_text),
		cmocka_unit_test(a_config_that_is_none_is_told_with_its_place),
		cmocka_unit_test(a_plugin_gets_what_it_has_the_capability_for),
		cmocka_unit_test(without_anything_to_give_there_is_no_runtime_config),
		cmocka_unit_test(valid_attachments_have_both_names),
		cmocka_unit_test(the_document_stays_as_it_is),
		cmocka_unit_test(arguments_are_taken_apart_and_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
