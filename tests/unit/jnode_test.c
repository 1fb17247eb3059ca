/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jnode_test - JSON with the path of each value in every error */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "tests/unit/failing_alloc.h"

/* A text with its length, so that it can hold NUL bytes. */
#define TEXT(s) s, sizeof(s) - 1

static json_t *parse(const char *text)
{
	struct err e;
	json_t *doc;

	if (jn_parse(text, strlen(text), &doc, &e) < 0)
		fail_msg("%s: %s", text, e.msg);

	return doc;
}

/* The value of the key "v" in @doc. */
static struct jnode value_of(const struct jnode *root)
{
	struct jnode n;

	assert_true(jn_get(root, "v", &n));

	return n;
}

/* ---- texts --------------------------------------------------------------- */

static void text_that_is_no_json_document_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *says;
	} cases[] = {
		{ TEXT(""), "line 1, column 0" },
		{ TEXT("{"), "line 1" },
		{ TEXT("{\"a\": 1,\n \"b\" 2}"), "line 2, column 6" },
		{ TEXT("{\"a\": 1, \"a\": 2}"), "duplicate object key" },
		{ TEXT("{\"a\": \"\\u0000\"}"), "\\u0000" },
		{ TEXT("{\"\\u0000\": 1}"), "NUL byte" },
		{ TEXT("{\"a\": \"\0\"}"), "line 1" },
		{ TEXT("{\"a\": 1}\0"), "end of file expected" },
		{ TEXT("{\"a\": 1} x"), "end of file expected" },
		{ TEXT("{\"a\": \"\xff\"}"), "unable to decode byte" },
		{ TEXT("{\"a\": \"\xc0\x80\"}"), "unable to decode byte" },
		{ TEXT("{\"a\": \"\xed\xa0\x80\"}"), "unable to decode byte" },
		{ TEXT("{\"a\": 9223372036854775808}"), "too big integer" },
		{ TEXT("{\"a\": 1e999}"), "real number overflow" },
		{ TEXT("{\"a\": 01}"), "line 1" },
		{ TEXT("\"text\""), "expected" },
		{ TEXT("null"), "expected" },
		{ TEXT("{\"a\": NaN}"), "line 1" },
		{ TEXT("{'a': 1}"), "line 1" },
	};
	json_t *doc = (json_t *)cases;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (jn_parse(cases[i].text, cases[i].len, &doc, &e) != -EINVAL)
			fail_msg("%s was taken", cases[i].text);
		assert_int_equal(e.cni, CNI_E_DECODE);
		if (!strstr(e.msg, cases[i].says))
			fail_msg("%s: \"%s\" does not say %s", cases[i].text, e.msg, cases[i].says);
	}
	assert_ptr_equal(doc, cases);
}

static int parse_nested(size_t depth)
{
	AUTO_JSON json_t *doc = NULL;
	AUTO_FREE char *text = malloc(2 * depth);
	struct err e;
	int r;

	assert_non_null(text);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	r = jn_parse(text, 2 * depth, &doc, &e);
	if (r < 0)
		assert_int_equal(e.cni, CNI_E_DECODE);

	return r;
}

static void nesting_has_a_limit_that_is_an_error_and_no_crash(void **state)
{
	(void)state;
	assert_int_equal(parse_nested(1000), 0);
	assert_int_equal(parse_nested(2049), -EINVAL);
	assert_int_equal(parse_nested(1 << 20), -EINVAL);
}

static void a_text_of_16_mib_is_read_and_a_longer_one_refused(void **state)
{
	const size_t max = 16u << 20;
	AUTO_FREE char *text = malloc(max + 1);
	AUTO_JSON json_t *doc = NULL;
	struct err e;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', max + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(jn_parse(text, max, &doc, &e), 0);
	assert_int_equal(jn_parse(text, max + 1, &doc, &e), -EINVAL);
	assert_int_equal(e.cni, CNI_E_DECODE);
}

