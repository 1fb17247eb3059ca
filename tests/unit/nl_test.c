/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl_test - conversations with rtnetlink, in a namespace of the test's own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"
#include "tests/unit/lab.h"

static void put_link(struct nl *nl, const char *name, const char *kind)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "add the %s %s", kind, name);
	struct nlattr *info;

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(req, info);
}

/* An address of lo, 127.1.0.0 + @n; -ENODEV for an @index without an interface. */
static void put_addr(struct nl *nl, int index, uint32_t n)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "add address %u", n);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(req, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_index = (uint32_t)index;
	mnl_attr_put_u32(req, IFA_LOCAL, htonl(0x7f010000 + n));
}

static long n_addrs(void)
{
	return lab_number("ip -4 -oneline address show dev lo | wc -l");
}

static void put_dump(struct nl *nl)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, NLM_F_DUMP, "list the links");

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
}

static int count(const struct nlmsghdr *nlh, void *data)
{
	assert_int_equal(nlh->nlmsg_type, RTM_NEWLINK);
	++*(size_t *)data;

	return 0;
}

static size_t n_links(struct nl *nl)
{
	size_t n = 0;

	put_dump(nl);
	assert_done(nl_query(nl, count, &n, &lab_err));

	return n;
}

/* ---- batches ------------------------------------------------------------- */

static void an_empty_queue_is_committed_at_once(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t failed = 77;

	assert_int_equal(nl_commit_at(nl, &failed, NULL), 0);
	assert_int_equal(failed, 77);
}

static void a_batch_goes_on_past_an_error_and_reports_the_first(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t failed = 77;
	struct err e;

	put_link(nl, "br0", "bridge");
	put_link(nl, "br0", "bridge");
	put_link(nl, "br1", "bridge");
	put_link(nl, "br2", "nonsense");
	put_link(nl, "br3", "bridge");
	assert_int_equal(nl_commit_at(nl, &failed, &e), -EEXIST);
	assert_string_equal(e.msg, "add the bridge br0: File exists");
	assert_int_equal(failed, 1);
	assert_true(if_nametoindex("br1") && if_nametoindex("br3"));
	assert_false(if_nametoindex("br2"));
}

static void an_error_of_the_last_message_is_an_error_too(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t failed = 77;
	struct err e;

	put_link(nl, "br4", "bridge");
	put_link(nl, "br4", "bridge");
	assert_int_equal(nl_commit_at(nl, &failed, &e), -EEXIST);
	assert_int_equal(failed, 1);
	assert_int_equal(nl_commit(nl, &e), 0);
}

static void an_error_carries_the_kernels_own_words(void **state)
{
	struct nl *nl = lab_nl(state);
	struct err e;

	put_link(nl, "x0", "nonsense");
	assert_int_equal(nl_commit(nl, &e), -EOPNOTSUPP);
	assert_string_equal(e.msg,
			    "add the nonsense x0: Operation not supported (Unknown device type)");
	assert_int_equal(e.sys, EOPNOTSUPP);
	put_link(nl, "x0", "nonsense");
	assert_int_equal(nl_commit(nl, NULL), -EOPNOTSUPP);
}

static void what_is_discarded_is_never_sent(void **state)
{
	struct nl *nl = lab_nl(state);

	put_link(nl, "no0", "bridge");
	put_link(nl, "no1", "bridge");
	nl_discard(nl);
	put_link(nl, "yes0", "bridge");
	assert_done(nl_commit(nl, &lab_err));
	assert_true(if_nametoindex("yes0"));
	assert_false(if_nametoindex("no0") || if_nametoindex("no1"));
}

static void a_queue_longer_than_the_send_buffer_goes_out_whole(void **state)
{
	struct nl *nl = lab_nl(state);
	long before = n_addrs();
	const uint32_t many = 8000;

	for (uint32_t i = 0; i < many; i++)
		put_addr(nl, 1, i);
	assert_done(nl_commit(nl, &lab_err));
	assert_int_equal(n_addrs(), before + many);
}

/* More replies than the receive buffer holds: the kernel drops some, the ack among them. */
static void a_flood_of_errors_is_an_error_and_no_hang(void **state)
{
	struct nl *nl = lab_nl(state);
	struct err e;
	int r;

	for (uint32_t i = 0; i < 8000; i++)
		put_addr(nl, 9999, i);
	r = nl_commit(nl, &e);
	assert_true(r == -ENODEV || r == -ENOBUFS);
	assert_true(n_links(nl) > 1);
}

static void a_queue_survives_many_messages_of_full_size(void **state)
{
	struct nl *nl = lab_nl(state);
	static const char filler[NL_ROOM - 256];

	for (int i = 0; i < 20; i++) {
		struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, 0, "message %d", i);

		mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
		mnl_attr_put(req, IFLA_MAX, sizeof(filler), filler);
	}
	nl_discard(nl);
	assert_true(n_links(nl) > 0);
}

/* ---- questions ----------------------------------------------------------- */

static void put_get(struct nl *nl, const char *name)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETLINK, 0, "look up %s", name);

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
}

static void a_get_hands_over_one_object_or_says_that_there_is_none(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t n = 0;
	struct err e;

	put_get(nl, "lo");
	assert_done(nl_query(nl, count, &n, &lab_err));
	assert_int_equal(n, 1);
	put_get(nl, "absent0");
	assert_int_equal(nl_query(nl, count, &n, &e), -ENODEV);
	assert_int_equal(n, 1);
	assert_string_equal(e.msg, "look up absent0: No such device");
}

static int refuse_second(const struct nlmsghdr *nlh, void *data)
{
	(void)nlh;

	return ++*(size_t *)data == 2 ? -EXDEV : 0;
}

