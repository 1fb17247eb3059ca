/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft_test - nftables messages: written and read back, and as nft and the kernel see them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h> /* libnftnl/expr.h needs FILE */

#include <cmocka.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>

#include "lib/cleanup.h"
#include "lib/ip.h"
#include "lib/nft-expr.h"
#include "lib/nft.h"
#include "tests/unit/lab.h"

static const struct nft_table table = { .family = NFPROTO_INET, .name = "t" };

static const struct nft_set ports = {
	.table = &table,
	.name = "ports",
	.comment = "protocol . host port : where it leads",
	.key = { NFT_TYPE_PROTO, NFT_TYPE_PORT },
	.data = { NFT_TYPE_IPV4, NFT_TYPE_PORT },
};

static const struct nft_set everything = {
	.table = &table,
	.name = "everything",
	.key = { NFT_TYPE_IPV6, NFT_TYPE_IFNAME, NFT_TYPE_MAC, NFT_TYPE_PROTO },
};

static const struct nft_set names = {
	.table = &table,
	.name = "names",
	.comment = "a lone interface name",
	.key = { NFT_TYPE_IFNAME },
};

static const struct nft_set services = {
	.table = &table,
	.name = "services",
	.key = { NFT_TYPE_IPV4, NFT_TYPE_PORT },
	.ranges = true,
};

static const struct nft_set leads = {
	.table = &table,
	.name = "leads",
	.key = { NFT_TYPE_IPV4 },
	.data = { NFT_TYPE_IFNAME },
};

static const struct nft_chain prerouting = {
	.table = &table,
	.name = "prerouting",
	.type = "nat",
	.hook = NF_INET_PRE_ROUTING,
	.priority = -101,
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr ret;

	assert_int_equal(ip_parse(text, &ret), 0);

	return ret;
}

static struct nft_value port_key(uint16_t port)
{
	struct nft_value v = { .len = 0 };

	nft_value_proto(&v, 6);
	nft_value_port(&v, port);

	return v;
}

static struct nft_value port_data(const char *addr, uint16_t port)
{
	struct nft_value v = { .len = 0 };
	struct ip_addr a = ip(addr);

	nft_value_ip(&v, &a);
	nft_value_port(&v, port);

	return v;
}

/* ---- values ---------------------------------------------------------------- */

static void fields_of_a_key_are_padded_to_four_bytes(void **state)
{
	static const uint8_t expected[] = { 6, 0, 0, 0, 0x1f, 0x90, 0, 0 };
	struct nft_value key = port_key(8080);

	(void)state;
	assert_int_equal(key.len, sizeof(expected));
	assert_memory_equal(key.b, expected, sizeof(expected));
}

static void a_key_is_written_as_nft_writes_it(void **state)
{
	struct nft_value key = { .len = 0 };
	struct ip_addr a = ip("fd00::5");
	char text[NFT_KEY_STRLEN];

	(void)state;
	nft_value_ip(&key, &a);
	nft_value_ifname(&key, "a-bridge-name15");
	nft_value_mac(&key, (const uint8_t[]){ 2, 0, 0, 0, 0xab, 0xff });
	nft_value_proto(&key, 17);
	assert_string_equal(nft_key_str(&everything, &key, text),
			    "fd00::5 . a-bridge-name15 . 02:00:00:00:ab:ff . udp");
	key.len = 20;
	assert_string_equal(nft_key_str(&everything, &key, text), "fd00::5");
}

/* 10.1.0.0-10.1.0.255 and two ports. */
static struct nft_value service(uint16_t from, uint16_t to)
{
	struct ip_addr first = ip("10.1.0.0"), last = ip("10.1.0.255");
	struct nft_value v = { .len = 0 };

	nft_value_ip(&v, &first);
	nft_value_port(&v, from);
	nft_value_ip(&v, &last);
	nft_value_port(&v, to);

	return v;
}

static void a_box_is_written_with_both_its_ends(void **state)
{
	struct nft_value box = service(80, 90), half = service(80, 80);
	char text[NFT_KEY_STRLEN];

	(void)state;
	assert_string_equal(nft_key_str(&services, &box, text), "10.1.0.0-10.1.0.255 . 80-90");
	assert_string_equal(nft_key_str(&services, &half, text), "10.1.0.0-10.1.0.255 . 80");
	half.len /= 2;
	assert_string_equal(nft_key_str(&services, &half, text), "");
}

