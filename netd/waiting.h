/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waiting - work that cannot be finished yet
 *
 * A number that another node has to give, a row that has to come, a kernel far
 * away: whoever waits for such a thing is a step that is tried again whenever
 * something has changed, and now and then without that, until it succeeds, fails,
 * or has waited long enough.  So nobody has to know whom an event is for.
 */
#ifndef NETD_WAITING_H
#define NETD_WAITING_H

#include <ev.h>
#include <stdint.h>

struct err;
struct waiting;

struct waitings {
	struct ev_loop *loop;
	struct ev_timer timer;
	struct waiting *first;
};

struct waiting {
	/* Return: -EAGAIN: not yet; anything else: it is done. */
	int (*step)(struct waiting *w, struct err *e);
	/*
	 * Called once with what step() returned; -EAGAIN: time is up, and @e is what
	 * the last step said.  @w is not linked any more and may be freed.
	 */
	void (*done)(struct waiting *w, int r, const struct err *e);
	int64_t deadline; /* ms */
	struct waiting *next;
	struct waiting **at; /* NULL: not linked */
};

void waitings_init(struct waitings *ws, struct ev_loop *loop);

/* Time is up for all that still wait. */
void waitings_clear(struct waitings *ws);

/* Try now, and for @ms from now; done() may be called before this returns. */
void waiting_begin(struct waitings *ws, struct waiting *w, int ms);

/* Nobody waits for it any more.  Also of one that is not linked. */
void waiting_end(struct waiting *w);

/* Something has changed: all are tried. */
void waitings_kick(struct waitings *ws);

#endif
