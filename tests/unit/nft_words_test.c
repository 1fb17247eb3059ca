/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft_words_test - conditions in nft's words: what they make of them, and what they refuse */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gate.h"
#include "lib/jnode.h"
#include "tests/unit/lab.h"

static struct err said;

static int read_as(const char *text, uint8_t family, struct gate *ret)
{
	AUTO_JSON json_t *doc = NULL;
	struct jnode root, list;

	assert_int_equal(jn_parse(text, strlen(text), &doc, &said), 0);
	root = jn_root(doc);
	assert_true(jn_get(&root, "words", &list));

	return gate_read(&list, "net", family, ret, &said);
}

/* ---- what nft lists of them ---------------------------------------------------- */

/* The conditions of the chain's rules, without what all of them have. */
static void expect_listed(const struct gate *g, const char *expected)
{
	char command[512];

	snprintf(
		command, sizeof(command),
		"nft list chain inet heddle %s | grep 'any address' |"
		" sed 's/^\\t*//; s/ *fib daddr type.*//; s/ dnat ip.*//; s/^meta nfproto ipv. //'",
		g->name);
	lab_expect(command, expected);
}

/* What is read, made, and listed by nft is what nft would have been told. */
static void nft_lists_what_was_said(void **state)
{
	static const struct {
		uint8_t family;
		const char *words, *listed;
	} cases[] = {
		{ AF_INET, "[\"ip saddr 10.0.0.1\"]", "ip saddr 10.0.0.1\n" },
		{ AF_INET, "[\"ip\", \"saddr\", \"!=\", \"10.0.0.1\"]", "ip saddr != 10.0.0.1\n" },
		{ AF_INET, "[\"ip saddr 10.0.0.0/9\"]", "ip saddr 10.0.0.0-10.127.255.255\n" },
		{ AF_INET, "[\"ip daddr != 10.0.0.1-10.0.0.9\"]",
		  "ip daddr != 10.0.0.1-10.0.0.9\n" },
		{ AF_INET6, "[\"ip6 saddr 2001:db8::/126\"]",
		  "ip6 saddr 2001:db8::-2001:db8::3\n" },
		{ AF_INET6, "[\"ip6 daddr == fd00::1\"]", "ip6 daddr fd00::1\n" },
		{ AF_INET, "[\"iifname wan0\"]", "iifname \"wan0\"\n" },
		{ AF_INET, "[\"meta iifname != \\\"wan*\\\"\"]", "iifname != \"wan*\"\n" },
		{ AF_INET, "[\"tcp dport 80\"]", "tcp dport 80\n" },
		{ AF_INET, "[\"udp sport != 1-1023\"]", "udp sport != 1-1023\n" },
		{ AF_INET, "[\"mark 0x10\"]", "meta mark 0x00000010\n" },
		{ AF_INET, "[\"meta mark & 0xff00 != 0x100\"]",
		  "meta mark & 0x0000ff00 != 0x00000100\n" },
		{ AF_INET, "[\"ip saddr {10.0.0.1,10.0.0.2}\"]",
		  "ip saddr 10.0.0.1\nip saddr 10.0.0.2\n" },
		{ AF_INET, "[\"iifname { a, b } tcp dport { 80, 443 }\"]",
		  "iifname \"a\" tcp dport 80\niifname \"b\" tcp dport 80\n"
		  "iifname \"a\" tcp dport 443\niifname \"b\" tcp dport 443\n" },
		{ AF_INET, "[\"ip saddr != {10.0.0.1, 10.0.0.8/31}\"]",
		  "ip saddr != 10.0.0.1 ip saddr != 10.0.0.8-10.0.0.9\n" },
	};
	struct nl *nl = lab_nl(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct gate g;

		snprintf(text, sizeof(text), "{\"words\": %s}", cases[i].words);
		assert_int_equal(read_as(text, cases[i].family, &g), 0);
		assert_int_equal(gate_add(nl, &g, &said), 0);
		expect_listed(&g, cases[i].listed);
		assert_int_equal(gate_check(nl, &g, &said), 0);
		assert_int_equal(gate_prune(nl, &g.network, &said), 1);
	}
}

/* Six pairs make 64 alternatives, and each rule has all of the other values. */
static void the_most_that_can_be_said_fits_into_the_kernel(void **state)
{
	char text[4096] = "{\"words\": [\"ip daddr != 10.0.0.1 ip saddr != { 10.0.0.0";
	struct nl *nl = lab_nl(state);
	struct gate g;

	for (int i = 1; i < NFT_WORDS_VALUES - 13; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", 10.%d.0.0/16", i);
	strcat(text, " }\"");
	for (int i = 0; i < 6; i++)
		strcat(text, ", \"tcp dport { 80-90, 443 }\"");
	strcat(text, "]}");
	assert_int_equal(read_as(text, AF_INET, &g), 0);
	assert_int_equal(g.words.n, NFT_WORDS_MATCHES);
	assert_int_equal(g.words.n_values, NFT_WORDS_VALUES);
	assert_int_equal(nft_words_alternatives(&g.words), NFT_WORDS_ALTERNATIVES);
	assert_int_equal(gate_add(nl, &g, &said), 0);
	assert_int_equal(gate_check(nl, &g, &said), 0);
	assert_int_equal(gate_prune(nl, &g.network, &said), 1);
}

