/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definitions-table - which definitions and removals there are, and who has a name */
#include <errno.h>
#include <stdlib.h>

#include <sodium.h>

#include "overlay/definitions-private.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/spread.h"

/* ---- entries --------------------------------------------------------------- */

static uint64_t mark_of_live(const struct definition_id *id)
{
	return mark_of(id->b, 0);
}

/* The id of a removal may be made up: nobody shall be able to choose what its mark hits. */
static uint64_t mark_of_removed(const struct definition_id *id)
{
	static const uint8_t prefix[] = "heddle removed 1";
	crypto_generichash_state hash;
	uint8_t h[DEFINITION_ID_LEN];

	crypto_generichash_init(&hash, NULL, 0, sizeof(h));
	crypto_generichash_update(&hash, prefix, sizeof(prefix));
	crypto_generichash_update(&hash, id->b, sizeof(id->b));
	crypto_generichash_final(&hash, h, sizeof(h));

	return mark_of(h, 0);
}

/* By chance, two entries may have one mark: the second one is taken to be there. */
static bool is_taken(const struct definitions *d, uint64_t mark)
{
	return marks_find(&d->marks, mark) != MARKS_NONE;
}

uint32_t definitions_live(const struct definitions *d, const struct definition_id *id)
{
	uint32_t at = marks_find(&d->marks, mark_of_live(id));
	const struct defined *live = at == MARKS_NONE ? NULL : d->entries[at].live;

	return live && definition_id_equal(&live->of.id, id) ? at : MARKS_NONE;
}

bool definitions_is_removed(const struct definitions *d, const struct definition_id *id)
{
	return is_taken(d, mark_of_removed(id));
}

/* Room for one more, so that nothing can fail once it is stored. */
static int reserve(struct definitions *d)
{
	uint32_t cap = d->cap ? 2 * d->cap : 16;
	struct definitions_entry *entries;

	if (d->free != MARKS_NONE)
		return 0;
	if (d->n == d->cap) {
		entries = realloc(d->entries, cap * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		d->entries = entries;
		d->cap = cap;
	}

	return marks_reserve(&d->marks, d->n);
}

static uint32_t new_entry(struct definitions *d)
{
	uint32_t handle = d->free;

	if (handle == MARKS_NONE)
		return d->n++;
	d->free = d->entries[handle].next_free;

	return handle;
}

static void put_live(struct definitions *d, uint32_t handle, struct defined *in)
{
	d->entries[handle] = (struct definitions_entry){ .live = in };
	marks_put(&d->marks, handle, mark_of_live(&in->of.id));
	d->counters.live++;
	d->bytes += in->len;
}

static struct defined *drop_live(struct definitions *d, uint32_t handle)
{
	struct defined *was = d->entries[handle].live;

	marks_drop(&d->marks, handle);
	d->entries[handle] = (struct definitions_entry){ .live = NULL };
	d->counters.live--;
	d->bytes -= was->len;

	return was;
}

static void put_removed(struct definitions *d, uint32_t handle, struct removal *in)
{
	d->entries[handle] = (struct definitions_entry){ .removed = in };
	marks_put(&d->marks, handle, mark_of_removed(&in->id));
	d->counters.removed++;
}

static void drop_removed(struct definitions *d, uint32_t handle)
{
	marks_drop(&d->marks, handle);
	free(d->entries[handle].removed);
	d->entries[handle].removed = NULL;
	d->counters.removed--;
}

static void free_entry(struct definitions *d, uint32_t handle)
{
	spread_drop(engine_spread(d->engine), 0, SPREAD_DEFINITION, handle);
	d->entries[handle].next_free = d->free;
	d->free = handle;
}

void definitions_table_clear(struct definitions *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		free(d->entries[i].live);
		free(d->entries[i].removed);
	}
	free(d->entries);
	marks_clear(&d->marks);
}

/* ---- the disk -------------------------------------------------------------- */

static int store(struct definitions *d, enum record_kind kind, const struct definition_id *id,
		 const uint8_t *bytes, uint32_t len, bool durable)
{
	const struct env *env = engine_env(d->engine);
	const struct record r = {
		.kind = kind, .key = id->b, .key_len = sizeof(id->b), .value = bytes, .len = len
	};
	int err = env->ops->store(env->ctx, &r, durable ? STORE_DURABLE : STORE_LAZY, NULL);

	d->counters.unstored += err < 0;

	return err;
}

/* What is not removed from the disk is found to be of no use at the next start. */
static void unstore(struct definitions *d, enum record_kind kind, const struct definition_id *id)
{
	(void)store(d, kind, id, NULL, 0, false);
}

/* ---- names ----------------------------------------------------------------- */

/* The older one; its author's clock may be wrong, but it is wrong everywhere alike. */
static bool wins_over(const struct definition *a, const struct definition *b)
{
	if (a->created != b->created)
		return a->created < b->created;

	return memcmp(a->id.b, b->id.b, sizeof(a->id.b)) < 0;
}

