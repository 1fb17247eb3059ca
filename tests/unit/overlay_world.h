/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_world - one engine under test, and a world that the test plays
 *
 * What the engine sends is kept, what it is to hear the test says.  Signatures
 * are a hash and the key's first bytes: enough to be right or wrong.
 */
#ifndef OVERLAY_WORLD_H
#define OVERLAY_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/member.pb.h"
#include "overlay/members-private.h"
#include "overlay/profile.h"

#define WORLD_SENT   512
#define WORLD_EVENTS 256
#define WORLD_ROOM   (16 * 1024) /* of a message that is kept; of longer ones the beginning is */

struct sent {
	struct peer to;
	bool stream;
	size_t len;
	uint8_t plain[WORLD_ROOM];
};

struct world {
	struct engine *e;
	ms_t now;
	uint64_t random;
	const uint8_t *key; /* that sign() signs with */
	struct sent sent[WORLD_SENT];
	unsigned int n_sent;
	struct event events[WORLD_EVENTS];
	unsigned int n_events;
	/* What store() does; NULL: nothing. */
	int (*store)(struct world *w, const struct record *r, enum durability how);
};

/* Somebody the engine may hear of. */
struct person {
	uint8_t key[NODE_KEY_LEN];
	struct node_id id;
	struct node_addr addr;
};

static inline void world_hash(const uint8_t *key, const uint8_t *msg, size_t len, uint8_t *sig)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ msg[i]) * 0x100000001b3U;
	memset(sig, 1, NODE_SIG_LEN);
	memcpy(sig, &h, sizeof(h));
	memcpy(sig + 8, key, 16);
}

static inline void world_random(void *ctx, void *buf, size_t len)
{
	struct world *w = ctx;
	uint8_t *at = buf;

	while (len-- > 0) {
		w->random = w->random * 6364136223846793005U + 1442695040888963407U;
		*at++ = (uint8_t)(w->random >> 56);
	}
}

static inline void world_keep(struct world *w, const struct peer *to, bool stream,
			      const uint8_t *plain, size_t len)
{
	struct sent *s = &w->sent[w->n_sent++];

	assert_true(w->n_sent <= WORLD_SENT);
	s->to = *to;
	s->stream = stream;
	s->len = len < sizeof(s->plain) ? len : sizeof(s->plain);
	memcpy(s->plain, plain, s->len);
}

static inline void world_send(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	assert_true(len <= DATAGRAM_ROOM);
	world_keep(ctx, to, false, plain, len);
}

static inline void world_stream(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	world_keep(ctx, to, true, plain, len);
}

static inline int world_store(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	struct world *w = ctx;

	(void)e;

	return w->store ? w->store(w, r, how) : 0;
}

static inline void world_sign(void *ctx, const uint8_t *msg, size_t len, uint8_t *sig)
{
	const struct world *w = ctx;

	world_hash(w->key, msg, len, sig);
}

static inline bool world_verify(void *ctx, const uint8_t *key, const uint8_t *msg, size_t len,
				const uint8_t *sig)
{
	uint8_t right[NODE_SIG_LEN];

	(void)ctx;
	world_hash(key, msg, len, right);

	return memcmp(right, sig, sizeof(right)) == 0;
}

static inline bool world_admitted(void *ctx, const uint8_t *key, const char *name,
				  const uint8_t *admission)
{
	return world_verify(ctx, key, (const uint8_t *)name, strlen(name), admission);
}

static inline void world_event(void *ctx, const struct event *ev)
{
	struct world *w = ctx;

	assert_true(w->n_events < WORLD_EVENTS);
	w->events[w->n_events++] = *ev;
}

static const struct env_ops world_ops = {
	.random = world_random,
	.send = world_send,
	.stream = world_stream,
	.store = world_store,
	.sign = world_sign,
	.verify = world_verify,
	.admitted = world_admitted,
	.event = world_event,
};

static inline struct person person_of(uint16_t n)
{
	struct person p = { .addr = { .ip = { .family = AF_INET,
					      .b = { 10, 1, (uint8_t)(n >> 8), (uint8_t)n } },
				      .port = 7946 } };

	memset(p.key, 7, sizeof(p.key));
	memcpy(p.key, &n, sizeof(n));
	node_id_of_key(p.key, &p.id);

	return p;
}

