/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node - one engine and the world it believes in
 *
 * Signatures are hashes over the key and the message: nobody here forges, but
 * what was changed on its way is found, as with real ones.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/members.h"
#include "overlay/profile.h"

ms_t sim_clock(const struct sim_node *n)
{
	return n->sim->now / 1000 + (ms_t)n->clock_ahead;
}

/* ---- the environment ----------------------------------------------------------------- */

static void env_random(void *ctx, void *buf, size_t len)
{
	struct sim_node *n = ctx;
	uint8_t *at = buf;

	while (len > 0) {
		uint64_t r = sim_random(n->sim);
		size_t some = len < sizeof(r) ? len : sizeof(r);

		memcpy(at, &r, some);
		at += some;
		len -= some;
	}
}

static void env_send(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	assert(len <= DATAGRAM_ROOM);
	net_send(ctx, to, false, plain, len);
}

static void env_stream(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	assert(len <= STREAM_ROOM);
	net_send(ctx, to, true, plain, len);
}

static int env_store(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	struct sim_node *n = ctx;

	(void)e;
	if (n->doomed)
		return -EIO;
	if ((r->kind == RECORD_MEMBER || r->kind == RECORD_ROW) && !n->sim->keep_members)
		return 0;
	if (how == STORE_DURABLE && n->crash_in && --n->crash_in == 0) {
		n->doomed = true;
		trace_add(n->sim, TRACE_DO, n->index, n->index, 'w');
		/* Power may fail before or after the disk has it; either way nobody was told. */
		if (sim_below(n->sim, 2))
			return -EIO;
	}
	return store_put(n->store, r, how == STORE_DURABLE, n->sim->now);
}

static void hash_of(const uint8_t key[NODE_KEY_LEN], const uint8_t *msg, size_t len,
		    uint8_t sig[NODE_SIG_LEN])
{
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ msg[i]) * 0x100000001b3U;
	memset(sig, 0, NODE_SIG_LEN);
	memcpy(sig, &h, sizeof(h));
	memcpy(sig + 8, key, NODE_KEY_LEN);
	sig[NODE_SIG_LEN - 1] = 1;
}

static void env_sign(void *ctx, const uint8_t *msg, size_t len, uint8_t sig[NODE_SIG_LEN])
{
	const struct sim_node *n = ctx;

	hash_of(n->self.key, msg, len, sig);
}

static bool env_verify(void *ctx, const uint8_t key[NODE_KEY_LEN], const uint8_t *msg, size_t len,
		       const uint8_t sig[NODE_SIG_LEN])
{
	uint8_t right[NODE_SIG_LEN];

	(void)ctx;
	hash_of(key, msg, len, right);
	return memcmp(sig, right, NODE_SIG_LEN) == 0;
}

static bool env_admitted(void *ctx, const uint8_t key[NODE_KEY_LEN], const char *name,
			 const uint8_t admission[NODE_SIG_LEN])
{
	return env_verify(ctx, key, (const uint8_t *)name, strlen(name), admission);
}

static const struct profile *env_profile_find(void *ctx, const uint8_t *bytes, size_t len)
{
	const struct sim_node *n = ctx;

	return profiles_find(n->sim->profiles, bytes, len);
}

static const struct profile *env_profile_intern(void *ctx, struct profile *p)
{
	const struct sim_node *n = ctx;

	return profiles_intern(n->sim->profiles, p);
}

/* All of them live as long as the simulation. */
static void env_profile_release(void *ctx, const struct profile *p)
{
	(void)ctx;
	(void)p;
}

static void env_event(void *ctx, const struct event *ev)
{
	struct sim_node *n = ctx;
	uint32_t subject = ev->profile ? sim_index_of(n->sim, &ev->profile->addr) : UINT32_MAX;

	trace_add(n->sim, TRACE_EVENT, n->index, subject, ev->kind);
	if (n->sim->hooks.event && !n->doomed)
		n->sim->hooks.event(n->sim, n, ev, subject);
}

const struct env_ops sim_env = {
	.random = env_random,
	.send = env_send,
	.stream = env_stream,
	.store = env_store,
	.sign = env_sign,
	.verify = env_verify,
	.admitted = env_admitted,
	.profile_find = env_profile_find,
	.profile_intern = env_profile_intern,
	.profile_release = env_profile_release,
	.event = env_event,
};

/* ---- running ------------------------------------------------------------------------- */

void node_arm(struct sim_node *n)
{
	ms_t due = engine_deadline(n->engine);
	int64_t at = (int64_t)due - n->clock_ahead;
	us_t when;

	if (due == MS_NEVER)
		return;
	when = at < 0 ? 0 : (us_t)at * 1000;
	if (when < n->sim->now)
		when = n->sim->now;
	if (n->tick_at <= when)
		return;
	n->tick_at = when;
	queue_put(n->sim->queue,
		  &(struct happens){ .at = when, .what = HAPPEN_TICK, .node = n->index });
}

void node_tick(struct sim_node *n)
{
	if (!n->engine || n->paused || n->tick_at != n->sim->now)
		return; /* of an earlier life, or overtaken by an earlier tick */

	n->tick_at = UINT64_MAX;
	if (engine_deadline(n->engine) <= sim_clock(n))
		engine_tick(n->engine, sim_clock(n));
	if (n->doomed)
		node_bury(n);
	else
		node_arm(n);
}

