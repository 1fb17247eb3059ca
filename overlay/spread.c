/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spread - the queue of what this node passes on
 *
 * Items live in one pool.  Those of one (scope, class) form a lane, which has
 * a list for each number of times that its items have been sent, so that the
 * least sent is found without a search; an item is found by name in a hash.
 */
#include "overlay/spread.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/spread-private.h"

#define NONE UINT32_MAX

static uint32_t hash_name(const struct spread *s, uint16_t lane, uint32_t key)
{
	uint64_t h = ((uint64_t)lane << 32 | key) * 0x9e3779b97f4a7c15U;

	return (uint32_t)(h >> 32) & (s->hash_len - 1);
}

static uint32_t find_item(const struct spread *s, uint16_t lane, uint32_t key)
{
	uint32_t i;

	if (s->hash_len == 0)
		return NONE;
	for (i = s->hash[hash_name(s, lane, key)]; i != NONE; i = s->items[i].same_hash)
		if (s->items[i].key == key && s->items[i].lane == lane)
			break;
	return i;
}

static uint16_t find_lane(const struct spread *s, uint16_t scope, enum spread_class class)
{
	uint16_t i;

	for (i = 0; i < s->n_lanes; i++)
		if (s->lanes[i].scope == scope && s->lanes[i].class == class)
			break;
	return i;
}

/* The lane of (scope, class), made when it is not there.  Return: its index, n_lanes without
 * memory. */
static uint16_t need_lane(struct spread *s, uint16_t scope, enum spread_class class)
{
	uint16_t i = find_lane(s, scope, class);
	struct spread_lane *more;

	if (i < s->n_lanes)
		return i;
	more = realloc(s->lanes, (i + 1U) * sizeof(*more));
	if (!more)
		return i;

	s->lanes = more;
	s->lanes[i] = (struct spread_lane){ .scope = scope, .class = (uint8_t) class };
	for (unsigned int n = 0; n < SPREAD_LIMIT; n++)
		s->lanes[i].head[n] = NONE;
	s->n_lanes++;
	return i;
}

/* ---- lists ------------------------------------------------------------------ */

/* Youngest first. */
static void link_item(struct spread *s, uint32_t i)
{
	struct spread_item *item = &s->items[i];
	struct spread_lane *lane = &s->lanes[item->lane];
	uint32_t *head = &lane->head[item->sends];

	item->prev = NONE;
	item->next = *head;
	if (*head != NONE)
		s->items[*head].prev = i;
	*head = i;
	lane->sends_used |= 1U << item->sends;
	lane->n++;
}

static void unlink_item(struct spread *s, uint32_t i)
{
	struct spread_item *item = &s->items[i];
	struct spread_lane *lane = &s->lanes[item->lane];

	if (item->prev != NONE)
		s->items[item->prev].next = item->next;
	else
		lane->head[item->sends] = item->next;
	if (item->next != NONE)
		s->items[item->next].prev = item->prev;
	if (lane->head[item->sends] == NONE)
		lane->sends_used &= ~(1U << item->sends);
	lane->n--;
}

static void unhash_item(struct spread *s, uint32_t i)
{
	uint32_t *at = &s->hash[hash_name(s, s->items[i].lane, s->items[i].key)];

	while (*at != i)
		at = &s->items[*at].same_hash;
	*at = s->items[i].same_hash;
}

/* An item that is in no list any more. */
static void free_item(struct spread *s, uint32_t i)
{
	unhash_item(s, i);
	s->items[i].used = false;
	s->items[i].next = s->free;
	s->free = i;
	s->n--;
}

/* ---- pool ------------------------------------------------------------------- */

static void hash_again(struct spread *s)
{
	for (uint32_t i = 0; i < s->hash_len; i++)
		s->hash[i] = NONE;
	for (uint32_t i = 0; i < s->cap; i++) {
		struct spread_item *item = &s->items[i];
		uint32_t *head;

		if (!item->used)
			continue;
		head = &s->hash[hash_name(s, item->lane, item->key)];
		item->same_hash = *head;
		*head = i;
	}
}

