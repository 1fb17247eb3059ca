/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forgetting - the two phases of a forget
 *
 * First its issuer asks everyone to acknowledge it.  Who does has the forget and
 * its word on the disk, and has told all links that it knows from the forgotten
 * and to them.  When every other member that is not forgotten itself has done so,
 * the forget is complete, and the issuer signs for what the subject owned.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "overlay/block.pb.h"
#include "overlay/blocks-private.h"
#include "overlay/bytes.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/profile.h"

#define AGAIN 1000 /* ms between questions to who has not acknowledged */

/* ---- what this node has acknowledged --------------------------------------- */

static struct forget_ack *find_ack(const struct blocks *b, const struct forget *f)
{
	for (uint32_t i = 0; i < b->n_acks; i++) {
		if (node_id_equal(&b->acks[i].subject, &f->subject))
			return &b->acks[i];
	}

	return NULL;
}

static int set_ack(struct blocks *b, const struct forget_ack *ack)
{
	struct forget_ack *acks = realloc(b->acks, (b->n_acks + 1) * sizeof(*acks));

	if (!acks)
		return -ENOMEM;
	b->acks = acks;
	acks[b->n_acks++] = *ack;

	return 0;
}

static int store_ack(const struct blocks *b, const struct forget *f)
{
	const struct env *env = engine_env(b->engine);
	const struct record r = { .kind = RECORD_FORGET_ACK,
				  .key = f->subject.b,
				  .key_len = NODE_ID_LEN,
				  .value = f->id.b,
				  .len = LINK_ID_LEN };

	return env->ops->store(env->ctx, &r, STORE_DURABLE, NULL);
}

void forgetting_restore(struct blocks *b, const struct record *r)
{
	struct forget_ack ack;

	if (r->key_len != NODE_ID_LEN || r->len != LINK_ID_LEN)
		return;
	memcpy(ack.subject.b, r->key, NODE_ID_LEN);
	memcpy(ack.forget.b, r->value, LINK_ID_LEN);
	(void)set_ack(b, &ack);
}

static const struct forget *forget_at(const struct blocks *b, uint32_t handle)
{
	return b->ledger.entries[handle].forget;
}

static const struct forget *find_forget(const struct blocks *b, const struct link_id *id)
{
	for (uint32_t i = 0; i < b->ledger.n_forgets; i++) {
		const struct forget *f = forget_at(b, b->ledger.forgets[i]);

		if (link_id_equal(&f->id, id))
			return f;
	}

	return NULL;
}

/*
 * Whether a forget that was acknowledged leaves room for another one: it cannot
 * take effect any more, or it did, and the other is about a later life.
 */
static bool is_over(const struct blocks *b, const struct link_id *id, const struct forget *other)
{
	const struct forget *f = find_forget(b, id);

	if (!f)
		return false;
	if (f->state == FORGET_COMPLETE)
		return other->generation > f->generation;

	return f->state == FORGET_WITHDRAWN || ledger_is_forgotten(&b->ledger, &f->issuer, 0, true);
}

/* Whether the subject lived on after the life that is to be forgotten. */
static bool has_lived_on(const struct blocks *b, const struct forget *f)
{
	const struct members *t = engine_members(b->engine);
	uint32_t slot = members_find(t, &f->subject);

	return slot != MEMBER_NONE && members_at(t, slot)->generation > f->generation;
}

/* ---- acknowledging --------------------------------------------------------- */

/*
 * Not of the subject alone: who forgets an heir inherits what that would have
 * inherited, and has to know what was given away of it.
 */
static bool is_about_forgotten(void *ctx, uint32_t handle, const struct ledger_entry *e)
{
	const struct ledger *l = ctx;

	(void)handle;

	return e->link && (ledger_is_forgotten(l, &e->link->by, 0, false) ||
			   ledger_is_forgotten(l, &e->link->of.to, 0, false));
}