static void running_out_of_memory_is_an_error_at_every_allocation(void **state)
{
	static const char text[] = "{\"a\": [1, 2.5, \"text\", {\"b\": null}], \"c\": true}";
	json_t *doc = NULL;
	struct err e;
	int r;

	(void)state;
	for (alloc_try(1); (r = jn_parse(text, strlen(text), &doc, &e)) != 0; alloc_try_next()) {
		/* In the middle of a string jansson calls it an invalid token. */
		if (r != -ENOMEM)
			assert_non_null(strstr(e.msg, " near '\""));
		assert_null(doc);
	}
	assert_true(alloc_tried > 10);
	alloc_try(0);
	json_decref(doc);
}

/* ---- paths --------------------------------------------------------------- */

static void a_path_names_keys_and_positions(void **state)
{
	AUTO_JSON json_t *doc = parse("{\"ipam\": {\"ranges\": [[], [{\"subnet\": 1}]]}}");
	struct jnode root = jn_root(doc), ipam, ranges, set, range, subnet;
	char buf[64], small[8];

	(void)state;
	assert_string_equal(jn_path(&root, buf, sizeof(buf)), "config");
	assert_true(jn_get(&root, "ipam", &ipam));
	assert_string_equal(jn_path(&ipam, buf, sizeof(buf)), "ipam");
	assert_true(jn_get(&ipam, "ranges", &ranges));
	set = jn_item(&ranges, 1);
	range = jn_item(&set, 0);
	assert_true(jn_get(&range, "subnet", &subnet));
	assert_string_equal(jn_path(&subnet, buf, sizeof(buf)), "ipam.ranges[1][0].subnet");
	assert_string_equal(jn_path(&subnet, small, sizeof(small)), "ipam.ra");

	root = (struct jnode){ .json = doc, .key = "prevResult" };
	assert_string_equal(jn_path(&root, buf, sizeof(buf)), "prevResult");
	assert_true(jn_get(&root, "ipam", &ipam));
	assert_string_equal(jn_path(&ipam, buf, sizeof(buf)), "prevResult.ipam");
}

static void keys_are_found_exactly_and_then_without_regard_to_case(void **state)
{
	AUTO_JSON json_t *doc =
		parse("{\"HOSTPORT\": 1, \"hostPort\": 2, \"Other\": 3, \"none\": null}");
	struct jnode root = jn_root(doc), n;

	(void)state;
	assert_true(jn_get(&root, "hostPort", &n));
	assert_int_equal(json_integer_value(n.json), 2);
	assert_true(jn_get(&root, "hostport", &n));
	assert_int_equal(json_integer_value(n.json), 1);
	assert_true(jn_get(&root, "oTHER", &n));
	assert_string_equal(n.key, "oTHER");
	assert_false(jn_get(&root, "none", &n));
	assert_false(jn_get(&root, "Othe", &n));
}

static void what_is_no_object_or_list_has_nothing_in_it(void **state)
{
	AUTO_JSON json_t *doc = parse("{\"v\": [1, 2], \"o\": {}}");
	struct jnode root = jn_root(doc), list = value_of(&root), n = { 0 };

	(void)state;
	assert_false(jn_get(&list, "a", &n));
	assert_int_equal(jn_count(&list), 2);
	assert_int_equal(jn_count(&root), 0);
}

/* ---- values -------------------------------------------------------------- */

static int read_str(const struct jnode *n, struct err *e)
{
	const char *text;

	return jn_str(n, &text, e);
}

static int read_bool(const struct jnode *n, struct err *e)
{
	bool value;

	return jn_bool(n, &value, e);
}

static int read_mtu(const struct jnode *n, struct err *e)
{
	uint64_t number;

	return jn_uint(n, 68, 65535, &number, e);
}

static int read_ip(const struct jnode *n, struct err *e)
{
	struct ip_addr ip;

	return jn_ip(n, &ip, e);
}

static int read_net(const struct jnode *n, struct err *e)
{
	struct ip_net net;

	return jn_ip_net(n, &net, e);
}