static bool is_named(const struct defined *live, uint8_t kind, const char *name)
{
	return live && live->of.kind == kind && strcmp(live->of.name, name) == 0;
}

uint32_t definitions_winner(const struct definitions *d, uint8_t kind, const char *name)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->entries[i].wins && is_named(d->entries[i].live, kind, name))
			return i;

	return MARKS_NONE;
}

/* Who has the name of a definition, or MARKS_NONE. */
static uint32_t namesake(const struct definitions *d, const struct definition *of)
{
	return definition_has_name(of->kind) ? definitions_winner(d, of->kind, of->name)
					     : MARKS_NONE;
}

/* A new one has its name, unless the one that has it wins over it. */
static void contend(struct definitions *d, uint32_t handle, uint32_t before)
{
	struct definitions_entry *e = &d->entries[handle];

	e->wins = before == MARKS_NONE || wins_over(&e->live->of, &d->entries[before].live->of);
	if (e->wins && before != MARKS_NONE)
		d->entries[before].wins = false;
}

/* The name of one that has gone is the next one's.  Return: whose, or MARKS_NONE. */
static uint32_t pass_name_on(struct definitions *d, const struct definition *gone)
{
	const struct definition *best = NULL;
	uint32_t at = MARKS_NONE;

	if (!gone->wins || !definition_has_name(gone->kind))
		return MARKS_NONE;
	for (uint32_t i = 0; i < d->n; i++) {
		const struct defined *live = d->entries[i].live;

		if (!is_named(live, gone->kind, gone->name) ||
		    (best && !wins_over(&live->of, best)))
			continue;
		best = &live->of;
		at = i;
	}
	if (at != MARKS_NONE)
		d->entries[at].wins = true;

	return at;
}

struct definition definitions_view(const struct definitions *d, uint32_t handle)
{
	struct definition of = d->entries[handle].live->of;

	of.wins = d->entries[handle].wins;

	return of;
}

/* ---- telling --------------------------------------------------------------- */

static void tell(struct definitions *d, ms_t now, uint16_t kind, const struct definition *of)
{
	engine_event(d->engine, &(struct event){ .kind = kind, .node = of->author, .more = of },
		     now);
}

static void tell_of(struct definitions *d, ms_t now, uint16_t kind, uint32_t handle)
{
	const struct definition of = definitions_view(d, handle);

	tell(d, now, kind, &of);
}

/* A live one leaves the table, and its name goes to the next one. */
static void lose(struct definitions *d, const struct definitions_source *by, uint32_t handle,
		 struct removal *instead)
{
	struct definition was = definitions_view(d, handle);
	struct defined *gone = drop_live(d, handle);
	uint32_t next;

	was.removed = instead != NULL;
	if (instead)
		put_removed(d, handle, instead);
	else
		free_entry(d, handle);
	next = pass_name_on(d, &was);
	if (!by->stored) {
		unstore(d, RECORD_DEFINITION, &was.id);
		tell(d, by->now, EVENT_UNDEFINED, &was);
		if (next != MARKS_NONE)
			tell_of(d, by->now, EVENT_NAME_WON, next);
	}
	free(gone);
}

/* ---- key orders ------------------------------------------------------------ */

/* There is one at most. */
static uint32_t find_order(const struct definitions *d)
{
	return definitions_winner(d, DEFINITION_KEY_ORDER, "");
}

int definitions_order_cmp(const struct definitions *d, const struct definition *of, int *ret)
{
	uint32_t at = find_order(d);
	struct key_order before, after;
	int r;

	if (!d->has_cluster_key)
		return -EKEYREJECTED;
	r = key_order_read(of->body, of->body_len, d->cluster_key, &after);
	if (r == 0 && at != MARKS_NONE)
		r = key_order_read(d->entries[at].live->of.body, KEY_ORDER_LEN, d->cluster_key,
				   &before);
	if (r == 0)
		*ret = at == MARKS_NONE ? 1 : key_order_cmp(&after, &before);

	return r;
}

/* Of two definitions of one order, that of the lower id is kept. */
static int check_order(const struct definitions *d, const struct defined *in)
{
	int order, r = definitions_order_cmp(d, &in->of, &order);

	if (r < 0)
		return r;
	if (order == 0)
		order = memcmp(d->entries[find_order(d)].live->of.id.b, in->of.id.b,
			       sizeof(in->of.id.b));

	return order > 0 ? 0 : -EEXIST;
}

/* ---- taking in ------------------------------------------------------------- */

uint64_t definitions_wall(const struct definitions *d, ms_t now)
{
	return d->wall && now > d->wall_at ? d->wall + (now - d->wall_at) / 1000 : d->wall;
}

static bool has_expired(const struct definitions *d, uint64_t expires, ms_t now)
{
	return d->wall && expires <= definitions_wall(d, now);
}