/* Room for more; without memory what is new is not spread, and anti-entropy brings it. */
static bool grow(struct spread *s)
{
	uint32_t cap = s->cap ? s->cap * 2 : 16;
	struct spread_item *items = realloc(s->items, cap * sizeof(*items));
	uint32_t *hash;

	if (!items)
		return false;
	s->items = items;
	hash = realloc(s->hash, cap * sizeof(*hash));
	if (!hash)
		return false;
	s->hash = hash;

	for (uint32_t i = s->cap; i < cap; i++)
		items[i] = (struct spread_item){ .next = i + 1 < cap ? i + 1 : NONE };
	s->free = s->cap;
	s->cap = s->hash_len = cap;
	hash_again(s);
	return true;
}

static uint32_t new_item(struct spread *s, uint16_t lane, uint32_t key)
{
	uint32_t i, *head;

	if (s->free == NONE && !grow(s))
		return NONE;

	i = s->free;
	s->free = s->items[i].next;
	head = &s->hash[hash_name(s, lane, key)];
	s->items[i] =
		(struct spread_item){ .key = key, .lane = lane, .used = true, .same_hash = *head };
	*head = i;
	s->n++;
	return i;
}

/* ---- what callers see ------------------------------------------------------- */

struct spread *spread_new(struct engine *e)
{
	struct spread *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->engine = e;
	s->free = NONE;
	s->tokens = engine_settings(e)->gossip_rate;
	return s;
}

void spread_free(struct spread *s)
{
	if (!s)
		return;
	free(s->items);
	free(s->hash);
	free(s->lanes);
	free(s);
}

void spread_set_source(struct spread *s, enum spread_class class, struct spread_source source)
{
	assert(class < SPREAD_CLASSES);
	s->sources[class] = source;
}

void spread_set_targets(struct spread *s, uint16_t scope, struct spread_targets targets)
{
	assert(scope < SPREAD_SCOPES);
	s->targets[scope] = targets;
}

/*
 * The flush after @now.  A tick comes at the same phase again and again, whether
 * or not there is something to send.
 */
static ms_t next_flush(const struct spread *s, ms_t now)
{
	const struct settings *set = engine_settings(s->engine);

	if (!set->gossip_tick)
		return now + set->gossip_gap;
	return s->next + (now - s->next) / set->gossip_gap * set->gossip_gap + set->gossip_gap;
}

/* Whether somebody waits for the lane's next flush: its scope is small, and all of it is told. */
static bool is_wide(const struct spread *s, const struct spread_lane *lane)
{
	const struct settings *set = engine_settings(s->engine);

	return !set->gossip_tick && lane->fanout > set->gossip_fanout;
}

void spread_add(struct spread *s, uint16_t scope, enum spread_class class, uint32_t key,
		unsigned int limit, unsigned int fanout, ms_t now)
{
	uint16_t lane = need_lane(s, scope, class);
	unsigned int left;
	uint32_t i;

	if (lane == s->n_lanes)
		return;
	if (s->n == 0 && engine_settings(s->engine)->gossip_tick && s->next <= now)
		s->next = next_flush(s, now);
	i = find_item(s, lane, key);
	if (i != NONE)
		unlink_item(s, i);
	else
		i = new_item(s, lane, key);
	if (i == NONE)
		return;

	left = s->items[i].limit - s->items[i].sends;
	if (limit > left)
		left = limit < SPREAD_LIMIT ? limit : SPREAD_LIMIT;
	s->items[i].sends = 0;
	s->items[i].limit = (uint8_t)left;
	s->items[i].born = now;
	if (fanout > s->lanes[lane].fanout)
		s->lanes[lane].fanout = (uint8_t)fanout;
	if (is_wide(s, &s->lanes[lane]))
		s->wide_due = now;
	link_item(s, i);
}

void spread_drop(struct spread *s, uint16_t scope, enum spread_class class, uint32_t key)
{
	uint16_t lane = find_lane(s, scope, class);
	uint32_t i = lane < s->n_lanes ? find_item(s, lane, key) : NONE;

	if (i == NONE)
		return;
	unlink_item(s, i);
	free_item(s, i);
}