/* What was taken in lazily is put on the disk, as the acknowledgement rests on it. */
static int make_durable(struct blocks *b)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < b->ledger.n; i++)
		if (is_about_forgotten(&b->ledger, i, &b->ledger.entries[i]))
			r = ledger_make_durable(&b->ledger, i);

	return r;
}

static void send_ack(struct blocks *b, const struct peer *to, const struct forget *f)
{
	block_ForgetAck m = { .lives = words_lives(b) };
	uint8_t buf[64];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	uint32_t unmet;

	m.members = meeting_count(b, &b->met.from, &unmet);
	memcpy(m.forget, f->id.b, sizeof(m.forget));
	if (part_put_message(&w, PART_FORGET_ACK, block_ForgetAck_fields, &m))
		ledger_send_proofs(&b->ledger, to, is_about_forgotten, &b->ledger, &w);
}

static bool has_rival(const struct blocks *b, const struct forget *f)
{
	for (uint32_t i = 0; i < b->ledger.n_forgets; i++) {
		const struct forget *other = forget_at(b, b->ledger.forgets[i]);

		if (forget_is_rival(other, f) && !is_over(b, &other->id, f))
			return true;
	}

	return false;
}

/*
 * One forget of a member at a time.  Who was restored does not know which one it
 * acknowledged: it waits until it has met the others, and takes none while there
 * are two.
 */
static bool may_acknowledge(struct blocks *b, const struct forget *f)
{
	struct forget_ack *ack = find_ack(b, f);
	struct forget_ack new = { .subject = f->subject, .forget = f->id };

	if (ack && link_id_equal(&ack->forget, &f->id))
		return true;
	if (has_lived_on(b, f) || has_rival(b, f) || !meeting_is_done(b))
		return false;
	if (make_durable(b) < 0 || store_ack(b, f) < 0)
		return false;
	if (!ack)
		return set_ack(b, &new) == 0;
	*ack = new;

	return true;
}

/* This node's own forget of the same life of the same member, or NULL. */
static struct issue *rival_issue(const struct blocks *b, const struct forget *f)
{
	for (uint32_t i = 0; i < b->n_issues; i++)
		if (forget_is_rival(forget_at(b, b->issues[i].handle), f))
			return &b->issues[i];

	return NULL;
}

static void acknowledge(struct blocks *b, const struct forget *f)
{
	const struct members *t = engine_members(b->engine);
	uint32_t slot = members_find(t, &f->issuer);
	struct peer to;

	if (slot == MEMBER_NONE || rival_issue(b, f) || !may_acknowledge(b, f))
		return;
	to = member_peer(members_at(t, slot));
	send_ack(b, &to, f);
}

/* ---- issuing --------------------------------------------------------------- */

static int set_state(struct blocks *b, uint32_t handle, enum forget_state state, ms_t now)
{
	struct forget f = *forget_at(b, handle);
	int r;

	f.state = state;
	forget_make(engine_env(b->engine), &f);
	r = ledger_add_forget(&b->ledger, &f, STORE_DURABLE, NULL);
	if (r == 0)
		blocks_pass_on(b, handle, now);

	return r;
}

static int begin_issue(struct blocks *b, uint32_t handle, ms_t now)
{
	struct issue *issues = realloc(b->issues, (b->n_issues + 1) * sizeof(*issues));

	if (!issues)
		return -ENOMEM;
	b->issues = issues;
	issues[b->n_issues++] = (struct issue){ .handle = handle, .next = now };

	return 0;
}

static void end_issue(struct blocks *b, struct issue *i)
{
	free(i->acked.from.v);
	*i = b->issues[--b->n_issues];
}

/* Whose word it takes: every member's but the subject's, and of those that are gone for good. */
static bool is_needed(const struct blocks *b, const struct forget *f, const struct member *m)
{
	return m->profile && m->state != MEMBER_LEFT &&
	       !node_id_equal(&m->profile->id, engine_id(b->engine)) &&
	       !node_id_equal(&m->profile->id, &f->subject) &&
	       !ledger_is_forgotten(&b->ledger, &m->profile->id, m->generation, false);
}

