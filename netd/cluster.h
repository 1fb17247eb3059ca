/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster - this node as a member: keys, sockets, and the engine between them
 *
 * Theory of operation
 *
 * A node belongs to no cluster until it has founded one (netd init) or was let
 * into one (netd join); self.h keeps both.  As long as it belongs to one it is
 * up: the engine runs, and whoever uses it finds its modules here.  Up and down
 * may alternate in one process: a node that finds another process with its key
 * ahead of it goes down and comes up with a higher generation, one that leaves
 * or was forgotten goes down for good.
 *
 * What the engine tells comes while it is in a call, when nobody may call it.
 * So events are copied and queued, and users hear of them before the loop sleeps
 * again: then they may call whatever they like.  The one exception is wanted
 * state, which is pure and is fed at once.
 *
 * Modules may be called at any time outside of events, too; what the engine has
 * to do next is looked at before the loop sleeps, without anybody saying so.
 */
#ifndef NETD_CLUSTER_H
#define NETD_CLUSTER_H

#include "netd/id-text.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/wanted.h"

struct blocks;
struct cluster;
struct daemon;
struct definitions;
struct programmed;
struct rows;
struct underlay;

enum cluster_phase {
	CLUSTER_NONE,	 /* of no cluster */
	CLUSTER_JOINING, /* has a token, and asks */
	CLUSTER_UP,
	CLUSTER_LEAVING, /* says good-bye, still up for a moment */
};

/* Who wants to know.  Each function may be NULL; none is called inside the engine. */
struct cluster_user {
	/*
	 * The engine runs: the modules below are there from now until down().
	 * Networks that are still served are to be joined here (rows_join()).
	 */
	void (*up)(void *ctx);
	/*
	 * The engine is about to go.  @left: this node belongs to no cluster any
	 * more, and nothing of it should stay; else all stays as it is.
	 */
	void (*down)(void *ctx, bool left);
	/* All that event.h lists; what it points at is borrowed for the call. */
	void (*event)(void *ctx, const struct event *ev);
	/*
	 * Before the loop sleeps, when all that has happened has been told: for what is
	 * to be done once, however much that was.  Also when the node is not up.
	 */
	void (*told)(void *ctx);
	/* Before a good-bye: whatever others should hear of first.  Still up. */
	void (*leaving)(void *ctx);
	void *ctx;
};

/**
 * cluster_new() - with its methods, metrics and section of the status registered
 * @d:		borrowed
 *
 * Nothing is opened or sent until cluster_start().
 */
int cluster_new(struct daemon *d, struct cluster **ret, struct err *e);
void cluster_free(struct cluster *c); /* NULL is none */

/* Both before cluster_start().  Users are called in the order of calls, down() in the reverse. */
int cluster_subscribe(struct cluster *c, const struct cluster_user *user, struct err *e);
/* Who takes changes of wanted state: inside the engine's call, so it may only note them. */
void cluster_on_wanted(struct cluster *c, struct wanted_changes changes);

/* Whose changes this node's address follows; before cluster_start(). */
int cluster_follow_underlay(struct cluster *c, struct underlay *u, struct err *e);

/**
 * cluster_start() - listen, and be up if this node belongs to a cluster
 *
 * Return: 0, also without a cluster; the errno of a socket, or of the store.
 */
int cluster_start(struct cluster *c, struct err *e);

/* Without a word: for a restart.  Others see no change if it is back soon enough. */
void cluster_stop(struct cluster *c);

enum cluster_phase cluster_phase(const struct cluster *c);

/* Why it is not up and what to do, for who asked for something; NULL: it is. */
const char *cluster_why_not_up(const struct cluster *c);

/* The engine's clock, for its modules. */
ms_t cluster_now(const struct cluster *c);

/* NULL unless this node is up or leaving. */
struct engine *cluster_engine(const struct cluster *c);
struct rows *cluster_rows(const struct cluster *c);
struct blocks *cluster_blocks(const struct cluster *c);
struct definitions *cluster_definitions(const struct cluster *c);
struct programmed *cluster_programmed(const struct cluster *c);
struct wanted *cluster_wanted(const struct cluster *c);

/* Whether the operator wants no new containers here (node.drain). */
bool cluster_is_draining(const struct cluster *c);

/* Where others send to, which is this node's VTEP too.  Its ip is not set before up(). */
const struct node_addr *cluster_addr(const struct cluster *c);

#endif
