/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe - find out who does not answer */
#include "overlay/probe.h"

#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/member-sync.h"
#include "overlay/member.pb.h"
#include "overlay/members-private.h"
#include "overlay/profile.h"
#include "overlay/settings.h"

#define RELAYS	     16 /* pings for others that can be under way; more are not relayed */
#define INDIRECT_MAX 8

/* The member that is probed now. */
struct round {
	bool active;
	bool indirect;	     /* others have been asked */
	uint8_t sends;	     /* of the ping, so far */
	uint8_t nacks_asked; /* relays that were asked to say nack */
	uint8_t nacks;
	uint32_t number; /* what an ack must echo */
	uint32_t member;
	ms_t start, window, end; /* direct answers until start + window, any until end */
};

/* A ping for somebody else. */
struct relay {
	bool active;
	bool nack; /* still to be said when nothing comes */
	uint8_t sends;
	uint32_t number; /* ours, in the ping */
	uint32_t theirs; /* for the ack or nack */
	struct peer asker, target;
	ms_t start, window;
};

struct probe {
	struct engine *engine;
	struct members *members;
	struct member_sync *sync;
	struct round round;
	struct relay relays[RELAYS];
	unsigned int health;
	uint32_t refuted; /* members->refuted when health last looked */
	ms_t next_round, next_dead;
};

/* ---- local health -------------------------------------------------------------- */

static void change_health(struct probe *p, int by)
{
	int most = (int)engine_settings(p->engine)->health_max;
	int h = (int)p->health + by;

	p->health = (unsigned int)(h < 0 ? 0 : h > most ? most : h);
}

static void count_refutations(struct probe *p)
{
	change_health(p, (int)(p->members->refuted - p->refuted));
	p->refuted = p->members->refuted;
}

static ms_t scaled(const struct probe *p, ms_t time)
{
	return engine_settings(p->engine)->local_health ? time * (p->health + 1) : time;
}

unsigned int probe_health(const struct probe *p)
{
	return p->health;
}

/* ---- messages ------------------------------------------------------------------ */

static void put_ping(struct probe *p, struct part_writer *w, const struct node_id *to,
		     uint32_t number)
{
	member_Ping m = { .number = number, .root = members_root(p->members) };

	m.greeting.size =
		(pb_size_t)engine_greet(p->engine, to, m.greeting.bytes, sizeof(m.greeting.bytes));
	(void)part_put_message(w, PART_PING, member_Ping_fields, &m);
}

/* What @to is thought to be, when that is less than alive. */
static void put_doubt(struct probe *p, struct part_writer *w, const struct node_id *to)
{
	uint32_t slot = members_find(p->members, to);

	if (slot != MEMBER_NONE && slot != MEMBER_SELF &&
	    members_at(p->members, slot)->state != MEMBER_ALIVE)
		(void)members_put_claim(p->members, slot, PART_CLAIM, false, w);
}

static void send_ping(struct probe *p, const struct peer *to, uint32_t number, bool stream)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	put_ping(p, &w, &to->id, number);
	if (engine_settings(p->engine)->buddy)
		put_doubt(p, &w, &to->id);
	if (stream)
		engine_stream(p->engine, to, &w);
	else
		engine_send(p->engine, to, &w, 0);
}

static void send_ack(struct probe *p, const struct origin *o, uint32_t number)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	member_Ack m = { .number = number, .root = members_root(p->members) };

	m.greeting.size = (pb_size_t)engine_greet(p->engine, &o->from.id, m.greeting.bytes,
						  sizeof(m.greeting.bytes));
	(void)part_put_message(&w, PART_ACK, member_Ack_fields, &m);
	if (engine_settings(p->engine)->tell_back)
		put_doubt(p, &w, &o->from.id);
	if (o->stream)
		engine_stream(p->engine, &o->from, &w);
	else
		engine_send(p->engine, &o->from, &w, 0);
}

static void send_ping_req(struct probe *p, const struct peer *to)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	member_PingReq m = { .number = p->round.number,
			     .nack = engine_settings(p->engine)->local_health };

	memcpy(m.target, members_at(p->members, p->round.member)->profile->id.b, NODE_ID_LEN);
	(void)part_put_message(&w, PART_PING_REQ, member_PingReq_fields, &m);
	engine_send(p->engine, to, &w, 0);
}

/* An ack or nack for somebody who asked for a ping. */
static void answer_asker(struct probe *p, const struct relay *r, bool nack)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	member_Ack ack = { .number = r->theirs, .root = members_root(p->members) };
	member_Nack no = { .number = r->theirs };

	(void)(nack ? part_put_message(&w, PART_NACK, member_Nack_fields, &no)
		    : part_put_message(&w, PART_ACK, member_Ack_fields, &ack));
	engine_send(p->engine, &r->asker, &w, 0);
}

