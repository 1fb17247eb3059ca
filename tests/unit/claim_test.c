/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claim_test - whose elements are whose: masquerade and MAC guards in a kernel of their own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdbool.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/masq.h"
#include "lib/spoof.h"
#include "tests/unit/lab.h"

#define NETWORK	   "lows-network"
#define N_ELEMENTS "nft -j list ruleset | jq '[.nftables[].set.elem // [] | .[]] | length'"
#define N_RULES	   "nft -j list ruleset | jq '[.nftables[].rule // empty] | length'"

/* An attachment of the test's network, with one address of each family. */
struct attachment {
	struct owner owner;
	char id[32];
	struct ip_net addrs[2];
	struct masq masq;
};

static void attach(struct attachment *a, int i)
{
	char text[IP_NET_STRLEN];

	snprintf(a->id, sizeof(a->id), "container%d", i);
	owner_init(&a->owner, NETWORK, a->id, "eth0");
	snprintf(text, sizeof(text), "10.1.%d.%d/16", i / 250, i % 250 + 1);
	assert_int_equal(ip_net_parse(text, &a->addrs[0]), 0);
	snprintf(text, sizeof(text), "fd00::%x/64", i + 1);
	assert_int_equal(ip_net_parse(text, &a->addrs[1]), 0);
	a->masq = (struct masq){
		.owner = &a->owner,
		.network = NETWORK,
		.container_id = a->id,
		.ifname = "cni0",
		.addrs = a->addrs,
		.n_addrs = 2,
	};
}

/* The host link that shows that an attachment lives. */
static void make_link(const struct owner *o)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link add %s type veth peer name p%.13s 2>&1",
		 o->host_ifname, o->host_ifname + 2);
	lab_expect(command, "");
}

static uint32_t generation(struct nl *nl)
{
	uint32_t genid = 0;

	assert_done(nft_get_genid(nl, &genid, &lab_err));

	return genid;
}

static unsigned int rules_of(const struct ruleset *rs)
{
	unsigned int n = 0;

	for (size_t i = 0; i < rs->n_chains; i++)
		n += rs->chains[i].n_rules;

	return n;
}

static bool is_masqueraded(struct nl *nl, const struct attachment *a)
{
	return masq_check(nl, &a->masq, &lab_err) == 0;
}

/* ---- masquerade ------------------------------------------------------------ */

static void the_first_add_makes_the_table(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;

	attach(&a, 0);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_true(is_masqueraded(nl, &a));
	lab_expect(
		"nft list chain inet heddle postrouting | grep -e multicast -e 'own network'",
		"\t\tip daddr 224.0.0.0/4 return comment \"multicast keeps its source\"\n"
		"\t\tip6 daddr ff00::/8 return comment \"multicast keeps its source\"\n"
		"\t\tip saddr . oifname @masq4 return comment \"stays on its own network\"\n"
		"\t\tip6 saddr . oifname @masq6 return comment \"stays on its own network\"\n"
		"\t\tip saddr . iifname @masq4 masquerade comment \"leaves its own network\"\n"
		"\t\tip6 saddr . iifname @masq6 masquerade comment \"leaves its own network\"\n");
	assert_int_equal(lab_number(N_RULES), rules_of(&ruleset_masq));
	lab_expect("nft -j list set inet heddle masq4 | jq -r '.nftables[].set.elem // empty"
		   " | .[].elem | .val.concat[], .comment[20:]'",
		   "10.1.0.1\ncni0\n9c97db362f9ab9b7c37fe8fbe511059d " NETWORK
		   " container0 eth0\n");
}

static void adding_twice_changes_nothing(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;
	uint32_t before;

	attach(&a, 0);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	before = generation(nl);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_int_equal(generation(nl), before);
}

static void an_address_in_use_is_an_error_that_names_its_holder(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;
	uint32_t before;

	attach(&a, 0);
	attach(&b, 1);
	b.addrs[1] = a.addrs[1];
	make_link(&a.owner);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	before = generation(nl);
	assert_int_equal(masq_add(nl, &b.masq, &lab_err), -EEXIST);
	assert_non_null(
		strstr(lab_err.msg, "fd00::1 . cni0 is taken by " NETWORK " container0 eth0"));
	/* Nothing of it was taken, and nothing was sent that could fail. */
	assert_int_equal(generation(nl), before);
	assert_int_equal(lab_number(N_ELEMENTS), 2);
}

static void the_address_of_a_holder_that_is_gone_is_taken_over(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	b.masq.addrs = a.addrs;
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_add(nl, &b.masq, &lab_err));
	assert_true(is_masqueraded(nl, &b));
	/* The late DEL of the one that is gone finds nothing of its own. */
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_true(is_masqueraded(nl, &b));
}