size_t spread_backlog(const struct spread *s)
{
	return s->n;
}

/* ---- filling ---------------------------------------------------------------- */

/* Items that were rendered into this datagram wait here, so that none is met twice. */
static void settle_sent(struct spread *s, uint32_t sent)
{
	while (sent != NONE) {
		struct spread_item *item = &s->items[sent];
		uint32_t next = item->next;

		if (++item->sends >= item->limit) {
			free_item(s, sent);
		} else {
			link_item(s, sent);
		}
		sent = next;
	}
}

/*
 * One list of a lane, until nothing fits.  Small items behind one that does
 * not fit are not looked for: they are first in the next datagram.
 * Return: whether there may be room for more.
 */
static bool fill_from_list(struct spread *s, const struct spread_lane *lane, unsigned int sends,
			   struct part_writer *w, uint32_t *sent)
{
	const struct spread_source *source = &s->sources[lane->class];
	uint32_t i, next;

	for (i = lane->head[sends]; i != NONE; i = next) {
		int r = source->render(source->self, s->items[i].key, w);

		next = s->items[i].next;
		if (r == 0)
			return false;
		unlink_item(s, i);
		if (r < 0) {
			free_item(s, i);
			continue;
		}
		s->items[i].next = *sent;
		*sent = i;
	}
	return true;
}

/* @lists: of items that were sent less often than that. */
static void fill_from_lane(struct spread *s, struct spread_lane *lane, unsigned int lists,
			   struct part_writer *w)
{
	struct part_writer part = *w;
	uint32_t sent = NONE;

	if (lane->class == SPREAD_MEMBER && part.cap > part.len + DATAGRAM_ROOM / 2)
		part.cap = part.len + DATAGRAM_ROOM / 2;
	for (unsigned int n = 0; n < lists; n++)
		if (lane->sends_used >> n & 1 && !fill_from_list(s, lane, n, &part, &sent))
			break;
	w->len = part.len;
	settle_sent(s, sent);
}

static void fill_scope(struct spread *s, uint16_t scope, unsigned int lists, struct part_writer *w)
{
	for (unsigned int class = 0; class < SPREAD_CLASSES; class ++) {
		uint16_t lane = find_lane(s, scope, class);

		if (lane < s->n_lanes && s->lanes[lane].n > 0)
			fill_from_lane(s, &s->lanes[lane], lists, w);
	}
}

void spread_fill(struct spread *s, uint16_t scope, struct part_writer *w)
{
	if (s->n == 0)
		return;
	if (scope != 0)
		fill_scope(s, scope, SPREAD_LIMIT, w);
	fill_scope(s, 0, SPREAD_LIMIT, w);
}

/* ---- flushing --------------------------------------------------------------- */

/* Drop what waited too long: whoever lacks it has it from anti-entropy by now. */
static void drop_old(struct spread *s, ms_t now)
{
	for (uint32_t i = 0; i < s->cap; i++)
		if (s->items[i].used && now - s->items[i].born > SPREAD_AGE) {
			unlink_item(s, i);
			free_item(s, i);
		}
}

/* To how many a scope is flushed: to more, once, when something was added that wants it. */
static unsigned int take_fanout(struct spread *s, uint16_t scope)
{
	unsigned int fanout = engine_settings(s->engine)->gossip_fanout;

	for (uint16_t i = 0; i < s->n_lanes; i++) {
		if (s->lanes[i].scope != scope || s->lanes[i].n == 0)
			continue;
		if (s->lanes[i].fanout > fanout)
			fanout = s->lanes[i].fanout;
		s->lanes[i].fanout = 0;
	}
	return fanout < SPREAD_FANOUT ? fanout : SPREAD_FANOUT;
}

/*
 * @fresh: no more than what was added since the last flush of the scope: the i-th datagram has
 * what the ones before it have told to i others.
 */
