/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spread - the queue of what this node passes on
 *
 * Theory of operation
 *
 * A queued item is a name, not bytes: (class, key), where the class belongs to
 * a module and the key is the module's own handle.  When a datagram is filled,
 * the module renders what is true of the key at that moment.  So a newer state
 * replaces the queued one for free, and nothing stale is ever sent.
 *
 * Each item has a scope, the set of members that want it: scope 0 is everyone,
 * others are networks.  A flush takes the scopes that have something to say,
 * picks up to `fanout` random members of each, and fills one datagram for each
 * of them: the least sent items first, then the youngest.  Membership (class 0)
 * fills at most half of it, so that a storm of suspicions cannot starve rows.
 *
 * The first flush is at once when the queue was idle; while it is not, flushes
 * are `gap` apart, and a token bucket bounds the bytes a second.  What all of a
 * small scope are to get at once goes out at once in any case, within those bytes: a
 * container that starts waits for it.  With
 * `gossip_tick` in the configuration flushes happen on that tick only, which
 * is what memberlist does.  Pings and acks take items along for nothing.
 *
 * An item leaves the queue when it has been sent `limit` times.
 */
#ifndef OVERLAY_SPREAD_H
#define OVERLAY_SPREAD_H

#include "overlay/env.h"
#include "overlay/part.h"

struct engine;

#define SPREAD_CLASSES 8  /* classes there can be */
#define SPREAD_SCOPES  64 /* scopes there can be; 0 is everyone */
#define SPREAD_FANOUT  16 /* members of a scope that get a change at once, all if no more */

/* Classes, so that no two modules take the same one. */
enum spread_class {
	SPREAD_MEMBER = 0,     /* membership: at most half of a datagram */
	SPREAD_BLOCK = 1,      /* blocks, forgets */
	SPREAD_DEFINITION = 2, /* before rows, which are about them */
	SPREAD_ROW = 3,
};

/* What a module does for its class. */
struct spread_source {
	/*
	 * Append the part that says @key.  Return: 1 when it is written, 0 when
	 * it does not fit, -ENOENT when there is nothing to say any more.
	 */
	int (*render)(void *self, uint32_t key, struct part_writer *w);
	void *self;
};

/* Who belongs to a scope. */
struct spread_targets {
	/* Up to @max different random members, this node not among them. */
	size_t (*pick)(void *self, uint16_t scope, size_t max, struct peer *ret, ms_t now);
	void *self;
};

struct spread;

void spread_set_source(struct spread *s, enum spread_class class, struct spread_source source);
void spread_set_targets(struct spread *s, uint16_t scope, struct spread_targets targets);

/**
 * spread_add() - pass something on
 * @s:		the queue
 * @scope:	who wants it
 * @class:	whose it is
 * @key:	the module's handle
 * @limit:	how often it is sent by this node from now on, 1 to 32; queued already:
 *		at least that often
 * @fanout:	to how many at once, the first time: 3, or SPREAD_FANOUT for a small scope
 */
void spread_add(struct spread *s, uint16_t scope, enum spread_class class, uint32_t key,
		unsigned int limit, unsigned int fanout, ms_t now);

/* Take an item off the queue; nothing happens when it is not queued. */
void spread_drop(struct spread *s, uint16_t scope, enum spread_class class, uint32_t key);

/**
 * spread_fill() - take items along in a datagram that is sent anyhow
 * @s:		the queue
 * @scope:	whose items; scope 0's follow
 * @w:		filled until nothing fits; what it holds already is kept
 */
void spread_fill(struct spread *s, uint16_t scope, struct part_writer *w);

/* Items waiting, for backlog figures. */
size_t spread_backlog(const struct spread *s);

#endif
