/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim - many nodes, one virtual clock, a network that misbehaves on order
 *
 * Every node is a real engine (overlay/engine.h) with an environment that is
 * made up here: its clock is the simulation's, its datagrams become events in
 * one queue, its disk is a table.  Nothing is random but the seed: the same
 * seed gives the same run, to the byte.
 *
 *	sim_new -> sim_add* -> sim_start* -> sim_run_until ... -> sim_free
 *
 * Left out of it: the frame (its bytes are counted, FRAME_OVERHEAD for each
 * datagram) and Ed25519 (a signature here is a hash that names its key, so
 * that a forged one still fails).
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "overlay/engine.h"
#include "overlay/event.h"

typedef uint64_t us_t; /* virtual time in microseconds since the simulation began */

#define MS(n)	   ((us_t)(n)*1000)
#define SECONDS(n) ((us_t)(n)*1000 * 1000)

/* The network between any two nodes, unless a rule of the experiment's says otherwise. */
struct net {
	us_t delay;	  /* one way, least */
	us_t jitter;	  /* added: even between 0 and this, which also reorders */
	double loss;	  /* share of datagrams lost */
	double duplicate; /* share that arrives twice */
	uint64_t rate;	  /* bits a second of a node's link, each way */
	uint32_t queue;	  /* bytes that a link holds back before it drops datagrams */
	uint32_t socket;  /* datagrams that wait for a process which stands still */
};

extern const struct net net_lan; /* 0.5 to 1.5 ms, no loss, 100 Mbit/s */

/* What became of a node's messages. */
struct traffic {
	uint64_t datagrams_out, datagrams_in; /* in: delivered to the engine */
	uint64_t bytes_out, bytes_in;	      /* UDP payload with the frame */
	uint64_t stream_out, stream_in;	      /* bytes over streams */
	uint64_t streams_out;		      /* messages over streams */
	uint64_t lost, overflown;
};

struct sim;
struct store;
struct held; /* a message that waits for a process which stands still */

struct sim_node {
	struct sim *sim;
	uint32_t index;
	struct engine *engine; /* NULL: not running */
	struct engine_self self;
	struct node_id id;
	int64_t clock_ahead;	/* ms by which its clock differs from the simulation's */
	us_t tick_at;		/* of the tick event that counts; others are stale */
	us_t link_out, link_in; /* when the link is free again */
	bool paused;
	bool blocked; /* its network stands still: it is paused by the first message it sends */
	bool doomed;  /* crashed inside a call of its engine: nothing leaves it any more */
	bool started;
	uint32_t life;			 /* how often it was started */
	uint32_t crash_in;		 /* durable writes until it crashes in one; 0: never */
	struct held *held, **held_end;	 /* arrived while it stood still */
	struct held *stuck, **stuck_end; /* sent while it was blocked */
	uint32_t n_held;
	struct store *store;
	struct traffic traffic;
	struct {
		uint32_t to;
		us_t at;
	} streams[4]; /* when the last message of a stream arrives: streams keep order */
	uint8_t next_stream;
	void *user; /* the experiment's */
};

/* What an experiment may be asked; every one may be NULL. */
struct sim_hooks {
	/* @subject: the node that it is about, UINT32_MAX when that is none of ours. */
	void (*event)(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject);
	/* Share of the messages of a pair that are lost, when it is more than the network's. */
	double (*loss)(struct sim *s, uint32_t from, uint32_t to);
	/* Plug modules of the experiment's own in, before start. */
	void (*plug_in)(struct sim *s, struct sim_node *n);
	/* Free what plug_in() made. */
	void (*unplug)(struct sim *s, struct sim_node *n);
};

struct sim {
	us_t now;
	uint64_t seed;
	uint64_t random;
	struct net net;
	struct settings settings;
	struct sim_hooks hooks;
	struct sim_node *nodes;
	uint32_t n_nodes, cap_nodes;
	struct queue *queue;
	struct profiles *profiles;
	struct trace *trace;
	bool timers_first; /* of a process that goes on after a pause, before what has arrived */
	bool keep_members; /* store members' profiles and rows, so that a restart knows them */
	uint64_t events;   /* run so far */
	void *user;	   /* the experiment's */
};

struct sim *sim_new(uint64_t seed, const struct settings *settings, const struct net *net);
void sim_free(struct sim *s);

/* @n more nodes, not running yet.  Pointers to nodes are valid until the next call. */
void sim_add(struct sim *s, uint32_t n);

/* Run a node: first start or restart, in the next generation; its store is restored. */
void sim_start(struct sim *s, uint32_t node);
void sim_join(struct sim *s, uint32_t node, uint32_t seed_node);

/* All nodes started, each with all others in its table. */
void sim_start_known(struct sim *s);

