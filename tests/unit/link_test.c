/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link_test - interfaces, in a namespace of the test's own and a second one */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <net/if.h> /* before linux/if.h, which leaves out what it has */
#include <linux/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "tests/unit/lab.h"

static const uint8_t mac_a[MAC_LEN] = { 2, 0, 0, 0, 0, 0xa };
static const uint8_t mac_b[MAC_LEN] = { 2, 0, 0, 0, 0, 0xb };

static int inside_fd = -1;
static struct nl *inside;

static int setup(void **state)
{
	int r = lab_setup_route(state);

	if (r < 0 || !*state)
		return r;
	inside_fd = lab_netns();

	return netns_nl_open(inside_fd, NETLINK_ROUTE, &inside, &lab_err);
}

static int teardown(void **state)
{
	nl_close(inside);
	close(inside_fd);

	return lab_teardown(state);
}

static struct link get(struct nl *nl, const char *name)
{
	struct link link = { 0 };

	assert_done(link_get(nl, name, &link, &lab_err));

	return link;
}

/* A pair from here to the second namespace. */
static void add_veth(struct nl *nl, const char *name, const char *peer)
{
	link_put_veth(nl, &(struct link_veth){ .name = name,
					       .peer = peer,
					       .peer_netns = inside_fd,
					       .mac = mac_a,
					       .peer_mac = mac_b });
	assert_done(nl_commit(nl, &lab_err));
}

static int add_bridge(struct nl *nl, const char *name)
{
	link_put_bridge(nl, &(struct link_bridge){ .name = name }, mac_a);
	assert_done(nl_commit(nl, &lab_err));

	return get(nl, name).index;
}

static bool exists(struct nl *nl, const char *name)
{
	struct link link;

	return link_get(nl, name, &link, NULL) == 0;
}

/* ---- creating ------------------------------------------------------------ */

static void a_veth_pair_is_born_as_asked_in_two_namespaces(void **state)
{
	struct nl *nl = lab_nl(state);
	int bridge = add_bridge(nl, "br0");
	struct link host, peer;

	link_put_veth(nl, &(struct link_veth){ .name = "host0",
					       .peer = "eth0",
					       .peer_netns = inside_fd,
					       .mac = mac_a,
					       .peer_mac = mac_b,
					       .mtu = 1400,
					       .group = 1u << 30 | 7,
					       .master = bridge });
	assert_done(nl_commit(nl, &lab_err));
	host = get(nl, "host0");
	assert_string_equal(host.kind, "veth");
	assert_true(host.has_mac);
	assert_memory_equal(host.mac, mac_a, MAC_LEN);
	assert_int_equal(host.mtu, 1400);
	assert_int_equal(host.group, 1u << 30 | 7);
	assert_int_equal(host.master, bridge);
	assert_true(host.flags & IFF_UP);

	peer = get(inside, "eth0");
	assert_memory_equal(peer.mac, mac_b, MAC_LEN);
	assert_int_equal(peer.mtu, 1400);
	assert_int_equal(peer.group, 0);
	assert_false(peer.flags & IFF_UP);
	assert_int_equal(peer.peer, host.index);
	assert_int_equal(host.peer, peer.index);
	lab_expect("ip -json link show host0 | jq -c \".[0] | [.mtu, .master, .group, .address]\"",
		   "[1400,\"br0\",\"1073741831\",\"02:00:00:00:00:0a\"]\n");
}

static void a_pair_with_a_name_that_is_taken_leaves_nothing_behind(void **state)
{
	struct nl *nl = lab_nl(state);
	static const char *const names[][2] = { { "taken0", "free1" }, { "free0", "taken1" } };
	struct err e;

	add_veth(nl, "taken0", "taken1");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		link_put_veth(nl, &(struct link_veth){ .name = names[i][0],
						       .peer = names[i][1],
						       .peer_netns = inside_fd,
						       .mac = mac_a,
						       .peer_mac = mac_b });
		assert_int_equal(nl_commit(nl, &e), -EEXIST);
		assert_non_null(strstr(e.msg, names[i][0]));
		assert_false(exists(nl, "free0") || exists(inside, "free1"));
	}
}

