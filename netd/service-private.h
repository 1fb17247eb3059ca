/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service-private - what the files of the service share
 *
 *	service.c		up, down, events
 *	network-methods.c	network.* on the control socket
 *	network-create.c	making one
 *	network-visit.c		what nodes say of a network that this one is not in
 *	endpoint-methods.c	endpoint.* on the control socket
 *	endpoint-reserve.c	endpoint.reserve, which may have to wait for others
 *	endpoint-lease.c	what a plugin is told of an endpoint
 *	endpoint-return.c	containers that run, and that an older disk does not know
 *	endpoints.c		this node's containers in networks
 *	networks.c		the cluster's networks; being in one, and in it no more
 *	network-conflicts.c	what two of them cannot both have
 *	numbers.c		addresses of a network, one at a time
 *	network-heard.c		whether all members of one have been heard
 *	programming.c		what the kernel holds of what others say
 *	service-call.c		what any call asks first
 *
 * Each calls those below it only.
 *
 * Theory of operation
 *
 * A network is known on every node, by its definition.  A node is in it from its
 * first endpoint there on: it hears of the others' endpoints (rows_join()), has an
 * address of its own in each subnet, and forwards (plane_serve()).  It stays in it
 * for a while after its last endpoint is gone.
 *
 * What was promised is on the disk before it is said: which networks this node is
 * in with which addresses of its own, and which endpoint has which address.  A
 * start takes both from there, and asks the kernel which endpoints live.
 *
 * A network that is removed while this node has endpoints in it (two halves of a
 * partition can do that) goes with the last of them.
 */
#ifndef NETD_SERVICE_PRIVATE_H
#define NETD_SERVICE_PRIVATE_H

#include <ev.h>

#include "lib/err.h"
#include "lib/owner.h"
#include "netd/cluster.h"
#include "netd/conflict.h"
#include "netd/conflist.h"
#include "netd/control.h"
#include "netd/daemon.h"
#include "netd/id-text.h"
#include "netd/network-def.h"
#include "netd/plane.h"
#include "netd/service.h"
#include "netd/waiting.h"
#include "overlay/endpoint.h"
#include "overlay/rows.h"

struct service;

/* How far this node is in a network. */
enum network_state {
	NETWORK_KNOWN,	/* … not at all */
	NETWORK_JOINED, /* it hears of the others: a visitor, or on its way to be served */
	NETWORK_SERVED,
};

/* Numbers that were asked for, and that nobody gave. */
struct denial {
	struct span run;
	int64_t at; /* ms; 0: none */
};

/* A network that the cluster has, or had. */
struct cluster_network {
	struct cluster_network *next;
	struct service *s;
	struct network_id id;
	struct network_def def;
	struct node_id author;
	uint64_t created; /* by its definition */
	/* To which older one it has lost what both claim; NULL: it has not. */
	struct cluster_network *lost_to[CONFLICTS];
	bool wins;    /* its name stands for it */
	bool removed; /* from the cluster: here until its last endpoint goes */
	enum network_state state;
	struct ip_addr own[NETWORK_DEF_SUBNETS]; /* this node's, by subnet */
	struct ip_addr *used;			 /* numbers.c's: all that this node uses */
	size_t n_used;
	struct denial denials[NETWORK_DEF_SUBNETS]; /* numbers.c's */
	uint32_t mtu_told;			    /* by this node to the others */
	uint32_t mtu_least;			    /* of what they tell; 0: nobody does */
	uint32_t n_endpoints;			    /* of this node */
	uint32_t n_strangers;			    /* ports of containers without one */
	uint32_t n_visits;			    /* under way */
	struct ev_timer idle;			    /* runs when it has none of either */
};

/* A container of this node in a network. */
struct endpoint {
	struct endpoint *next;
	struct service *s;
	struct cluster_network *network;
	struct owner owner;
	char *list; /* the conflist's name, of which the owner's marks are made */
	char *container;
	bool committed;
	bool lost; /* its address is another node's by now */
	struct endpoint_text text;
	struct control_watch watch; /* until it is committed */
};

struct service_counters {
	uint64_t reserved, refused;   /* ADD */
	uint64_t released, withdrawn; /* DEL; found gone at a start */
	uint64_t abandoned;	      /* reserved, and the plugin went away */
	uint64_t taken_back;	      /* that an older disk did not know */
	uint64_t programmed;	      /* ADDs that all members' kernels held when they ended */
	uint64_t programmed_late;     /* … that did not wait for the slowest member */
	uint64_t programmed_many;     /* … in a network of too many members to be waited for */
	uint64_t programmed_told;     /* words to other nodes */
};