/* Ask those that have not said it, and count them. */
static uint32_t ask_missing(struct blocks *b, const struct issue *i, bool send)
{
	const struct members *t = engine_members(b->engine);
	const struct forget *f = forget_at(b, i->handle);
	uint8_t buf[FORGET_BYTES_MAX + PART_HEADER];
	uint32_t missing = 0;

	for (uint32_t slot = 0; slot < members_slots(t); slot++) {
		const struct member *m = members_at(t, slot);
		struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
		struct peer to;

		if (!is_needed(b, f, m) || id_set_has(&i->acked.from, &m->profile->id))
			continue;
		missing++;
		if (!send || m->state == MEMBER_DEAD)
			continue;
		to = member_peer(m);
		if (ledger_put(&b->ledger.entries[i->handle], &w))
			engine_send_as_is(b->engine, &to, &w);
	}

	return missing;
}

/* What this node is the heir of becomes its own.  Return: 0, or what hindered it. */
static int inherit_space(struct blocks *b, const struct titles *t, ms_t now)
{
	for (uint64_t at = 0; at <= titles_last(t);) {
		struct title run = *titles_at(t, at);
		int r = 0;

		if (ledger_may_inherit(&b->ledger, run.by, engine_id(b->engine)))
			r = blocks_transfer(b, run.by, (struct span){ run.first, run.last },
					    engine_id(b->engine), engine_generation(b->engine), 0,
					    false, now, NULL);
		if (r < 0)
			return r;
		if (run.last == titles_last(t))
			break;
		at = run.last + 1;
	}

	return 0;
}

static int inherit(struct blocks *b, ms_t now)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < b->ledger.n_spaces; i++)
		r = inherit_space(b, &b->ledger.spaces[i], now);

	return r;
}

void forgetting_heard(struct blocks *b, const struct link *l, ms_t now)
{
	if (b->ready && ledger_may_inherit(&b->ledger, l, engine_id(b->engine)))
		(void)inherit(b, now);
}

/*
 * It is complete.  Its heir signs for the blocks when it is ready: one that was
 * restored may have done so before, and given some away.
 */
static void take_effect(struct blocks *b, const struct forget *f, ms_t now)
{
	struct forget copy = *f;
	const struct node_id *self = engine_id(b->engine);

	if (node_id_equal(&copy.issuer, self) && b->ready && inherit(b, now) == 0)
		blocks_event(b, EVENT_FORGET_DONE, &copy.subject, NULL, now);
	if (!node_id_equal(&copy.subject, self)) {
		members_forget(engine_members(b->engine), &copy.subject, copy.generation, now);
	} else if (copy.generation >= engine_generation(b->engine)) {
		b->ready = false;
		b->meet_next = MS_NEVER;
		blocks_event(b, EVENT_FORGOTTEN, &copy.issuer, NULL, now);
	}
}

void forgetting_ready(struct blocks *b, ms_t now)
{
	for (uint32_t i = 0; i < b->ledger.n_forgets; i++) {
		const struct forget *f = forget_at(b, b->ledger.forgets[i]);

		if (f->state == FORGET_COMPLETE && node_id_equal(&f->issuer, engine_id(b->engine)))
			take_effect(b, f, now);
	}
}

/* All have said it, but one knew more members: of one who is gone by now, or who is yet to be
 * asked. */
static void ask_again(struct blocks *b, struct issue *i)
{
	uint32_t unmet;

	if (meeting_count(b, &i->acked.from, &unmet) >= i->most_members)
		return;
	i->acked.from.n = 0;
	i->most_members = 0;
	(void)ask_missing(b, i, true);
}

