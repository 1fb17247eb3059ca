/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables_test - the "iptables" backend: names, listings, and ipMasq with the real programs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/iptables.h"
#include "lib/masq.h"
#include "tests/unit/lab.h"

#define NETWORK "lows-network"
#define RULES	"iptables -t nat -S | grep CNI; ip6tables -t nat -S | grep CNI"
#define N_RULES "(" RULES ") | wc -l"

/* ---- names and listings ---------------------------------------------------- */

/* The digits are those of: printf %s test1234 | sha512sum */
static void a_chain_is_named_as_the_reference_names_it(void **state)
{
	char chain[IPTABLES_CHAIN_SIZE];

	(void)state;
	iptables_chain_name(chain, "", "test", "1234");
	assert_string_equal(chain, "CNI-2bbe0c48b91a7d1b8a6753a8");
	iptables_chain_name(chain, "DN-", "test", "1234");
	assert_string_equal(chain, "CNI-DN-2bbe0c48b91a7d1b8a675");
}

static void a_comment_is_quoted_and_cut(void **state)
{
	char comment[2 * IPTABLES_COMMENT_SIZE], name[301];

	(void)state;
	iptables_comment(comment, "net", "id");
	assert_string_equal(comment, "name: \\\"net\\\" id: \\\"id\\\"");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	iptables_comment(comment, name, "id");
	assert_int_equal(strlen(comment), 255 + 1); /* one backslash */
}

static void a_listing_is_read_line_by_line(void **state)
{
	static const char listing[] =
		"-P PREROUTING ACCEPT\n"
		"-N CNI-0123\n"
		"\n"
		"garbage\n"
		"-A POSTROUTING -s 10.1.0.5/32 -m comment --comment \"name: \\\"n\\\" id: "
		"\\\"i\\\"\" -j CNI-0123\n"
		"-A OUTPUT -m comment --comment \"not -j HERE\" -j LOG --log-prefix \"-j \"\n"
		"-A OUTPUT";
	static const struct {
		bool is_rule;
		const char *chain, *target;
	} expected[] = {
		{ false, "CNI-0123", "" },
		{ true, "POSTROUTING", "CNI-0123" },
		{ true, "OUTPUT", "LOG" },
		{ true, "OUTPUT", "" },
	};
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];
	const char *at = listing;
	struct iptables_line line;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(iptables_next(&at, &line));
		assert_int_equal(line.is_rule, expected[i].is_rule);
		assert_string_equal(line.chain, expected[i].chain);
		assert_string_equal(line.target, expected[i].target);
		assert_int_equal(iptables_comment_read(&line, "", network, id), i == 1);
	}
	assert_string_equal(network, "n");
	assert_string_equal(id, "i");
	assert_false(iptables_next(&at, &line));
}

static void only_a_whole_comment_names_an_owner(void **state)
{
	static const char *const lines[] = {
		"-A X -m comment --comment \"name: \\\"n\\\" id: \\\"\" -j Y",
		"-A X -m comment --comment \"name: \\\"n\\\"\" -j Y",
		"-A X -m comment --comment \"dnat name: \\\"n\\\" id: \\\"i\\\"\" -j Y",
		"-A X -m comment --comment \"name: \\\"n\\\" id: \\\"i",
		"-A X",
	};
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *at = lines[i];
		struct iptables_line line;

		assert_true(iptables_next(&at, &line));
		assert_false(iptables_comment_read(&line, "", network, id));
	}
}

/* ---- ipMasq ---------------------------------------------------------------- */

struct attachment {
	struct owner owner;
	struct ip_net addrs[2];
	struct masq masq;
};

static void attach(struct attachment *a, const char *id, const char *ip4, const char *ip6)
{
	owner_init(&a->owner, NETWORK, id, "eth0");
	assert_int_equal(ip_net_parse(ip4, &a->addrs[0]), 0);
	assert_int_equal(ip_net_parse(ip6, &a->addrs[1]), 0);
	a->masq = (struct masq){
		.backend = MASQ_IPTABLES,
		.owner = &a->owner,
		.network = NETWORK,
		.container_id = id,
		.ifname = "cni0",
		.addrs = a->addrs,
		.n_addrs = 2,
	};
}