/* What another node says and the kernel does not hold yet. */
struct unsaid {
	struct network_id network;
	struct node_id owner;
	uint64_t version;
};

struct service {
	struct daemon *d;
	struct cluster *c;
	struct plane *p;
	struct underlay *u;
	bool up;
	struct cluster_network *networks;
	struct endpoint *endpoints;
	uint32_t n_networks, n_endpoints, n_strangers;
	uint32_t conflicts[CONFLICTS]; /* networks that have lost one */
	struct waitings waitings;
	struct conflists *conflists;
	struct ev_timer settle; /* after a start: what nobody has claimed by then goes */
	bool conflists_due, kick_due;
	struct unsaid *unsaid;
	size_t n_unsaid, cap_unsaid;
	struct service_counters counters;
};

/* ---- service-call.c ------------------------------------------------------ */

/* The name of a member, or its id as text. */
const char *service_node_name(const struct service *s, const struct node_id *id,
			      char ret[NODE_ID_TEXT + NODE_NAME_MAX]);

/* Whether a call can be served; if not, it is answered. */
bool service_is_up(struct service *s, struct control_call *call);

/* The same for what adds something, which a disk that is full forbids. */
bool service_may_add(struct service *s, struct control_call *call);

/* For who waits, when it is not any more.  Return: not -EAGAIN. */
int service_went(struct err *e);

/* ---- networks.c ---------------------------------------------------------- */

void networks_load(struct service *s);
void networks_clear(struct service *s);

/* A definition is there; it is gone; its name is another's, or its own. */
void networks_defined(struct service *s, const struct definition *of);
void networks_undefined(struct service *s, const struct definition *of);
void networks_renamed(struct service *s, const struct definition *of);

struct cluster_network *networks_find(const struct service *s, const struct network_id *id);
/* The one that the name stands for, or that the 32 digits are the id of; NULL. */
struct cluster_network *networks_named(const struct service *s, const char *name);

/* Hear of the others in it.  Return: 0, or as rows_join(). */
int networks_join(struct cluster_network *n, struct err *e);

/**
 * networks_serve() - be in it; to be tried again on -EAGAIN
 *
 * Return: 0; -EAGAIN: others have to give this node an address; or why it cannot be.
 */
int networks_serve(struct cluster_network *n, struct err *e);

/* Those that were served before this process, with the addresses they had. */
int networks_adopt(struct service *s, struct err *e);

/* An endpoint or a visit has begun, or ended. */
void networks_use(struct cluster_network *n);
void networks_unuse(struct cluster_network *n);

/* Rows of it have changed. */
void networks_row_changed(struct cluster_network *n);
/* This node's own address has changed; what the underlay has room for has. */
void networks_underlay_changed(struct service *s);
/* This node's own addresses in it, from its own row, if its disk does not know them. */
void networks_recover_own(struct cluster_network *n);

/* The key of the row of this node's own addresses, and of an endpoint's. */
#define NETWORKS_OWN_KEY     "\0"
#define NETWORKS_OWN_KEY_LEN 1

/* ---- network-heard.c ------------------------------------------------------ */

/* All members of it have been heard, as far as they are there. */
bool networks_is_heard(const struct cluster_network *n);

/* ---- network-conflicts.c -------------------------------------------------- */

/* A network is new in the table; it is in the cluster no more. */
void network_conflicts_begin(struct cluster_network *n);
void network_conflicts_end(struct cluster_network *n);

/**
 * network_may_begin() - whether the network may get a new endpoint on this node
 * @ref:	by what it was named: its name, or its id
 *
 * One that has lost something to an older one gets none anywhere.  A name that
 * containers of this node are in two networks of stands for neither here, until
 * those of the one that has lost it are gone: a new container would not reach them.
 *
 * Return: 0, or -EINVAL, and @e says which networks there are, and what to do.
 */
int network_may_begin(const struct cluster_network *n, const char *ref, struct err *e);

/* [{"what": "subnet", "text": …, "network": …, "id": …}], what it has lost to whom; NULL: no
 * memory. */
json_t *network_conflicts_json(const struct cluster_network *n);
int network_conflicts_register(struct service *s, struct err *e);

/* ---- numbers.c ----------------------------------------------------------- */

/**
 * numbers_take() - an address of a subnet
 * @i:		which subnet
 * @ip:		set: this very one; else it is set to a free one
 *
 * Return: 0; -EAGAIN: others are asked; -EADDRINUSE: who has it is in @e; -EBUSY:
 * this node may not give any yet; others of blocks_take().
 */