static void a_bridge_keeps_its_mac_address_when_ports_come(void **state)
{
	struct nl *nl = lab_nl(state);
	struct link bridge;

	link_put_bridge(nl, &(struct link_bridge){ .name = "br1", .mtu = 1400, .promisc = true },
			mac_b);
	assert_done(nl_commit(nl, &lab_err));
	bridge = get(nl, "br1");
	assert_string_equal(bridge.kind, "bridge");
	assert_true((bridge.flags & (IFF_UP | IFF_PROMISC)) == (IFF_UP | IFF_PROMISC));
	assert_int_equal(bridge.mtu, 1400);

	link_put_veth(nl, &(struct link_veth){ .name = "port1",
					       .peer = "eth1",
					       .peer_netns = inside_fd,
					       .mac = (const uint8_t[]){ 2, 0, 0, 0, 0, 1 },
					       .peer_mac = mac_a,
					       .master = bridge.index });
	assert_done(nl_commit(nl, &lab_err));
	assert_memory_equal(get(nl, "br1").mac, mac_b, MAC_LEN);
}

static void a_bridge_filters_vlans_or_is_refused(void **state)
{
	struct nl *nl = lab_nl(state);
	int r;

	link_put_bridge(nl, &(struct link_bridge){ .name = "br2", .vlan_filtering = true }, mac_b);
	r = nl_commit(nl, &lab_err);
	assert_true(r == 0 || r == -EOPNOTSUPP);
	if (r == 0)
		assert_int_equal(get(nl, "br2").vlan_filtering,
				 lab_number("cat /sys/class/net/br2/bridge/vlan_filtering"));
	assert_false(get(nl, "br0").vlan_filtering);
}

/* ---- changing ------------------------------------------------------------ */

static void flags_and_alias_of_a_bridge_port_are_set_by_its_name(void **state)
{
	static const struct {
		bool hairpin, isolated;
	} cases[] = { { true, false }, { false, true }, { true, true }, { false, false } };
	struct nl *nl = lab_nl(state);
	char name[IFNAMSIZ], peer[IFNAMSIZ], alias[32];
	int bridge = add_bridge(nl, "br3");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct link port;

		snprintf(name, sizeof(name), "p%zu", i);
		snprintf(peer, sizeof(peer), "c%zu", i);
		snprintf(alias, sizeof(alias), "h1: port %zu", i);
		link_put_veth(nl, &(struct link_veth){ .name = name,
						       .peer = peer,
						       .peer_netns = inside_fd,
						       .mac = mac_a,
						       .peer_mac = mac_b,
						       .master = bridge });
		link_put_port(nl, name, alias, cases[i].hairpin, cases[i].isolated);
		assert_done(nl_commit(nl, &lab_err));
		port = get(nl, name);
		assert_int_equal(port.hairpin, cases[i].hairpin);
		assert_int_equal(port.isolated, cases[i].isolated);
		assert_string_equal(port.alias, alias);
		assert_string_equal(port.kind, "veth");
	}
	lab_expect("ip -details link show p1 | grep -o \"hairpin [a-z]*\\|isolated [a-z]*\"",
		   "hairpin off\nisolated on\n");
}

static void the_longest_alias_is_read_whole(void **state)
{
	struct nl *nl = lab_nl(state);
	char alias[256];

	memset(alias, 'a', sizeof(alias) - 1);
	alias[sizeof(alias) - 1] = '\0';
	link_put_alias(nl, add_bridge(nl, "br4"), alias);
	assert_done(nl_commit(nl, &lab_err));
	assert_string_equal(get(nl, "br4").alias, alias);
}

static void each_setting_changes_that_setting(void **state)
{
	struct nl *nl = lab_nl(state);
	int index = add_bridge(nl, "br5");
	struct link link;

	link_put_flags(nl, index, 0, IFF_UP);
	link_put_mac(nl, index, mac_b);
	link_put_mtu(nl, index, 1300);
	link_put_group(nl, index, 4711);
	link_put_name(nl, index, "renamed");
	link_put_arp_notify(nl, index);
	assert_done(nl_commit(nl, &lab_err));
	link = get(nl, "renamed");
	assert_int_equal(link.index, index);
	assert_false(link.flags & IFF_UP);
	assert_memory_equal(link.mac, mac_b, MAC_LEN);
	assert_int_equal(link.mtu, 1300);
	assert_int_equal(link.group, 4711);
	lab_expect("cat /proc/sys/net/ipv4/conf/renamed/arp_notify", "1\n");
	link_put_flags(nl, index, IFF_UP, IFF_UP);
	assert_done(nl_commit(nl, &lab_err));
	assert_true(get(nl, "renamed").flags & IFF_UP);
}