/* Nobody who has not seen the ping can answer it, hence no number of engine_random(). */
static uint32_t new_number(struct probe *p)
{
	const struct env *env = engine_env(p->engine);
	uint32_t n;

	env->ops->random(env->ctx, &n, sizeof(n));
	return n;
}

/* ---- a round -------------------------------------------------------------------- */

static struct peer round_target(const struct probe *p)
{
	return member_peer(members_at(p->members, p->round.member));
}

static void begin_round(struct probe *p, ms_t now)
{
	const struct settings *set = engine_settings(p->engine);

	p->round = (struct round){ .member = members_next_probe(p->members) };
	p->next_round = now + scaled(p, set->probe_interval);
	if (p->round.member == MEMBER_NONE)
		return;

	p->round.active = true;
	p->round.number = new_number(p);
	p->round.start = now;
	p->round.window = scaled(p, set->probe_timeout);
	p->round.end = p->next_round;
}

static void ask_others(struct probe *p)
{
	const struct settings *set = engine_settings(p->engine);
	struct peer target = round_target(p), others[INDIRECT_MAX];
	size_t n = set->indirect < INDIRECT_MAX ? set->indirect : INDIRECT_MAX;

	n = members_pick(p->members, n, &target.id, others);
	for (size_t i = 0; i < n; i++)
		send_ping_req(p, &others[i]);
	p->round.nacks_asked = set->local_health ? (uint8_t)n : 0;
	p->round.indirect = true;
	send_ping(p, &target, p->round.number, true);
}

/*
 * With relays that are known to work, their silence is counted; without any
 * the failed probe itself is.
 */
static void end_round(struct probe *p, ms_t now)
{
	const struct round *r = &p->round;

	p->round.active = false;
	change_health(p, r->nacks_asked ? r->nacks_asked - r->nacks : 1);
	members_suspect(p->members, r->member, now);
}

/* When the ping under way is sent for the next time, evenly over its window. */
static ms_t next_send(const struct probe *p, ms_t start, ms_t window, uint8_t sends)
{
	unsigned int most = engine_settings(p->engine)->ping_sends;

	return sends < most ? start + window * sends / most : MS_NEVER;
}

static void drive_round(struct probe *p, ms_t now)
{
	struct round *r = &p->round;

	if (!r->active)
		return;
	/* Its slot may have been forgotten, or declared dead by others, in the meantime. */
	if (!members_at(p->members, r->member)->profile ||
	    members_at(p->members, r->member)->state > MEMBER_SUSPECT) {
		r->active = false;
		return;
	}
	if (now >= next_send(p, r->start, r->window, r->sends)) {
		struct peer to = round_target(p);

		r->sends++;
		send_ping(p, &to, r->number, false);
	}
	if (!r->indirect && now >= r->start + r->window)
		ask_others(p);
	if (now >= r->end)
		end_round(p, now);
}

static ms_t least(ms_t a, ms_t b)
{
	return a < b ? a : b;
}

static ms_t round_deadline(const struct probe *p)
{
	const struct round *r = &p->round;
	ms_t at;

	if (!r->active)
		return p->next_round;
	at = least(next_send(p, r->start, r->window, r->sends), r->end);
	return r->indirect ? at : least(at, r->start + r->window);
}

static void round_acked(struct probe *p)
{
	p->round.active = false;
	change_health(p, -1);
}

/* ---- relays --------------------------------------------------------------------- */

static void drive_relay(struct probe *p, struct relay *r, ms_t now)
{
	if (now >= next_send(p, r->start, r->window, r->sends)) {
		r->sends++;
		send_ping(p, &r->target, r->number, false);
	}
	if (r->nack && now >= r->start + r->window) {
		r->nack = false;
		answer_asker(p, r, true);
	}
	/* An ack that comes after the nack is still worth having. */
	if (now >= r->start + 2 * r->window)
		r->active = false;
}

static ms_t relay_deadline(const struct probe *p, const struct relay *r)
{
	ms_t at = next_send(p, r->start, r->window, r->sends);

	if (r->nack)
		at = least(at, r->start + r->window);
	return least(at, r->start + 2 * r->window);
}

static void on_ping_req(struct probe *p, const struct origin *o, const struct part *part, ms_t now)
{
	member_PingReq m = member_PingReq_init_zero;
	struct relay *r = p->relays;
	struct node_id id;
	uint32_t slot;

	if (!part_message(part, member_PingReq_fields, &m)) {
		engine_counters(p->engine)->bad_part++;
		return;
	}
	memcpy(id.b, m.target, NODE_ID_LEN);
	slot = members_find(p->members, &id);
	while (r < p->relays + RELAYS && r->active)
		r++;
	if (slot == MEMBER_NONE || slot == MEMBER_SELF || r == p->relays + RELAYS)
		return;

	*r = (struct relay){ .active = true,
			     .nack = m.nack,
			     .number = new_number(p),
			     .theirs = m.number,
			     .asker = o->from,
			     .target = member_peer(members_at(p->members, slot)),
			     .start = now,
			     .window = engine_settings(p->engine)->probe_timeout * 8 / 10 };
	drive_relay(p, r, now);
}

