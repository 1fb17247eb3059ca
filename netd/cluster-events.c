/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-events - what the engine told, kept until users may be told
 *
 * An event borrows what it points at for the engine's call, so it is copied with
 * all that belongs to its kind: one block of memory each.
 */
#define LOG_AREA "cluster"

#include <stdlib.h>

#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/blocks.h"
#include "overlay/profile.h"
#include "overlay/programmed.h"
#include "overlay/rows.h"

struct queued {
	struct queued *next;
	struct event ev;
	union {
		uint32_t generation;
		struct network_id network;
		struct row_event row;
		struct definition definition;
		struct block_event block;
		struct programmed_event programmed;
	} more;
	_Alignas(max_align_t) uint8_t copies[]; /* of the profile; of the row or the body */
};

#define ALIGNED(n) (((n) + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1))

/* The size of what @more is, by the event's kind. */
static size_t size_of_more(const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_ID_TAKEN:
		return sizeof(uint32_t);
	case EVENT_ROW:
		return sizeof(struct row_event);
	case EVENT_ROWS_GONE:
	case EVENT_ROWS_BACK:
		return sizeof(struct network_id);
	case EVENT_DEFINED:
	case EVENT_UNDEFINED:
	case EVENT_NAME_LOST:
	case EVENT_NAME_WON:
		return sizeof(struct definition);
	case EVENT_PROGRAMMED:
		return sizeof(struct programmed_event);
	case EVENT_BLOCK_GAINED:
	case EVENT_BLOCK_LOST:
	case EVENT_BLOCK_FROZEN:
	case EVENT_BLOCK_DENIED:
		return sizeof(struct block_event);
	default:
		return 0;
	}
}

static bool is_definition(const struct event *ev)
{
	return ev->kind >= EVENT_DEFINED && ev->kind <= EVENT_NAME_WON;
}

/* What @more points at in turn: @ret_len 0: nothing. */
static const void *behind(const struct event *ev, size_t *ret_len)
{
	*ret_len = 0;
	if (!ev->more)
		return NULL;
	if (ev->kind == EVENT_ROW) {
		const struct row *row = ((const struct row_event *)ev->more)->row;

		*ret_len = sizeof(*row) + row->key_len + row->value_len;
		return row;
	}
	if (is_definition(ev)) {
		const struct definition *d = ev->more;

		*ret_len = d->body_len;
		return d->body;
	}

	return NULL;
}

/* @copy: room for what is behind. */
static void copy_more(struct queued *q, const struct event *ev, void *copy)
{
	size_t len;
	const void *from = behind(ev, &len);

	memcpy(&q->more, ev->more, size_of_more(ev));
	q->ev.more = &q->more;
	if (len > 0)
		memcpy(copy, from, len);
	if (ev->kind == EVENT_ROW)
		q->more.row.row = copy;
	else if (is_definition(ev))
		q->more.definition.body = copy;
}

static struct queued *copy_event(const struct event *ev)
{
	size_t profile_len = ev->profile ? sizeof(*ev->profile) + ev->profile->len : 0;
	size_t behind_len;
	struct queued *q;

	(void)behind(ev, &behind_len);
	q = malloc(sizeof(*q) + ALIGNED(profile_len) + behind_len);
	if (!q)
		return NULL;
	q->next = NULL;
	q->ev = *ev;
	q->ev.more = NULL;
	if (ev->profile)
		q->ev.profile = memcpy(q->copies, ev->profile, profile_len);
	if (ev->more && size_of_more(ev) > 0)
		copy_more(q, ev, q->copies + ALIGNED(profile_len));

	return q;
}

void cluster_queue_event(struct cluster *c, const struct event *ev)
{
	struct queued *q = copy_event(ev);

	if (!q) {
		c->counters.events_lost++;
		log_error("out of memory: an event of kind %u is lost", ev->kind);
		return;
	}
	*c->events_end = q;
	c->events_end = &q->next;
}

static struct queued *take(struct cluster *c)
{
	struct queued *q = c->events;

	if (!q)
		return NULL;
	c->events = q->next;
	if (!c->events)
		c->events_end = &c->events;

	return q;
}

static void tell_all(struct cluster *c)
{
	struct queued *q;

	while ((q = take(c))) {
		for (size_t i = 0; i < c->n_users; i++)
			if (c->users[i].event)
				c->users[i].event(c->users[i].ctx, &q->ev);
		free(q);
	}
}

/* Users may call the engine, which tells more. */
void cluster_tell_events(struct cluster *c)
{
	do {
		tell_all(c);
		for (size_t i = 0; i < c->n_users; i++)
			if (c->users[i].told)
				c->users[i].told(c->users[i].ctx);
	} while (c->events);
}

void cluster_drop_events(struct cluster *c)
{
	struct queued *q;

	while ((q = take(c)))
		free(q);
}