int definitions_wants(const struct definitions *d, const struct defined *in, ms_t now)
{
	if (is_taken(d, mark_of_live(&in->of.id)))
		return -EEXIST;
	if (in->of.kind == DEFINITION_KEY_ORDER)
		return check_order(d, in);
	if (!definition_is_final(in->of.kind) && definitions_is_removed(d, &in->of.id))
		return -EALREADY;

	return has_expired(d, in->expires, now) ? -ETIME : 0;
}

int definitions_wants_removal(const struct definitions *d, const struct removal *in, ms_t now)
{
	if (definitions_is_removed(d, &in->id))
		return -EEXIST;

	return has_expired(d, in->expires, now) ? -ETIME : 0;
}

/* Others may have gone on in another half: there is twice as much room for what they did. */
static bool is_too_much(const struct definitions *d, size_t live, size_t bytes, bool own)
{
	const struct definitions_counters *c = &d->counters;
	unsigned int times = own ? 1 : 2;

	return c->live + live > times * DEFINITIONS_LIVE ||
	       d->bytes + bytes > (size_t)times * DEFINITIONS_BYTES ||
	       c->removed >= times * DEFINITIONS_REMOVED;
}

static int check_room(struct definitions *d, size_t live, size_t bytes,
		      const struct definitions_source *by)
{
	if (!by->stored && is_too_much(d, live, bytes, by->own)) {
		d->counters.too_much++;
		return -EDQUOT;
	}

	return reserve(d);
}

static void tell_of_gain(struct definitions *d, ms_t now, uint32_t handle, uint32_t before)
{
	const struct definition of = definitions_view(d, handle);

	tell(d, now, EVENT_DEFINED, &of);
	if (of.wins && before != MARKS_NONE)
		tell_of(d, now, EVENT_NAME_LOST, before);
}

static uint32_t insert(struct definitions *d, struct defined *in,
		       const struct definitions_source *by)
{
	uint32_t order = in->of.kind == DEFINITION_KEY_ORDER ? find_order(d) : MARKS_NONE;
	uint32_t before = namesake(d, &in->of);
	uint32_t handle = new_entry(d);

	put_live(d, handle, in);
	contend(d, handle, before);
	if (in->of.created > d->latest)
		d->latest = in->of.created;
	if (order != MARKS_NONE)
		lose(d, by, order, NULL);
	if (!by->stored)
		tell_of_gain(d, by->now, handle, before);

	return handle;
}

int definitions_take(struct definitions *d, struct defined *in, const struct definitions_source *by,
		     uint32_t *ret)
{
	int r = definitions_wants(d, in, by->now);

	if (r == 0)
		r = check_room(d, 1, in->len, by);
	if (r == 0 && !by->stored)
		r = store(d, RECORD_DEFINITION, &in->of.id, in->bytes, in->len, by->own);
	if (r < 0) {
		free(in);
		return r;
	}
	*ret = insert(d, in, by);

	return 0;
}

int definitions_take_removal(struct definitions *d, struct removal *in,
			     const struct definitions_source *by, uint32_t *ret)
{
	uint32_t handle = definitions_live(d, &in->id);
	int r = definitions_wants_removal(d, in, by->now);

	/* Those are never removed; whoever says so is heard, as it is said everywhere alike. */
	if (handle != MARKS_NONE && definition_is_final(d->entries[handle].live->of.kind))
		handle = MARKS_NONE;
	if (r == 0 && handle == MARKS_NONE)
		r = check_room(d, 0, 0, by);
	if (r == 0 && !by->stored)
		r = store(d, RECORD_REMOVAL, &in->id, in->bytes, in->len, by->own);
	if (r < 0) {
		free(in);
		return r;
	}
	if (handle == MARKS_NONE) {
		handle = new_entry(d);
		put_removed(d, handle, in);
	} else {
		lose(d, by, handle, in);
	}
	*ret = handle;

	return 0;
}

/* ---- the end of time ------------------------------------------------------- */

static void forget_removal(struct definitions *d, uint32_t handle)
{
	struct definition_id id = d->entries[handle].removed->id;

	/* A crash may have left it there; or it is of a kind that is not removed. */
	if (definitions_live(d, &id) == MARKS_NONE)
		unstore(d, RECORD_DEFINITION, &id);
	unstore(d, RECORD_REMOVAL, &id);
	drop_removed(d, handle);
	free_entry(d, handle);
}

static void expire_entry(struct definitions *d, uint32_t handle, ms_t now)
{
	const struct definitions_source by = { .now = now };
	const struct definitions_entry *e = &d->entries[handle];

	if (e->live && has_expired(d, e->live->expires, now))
		lose(d, &by, handle, NULL);
	else if (e->removed && has_expired(d, e->removed->expires, now))
		forget_removal(d, handle);
}

void definitions_expire(struct definitions *d, ms_t now)
{
	for (uint32_t i = 0; i < d->n; i++)
		expire_entry(d, i, now);
}
