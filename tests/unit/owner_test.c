/* SPDX-License-Identifier: GPL-2.0-or-later */
/* owner_test - the marks of an attachment, which must never change between versions */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/owner.h"

#define KEY "h1:6eb91c8f301815ec:91a0b08004d63ccb63b1d5fc12fda305"
#define TAG KEY " lows-network 0a1b2c3d4e5f eth0"

static struct owner owner_of(const char *network, const char *id, const char *ifname)
{
	struct owner o;

	owner_init(&o, network, id, ifname);

	return o;
}

/*
 * Computed by another program from the definition in owner.h.  What an older
 * version made is found by these marks alone.
 */
static void the_marks_are_those_of_the_definition(void **state)
{
	struct owner o = owner_of("lows-network", "0a1b2c3d4e5f", "eth0");

	(void)state;
	assert_string_equal(o.tag, TAG);
	assert_string_equal(o.host_ifname, "hvsgqlbaae2y6mw");
	assert_int_equal(o.group, 0x5c101063);
	assert_int_equal(strlen(KEY), OWNER_KEY_LEN);
}

static void a_network_has_the_beginning_of_its_attachments_marks(void **state)
{
	struct owner o = owner_of("lows-network", "0a1b2c3d4e5f", "eth0"), net;

	(void)state;
	memset(&net, 0xff, sizeof(net));
	owner_init_network(&net, "lows-network");
	assert_int_equal(strlen(net.tag), OWNER_NET_LEN);
	assert_memory_equal(net.tag, o.tag, OWNER_NET_LEN);
	assert_int_equal(net.group, o.group);
	assert_string_equal(net.host_ifname, "");
}

/* Parts are separated in the hash, not only put side by side. */
static void attachments_that_read_alike_have_different_marks(void **state)
{
	static const char *const parts[][3] = {
		{ "a", "b", "c" },  { "ab", "", "c" }, { "", "ab", "c" }, { "a", "bc", "" },
		{ "a b", "c", "" }, { "a", "b", "d" }, { "a", "d", "c" }, { "d", "b", "c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (size_t k = 0; k < i; k++) {
			struct owner one = owner_of(parts[i][0], parts[i][1], parts[i][2]);
			struct owner two = owner_of(parts[k][0], parts[k][1], parts[k][2]);

			assert_false(owner_has(&one, two.tag, strlen(two.tag)));
			assert_string_not_equal(one.host_ifname, two.host_ifname);
		}
	}
}

static void a_long_tag_is_cut_and_keeps_its_hashes(void **state)
{
	struct owner o;
	char network[200], id[200];

	(void)state;
	memset(network, 'n', sizeof(network) - 1);
	memset(id, 'i', sizeof(id) - 1);
	network[sizeof(network) - 1] = id[sizeof(id) - 1] = '\0';
	owner_init(&o, network, id, "eth0");
	assert_int_equal(strlen(o.tag), OWNER_TAG_SIZE - 1);
	assert_true(owner_has(&o, o.tag, strlen(o.tag)));
	assert_int_equal(strlen(o.host_ifname), IFNAMSIZ - 1);
}

static void the_group_is_a_positive_number_that_no_other_tool_uses(void **state)
{
	static const char *const names[] = { "a", "b", "c", "podman", "cni-loopback", "x.y-z" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct owner o = owner_of(names[i], "id", "eth0");

		assert_in_range(o.group, 1u << 30, INT32_MAX);
	}
}

static void an_owner_knows_its_own_tag_only(void **state)
{
	struct owner o = owner_of("net", "id", "eth0"), sibling = owner_of("net", "id", "eth1");
	struct owner other = owner_of("net2", "id", "eth0");
	size_t len = strlen(o.tag);

	(void)state;
	assert_true(owner_has(&o, o.tag, len));
	assert_true(owner_has(&o, o.tag, OWNER_KEY_LEN));
	assert_false(owner_has(&o, o.tag, OWNER_KEY_LEN - 1));
	assert_false(owner_has(&o, sibling.tag, strlen(sibling.tag)));
	assert_false(owner_has(&o, NULL, 0));
	assert_false(owner_has(&o, "", 0));

	assert_true(owner_has_network(&o, sibling.tag, strlen(sibling.tag)));
	assert_true(owner_has_network(&o, o.tag, OWNER_NET_LEN));
	assert_false(owner_has_network(&o, o.tag, OWNER_NET_LEN - 1));
	assert_false(owner_has_network(&o, other.tag, strlen(other.tag)));
	assert_false(owner_has_network(&o, NULL, 0));
}

static void a_tag_leads_to_the_interface_of_its_attachment(void **state)
{
	static const char *const others[] = {
		"",
		"made by hand",
		"h1:0011223344556677",
		"h2:0011223344556677:00112233445566778899aabbccddeeff",
		"h1:0011223344556677:00112233445566778899aabbccddeefg",
		"h1:0011223344556677:00112233445566778899AABBCCDDEEFF",
	};
	struct owner o = owner_of("net", "id", "eth0");
	char name[IFNAMSIZ] = "untouched";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(owner_link(others[i], strlen(others[i]), name));
	assert_false(owner_link(o.tag, OWNER_KEY_LEN - 1, name));
	assert_string_equal(name, "untouched");
	assert_true(owner_link(o.tag, strlen(o.tag), name));
	assert_string_equal(name, o.host_ifname);
}

static void people_are_shown_the_words_of_a_tag(void **state)
{
	static const char *const cases[][2] = {
		{ TAG, "lows-network 0a1b2c3d4e5f eth0" },
		{ KEY, KEY },
		{ KEY " ", KEY " " },
		{ KEY "+12 lows-network 0a1b2c3d4e5f eth0", "lows-network 0a1b2c3d4e5f eth0" },
		{ KEY "+12", KEY "+12" },
		{ "h1:", "h1:" },
		{ "made by hand", "made by hand" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(owner_words(cases[i][0]), cases[i][1]);
}

static void a_tag_may_have_a_count(void **state)
{
	char tag[OWNER_TAG_SIZE], long_id[129];
	struct owner o;

	(void)state;
	memset(long_id, 'f', 128);
	long_id[128] = '\0';
	owner_init(&o, "lows-network", long_id, "eth0");
	owner_tag_with_count(&o, 65535, tag);
	assert_int_equal(strlen(tag), OWNER_TAG_SIZE - 1);
	assert_int_equal(owner_count(tag), 65535);
	assert_true(owner_has(&o, tag, strlen(tag)));
	assert_int_equal(strncmp(owner_words(tag), "lows-network fff", 16), 0);
	assert_int_equal(owner_count(o.tag), 0);
	assert_int_equal(owner_count("made+7"), 0);
	assert_int_equal(owner_count(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_marks_are_those_of_the_definition),
		cmocka_unit_test(a_network_has_the_beginning_of_its_attachments_marks),
		cmocka_unit_test(attachments_that_read_alike_have_different_marks),
		cmocka_unit_test(a_long_tag_is_cut_and_keeps_its_hashes),
		cmocka_unit_test(the_group_is_a_positive_number_that_no_other_tool_uses),
		cmocka_unit_test(an_owner_knows_its_own_tag_only),
		cmocka_unit_test(a_tag_leads_to_the_interface_of_its_attachment),
		cmocka_unit_test(a_tag_may_have_a_count),
		cmocka_unit_test(people_are_shown_the_words_of_a_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
