/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane - see plane.h.  What its parts are, plane-private.h says. */
#include "netd/plane.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"
#include "netd/announce.h"
#include "netd/plane-private.h"
#include "netd/underlay.h"

void plane_on_flushed(struct plane *p, void (*fn)(void *ctx), void *ctx)
{
	p->flushed = fn;
	p->flushed_ctx = ctx;
}

void plane_on_mtu(struct plane *p, void (*fn)(void *ctx), void *ctx)
{
	p->mtu_changed = fn;
	p->mtu_ctx = ctx;
}

void plane_free(struct plane *p)
{
	if (!p)
		return;
	plane_repair_stop(p);
	while (p->nets) {
		struct plane_net *n = p->nets;

		p->nets = n->next;
		plane_free_net(n);
	}
	nl_close(p->route);
	nl_close(p->nft);
	if (p->announce >= 0)
		close(p->announce);
	free(p);
}

static void plane_freep(struct plane **p)
{
	plane_free(*p);
}

static int open_sockets(struct plane *p, struct err *e)
{
	int r = nl_open(NETLINK_ROUTE, &p->route, e);

	if (r == 0)
		r = nl_open(NETLINK_NETFILTER, &p->nft, e);
	if (r < 0)
		return r;
	p->announce = announce_open(e);

	return p->announce < 0 ? p->announce : 0;
}

int plane_new(struct ev_loop *loop, struct underlay *u, struct plane **ret, struct err *e)
{
	AUTO(plane_freep) struct plane *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_sys(e, ENOMEM, "start the data plane");
	p->loop = loop;
	p->underlay = u;
	p->announce = -1;
	r = open_sockets(p, e);
	/* Rules of the version before this one are replaced, elements stay. */
	if (r == 0)
		r = filter_build(p->nft, e);
	if (r == 0)
		r = plane_repair_start(p, e);
	if (r == 0 && u)
		r = underlay_on_change(u, plane_underlay_changed, p, e);
	if (r < 0)
		return err_wrap(e, r, "start the data plane");
	*ret = MOVE_PTR(p);

	return 0;
}