int numbers_take(struct cluster_network *n, size_t i, struct ip_addr *ip, struct err *e);
void numbers_release(struct cluster_network *n, const struct ip_addr *ip);
/* One in use since before this process.  Return: as blocks_hold(). */
int numbers_hold(struct cluster_network *n, const struct ip_addr *ip, struct err *e);
/* What nobody shall have, as far as this node could give it out. */
void numbers_hold_reserved(struct cluster_network *n);
struct block_event;
/* Numbers that were asked for are not given: whoever waits for them is told why not. */
void numbers_denied(struct cluster_network *n, size_t i, const struct block_event *ev);
bool numbers_are_of(const struct cluster_network *n, size_t i, const struct block_event *ev);
/* Who has an address, for an error: into @e, with -EADDRINUSE. */
int numbers_in_use(struct cluster_network *n, const struct ip_addr *ip, struct err *e);

/* ---- network-create.c, network-visit.c, network-methods.c ----------------- */

/* @n: the network, or NULL, and @e says why there is none. */
typedef void network_made_fn(void *ctx, const struct cluster_network *n, const struct err *e);

/**
 * network_create() - make a network of the cluster
 * @params:	as network_def_read_request()
 * @ms:		how long others may be waited for
 * @made:	called once, maybe before this returns
 *
 * Return: 0; as network_def_read_request(), and @made is not called.
 */
int network_create(struct service *s, const struct jnode *params, int ms, network_made_fn *made,
		   void *ctx, struct err *e);
void network_create_method(void *ctx, struct control_call *call, const struct jnode *params);
/*
 * Be in the network, at least as a visitor, until what has been heard of it is @enough, at
 * most @ms; then @seen answers @call.
 */
void network_visit_method(struct control_call *call, struct cluster_network *n, int ms,
			  bool (*enough)(const struct cluster_network *n),
			  void (*seen)(struct control_call *call, struct cluster_network *n));
int network_methods_register(struct service *s, struct err *e);

/* ---- endpoints.c --------------------------------------------------------- */

void endpoints_clear(struct service *s);

struct endpoint *endpoints_find(const struct service *s, const struct owner *owner);
/* A new one, which takes over its addresses; on the disk when this returns. */
int endpoints_add(struct cluster_network *n, const char *list, const char *container,
		  const struct endpoint_text *text, struct endpoint **ret, struct err *e);

/* Its port is there: forward, and tell the others.  Return: 0, or why not. */
int endpoints_commit(struct endpoint *ep, struct err *e);

/* It is no more, wherever it had got to. */
void endpoints_release(struct endpoint *ep);

/* Those of an earlier process that still live; the others are withdrawn. */
int endpoints_adopt(struct service *s, struct err *e);

/* Say (again) what others should know of it. */
int endpoints_publish(struct endpoint *ep, struct err *e);

/* Whether the kernel holds the port of @owner to what @text says. */
bool endpoints_is_attached(const struct cluster_network *n, const struct owner *owner,
			   const struct endpoint_text *text);

/* These numbers are another node's now. */
void endpoints_lost(struct cluster_network *n, size_t i, const struct block_event *ev);

/* ---- endpoint-return.c ---------------------------------------------------- */

/* Count ports of containers that no endpoint is known of; name them, too. */
void endpoints_count_strangers(struct service *s);
void endpoints_tell_strangers(struct service *s);

/*
 * This node's own rows of a network are back, after a restart: an endpoint that is not
 * known is one again if its port is there; what else should not be among them goes.
 */
void endpoints_rows_back(struct cluster_network *n);

/* ---- endpoint-lease.c ---------------------------------------------------- */

/* What a plugin needs to know of an endpoint.  NULL: no memory. */
json_t *endpoint_lease_json(const struct endpoint *ep);

/* ---- endpoint-reserve.c, endpoint-methods.c ------------------------------- */

void endpoint_reserve_method(void *ctx, struct control_call *call, const struct jnode *params);
int endpoint_methods_register(struct service *s, struct err *e);

/* ---- programming.c ------------------------------------------------------- */

void programming_note(struct service *s, const struct network_id *network,
		      const struct node_id *owner, uint64_t version);
/* The kernel holds all that was noted: say so. */
void programming_flushed(void *ctx);

/* An ADD waits so long for the slowest member's kernel, which may not answer at all. */
#define PROGRAMMING_MS 40

/* What an ADD has just told the others. */
struct programming_wait {
	struct network_id network;
	uint64_t version;
};

struct programming_wait programming_told(const struct service *s, const struct network_id *network);
/* Return: -EAGAIN: some kernel does not hold it yet; 0: all do, or nobody waits for them. */
int programming_wait(const struct service *s, const struct programming_wait *w);
/* Count how the waiting ended, @r: as of waiting.h.  Return: whether all kernels hold it. */
bool programming_waited(struct service *s, const struct programming_wait *w, int r);

#endif