static void try_to_complete(struct blocks *b, struct issue *i, ms_t now)
{
	uint32_t handle = i->handle, unmet;

	(void)words_hold(b, &i->acked);
	if (meeting_count(b, &i->acked.from, &unmet) < i->most_members)
		return;
	/* This node's own word is one of those that it takes. */
	if (ask_missing(b, i, false) > 0 || !may_acknowledge(b, forget_at(b, handle)) ||
	    set_state(b, handle, FORGET_COMPLETE, now) < 0)
		return;
	end_issue(b, i);
	take_effect(b, forget_at(b, handle), now);
}

/* Two forget the same one: the issuer with the higher id gives way, but not to the dead. */
static void meet_rival(struct blocks *b, const struct forget *f, ms_t now)
{
	struct issue *own = rival_issue(b, f);

	if (!own || node_id_cmp(engine_id(b->engine), &f->issuer) < 0 ||
	    ledger_is_forgotten(&b->ledger, &f->issuer, 0, false))
		return;
	if (set_state(b, own->handle, FORGET_WITHDRAWN, now) == 0)
		end_issue(b, own);
}

/* The last life that a member is known by: in the table, or as an owner that nobody has there any
 * more. */
static int last_generation(const struct blocks *b, const struct node_id *id, uint32_t *ret)
{
	const struct members *t = engine_members(b->engine);
	uint32_t slot = members_find(t, id);
	bool known = slot != MEMBER_NONE;

	*ret = known ? members_at(t, slot)->generation : 0;
	for (uint32_t i = 0; i < b->ledger.n; i++) {
		const struct ledger_entry *e = &b->ledger.entries[i];

		known |= e->forget && node_id_equal(&e->forget->issuer, id);
		if (!e->link || !node_id_equal(&e->link->of.to, id))
			continue;
		known = true;
		if (e->link->of.generation > *ret)
			*ret = e->link->of.generation;
	}

	return known ? 0 : -ENOENT;
}

/*
 * Whether somebody who may finish it forgets the member.  An issuer that is
 * forgotten itself will not: this forget waits until that is complete.
 */
static bool is_taken(const struct blocks *b, const struct forget *f)
{
	const struct forget_ack *ack = find_ack(b, f);
	const struct forget *other = ack ? find_forget(b, &ack->forget) : NULL;

	return other && !link_id_equal(&other->id, &f->id) && !is_over(b, &other->id, f) &&
	       !ledger_is_forgotten(&b->ledger, &other->issuer, 0, false);
}

/* Signed; the one that is under way, or the first after those that this node withdrew. */
static void make_next(const struct blocks *b, struct forget *f)
{
	const struct forget *known;

	for (f->attempt = 0;; f->attempt++) {
		forget_make(engine_env(b->engine), f);
		known = find_forget(b, &f->id);
		if (!known || known->state != FORGET_WITHDRAWN)
			return;
	}
}

int blocks_forget(struct blocks *b, const struct node_id *id, ms_t now, struct err *e)
{
	struct forget f = { .subject = *id, .state = FORGET_ISSUED };
	uint32_t handle;
	int r;

	if (last_generation(b, id, &f.generation) < 0)
		return err_sys(e, ENOENT, "forget: there is no such member");
	if (node_id_equal(id, engine_id(b->engine)))
		return err_sys(e, EINVAL, "forget: that is this node; let it leave instead");
	memcpy(f.issuer_key, blocks_key(b), NODE_KEY_LEN);
	make_next(b, &f);
	if (is_taken(b, &f))
		return err_sys(e, EBUSY, "forget: another node forgets this member already");
	r = ledger_add_forget(&b->ledger, &f, STORE_DURABLE, &handle);
	if (r == -EEXIST)
		return 0;
	if (r < 0)
		return err_sys(e, -r, "forget: cannot be stored");
	blocks_pass_on(b, handle, now);

	return begin_issue(b, handle, now);
}

/* ---- the module's hooks ---------------------------------------------------- */

void forgetting_begin(struct blocks *b, ms_t now)
{
	for (uint32_t i = 0; i < b->ledger.n_forgets; i++) {
		uint32_t handle = b->ledger.forgets[i];
		const struct forget *f = forget_at(b, handle);

		if (f->state == FORGET_COMPLETE)
			take_effect(b, f, now);
		else if (f->state == FORGET_ISSUED &&
			 node_id_equal(&f->issuer, engine_id(b->engine)))
			(void)begin_issue(b, handle, now);
	}
}

