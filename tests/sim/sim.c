/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sim - the clock, the nodes, the dice */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/node.h"

uint64_t sim_random(struct sim *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

uint32_t sim_below(struct sim *s, uint32_t n)
{
	return (uint32_t)((sim_random(s) >> 32) * n >> 32);
}

double sim_share(struct sim *s)
{
	return (double)(sim_random(s) >> 11) / 9007199254740992.0;
}

struct sim *sim_new(uint64_t seed, const struct settings *settings, const struct net *net)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->seed = seed;
	s->random = seed * 0xd1342543de82ef95U + 1;
	s->settings = settings ? *settings : settings_default;
	s->net = net ? *net : net_lan;
	s->queue = queue_new();
	s->profiles = profiles_new();
	s->trace = trace_new();
	return s;
}

void sim_free(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		if (s->nodes[i].engine)
			node_bury(&s->nodes[i]);
		store_free(s->nodes[i].store);
	}
	free(s->nodes);
	queue_free(s->queue);
	profiles_free(s->profiles);
	trace_free(s->trace);
	free(s);
}

static void name_node(struct sim *s, struct sim_node *n, uint32_t i)
{
	memset(n, 0, sizeof(*n));
	n->sim = s;
	n->index = i;
	n->store = store_new();
	n->tick_at = UINT64_MAX;
	/* The key holds the index, so that an id can be traced back; its id is a hash all the same.
	 */
	for (size_t at = 4; at < NODE_KEY_LEN; at++)
		n->self.key[at] = (uint8_t)sim_random(s);
	memcpy(n->self.key, &i, sizeof(i));
	(void)snprintf(n->self.name, sizeof(n->self.name), "node-%u", i);
	n->self.addr.ip =
		(struct ip_addr){ .family = AF_INET,
				  .b = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
	n->self.addr.port = 7946;
	node_id_of_key(n->self.key, &n->id);
	sim_env.sign(n, (const uint8_t *)n->self.name, strlen(n->self.name), n->self.admission);
	for (size_t at = 0; at < sizeof(n->streams) / sizeof(n->streams[0]); at++)
		n->streams[at].to = UINT32_MAX;
}

void sim_add(struct sim *s, uint32_t n)
{
	struct sim_node *more = realloc(s->nodes, (s->n_nodes + n) * sizeof(*more));

	if (!more)
		abort();
	s->nodes = more;
	for (uint32_t i = 0; i < n; i++, s->n_nodes++)
		name_node(s, &s->nodes[s->n_nodes], s->n_nodes);
}

uint32_t sim_index_of(const struct sim *s, const struct node_addr *addr)
{
	uint32_t index = (uint32_t)(addr->ip.b[1] << 16 | addr->ip.b[2] << 8 | addr->ip.b[3]);

	return index < s->n_nodes ? index : UINT32_MAX;
}

static void run_one(struct sim *s, const struct happens *h)
{
	switch (h->what) {
	case HAPPEN_TICK:
		node_tick(&s->nodes[h->node]);
		break;
	case HAPPEN_DELIVER:
		net_deliver(s, h->message);
		break;
	case HAPPEN_CALL:
		h->call.fn(s, h->call.arg);
		break;
	}
}

void sim_run_until(struct sim *s, us_t until)
{
	struct happens h;

	while (queue_take(s->queue, until, &h)) {
		s->now = h.at;
		s->events++;
		run_one(s, &h);
	}
	s->now = until;
}

bool sim_run_while(struct sim *s, us_t step, us_t limit, bool (*done)(struct sim *s))
{
	while (!done(s)) {
		if (s->now >= limit)
			return false;
		sim_run_until(s, s->now + step);
	}
	return true;
}

void sim_at(struct sim *s, us_t at, void (*fn)(struct sim *s, uint32_t arg), uint32_t arg)
{
	queue_put(s->queue,
		  &(struct happens){ .at = at, .what = HAPPEN_CALL, .call = { fn, arg } });
}

struct traffic sim_traffic(const struct sim *s)
{
	struct traffic sum = { 0 };

	for (uint32_t i = 0; i < s->n_nodes; i++) {
		const struct traffic *t = &s->nodes[i].traffic;

		sum.datagrams_out += t->datagrams_out;
		sum.datagrams_in += t->datagrams_in;
		sum.bytes_out += t->bytes_out;
		sum.bytes_in += t->bytes_in;
		sum.stream_out += t->stream_out;
		sum.stream_in += t->stream_in;
		sum.streams_out += t->streams_out;
		sum.lost += t->lost;
		sum.overflown += t->overflown;
	}
	return sum;
}