/* Power off: what was not durable is lost. */
void sim_crash(struct sim *s, uint32_t node);
/* Crash inside the @n-th durable write from now, before or after it is on the disk. */
void sim_crash_in_write(struct sim *s, uint32_t node, uint32_t n);
/* The process stands still; what arrives waits in the socket. */
void sim_pause(struct sim *s, uint32_t node);
void sim_resume(struct sim *s, uint32_t node);
/*
 * Lifeguard's anomaly: whatever it sends or gets waits until the end.  Its
 * timers run on until one of them sends something, and there it stands, as a
 * process does in a system call that does not return.
 */
void sim_block(struct sim *s, uint32_t node);
void sim_unblock(struct sim *s, uint32_t node);
/* A clock that jumps, ahead only: clocks since boot never go back. */
void sim_jump_clock(struct sim *s, uint32_t node, uint32_t ms);
/* The disk of @from, as it is now, becomes that of @to: a backup, or a clone. */
void sim_copy_disk(struct sim *s, uint32_t from, uint32_t to);

void sim_run_until(struct sim *s, us_t until);
/* Run until @done says so, asked every @step.  Return: whether it did before @limit. */
bool sim_run_while(struct sim *s, us_t step, us_t limit, bool (*done)(struct sim *s));

/* Call @fn at a time of the experiment's. */
void sim_at(struct sim *s, us_t at, void (*fn)(struct sim *s, uint32_t arg), uint32_t arg);

static inline bool sim_is_up(const struct sim *s, uint32_t node)
{
	return s->nodes[node].engine != NULL;
}

ms_t sim_clock(const struct sim_node *n);
/* The node of an address, which is made of its index; UINT32_MAX: nobody's. */
uint32_t sim_index_of(const struct sim *s, const struct node_addr *addr);

/* How @observer sees @subject: enum member_state, -1: not at all. */
int sim_view(struct sim *s, uint32_t observer, uint32_t subject);

struct traffic sim_traffic(const struct sim *s);

/* ---- chance --------------------------------------------------------------------- */

uint64_t sim_random(struct sim *s);
uint32_t sim_below(struct sim *s, uint32_t n);
double sim_share(struct sim *s); /* 0 to 1 */

/* ---- inside: queue.c, net.c, node.c, profiles.c, store.c, trace.c ------------------ */

enum happening { HAPPEN_TICK, HAPPEN_DELIVER, HAPPEN_CALL };

struct happens {
	us_t at;
	uint64_t order; /* of insertion: what is due at one time runs in this order */
	enum happening what;
	uint32_t node;
	union {
		struct message *message;
		struct {
			void (*fn)(struct sim *s, uint32_t arg);
			uint32_t arg;
		} call;
	};
};

struct queue *queue_new(void);
void queue_free(struct queue *q);
void queue_put(struct queue *q, const struct happens *h);
bool queue_take(struct queue *q, us_t until, struct happens *ret);

struct message {
	uint32_t from, to;
	uint32_t life; /* of the receiver: no later one can open it */
	uint32_t len;
	bool stream;
	bool through; /* the receiver's link has carried it */
	uint8_t plain[];
};

void net_send(struct sim_node *n, const struct peer *to, bool stream, const uint8_t *plain,
	      size_t len);
void net_deliver(struct sim *s, struct message *m);
void net_release(struct sim_node *n);	   /* what a paused node held; then it is up to date */
void net_release_sent(struct sim_node *n); /* what it was about to send */

extern const struct env_ops sim_env;
void node_arm(struct sim_node *n); /* see to it that its next tick is in the queue */
void node_tick(struct sim_node *n);
void node_bury(struct sim_node *n);

struct profiles *profiles_new(void);
void profiles_free(struct profiles *p);
const struct profile *profiles_find(struct profiles *p, const uint8_t *bytes, size_t len);
const struct profile *profiles_intern(struct profiles *p, struct profile *mine);

struct store *store_new(void);
void store_free(struct store *st);
int store_put(struct store *st, const struct record *r, bool durable, us_t now);
void store_crash(struct store *st, us_t now); /* what was lazy just now is lost */
void store_each(const struct store *st, void (*fn)(void *ctx, const struct record *r), void *ctx);
void store_copy(struct store *to, const struct store *from);

enum trace_kind { TRACE_SEND, TRACE_STREAM, TRACE_LOST, TRACE_RECEIVE, TRACE_EVENT, TRACE_DO };

struct trace *trace_new(void);
void trace_free(struct trace *t);
void trace_add(struct sim *s, enum trace_kind kind, uint32_t node, uint32_t other, uint32_t what);
/* The last things that happened, of all nodes, in order. */
void trace_print(const struct sim *s, FILE *out);

#endif
