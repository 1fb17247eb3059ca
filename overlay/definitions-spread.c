/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definitions-spread - how definitions and removals get about */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "overlay/definition.pb.h"
#include "overlay/definitions-private.h"
#include "overlay/engine.h"
#include "overlay/members.h"
#include "overlay/spread.h"

#define INLINE_MAX    (DATAGRAM_ROOM / 2) /* membership may take the other half */
#define SENDS_A_DIGIT 3	   /* an entry is sent this often for each digit of the members' number */
#define BULK	      64   /* entries on their way, behind which a stream's are no news */
#define ASK_AGAIN     1000 /* ms after which somebody else is asked */

_Static_assert(REMOVAL_SIGNED_MAX + PART_HEADER <= INLINE_MAX, "a removal is sent as it is");

static struct part part_of(const void *self, uint32_t handle)
{
	const struct definitions *d = self;
	const struct definitions_entry *e = &d->entries[handle];

	return e->live ? (struct part){ .kind = PART_DEFINITION,
					.len = e->live->len,
					.body = e->live->bytes }
		       : (struct part){ .kind = PART_REMOVAL,
					.len = e->removed->len,
					.body = e->removed->bytes };
}

/* ---- out ------------------------------------------------------------------- */

/* Of a definition; a removal is never that large. */
static bool put_news(const struct defined *of, struct part_writer *w)
{
	definition_News m = definition_News_init_zero;

	memcpy(m.definition, of->of.id.b, sizeof(m.definition));

	return part_put_message(w, PART_DEFINITION_NEWS, definition_News_fields, &m);
}

static int render(void *self, uint32_t key, struct part_writer *w)
{
	const struct definitions *d = self;
	struct part p = part_of(d, key);

	if (p.len + PART_HEADER > INLINE_MAX)
		return put_news(d->entries[key].live, w);

	return part_put(w, p.kind, p.body, p.len);
}

void definitions_spread_init(struct definitions *d)
{
	static const struct set_ops ops = { .compare = PART_DEFINITION_COMPARE,
					    .have = PART_DEFINITION_HAVE,
					    .want = PART_DEFINITION_WANT,
					    .part = part_of };

	set_sync_init(&d->sync, d->engine, &ops, &d->marks, d);
	spread_set_source(engine_spread(d->engine), SPREAD_DEFINITION,
			  (struct spread_source){ .render = render, .self = d });
}

/* Definitions are few, and waited for: the author tells as many at once as it can. */
void definitions_pass_on(struct definitions *d, uint32_t handle, bool first, ms_t now)
{
	uint32_t all = members_alive(engine_members(d->engine));
	unsigned int limit = SENDS_A_DIGIT * (unsigned int)ceil(log10(all + 1.0));
	unsigned int fanout = engine_settings(d->engine)->gossip_fanout;

	if (first) {
		fanout = SPREAD_FANOUT;
		limit += SPREAD_FANOUT;
	}
	spread_add(engine_spread(d->engine), 0, SPREAD_DEFINITION, handle, limit, fanout, now);
}

/* ---- in -------------------------------------------------------------------- */

static void count_refusal(struct definitions *d, int r)
{
	struct engine_counters *c = engine_counters(d->engine);

	c->bad_part += r == -EBADMSG;
	c->forged += r == -EKEYREJECTED;
	d->counters.stranger += r == -EPERM;
	d->counters.known += r == -EEXIST || r == -EALREADY;
	d->counters.expired += r == -ETIME;
}

static int take_definition(struct definitions *d, const struct part *p, ms_t now, uint32_t *handle)
{
	const struct definitions_source by = { .now = now };
	struct proof proof;
	struct defined *in;
	int r = definition_read(p->body, p->len, &proof, &in);

	if (r < 0)
		return r;
	r = definitions_wants(d, in, now);
	if (r == 0)
		r = proof_check(engine_env(d->engine), &proof);
	if (r == 0)
		return definitions_take(d, in, &by, handle);
	free(in);

	return r;
}

static int take_removal(struct definitions *d, const struct part *p, ms_t now, uint32_t *handle)
{
	const struct definitions_source by = { .now = now };
	struct proof proof;
	struct removal *in;
	int r = removal_read(p->body, p->len, &proof, &in);

	if (r < 0)
		return r;
	r = definitions_wants_removal(d, in, now);
	if (r == 0)
		r = proof_check(engine_env(d->engine), &proof);
	if (r == 0)
		return definitions_take_removal(d, in, &by, handle);
	free(in);

	return r;
}

static void receive_entry(struct definitions *d, const struct origin *o, const struct part *p,
			  ms_t now)
{
	bool in_bulk = o->stream && spread_backlog(engine_spread(d->engine)) >= BULK;
	uint32_t handle;
	int r = p->kind == PART_DEFINITION ? take_definition(d, p, now, &handle)
					   : take_removal(d, p, now, &handle);

	count_refusal(d, r);
	if (r == 0 && !in_bulk)
		definitions_pass_on(d, handle, false, now);
}

/* ---- large ones ------------------------------------------------------------ */

/* Who did not answer is given up, and the next one who tells of it is asked. */
static bool was_asked_for(struct definitions *d, uint64_t mark, ms_t now)
{
	for (unsigned int i = 0; i < DEFINITIONS_ASKED; i++)
		if (d->asked[i].mark == mark && now - d->asked[i].at < ASK_AGAIN)
			return true;
	d->asked[d->next_asked].mark = mark;
	d->asked[d->next_asked].at = now;
	d->next_asked = (d->next_asked + 1) % DEFINITIONS_ASKED;

	return false;
}

static void receive_news(struct definitions *d, const struct origin *o, const struct part *p,
			 ms_t now)
{
	definition_News m = definition_News_init_zero;
	struct definition_id id;
	uint64_t mark;

	if (!part_message(p, definition_News_fields, &m)) {
		engine_counters(d->engine)->bad_part++;
		return;
	}
	memcpy(id.b, m.definition, sizeof(id.b));
	mark = mark_of(id.b, 0);
	if (marks_find(&d->marks, mark) != MARKS_NONE || definitions_is_removed(d, &id) ||
	    was_asked_for(d, mark, now))
		return;
	d->counters.asked++;
	set_sync_want(&d->sync, &o->from, &mark, 1);
}

void definitions_receive(struct definitions *d, const struct origin *o, const struct part *p,
			 ms_t now)
{
	switch (p->kind) {
	case PART_DEFINITION:
	case PART_REMOVAL:
		receive_entry(d, o, p, now);
		break;
	case PART_DEFINITION_NEWS:
		receive_news(d, o, p, now);
		break;
	case PART_DEFINITION_COMPARE:
	case PART_DEFINITION_HAVE:
	case PART_DEFINITION_WANT:
		set_sync_receive(&d->sync, o, p, now);
		break;
	default:
		engine_counters(d->engine)->unknown_part++;
	}
}
