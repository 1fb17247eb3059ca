/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link - look up, create and change network interfaces
 *
 * link_put_*() queue a request on @nl, nl_commit() carries it out; the others
 * ask the kernel at once.  The namespace acted on is the one @nl was opened
 * in.
 *
 * Source: rtnetlink(7); linux/if_link.h; net/core/rtnetlink.c;
 * drivers/net/veth.c for VETH_INFO_PEER.
 */
#ifndef LINK_H
#define LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/mac.h"

struct err;
struct nl;
struct nlattr;

#define MAC_LEN 6

/* What the kernel says of an interface; 0, "" or false where it says nothing. */
struct link {
	int index;
	char name[IFNAMSIZ];
	char kind[16]; /* "bridge", "veth", … */
	uint16_t type; /* ARPHRD_* */
	uint8_t mac[MAC_LEN];
	bool has_mac;
	unsigned int flags; /* IFF_* */
	uint32_t mtu;
	uint32_t txqlen;
	uint8_t operstate; /* IF_OPER_* */
	int master;	   /* index */
	int peer;	   /* IFLA_LINK: a veth's other end, a macvlan's master, … */
	int peer_netns_id; /* … in which namespace, as netns_id() counts; -1: in this one */
	uint32_t group;
	char alias[256];
	bool vlan_filtering; /* a bridge that filters VLANs */
	bool hairpin;	     /* a bridge port … */
	bool isolated;
	uint32_t macvlan_mode; /* MACVLAN_MODE_* */
	uint32_t bc_queue_len; /* of a macvlan's master, 0: this kernel does not say */
};

/**
 * link_get() - an interface by name
 *
 * Return: 0, or -ENODEV if there is none.
 */
int link_get(struct nl *nl, const char *name, struct link *ret, struct err *e);
int link_get_index(struct nl *nl, int index, struct link *ret, struct err *e);

/**
 * link_each() - every interface of the namespace
 * @fn:		called for each; a negative errno ends the walk and is returned
 * @data:	for @fn
 */
int link_each(struct nl *nl, int (*fn)(const struct link *link, void *data), void *data,
	      struct err *e);

/* For who reads more of an interface than struct link has: */
void link_put_get(struct nl *nl, const char *name); /* -ENODEV: there is none */
void link_put_dump(struct nl *nl);		    /* … of all */

/* IFLA_LINKINFO; "" and NULL where the kernel says nothing. */
struct link_info {
	char kind[16];
	const struct nlattr *data; /* of the kind */
	char port_kind[16];	   /* of the master that it is a port of */
	const struct nlattr *port_data;
};

void link_read_info(const struct nlattr *info, struct link_info *ret);

/* A random unicast MAC with the locally administered bit set. */
int link_random_mac(uint8_t ret[MAC_LEN], struct err *e);

struct link_veth {
	const char *name; /* this end; created up */
	const char *peer; /* the other end; created down */
	int peer_netns;	  /* open descriptor of where it appears */
	const uint8_t *mac, *peer_mac;
	uint32_t mtu;	/* both ends, 0: the kernel's default */
	uint32_t group; /* this end */
	int master;	/* this end becomes a port of that bridge, 0: of none */
};

/* -EEXIST: either name is taken, nothing was created. */
void link_put_veth(struct nl *nl, const struct link_veth *v);

struct link_bridge {
	const char *name;
	uint32_t mtu;	     /* 0: the kernel's default */
	bool vlan_filtering; /* a kernel without it refuses (-EOPNOTSUPP) or ignores it */
	bool promisc;
};

/* Created up, with a MAC of its own, so that ports that come and go don't change it. */
void link_put_bridge(struct nl *nl, const struct link_bridge *b, const uint8_t mac[MAC_LEN]);

/* Flags of a bridge port, and its alias, by the port's name. */
void link_put_port(struct nl *nl, const char *name, const char *alias, bool hairpin, bool isolated);

struct link_macvlan {
	const char *name;   /* created down */
	int master;	    /* index, in the namespace of the request's socket */
	int netns;	    /* open descriptor of where it appears, -1: beside its master */
	uint32_t mode;	    /* MACVLAN_MODE_* */
	const uint8_t *mac; /* NULL: the kernel's choice */
	uint32_t mtu;	    /* 0: the master's */
	uint32_t group;
	uint32_t bc_queue_len; /* 0: the kernel's default; older kernels ignore it, look at the
				  result */
};

/* -EEXIST: the name is taken; before Linux 6.15 also if it is taken beside the master. */
void link_put_macvlan(struct nl *nl, const struct link_macvlan *m);

/* Set the flags in @mask to @flags. */
void link_put_flags(struct nl *nl, int index, unsigned int flags, unsigned int mask);
void link_put_mac(struct nl *nl, int index, const uint8_t mac[MAC_LEN]);
void link_put_mtu(struct nl *nl, int index, uint32_t mtu);
void link_put_group(struct nl *nl, int index, uint32_t group);
void link_put_alias(struct nl *nl, int index, const char *alias); /* "" for none */
/* Only an interface that is down can be renamed, unless its driver says otherwise. */
void link_put_name(struct nl *nl, int index, const char *name);
/*
 * Move an interface to another namespace, and name it there.  It goes down,
 * and loses its addresses and routes.  If @name is taken, it stays where it is, or
 * is moved and keeps its old name.
 */
void link_put_move(struct nl *nl, int index, int netns_fd, const char *name);
/* Gratuitous ARP for each address when the link comes up or its MAC is set (net.ipv4 arp_notify).
 */
void link_put_arp_notify(struct nl *nl, int index);
/* No IPv6 address of its own; fails for an interface without IPv6. */
void link_put_no_link_local(struct nl *nl, int index);
void link_put_del(struct nl *nl, int index);
/* Everything of that group, with one wait for all. */
void link_put_del_group(struct nl *nl, uint32_t group);

/* A VLAN range on a bridge port; @pvid: also for untagged frames. */
void link_put_vlan(struct nl *nl, int index, uint16_t min, uint16_t max, bool pvid, bool untagged);
void link_put_vlan_del(struct nl *nl, int index, uint16_t vid);

/**
 * link_wait_up() - wait until an interface is operational
 * @index:	interface
 *
 * Its peer has been brought up before; the kernel moves the carrier on a
 * little later, by a work queue.
 *
 * Return: 0, or -ETIMEDOUT after 20 s.
 */
int link_wait_up(struct nl *nl, int index, struct err *e);

/**
 * link_del_quick() - delete an interface, and return as soon as it is gone
 * @nl:		open rtnetlink socket of the namespace that the process is in
 * @index:	interface
 *
 * The kernel takes an interface out of every list within a millisecond, and
 * then holds the caller for 15 more until RCU readers are done.  A detached
 * child sits that out; this returns when RTM_DELLINK has been seen.
 *
 * Return: 0 also if it is gone already; -ETIMEDOUT after 20 s; the kernel's error.
 */
int link_del_quick(struct nl *nl, int index, struct err *e);

/**
 * link_del_later() - delete an interface, and do not wait for that at all
 *
 * For a process with a loop, and names that nobody asks for again.  The interface is
 * gone a moment after the return.
 *
 * Return: 0; or as link_del_quick(), where there was no child and this has waited.
 */
int link_del_later(struct nl *nl, int index, struct err *e);

#endif