static void a_value_takes_no_more_than_it_has_room_for(void **state)
{
	struct nft_value v = { .len = 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		nft_value_ifname(&v, "eth0");
	assert_int_equal(v.len, NFT_VALUE_SIZE);
}

/* ---- elements -------------------------------------------------------------- */

static int keep_last(const struct nft_elem *elem, void *data)
{
	*(struct nft_elem *)data = *elem;

	return 0;
}

static void an_element_is_read_as_it_was_written(void **state)
{
	struct nft_value key = port_key(8080), data = port_data("10.1.0.5", 80);
	struct nl *nl = lab_nl(state);
	struct nft_elem elem = { .comment = "" };
	struct nft_batch b;

	nft_begin(&b, nl, 1);
	nft_add_elem(&b, &ports, &key, &data, "h1:tag words");
	mnl_attr_nest_end(b.open, b.list);
	assert_int_equal(nft_read_elems(b.open, keep_last, &elem), 0);
	nl_discard(nl);

	assert_true(nft_value_equal(&elem.key, &key));
	assert_true(nft_value_equal(&elem.data, &data));
	assert_string_equal(elem.comment, "h1:tag words");
}

static void a_comment_is_cut_to_what_nft_shows(void **state)
{
	struct nft_value key = port_key(1), data = port_data("10.1.0.5", 1);
	struct nl *nl = lab_nl(state);
	struct nft_elem elem = { .comment = "" };
	char comment[201];
	struct nft_batch b;

	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	nft_begin(&b, nl, 1);
	nft_add_elem(&b, &ports, &key, &data, comment);
	mnl_attr_nest_end(b.open, b.list);
	nft_read_elems(b.open, keep_last, &elem);
	nl_discard(nl);
	assert_int_equal(strlen(elem.comment), 128);
}

static int refuse(const struct nft_elem *elem, void *data)
{
	(void)elem;
	(void)data;

	return -ENOSPC;
}

static void reading_ends_with_the_error_of_the_reader(void **state)
{
	struct nft_value key = port_key(1), data = port_data("10.1.0.5", 1);
	struct nl *nl = lab_nl(state);
	struct nft_batch b;

	nft_begin(&b, nl, 1);
	nft_add_elem(&b, &ports, &key, &data, "tag");
	mnl_attr_nest_end(b.open, b.list);
	assert_int_equal(nft_read_elems(b.open, refuse, NULL), -ENOSPC);
	nl_discard(nl);
}

/* User data of other programs: no TLV, a cut one, one of another type, an empty comment. */
static void odd_user_data_is_no_comment(void **state)
{
	static const struct {
		uint8_t bytes[6];
		uint16_t len;
		const char *comment;
	} cases[] = {
		{ { 0 }, 0, "" },
		{ { 0 }, 1, "" },
		{ { 0, 200, 'a', 'b' }, 4, "" },
		{ { 9, 2, 'a', 0 }, 4, "" },
		{ { 9, 1, 7, 0, 1, 'a' }, 6, "a" },
		{ { 0, 0 }, 2, "" },
		{ { 0, 4, 'a', 'b', 'c', 'd' }, 6, "abcd" },
	};
	struct nl *nl = lab_nl(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nft_elem elem = { .comment = "?" };
		struct nlmsghdr *nlh = nl_put(nl, 0, 0, "test");
		struct nlattr *list, *item;

		mnl_nlmsg_put_extra_header(nlh, 4);
		list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
		item = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, cases[i].len, cases[i].bytes);
		mnl_attr_nest_end(nlh, item);
		mnl_attr_nest_end(nlh, list);
		nft_read_elems(nlh, keep_last, &elem);
		nl_discard(nl);
		assert_string_equal(elem.comment, cases[i].comment);
	}
}

static int count(const struct nft_elem *elem, void *data)
{
	(void)elem;
	++*(size_t *)data;

	return 0;
}

static void many_elements_are_several_messages_none_too_long(void **state)
{
	struct nl *nl = lab_nl(state);
	struct nft_batch b;

	nft_begin(&b, nl, 1);
	for (int i = 0; i < 1000; i++) {
		struct nft_value key = port_key((uint16_t)(i + 1));
		struct nft_value data = port_data("10.1.0.5", 80);

		nft_add_elem(&b, &ports, &key, &data, "a comment of some length, as tags have");
		assert_in_range(b.open->nlmsg_len, 1, NL_ROOM);
	}
	assert_in_range(b.n, 2, 20);
	nl_discard(nl);
}

/* ---- expressions ----------------------------------------------------------- */

