/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster - this node as a member: keys, sockets, and the engine between them
 *
 * Theory of operation
 *
 * A node belongs to no cluster until cluster_found() makes one or cluster_join()
 * has been let into one; both survive in the store.  As long as it belongs to
 * one it is up: the engine runs, and whoever uses it finds its modules here.
 * Up and down may alternate in one process: a node that finds another process
 * with its key ahead of it goes down and comes up with a higher generation, one
 * that leaves goes down for good.
 *
 * What the engine tells comes while it is in a call, when nobody may call it.
 * So events are copied and queued, and users hear of them when the call has
 * returned: then they may call whatever they like.  The one exception is wanted
 * state, which is pure and is fed at once.
 */
#ifndef NETD_CLUSTER_H
#define NETD_CLUSTER_H

#include "netd/port.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/wanted.h"

struct blocks;
struct cluster;
struct control;
struct definitions;
struct ev_loop;
struct programmed;
struct rows;
struct store;

#define CLUSTER_SEEDS 16

/* What main has read from the config file; copied. */
struct cluster_settings {
	char name[NODE_NAME_MAX + 1]; /* of this node, if it is not in a cluster yet; never empty */
	struct node_addr listen[PORT_LISTEN_MAX];
	size_t n_listen; /* at least one */
	/* What others are told to send to; unset: an address that leads to the seeds. */
	struct ip_addr advertise;
	struct node_addr seeds[CLUSTER_SEEDS]; /* tried besides members of an earlier life */
	size_t n_seeds;
	const char *run_dir;	      /* holds the mark of a process of this boot; borrowed */
	struct wanted_changes wanted; /* told at once, inside the engine's call: queue them */
};

enum cluster_phase {
	CLUSTER_NONE,	 /* of no cluster: neither founded nor joined */
	CLUSTER_JOINING, /* has a token and asks */
	CLUSTER_UP,
	CLUSTER_LEAVING, /* says good-bye, still up for a moment */
};

/* Who wants to know.  Every function may be NULL; none is called inside the engine. */
struct cluster_user {
	/* The engine runs: modules are there from now until down(). */
	void (*up)(void *ctx);
	/*
	 * The engine is about to go.  @left: this node belongs to no cluster from
	 * now on, and nothing of the cluster should stay; else its state stays as it is.
	 */
	void (*down)(void *ctx, bool left);
	/* All that event.h lists; what it points at is borrowed for the call. */
	void (*event)(void *ctx, const struct event *ev);
	/* Before a good-bye: whatever others should hear of first. */
	void (*leaving)(void *ctx);
	void *ctx;
};

/**
 * cluster_new() - read what the store knows
 * @store:	borrowed, as is @loop
 *
 * Nothing is opened or sent until cluster_start().
 *
 * Return: 0; -EBADMSG if the store holds something else than it should, or -ENOMEM.
 */
int cluster_new(struct ev_loop *loop, struct store *store, const struct cluster_settings *settings,
		struct cluster **ret, struct err *e);
void cluster_free(struct cluster *c);

/* Call @user from now on, in the order of calls; down() in the reverse.  Return: 0 or -ENOMEM. */
int cluster_subscribe(struct cluster *c, const struct cluster_user *user, struct err *e);

/* Add the methods status, node.*, cluster.*, token.*, key.*, leave.  Return: 0 or -ENOMEM. */
int cluster_add_methods(struct cluster *c, struct control *control, struct err *e);

/**
 * cluster_start() - listen, and be up if this node belongs to a cluster
 *
 * Return: 0, also without a cluster; the errno of a socket, or of the store.
 */
int cluster_start(struct cluster *c, struct err *e);

/* Stop without a word: for a restart.  Others see it as before if it is back soon enough. */
void cluster_stop(struct cluster *c);

/* Another config file was read: seeds, advertise.  Return: 0; -EINVAL for what needs a restart. */
int cluster_reload(struct cluster *c, const struct cluster_settings *settings, struct err *e);

enum cluster_phase cluster_phase(const struct cluster *c);

/* The engine's clock, for its modules. */
ms_t cluster_now(const struct cluster *c);

/* NULL unless this node is up. */
struct engine *cluster_engine(const struct cluster *c);
struct rows *cluster_rows(const struct cluster *c);
struct blocks *cluster_blocks(const struct cluster *c);
struct definitions *cluster_definitions(const struct cluster *c);
struct programmed *cluster_programmed(const struct cluster *c);
struct wanted *cluster_wanted(const struct cluster *c);

/*
 * After calls of modules outside of events: what the engine has to send and when
 * is looked at before the loop sleeps again, without this being called.
 */

const struct node_id *cluster_self(const struct cluster *c);
const char *cluster_name(const struct cluster *c);
/* Where others send to: also this node's VTEP.  Unset before cluster_start(). */
const struct node_addr *cluster_addr(const struct cluster *c);
/* Whether this node founded the cluster, and has not run before. */
bool cluster_is_founder(const struct cluster *c);

/* Text of an id, as everything for people shows it. */
#define NODE_ID_TEXT (2 * NODE_ID_LEN + 1)
const char *node_id_text(const struct node_id *id, char ret[NODE_ID_TEXT]);

/* ---- without a running daemon: netd init, netd join ------------------------------- */

/**
 * cluster_found() - make a cluster with this node as its first
 * @name:	of the node, valid (overlay/admission.h)
 *
 * Return: 0; -EEXIST if the store belongs to a cluster; -EINVAL for the name; or
 * an errno of the store.
 */
int cluster_found(struct store *store, const char *name, struct err *e);

/**
 * cluster_want_join() - ask for admission at the next start
 * @token:	text of a token, checked here
 * @addrs:	of admitters
 *
 * Return: 0; as token_parse(), as cluster_found().
 */
int cluster_want_join(struct store *store, const char *name, const char *token,
		      const struct node_addr *addrs, size_t n, struct err *e);

#endif