static void an_element_that_somebody_added_by_hand_is_never_taken_over(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;

	attach(&a, 0);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_del(nl, &a.masq, &lab_err));
	lab_expect("nft add element inet heddle masq4 { 10.1.0.1 . cni0 } 2>&1", "");
	assert_int_equal(masq_add(nl, &a.masq, &lab_err), -EEXIST);
	assert_non_null(strstr(lab_err.msg, "an element without a comment"));
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_int_equal(lab_number(N_ELEMENTS), 1);
}

static void two_networks_may_use_one_subnet_on_two_bridges(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	b.masq.addrs = a.addrs;
	b.masq.ifname = "cni1";
	make_link(&a.owner);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_add(nl, &b.masq, &lab_err));
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_true(is_masqueraded(nl, &b));
	assert_false(is_masqueraded(nl, &a));
}

static void del_with_addresses_removes_what_is_its_own(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_add(nl, &b.masq, &lab_err));
	/* DEL of a that was given b's addresses. */
	a.masq.addrs = b.addrs;
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_true(is_masqueraded(nl, &b));
	a.masq.addrs = a.addrs;
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_false(is_masqueraded(nl, &a));
	assert_true(is_masqueraded(nl, &b));
}

static void del_without_addresses_finds_them_by_owner(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_done(masq_add(nl, &b.masq, &lab_err));
	a.masq.addrs = NULL;
	a.masq.n_addrs = 0;
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_true(is_masqueraded(nl, &b));
	assert_int_equal(lab_number(N_ELEMENTS), 2);
}

static void check_says_what_differs(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	b.addrs[0] = a.addrs[0];
	assert_int_equal(masq_check(nl, &b.masq, &lab_err), -ESTALE);
	assert_int_equal(lab_err.cni, CNI_E_CHECK);
	assert_non_null(strstr(lab_err.msg,
			       "10.1.0.1 . cni0 in nftables set masq4 belongs to " NETWORK
			       " container0 eth0"));
	assert_non_null(strstr(lab_err.details, "fd00::2 . cni0 is missing in nftables set masq6"));
}

static void nothing_but_add_makes_a_table(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a;
	struct spoof s = { .owner = &a.owner, .mac = (const uint8_t[6]){ 2 } };
	struct gc gc;

	attach(&a, 0);
	s.port = a.owner.host_ifname;
	assert_done(gc_init(&gc, NETWORK, NULL, 0, &lab_err));
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_done(spoof_del(nl, &s, &lab_err));
	s.mac = NULL;
	assert_done(spoof_del(nl, &s, &lab_err));
	a.masq.n_addrs = 0;
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_done(masq_gc(nl, MASQ_NFTABLES, &gc, &lab_err));
	assert_done(spoof_gc(nl, &gc, &lab_err));
	attach(&a, 0);
	assert_int_equal(masq_check(nl, &a.masq, &lab_err), -ESTALE);
	gc_clear(&gc);
	lab_expect("nft list ruleset", "");
}

/* ---- layouts --------------------------------------------------------------- */

static void a_flushed_ruleset_comes_back_with_the_next_add(void **state)
{
	static const char *const flushes[] = {
		"nft flush ruleset 2>&1",
		"nft flush table inet heddle 2>&1",
		"nft flush chain inet heddle postrouting 2>&1",
		"nft delete chain inet heddle postrouting 2>&1",
	};
	struct nl *nl = lab_nl(state);
	struct attachment a;

	attach(&a, 0);
	for (size_t i = 0; i < ARRAY_SIZE(flushes); i++) {
		assert_done(masq_add(nl, &a.masq, &lab_err));
		assert_true(is_masqueraded(nl, &a));
		lab_expect(flushes[i], "");
		assert_false(is_masqueraded(nl, &a));
		assert_int_equal(lab_err.cni, CNI_E_CHECK);
	}
	assert_done(masq_add(nl, &a.masq, &lab_err));
	assert_int_equal(lab_number(N_RULES), rules_of(&ruleset_masq));
}