static void the_rules_are_those_of_the_reference(void **state)
{
	static const char comment[] = "-m comment --comment \"name: \\\"" NETWORK
				      "\\\" id: \\\"1234\\\"\"";
	struct nl *nl = lab_nl(state);
	struct attachment a;
	char *expected;

	attach(&a, "1234", "10.1.0.5/24", "fd00::5/64");
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_check(nl, &a.masq, &lab_err));
	assert_true(asprintf(&expected,
			     "-N %1$s\n"
			     "-A POSTROUTING -s 10.1.0.5/32 %2$s -j %1$s\n"
			     "-A %1$s -d 10.1.0.0/24 %2$s -j ACCEPT\n"
			     "-A %1$s ! -d 224.0.0.0/4 %2$s -j MASQUERADE\n"
			     "-N %1$s\n"
			     "-A POSTROUTING -s fd00::5/128 %2$s -j %1$s\n"
			     "-A %1$s -d fd00::/64 %2$s -j ACCEPT\n"
			     "-A %1$s ! -d ff00::/8 %2$s -j MASQUERADE\n",
			     "CNI-3226feffe83a0f41d73342f6", comment) > 0);
	lab_expect(RULES, expected);
	free(expected);
	lab_expect("nft list tables | grep heddle", "");
}

static void del_removes_all_of_it_also_twice_and_without_addresses(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	attach(&b, "b", "10.1.0.6/24", "fd00::6/64");
	for (size_t n_addrs = 0; n_addrs <= 2; n_addrs += 2) {
		a.masq.n_addrs = 2;
		assert_done(masq_add(nl, &a.masq, &lab_err));
		assert_done(masq_add(nl, &a.masq, &lab_err));
		assert_done(masq_add(nl, &b.masq, &lab_err));
		a.masq.n_addrs = n_addrs;
		assert_done(masq_del(nl, &a.masq, &lab_err));
		assert_done(masq_del(nl, &a.masq, &lab_err));
		assert_done(masq_check(nl, &b.masq, &lab_err));
		assert_int_equal(lab_number(N_RULES), 8);
		assert_done(masq_del(nl, &b.masq, &lab_err));
		lab_expect(RULES, "");
	}
}

static void two_interfaces_of_a_container_share_the_chain(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	attach(&b, "a", "10.1.0.6/24", "fd00::6/64");
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_add(nl, &b.masq, &lab_err));
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_done(masq_check(nl, &b.masq, &lab_err));
	assert_int_equal(masq_check(nl, &a.masq, &lab_err), -ESTALE);
	assert_done(masq_del(nl, &b.masq, &lab_err));
	lab_expect(RULES, "");
}

static void del_without_rules_makes_no_tables(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;
	struct gc gc;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	assert_done(masq_del(nl, &a.masq, &lab_err));
	a.masq.n_addrs = 0;
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_done(gc_init(&gc, NETWORK, NULL, 0, &lab_err));
	assert_done(masq_gc(nl, MASQ_IPTABLES, &gc, &lab_err));
	gc_clear(&gc);
	lab_expect("nft list ruleset 2>/dev/null", "");
}

static void check_says_what_is_missing(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	assert_int_equal(masq_check(nl, &a.masq, &lab_err), -ESTALE);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	lab_expect("iptables -t nat -F POSTROUTING", "");
	assert_int_equal(masq_check(nl, &a.masq, &lab_err), -ESTALE);
	assert_non_null(strstr(lab_err.msg, "leads 10.1.0.5 to chain CNI-"));
	assert_done(masq_add(nl, &a.masq, &lab_err));
	lab_expect("ip6tables -t nat -S | sed -n 's/^-N/ip6tables -t nat -F/p' | sh", "");
	assert_int_equal(masq_check(nl, &a.masq, &lab_err), -ESTALE);
	assert_non_null(strstr(lab_err.msg, "does not masquerade"));
}

