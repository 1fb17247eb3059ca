/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rounds - how a scenario is run
 *
 * Between two measured calls nothing of the last one is still going on: what a
 * plugin leaves running in the background is waited for, off the clock.  How
 * long that work takes is measured too, by batches, whose "to the end" counts
 * it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

#define WARM_UP	  3 /* rounds that are not recorded */
#define MAX_LANES 8
#define MAX_WIDTH 64

struct lanes {
	const struct scenario *sc;
	struct lane lane[MAX_LANES];
	size_t order[MAX_LANES];
};

static struct series *series_of(const struct lane *lane, const char *step)
{
	return series_get(&(struct series_key){ .scenario = lane->sc->name,
						.step = step,
						.who = lane->def->who,
						.variant = lane->def->variant });
}

static bool lane_can(const struct lane *lane, const struct step *step)
{
	return step->op != OP_GC || contenders[lane->def->who].gc;
}

static bool lane_records(const struct lane *lane, const struct step *step)
{
	return step->label && lane_can(lane, step);
}

static bool is_del(enum op op)
{
	return op == OP_DEL || op == OP_DEL_BARE || op == OP_GC;
}

/* Series are made in the order of the tables, which is the order of the report. */
static void lanes_open(struct lanes *l, const struct scenario *sc)
{
	if (sc->n_lanes > MAX_LANES || sc->width > MAX_WIDTH)
		die("%s: raise MAX_LANES or MAX_WIDTH", sc->name);
	l->sc = sc;
	for (size_t i = 0; i < sc->n_lanes; i++) {
		lane_open(&l->lane[i], sc, i);
		l->order[i] = i;
	}
	for (size_t k = 0; k < sc->n_steps; k++) {
		for (size_t i = 0; i < sc->n_lanes; i++)
			if (lane_records(&l->lane[i], &sc->steps[k]))
				series_of(&l->lane[i], sc->steps[k].label);
		for (size_t i = 0; i < sc->n_lanes; i++)
			if (sc->width && is_del(sc->steps[k].op))
				series_of(&l->lane[i], STEP_TO_END);
	}
}

static void lanes_close(struct lanes *l)
{
	for (size_t i = 0; i < l->sc->n_lanes; i++)
		lane_close(&l->lane[i]);
}

static void lanes_shuffle(struct lanes *l)
{
	static uint64_t state;

	if (!state)
		state = options.seed;
	for (size_t i = l->sc->n_lanes - 1; i > 0; i--) {
		size_t k, kept = l->order[i];

		state ^= state << 13; /* xorshift64 */
		state ^= state >> 7;
		state ^= state << 17;
		k = state % (i + 1);
		l->order[i] = l->order[k];
		l->order[k] = kept;
	}
}

/* ---- one call at a time ------------------------------------------------------- */

static struct sample step_sample(const struct lane *lane, const struct step *step)
{
	if (step->op == OP_CONNECT)
		return connect_run(lane);

	return call_run(lane, &lane->containers[0], lane_can(lane, step) ? step->op : OP_DEL_BARE);
}

static void step_run(const struct lane *lane, const struct step *step, bool record)
{
	struct sample s;

	lane_enter(lane);
	s = step_sample(lane, step);
	proc_wait_orphans();
	if (record && lane_records(lane, step))
		series_add(series_of(lane, step->label), &s);
	if (step->op != OP_VERSION)
		lane_check(lane, !is_del(step->op));
}

/* ---- batches ------------------------------------------------------------------ */

struct batch {
	struct call calls[MAX_WIDTH];
	struct pollfd fds[MAX_WIDTH]; /* the output of calls[i]; fd -1: slot is free */
	size_t running;
};

static void slot_start(struct batch *b, size_t slot, const struct lane *lane, size_t container,
		       enum op op)
{
	call_start(&b->calls[slot], lane, &lane->containers[container], op);
	b->fds[slot] = (struct pollfd){ .fd = b->calls[slot].proc.out };
	b->running++;
}

/* A closed output says that the process is at its end. */
static void slot_continue(struct batch *b, size_t slot)
{
	struct call *c = &b->calls[slot];

	if (call_continue(c)) {
		b->fds[slot].fd = c->proc.out;
		return;
	}
	b->fds[slot].fd = -1;
	b->running--;
}

static double batch_run(struct batch *b, const struct lane *lane, enum op op)
{
	size_t width = lane->sc->width, next = 0;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (size_t i = 0; i < width; i++)
		b->fds[i].fd = -1;
	do {
		for (size_t i = 0; i < width; i++)
			if (b->fds[i].fd < 0 && next < lane->sc->containers)
				slot_start(b, i, lane, next++, op);
		if (poll(b->fds, width, -1) < 0)
			die("wait for plugins");
		for (size_t i = 0; i < width; i++)
			if (b->fds[i].fd >= 0 && b->fds[i].revents)
				slot_continue(b, i);
	} while (b->running || next < lane->sc->containers);

	return ms_since(&start);
}

static void batch_step(const struct lane *lane, const struct step *step, bool record)
{
	unsigned int n = lane->sc->containers;
	struct sample sample = { 0 }, to_end = { 0 };
	struct batch b = { .running = 0 };
	struct timespec start;

	lane_enter(lane);
	clock_gettime(CLOCK_MONOTONIC, &start);
	sample.ms = batch_run(&b, lane, step->op) / n;
	proc_wait_orphans();
	to_end.ms = ms_since(&start) / n;
	lane_check(lane, is_del(step->op) ? 0 : n);

	if (!record)
		return;
	series_add(series_of(lane, step->label), &sample);
	if (is_del(step->op))
		series_add(series_of(lane, STEP_TO_END), &to_end);
}

/* ---- rounds -------------------------------------------------------------------- */

static void run(const struct scenario *sc, unsigned int rounds,
		void (*do_step)(const struct lane *lane, const struct step *step, bool record))
{
	struct lanes l;

	lanes_open(&l, sc);
	for (unsigned int r = 0; r < WARM_UP + rounds; r++) {
		for (size_t k = 0; k < sc->n_steps; k++) {
			lanes_shuffle(&l);
			for (size_t i = 0; i < sc->n_lanes; i++)
				do_step(&l.lane[l.order[i]], &sc->steps[k], r >= WARM_UP);
		}
	}
	lanes_close(&l);
}

void run_rounds(const struct scenario *sc, unsigned int rounds)
{
	run(sc, rounds, step_run);
}

void run_batches(const struct scenario *sc, unsigned int rounds)
{
	run(sc, rounds, batch_step);
}