/* One set is missing, and the rules are others. */
static void an_older_layout_is_refilled_and_keeps_its_elements(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	lab_expect("nft -f - 2>&1 <<'END'\n"
		   "flush chain inet heddle postrouting\n"
		   "delete set inet heddle masq6\n"
		   "delete chain inet heddle postrouting\n"
		   "table inet heddle { chain postrouting {\n"
		   "	comment \"heddle layout 0, compatible with 0\"\n"
		   "	type nat hook postrouting priority 99\n"
		   "	ip saddr 10.9.9.9 masquerade\n"
		   "}\n}\nEND",
		   "");
	assert_done(masq_add(nl, &b.masq, &lab_err));
	lab_expect("nft list ruleset | grep -c 10.9.9.9", "0\n");
	assert_int_equal(lab_number(N_RULES), rules_of(&ruleset_masq));
	assert_int_equal(lab_number(N_ELEMENTS), 3);
	assert_true(is_masqueraded(nl, &b));
}

static void set_layout(unsigned int layout, unsigned int compatible)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "(echo delete chain inet heddle postrouting; nft list chain inet heddle "
		 "postrouting |"
		 " sed 's/layout 4, compatible with 1/layout %u, compatible with %u/') | nft -f - "
		 "2>&1",
		 layout, compatible);
	lab_expect(command, "");
}

static void a_newer_layout_is_used_as_it_is(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	set_layout(RULESET_LAYOUT + 1, RULESET_LAYOUT);
	lab_expect("nft add rule inet heddle postrouting counter comment new 2>&1", "");
	assert_done(masq_add(nl, &b.masq, &lab_err));
	assert_true(is_masqueraded(nl, &b));
	assert_int_equal(lab_number(N_RULES), rules_of(&ruleset_masq) + 1);
}

static void a_newer_layout_that_needs_a_newer_program_is_an_error(void **state)
{
	struct nl *nl = lab_nl(state);
	struct attachment a, b;

	attach(&a, 0);
	attach(&b, 1);
	assert_done(masq_add(nl, &a.masq, &lab_err));
	set_layout(1000, RULESET_LAYOUT + 1);
	assert_true(masq_add(nl, &b.masq, &lab_err) < 0);
	assert_non_null(strstr(lab_err.msg, "table inet heddle has layout 1000,"));
	/* What is ours can still be removed. */
	assert_done(masq_del(nl, &a.masq, &lab_err));
	assert_int_equal(lab_number(N_ELEMENTS), 0);
}

/* ---- many at once ---------------------------------------------------------- */

#define N_PROCESSES 50

/* A process that waits for the pipe to be closed, then adds one attachment. */
static pid_t start_adder(int i, const int gate[2])
{
	pid_t pid = fork();
	char byte;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;

	AUTO(nl_closep) struct nl *nl = NULL;
	struct attachment a;
	struct err e = { .msg = "" };
	uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)i };
	struct spoof s = { .owner = &a.owner, .mac = mac };
	int r;

	close(gate[1]);
	attach(&a, i);
	s.port = a.owner.host_ifname;
	r = read(gate[0], &byte, 1) == 0 ? nl_open(NETLINK_NETFILTER, &nl, &e) : -EIO;
	if (r == 0)
		r = masq_add(nl, &a.masq, &e);
	if (r == 0)
		r = spoof_add(nl, &s, &e);
	if (r < 0)
		fprintf(stderr, "adder %d: %s\n", i, e.msg);
	_exit(r < 0);
}

static void fifty_processes_make_the_tables_at_once(void **state)
{
	pid_t pids[N_PROCESSES];
	int gate[2], status;

	(void)lab_nl(state);
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < N_PROCESSES; i++)
		pids[i] = start_adder(i, gate);
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < N_PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(lab_number(N_ELEMENTS), 4 * N_PROCESSES);
	assert_int_equal(lab_number(N_RULES), rules_of(&ruleset_masq) + rules_of(&ruleset_pins));
}

/* ---- GC -------------------------------------------------------------------- */

static void gc_removes_what_is_not_valid_and_nothing_of_other_networks(void **state)
{
	static struct attachment a[1000], other;
	struct cni_attachment valid[] = {
		{ .container_id = "container7", .ifname = "eth0" },
		{ .container_id = "container8", .ifname = "eth1" },
		{ .container_id = "container999", .ifname = "eth0" },
	};
	struct nl *nl = lab_nl(state);
	struct gc gc;

	for (int i = 0; i < 1000; i++) {
		attach(&a[i], i);
		assert_done(masq_add(nl, &a[i].masq, &lab_err));
	}
	attach(&other, 1001);
	owner_init(&other.owner, "other", other.id, "eth0");
	assert_done(masq_add(nl, &other.masq, &lab_err));

	assert_done(gc_init(&gc, NETWORK, valid, ARRAY_SIZE(valid), &lab_err));
	assert_done(masq_gc(nl, MASQ_NFTABLES, &gc, &lab_err));
	gc_clear(&gc);
	assert_true(is_masqueraded(nl, &a[7]));
	assert_true(is_masqueraded(nl, &a[999]));
	assert_true(is_masqueraded(nl, &other));
	assert_false(is_masqueraded(nl, &a[8]));
	assert_int_equal(lab_number(N_ELEMENTS), 6);
}