void forgetting_tick(struct blocks *b, ms_t now)
{
	for (uint32_t i = b->n_issues; i-- > 0;) {
		struct issue *issue = &b->issues[i];

		if (now < issue->next)
			continue;
		issue->next = now + AGAIN;
		if (has_lived_on(b, forget_at(b, issue->handle))) {
			if (set_state(b, issue->handle, FORGET_WITHDRAWN, now) == 0)
				end_issue(b, issue);
			continue;
		}
		if (ask_missing(b, issue, true) == 0)
			ask_again(b, issue);
		try_to_complete(b, issue, now);
	}
}

ms_t forgetting_deadline(const struct blocks *b)
{
	ms_t first = MS_NEVER;

	for (uint32_t i = 0; i < b->n_issues; i++)
		if (b->issues[i].next < first)
			first = b->issues[i].next;

	return first;
}

void forgetting_clear(struct blocks *b)
{
	while (b->n_issues > 0)
		end_issue(b, &b->issues[0]);
	free(b->issues);
	free(b->acks);
}

/* A forget of this node's own, of which its disk had lost the state: it goes on, or gives way. */
static void take_back(struct blocks *b, uint32_t handle, ms_t now)
{
	struct forget f = *forget_at(b, handle);

	for (uint32_t i = b->n_issues; i-- > 0;)
		if (b->issues[i].handle == handle)
			end_issue(b, &b->issues[i]);
	if (f.state != FORGET_ISSUED)
		return;
	if (may_acknowledge(b, &f))
		(void)begin_issue(b, handle, now);
	else
		(void)set_state(b, handle, FORGET_WITHDRAWN, now);
}

static void take_in(struct blocks *b, const struct part *p, ms_t now)
{
	struct forget f;
	uint32_t handle;
	int r = forget_read(engine_env(b->engine), p->body, p->len, &f);

	if (r < 0) {
		engine_counters(b->engine)->forged += r == -EKEYREJECTED;
		engine_counters(b->engine)->bad_part += r != -EKEYREJECTED;
		return;
	}
	r = ledger_add_forget(&b->ledger, &f, STORE_DURABLE, &handle);
	if (r == 0)
		blocks_pass_on(b, handle, now);
	if (r == 0 && f.state == FORGET_COMPLETE)
		take_effect(b, &f, now);
	if (r == 0 && node_id_equal(&f.issuer, engine_id(b->engine)))
		take_back(b, handle, now);
	if ((r == 0 || r == -EEXIST) && forget_at(b, handle)->state == FORGET_ISSUED &&
	    !node_id_equal(&f.issuer, engine_id(b->engine)) &&
	    !node_id_equal(&f.subject, engine_id(b->engine))) {
		meet_rival(b, &f, now);
		acknowledge(b, &f);
	}
}

static void take_ack(struct blocks *b, const struct origin *o, const block_ForgetAck *m, ms_t now)
{
	for (uint32_t i = 0; i < b->n_issues; i++) {
		struct issue *issue = &b->issues[i];

		if (memcmp(forget_at(b, issue->handle)->id.b, m->forget, LINK_ID_LEN) != 0)
			continue;
		if (m->members > issue->most_members)
			issue->most_members = m->members;
		if (words_add(b, &issue->acked, &o->from.id, m->lives))
			try_to_complete(b, issue, now);
		return;
	}
}

void forgetting_receive(struct blocks *b, const struct origin *o, const struct part *p, ms_t now)
{
	block_ForgetAck ack;

	if (p->kind == PART_FORGET)
		take_in(b, p, now);
	else if (o->stream && part_message(p, block_ForgetAck_fields, &ack))
		take_ack(b, o, &ack, now);
	else
		engine_counters(b->engine)->bad_part++;
}