static void expressions_are_what_nft_makes(void **state)
{
	const struct {
		struct nftnl_expr *expr;
		const char *text;
	} cases[] = {
		{ nft_iifname(0), "load iifname => reg 8 " },
		{ nft_ct(NFT_CT_STATUS, 1), "load status => reg 9 " },
		{ nft_ip_saddr(0), "load 4b @ network header + 12 => reg 8 " },
		{ nft_ip6_saddr(4), "load 16b @ network header + 8 => reg 12 " },
		{ nft_ether_saddr(4), "load 6b @ link header + 6 => reg 12 " },
		{ nft_and(0, "\xf0\0\0", 4), "reg 8 = ( reg 8 & 0x000000f0 ) ^ 0x00000000 " },
		{ nft_is(0, "\xff", 1), "eq reg 8 0x000000ff " },
		{ nft_is_not(0, "\xff", 1), "neq reg 8 0x000000ff " },
		{ nft_in(&names, 0), "reg 8 set names " },
		{ nft_not_in(&names, 0), "reg 8 set names 0x1 " },
		{ nft_map(&ports, 0, 2), "reg 8 set ports dreg 10 " },
		{ nft_return(), "reg 0 return " },
		{ nft_drop(), "reg 0 drop " },
		{ nft_masquerade(), "" },
		{ nft_dnat(NFPROTO_IPV4, 2, 3), "dnat ip addr_min reg 10 proto_min reg 11 " },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_non_null(cases[i].expr);
		nftnl_expr_snprintf(text, sizeof(text), cases[i].expr, NFTNL_OUTPUT_DEFAULT, 0);
		assert_string_equal(text, cases[i].text);
		nftnl_expr_free(cases[i].expr);
	}
}

static void a_rule_with_a_missing_expression_is_not_sent(void **state)
{
	struct nl *nl = lab_nl(state);
	struct nft_batch b;

	nft_begin(&b, nl, 0);
	nft_add_table(&b, &table, "comment");
	nft_add_chain(&b, &prerouting, "comment");
	nft_add_rule(&b, &prerouting, "half a rule", nft_iifname(0), NULL, nft_drop());
	assert_int_equal(nft_commit(&b, &lab_err), -ENOMEM);
	lab_expect("nft list ruleset", "");
}

/* ---- the kernel ------------------------------------------------------------ */

static int commit_ports(struct nl *nl, uint32_t genid, int first, int n, struct err *e)
{
	struct nft_batch b;

	nft_begin(&b, nl, genid);
	for (int i = first; i < first + n; i++) {
		struct nft_value key = port_key((uint16_t)i), data = port_data("10.1.0.5", 80);

		nft_add_elem(&b, &ports, &key, &data, "owner");
	}

	return nft_commit(&b, e);
}

/* A table in the shape that port mappings will have. */
static void make_table(struct nl *nl)
{
	struct nft_batch b;

	nft_begin(&b, nl, 0);
	nft_add_table(&b, &table, "a table");
	nft_add_set(&b, &ports);
	nft_add_set(&b, &names);
	nft_add_chain(&b, &prerouting, "a chain");
	nft_add_rule(&b, &prerouting, "a mapping", NFT_IPV4, nft_meta(NFT_META_L4PROTO, 0),
		     nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), nft_map(&ports, 0, 0),
		     nft_dnat(NFPROTO_IPV4, 0, 1));
	assert_done(nft_commit(&b, &lab_err));
}

static void nft_reads_what_we_write(void **state)
{
	struct nft_value key = port_key(8080), data = port_data("10.1.0.5", 80);
	struct nft_value name = { .len = 0 };
	struct nl *nl = lab_nl(state);
	struct nft_batch b;

	make_table(nl);
	nft_value_ifname(&name, "hvabcdefghijklm");
	nft_begin(&b, nl, 0);
	nft_add_elem(&b, &ports, &key, &data, "owner");
	nft_add_elem(&b, &names, &name, NULL, "owner");
	assert_done(nft_commit(&b, &lab_err));
	lab_expect("nft list ruleset",
		   "table inet t {\n"
		   "\tcomment \"a table\"\n"
		   "\tmap ports {\n"
		   "\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n"
		   "\t\tcomment \"protocol . host port : where it leads\"\n"
		   "\t\telements = { tcp . 8080 comment \"owner\" : 10.1.0.5 . 80 }\n"
		   "\t}\n\n"
		   "\tset names {\n"
		   "\t\ttype ifname\n"
		   "\t\tcomment \"a lone interface name\"\n"
		   "\t\telements = { \"hvabcdefghijklm\" comment \"owner\" }\n"
		   "\t}\n\n"
		   "\tchain prerouting {\n"
		   "\t\tcomment \"a chain\"\n"
		   "\t\ttype nat hook prerouting priority dstnat - 1; policy accept;\n"
		   "\t\tmeta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports comment "
		   "\"a mapping\"\n"
		   "\t}\n"
		   "}\n");
}