static void a_change_of_what_is_not_there_names_what_it_was(void **state)
{
	struct nl *nl = lab_nl(state);
	struct err e;

	link_put_mtu(nl, 9999, 1400);
	assert_int_equal(nl_commit(nl, &e), -ENODEV);
	assert_memory_equal(e.msg, "set the MTU of interface number 9999: No such device", 52);
}

static void a_link_moves_to_another_namespace_under_a_new_name(void **state)
{
	struct nl *nl = lab_nl(state);

	add_veth(nl, "mover", "stays");
	link_put_move(nl, get(nl, "mover").index, inside_fd, "moved");
	assert_done(nl_commit(nl, &lab_err));
	assert_false(exists(nl, "mover"));
	assert_true(exists(inside, "moved"));
}

/* ---- looking ------------------------------------------------------------- */

static void a_link_that_is_not_there_is_enodev(void **state)
{
	struct link link = { .index = 77 };
	struct nl *nl = lab_nl(state);
	struct err e;

	assert_int_equal(link_get(nl, "absent0", &link, &e), -ENODEV);
	assert_string_equal(e.msg, "look up the interface absent0: No such device");
	assert_int_equal(link_get_index(nl, 9999, &link, &e), -ENODEV);
	assert_non_null(strstr(e.msg, "9999"));
	assert_int_equal(link.index, 77);
	assert_true(link_get(nl, "a-name-of-more-than-fifteen-bytes", &link, &e) < 0);
	assert_int_equal(link.index, 77);
}

static void a_link_is_found_by_its_number(void **state)
{
	struct nl *nl = lab_nl(state);
	struct link lo;

	assert_done(link_get_index(nl, 1, &lo, &lab_err));
	assert_string_equal(lo.name, "lo");
	assert_true(lo.flags & IFF_LOOPBACK);
	assert_string_equal(lo.kind, "");
	assert_int_equal(lo.master, 0);
}

static int count_link(const struct link *link, void *data)
{
	(void)link;
	++*(size_t *)data;

	return 0;
}

static int find_lo(const struct link *link, void *data)
{
	++*(size_t *)data;

	return strcmp(link->name, "lo") == 0 ? -EXDEV : 0;
}

static void a_walk_sees_every_link_until_it_is_ended(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t n = 0;

	assert_done(link_each(nl, count_link, &n, &lab_err));
	assert_int_equal(n, lab_number("ip -oneline link show | wc -l"));
	n = 0;
	assert_int_equal(link_each(nl, find_lo, &n, NULL), -EXDEV);
	assert_true(n >= 1);
}

static void random_mac_addresses_are_local_unicast_and_differ(void **state)
{
	uint8_t one[MAC_LEN], two[MAC_LEN];
	char text[MAC_STRLEN];

	(void)state;
	for (int i = 0; i < 64; i++) {
		assert_int_equal(link_random_mac(one, NULL), 0);
		assert_int_equal(one[0] & 3, 2);
		assert_int_equal(link_random_mac(two, NULL), 0);
		assert_memory_not_equal(one, two, MAC_LEN);
	}
	assert_string_equal(mac_str((const uint8_t[]){ 2, 0xff, 0, 0x1a, 9, 1 }, text),
			    "02:ff:00:1a:09:01");
}

/* While this is set, each look at the clock takes a second. */
static bool hurried;

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	static time_t ahead;
	int r = __real_clock_gettime(clock, t);

	ahead += hurried;
	t->tv_sec += ahead;

	return r;
}

