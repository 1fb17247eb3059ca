/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-private - what the files of the cluster share
 *
 *	cluster.c		the sockets, the one timer, who is told what
 *	cluster-methods.c	the control socket, and its tables:
 *	cluster-entry-methods.c	into a cluster, and out of it
 *	cluster-node-methods.c	who is in it
 *	cluster-token-methods.c	what lets nodes in
 *	cluster-key-methods.c	keys, admitters
 *	cluster-params.c	which node is meant
 *	cluster-join.c		joining, letting others in
 *	cluster-life.c		the engine, up and down
 *	cluster-marks.c		what the last process left
 *	cluster-env.c		the engine's environment: messages in and out
 *	cluster-keys.c		orders of keys, revoked tokens, keys that are missing
 *	cluster-address.c	which address this node is reached at
 *	cluster-calls.c		who waits for an answer
 *	cluster-status.c	what it looks like from outside: status, metrics
 *	cluster-events.c	what the engine told, until it may be told to users
 *	cluster-clock.c		the clocks
 *
 * Each calls those below it only.
 */
#ifndef NETD_CLUSTER_PRIVATE_H
#define NETD_CLUSTER_PRIVATE_H

#include <ev.h>
#include <jansson.h>

#include "netd/admit.h"
#include "netd/cluster.h"
#include "netd/control.h"
#include "netd/daemon.h"
#include "netd/door.h"
#include "netd/port.h"
#include "netd/stream.h"
#include "overlay/blocks.h"
#include "overlay/definitions.h"
#include "overlay/wire.h"

struct member;

#define CLUSTER_USERS	  9    /* the cluster itself is the first */
#define CLUSTER_HELD	  32   /* datagrams that wait for a hello */
#define CLUSTER_HELD_MS	  2000 /* for so long */
#define CLUSTER_STRANGERS 64   /* nodes with a session that are no members yet */
#define CLUSTER_RECENT	  16
#define CLUSTER_FORGETS	  8
#define CLUSTER_SESSIONS  4096
#define CLUSTER_WINDOWS	  256
#define CLUSTER_LATE_MS	  200	/* after which sockets are read before timers run */
#define UPKEEP_MS	  60000 /* between looks at what changes slowly */

struct held {
	struct held *next;
	struct peer to;
	ms_t until;
	size_t len;
	uint8_t plain[];
};

struct stranger {
	struct node_id id;
	ms_t until; /* 0: a free place */
};

/* Admitted, and not a member yet: its name is taken. */
struct recent {
	uint8_t key[NODE_KEY_LEN];
	char name[NODE_NAME_MAX + 1];
	ms_t until;
};

struct queued; /* cluster-events.c */

/* Whose datagram is being answered, and with how much. */
struct answering {
	const struct port_path *path; /* NULL: nobody's */
	struct wire_allowance *allowance;
};

/* Clocks that differ by a constant, unless the machine slept or its memory was copied. */
struct clocks {
	int64_t slept_ms; /* BOOTTIME less MONOTONIC */
	int64_t set_ms;	  /* REALTIME less BOOTTIME */
};

struct cluster_counters {
	uint64_t not_up;      /* datagrams that came while this node was in no cluster */
	uint64_t unsealed;    /* messages that no key could seal */
	uint64_t held;	      /* messages that waited for a hello */
	uint64_t held_lost;   /* of them, those that nobody answered */
	uint64_t not_allowed; /* answers that were larger than what was asked allows */
	uint64_t translated;  /* datagrams of a member from an address that it does not name */
	uint64_t renewed;     /* boot ids drawn because the machine had slept, or was copied */
	uint64_t restarts;    /* of the engine, because somebody ran with this node's key */
	uint64_t events_lost; /* for want of memory */
};

/* What an operator is waiting for. */
struct cluster_calls {
	struct control_call *join, *leave;
};

struct forget_call {
	struct control_call *call; /* NULL: a free place */
	struct node_id node;
};

struct cluster {
	struct daemon *d;
	struct underlay *underlay; /* NULL: nothing is followed */
	enum cluster_phase phase;
	bool started;
	struct node_addr addr;
	struct ev_timer timer;
	struct ev_prepare prepare;
	ms_t due; /* when @timer is set for */

	struct port *port;
	struct streams *streams;
	struct door *door;
	struct admit *admit;
	struct sessions sessions;
	struct wire wire;

	struct engine *engine;
	struct rows *rows;
	struct blocks *blocks;
	struct definitions *definitions;
	struct programmed *programmed;
	struct wanted *wanted;
	struct wanted_changes wanted_changes;

	struct cluster_user users[CLUSTER_USERS];
	size_t n_users;
	struct queued *events, **events_end;

	struct held *held, **held_end;
	unsigned int n_held;
	struct stranger strangers[CLUSTER_STRANGERS];
	struct recent recent[CLUSTER_RECENT];
	unsigned int next_recent;
	struct answering answering;
	struct clocks clocks;

	ms_t upkeep_at;	    /* MS_NEVER unless up */
	ms_t rekey_at;	    /* when to ask for keys that are missing; MS_NEVER: none are */
	ms_t unknown_since; /* frames with unknown keys come and nothing opens; MS_NEVER: no */
	struct node_id rekey_from; /* who should have the missing keys; unset: anybody */
	ms_t retry_at;		   /* of what failed: an address, a join; MS_NEVER: nothing did */
	struct err retry_why;	   /* empty: nothing did */
	unsigned int retries;
	uint64_t up_s; /* by the engine's clock */
	bool fresh;    /* the identity was made by this process */
	bool draining;
	/* To be done once no call of the engine is under way. */
	bool forgotten, taken;
	uint32_t ahead_of; /* the generation that somebody else runs in */
	unsigned int taken_times;