static void gc_removes_what_is_not_valid_and_nothing_of_other_networks(void **state)
{
	struct cni_attachment valid = { .container_id = "b", .ifname = "eth0" };
	struct nl *nl = lab_nl(state);
	struct attachment a, b, c;
	struct gc gc;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	attach(&b, "b", "10.1.0.6/24", "fd00::6/64");
	attach(&c, "c", "10.1.0.7/24", "fd00::7/64");
	c.masq.network = "other";
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_add(nl, &b.masq, &lab_err));
	assert_done(masq_add(nl, &c.masq, &lab_err));
	assert_done(gc_init(&gc, NETWORK, &valid, 1, &lab_err));
	assert_done(masq_gc(nl, MASQ_IPTABLES, &gc, &lab_err));
	gc_clear(&gc);
	assert_done(masq_check(nl, &b.masq, &lab_err));
	assert_done(masq_check(nl, &c.masq, &lab_err));
	assert_int_equal(lab_number(N_RULES), 16);
}

static void what_nftables_did_is_undone_by_either_backend(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	a.masq.backend = MASQ_NFTABLES;
	assert_done(masq_add(nl, &a.masq, &lab_err));
	a.masq.backend = MASQ_IPTABLES;
	assert_done(masq_del(nl, &a.masq, &lab_err));
	lab_expect("nft list ruleset | grep -c 10.1.0.5", "0\n");
}

static void a_refused_script_is_an_error_with_what_the_program_said(void **state)
{
	(void)lab_nl(state);
	assert_int_equal(iptables_restore(AF_INET, "*nat\n-A NOWHERE -j ACCEPT\nCOMMIT\n",
					  &lab_err),
			 -EIO);
	assert_non_null(strstr(lab_err.msg, "iptables-restore: exit status"));
	assert_non_null(strstr(lab_err.msg, "line"));
}

/* The rules of the one family are taken back when the other's cannot be made. */
static void a_missing_program_is_an_error_that_says_what_to_do(void **state)
{
	struct nl *nl = lab_nl(state);
	char *path = strdup(getenv("PATH"));
	struct attachment a;
	int r;

	attach(&a, "a", "10.1.0.5/24", "fd00::5/64");
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	lab_expect("mount --make-rprivate / && for d in /sbin /usr/sbin /usr/local/sbin; do"
		   " mount -t tmpfs none $(readlink -f $d) || echo failed; done",
		   "");
	setenv("PATH", "/nowhere", 1);
	r = masq_add(nl, &a.masq, &lab_err);
	assert_int_equal(masq_del(nl, &a.masq, NULL), 0);
	setenv("PATH", path, 1);
	free(path);
	assert_int_equal(r, -ENOENT);
	assert_non_null(strstr(lab_err.msg, "needs the program iptables-restore: install"));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_named_as_the_reference_names_it),
		cmocka_unit_test(a_comment_is_quoted_and_cut),
		cmocka_unit_test(a_listing_is_read_line_by_line),
		cmocka_unit_test(only_a_whole_comment_names_an_owner),
		IN_LAB(the_rules_are_those_of_the_reference),
		IN_LAB(del_removes_all_of_it_also_twice_and_without_addresses),
		IN_LAB(two_interfaces_of_a_container_share_the_chain),
		IN_LAB(del_without_rules_makes_no_tables),
		IN_LAB(check_says_what_is_missing),
		IN_LAB(gc_removes_what_is_not_valid_and_nothing_of_other_networks),
		IN_LAB(what_nftables_did_is_undone_by_either_backend),
		IN_LAB(a_refused_script_is_an_error_with_what_the_program_said),
		/* Last: it hides the programs from this process. */
		IN_LAB(a_missing_program_is_an_error_that_says_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