static void boxes_are_sets_of_ranges_to_nft(void **state)
{
	struct nft_value box = service(80, 90), next = service(91, 91), name = { .len = 0 };
	struct nft_value key = { .len = 0 };
	struct ip_addr from = ip("10.1.0.5");
	struct nl *nl = lab_nl(state);
	struct nft_elem elem;
	struct nft_batch b;

	nft_value_ip(&key, &from);
	nft_value_ifname(&name, "list");
	nft_begin(&b, nl, 0);
	nft_add_table(&b, &table, NULL);
	nft_add_set(&b, &services);
	nft_add_set(&b, &leads);
	nft_add_elem(&b, &services, &box, NULL, "owner");
	nft_add_elem(&b, &services, &next, NULL, "owner");
	nft_add_elem(&b, &leads, &key, &name, "owner");
	assert_done(nft_commit(&b, &lab_err));
	assert_int_equal(nft_get_elem(nl, &services, &box, &elem, &lab_err), 1);
	assert_true(nft_value_equal(&elem.key, &box));

	nft_begin(&b, nl, 0);
	nft_del_elem(&b, &services, &next);
	assert_done(nft_commit(&b, &lab_err));
	lab_expect("nft list ruleset", "table inet t {\n"
				       "\tset services {\n"
				       "\t\ttype ipv4_addr . inet_service\n"
				       "\t\tflags interval\n"
				       "\t\telements = { 10.1.0.0/24 . 80-90 comment \"owner\" }\n"
				       "\t}\n\n"
				       "\tmap leads {\n"
				       "\t\ttype ipv4_addr : ifname\n"
				       "\t\telements = { 10.1.0.5 comment \"owner\" : \"list\" }\n"
				       "\t}\n"
				       "}\n");
}

static void what_nft_saves_it_can_load_again(void **state)
{
	struct nl *nl = lab_nl(state);

	make_table(nl);
	assert_done(commit_ports(nl, 0, 1, 3, &lab_err));
	lab_expect("a=$(nft list ruleset) && nft flush ruleset && echo \"$a\" | nft -f - && "
		   "[ \"$a\" = \"$(nft list ruleset)\" ] && echo same",
		   "same\n");
}

static void absence_is_an_answer(void **state)
{
	struct nl *nl = lab_nl(state);
	struct nft_value key = port_key(1);
	struct nft_chain_state chain;
	struct nft_elem elem;
	size_t n = 0;

	assert_int_equal(nft_get_elem(nl, &ports, &key, &elem, &lab_err), 0);
	assert_int_equal(nft_get_chain(nl, &prerouting, &chain, &lab_err), 0);
	assert_int_equal(nft_dump_elems(nl, &ports, count, &n, &lab_err), 0);
	make_table(nl);
	assert_int_equal(nft_get_elem(nl, &ports, &key, &elem, &lab_err), 0);
	assert_int_equal(nft_dump_elems(nl, &ports, count, &n, &lab_err), 0);
	assert_int_equal(n, 0);
}

static void elements_and_chains_are_got_with_what_they_hold(void **state)
{
	struct nl *nl = lab_nl(state);
	struct nft_value key = port_key(2), data = port_data("10.1.0.5", 80);
	struct nft_chain_state chain;
	struct nft_elem elem;

	make_table(nl);
	assert_done(commit_ports(nl, 0, 1, 3, &lab_err));
	assert_int_equal(nft_get_elem(nl, &ports, &key, &elem, &lab_err), 1);
	assert_true(nft_value_equal(&elem.key, &key));
	assert_true(nft_value_equal(&elem.data, &data));
	assert_string_equal(elem.comment, "owner");
	assert_int_equal(nft_get_chain(nl, &prerouting, &chain, &lab_err), 1);
	assert_string_equal(chain.comment, "a chain");
	assert_int_equal(chain.n_rules, 1);
}