static void a_port_is_waited_for_until_its_peer_is_up(void **state)
{
	struct nl *nl = lab_nl(state);
	struct err e;
	int index;

	add_veth(nl, "wait0", "wait1");
	index = get(nl, "wait0").index;
	hurried = true;
	assert_int_equal(link_wait_up(nl, index, &e), -ETIMEDOUT);
	hurried = false;
	assert_non_null(strstr(e.msg, "wait0"));
	link_put_flags(inside, get(inside, "wait1").index, IFF_UP, IFF_UP);
	assert_done(nl_commit(inside, &lab_err));
	assert_done(link_wait_up(nl, index, &lab_err));
	assert_int_equal(get(nl, "wait0").operstate, IF_OPER_UP);
	assert_int_equal(link_wait_up(nl, 9999, &e), -ENODEV);
}

/* ---- deleting ------------------------------------------------------------ */

static void a_group_is_deleted_and_nothing_else(void **state)
{
	struct nl *nl = lab_nl(state);
	char name[IFNAMSIZ];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "group%d", i);
		link_put_group(nl, add_bridge(nl, name), i < 3 ? 1u << 30 | 5 : 1u << 30 | 6);
		assert_done(nl_commit(nl, &lab_err));
	}
	link_put_del_group(nl, 1u << 30 | 5);
	assert_done(nl_commit(nl, &lab_err));
	lab_expect("ip -oneline link show | grep -o \"group[0-9]:\"", "group3:\n");
}

static void what_is_deleted_quickly_is_gone_on_return(void **state)
{
	struct nl *nl = lab_nl(state);
	int index;

	add_veth(nl, "quick0", "quick1");
	index = get(nl, "quick0").index;
	assert_done(link_del_quick(nl, index, &lab_err));
	assert_false(exists(nl, "quick0") || exists(inside, "quick1"));
	/* Its name is free at once. */
	add_veth(nl, "quick0", "quick1");
	assert_int_equal(link_del_quick(nl, index, NULL), 0);
	assert_true(exists(nl, "quick0"));
}

static void what_is_deleted_later_goes_by_itself(void **state)
{
	static const struct timespec pause = { .tv_nsec = 5000000 };
	struct nl *nl = lab_nl(state);
	int index;

	add_veth(nl, "later0", "later1");
	index = get(nl, "later0").index;
	assert_done(link_del_later(nl, index, &lab_err));
	for (int i = 0; i < 4000 && exists(nl, "later0"); i++)
		nanosleep(&pause, NULL);
	assert_false(exists(nl, "later0") || exists(inside, "later1"));
	assert_int_equal(link_del_later(nl, index, NULL), 0);
}

static void fifty_links_are_deleted_one_after_the_other(void **state)
{
	struct nl *nl = lab_nl(state);

	for (int i = 0; i < 50; i++) {
		add_veth(nl, "again0", "again1");
		assert_done(link_del_quick(nl, get(nl, "again0").index, &lab_err));
		assert_false(exists(nl, "again0") || exists(inside, "again1"));
	}
}

static void what_the_kernel_refuses_to_delete_is_an_error(void **state)
{
	struct nl *nl = lab_nl(state);
	struct err e;

	assert_int_equal(link_del_quick(nl, 1, &e), -EOPNOTSUPP);
	assert_non_null(strstr(e.msg, "delete interface number 1"));
	assert_true(exists(nl, "lo"));
}

/* In a child of its own, as a plugin would. */
static pid_t start(int (*fn)(const char *name), const char *name)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(name) < 0);

	return pid;
}

static int del_by_name(const char *name)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct link link = { 0 };
	int r = nl_open(NETLINK_ROUTE, &nl, NULL);

	if (r == 0)
		r = link_get(nl, name, &link, NULL);
	if (r == -ENODEV)
		return 0;

	return r < 0 ? r : link_del_quick(nl, link.index, NULL);
}