/* What @p says of itself, for profile_free(). */
static inline struct profile *profile_of(struct world *w, const struct person *p, const char *name,
					 uint32_t generation, uint32_t version)
{
	struct env env = { .ops = &world_ops, .ctx = w };
	struct profile of = { .addr = p->addr, .generation = generation, .version = version };
	uint8_t admission[NODE_SIG_LEN];
	const uint8_t *own = w->key;
	struct profile *made;

	memcpy(of.key, p->key, sizeof(of.key));
	(void)snprintf(of.name, sizeof(of.name), "%s", name);
	world_hash(p->key, (const uint8_t *)name, strlen(name), admission);
	w->key = p->key;
	made = profile_make(&env, &of, admission);
	w->key = own;
	assert_non_null(made);

	return made;
}

/* An engine of person 0, at time 1,000. */
static inline struct world *world_new(const struct settings *settings)
{
	struct world *w = calloc(1, sizeof(*w));
	struct engine_self self = { .name = "self", .generation = 1 };
	static struct person me;
	struct env env = { .ops = &world_ops, .ctx = w };

	assert_non_null(w);
	me = person_of(0);
	w->key = me.key;
	w->now = 1000;
	memcpy(self.key, me.key, sizeof(self.key));
	self.addr = me.addr;
	world_hash(me.key, (const uint8_t *)"self", 4, self.admission);
	w->e = engine_new(&env, settings, &self);
	assert_non_null(w->e);
	engine_start(w->e, w->now);

	return w;
}

static inline void world_free(struct world *w)
{
	engine_free(w->e);
	free(w);
}

/* A message with one part from @from. */
static inline void world_say(struct world *w, const struct person *from, uint8_t kind,
			     const pb_msgdesc_t *fields, const void *message)
{
	struct origin o = { .from = { .id = from->id, .addr = from->addr } };
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer out = { .buf = buf, .cap = sizeof(buf) };

	assert_true(part_put_message(&out, kind, fields, message));
	engine_receive(w->e, &o, buf, out.len, w->now);
}

static inline void world_claim(struct world *w, const struct person *from, const struct node_id *of,
			       struct standing s, const struct profile *p)
{
	member_Claim c = { .generation = s.generation,
			   .refutation = s.refutation,
			   .state = (member_State)s.state,
			   .from = node_id_short(&from->id) };

	memcpy(c.id, of->b, NODE_ID_LEN);
	if (p) {
		c.profile.size = p->len;
		memcpy(c.profile.bytes, p->bytes, p->len);
	}
	world_say(w, from, PART_CLAIM, member_Claim_fields, &c);
}

/* @p joins, as generation 1. */
static inline void world_meet(struct world *w, const struct person *p)
{
	struct profile *made = profile_of(w, p, "somebody", 1, 1);

	world_claim(w, p, &p->id, (struct standing){ .generation = 1 }, made);
	profile_free(made);
}

/* Let time pass; every deadline is kept to the millisecond. */
static inline void world_wait(struct world *w, ms_t until)
{
	for (ms_t at = engine_deadline(w->e); at <= until; at = engine_deadline(w->e)) {
		w->now = at > w->now ? at : w->now;
		engine_tick(w->e, w->now);
	}
	w->now = until;
}

/* The first part of @kind in a message, NULL when there is none. */
static inline const struct part *part_in(const struct sent *s, uint8_t kind)
{
	static struct part p;
	struct part_reader r = { .at = s->plain, .end = s->plain + s->len };

	while (part_next(&r, &p) > 0)
		if (p.kind == kind)
			return &p;

	return NULL;
}

static inline int world_state(struct world *w, const struct person *p)
{
	struct members *t = engine_members(w->e);
	uint32_t slot = members_find(t, &p->id);

	return slot == MEMBER_NONE ? -1 : (int)members_at(t, slot)->state;
}

static inline unsigned int world_events(const struct world *w, enum event_kind kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->n_events; i++)
		n += w->events[i].kind == kind;

	return n;
}

#endif
