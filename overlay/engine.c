/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine - the overlay's protocol, as one object: events in, messages out */
#include "overlay/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "overlay/event.h"
#include "overlay/member-sync.h"
#include "overlay/members-private.h"
#include "overlay/probe.h"
#include "overlay/profile.h"
#include "overlay/spread-private.h"

#define MODULES	    12
#define STALL_LEAST 100	 /* ms late that are not worth a thought */
#define LEAVE_WAIT  2000 /* ms that a good-bye is passed on for */

struct attached {
	const struct module_ops *ops;
	void *self;
};

struct engine {
	struct env env;
	struct settings settings;
	struct engine_self self;
	struct node_id id;
	uint32_t profile_version;
	struct members *members;
	struct spread *spread;
	struct member_sync *sync;
	struct probe *probe;
	struct attached modules[MODULES];
	unsigned int n_modules;
	struct engine_counters counters;
	uint64_t random; /* state of the generator */
	ms_t left_at;	 /* when a good-bye has been said to enough; 0: not leaving */
	ms_t now;	 /* of the last event */
	bool started;
};

/* ---- making one ------------------------------------------------------------------ */

static const struct profile *make_profile(struct engine *e)
{
	struct profile of = { .addr = e->self.addr,
			      .generation = e->self.generation,
			      .version = e->profile_version };
	struct profile *p;

	memcpy(of.key, e->self.key, sizeof(of.key));
	memcpy(of.name, e->self.name, sizeof(of.name));
	p = profile_make(&e->env, &of, e->self.admission);
	if (!p || !e->env.ops->profile_intern)
		return p;
	return e->env.ops->profile_intern(e->env.ctx, p);
}

static const struct module_ops spread_ops = {
	.name = "spread",
	.first_kind = PART_KINDS, /* none */
	.tick = spread_tick,
	.deadline = spread_deadline,
};

static void attach(struct engine *e, const struct module_ops *ops, void *self)
{
	e->modules[e->n_modules++] = (struct attached){ .ops = ops, .self = self };
}

static bool make_parts(struct engine *e)
{
	const struct profile *own;

	e->members = members_new(e);
	e->spread = spread_new(e);
	e->sync = e->members ? member_sync_new(e, e->members) : NULL;
	e->probe = e->sync ? probe_new(e, e->members, e->sync) : NULL;
	if (!e->probe || !e->spread)
		return false;
	own = make_profile(e);
	if (!own || members_add_self(e->members, own) < 0)
		return false;

	members_plug_in(e->members);
	attach(e, &members_ops, e->members);
	attach(e, &member_sync_ops, e->sync);
	attach(e, &probe_ops, e->probe);
	return true;
}

struct engine *engine_new(const struct env *env, const struct settings *settings,
			  const struct engine_self *self)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->env = *env;
	e->settings = settings ? *settings : settings_default;
	e->self = *self;
	e->profile_version = 1;
	node_id_of_key(self->key, &e->id);
	env->ops->random(env->ctx, &e->random, sizeof(e->random));
	if (!make_parts(e)) {
		engine_free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	probe_free(e->probe);
	member_sync_free(e->sync);
	spread_free(e->spread);
	members_free(e->members);
	free(e);
}

int engine_attach(struct engine *e, const struct module_ops *ops, void *self, struct err *err)
{
	/* One place is the spread queue's, which runs after everybody who fills it. */
	if (e->n_modules == MODULES - 1)
		return err_sys(err, ENOSPC, "attach module %s: there are %u already", ops->name,
			       e->n_modules);
	attach(e, ops, self);
	return 0;
}

void engine_restore(struct engine *e, const struct record *r)
{
	for (unsigned int i = 0; i < e->n_modules; i++) {
		const struct module_ops *ops = e->modules[i].ops;

		if (ops->restore && r->kind >= ops->first_record && r->kind <= ops->last_record)
			ops->restore(e->modules[i].self, r);
	}
}

void engine_start(struct engine *e, ms_t now)
{
	e->now = now;
	/* Last, so that what the others have to say goes out at once. */
	attach(e, &spread_ops, e->spread);
	spread_start(e->spread, now);
	probe_start(e->probe, now);
	member_sync_start(e->sync, now);
	if (members_count(e->members) > 1)
		members_introduce_self(e->members, now);
	e->started = true;
}

/* ---- joining, leaving, changing --------------------------------------------------- */

void engine_join(struct engine *e, const struct node_addr *seeds, size_t n, ms_t now)
{
	member_sync_join(e->sync, seeds, n, now);
}

void engine_leave(struct engine *e, ms_t now)
{
	members_leave(e->members, now);
	e->left_at = now + LEAVE_WAIT;
}

bool engine_left(const struct engine *e)
{
	return e->left_at != 0 && (e->now >= e->left_at || spread_backlog(e->spread) == 0);
}

int engine_change(struct engine *e, const char *name, const uint8_t admission[NODE_SIG_LEN],
		  const struct node_addr *addr, ms_t now, struct err *err)
{
	const struct profile *p;

	if (strlen(name) > NODE_NAME_MAX)
		return err_sys(err, EINVAL,
			       "name %s: %zu characters, a member's name has %d at most", name,
			       strlen(name), NODE_NAME_MAX);

	memset(e->self.name, 0, sizeof(e->self.name));
	memcpy(e->self.name, name, strlen(name));
	memcpy(e->self.admission, admission, sizeof(e->self.admission));
	e->self.addr = *addr;
	e->profile_version++;
	p = make_profile(e);
	if (!p)
		return err_sys(err, ENOMEM, "change this node's name to %s", name);
	members_change_self(e->members, p, now);
	return 0;
}

