/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blocks - numbers that every node gives out by itself, and nobody gives twice */
#include "overlay/blocks.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "overlay/asking.h"
#include "overlay/blocks-private.h"
#include "overlay/block.pb.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/spread.h"

#define SPREAD_SENDS 4 /* of an entry by one node; comparison brings what got lost */
#define SPREAD_FIRST 3 /* members that are told at once */

/* ---- ids ------------------------------------------------------------------- */

static uint32_t id_place(const struct id_set *s, const struct node_id *id)
{
	uint32_t low = 0, high = s->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (node_id_cmp(&s->v[mid], id) < 0)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

bool id_set_has(const struct id_set *s, const struct node_id *id)
{
	uint32_t at = id_place(s, id);

	return at < s->n && node_id_equal(&s->v[at], id);
}

int id_set_add(struct id_set *s, const struct node_id *id)
{
	uint32_t at = id_place(s, id);

	if (at < s->n && node_id_equal(&s->v[at], id))
		return 0;
	if (s->n == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 16;
		struct node_id *v = realloc(s->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = *id;
	s->n++;

	return 0;
}

/* ---- spaces ---------------------------------------------------------------- */

/* This node's view of a space of the ledger; made when it is needed first. */
static int find_space(struct blocks *b, const struct link_id *id, struct space **ret, struct err *e)
{
	const struct titles *t = ledger_space(&b->ledger, id);
	struct space *spaces;

	if (!t)
		return err_sys(e, ENOENT, "blocks: this node knows of no such space");
	for (uint32_t i = 0; i < b->n_spaces; i++) {
		if (link_id_equal(&b->spaces[i].id, id)) {
			*ret = &b->spaces[i];
			return 0;
		}
	}
	spaces = realloc(b->spaces, (b->n_spaces + 1) * sizeof(*spaces));
	if (!spaces)
		return err_sys(e, ENOMEM, "blocks: note a space");
	b->spaces = spaces;
	*ret = &spaces[b->n_spaces++];
	**ret = (struct space){ .id = *id, .bounds.last = titles_last(t), .pool.rest = POOL_REST };

	return 0;
}

struct space *blocks_space(struct blocks *b, const struct link_id *id)
{
	struct space *s;

	return find_space(b, id, &s, NULL) == 0 ? s : NULL;
}

const uint8_t *blocks_key(const struct blocks *b)
{
	const struct members *t = engine_members(b->engine);

	return members_at(t, members_find(t, engine_id(b->engine)))->profile->key;
}

void blocks_event(struct blocks *b, uint16_t kind, const struct node_id *node,
		  const struct block_event *more, ms_t now)
{
	const struct event ev = { .kind = kind,
				  .node = node ? *node : *engine_id(b->engine),
				  .more = more };

	engine_event(b->engine, &ev, now);
}

void blocks_pass_on(struct blocks *b, uint32_t handle, ms_t now)
{
	spread_add(engine_spread(b->engine), 0, SPREAD_BLOCK, handle, SPREAD_SENDS, SPREAD_FIRST,
		   now);
}

/* ---- links in -------------------------------------------------------------- */

/* What this node uses and does not own any more is somebody else's. */
static void drop_lost(struct blocks *b, struct space *s, ms_t now)
{
	const struct titles *t = ledger_space(&b->ledger, &s->id);
	const struct pool_entry *entry;
	uint64_t number = 0;

	while ((entry = pool_from(&s->pool, number)) != NULL) {
		struct block_event more = { .space = s->id,
					    .run = { entry->number, entry->number } };

		number = entry->number;
		if (!node_id_equal(title_owner(titles_at(t, number)), engine_id(b->engine)) &&
		    pool_drop(&s->pool, number))
			blocks_event(b, EVENT_BLOCK_LOST, NULL, &more, now);
		if (number++ == UINT64_MAX)
			return;
	}
}

static void tell_of_link(struct blocks *b, const struct link *l, bool froze, ms_t now)
{
	struct block_event more = { .space = l->of.space, .run = { l->of.first, link_last(l) } };

	if (froze)
		blocks_event(b, EVENT_BLOCK_FROZEN, NULL, &more, now);
	if (node_id_equal(&l->of.to, engine_id(b->engine)) && !l->of.settles)
		blocks_event(b, EVENT_BLOCK_GAINED, NULL, &more, now);
}

int blocks_take_in(struct blocks *b, struct link *l, uint64_t from, ms_t now)
{
	const struct node_id *self = engine_id(b->engine);
	bool ours = node_id_equal(&l->by, self) || node_id_equal(&l->of.to, self);
	struct link_id space = l->of.space;
	bool mine_from_another = node_id_equal(&l->by, self) && from != 0 &&
				 l->of.sequence > b->ledger.own_sequence;
	uint32_t handle = MARKS_NONE;
	const struct link *in;
	struct space *s;
	int r;

	r = ledger_add_link(&b->ledger, l, ours ? STORE_DURABLE : STORE_LAZY, &handle);
	if (r < 0)
		return r;
	blocks_pass_on(b, handle, now);
	asking_given(b, handle);
	if (mine_from_another)
		blocks_event(b, EVENT_BLOCKS_RESTORED, NULL, NULL, now);
	in = b->ledger.entries[handle].link;
	s = blocks_space(b, &space);
	if (s) {
		drop_lost(b, s, now);
		asking_gained(b, s, in, now);
	}
	tell_of_link(b, in, r == 1, now);
	forgetting_heard(b, in, now);

	return r;
}

int blocks_transfer(struct blocks *b, const struct link *parent, struct span run,
		    const struct node_id *to, uint32_t generation, uint64_t request, bool settles,
		    ms_t now, uint32_t *handle)
{
	const struct transfer of = { .space = parent->of.space,
				     .parent = parent->id,
				     .first = run.first,
				     .count = run.last - run.first + 1,
				     .epoch = parent->of.epoch + 1,
				     .to = *to,
				     .generation = generation,
				     .request = request,
				     .sequence = b->ledger.own_sequence + 1,
				     .settles = settles };
	struct link *l = link_make(engine_env(b->engine), blocks_key(b), &of);
	int r = l ? blocks_take_in(b, l, 0, now) : -ENOMEM;

	if (r >= 0 && handle)
		*handle = b->ledger.n - 1;

	return r;
}

/* ---- the module ------------------------------------------------------------ */

static void receive_link(struct blocks *b, const struct origin *o, const struct part *p, ms_t now)
{
	struct link *l;
	int r = link_read(engine_env(b->engine), p->body, p->len, &l);

	if (r == 0)
		(void)blocks_take_in(b, l, node_id_short(&o->from.id), now);
	else if (r == -EKEYREJECTED)
		engine_counters(b->engine)->forged++;
	else
		engine_counters(b->engine)->bad_part++;
}

static void receive(void *self, const struct origin *o, const struct part *p, ms_t now)
{
	struct blocks *b = self;

	switch (p->kind) {
	case PART_LINK:
		receive_link(b, o, p, now);
		break;
	case PART_ASK:
	case PART_REFUSE:
		asking_receive(b, o, p, now);
		break;
	case PART_MEET:
	case PART_MET:
		meeting_receive(b, o, p, now);
		break;
	case PART_FORGET:
	case PART_FORGET_ACK:
		forgetting_receive(b, o, p, now);
		break;
	case PART_COMPARE:
	case PART_HAVE:
	case PART_WANT:
		set_sync_receive(&b->sync, o, p, now);
		break;
	default:
		engine_counters(b->engine)->unknown_part++;
	}
}

static void tick(void *self, ms_t now)
{
	struct blocks *b = self;

	if (!b->begun)
		return;
	meeting_tick(b, now);
	forgetting_tick(b, now);
	for (uint32_t i = 0; i < b->n_spaces; i++)
		asking_tick(b, &b->spaces[i], now);
}

static ms_t deadline(const void *self)
{
	const struct blocks *b = self;
	ms_t first = forgetting_deadline(b);

	if (!b->ready && b->meet_next < first)
		first = b->meet_next;
	for (uint32_t i = 0; i < b->n_spaces; i++)
		if (b->spaces[i].ask.active && b->spaces[i].ask.next < first)
			first = b->spaces[i].ask.next;

	return b->begun ? first : MS_NEVER;
}

static size_t greet(void *self, const struct node_id *to, uint8_t *buf, size_t cap)
{
	const struct blocks *b = self;

	(void)to;

	return set_sync_greet(&b->sync, buf, cap);
}

static void greeted(void *self, const struct origin *o, const uint8_t *greeting, size_t len,
		    ms_t now)
{
	struct blocks *b = self;

	set_sync_greeted(&b->sync, o, greeting, len, now);
}

static void member(void *self, const struct event *ev, ms_t now)
{
	struct blocks *b = self;

	if (ev->kind == EVENT_MEMBER_JOINED)
		set_sync_joined(&b->sync, &ev->node, now);
}

static void restore(void *self, const struct record *r)
{
	struct blocks *b = self;

	if (r->kind == RECORD_FORGET_ACK)
		forgetting_restore(b, r);
	else
		ledger_restore(&b->ledger, r);
}

const struct module_ops blocks_ops = {
	.name = "blocks",
	.first_kind = PART_LINK,
	.last_kind = PART_WANT,
	.receive = receive,
	.tick = tick,
	.deadline = deadline,
	.greet = greet,
	.greeted = greeted,
	.member = member,
	.first_record = RECORD_LINK,
	.last_record = RECORD_FORGET_ACK,
	.restore = restore,
};

static int render(void *self, uint32_t key, struct part_writer *w)
{
	const struct blocks *b = self;

	return ledger_put(&b->ledger.entries[key], w);
}

struct blocks *blocks_new(struct engine *e)
{
	struct blocks *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->engine = e;
	ledger_init(&b->ledger, e);
	ledger_sync_init(&b->sync, &b->ledger);
	spread_set_source(engine_spread(e), SPREAD_BLOCK,
			  (struct spread_source){ .render = render, .self = b });

	return b;
}

void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->n_spaces; i++)
		pool_clear(&b->spaces[i].pool);
	free(b->spaces);
	free(b->met.from.v);
	forgetting_clear(b);
	set_sync_clear(&b->sync);
	marks_clear(&b->answers);
	ledger_clear(&b->ledger);
	free(b);
}

static bool is_forgotten(void *ctx, const struct node_id *id, uint32_t generation)
{
	const struct blocks *b = ctx;

	return ledger_is_forgotten(&b->ledger, id, generation, true);
}

void blocks_begin(struct blocks *b, enum blocks_start how, ms_t now)
{
	members_set_forgotten(engine_members(b->engine),
			      (struct members_forgotten){ .is = is_forgotten, .ctx = b });
	(void)ledger_restored(&b->ledger);
	for (uint32_t i = 0; i < b->ledger.n; i++)
		asking_given(b, i);
	b->begun = true;
	b->ready = how != BLOCKS_REBOOT;
	if (!b->ready)
		meeting_begin(b, now);
	forgetting_begin(b, now);
}

bool blocks_ready(const struct blocks *b)
{
	return b->ready;
}

const struct ledger *blocks_ledger(const struct blocks *b)
{
	return &b->ledger;
}

/* ---- founding, taking, releasing ------------------------------------------- */

int blocks_found(struct blocks *b, uint64_t count, struct link_id *ret, ms_t now, struct err *e)
{
	const struct env *env = engine_env(b->engine);
	struct transfer of = { .count = count,
			       .to = *engine_id(b->engine),
			       .generation = engine_generation(b->engine),
			       .sequence = b->ledger.own_sequence + 1 };
	struct link_id id;
	struct link *l;
	int r;

	env->ops->random(env->ctx, of.nonce, sizeof(of.nonce));
	l = link_make(env, blocks_key(b), &of);
	if (!l)
		return err_sys(e, ENOMEM, "blocks: found a space");
	id = l->id;
	r = blocks_take_in(b, l, 0, now);
	if (r < 0)
		return err_sys(e, -r, "blocks: found a space");
	*ret = id;

	return 0;
}

int blocks_set_bounds(struct blocks *b, const struct link_id *space, struct span bounds,
		      struct err *e)
{
	struct space *s;
	int r = find_space(b, space, &s, e);

	if (r == 0)
		s->bounds = bounds;

	return r;
}

static int need_ready(const struct blocks *b, struct err *e)
{
	return b->ready
		       ? 0
		       : err_say(e, EBUSY,
				 "after a reboot this node gives no address before it has "
				 "met all members, and %u are missing; forget those that are gone, "
				 "or start it with --alone if its disk is no backup",
				 blocks_unmet(b));
}

int blocks_take(struct blocks *b, const struct link_id *space, uint64_t *ret, ms_t now,
		struct err *e)
{
	struct span own;
	uint64_t number;
	struct space *s;
	int r;

	if ((r = find_space(b, space, &s, e)) < 0 || (r = need_ready(b, e)) < 0)
		return r;
	pool_tidy(&s->pool, now);
	for (uint32_t i = 0; asking_own_run(b, s, &i, &own); i++) {
		if (!pool_lowest(&s->pool, own, now, &number))
			continue;
		r = pool_take(&s->pool, number, now);
		if (r < 0)
			return err_sys(e, -r, "blocks: take an address");
		*ret = number;
		asking_prefetch(b, s, now);
		return 0;
	}
	asking_begin(b, s, NULL, now);

	return err_sys(e, EAGAIN, "blocks: this node has no free address left, and asks others");
}

int blocks_take_exact(struct blocks *b, const struct link_id *space, uint64_t number, ms_t now,
		      struct err *e)
{
	const struct title *title;
	struct space *s;
	int r;

	if ((r = find_space(b, space, &s, e)) < 0 || (r = need_ready(b, e)) < 0)
		return r;
	title = titles_at(ledger_space(&b->ledger, space), number);
	if (!title)
		return err_sys(e, ERANGE, "blocks: the address is not in the subnet");
	if (title->frozen)
		return err_sys(e, EADDRINUSE, "blocks: two nodes claim the address");
	if (!node_id_equal(title_owner(title), engine_id(b->engine))) {
		asking_begin(b, s, &number, now);
		return err_sys(e, EAGAIN, "blocks: another node has the address, and is asked");
	}
	r = pool_take(&s->pool, number, now);

	return r == -EBUSY
		       ? err_sys(e, EADDRINUSE, "blocks: the address is in use, or was just now")
		       : r;
}

int blocks_hold(struct blocks *b, const struct link_id *space, uint64_t number, struct err *e)
{
	const struct title *title;
	struct space *s;
	int r = find_space(b, space, &s, e);

	if (r < 0)
		return r;
	title = titles_at(ledger_space(&b->ledger, space), number);
	if (!title || !node_id_equal(title_owner(title), engine_id(b->engine)))
		return err_sys(e, EPERM, "blocks: the address is not this node's any more");

	return pool_hold(&s->pool, number);
}

int blocks_release(struct blocks *b, const struct link_id *space, uint64_t number, ms_t now)
{
	struct space *s;
	int r = find_space(b, space, &s, NULL);

	return r < 0 ? r : pool_release(&s->pool, number, now);
}

/* ---- an operator's word ---------------------------------------------------- */

/* Calls @what for every run that this node owns, of one space or, NULL, of all. */
static int each_own_run(struct blocks *b, const struct link_id *space,
			int (*what)(struct blocks *b, const struct title *run, ms_t now), ms_t now)
{
	const struct ledger *l = &b->ledger;
	int done = 0;

	for (uint32_t i = 0; i < l->n_spaces; i++) {
		const struct titles *t = &l->spaces[i];

		if (space && !link_id_equal(&t->links[0]->id, space))
			continue;
		for (uint64_t at = 0; at <= titles_last(t);) {
			struct title run = *titles_at(t, at);

			if (node_id_equal(title_owner(&run), engine_id(b->engine)))
				done += what(b, &run, now);
			if (run.last == titles_last(t))
				break;
			at = run.last + 1;
		}
	}

	return done;
}

static int settle_run(struct blocks *b, const struct title *run, ms_t now)
{
	return run->frozen && blocks_transfer(b, run->by, (struct span){ run->first, run->last },
					      engine_id(b->engine), engine_generation(b->engine), 0,
					      true, now, NULL) >= 0;
}

int blocks_settle(struct blocks *b, const struct link_id *space, ms_t now, struct err *e)
{
	if (!ledger_space(&b->ledger, space))
		return err_sys(e, ENOENT, "blocks: this node knows of no such space");

	return each_own_run(b, space, settle_run, now);
}

static int give_run(struct blocks *b, const struct title *run, ms_t now)
{
	struct members *t = engine_members(b->engine);
	uint8_t buf[LINK_BYTES_MAX + PART_HEADER];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct peer heir;
	uint32_t handle;

	if (members_pick(t, 1, NULL, &heir) == 0 ||
	    blocks_transfer(b, run->by, (struct span){ run->first, run->last }, &heir.id,
			    members_at(t, members_find(t, &heir.id))->generation, 0, false, now,
			    &handle) < 0)
		return 0;
	if (ledger_put(&b->ledger.entries[handle], &w))
		engine_stream(b->engine, &heir, &w);

	return 1;
}

int blocks_hand_over(struct blocks *b, ms_t now)
{
	return each_own_run(b, NULL, give_run, now);
}