static void a_stale_generation_is_refused_and_changes_nothing(void **state)
{
	struct nl *nl = lab_nl(state);
	uint32_t genid = 0;
	size_t n = 0;

	make_table(nl);
	assert_done(nft_get_genid(nl, &genid, &lab_err));
	assert_done(commit_ports(nl, genid, 1, 1, &lab_err));
	assert_int_equal(commit_ports(nl, genid, 2, 1, &lab_err), -ERESTART);
	/* The socket is fit for use after it. */
	assert_done(nft_dump_elems(nl, &ports, count, &n, &lab_err));
	assert_int_equal(n, 1);
}

static void an_error_names_the_message_and_undoes_the_rest(void **state)
{
	struct nl *nl = lab_nl(state);
	struct nft_value key = port_key(7);
	struct nft_value data = port_data("10.1.0.5", 80);
	struct nft_batch b;
	size_t n = 0;

	make_table(nl);
	nft_begin(&b, nl, 0);
	nft_add_elem(&b, &ports, &key, &data, "owner");
	nft_del_elem(&b, &names, &key);
	nft_add_set(&b, &names);
	assert_int_equal(nft_commit(&b, &lab_err), -ENOENT);
	assert_non_null(strstr(lab_err.msg, "delete from set names of nftables table inet t"));
	assert_done(nft_dump_elems(nl, &ports, count, &n, &lab_err));
	assert_int_equal(n, 0);
}

static void a_taken_key_is_an_error_even_for_its_owner(void **state)
{
	struct nl *nl = lab_nl(state);

	make_table(nl);
	assert_done(commit_ports(nl, 0, 1, 1, &lab_err));
	assert_int_equal(commit_ports(nl, 0, 1, 1, &lab_err), -EEXIST);
}

static void a_batch_larger_than_the_send_buffer_goes_through(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t n = 0;

	make_table(nl);
	assert_done(commit_ports(nl, 0, 1, 20000, &lab_err));
	assert_done(nft_dump_elems(nl, &ports, count, &n, &lab_err));
	assert_int_equal(n, 20000);
}

static int change_meanwhile(const struct nft_elem *elem, void *data)
{
	AUTO(nl_closep) struct nl *nl = NULL; /* the other one is busy with the listing */

	(void)elem;
	if (++*(size_t *)data == 1) {
		assert_done(nl_open(NETLINK_NETFILTER, &nl, &lab_err));
		assert_done(commit_ports(nl, 0, 60000, 1, &lab_err));
	}

	return 0;
}

static void a_listing_that_was_overtaken_says_so(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t n = 0;

	make_table(nl);
	assert_done(commit_ports(nl, 0, 1, 5000, &lab_err));
	assert_int_equal(nft_dump_elems(nl, &ports, change_meanwhile, &n, &lab_err), -EINTR);
}

static void an_empty_batch_is_not_sent(void **state)
{
	struct nl *nl = lab_nl(state);
	uint32_t before = 0, after = 0;
	struct nft_batch b;

	assert_done(nft_get_genid(nl, &before, &lab_err));
	nft_begin(&b, nl, 0);
	assert_done(nft_commit(&b, &lab_err));
	assert_done(nft_get_genid(nl, &after, &lab_err));
	assert_int_equal(before, after);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_a_key_are_padded_to_four_bytes),
		cmocka_unit_test(a_key_is_written_as_nft_writes_it),
		cmocka_unit_test(a_box_is_written_with_both_its_ends),
		cmocka_unit_test(a_value_takes_no_more_than_it_has_room_for),
		IN_LAB(an_element_is_read_as_it_was_written),
		IN_LAB(a_comment_is_cut_to_what_nft_shows),
		IN_LAB(reading_ends_with_the_error_of_the_reader),
		IN_LAB(odd_user_data_is_no_comment),
		IN_LAB(many_elements_are_several_messages_none_too_long),
		cmocka_unit_test(expressions_are_what_nft_makes),
		IN_LAB(a_rule_with_a_missing_expression_is_not_sent),
		IN_LAB(nft_reads_what_we_write),
		IN_LAB(boxes_are_sets_of_ranges_to_nft),
		IN_LAB(what_nft_saves_it_can_load_again),
		IN_LAB(absence_is_an_answer),
		IN_LAB(elements_and_chains_are_got_with_what_they_hold),
		IN_LAB(a_stale_generation_is_refused_and_changes_nothing),
		IN_LAB(an_error_names_the_message_and_undoes_the_rest),
		IN_LAB(a_taken_key_is_an_error_even_for_its_owner),
		IN_LAB(a_batch_larger_than_the_send_buffer_goes_through),
		IN_LAB(a_listing_that_was_overtaken_says_so),
		IN_LAB(an_empty_batch_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
