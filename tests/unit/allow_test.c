/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allow_test - lists of what is allowed: what they mean, and what they refuse */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/allow.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

static struct err said;

static int read_text(const char *text, struct allow *ret)
{
	AUTO_JSON json_t *doc = NULL;
	struct jnode list;

	assert_int_equal(jn_parse(text, strlen(text), &doc, &said), 0);
	list = jn_root(doc);

	return allow_read(&list, "net", ret, &said);
}

static bool is_inside(const struct allow_box *box, int side, const void *value, size_t len)
{
	return memcmp(value, box->side[side].from, len) >= 0 &&
	       memcmp(value, box->side[side].to, len) <= 0;
}

/* How many boxes have it: none, or one, since none overlap. */
static int boxes_with(const struct allow *a, const char *address, uint8_t protocol, uint16_t port)
{
	uint16_t net = htons(port);
	struct ip_addr ip;
	int n = 0;

	assert_int_equal(ip_parse(address, &ip), 0);
	for (size_t i = 0; i < a->n; i++)
		n += a->list[i].family == ip.family &&
		     is_inside(&a->list[i], ALLOW_ADDRESS, ip.b, ip_size(ip.family)) &&
		     is_inside(&a->list[i], ALLOW_PROTOCOL, &protocol, 1) &&
		     is_inside(&a->list[i], ALLOW_PORT, &net, 2);

	return n;
}