static void flush_scope(struct spread *s, uint16_t scope, bool fresh, ms_t now)
{
	struct spread_targets *targets = &s->targets[scope];
	struct peer to[SPREAD_FANOUT];
	size_t n = 0;

	if (targets->pick)
		n = targets->pick(targets->self, scope, take_fanout(s, scope), to, now);
	for (size_t i = 0; i < n && s->n > 0; i++) {
		uint8_t buf[DATAGRAM_ROOM];
		struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

		if (fresh)
			fill_scope(s, scope, (unsigned int)i + 1, &w);
		else
			spread_fill(s, scope, &w);
		if (w.len == 0)
			break;
		s->tokens -= (int64_t)w.len + FRAME_OVERHEAD;
		engine_send_as_is(s->engine, &to[i], &w);
	}
}

static void mark_flushed(struct spread *s, uint16_t scope)
{
	for (uint16_t i = 0; i < s->n_lanes; i++)
		if (s->lanes[i].scope == scope)
			s->lanes[i].flushed = s->next;
}

static void refill_tokens(struct spread *s, ms_t now)
{
	int64_t rate = engine_settings(s->engine)->gossip_rate;
	ms_t passed = now - s->filled_at;

	/* No more than a second's worth is saved up. */
	s->tokens += passed > 1000 ? rate : rate * (int64_t)passed / 1000;
	if (s->tokens > rate)
		s->tokens = rate;
	s->filled_at = now;
}

static void refill_wide(struct spread *s, ms_t now)
{
	int64_t rate = SPREAD_WIDE * (int64_t)engine_settings(s->engine)->gossip_rate;
	ms_t passed = now - s->wide_filled_at;

	s->wide_tokens += passed > 1000 ? rate : rate * (int64_t)passed / 1000;
	if (s->wide_tokens > rate)
		s->wide_tokens = rate;
	s->wide_filled_at = now;
}

/*
 * Only bytes bound it, so that a container is not waited for because of those before it; and
 * other bytes than those of what is repeated, or a burst of containers would silence that.
 */
static void flush_wide(struct spread *s, ms_t now)
{
	int64_t tokens = s->tokens;

	s->wide_due = MS_NEVER;
	refill_wide(s, now);
	for (uint16_t i = 0; i < s->n_lanes && s->wide_tokens > 0; i++) {
		if (s->lanes[i].n == 0 || !is_wide(s, &s->lanes[i]))
			continue;
		flush_scope(s, s->lanes[i].scope, true, now);
		s->wide_tokens -= tokens - s->tokens;
		s->tokens = tokens;
	}
}

void spread_tick(void *self, ms_t now)
{
	struct spread *s = self;

	if (s->n > 0 && now < s->next && now >= s->wide_due)
		flush_wide(s, now);
	if (s->n == 0 || now < s->next)
		return;
	refill_tokens(s, now);
	s->next = next_flush(s, now);
	if (s->tokens <= 0)
		return;

	if (now - s->aged_at >= SPREAD_AGE / 4) {
		drop_old(s, now);
		s->aged_at = now;
	}
	/* Lanes of one scope go out together. */
	for (uint16_t i = 0; i < s->n_lanes; i++)
		if (s->lanes[i].n > 0 && s->lanes[i].flushed != s->next) {
			mark_flushed(s, s->lanes[i].scope);
			flush_scope(s, s->lanes[i].scope, false, now);
		}
}

ms_t spread_deadline(const void *self)
{
	const struct spread *s = self;

	if (s->n == 0)
		return MS_NEVER;

	return s->wide_due < s->next ? s->wide_due : s->next;
}

void spread_start(struct spread *s, ms_t now)
{
	const struct settings *set = engine_settings(s->engine);

	s->filled_at = s->aged_at = s->wide_filled_at = now;
	s->next = now;
	s->wide_tokens = SPREAD_WIDE * (int64_t)set->gossip_rate;
	s->wide_due = MS_NEVER;
	if (set->gossip_tick)
		s->next += engine_random(s->engine, (uint32_t)set->gossip_gap);
}
