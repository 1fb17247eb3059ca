/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module - how a part of the engine plugs into it
 *
 * A module owns some tables, some part kinds (overlay/part.h), some record
 * kinds (overlay/env.h) and some classes of the spread queue (overlay/spread.h).
 * Modules do not call each other by these hooks: the engine does, and a module
 * that needs another is given a pointer to it when it is set up.  Arrows:
 *
 *	wanted state -> rows, blocks -> spread, members
 *	probe, member-sync           -> members -> spread
 *	everything                   -> engine's sending functions, env
 *
 * Every hook may be NULL.  None may block, and none fails: what comes from the
 * network and is wrong is counted and forgotten.
 */
#ifndef OVERLAY_MODULE_H
#define OVERLAY_MODULE_H

#include "overlay/env.h"
#include "overlay/part.h"

struct engine;
struct event;

#define GREETING_MAX 24 /* bytes that one module may put into every ping and ack */

/* What a message came by; the frame has authenticated @from.id. */
struct origin {
	struct peer from; /* the address is the datagram's, not the profile's */
	bool stream;	  /* came over a stream: an answer may be of any size */
};

struct module_ops {
	const char *name;

	/* A part of a kind in first_kind..last_kind arrived. */
	uint8_t first_kind, last_kind;
	void (*receive)(void *self, const struct origin *o, const struct part *p, ms_t now);

	/* Run everything that is due; and when that is worth calling next. */
	void (*tick)(void *self, ms_t now);
	ms_t (*deadline)(const void *self);

	/*
	 * This process stood still for @late ms: what should have been heard in
	 * that time was not, so deadlines for others move by it.
	 */
	void (*stalled)(void *self, ms_t late);

	/*
	 * Write what every ping and ack shall carry for this module, such as
	 * 8 bytes of a root: @cap is at most GREETING_MAX.  Return: its length.
	 * greeted() gets the peer's, with a length of 0 when it had none.
	 */
	size_t (*greet)(void *self, const struct node_id *to, uint8_t *buf, size_t cap);
	void (*greeted)(void *self, const struct origin *o, const uint8_t *greeting, size_t len,
			ms_t now);

	/* A member joined, changed, died or left; before env's event(). */
	void (*member)(void *self, const struct event *ev, ms_t now);

	/* A record that store() kept in an earlier life; before engine_start(). */
	uint16_t first_record, last_record;
	void (*restore)(void *self, const struct record *r);
};

#endif
