/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meeting - what this node did before it was restarted, as everyone else knows it
 *
 * A disk may be a backup.  So after a reboot each member that is not gone for
 * good is asked for the links from this node and to it, and nothing is taken or
 * given before all have answered, and at least one.  Members that this disk does not know of are
 * learned from those it does: everyone who answers says how many there are.
 */
#include <errno.h>

#include "overlay/block.pb.h"
#include "overlay/blocks-private.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/tree.h"

#define AGAIN	1000 /* ms between rounds */
#define AT_ONCE 64   /* members asked in a round */

/* Members that count: not this node, not those that said good-bye or are forgotten. */
static bool is_to_be_met(const struct blocks *b, const struct member *m)
{
	return m->profile && m->state != MEMBER_LEFT &&
	       !node_id_equal(&m->profile->id, engine_id(b->engine)) &&
	       !ledger_is_forgotten(&b->ledger, &m->profile->id, m->generation, true);
}

uint32_t meeting_count(const struct blocks *b, const struct id_set *met, uint32_t *unmet)
{
	const struct members *t = engine_members(b->engine);
	uint32_t known = 1;

	*unmet = 0;
	for (uint32_t i = 0; i < members_slots(t); i++) {
		const struct member *m = members_at(t, i);

		if (!is_to_be_met(b, m))
			continue;
		known++;
		*unmet += !id_set_has(met, &m->profile->id);
	}

	return known;
}

/* Those that are forgotten are excused, also before everybody has agreed. */
uint64_t words_lives(const struct blocks *b)
{
	const struct members *t = engine_members(b->engine);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < members_slots(t); i++) {
		const struct member *m = members_at(t, i);

		if (m->profile && m->state != MEMBER_LEFT &&
		    !ledger_is_forgotten(&b->ledger, &m->profile->id, m->generation, false))
			sum += tree_mix(node_id_short(&m->profile->id) ^ tree_mix(m->generation));
	}

	return sum;
}

bool words_hold(const struct blocks *b, struct words *w)
{
	if (w->from.n > 0 && w->lives != words_lives(b))
		w->from.n = 0;

	return w->from.n > 0;
}

bool words_add(const struct blocks *b, struct words *w, const struct node_id *id, uint64_t lives)
{
	if (lives != words_lives(b))
		return false;
	(void)words_hold(b, w);
	w->lives = lives;

	return id_set_add(&w->from, id) == 0;
}

bool meeting_is_done(struct blocks *b)
{
	const struct members *t = engine_members(b->engine);

	if (b->ready)
		return true;
	if (!words_hold(b, &b->met))
		return false;
	for (uint32_t i = 0; i < members_slots(t); i++) {
		const struct member *m = members_at(t, i);

		if (is_to_be_met(b, m) && !id_set_has(&b->met.from, &m->profile->id) &&
		    !ledger_is_forgotten(&b->ledger, &m->profile->id, m->generation, false))
			return false;
	}

	return true;
}

uint32_t blocks_unmet(const struct blocks *b)
{
	uint32_t known, unmet;

	if (b->ready)
		return 0;
	known = meeting_count(b, &b->met.from, &unmet);
	if (b->most_members > known)
		unmet += b->most_members - known;

	/* A disk that knows nobody may be from before anybody came. */
	return unmet == 0 && b->met.from.n == 0 ? 1 : unmet;
}

void meeting_begin(struct blocks *b, ms_t now)
{
	b->meet_number = engine_random(b->engine, UINT32_MAX) + 1;
	b->meet_next = now;
}

static void ask(struct blocks *b, const struct member *m)
{
	block_Meet meet = { .number = b->meet_number };
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct peer to = member_peer(m);

	if (part_put_message(&w, PART_MEET, block_Meet_fields, &meet))
		engine_send(b->engine, &to, &w, 0);
}

/* The next ones, from where the last round ended. */
static void ask_some(struct blocks *b)
{
	const struct members *t = engine_members(b->engine);
	uint32_t slots = members_slots(t), asked = 0;

	for (uint32_t n = 0; n < slots && asked < AT_ONCE; n++) {
		const struct member *m = members_at(t, b->meet_from++ % slots);

		if (!is_to_be_met(b, m) || m->state == MEMBER_DEAD ||
		    id_set_has(&b->met.from, &m->profile->id))
			continue;
		ask(b, m);
		asked++;
	}
}

/* What it was told is on the disk first: the next process may start as ready (BLOCKS_SAME_BOOT). */
static void become_ready(struct blocks *b, ms_t now)
{
	for (uint32_t i = 0; i < b->ledger.n; i++)
		if (b->ledger.entries[i].link && ledger_make_durable(&b->ledger, i) < 0)
			return;
	b->ready = true;
	blocks_event(b, EVENT_BLOCKS_READY, NULL, NULL, now);
	forgetting_ready(b, now);
}

void meeting_tick(struct blocks *b, ms_t now)
{
	uint32_t unmet;

	if (b->ready || now < b->meet_next)
		return;
	b->meet_next = now + AGAIN;
	(void)words_hold(b, &b->met);
	if (blocks_unmet(b) == 0) {
		become_ready(b, now);
		return;
	}
	(void)meeting_count(b, &b->met.from, &unmet);
	if (unmet == 0) {
		/* Somebody knew more: of one who is gone by now, or whom this node learns of yet.
		 */
		b->met.from.n = 0;
		b->most_members = 0;
	}
	ask_some(b);
}

/* ---- the answer ------------------------------------------------------------ */

/* Who asks, and of whom: heirs have to know again what the forgotten gave away. */
struct question {
	const struct ledger *ledger;
	struct node_id who;
};

static bool concerns(const struct question *q, const struct node_id *id)
{
	return node_id_equal(id, &q->who) || ledger_is_forgotten(q->ledger, id, 0, false);
}

static bool is_about(void *ctx, uint32_t handle, const struct ledger_entry *e)
{
	const struct question *q = ctx;

	(void)handle;

	return e->link && (concerns(q, &e->link->by) || concerns(q, &e->link->of.to));
}

static void answer(struct blocks *b, const struct origin *o, uint32_t number)
{
	struct question q = { .ledger = &b->ledger, .who = o->from.id };
	block_Met met = { .number = number, .lives = words_lives(b) };
	uint8_t buf[64];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	uint32_t unmet;

	met.members = meeting_count(b, &b->met.from, &unmet);
	if (part_put_message(&w, PART_MET, block_Met_fields, &met))
		ledger_send_proofs(&b->ledger, &o->from, is_about, &q, &w);
}

static void met(struct blocks *b, const struct origin *o, const block_Met *m, ms_t now)
{
	if (b->ready || m->number != b->meet_number)
		return;
	if (m->members > b->most_members)
		b->most_members = m->members;
	if (words_add(b, &b->met, &o->from.id, m->lives) && blocks_unmet(b) == 0)
		become_ready(b, now);
}

void meeting_receive(struct blocks *b, const struct origin *o, const struct part *p, ms_t now)
{
	union {
		block_Meet meet;
		block_Met met;
	} m;

	if (p->kind == PART_MEET && part_message(p, block_Meet_fields, &m.meet))
		answer(b, o, m.meet.number);
	else if (p->kind == PART_MET && o->stream && part_message(p, block_Met_fields, &m.met))
		met(b, o, &m.met, now);
	else
		engine_counters(b->engine)->bad_part++;
}
