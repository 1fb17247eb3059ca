/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net - what happens to a message between two nodes
 *
 * A message leaves over the sender's link, travels, and comes in over the
 * receiver's link; both links carry one at a time at their rate.  A datagram
 * may be lost, doubled, or overtaken.  A stream keeps its order and loses
 * nothing while the pair is connected: a lost segment costs a retransmission,
 * and too many of them in a row the connection.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

const struct net net_lan = {
	.delay = 500,
	.jitter = 1000,
	.rate = 100 * 1000 * 1000,
	.queue = 1 << 20,
	.socket = 256,
};

#define WIRE_HEADERS	66 /* Ethernet, IPv4, UDP or TCP, on the link but not in our figures */
#define SEGMENT		1400
#define RETRANSMIT	MS(200) /* first time-out of TCP on Linux; it doubles */
#define RETRANSMIT_MOST 6

struct held {
	struct held *next;
	struct message *message;
};

static double loss_of(struct sim *s, uint32_t from, uint32_t to)
{
	double of_pair = s->hooks.loss ? s->hooks.loss(s, from, to) : 0;

	return of_pair > s->net.loss ? of_pair : s->net.loss;
}

static bool chance(struct sim *s, double share)
{
	return share > 0 && sim_share(s) < share;
}

/* When a link has carried @len more bytes. */
static us_t carry(const struct sim *s, us_t *link, us_t from, size_t len)
{
	us_t start = *link > from ? *link : from;

	*link = start + (len + WIRE_HEADERS) * 8 * 1000 * 1000 / s->net.rate;
	return *link;
}

static us_t travel(struct sim *s)
{
	return s->net.delay + (s->net.jitter ? sim_below(s, (uint32_t)s->net.jitter) : 0);
}

static void put_on_way(struct sim *s, us_t at, const struct message *m, struct message *own)
{
	if (!own) {
		own = malloc(sizeof(*own) + m->len);
		if (!own)
			abort();
		memcpy(own, m, sizeof(*own) + m->len);
	}
	queue_put(s->queue,
		  &(struct happens){
			  .at = at, .what = HAPPEN_DELIVER, .node = m->to, .message = own });
}

static void send_datagram(struct sim_node *n, struct message *m)
{
	struct sim *s = n->sim;
	us_t backlog = n->link_out > s->now ? n->link_out - s->now : 0;
	us_t leaves;

	n->traffic.datagrams_out++;
	n->traffic.bytes_out += m->len + FRAME_OVERHEAD;
	if (backlog * s->net.rate / 8 / 1000 / 1000 > s->net.queue) {
		n->traffic.overflown++;
		free(m);
		return;
	}
	leaves = carry(s, &n->link_out, s->now, m->len + FRAME_OVERHEAD);
	if (chance(s, loss_of(s, m->from, m->to))) {
		n->traffic.lost++;
		trace_add(s, TRACE_LOST, m->from, m->to, m->plain[0]);
		free(m);
		return;
	}
	if (chance(s, s->net.duplicate))
		put_on_way(s, leaves + travel(s), m, NULL);
	put_on_way(s, leaves + travel(s), m, m);
}

/* The time that lost segments cost.  Return: false when the connection breaks. */
static bool retransmit(struct sim *s, const struct message *m, us_t *at)
{
	/* A segment and its acknowledgement: either loss costs the same. */
	double there = loss_of(s, m->from, m->to), back = loss_of(s, m->to, m->from);
	double loss = 1 - (1 - there) * (1 - back);

	if (loss <= 0)
		return true;
	/* The handshake counts as a segment. */
	for (uint32_t done = 0; done <= m->len; done += SEGMENT) {
		us_t wait = RETRANSMIT;
		int tries = 0;

		for (; chance(s, loss); wait *= 2) {
			if (++tries > RETRANSMIT_MOST)
				return false;
			*at += wait;
		}
	}
	return true;
}

/* The last arrival of the stream to @to; a place is made for a new one. */
static us_t *stream_tail(struct sim_node *n, uint32_t to)
{
	uint8_t i;

	for (i = 0; i < 4; i++)
		if (n->streams[i].to == to)
			return &n->streams[i].at;
	i = n->next_stream++ % 4;
	n->streams[i].to = to;
	n->streams[i].at = 0;
	return &n->streams[i].at;
}