	struct cluster_calls calls;
	struct forget_call forgets[CLUSTER_FORGETS];
	struct cluster_counters counters;
	uint8_t plain[DATAGRAM_MAX];
};

/* ---- cluster-clock.c ----------------------------------------------------------------- */

/* A new boot id is due if the machine slept or was copied between two looks. */
struct clocks clocks_read(void);
bool clocks_jumped(const struct clocks *was, const struct clocks *now);

/* ---- cluster-marks.c ----------------------------------------------------------------- */

/* This process has met everybody: should it end in this boot, the next one may go on at once. */
void cluster_leave_mark(const struct cluster *c);
/* This node has had peers, who may know more than its disk. */
void cluster_note_peers(struct cluster *c);
/* @last_generation: of the last process, as the disk has it; 0: there was none. */
enum blocks_start cluster_how_to_begin(const struct cluster *c, uint32_t last_generation);

/* ---- cluster-life.c ------------------------------------------------------------------ */

/* Be up.  Return: 0; -EADDRNOTAVAIL: there is no address yet; errnos of the store; -ENOMEM. */
int cluster_come_up(struct cluster *c, struct err *e);
void cluster_go_down(struct cluster *c, bool left);

/* Go down for good: it belongs to the cluster no more. */
void cluster_part(struct cluster *c);

/*
 * Another process runs with this node's key: a copy of its disk, or the original.
 * This one comes up ahead of it, and two that are both alive do so less and less
 * often.
 */
void cluster_restart(struct cluster *c);

/* Try again what failed for @why, later each time. */
void cluster_retry_later(struct cluster *c, const struct err *why);

/* ---- cluster-env.c ------------------------------------------------------------------- */

extern const struct env_ops cluster_env;
extern const struct port_ops cluster_port_ops;
extern const struct streams_ops cluster_streams_ops;

void cluster_drop_held(struct cluster *c, ms_t until);
void cluster_forget_strangers(struct cluster *c, ms_t now);

/* A new boot id: nobody takes what this node seals for a replay.  Return: 0 or -ENOMEM. */
int cluster_renew_boot(struct cluster *c);

/* ---- cluster-events.c ---------------------------------------------------------------- */

void cluster_queue_event(struct cluster *c, const struct event *ev);
void cluster_tell_events(struct cluster *c);
void cluster_drop_events(struct cluster *c);

/* ---- cluster-address.c --------------------------------------------------------------- */

/* Return: 0, -EADDRNOTAVAIL: there is none. */
int cluster_choose_address(struct cluster *c, struct err *e);

/* ---- cluster-keys.c ------------------------------------------------------------------ */

void cluster_keys_begin(struct cluster *c);
void cluster_keys_event(struct cluster *c, const struct event *ev);
void cluster_keys_upkeep(struct cluster *c);
ms_t cluster_keys_deadline(const struct cluster *c);
void cluster_keys_due(struct cluster *c, ms_t now);
void cluster_note_verdict(struct cluster *c, enum wire_verdict verdict, ms_t now);
int cluster_need_admitter(const struct cluster *c, struct err *e);
/* The steps of a rotation; an admitter's.  Return: 0, as key_order_*(), as definitions_add(). */
int cluster_keys_add(struct cluster *c, struct err *e);
int cluster_keys_use(struct cluster *c, struct err *e);
int cluster_keys_remove(struct cluster *c, struct err *e);

/* ---- cluster-join.c ------------------------------------------------------------------ */

extern const struct admit_ops cluster_admit_ops;

void cluster_begin_join(struct cluster *c);
void cluster_end_recent(struct cluster *c, const struct profile *p);

/* ---- cluster-status.c ---------------------------------------------------------------- */

/* What an operator should read of it. */
void cluster_log_event(const struct cluster *c, const struct event *ev);
int cluster_add_status(struct cluster *c, struct err *e);
json_t *cluster_member_json(const struct cluster *c, const struct member *m);
json_t *cluster_self_json(const struct cluster *c); /* name and id, also without a cluster */

/* ---- cluster-calls.c ----------------------------------------------------------------- */

/* Answer @call when this node has joined, or left. */
void cluster_await_join(struct cluster *c, struct control_call *call);
void cluster_await_left(struct cluster *c, struct control_call *call);
/*
 * … when all others have agreed to forget @id, which may be never: the caller decides how
 * long it waits.
 */
void cluster_await_forgotten(struct cluster *c, struct control_call *call,
			     const struct node_id *id);
/* @failure: NULL: it has joined.  Return: whether somebody was waiting. */
bool cluster_say_joined(struct cluster *c, const struct err *failure);
void cluster_say_left(struct cluster *c);
void cluster_say_forgotten(struct cluster *c, const struct node_id *id);
void cluster_fail_forgets(struct cluster *c);

/* ---- cluster-params.c ---------------------------------------------------------------- */

/* Return: 0; -EAGAIN: this node is in no cluster, or not yet, or no longer. */
int cluster_need_up(const struct cluster *c, struct err *e);
/*
 * The one that @params names: by its name, its id, or the first digits of it that no other
 * has.  Return: 0 or -EINVAL.
 */
int cluster_find_node(const struct cluster *c, const struct jnode *params,
		      const struct member **ret, struct err *e);

/* ---- the control socket -------------------------------------------------------------- */

extern const struct control_method cluster_entry_methods[], cluster_node_methods[],
	cluster_key_methods[], cluster_token_methods[];

int cluster_add_methods(struct cluster *c, struct err *e);
/* Whether this node was draining when the last process ended. */
void cluster_load_draining(struct cluster *c);

#endif