/* ---- arriving ------------------------------------------------------------------- */

static void on_ping(struct probe *p, const struct origin *o, const struct part *part, ms_t now)
{
	member_Ping m = member_Ping_init_zero;

	if (!part_message(part, member_Ping_fields, &m)) {
		engine_counters(p->engine)->bad_part++;
		return;
	}
	send_ack(p, o, m.number);
	member_sync_root(p->sync, o, m.root, now);
	engine_greeted(p->engine, o, m.greeting.bytes, m.greeting.size, now);
}

static void on_ack(struct probe *p, const struct origin *o, const struct part *part, ms_t now)
{
	member_Ack m = member_Ack_init_zero;

	if (!part_message(part, member_Ack_fields, &m)) {
		engine_counters(p->engine)->bad_part++;
		return;
	}
	if (p->round.active && m.number == p->round.number)
		round_acked(p);
	for (struct relay *r = p->relays; r < p->relays + RELAYS; r++)
		if (r->active && m.number == r->number) {
			answer_asker(p, r, false);
			r->active = false;
		}
	member_sync_root(p->sync, o, m.root, now);
	engine_greeted(p->engine, o, m.greeting.bytes, m.greeting.size, now);
}

static void on_nack(struct probe *p, const struct origin *o, const struct part *part, ms_t now)
{
	member_Nack m = member_Nack_init_zero;

	(void)o;
	(void)now;
	if (!part_message(part, member_Nack_fields, &m))
		engine_counters(p->engine)->bad_part++;
	else if (p->round.active && m.number == p->round.number &&
		 p->round.nacks < p->round.nacks_asked)
		p->round.nacks++;
}

static void receive(void *self, const struct origin *o, const struct part *part, ms_t now)
{
	static void (*const handlers[])(struct probe *, const struct origin *, const struct part *,
					ms_t) = {
		[PART_PING] = on_ping,
		[PART_ACK] = on_ack,
		[PART_PING_REQ] = on_ping_req,
		[PART_NACK] = on_nack,
	};

	handlers[part->kind](self, o, part, now);
}

/* ---- time ----------------------------------------------------------------------- */

static void probe_dead(struct probe *p, ms_t now)
{
	uint32_t slot = members_random_dead(p->members);
	struct peer to;

	p->next_dead = now + engine_settings(p->engine)->dead_probe;
	if (slot == MEMBER_NONE)
		return;
	to = member_peer(members_at(p->members, slot));
	send_ping(p, &to, new_number(p), false);
}

static void tick(void *self, ms_t now)
{
	struct probe *p = self;

	count_refutations(p);
	drive_round(p, now);
	if (now >= p->next_round) {
		begin_round(p, now);
		drive_round(p, now);
	}
	for (struct relay *r = p->relays; r < p->relays + RELAYS; r++)
		if (r->active)
			drive_relay(p, r, now);
	if (now >= p->next_dead)
		probe_dead(p, now);
}

static ms_t deadline(const void *self)
{
	const struct probe *p = self;
	ms_t at = least(round_deadline(p), p->next_dead);

	for (const struct relay *r = p->relays; r < p->relays + RELAYS; r++)
		if (r->active)
			at = least(at, relay_deadline(p, r));
	return at;
}

static void stalled(void *self, ms_t late)
{
	struct probe *p = self;

	p->round.start += late;
	p->round.end += late;
	p->next_round += late;
	for (struct relay *r = p->relays; r < p->relays + RELAYS; r++)
		r->start += late;
}

const struct module_ops probe_ops = {
	.name = "probe",
	.first_kind = PART_PING,
	.last_kind = PART_NACK,
	.receive = receive,
	.tick = tick,
	.deadline = deadline,
	.stalled = stalled,
};

struct probe *probe_new(struct engine *e, struct members *t, struct member_sync *sync)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->engine = e;
	p->members = t;
	p->sync = sync;
	return p;
}

void probe_free(struct probe *p)
{
	free(p);
}

/* At a random phase, so that nodes started together do not probe together. */
void probe_start(struct probe *p, ms_t now)
{
	const struct settings *set = engine_settings(p->engine);

	p->next_round = now + engine_random(p->engine, (uint32_t)set->probe_interval);
	p->next_dead = now + engine_random(p->engine, (uint32_t)set->dead_probe);
}