static void a_rule_is_its_cidr_its_protocol_and_its_ports(void **state)
{
	AUTO(allow_clear) struct allow a = { 0 };

	(void)state;
	assert_int_equal(read_text("[{\"cidr\": \"10.1.0.0/16\", \"protocol\": \"TCP\","
				   " \"port\": \"80-90\"}]",
				   &a),
			 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(boxes_with(&a, "10.1.0.0", IPPROTO_TCP, 80), 1);
	assert_int_equal(boxes_with(&a, "10.1.255.255", IPPROTO_TCP, 90), 1);
	assert_int_equal(boxes_with(&a, "10.0.255.255", IPPROTO_TCP, 80), 0);
	assert_int_equal(boxes_with(&a, "10.2.0.0", IPPROTO_TCP, 80), 0);
	assert_int_equal(boxes_with(&a, "10.1.0.0", IPPROTO_UDP, 80), 0);
	assert_int_equal(boxes_with(&a, "10.1.0.0", IPPROTO_TCP, 79), 0);
	assert_int_equal(boxes_with(&a, "10.1.0.0", IPPROTO_TCP, 91), 0);
}

static void what_is_left_out_is_everything(void **state)
{
	AUTO(allow_clear) struct allow a = { 0 };

	(void)state;
	assert_int_equal(read_text("[{}]", &a), 0);
	assert_int_equal(a.n, 2);
	assert_int_equal(boxes_with(&a, "0.0.0.0", 0, 0), 1);
	assert_int_equal(boxes_with(&a, "ffff::ffff", 255, 65535), 1);
}

static void icmp_is_each_familys_own(void **state)
{
	AUTO(allow_clear) struct allow a = { 0 };

	(void)state;
	assert_int_equal(read_text("[{\"protocol\": \"icmp\"}]", &a), 0);
	assert_int_equal(boxes_with(&a, "10.0.0.1", IPPROTO_ICMP, 8), 1);
	assert_int_equal(boxes_with(&a, "10.0.0.1", IPPROTO_ICMPV6, 8), 0);
	assert_int_equal(boxes_with(&a, "fd00::1", IPPROTO_ICMPV6, 8), 1);
}

static void an_empty_list_is_a_list(void **state)
{
	AUTO(allow_clear) struct allow a = { 0 };

	(void)state;
	assert_false(allow_given(&a));
	assert_int_equal(read_text("[]", &a), 0);
	assert_true(allow_given(&a));
	assert_int_equal(a.n, 0);
}

/* Boxes around one another, across one another, and the same again. */
static void rules_may_overlap_boxes_do_not(void **state)
{
	static const char text[] =
		"[{\"cidr\": \"10.1.2.0/24\", \"protocol\": \"tcp\", \"port\": 80},"
		" {\"cidr\": \"10.1.0.0/16\", \"protocol\": \"tcp\", \"port\": \"70-75\"},"
		" {\"cidr\": \"10.1.0.0/16\", \"protocol\": \"tcp\", \"port\": \"74-100\"},"
		" {\"cidr\": \"10.0.0.0/8\", \"protocol\": \"icmp\"},"
		" {\"cidr\": \"10.1.2.0/24\"},"
		" {\"cidr\": \"0.0.0.0/0\", \"protocol\": \"tcp\", \"port\": 80},"
		" {\"cidr\": \"10.1.2.0/24\", \"protocol\": \"tcp\", \"port\": 80}]";
	static const struct {
		const char *address;
		uint8_t protocol;
		uint16_t port;
		int n;
	} points[] = {
		{ "10.1.2.3", IPPROTO_TCP, 80, 1 },  { "10.1.3.3", IPPROTO_TCP, 80, 1 },
		{ "8.8.8.8", IPPROTO_TCP, 80, 1 },   { "255.255.255.255", IPPROTO_TCP, 80, 1 },
		{ "0.0.0.0", IPPROTO_TCP, 80, 1 },   { "10.1.3.3", IPPROTO_TCP, 74, 1 },
		{ "10.1.3.3", IPPROTO_TCP, 101, 0 }, { "10.1.2.3", IPPROTO_TCP, 101, 1 },
		{ "10.9.2.3", IPPROTO_ICMP, 0, 1 },  { "10.1.2.3", IPPROTO_ICMP, 0, 1 },
		{ "10.1.3.3", IPPROTO_UDP, 80, 0 },  { "11.1.2.3", IPPROTO_TCP, 81, 0 },
	};
	AUTO(allow_clear) struct allow a = { 0 };

	(void)state;
	assert_int_equal(read_text(text, &a), 0);
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		assert_int_equal(boxes_with(&a, points[i].address, points[i].protocol,
					    points[i].port),
				 points[i].n);
}

static void the_name_is_of_the_network_and_of_what_is_allowed(void **state)
{
	AUTO(allow_clear) struct allow one = { 0 };
	AUTO(allow_clear) struct allow same = { 0 };
	AUTO(allow_clear) struct allow other = { 0 };
	AUTO(allow_clear) struct allow elsewhere = { 0 };
	AUTO_JSON json_t *doc = json_pack("[{s:i,s:s}]", "port", 80, "protocol", "tcp");
	struct jnode list = jn_root(doc);

	(void)state;
	assert_int_equal(allow_read(&list, "net", &one, &said), 0);
	assert_int_equal(read_text("[{\"Protocol\": \"tcp\", \"port\": \"80\"}]", &same), 0);
	assert_int_equal(read_text("[{\"protocol\": \"tcp\", \"port\": 81}]", &other), 0);
	assert_int_equal(allow_read(&list, "net2", &elsewhere, &said), 0);
	assert_string_equal(one.name, same.name);
	assert_string_not_equal(one.name, other.name);
	assert_string_not_equal(one.name, elsewhere.name);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "{}", "not a list" },
		{ "[7]", "[0]" },
		{ "[{\"ports\": 80}]", "[0]: \"ports\" is none of" },
		{ "[{}, {\"cidr\": \"10.0.0.1/8\"}]", "[1]: cidr has bits" },
		{ "[{\"cidr\": \"10.0.0.0\"}]", "[0].cidr" },
		{ "[{\"protocol\": \"esp\"}]", "[0].protocol: \"esp\"" },
		{ "[{\"port\": 80}]", "[0]: a port needs" },
		{ "[{\"port\": 80, \"protocol\": \"icmp\"}]", "[0]: a port needs" },
		{ "[{\"port\": 0, \"protocol\": \"tcp\"}]", "[0].port" },
		{ "[{\"port\": 65536, \"protocol\": \"tcp\"}]", "[0].port" },
		{ "[{\"port\": \"90-80\", \"protocol\": \"tcp\"}]", "[0].port: \"90-80\"" },
		{ "[{\"port\": \"80-\", \"protocol\": \"tcp\"}]", "[0].port: \"80-\"" },
		{ "[{\"port\": \"80-90x\", \"protocol\": \"tcp\"}]", "[0].port" },
		{ "[{\"port\": \"-80\", \"protocol\": \"tcp\"}]", "[0].port" },
		{ "[{\"port\": \"80-65536\", \"protocol\": \"tcp\"}]", "[0].port" },
		{ "[{\"port\": \"\", \"protocol\": \"tcp\"}]", "[0].port" },
		{ "[{\"port\": 8.5, \"protocol\": \"tcp\"}]", "[0].port" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct allow a = { 0 };

		if (read_text(bad[i].text, &a) != -EINVAL || !strstr(said.msg, bad[i].words))
			fail_msg("%s: %s", bad[i].text, said.msg);
		assert_false(allow_given(&a));
		assert_null(a.list);
	}
}

/* Each rule of another port: 600 of them in both families are too many. */
static void a_list_has_an_end(void **state)
{
	AUTO_JSON json_t *doc = json_array();
	struct jnode list = jn_root(doc);
	struct allow a = { 0 };

	(void)state;
	for (int i = 1; i <= 600; i++)
		json_array_append_new(doc, json_pack("{s:s,s:i}", "protocol", "tcp", "port", i));
	assert_int_equal(allow_read(&list, "net", &a, &said), -EINVAL);
	assert_non_null(strstr(said.msg, "1024 boxes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_its_cidr_its_protocol_and_its_ports),
		cmocka_unit_test(what_is_left_out_is_everything),
		cmocka_unit_test(icmp_is_each_familys_own),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(rules_may_overlap_boxes_do_not),
		cmocka_unit_test(the_name_is_of_the_network_and_of_what_is_allowed),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