static void a_callback_ends_the_walk_and_the_socket_stays_of_use(void **state)
{
	struct nl *nl = lab_nl(state);
	size_t n = 0;

	put_dump(nl);
	assert_int_equal(nl_query(nl, refuse_second, &n, NULL), -EXDEV);
	assert_int_equal(n, 2);
	assert_true(n_links(nl) > 2);
}

/* A list that changes while it is read. */
struct change {
	struct nl *other;
	size_t seen, left; /* how many more passes are to be disturbed */
};

/* lo comes first in a list, so this is once a pass: a bridge appears, or disappears again. */
static int change_while_reading(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	int index = (int)if_nametoindex("flicker");
	struct change *c = data;

	c->seen++;
	if (ifi->ifi_index != 1 || c->left == 0)
		return 0;
	c->left--;
	if (index > 0) {
		struct nlmsghdr *req = nl_put(c->other, RTM_DELLINK, 0, "delete flicker");

		((struct ifinfomsg *)mnl_nlmsg_put_extra_header(req, sizeof(*ifi)))->ifi_index =
			index;
	} else {
		put_link(c->other, "flicker", "bridge");
	}
	assert_done(nl_commit(c->other, &lab_err));

	return 0;
}

/* Enough links that the kernel hands the list over in several pieces. */
static void fill_list(struct nl *nl)
{
	char name[IFNAMSIZ];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		put_link(nl, name, "bridge");
	}
	assert_done(nl_commit(nl, &lab_err));
}

static void a_list_that_changed_while_it_was_read_is_read_again(void **state)
{
	struct nl *nl = lab_nl(state);
	AUTO(nl_closep) struct nl *other = NULL;
	struct change once = { .left = 1 };
	size_t before;

	fill_list(nl);
	before = n_links(nl);
	assert_done(nl_open(NETLINK_ROUTE, &other, &lab_err));
	once.other = other;
	put_dump(nl);
	assert_done(nl_query(nl, change_while_reading, &once, &lab_err));
	assert_true(once.seen > before + 1);
	assert_int_equal(n_links(nl), before + 1);
}

static void a_list_that_never_stands_still_is_worth_a_retry_by_the_runtime(void **state)
{
	struct nl *nl = lab_nl(state);
	AUTO(nl_closep) struct nl *other = NULL;
	struct change always = { .left = SIZE_MAX };
	struct err e;

	assert_done(nl_open(NETLINK_ROUTE, &other, &lab_err));
	always.other = other;
	put_dump(nl);
	assert_int_equal(nl_query(nl, change_while_reading, &always, &e), -EAGAIN);
	assert_int_equal(e.cni, CNI_E_AGAIN);
	assert_non_null(strstr(e.msg, "list the links"));
}

static void a_list_that_is_refused_carries_the_kernels_own_words(void **state)
{
	struct nl *nl = lab_nl(state);
	struct nlmsghdr *req = nl_put(nl, RTM_GETROUTE, NLM_F_DUMP, "list the routes");
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(req, sizeof(*rtm));
	struct err e;

	rtm->rtm_family = AF_INET;
	rtm->rtm_src_len = 8;
	assert_int_equal(nl_query(nl, count, NULL, &e), -EINVAL);
	assert_string_equal(e.msg, "list the routes: Invalid argument "
				   "(Invalid values in header for FIB dump request)");
}

/* ---- out of memory ------------------------------------------------------- */

static size_t reallocs_left; /* how many succeed before one fails, 0: none fails */

void *__real_realloc(void *array, size_t size);
void *__wrap_realloc(void *array, size_t size);

void *__wrap_realloc(void *array, size_t size)
{
	return reallocs_left > 0 && --reallocs_left == 0 ? NULL : __real_realloc(array, size);
}

static void a_queue_without_memory_sends_nothing_and_says_so(void **state)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	long before = n_addrs();
	size_t fail_at = 0;
	struct err e;
	int r;

	(void)lab_nl(state);
	do {
		nl_close(nl);
		nl = NULL;
		assert_done(nl_open(NETLINK_ROUTE, &nl, &lab_err));
		reallocs_left = ++fail_at;
		for (uint32_t i = 0; i < 1000; i++)
			put_addr(nl, 1, 100000 + i);
		reallocs_left = 0;
		r = nl_commit(nl, &e);
		if (r < 0)
			assert_int_equal(n_addrs(), before);
		assert_int_equal(nl_commit(nl, NULL), 0);
	} while (r == -ENOMEM);
	assert_int_equal(r, 0);
	assert_true(fail_at > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_queue_is_committed_at_once),
		cmocka_unit_test(a_batch_goes_on_past_an_error_and_reports_the_first),
		cmocka_unit_test(an_error_of_the_last_message_is_an_error_too),
		cmocka_unit_test(an_error_carries_the_kernels_own_words),
		cmocka_unit_test(what_is_discarded_is_never_sent),
		cmocka_unit_test(a_queue_longer_than_the_send_buffer_goes_out_whole),
		cmocka_unit_test(a_flood_of_errors_is_an_error_and_no_hang),
		cmocka_unit_test(a_queue_survives_many_messages_of_full_size),
		cmocka_unit_test(a_get_hands_over_one_object_or_says_that_there_is_none),
		cmocka_unit_test(a_callback_ends_the_walk_and_the_socket_stays_of_use),
		cmocka_unit_test(a_list_that_changed_while_it_was_read_is_read_again),
		cmocka_unit_test(a_list_that_never_stands_still_is_worth_a_retry_by_the_runtime),
		cmocka_unit_test(a_list_that_is_refused_carries_the_kernels_own_words),
		cmocka_unit_test(a_queue_without_memory_sends_nothing_and_says_so),
	};

	return cmocka_run_group_tests(tests, lab_setup_route, lab_teardown);
}
