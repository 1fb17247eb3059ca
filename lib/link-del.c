/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link-del - delete an interface without waiting for the kernel's RCU barrier
 *
 * Order matters: subscribe to link notifications, see that the interface is
 * there, then fork.  The child asks for the deletion and is held by the kernel
 * for some 15 ms (linger.h); the parent returns at RTM_DELLINK, which comes when
 * the name is free and no packet passes any more.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/linger.h"
#include "lib/link.h"
#include "lib/nl.h"

#define TIMEOUT_MS 20000 /* a hundred DELs at once wait for each other */

static int open_monitor(struct err *e)
{
	const struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(e, errno, "watch interfaces");

	return MOVE_FD(fd);
}

/*
 * Only RTM_DELLINK of one interface passes: a hundred deletions at once bring
 * more than a thousand messages otherwise.  BPF loads are big-endian, netlink
 * is in host order, hence the conversions.  A kernel that refuses the filter
 * just sends more.
 */
static void filter_monitor(int fd, int index)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_index)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)index), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int del_blocking(struct nl *nl, int index, struct err *e)
{
	int r;

	link_put_del(nl, index);
	r = nl_commit(nl, e);

	return r == -ENODEV ? 0 : r;
}

/* Runs in the child, whose descriptor 0 is the pipe to the parent. */
static void del_and_tell(void *data)
{
	const int *index = data;
	struct nl *nl = NULL;
	int r = nl_open(NETLINK_ROUTE, &nl, NULL);

	if (r == 0)
		r = del_blocking(nl, *index, NULL);
	nl_close(nl);
	(void)!write(0, &r, sizeof(r));
}

/* Whether @fd has the notification; true also if some were lost. */
static bool notified(int fd, int index, bool *ret_lost)
{
	char buf[8192];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int len = (int)n;

		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == RTM_DELLINK && ifi->ifi_index == index &&
			    ifi->ifi_family == AF_UNSPEC)
				return true;
		}
	}
	*ret_lost = n < 0 && errno == ENOBUFS;

	return false;
}

static bool is_gone(struct nl *nl, int index)
{
	struct link link;

	return link_get_index(nl, index, &link, NULL) == -ENODEV;
}

static int wait_gone(struct nl *nl, int index, int monitor, int child_fd, struct err *e)
{
	struct pollfd fds[] = { { .fd = monitor, .events = POLLIN },
				{ .fd = child_fd, .events = POLLIN } };
	int64_t deadline = clock_ms() + TIMEOUT_MS, left;
	int r;

	while ((left = deadline - clock_ms()) > 0) {
		bool lost = false;

		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for an interface to be deleted");
		if (fds[0].revents && notified(monitor, index, &lost))
			return 0;
		if (lost && is_gone(nl, index))
			return 0;
		if (!fds[1].revents)
			continue;
		if (read(child_fd, &r, sizeof(r)) == sizeof(r))
			return r == 0 ? 0 : err_sys(e, -r, "delete interface number %d", index);
		/* The child was killed before it could tell. */
		return is_gone(nl, index) ? 0 : del_blocking(nl, index, e);
	}

	return err_sys(e, ETIMEDOUT, "delete interface number %d", index);
}

static void del_alone(void *data)
{
	const int *index = data;
	struct nl *nl = NULL;

	if (nl_open(NETLINK_ROUTE, &nl, NULL) == 0)
		(void)del_blocking(nl, *index, NULL);
	nl_close(nl);
}

int link_del_later(struct nl *nl, int index, struct err *e)
{
	return linger_fork(-1, del_alone, &index) < 0 ? del_blocking(nl, index, e) : 0;
}

int link_del_quick(struct nl *nl, int index, struct err *e)
{
	AUTO_FD int monitor = open_monitor(e);
	AUTO_FD int in = -1;
	AUTO_FD int out = -1;
	int pipes[2], r;

	if (monitor < 0)
		return monitor;
	filter_monitor(monitor, index);
	if (is_gone(nl, index))
		return 0;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return del_blocking(nl, index, e);
	in = pipes[0];
	out = pipes[1];

	r = linger_fork(out, del_and_tell, &index);
	if (r < 0)
		return del_blocking(nl, index, e);
	close(MOVE_FD(out));

	return wait_gone(nl, index, monitor, in, e);
}