static void assert_succeeds(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void two_at_a_time_delete_the_same_link(void **state)
{
	struct nl *nl = lab_nl(state);

	for (int i = 0; i < 20; i++) {
		pid_t one, two;

		add_veth(nl, "both0", "both1");
		one = start(del_by_name, "both0");
		two = start(del_by_name, "both0");
		assert_succeeds(one);
		assert_succeeds(two);
		assert_false(exists(nl, "both0"));
	}
}

static int del_without_stdio(const char *name)
{
	close(0);
	close(1);
	close(2);

	return del_by_name(name);
}

static void standard_descriptors_need_not_be_open(void **state)
{
	struct nl *nl = lab_nl(state);

	add_veth(nl, "closed0", "closed1");
	assert_succeeds(start(del_without_stdio, "closed0"));
	assert_false(exists(nl, "closed0"));
}

/* An engine reads a plugin's pipes to their end: the child must not hold them. */
static void pipes_end_with_the_process_and_not_with_its_child(void **state)
{
	struct nl *nl = lab_nl(state);

	for (int i = 0; i < 10; i++) {
		struct pollfd in = { .events = POLLIN };
		int pipes[2];
		char byte;

		add_veth(nl, "pipe0", "pipe1");
		assert_int_equal(pipe(pipes), 0);
		assert_succeeds(start(del_by_name, "pipe0"));
		close(pipes[1]);
		in.fd = pipes[0];
		assert_int_equal(poll(&in, 1, 0), 1);
		assert_int_equal(read(pipes[0], &byte, 1), 0);
		close(pipes[0]);
	}
}

static int kill_after; /* turns of an empty loop */

/*
 * Kills the process at some moment of its work.  Its orphans become ours,
 * and each must come to its end.
 */
static int kill_while_deleting(const char *name)
{
	static const struct timespec limit = { .tv_sec = 60 };
	sigset_t child_died;
	pid_t pid;

	sigemptyset(&child_died);
	sigaddset(&child_died, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_died, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = start(del_by_name, name);
	for (volatile int i = kill_after; i > 0; i--)
		;
	kill(pid, SIGKILL);
	for (;;) {
		pid_t died = waitpid(-1, NULL, WNOHANG);

		if (died < 0)
			return errno == ECHILD ? 0 : -errno;
		if (died == 0 && sigtimedwait(&child_died, NULL, &limit) < 0)
			return -ETIMEDOUT;
	}
}

static void a_process_that_is_killed_leaves_nothing_that_the_next_cannot_finish(void **state)
{
	struct nl *nl = lab_nl(state);

	for (int i = 0; i < 40; i++) {
		kill_after = i * 10000;
		add_veth(nl, "killed0", "killed1");
		assert_succeeds(start(kill_while_deleting, "killed0"));
		assert_succeeds(start(del_by_name, "killed0"));
		assert_false(exists(nl, "killed0") || exists(inside, "killed1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_veth_pair_is_born_as_asked_in_two_namespaces),
		cmocka_unit_test(a_pair_with_a_name_that_is_taken_leaves_nothing_behind),
		cmocka_unit_test(a_bridge_keeps_its_mac_address_when_ports_come),
		cmocka_unit_test(a_bridge_filters_vlans_or_is_refused),
		cmocka_unit_test(flags_and_alias_of_a_bridge_port_are_set_by_its_name),
		cmocka_unit_test(the_longest_alias_is_read_whole),
		cmocka_unit_test(each_setting_changes_that_setting),
		cmocka_unit_test(a_change_of_what_is_not_there_names_what_it_was),
		cmocka_unit_test(a_link_moves_to_another_namespace_under_a_new_name),
		cmocka_unit_test(a_link_that_is_not_there_is_enodev),
		cmocka_unit_test(a_link_is_found_by_its_number),
		cmocka_unit_test(a_walk_sees_every_link_until_it_is_ended),
		cmocka_unit_test(random_mac_addresses_are_local_unicast_and_differ),
		cmocka_unit_test(a_port_is_waited_for_until_its_peer_is_up),
		cmocka_unit_test(a_group_is_deleted_and_nothing_else),
		cmocka_unit_test(what_is_deleted_quickly_is_gone_on_return),
		cmocka_unit_test(what_is_deleted_later_goes_by_itself),
		cmocka_unit_test(fifty_links_are_deleted_one_after_the_other),
		cmocka_unit_test(what_the_kernel_refuses_to_delete_is_an_error),
		cmocka_unit_test(two_at_a_time_delete_the_same_link),
		cmocka_unit_test(standard_descriptors_need_not_be_open),
		cmocka_unit_test(pipes_end_with_the_process_and_not_with_its_child),
		cmocka_unit_test(
			a_process_that_is_killed_leaves_nothing_that_the_next_cannot_finish),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
