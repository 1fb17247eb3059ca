/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loopback - CNI plugin: brings up a container's lo
 *
 * containerd calls it beside every network, with CNI_IFNAME "lo"; whatever the
 * name given, lo is meant.
 */
#include <linux/rtnetlink.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/lo.h"
#include "lib/netns.h"
#include "lib/nl.h"

static int loopback_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	if (r == 0)
		r = lo_set(inside, true, e);
	if (r < 0)
		return r;

	return rq->prev ? cni_result_copy(rq->prev, res, e) : lo_report(inside, rq->netns, res, e);
}

static int loopback_del(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	int r;

	if (rq->netns_fd < 0)
		return 0;
	r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	return r < 0 ? r : lo_set(inside, false, e);
}

static int loopback_check(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	return r < 0 ? r : lo_check(inside, e);
}

int main(void)
{
	static const struct cni_plugin loopback = {
		.name = "loopback",
		.add = loopback_add,
		.del = loopback_del,
		.check = loopback_check,
	};

	return cni_main(&loopback);
}