static int read_mac(const struct jnode *n, struct err *e)
{
	uint8_t mac[6];

	return jn_mac(n, mac, e);
}

static void a_value_of_the_wrong_kind_is_named_with_its_path_and_the_rule(void **state)
{
	static const struct {
		int (*read)(const struct jnode *n, struct err *e);
		const char *json, *msg;
	} cases[] = {
		{ read_str, "7", "v: 7 is not a string" },
		{ read_str, "[\"a\", 1.5]", "v: [\"a\",1.5] is not a string" },
		{ read_bool, "\"true\"", "v: \"true\" is not true or false" },
		{ read_bool, "1", "v: 1 is not true or false" },
		{ read_mtu, "\"1500\"", "v: \"1500\" is not a whole number" },
		{ read_mtu, "1500.0", "v: 1500.0 is not a whole number" },
		{ read_mtu, "67", "v: 67 is not in 68..65535" },
		{ read_mtu, "65536", "v: 65536 is not in 68..65535" },
		{ read_mtu, "-1", "v: -1 is not in 68..65535" },
		{ read_mtu, "-9223372036854775808", "v: -9223372036854775808 is not in 68..65535" },
		{ jn_object, "[]", "v: [] is not an object" },
		{ jn_array, "{\"a\": {}}", "v: {\"a\":{}} is not a list" },
		{ read_ip, "\"10.0.0.0/8\"", "v: \"10.0.0.0/8\" is not an IPv4 or IPv6 address" },
		{ read_ip, "false", "v: false is not an IPv4 or IPv6 address" },
		{ read_net, "\"10.0.0.0\"",
		  "v: \"10.0.0.0\" is not an IPv4 or IPv6 prefix (address/length)" },
		{ read_mac, "\"02:00:5e:10:00\"",
		  "v: \"02:00:5e:10:00\" is not a MAC address (02:00:5e:10:00:01)" },
	};
	char text[100];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON json_t *doc = NULL;
		struct jnode root, n;

		snprintf(text, sizeof(text), "{\"v\": %s}", cases[i].json);
		doc = parse(text);
		root = jn_root(doc);
		n = value_of(&root);
		assert_int_equal(cases[i].read(&n, &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].msg);
		assert_int_equal(e.cni, CNI_E_CONFIG);
	}
}

static void a_long_value_is_shown_by_its_beginning(void **state)
{
	AUTO_JSON json_t *doc =
		parse("{\"v\": [\"00000000010000000002000000000300000000040000000005"
		      "00000000060000000007000000000800000000090000000000\"]}");
	struct jnode root = jn_root(doc), n = value_of(&root);
	struct err e;

	(void)state;
	assert_int_equal(read_str(&n, &e), -EINVAL);
	assert_string_equal(e.msg,
			    "v: [\"000000000100000000020000000003000000000400000000050000000006"
			    "00000000070000... is not a string");
}

static void a_long_value_is_never_cut_within_a_character(void **state)
{
	AUTO_JSON json_t *doc = json_pack("{s: [s]}", "v", "");
	struct jnode root = jn_root(doc), n;
	char text[200];
	struct err e;

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		AUTO_JSON json_t *shown = NULL;

		memset(text, 'x', shift);
		text[shift] = '\0';
		while (strlen(text) + 3 < sizeof(text))
			strcat(text, "€");
		json_object_set_new(doc, "v", json_string(text));
		n = value_of(&root);
		assert_int_equal(read_mtu(&n, &e), -EINVAL);
		shown = json_string(e.msg);
		if (!shown)
			fail_msg("\"%s\" is not UTF-8", e.msg);
	}
}

