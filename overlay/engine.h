/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine - the overlay's protocol, as one object: events in, messages out
 *
 * Whoever runs it opens sockets and a clock, then calls
 *
 *	engine_new -> engine_attach* -> engine_restore* -> engine_start -> engine_join
 *
 * and from then on engine_receive() for each message that the frame opened,
 * and engine_tick() at engine_deadline().  Whoever has both to do, after a
 * pause, calls engine_receive() first: what has arrived may tell that a member
 * which seems overdue is not.
 *
 * A call is never reentrant; env's functions must not call back.
 */
#ifndef OVERLAY_ENGINE_H
#define OVERLAY_ENGINE_H

#include "overlay/module.h"
#include "overlay/settings.h"

struct engine;
struct members;
struct spread;

/* What a node is when it starts. */
struct engine_self {
	uint8_t key[NODE_KEY_LEN];
	char name[NODE_NAME_MAX + 1];
	struct node_addr addr;
	uint32_t generation; /* raised and fsynced by the caller before this start */
	uint8_t admission[NODE_SIG_LEN];
};

/**
 * engine_new() - an engine that has said nothing yet
 * @env:	copied; what its ctx points to outlives the engine
 * @settings:	copied; NULL for the defaults
 * @self:	copied
 *
 * Return: the engine, or NULL when there is no memory.
 */
struct engine *engine_new(const struct env *env, const struct settings *settings,
			  const struct engine_self *self);
void engine_free(struct engine *e);

/* Plug a module in; the order is the order of their parts in a greeting. */
int engine_attach(struct engine *e, const struct module_ops *ops, void *self, struct err *err);

/* Hand over a record of an earlier life; unknown kinds are ignored. */
void engine_restore(struct engine *e, const struct record *r);

/* The protocol runs from here on. */
void engine_start(struct engine *e, ms_t now);

/**
 * engine_join() - find the cluster through seeds
 * @seeds:	addresses; tried in random order, and again until one answers
 * @n:		0: this node is the first, or it knows members from an earlier life
 */
void engine_join(struct engine *e, const struct node_addr *seeds, size_t n, ms_t now);

/* Say good-bye; the engine runs on until engine_left(), at most a few seconds. */
void engine_leave(struct engine *e, ms_t now);
bool engine_left(const struct engine *e);

/* Another name or address; told to everyone.  A name needs an admission of its own. */
int engine_change(struct engine *e, const char *name, const uint8_t admission[NODE_SIG_LEN],
		  const struct node_addr *addr, ms_t now, struct err *err);

void engine_receive(struct engine *e, const struct origin *o, const uint8_t *plain, size_t len,
		    ms_t now);
void engine_tick(struct engine *e, ms_t now);
ms_t engine_deadline(const struct engine *e);

/* For modules. */
const struct env *engine_env(const struct engine *e);
const struct settings *engine_settings(const struct engine *e);
const struct node_id *engine_id(const struct engine *e);
uint32_t engine_generation(const struct engine *e);
const struct engine_self *engine_self(const struct engine *e); /* as of the last engine_change() */
struct members *engine_members(struct engine *e);
struct spread *engine_spread(struct engine *e);

/* A random number below @n (at least 1), from a generator seeded by env's random(). */
uint32_t engine_random(struct engine *e, uint32_t n);

/* Send a datagram; the room that is left takes queued items of @scope along. */
void engine_send(struct engine *e, const struct peer *to, struct part_writer *w, uint16_t scope);

/* The same without taking anything along; and over a stream. */
void engine_send_as_is(struct engine *e, const struct peer *to, const struct part_writer *w);
void engine_stream(struct engine *e, const struct peer *to, const struct part_writer *w);

/* What every ping and ack carries for the modules: overlay/probe.c puts it there. */
size_t engine_greet(struct engine *e, const struct node_id *to, uint8_t *buf, size_t cap);
void engine_greeted(struct engine *e, const struct origin *o, const uint8_t *greeting, size_t len,
		    ms_t now);

/* Tell every module, then env. */
void engine_event(struct engine *e, const struct event *ev, ms_t now);

/* What was sent, received and dropped: for operators and the simulator. */
struct engine_counters {
	uint64_t bad_message;	 /* not a sequence of parts */
	uint64_t bad_part;	 /* a part that its module cannot read */
	uint64_t unknown_part;	 /* of a kind nobody here knows */
	uint64_t unknown_member; /* a claim about an id that has no profile here */
	uint64_t forged;	 /* a signature or admission that does not hold */
};

struct engine_counters *engine_counters(struct engine *e);

#endif
