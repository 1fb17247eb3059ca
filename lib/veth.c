/* SPDX-License-Identifier: GPL-2.0-or-later */
/* veth - see veth.h. */
#include "lib/veth.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/attachment.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"

/* ---- one ----------------------------------------------------------------- */

static int del_adopted(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	struct link link;
	int r;

	if (rq->netns_fd < 0 || !rq->prev)
		return 0;
	r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);
	if (r < 0)
		return r;
	if (link_get(inside, rq->ifname, &link, NULL) < 0 || strcmp(link.kind, "veth") != 0 ||
	    !attachment_is_adopted(rq, &link))
		return 0;
	link_put_del(inside, link.index);

	return nl_commit(inside, e);
}

int veth_del(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	struct link link;
	int r = nl_open(NETLINK_ROUTE, &host, e);

	if (r < 0)
		return r;
	r = link_get(host, rq->owner.host_ifname, &link, e);
	if (r == -ENODEV)
		return del_adopted(rq, e);

	return r < 0 ? r : link_del_quick(host, link.index, e);
}

void veth_undo(struct nl *host, const struct owner *owner, const uint8_t *mac)
{
	struct link link;

	if (link_get(host, owner->host_ifname, &link, NULL) == 0 &&
	    memcmp(link.mac, mac, MAC_LEN) == 0)
		(void)link_del_quick(host, link.index, NULL);
}