/* ---- events ----------------------------------------------------------------------- */

/*
 * A late event after a deadline that passed long ago: the process stood still,
 * and so did what would have told it that others are well.
 */
static void notice_stall(struct engine *e, ms_t now)
{
	ms_t due;

	if (e->settings.stall_grace && e->started) {
		due = engine_deadline(e);
		if (due < e->now)
			due = e->now;
		if (due != MS_NEVER && now > due && now - due > STALL_LEAST)
			for (unsigned int i = 0; i < e->n_modules; i++)
				if (e->modules[i].ops->stalled)
					e->modules[i].ops->stalled(e->modules[i].self, now - due);
	}
	e->now = now;
}

static void dispatch(struct engine *e, const struct origin *o, const struct part *p, ms_t now)
{
	for (unsigned int i = 0; i < e->n_modules; i++) {
		const struct module_ops *ops = e->modules[i].ops;

		if (ops->receive && p->kind >= ops->first_kind && p->kind <= ops->last_kind) {
			ops->receive(e->modules[i].self, o, p, now);
			return;
		}
	}
	e->counters.unknown_part++;
}

void engine_receive(struct engine *e, const struct origin *o, const uint8_t *plain, size_t len,
		    ms_t now)
{
	struct part_reader r = { .at = plain, .end = plain + len };
	struct part p;
	int more;

	notice_stall(e, now);
	while ((more = part_next(&r, &p)) > 0)
		dispatch(e, o, &p, now);
	if (more < 0)
		e->counters.bad_message++;
}

void engine_tick(struct engine *e, ms_t now)
{
	notice_stall(e, now);
	for (unsigned int i = 0; i < e->n_modules; i++)
		if (e->modules[i].ops->tick)
			e->modules[i].ops->tick(e->modules[i].self, now);
}

ms_t engine_deadline(const struct engine *e)
{
	ms_t at = MS_NEVER;

	for (unsigned int i = 0; i < e->n_modules; i++) {
		const struct module_ops *ops = e->modules[i].ops;
		ms_t due = ops->deadline ? ops->deadline(e->modules[i].self) : MS_NEVER;

		if (due < at)
			at = due;
	}
	return at;
}

void engine_event(struct engine *e, const struct event *ev, ms_t now)
{
	for (unsigned int i = 0; i < e->n_modules; i++)
		if (e->modules[i].ops->member && ev->kind <= EVENT_MEMBER_FORGOTTEN)
			e->modules[i].ops->member(e->modules[i].self, ev, now);
	e->env.ops->event(e->env.ctx, ev);
}

/* ---- greetings --------------------------------------------------------------------- */

/* A byte of length, then the module's bytes; modules without a greeting take none. */
size_t engine_greet(struct engine *e, const struct node_id *to, uint8_t *buf, size_t cap)
{
	size_t len = 0;

	for (unsigned int i = 0; i < e->n_modules; i++) {
		const struct attached *m = &e->modules[i];
		size_t room = cap - len;

		if (!m->ops->greet || room < 1)
			continue;
		room = room - 1 < GREETING_MAX ? room - 1 : GREETING_MAX;
		buf[len] = (uint8_t)m->ops->greet(m->self, to, buf + len + 1, room);
		len += 1U + buf[len];
	}
	return len;
}

void engine_greeted(struct engine *e, const struct origin *o, const uint8_t *greeting, size_t len,
		    ms_t now)
{
	size_t at = 0;

	for (unsigned int i = 0; i < e->n_modules; i++) {
		const struct attached *m = &e->modules[i];
		size_t n;

		if (!m->ops->greeted)
			continue;
		n = at < len ? greeting[at] : 0;
		if (at + 1 + n > len)
			n = 0;
		m->ops->greeted(m->self, o, greeting + at + (n ? 1 : 0), n, now);
		at += 1 + n;
	}
}

/* ---- for modules --------------------------------------------------------------------- */

const struct env *engine_env(const struct engine *e)
{
	return &e->env;
}

const struct settings *engine_settings(const struct engine *e)
{
	return &e->settings;
}

const struct node_id *engine_id(const struct engine *e)
{
	return &e->id;
}

uint32_t engine_generation(const struct engine *e)
{
	return e->self.generation;
}

const struct engine_self *engine_self(const struct engine *e)
{
	return &e->self;
}

struct members *engine_members(struct engine *e)
{
	return e->members;
}

struct spread *engine_spread(struct engine *e)
{
	return e->spread;
}

struct engine_counters *engine_counters(struct engine *e)
{
	return &e->counters;
}

/* splitmix64: choices of partners need to be even, not secret. */
static uint64_t next_random(struct engine *e)
{
	uint64_t z = e->random += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

uint32_t engine_random(struct engine *e, uint32_t n)
{
	/* The high half of the product: even to within 2^-32. */
	return (uint32_t)((next_random(e) >> 32) * n >> 32);
}

void engine_send_as_is(struct engine *e, const struct peer *to, const struct part_writer *w)
{
	e->env.ops->send(e->env.ctx, to, w->buf, w->len);
}

void engine_send(struct engine *e, const struct peer *to, struct part_writer *w, uint16_t scope)
{
	spread_fill(e->spread, scope, w);
	engine_send_as_is(e, to, w);
}

void engine_stream(struct engine *e, const struct peer *to, const struct part_writer *w)
{
	e->env.ops->stream(e->env.ctx, to, w->buf, w->len);
}