/* ---- MAC guards ------------------------------------------------------------ */

static void a_guard_is_two_elements_that_come_and_go_together(void **state)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, tuned[6] = { 2, 0, 0, 0, 0, 2 };
	const uint8_t *const known[] = { mac, tuned, NULL };
	struct nl *nl = lab_nl(state);
	struct owner o;

	owner_init(&o, NETWORK, "id", "eth0");
	/* DEL may know the MAC, or the one that another plugin gave, or none. */
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct spoof s = { .owner = &o, .port = o.host_ifname, .mac = mac };

		assert_done(spoof_add(nl, &s, &lab_err));
		assert_done(spoof_check(nl, &s, &lab_err));
		assert_int_equal(lab_number(N_ELEMENTS), 2);
		s.mac = known[i];
		assert_done(spoof_del(nl, &s, &lab_err));
		assert_int_equal(lab_number(N_ELEMENTS), 0);
	}
	assert_int_equal(lab_number(N_RULES), rules_of(&ruleset_pins));
}

static void a_port_that_is_guarded_anew_allows_one_mac_only(void **state)
{
	struct nl *nl = lab_nl(state);
	struct owner o;
	struct spoof s = { .owner = &o, .port = o.host_ifname };

	owner_init(&o, NETWORK, "id", "eth0");
	s.mac = (const uint8_t[6]){ 2, 0, 0, 0, 0, 1 };
	assert_done(spoof_add(nl, &s, &lab_err));
	s.mac = (const uint8_t[6]){ 2, 0, 0, 0, 0, 2 };
	assert_int_equal(spoof_check(nl, &s, &lab_err), -ESTALE);
	assert_done(spoof_add(nl, &s, &lab_err));
	assert_done(spoof_check(nl, &s, &lab_err));
	assert_int_equal(lab_number(N_ELEMENTS), 2);
}

static void a_port_guarded_by_another_stays_so(void **state)
{
	struct nl *nl = lab_nl(state);
	struct owner a, b;
	struct spoof s = { .owner = &a, .port = a.host_ifname };
	struct cni_attachment valid = { .container_id = "a", .ifname = "eth0" };
	struct gc gc;

	owner_init(&a, NETWORK, "a", "eth0");
	owner_init(&b, NETWORK, "b", "eth0");
	s.mac = (const uint8_t[6]){ 2, 0, 0, 0, 0, 1 };
	assert_done(spoof_add(nl, &s, &lab_err));
	s.owner = &b;
	assert_int_equal(spoof_add(nl, &s, &lab_err), -EEXIST);
	assert_non_null(strstr(lab_err.msg, NETWORK " a eth0"));
	assert_done(spoof_del(nl, &s, &lab_err));
	assert_done(gc_init(&gc, NETWORK, &valid, 1, &lab_err));
	assert_done(spoof_gc(nl, &gc, &lab_err));
	gc_clear(&gc);
	s.owner = &a;
	assert_done(spoof_check(nl, &s, &lab_err));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(the_first_add_makes_the_table),
		IN_LAB(adding_twice_changes_nothing),
		IN_LAB(an_address_in_use_is_an_error_that_names_its_holder),
		IN_LAB(the_address_of_a_holder_that_is_gone_is_taken_over),
		IN_LAB(an_element_that_somebody_added_by_hand_is_never_taken_over),
		IN_LAB(two_networks_may_use_one_subnet_on_two_bridges),
		IN_LAB(del_with_addresses_removes_what_is_its_own),
		IN_LAB(del_without_addresses_finds_them_by_owner),
		IN_LAB(check_says_what_differs),
		IN_LAB(nothing_but_add_makes_a_table),
		IN_LAB(a_flushed_ruleset_comes_back_with_the_next_add),
		IN_LAB(an_older_layout_is_refilled_and_keeps_its_elements),
		IN_LAB(a_newer_layout_is_used_as_it_is),
		IN_LAB(a_newer_layout_that_needs_a_newer_program_is_an_error),
		IN_LAB(fifty_processes_make_the_tables_at_once),
		IN_LAB(gc_removes_what_is_not_valid_and_nothing_of_other_networks),
		IN_LAB(a_guard_is_two_elements_that_come_and_go_together),
		IN_LAB(a_port_that_is_guarded_anew_allows_one_mac_only),
		IN_LAB(a_port_guarded_by_another_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
