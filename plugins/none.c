/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * none - CNI plugin: a container with lo and nothing else
 *
 * What `--network none` is to Docker, as a network of CNI: ADD brings up lo,
 * CHECK fails when another interface has appeared.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/lo.h"
#include "lib/netns.h"
#include "lib/nl.h"

static int none_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	if (r == 0)
		r = lo_set(inside, true, e);

	return r < 0 ? r : lo_report(inside, rq->netns, res, e);
}

static int none_del(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	int r;

	if (rq->netns_fd < 0)
		return 0;
	r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	return r < 0 ? r : lo_set(inside, false, e);
}

static int another(const struct link *link, void *data)
{
	struct err *e = data;

	if (!(link->flags & IFF_LOOPBACK))
		(void)cni_differs(e, "the container has the interface %s beside lo", link->name);

	return 0;
}

static int none_check(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	struct err found = { 0 };
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	if (r == 0)
		r = lo_check(inside, &found);
	if (r == 0 || r == -ESTALE)
		r = link_each(inside, another, &found, e);
	if (r < 0 || found.cni != CNI_E_CHECK)
		return r;
	*e = found;

	return -ESTALE;
}

int main(void)
{
	static const struct cni_plugin none = {
		.name = "none",
		.add = none_add,
		.del = none_del,
		.check = none_check,
	};

	return cni_main(&none);
}
