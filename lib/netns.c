/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns - see netns.h. */
#include "lib/netns.h"

#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"

int netns_open(const char *path, struct err *e)
{
	/* O_NONBLOCK: a FIFO left at the path must not hang the plugin. */
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0) {
		r = err_sys(e, errno, "open the network namespace %s", path);
	} else {
		int type = ioctl(fd, NS_GET_NSTYPE);

		if (type == CLONE_NEWNET)
			return MOVE_FD(fd);
		r = err_sys(e, type < 0 && errno != ENOTTY ? errno : EINVAL,
			    "%s is not a network namespace", path);
	}
	if (e)
		e->cni = CNI_E_NETNS;

	return r;
}

bool netns_is_gone(int r)
{
	static const int gone[] = { ENOENT, ENOTDIR, ESRCH, EINVAL, ENXIO, ELOOP, ENAMETOOLONG };

	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		if (r == -gone[i])
			return true;
	}

	return false;
}

int netns_open_self(struct err *e)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open /proc/thread-self/ns/net");

	return fd;
}

bool netns_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

int netns_enter(int fd, struct err *e)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_sys(e, errno, "enter the network namespace");

	return 0;
}

int netns_call(int fd, int (*fn)(void *data, struct err *e), void *data, struct err *e)
{
	AUTO_FD int home = netns_open_self(e);
	int r;

	if (home < 0)
		return home;
	r = netns_enter(fd, e);
	if (r < 0)
		return r;

	r = fn(data, e);

	if (setns(home, CLONE_NEWNET) < 0)
		abort();

	return r;
}

struct nl_open_args {
	int bus;
	struct nl **ret;
};

static int open_here(void *data, struct err *e)
{
	struct nl_open_args *args = data;

	return nl_open(args->bus, args->ret, e);
}

int netns_nl_open(int fd, int bus, struct nl **ret, struct err *e)
{
	struct nl_open_args args = { .bus = bus, .ret = ret };

	return netns_call(fd, open_here, &args, e);
}

static int take_id(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	int *ret = data;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtgenmsg)) {
		if (mnl_attr_get_type(attr) == NETNSA_NSID && mnl_attr_get_payload_len(attr) >= 4)
			*ret = (int)mnl_attr_get_u32(attr);
	}

	return 0;
}

int netns_id(struct nl *nl, int fd, int *ret, struct err *e)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETNSID, 0, "ask for a namespace's number");
	struct rtgenmsg *gen = mnl_nlmsg_put_extra_header(req, sizeof(*gen));
	int id = -1, r;

	gen->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(req, NETNSA_FD, (uint32_t)fd);
	r = nl_query(nl, take_id, &id, e);
	if (r == 0)
		*ret = id;

	return r;
}
