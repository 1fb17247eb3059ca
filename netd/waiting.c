/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waiting - see waiting.h */
#include "netd/waiting.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/err.h"

/* Events tell of nearly everything; this is for the rest, and bounds what a bug costs. */
#define LOOK_MS 50

static void on_timer(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	waitings_kick(t->data);
}

void waitings_init(struct waitings *ws, struct ev_loop *loop)
{
	*ws = (struct waitings){ .loop = loop };
	ev_init(&ws->timer, on_timer);
	ws->timer.data = ws;
}

void waitings_clear(struct waitings *ws)
{
	struct err e = { 0 };

	(void)err_cni(&e, CNI_E_AGAIN, "netd stops");
	for (struct waiting *w = ws->first; w; w = ws->first) {
		waiting_end(w);
		w->done(w, -EAGAIN, &e);
	}
	if (ws->loop)
		ev_timer_stop(ws->loop, &ws->timer);
}

void waiting_end(struct waiting *w)
{
	if (!w->at)
		return;
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->at = NULL;
	w->next = NULL;
}

/* When the next look is due: a deadline may come before it. */
static void arm(struct waitings *ws)
{
	int64_t now = clock_ms(), wait = LOOK_MS;

	ev_timer_stop(ws->loop, &ws->timer);
	if (!ws->first)
		return;
	for (const struct waiting *w = ws->first; w; w = w->next)
		if (w->deadline - now < wait)
			wait = w->deadline > now ? w->deadline - now : 0;
	/* The loop's own time is of its last turn, which may be a while ago. */
	ev_now_update(ws->loop);
	ev_timer_set(&ws->timer, (double)wait / 1000, 0);
	ev_timer_start(ws->loop, &ws->timer);
}

static void try(struct waiting *w)
{
	struct err e = { 0 };
	int r = w->step(w, &e);

	if (r == -EAGAIN && clock_ms() < w->deadline)
		return;
	waiting_end(w);
	w->done(w, r, &e);
}

void waitings_kick(struct waitings *ws)
{
	/* One that is done may free itself, and nobody else. */
	for (struct waiting *w = ws->first, *next; w; w = next) {
		next = w->next;
		try(w);
	}
	arm(ws);
}

void waiting_begin(struct waitings *ws, struct waiting *w, int ms)
{
	w->deadline = clock_ms() + ms;
	w->next = ws->first;
	w->at = &ws->first;
	if (w->next)
		w->next->at = &w->next;
	ws->first = w;
	try(w);
	arm(ws);
}