static void send_stream(struct sim_node *n, struct message *m)
{
	struct sim *s = n->sim;
	us_t *tail = stream_tail(n, m->to);
	us_t at;

	n->traffic.streams_out++;
	n->traffic.stream_out += m->len + FRAME_OVERHEAD;
	at = carry(s, &n->link_out, s->now, m->len + FRAME_OVERHEAD) + travel(s);
	if (*tail + SECONDS(10) < s->now)
		at += 2 * travel(s); /* the handshake */
	if (!retransmit(s, m, &at)) {
		n->traffic.lost++;
		trace_add(s, TRACE_LOST, m->from, m->to, m->plain[0]);
		free(m);
		return;
	}
	if (at <= *tail)
		at = *tail + 1;
	*tail = at;
	put_on_way(s, at, m, m);
}

static void put_on_link(struct sim_node *n, struct message *m)
{
	trace_add(n->sim, m->stream ? TRACE_STREAM : TRACE_SEND, n->index, m->to, m->plain[0]);
	if (m->stream)
		send_stream(n, m);
	else
		send_datagram(n, m);
}

static void hold(struct held **list, struct held ***end, struct message *m)
{
	struct held *h = malloc(sizeof(*h));

	if (!h)
		abort();
	*h = (struct held){ .message = m };
	if (!*list)
		*end = list;
	**end = h;
	*end = &h->next;
}

static struct message *release(struct held **list)
{
	struct held *h = *list;
	struct message *m = h->message;

	*list = h->next;
	free(h);
	return m;
}

void net_send(struct sim_node *n, const struct peer *to, bool stream, const uint8_t *plain,
	      size_t len)
{
	uint32_t target = sim_index_of(n->sim, &to->addr);
	struct message *m;

	if (n->doomed || target == UINT32_MAX || len == 0)
		return;
	m = malloc(sizeof(*m) + len);
	if (!m)
		abort();
	*m = (struct message){ .from = n->index,
			       .to = target,
			       .life = n->sim->nodes[target].life,
			       .len = (uint32_t)len,
			       .stream = stream };
	memcpy(m->plain, plain, len);
	if (n->blocked) {
		n->paused = true;
		hold(&n->stuck, &n->stuck_end, m);
	} else {
		put_on_link(n, m);
	}
}

void net_release_sent(struct sim_node *n)
{
	while (n->stuck) {
		struct message *m = release(&n->stuck);

		if (n->engine)
			put_on_link(n, m);
		else
			free(m);
	}
}

/* ---- arriving ---------------------------------------------------------------------- */

static void wait_in_socket(struct sim_node *n, struct message *m)
{
	if (!m->stream && n->n_held >= n->sim->net.socket) {
		n->traffic.overflown++;
		free(m);
		return;
	}
	hold(&n->held, &n->held_end, m);
	n->n_held++;
}

static void hand_over(struct sim_node *n, struct message *m)
{
	struct sim *s = n->sim;
	struct origin o = { .from = { .id = s->nodes[m->from].id,
				      .addr = s->nodes[m->from].self.addr },
			    .stream = m->stream };

	if (m->stream) {
		n->traffic.stream_in += m->len + FRAME_OVERHEAD;
	} else {
		n->traffic.datagrams_in++;
		n->traffic.bytes_in += m->len + FRAME_OVERHEAD;
	}
	trace_add(s, TRACE_RECEIVE, n->index, m->from, m->plain[0]);
	engine_receive(n->engine, &o, m->plain, m->len, sim_clock(n));
	free(m);
	if (n->doomed)
		node_bury(n);
}

void net_deliver(struct sim *s, struct message *m)
{
	struct sim_node *n = &s->nodes[m->to];

	/* A frame is sealed to the receiver's boot id, and a connection ends with the process. */
	if (!n->engine || n->life != m->life) {
		free(m);
	} else if (n->paused || n->blocked) {
		wait_in_socket(n, m);
	} else if (n->link_in > s->now && !m->through) { /* behind an earlier one */
		m->through = true;
		put_on_way(s, carry(s, &n->link_in, s->now, m->len), m, m);
	} else {
		if (!m->through)
			carry(s, &n->link_in, s->now, m->len);
		hand_over(n, m);
		if (n->engine)
			node_arm(n);
	}
}

void net_release(struct sim_node *n)
{
	while (n->held) {
		struct message *m = release(&n->held);

		n->n_held--;
		if (n->engine)
			hand_over(n, m);
		else
			free(m);
	}
}
