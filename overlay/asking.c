/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asking - numbers from one owner to another: questions, and gifts */
#include "overlay/asking.h"

#include <errno.h>

#include "overlay/block.pb.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/tree.h"

#define ANSWER_WAIT 500	 /* ms before the question is put to the next owner */
#define PAUSE	    2000 /* ms after all have refused */

/* ---- what this node has ---------------------------------------------------- */

bool asking_own_run(const struct blocks *b, const struct space *s, uint32_t *i, struct span *ret)
{
	const struct titles *t = ledger_space(&b->ledger, &s->id);

	for (; *i < t->n_runs; (*i)++) {
		const struct title *run = &t->runs[*i];

		if (run->frozen || run->last < s->bounds.first || run->first > s->bounds.last ||
		    !node_id_equal(title_owner(run), engine_id(b->engine)))
			continue;
		ret->first = run->first > s->bounds.first ? run->first : s->bounds.first;
		ret->last = run->last < s->bounds.last ? run->last : s->bounds.last;
		return true;
	}

	return false;
}

/* Numbers that this node owns and could give, and how many it owns. */
static uint64_t count_free(const struct blocks *b, const struct space *s, uint64_t *owned)
{
	uint64_t busy = 0;
	struct span run;

	*owned = 0;
	for (uint32_t i = 0; asking_own_run(b, s, &i, &run); i++) {
		*owned += run.last - run.first + 1;
		busy += pool_busy(&s->pool, run);
	}

	return *owned - busy;
}

/* ---- the question ---------------------------------------------------------- */

static const struct member *alive(const struct blocks *b, const struct node_id *id)
{
	const struct members *t = engine_members(b->engine);
	uint32_t slot = members_find(t, id);
	const struct member *m = slot == MEMBER_NONE ? NULL : members_at(t, slot);

	return m && m->state <= MEMBER_SUSPECT ? m : NULL;
}

static bool was_tried(const struct ask *a, const struct node_id *id)
{
	for (unsigned int i = 0; i < a->n_tried; i++)
		if (node_id_equal(&a->tried[i], id))
			return true;

	return false;
}

/* Who has the number; or who of those not asked yet has the largest run. */
static const struct node_id *choose(const struct blocks *b, const struct space *s)
{
	const struct titles *t = ledger_space(&b->ledger, &s->id);
	const struct node_id *best = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < t->n_runs; i++) {
		const struct title *run = &t->runs[i];
		const struct node_id *owner = title_owner(run);
		uint64_t size = run->last - run->first;

		if (s->ask.exact && (s->ask.number < run->first || s->ask.number > run->last))
			continue;
		if ((best && size <= most) || run->frozen ||
		    node_id_equal(owner, engine_id(b->engine)) || was_tried(&s->ask, owner) ||
		    !alive(b, owner))
			continue;
		best = owner;
		most = size;
	}

	return best;
}

static void send_question(struct blocks *b, const struct space *s, const struct node_id *to)
{
	block_Ask m = { .request = s->ask.request,
			.generation = engine_generation(b->engine),
			.exact = s->ask.exact,
			.number = s->ask.number,
			.early = s->ask.early };
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct peer peer = member_peer(alive(b, to));

	memcpy(m.space, s->id.b, LINK_ID_LEN);
	if (part_put_message(&w, PART_ASK, block_Ask_fields, &m))
		engine_send(b->engine, &peer, &w, 0);
}

static void end(struct blocks *b, struct space *s, bool denied, ms_t now)
{
	struct block_event more = { .space = s->id, .run = s->bounds };

	if (s->ask.exact)
		more.run = (struct span){ s->ask.number, s->ask.number };
	if (denied && !s->ask.early)
		blocks_event(b, EVENT_BLOCK_DENIED, NULL, &more, now);
	s->ask = (struct ask){ .next = denied ? now + PAUSE : now };
}

static void ask_next(struct blocks *b, struct space *s, ms_t now)
{
	struct ask *a = &s->ask;
	const struct node_id *to = a->n_tried < ASK_TRIES ? choose(b, s) : NULL;

	if (!to) {
		end(b, s, true, now);
		return;
	}
	a->tried[a->n_tried++] = *to;
	a->next = now + ANSWER_WAIT;
	send_question(b, s, to);
}

static void begin(struct blocks *b, struct space *s, const uint64_t *number, bool early, ms_t now)
{
	const struct env *env = engine_env(b->engine);

	s->ask = (struct ask){ .active = true, .early = early };
	if (number) {
		s->ask.exact = true;
		s->ask.number = *number;
	}
	env->ops->random(env->ctx, &s->ask.request, sizeof(s->ask.request));
	ask_next(b, s, now);
}

void asking_begin(struct blocks *b, struct space *s, const uint64_t *number, ms_t now)
{
	/* Who is in need does not wait for the answer to a prefetch. */
	if (s->ask.active && !s->ask.early)
		return;
	begin(b, s, number, false, now);
}

void asking_prefetch(struct blocks *b, struct space *s, ms_t now)
{
	uint64_t owned, left = count_free(b, s, &owned);

	if (!s->ask.active && now >= s->ask.next && left <= owned / 8)
		begin(b, s, NULL, true, now);
}

void asking_tick(struct blocks *b, struct space *s, ms_t now)
{
	if (s->ask.active && now >= s->ask.next)
		ask_next(b, s, now);
}

/* ---- the answer ------------------------------------------------------------ */

static void refuse(struct blocks *b, const struct peer *to, uint64_t request, block_Refusal why)
{
	block_Refuse m = { .request = request, .why = why };
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	if (part_put_message(&w, PART_REFUSE, block_Refuse_fields, &m))
		engine_send(b->engine, to, &w, 0);
}