/* ---- life of a chain ----------------------------------------------------------- */

static void a_flushed_chain_is_noticed_and_restored(void **state)
{
	struct nl *nl = lab_nl(state);
	char command[128];
	struct gate g;

	assert_int_equal(read_as("{\"words\": [\"ip saddr 10.0.0.1\"]}", AF_INET, &g), 0);
	assert_int_equal(gate_check(nl, &g, &said), -ESTALE);
	assert_int_equal(gate_add(nl, &g, &said), 0);
	snprintf(command, sizeof(command), "nft flush chain inet heddle %s", g.name);
	lab_expect(command, "");
	assert_int_equal(gate_check(nl, &g, &said), -ESTALE);
	assert_non_null(strstr(said.msg, g.name));
	assert_int_equal(gate_add(nl, &g, &said), 0);
	assert_int_equal(gate_check(nl, &g, &said), 0);
}

static void prune_takes_what_nobody_leads_to_and_is_of_the_network(void **state)
{
	static const char element[] = "nft add element inet heddle gate4 '{ tcp . 80 : goto %s }'";
	struct nl *nl = lab_nl(state);
	struct gate used, unused;
	struct owner other;
	char command[128];

	assert_int_equal(read_as("{\"words\": [\"ip saddr 10.0.0.1\"]}", AF_INET, &used), 0);
	assert_int_equal(read_as("{\"words\": [\"ip saddr 10.0.0.2\"]}", AF_INET, &unused), 0);
	assert_int_equal(gate_add(nl, &used, &said), 0);
	assert_int_equal(gate_add(nl, &unused, &said), 0);
	snprintf(command, sizeof(command), element, used.name);
	lab_expect(command, "");
	owner_init(&other, "other", "id", "eth0");
	assert_int_equal(gate_prune(nl, &other, &said), 0);
	assert_int_equal(gate_prune(nl, &used.network, &said), 1);
	assert_int_equal(gate_prune(nl, &used.network, &said), 0);
	assert_int_equal(gate_check(nl, &used, &said), 0);
	assert_int_equal(gate_check(nl, &unused, &said), -ESTALE);
}

static void a_name_is_of_the_network_the_family_and_the_words(void **state)
{
	struct gate cut, whole, other, none;

	(void)state;
	assert_int_equal(read_as("{\"words\": [\"meta\", \"mark 1\"]}", AF_INET, &cut), 0);
	assert_int_equal(read_as("{\"words\": [\"meta mark  1\"]}", AF_INET, &whole), 0);
	assert_string_equal(cut.name, whole.name);
	assert_int_equal(strlen(cut.name), 14);
	assert_int_equal(read_as("{\"words\": [\"meta mark 1\"]}", AF_INET6, &other), 0);
	assert_string_not_equal(cut.name, other.name);
	assert_int_equal(read_as("{\"words\": [\"meta mark 2\"]}", AF_INET, &other), 0);
	assert_string_not_equal(cut.name, other.name);
	assert_int_equal(read_as("{\"words\": [\"\", \"  \"]}", AF_INET, &none), 0);
	assert_false(gate_given(&none));
}

/* ---- what is refused ----------------------------------------------------------- */