static void a_mac_address_is_six_pairs_of_hexadecimal_digits(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{ "02:00:5e:10:00:01", true },	   { "AA:bB:cC:Dd:eE:FF", true },
		{ "02:00:5e:10:00:0", false },	   { "02:00:5e:10:00:011", false },
		{ "2:0:5e:10:0:01abc", false },	   { "2:0:5e:10:0:1    ", false },
		{ "02-00-5e-10-00-01", false },	   { "02:00:5e:10:00:0g", false },
		{ "02:00:5e:10:00 01", false },	   { " 2:00:5e:10:00:01", false },
		{ "+2:00:5e:10:00:01", false },	   { "0x:00:5e:10:00:01", false },
		{ "02:00:5e:10:00:01:02", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON json_t *doc = json_pack("{s: s}", "v", cases[i].text);
		struct jnode root = jn_root(doc), n = value_of(&root);
		uint8_t mac[6] = { 1, 2, 3, 4, 5, 6 };

		if ((jn_mac(&n, mac, NULL) == 0) != cases[i].ok)
			fail_msg("\"%s\"", cases[i].text);
		if (!cases[i].ok)
			assert_memory_equal(mac, ((uint8_t[]){ 1, 2, 3, 4, 5, 6 }), 6);
	}
}

static void a_mac_address_is_read_in_order(void **state)
{
	AUTO_JSON json_t *doc = parse("{\"v\": \"02:1f:5E:a0:00:01\"}");
	struct jnode root = jn_root(doc), n = value_of(&root);
	uint8_t mac[6];

	(void)state;
	assert_int_equal(jn_mac(&n, mac, NULL), 0);
	assert_memory_equal(mac, ((uint8_t[]){ 0x02, 0x1f, 0x5e, 0xa0, 0x00, 0x01 }), 6);
}

/* ---- tables of keys ------------------------------------------------------ */

struct conf {
	bool flag;
	const char *text;
	uint32_t small, vlan;
	uint64_t big;
	struct ip_addr ip;
	struct ip_net net;
	size_t n_items;
};

static int read_items(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	int r = jn_array(n, e);

	if (r == 0)
		conf->n_items = jn_count(n);

	return r;
}

static const struct jn_key keys[] = {
	{ "flag", JN_BOOL, offsetof(struct conf, flag) },
	{ "text", JN_STR, offsetof(struct conf, text) },
	{ "small", JN_U32, offsetof(struct conf, small) },
	{ "vlan", JN_U32, offsetof(struct conf, vlan), 1, 4094 },
	{ "big", JN_U64, offsetof(struct conf, big) },
	{ "ip", JN_IP, offsetof(struct conf, ip) },
	{ "net", JN_IP_NET, offsetof(struct conf, net) },
	{ "items", JN_CALL, 0, .call = read_items },
	{ 0 },
};

static int read_conf(const char *text, struct conf *conf, struct err *e)
{
	json_t *doc = parse(text);
	struct jnode root = jn_root(doc);
	int r = jn_read(&root, keys, conf, e);

	/* The text is borrowed from the document, which ends here. */
	if (r == 0 && conf->text)
		assert_string_equal(conf->text, "words");
	json_decref(doc);

	return r;
}

static void a_table_fills_every_kind_of_member(void **state)
{
	struct conf conf = { 0 };
	char ip[IP_STRLEN], net[IP_NET_STRLEN];
	struct err e;

	(void)state;
	assert_int_equal(read_conf("{\"flag\": true, \"text\": \"words\", \"small\": 4294967295, "
				   "\"VLAN\": 4094, \"big\": 9223372036854775807, "
				   "\"ip\": \"10.0.0.5\", \"net\": \"fd00::5/64\", "
				   "\"items\": [1, 2, 3], \"unknown\": {\"a\": 1}}",
				   &conf, &e),
			 0);
	assert_true(conf.flag);
	assert_int_equal(conf.small, UINT32_MAX);
	assert_int_equal(conf.vlan, 4094);
	assert_true(conf.big == INT64_MAX);
	assert_string_equal(ip_str(&conf.ip, ip), "10.0.0.5");
	assert_string_equal(ip_net_str(&conf.net, net), "fd00::5/64");
	assert_int_equal(conf.n_items, 3);
}

