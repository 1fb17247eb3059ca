/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane-private - what the parts of the plane share
 *
 *	plane.c		its sockets, its start and its end
 *	plane-sweep.c	what a start finds and nobody wants
 *	plane-serve.c	being in a network
 *	plane-wanted.c	what the engine wants, noted
 *	plane-repair.c	notifications, and the timers that look at what they mean
 *	plane-flush.c	entries and members on their way into the kernel
 *	plane-devices.c	what a network stands on: bridge, VXLAN device, underlay
 *	plane-local.c	containers of this node
 *	plane-filter.c	what the filter lets in
 *	plane-net.c	networks, by their names
 *	plane-wake.c	how soon the timer looks
 *	plane-metrics.c	what all of them count
 *
 * Each calls those below it only.
 */
#ifndef NETD_PLANE_PRIVATE_H
#define NETD_PLANE_PRIVATE_H

#include <ev.h>

#include "netd/entries.h"
#include "netd/filter.h"
#include "netd/forward.h"
#include "netd/local.h"
#include "netd/pass.h"
#include "netd/plane.h"
#include "netd/watch.h"

struct local {
	struct local *next;
	struct plane_endpoint ep;
	bool port_settled, claims_settled; /* was right once: what differs later is drift */
	bool check_port;		   /* something may have happened to it alone */
};

/* A network that is served, or that something is wanted in. */
struct plane_net {
	struct plane_net *next;
	struct network_id id;
	struct entries entries;
	bool served;
	/* While it is: */
	struct plane_network conf; /* its name is owned */
	char bridge[IFNAMSIZ], vxlan[IFNAMSIZ];
	struct forward_devices dev;
	struct local *locals;
	uint32_t mtu;
	bool settled;		/* devices were right once since the last change of @conf */
	bool in_filter;		/* its port and VNI, and its bridge, are, as far as we know */
	bool seen, bridge_seen; /* by a comparison of the filter */
	bool check_devices;	/* something may have happened to them, and so to all ports */
	bool check_entries;
	bool check_claims; /* pins and masquerading */
};

struct plane {
	struct ev_loop *loop;
	struct underlay *underlay;
	struct nl *route, *nft;
	int announce;
	struct watch *watch;
	struct plane_net *nets;
	struct ip_addr vtep;
	bool swept;	   /* what is not ours by now never will be */
	bool check_filter; /* something may have happened to the filter */
	bool check_others; /* … or to the chains of other tools, which may drop */
	bool filter_settled;
	bool unflushed; /* something was wanted that plane_on_flushed() was not told of */
	bool held;	/* the kernel has refused something: the timer goes on */
	ev_prepare prepare;
	ev_idle more; /* runs while there is more to be sent */
	ev_timer repair, full;
	ev_tstamp repaired_at;
	void (*flushed)(void *ctx);
	void *flushed_ctx;
	void (*mtu_changed)(void *ctx);
	void *mtu_ctx;
	struct pass pass;
	struct filter_drops dropped_before; /* by chains that were there before these */
	struct plane_counters counters;
};

struct plane_net *plane_find(const struct plane *p, const struct network_id *id);
struct plane_net *plane_find_served(const struct plane *p, const struct network_id *id);
/* The one there is, or a new one.  Return: NULL when there is no memory. */
struct plane_net *plane_need(struct plane *p, const struct network_id *id);
/* After it has been taken out of the list; the kernel keeps everything. */
void plane_free_net(struct plane_net *n);
/* Networks that are neither served nor wanted anything in. */
void plane_forget_empty(struct plane *p);
struct local *plane_local_of_mac(const struct plane_net *net, const uint8_t mac[6]);

/* What local.h wants to know of a network. */
struct local_conf plane_local_conf(const struct plane_net *net);

/* What an interface in the network can have, as the underlay is now. */
uint32_t plane_mtu_now(const struct plane *p, const struct plane_net *net);
/* For underlay_on_change(), with the plane as its ctx. */
void plane_underlay_changed(void *ctx);

/* Want copies of broadcast and multicast to every member, or no more: as @net's conf says. */
int plane_update_copies(struct plane_net *net, struct err *e);

/* Have devices, addresses, routes and ports right.  What was settled and is not is drift. */
int plane_ensure_devices(struct plane *p, struct plane_net *net, struct err *e);
/* @all: not only those that something may have happened to. */
void plane_ensure_ports(struct plane *p, struct plane_net *net, bool all);
int plane_ensure_claims(struct plane *p, struct plane_net *net, struct err *e);
/* End what the network had, and has not any more. */
int plane_release_claims(struct plane *p, struct plane_net *net, struct err *e);

/* See that other tools let pass what is forwarded within networks. */
void plane_pass_others(struct plane *p);

/* Compare with the kernel, and queue what differs. */
int plane_compare_filter(struct plane *p, struct err *e);

struct filter_key plane_member_key(const struct plane_net *net, const struct entry *e);
/* Have its port and its bridge in the filter, before the devices are there. */
int plane_filter_network(struct plane *p, struct plane_net *net, struct err *e);
/* Take them and the network's members out, after the devices are gone. */
int plane_unfilter_network(struct plane *p, struct plane_net *net, struct err *e);

/* Have the timer look after what is to be checked: now, or soon if that was a moment ago. */
void plane_wake(struct plane *p);

int plane_repair_start(struct plane *p, struct err *e);
void plane_repair_stop(struct plane *p);

#endif