static void send_link(struct blocks *b, const struct peer *to, const struct ledger_entry *entry)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	if (ledger_put(entry, &w))
		engine_send(b->engine, to, &w, 0);
}

static uint64_t question_mark(const struct node_id *by, uint64_t request)
{
	uint64_t mark = tree_mix(request ^ tree_mix(node_id_short(by)));

	return mark ? mark : 1;
}

void asking_given(struct blocks *b, uint32_t handle)
{
	const struct link *l = b->ledger.entries[handle].link;
	uint64_t mark;

	if (!l || l->of.request == 0 || !node_id_equal(&l->by, engine_id(b->engine)))
		return;
	mark = question_mark(&l->of.to, l->of.request);
	/* Without memory a repeated question is answered by another range, which is a waste. */
	if (marks_find(&b->answers, mark) == MARKS_NONE && marks_reserve(&b->answers, handle) == 0)
		marks_put(&b->answers, handle, mark);
}

/* The answer to this question that was given before, if it was. */
static const struct ledger_entry *answered(const struct blocks *b, const struct node_id *to,
					   uint64_t request)
{
	uint32_t handle = marks_find(&b->answers, question_mark(to, request));
	const struct link *l = handle == MARKS_NONE ? NULL : b->ledger.entries[handle].link;
	bool is_it = l && l->of.request == request && node_id_equal(&l->of.to, to);

	return is_it ? &b->ledger.entries[handle] : NULL;
}

/* The upper half of the largest free run; all of it when it is one number, and there is need. */
static bool pick_half(const struct blocks *b, const struct space *s, bool early, ms_t now,
		      struct span *ret)
{
	struct span best = { 0 }, own, run;
	bool any = false;

	for (uint32_t i = 0; asking_own_run(b, s, &i, &own); i++) {
		if (!pool_free_run(&s->pool, own, now, &run) ||
		    (any && run.last - run.first <= best.last - best.first))
			continue;
		best = run;
		any = true;
	}
	if (!any || (early && best.first == best.last))
		return false;
	ret->first = best.first + (best.last - best.first + 1) / 2;
	ret->last = best.last;

	return true;
}

static bool pick_exact(const struct blocks *b, const struct space *s, uint64_t number, ms_t now,
		       struct span *ret)
{
	const struct title *title = titles_at(ledger_space(&b->ledger, &s->id), number);

	*ret = (struct span){ number, number };

	return title && !title->frozen && pool_free_run(&s->pool, *ret, now, &(struct span){ 0 });
}

/* Return: NONE_FREE and so on, or -1 and what to give. */
static int decide(struct blocks *b, struct space *s, const block_Ask *m, ms_t now, struct span *ret)
{
	uint64_t owned, left;

	if (!b->ready)
		return block_Refusal_NOT_READY;
	if (m->exact) {
		const struct title *t = titles_at(ledger_space(&b->ledger, &s->id), m->number);

		if (!t || !node_id_equal(title_owner(t), engine_id(b->engine)))
			return block_Refusal_NOT_MINE;
		return pick_exact(b, s, m->number, now, ret) ? -1 : block_Refusal_IN_USE;
	}
	left = count_free(b, s, &owned);
	if (m->early && left < (s->bounds.last - s->bounds.first) / 8)
		return block_Refusal_SCARCE;

	return pick_half(b, s, m->early, now, ret) ? -1 : block_Refusal_NONE_FREE;
}

static void answer(struct blocks *b, struct space *s, const struct origin *o, const block_Ask *m,
		   ms_t now)
{
	const struct ledger_entry *before = answered(b, &o->from.id, m->request);
	const struct titles *t = ledger_space(&b->ledger, &s->id);
	uint32_t handle;
	struct span run;
	int why;

	if (before) {
		send_link(b, &o->from, before);
		return;
	}
	why = decide(b, s, m, now, &run);
	/* It is on the disk before it is on the wire. */
	if (why < 0 && blocks_transfer(b, titles_at(t, run.first)->by, run, &o->from.id,
				       m->generation, m->request, false, now, &handle) >= 0)
		send_link(b, &o->from, &b->ledger.entries[handle]);
	else
		refuse(b, &o->from, m->request,
		       why < 0 ? block_Refusal_NOT_READY : (block_Refusal)why);
}

static void refused(struct blocks *b, const struct origin *o, const block_Refuse *m, ms_t now)
{
	for (uint32_t i = 0; i < b->n_spaces; i++) {
		struct ask *a = &b->spaces[i].ask;

		if (a->active && a->request == m->request &&
		    node_id_equal(&a->tried[a->n_tried - 1], &o->from.id))
			ask_next(b, &b->spaces[i], now);
	}
}

void asking_gained(struct blocks *b, struct space *s, const struct link *l, ms_t now)
{
	if (s->ask.active && l->of.request == s->ask.request)
		end(b, s, false, now);
}

void asking_receive(struct blocks *b, const struct origin *o, const struct part *p, ms_t now)
{
	union {
		block_Ask ask;
		block_Refuse refuse;
	} m;
	struct link_id id;
	struct space *s;

	if (p->kind == PART_REFUSE && part_message(p, block_Refuse_fields, &m.refuse)) {
		refused(b, o, &m.refuse, now);
	} else if (p->kind == PART_ASK && part_message(p, block_Ask_fields, &m.ask)) {
		memcpy(id.b, m.ask.space, LINK_ID_LEN);
		s = blocks_space(b, &id);
		if (s)
			answer(b, s, o, &m.ask, now);
	} else {
		engine_counters(b->engine)->bad_part++;
	}
}
