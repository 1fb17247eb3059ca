/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_nodes - a few nodes that talk to each other over a wire in memory
 *
 * Signatures are accepted as they come: the tests of what is signed have real
 * ones.  Each node has rows; a test may plug in more.
 */
#ifndef OVERLAY_NODES_H
#define OVERLAY_NODES_H

#include <stdio.h>
#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/rows.h"
#include "tests/unit/overlay_lax.h"

#define NODES	 3
#define WIRE_MAX 4096
#define STEP	 50   /* ms */
#define PORT	 1000 /* of the first node */
#define EVENTS	 128  /* none at or above */

struct letter {
	int from, to;
	bool stream;
	size_t len;
	uint8_t *plain;
};

struct node {
	int index;
	struct engine_self self;
	struct engine *engine; /* NULL: does not run */
	struct rows *rows;
	void *more;		    /* what the test has plugged in */
	unsigned int heard[EVENTS]; /* events by kind, since it was started */
	bool deaf;
};

/* What a test plugs into every node before it starts, and frees. */
struct plug {
	void (*in)(struct node *n);
	void (*out)(struct node *n);
	int (*keep)(struct node *n, const struct record *r); /* NULL: nothing is kept */
};

static struct node nodes[NODES];
static struct letter wire[WIRE_MAX];
static unsigned int n_wire;
static ms_t now;
static uint64_t dice;
static struct plug plug;

/* ---- a world ------------------------------------------------------------------ */

static inline void fill_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)tree_mix(dice += 0x9e3779b97f4a7c15U);
}

static inline void post(const struct node *from, const struct peer *to, bool stream,
			const uint8_t *plain, size_t len)
{
	struct letter *l = &wire[n_wire++];

	assert_true(n_wire < WIRE_MAX && to->addr.port >= PORT && to->addr.port < PORT + NODES);
	*l = (struct letter){ .from = from->index,
			      .to = to->addr.port - PORT,
			      .stream = stream,
			      .len = len,
			      .plain = malloc(len) };
	assert_non_null(l->plain);
	memcpy(l->plain, plain, len);
}

static inline void send_datagram(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	assert_true(len <= DATAGRAM_ROOM);
	post(ctx, to, false, plain, len);
}

static inline void send_stream(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	assert_true(len <= STREAM_ROOM);
	post(ctx, to, true, plain, len);
}

static inline int keep(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	(void)how;
	(void)e;

	return plug.keep ? plug.keep(ctx, r) : 0;
}

static inline void on_event(void *ctx, const struct event *ev)
{
	struct node *n = ctx;

	assert_true(ev->kind < EVENTS);
	n->heard[ev->kind]++;
}

static const struct env_ops ops = { .random = fill_random,
				    .send = send_datagram,
				    .stream = send_stream,
				    .store = keep,
				    .sign = lax_sign,
				    .verify = lax_verify,
				    .admitted = lax_admitted,
				    .event = on_event };

static inline void start(int i)
{
	struct node *n = &nodes[i];
	const struct env env = { .ops = &ops, .ctx = n };
	const struct node_addr seeds[] = { nodes[(i + 1) % NODES].self.addr };

	n->index = i;
	n->self.key[0] = (uint8_t)(i + 1);
	n->self.admission[0] = LAX_SIGNED;
	(void)snprintf(n->self.name, sizeof(n->self.name), "node-%d", i);
	n->self.addr = (struct node_addr){ { AF_INET, { 192, 0, 2, 1 } }, (uint16_t)(PORT + i) };
	n->self.generation++;
	memset(n->heard, 0, sizeof(n->heard));
	n->engine = engine_new(&env, NULL, &n->self);
	assert_non_null(n->engine);
	n->rows = rows_new(n->engine);
	assert_non_null(n->rows);
	assert_int_equal(engine_attach(n->engine, &rows_ops, n->rows, NULL), 0);
	if (plug.in)
		plug.in(n);
	engine_start(n->engine, now);
	rows_begin(n->rows, now);
	engine_join(n->engine, seeds, 1, now);
}

static inline void stop(int i)
{
	if (plug.out)
		plug.out(&nodes[i]);
	rows_free(nodes[i].rows);
	engine_free(nodes[i].engine);
	nodes[i].engine = NULL;
}

static inline void deliver_all(void)
{
	for (unsigned int i = 0; i < n_wire; i++) {
		struct letter l = wire[i];
		struct node *to = &nodes[l.to], *from = &nodes[l.from];
		struct origin o = { .stream = l.stream, .from.addr = from->self.addr };

		node_id_of_key(from->self.key, &o.from.id);
		if (to->engine && !to->deaf)
			engine_receive(to->engine, &o, l.plain, l.len, now);
		free(l.plain);
	}
	n_wire = 0;
}

static inline void run(ms_t time)
{
	for (ms_t end = now + time; now < end; now += STEP) {
		for (int i = 0; i < NODES; i++)
			if (nodes[i].engine && engine_deadline(nodes[i].engine) <= now)
				engine_tick(nodes[i].engine, now);
		deliver_all();
	}
}

static inline int set_up(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	for (int i = 0; i < NODES; i++) {
		nodes[i].self.addr.port = (uint16_t)(PORT + i);
		nodes[i].self.addr.ip = (struct ip_addr){ AF_INET, { 192, 0, 2, 1 } };
	}
	now = 1000;
	for (int i = 0; i < NODES; i++)
		start(i);
	run(5000);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(members_alive(engine_members(nodes[i].engine)), NODES);

	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < NODES; i++)
		if (nodes[i].engine)
			stop(i);
	for (unsigned int i = 0; i < n_wire; i++)
		free(wire[i].plain);
	n_wire = 0;

	return 0;
}

#endif