void node_bury(struct sim_node *n)
{
	if (n->sim->hooks.unplug)
		n->sim->hooks.unplug(n->sim, n);
	engine_free(n->engine);
	n->engine = NULL;
	n->doomed = n->paused = n->blocked = false;
	n->tick_at = UINT64_MAX;
	n->crash_in = 0;
	net_release_sent(n);
	net_release(n);
	store_crash(n->store, n->sim->now);
}

static void restore_record(void *ctx, const struct record *r)
{
	engine_restore(ctx, r);
}

/* Out of a copy, as an engine may store while it is restored. */
static void restore_all(struct sim_node *n)
{
	struct store *copy = store_new();

	store_copy(copy, n->store);
	store_each(copy, restore_record, n->engine);
	store_free(copy);
}

static void make_engine(struct sim_node *n)
{
	struct env env = { .ops = &sim_env, .ctx = n };

	assert(!n->engine);
	n->self.generation++;
	n->life++;
	n->engine = engine_new(&env, &n->sim->settings, &n->self);
	if (!n->engine)
		abort();
	if (n->sim->hooks.plug_in)
		n->sim->hooks.plug_in(n->sim, n);
	restore_all(n);
}

static void start_engine(struct sim_node *n)
{
	engine_start(n->engine, sim_clock(n));
	node_arm(n);
}

void sim_start(struct sim *s, uint32_t node)
{
	trace_add(s, TRACE_DO, node, node, 's');
	make_engine(&s->nodes[node]);
	start_engine(&s->nodes[node]);
}

void sim_join(struct sim *s, uint32_t node, uint32_t seed_node)
{
	struct sim_node *n = &s->nodes[node];

	engine_join(n->engine, &s->nodes[seed_node].self.addr, 1, sim_clock(n));
	node_arm(n);
}

static void know(struct sim_node *n, const struct sim_node *other)
{
	const struct profile *p = members_at(engine_members(other->engine), 0)->profile;

	engine_restore(n->engine, &(struct record){ .kind = RECORD_MEMBER,
						    .key = p->id.b,
						    .key_len = NODE_ID_LEN,
						    .value = p->bytes,
						    .len = p->len });
}

void sim_start_known(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_nodes; i++)
		make_engine(&s->nodes[i]);
	for (uint32_t i = 0; i < s->n_nodes; i++)
		for (uint32_t j = 0; j < s->n_nodes; j++)
			if (i != j)
				know(&s->nodes[i], &s->nodes[j]);
	for (uint32_t i = 0; i < s->n_nodes; i++)
		start_engine(&s->nodes[i]);
}

void sim_crash(struct sim *s, uint32_t node)
{
	trace_add(s, TRACE_DO, node, node, 'c');
	node_bury(&s->nodes[node]);
}

void sim_crash_in_write(struct sim *s, uint32_t node, uint32_t n)
{
	s->nodes[node].crash_in = n;
}

void sim_pause(struct sim *s, uint32_t node)
{
	s->nodes[node].paused = true;
	trace_add(s, TRACE_DO, node, node, 'p');
}

static void tick_after_pause(struct sim_node *n)
{
	if (!n->engine)
		return;
	if (engine_deadline(n->engine) <= sim_clock(n))
		engine_tick(n->engine, sim_clock(n));
	if (n->doomed)
		node_bury(n);
}

static void go_on(struct sim_node *n)
{
	n->paused = false;
	n->tick_at = UINT64_MAX;
	if (n->sim->timers_first)
		tick_after_pause(n);
	net_release(n);
	if (!n->sim->timers_first)
		tick_after_pause(n);
	if (n->engine)
		node_arm(n);
}

void sim_resume(struct sim *s, uint32_t node)
{
	trace_add(s, TRACE_DO, node, node, 'r');
	if (s->nodes[node].paused)
		go_on(&s->nodes[node]);
}

void sim_block(struct sim *s, uint32_t node)
{
	s->nodes[node].blocked = true;
	trace_add(s, TRACE_DO, node, node, 'b');
}

void sim_unblock(struct sim *s, uint32_t node)
{
	trace_add(s, TRACE_DO, node, node, 'r');
	s->nodes[node].blocked = false;
	net_release_sent(&s->nodes[node]);
	go_on(&s->nodes[node]);
}

void sim_jump_clock(struct sim *s, uint32_t node, uint32_t ms)
{
	s->nodes[node].clock_ahead += ms;
	s->nodes[node].tick_at = UINT64_MAX;
	trace_add(s, TRACE_DO, node, node, 'j');
	if (s->nodes[node].engine)
		node_arm(&s->nodes[node]);
}

void sim_copy_disk(struct sim *s, uint32_t from, uint32_t to)
{
	store_copy(s->nodes[to].store, s->nodes[from].store);
	s->nodes[to].self.generation = s->nodes[from].self.generation;
}

int sim_view(struct sim *s, uint32_t observer, uint32_t subject)
{
	struct members *t = engine_members(s->nodes[observer].engine);
	uint32_t slot = members_find(t, &s->nodes[subject].id);

	return slot == MEMBER_NONE ? -1 : members_at(t, slot)->state;
}
