/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch - see watch.h. */
#include "netd/watch.h"

#include <errno.h>
#include <ev.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ruleset.h"
#include "netd/filter.h"
#include "netd/forward.h"
#include "netd/ifstate.h"

/* Enough for the echo of a batch of ours, and for a busy moment of others. */
#define ROOM	  (2 * 1024 * 1024)
#define READ_SIZE (32 * 1024)

#define RTNL_GROUPS                                                                                \
	(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |                    \
	 RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
#define NFT_GROUPS (1u << (NFNLGRP_NFTABLES - 1))

struct source {
	ev_io io;
	struct watch *watch;
	struct mnl_socket *sock;
	void (*take)(struct watch *w, const struct nlmsghdr *nlh);
};

struct watch {
	struct ev_loop *loop;
	struct watch_events events;
	struct source rtnl, nft;
	char buf[READ_SIZE] __attribute__((aligned(8)));
};

/* ---- rtnetlink ------------------------------------------------------------------------ */

static uint32_t oif_of(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg))
		if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_get_payload_len(attr) >= 4)
			return mnl_attr_get_u32(attr);

	return 0;
}

static void take_rtnl(struct watch *w, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct watch_events *ev = &w->events;
	struct forward_said said;
	struct ifstate s;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (ifstate_read(nlh, &s))
			ev->link(ev->ctx, &s, nlh->nlmsg_type == RTM_DELLINK);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ifa))
			ev->address(ev->ctx, (int)ifa->ifa_index);
		break;
	case RTM_DELROUTE:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtmsg))
			ev->address(ev->ctx, (int)oif_of(nlh));
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (forward_read(nlh, &said))
			ev->entry(ev->ctx, &said);
		break;
	default:
		break;
	}
}

/* ---- nfnetlink -------------------------------------------------------------------------- */

static const char *text_of(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == type &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attr);

	return "";
}

/* The first attribute of all of these is the table's name. */
static const char *table_of(const struct nlmsghdr *nlh)
{
	return text_of(nlh, NFTA_TABLE_NAME);
}

/* A chain that is made, or drops from now on, or a rule that goes: Docker and others come late. */
static bool is_of_iptables(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *chain;

	switch (NFNL_MSG_TYPE(nlh->nlmsg_type)) {
	case NFT_MSG_NEWCHAIN:
		chain = text_of(nlh, NFTA_CHAIN_NAME);
		break;
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		chain = text_of(nlh, NFTA_RULE_CHAIN);
		break;
	default:
		return false;
	}

	return (nfg->nfgen_family == NFPROTO_IPV4 || nfg->nfgen_family == NFPROTO_IPV6) &&
	       strcmp(chain, "FORWARD") == 0 && strcmp(table_of(nlh), "filter") == 0;
}

static bool is_deletion(uint16_t type)
{
	type = NFNL_MSG_TYPE(type);

	return type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN || type == NFT_MSG_DELRULE ||
	       type == NFT_MSG_DELSET || type == NFT_MSG_DELSETELEM;
}

static int tag_cb(const struct nft_elem *elem, void *data)
{
	const struct watch_events *ev = data;

	ev->claim(ev->ctx, elem->comment);

	return 0;
}

static void take_nft(struct watch *w, const struct nlmsghdr *nlh)
{
	struct watch_events *ev = &w->events;
	const char *table;

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return;
	if (is_of_iptables(nlh))
		ev->others(ev->ctx);
	if (!is_deletion(nlh->nlmsg_type))
		return;
	table = table_of(nlh);
	if (strcmp(table, FILTER_TABLE) == 0)
		ev->filter(ev->ctx);
	else if (strcmp(table, ruleset_inet.table->name) != 0)
		return;
	else if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_DELSETELEM)
		(void)nft_read_elems(nlh, tag_cb, ev);
	else
		ev->claim(ev->ctx, NULL);
}

/* ---- sockets ------------------------------------------------------------------------------ */

/* Return: whether there may be more. */
static bool read_some(struct source *s)
{
	struct watch *w = s->watch;
	ssize_t len = mnl_socket_recvfrom(s->sock, w->buf, sizeof(w->buf));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)w->buf;
	int left = (int)len, sys = errno;

	if (len < 0 && sys == ENOBUFS)
		w->events.overrun(w->events.ctx);
	if (len < 0)
		return sys == ENOBUFS || sys == EINTR;
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		s->take(w, nlh);

	return len > 0;
}

static void readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct source *s = io->data;

	(void)loop;
	(void)revents;
	while (read_some(s))
		;
}

void watch_drain(struct watch *w)
{
	while (read_some(&w->rtnl))
		;
	while (read_some(&w->nft))
		;
}

static int open_source(struct watch *w, struct source *s, int bus, unsigned int groups,
		       struct err *e)
{
	const int room = ROOM;
	int fd;

	s->watch = w;
	s->sock = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!s->sock || mnl_socket_bind(s->sock, groups, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(e, errno, "listen to the kernel's %s notifications",
			       bus == NETLINK_ROUTE ? "network" : "nftables");
	fd = mnl_socket_get_fd(s->sock);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ev_io_init(&s->io, readable, fd, EV_READ);
	s->io.data = s;
	ev_io_start(w->loop, &s->io);

	return 0;
}

static void close_source(struct watch *w, struct source *s)
{
	if (!s->sock)
		return;
	if (ev_is_active(&s->io))
		ev_io_stop(w->loop, &s->io);
	mnl_socket_close(s->sock);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	close_source(w, &w->rtnl);
	close_source(w, &w->nft);
	free(w);
}

static void watch_freep(struct watch **w)
{
	watch_free(*w);
}

int watch_new(struct ev_loop *loop, const struct watch_events *events, struct watch **ret,
	      struct err *e)
{
	AUTO(watch_freep) struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_sys(e, ENOMEM, "watch the kernel");
	w->loop = loop;
	w->events = *events;
	w->rtnl.take = take_rtnl;
	w->nft.take = take_nft;
	r = open_source(w, &w->rtnl, NETLINK_ROUTE, RTNL_GROUPS, e);
	if (r == 0)
		r = open_source(w, &w->nft, NETLINK_NETFILTER, NFT_GROUPS, e);
	if (r < 0)
		return r;
	*ret = MOVE_PTR(w);

	return 0;
}