static void errors_name_the_word_and_say_what_to_write(void **state)
{
	static const struct {
		const char *words, *path, *word, *rule;
	} cases[] = {
		{ "[\"-s\", \"10.0.0.0/8\"]", "words[0]", "\"-s\"", "write ip saddr" },
		{ "[\"!\", \"-s\", \"10.0.0.0/8\"]", "words[0]", "\"!\"", "!= before the value" },
		{ "[\"ip saddr ! 10.0.0.1\"]", "words[0]", "\"!\"", "!= before the value" },
		{ "[\"-d 10.0.0.1\"]", "words[0]", "\"-d\"", "write ip daddr" },
		{ "[\"ip saddr 10.0.0.1\", \"-i\", \"a\"]", "words[1]", "\"-i\"", "iifname" },
		{ "[\"-p\", \"tcp\", \"--dport\", \"80\"]", "words[0]", "\"-p\"", "iptables" },
		{ "[\"--dport 80\"]", "words[0]", "\"--dport\"", "tcp dport" },
		{ "[\"-m addrtype\"]", "words[0]", "\"-m\"", "backend \"iptables\"" },
		{ "[\"oifname a\"]", "words[0]", "\"oifname\"", "iifname" },
		{ "[\"ct state new\"]", "words[0]", "\"ct\"", "no condition" },
		{ "[\"ip protocol tcp\"]", "words[0]", "\"protocol\"", "ip saddr" },
		{ "[\"ip\"]", "words[0]", "", "middle of a condition" },
		{ "[\"ip saddr\"]", "words[0]", "", "middle of a condition" },
		{ "[\"ip saddr !=\"]", "words[0]", "", "middle of a condition" },
		{ "[\"ip saddr {\"]", "words[0]", "", "middle of a condition" },
		{ "[\"ip saddr {10.0.0.1\"]", "words[0]", "", "middle of a condition" },
		{ "[\"ip saddr {10.0.0.1 10.0.0.2}\"]", "words[0]", "\"10.0.0.2\"", "comma or }" },
		{ "[\"ip saddr {}\"]", "words[0]", "\"}\"", "no address" },
		{ "[\"ip6 saddr fd00::1\"]", "words[0]", "\"saddr\"", "conditions for IPv4" },
		{ "[\"ip saddr fd00::1\"]", "words[0]", "\"fd00::1\"", "no IPv4 address" },
		{ "[\"ip saddr\", \"10.0.0.0/33\"]", "words[1]", "\"10.0.0.0/33\"", "prefix" },
		{ "[\"ip saddr 10.0.0.9-10.0.0.1\"]", "words[0]", "10.0.0.9-", "before it begins" },
		{ "[\"tcp dport 65536\"]", "words[0]", "\"65536\"", "0 to 65535" },
		{ "[\"tcp dport 90-80\"]", "words[0]", "\"90-80\"", "before it begins" },
		{ "[\"tcp dport http\"]", "words[0]", "\"http\"", "no port" },
		{ "[\"meta mark 0x100000000\"]", "words[0]", "0x100000000", "0xffffffff" },
		{ "[\"meta mark & 0 == 1\"]", "words[0]", "\"0\"", "masks everything" },
		{ "[\"meta mark & 1 1\"]", "words[0]", "\"1\"", "behind a mask" },
		{ "[\"iifname a_name_too_long1\"]", "words[0]", "a_name_too_long1", "no name" },
		{ "[\"iifname *\"]", "words[0]", "\"*\"", "no name" },
		{ "[\"iifname \\\"a\"]", "words[0]", "a", "closing quote" },
		{ "[7]", "words[0]", "", "" },
		{ "{}", "words", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct gate g = { .name = "kept" };

		snprintf(text, sizeof(text), "{\"words\": %s}", cases[i].words);
		assert_int_equal(read_as(text, AF_INET, &g), -EINVAL);
		assert_int_equal(said.cni, CNI_E_CONFIG);
		assert_ptr_equal(strstr(said.msg, cases[i].path), said.msg);
		if (!strstr(said.msg, cases[i].word) || !strstr(said.msg, cases[i].rule))
			fail_msg("%s: %s", cases[i].words, said.msg);
		assert_string_equal(g.name, "kept");
	}
}

static void there_is_an_end_to_it(void **state)
{
	char text[8192] = "{\"words\": [\"ip saddr != { 10.0.0.0";
	struct gate g;

	(void)state;
	for (int i = 0; i < NFT_WORDS_VALUES; i++)
		strcat(text, ", 10.0.0.0");
	strcat(text, " }\"]}");
	assert_int_equal(read_as(text, AF_INET, &g), -EINVAL);
	assert_non_null(strstr(said.msg, "64"));

	assert_int_equal(read_as("{\"words\": [\"tcp dport {1,2,3,4,5,6,7,8,9} "
				 "udp dport {1,2,3,4,5,6,7,8}\"]}",
				 AF_INET, &g),
			 -EINVAL);
	assert_non_null(strstr(said.msg, "64 alternatives"));

	strcpy(text, "{\"words\": [");
	for (int i = 0; i < NFT_WORDS_MATCHES; i++)
		strcat(text, "\"mark 1\", ");
	strcat(text, "\"mark 1\"]}");
	assert_int_equal(read_as(text, AF_INET, &g), -EINVAL);
	assert_non_null(strstr(said.msg, "one condition more than 8"));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(nft_lists_what_was_said),
		IN_LAB(the_most_that_can_be_said_fits_into_the_kernel),
		IN_LAB(a_flushed_chain_is_noticed_and_restored),
		IN_LAB(prune_takes_what_nobody_leads_to_and_is_of_the_network),
		cmocka_unit_test(a_name_is_of_the_network_the_family_and_the_words),
		cmocka_unit_test(errors_name_the_word_and_say_what_to_write),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