static void absent_and_null_keys_keep_their_defaults(void **state)
{
	struct conf conf = { .flag = true, .small = 7, .big = 8, .n_items = 9 };

	(void)state;
	assert_int_equal(read_conf("{\"flag\": null, \"items\": null, \"ip\": \"\"}", &conf, NULL),
			 0);
	assert_false(ip_is_set(&conf.ip));
	assert_true(conf.flag);
	assert_int_equal(conf.small, 7);
	assert_int_equal(conf.big, 8);
	assert_int_equal(conf.n_items, 9);
}

static void a_table_refuses_the_first_value_that_breaks_a_rule(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "{\"flag\": 0}", "flag: 0 is not true or false" },
		{ "{\"small\": 4294967296}", "small: 4294967296 is not in 0..4294967295" },
		{ "{\"vlan\": 0}", "vlan: 0 is not in 1..4094" },
		{ "{\"Vlan\": 4095}", "vlan: 4095 is not in 1..4094" },
		{ "{\"big\": -1}", "big: -1 is not in 0..9223372036854775807" },
		{ "{\"items\": {}}", "items: {} is not a list" },
		{ "{\"net\": \"\"}", "net: \"\" is not an IPv4 or IPv6 prefix (address/length)" },
		{ "[1]", "config: [1] is not an object" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf conf = { 0 };

		assert_int_equal(read_conf(cases[i].text, &conf, &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].msg);
	}
}

static void a_member_that_need_not_be_there_keeps_its_default(void **state)
{
	AUTO_JSON json_t *doc = parse("{\"s\": \"text\", \"b\": false, \"n\": 7, \"none\": null}");
	const struct jnode root = jn_root(doc);
	const char *s = "default";
	uint64_t n = 3;
	bool b = true;

	(void)state;
	assert_int_equal(jn_get_str(&root, "none", &s, NULL), 0);
	assert_int_equal(jn_get_bool(&root, "none", &b, NULL), 0);
	assert_int_equal(jn_get_uint(&root, "absent", 1, 9, &n, NULL), 0);
	assert_string_equal(s, "default");
	assert_true(b);
	assert_int_equal(n, 3);

	assert_int_equal(jn_get_str(&root, "s", &s, NULL), 0);
	assert_int_equal(jn_get_bool(&root, "b", &b, NULL), 0);
	assert_int_equal(jn_get_uint(&root, "n", 1, 9, &n, NULL), 0);
	assert_string_equal(s, "text");
	assert_false(b);
	assert_int_equal(n, 7);

	assert_int_equal(jn_get_str(&root, "n", &s, NULL), -EINVAL);
	assert_int_equal(jn_get_bool(&root, "n", &b, NULL), -EINVAL);
	assert_int_equal(jn_get_uint(&root, "n", 1, 6, &n, NULL), -EINVAL);
	assert_string_equal(s, "text");
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_no_json_document_is_refused_with_its_place),
		cmocka_unit_test(nesting_has_a_limit_that_is_an_error_and_no_crash),
		cmocka_unit_test(a_text_of_16_mib_is_read_and_a_longer_one_refused),
		cmocka_unit_test(running_out_of_memory_is_an_error_at_every_allocation),
		cmocka_unit_test(a_path_names_keys_and_positions),
		cmocka_unit_test(keys_are_found_exactly_and_then_without_regard_to_case),
		cmocka_unit_test(what_is_no_object_or_list_has_nothing_in_it),
		cmocka_unit_test(a_value_of_the_wrong_kind_is_named_with_its_path_and_the_rule),
		cmocka_unit_test(a_long_value_is_shown_by_its_beginning),
		cmocka_unit_test(a_long_value_is_never_cut_within_a_character),
		cmocka_unit_test(a_mac_address_is_six_pairs_of_hexadecimal_digits),
		cmocka_unit_test(a_mac_address_is_read_in_order),
		cmocka_unit_test(a_table_fills_every_kind_of_member),
		cmocka_unit_test(absent_and_null_keys_keep_their_defaults),
		cmocka_unit_test(a_member_that_need_not_be_there_keeps_its_default),
		cmocka_unit_test(a_table_refuses_the_first_value_that_breaks_a_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
