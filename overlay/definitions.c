/* SPDX-License-Identifier: GPL-2.0-or-later */
/* definitions - what the whole cluster has agreed to call something */
#include "overlay/definitions.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "overlay/definitions-private.h"
#include "overlay/engine.h"
#include "overlay/event.h"

/* ---- the module ------------------------------------------------------------ */

static void receive(void *self, const struct origin *o, const struct part *p, ms_t now)
{
	definitions_receive(self, o, p, now);
}

static size_t greet(void *self, const struct node_id *to, uint8_t *buf, size_t cap)
{
	const struct definitions *d = self;

	(void)to;

	return set_sync_greet(&d->sync, buf, cap);
}

static void greeted(void *self, const struct origin *o, const uint8_t *greeting, size_t len,
		    ms_t now)
{
	struct definitions *d = self;

	set_sync_greeted(&d->sync, o, greeting, len, now);
}

static void member(void *self, const struct event *ev, ms_t now)
{
	struct definitions *d = self;

	if (ev->kind == EVENT_MEMBER_JOINED)
		set_sync_joined(&d->sync, &ev->node, now);
}

/*
 * Signatures were checked before it was stored, and thousands of them would
 * hold up a start.  That a definition is still what it was, its id says.
 */
static void restore_definition(struct definitions *d, const struct record *r)
{
	const struct definitions_source by = { .stored = true };
	struct defined *in;
	struct proof proof;
	uint32_t handle;

	if (definition_read(r->value, r->len, &proof, &in) < 0)
		return;
	if (r->key_len == DEFINITION_ID_LEN && memcmp(r->key, in->of.id.b, r->key_len) == 0)
		(void)definitions_take(d, in, &by, &handle);
	else
		free(in);
}

static void restore_removal(struct definitions *d, const struct record *r)
{
	const struct definitions_source by = { .stored = true };
	struct removal *in;
	struct proof proof;
	uint32_t handle;

	if (removal_read(r->value, r->len, &proof, &in) < 0)
		return;
	if (r->key_len == DEFINITION_ID_LEN && memcmp(r->key, in->id.b, r->key_len) == 0)
		(void)definitions_take_removal(d, in, &by, &handle);
	else
		free(in);
}

static void restore(void *self, const struct record *r)
{
	if (r->kind == RECORD_DEFINITION)
		restore_definition(self, r);
	else
		restore_removal(self, r);
}

const struct module_ops definitions_ops = {
	.name = "definitions",
	.first_kind = PART_DEFINITION,
	.last_kind = PART_DEFINITION_WANT,
	.receive = receive,
	.greet = greet,
	.greeted = greeted,
	.member = member,
	.first_record = RECORD_DEFINITION,
	.last_record = RECORD_REMOVAL,
	.restore = restore,
};

struct definitions *definitions_new(struct engine *e)
{
	struct definitions *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->engine = e;
	d->free = MARKS_NONE;
	definitions_spread_init(d);

	return d;
}

void definitions_free(struct definitions *d)
{
	if (!d)
		return;
	set_sync_clear(&d->sync);
	definitions_table_clear(d);
	free(d);
}

void definitions_set_cluster_key(struct definitions *d, const uint8_t key[NODE_KEY_LEN])
{
	memcpy(d->cluster_key, key, sizeof(d->cluster_key));
	d->has_cluster_key = true;
}

void definitions_set_clock(struct definitions *d, uint64_t now_s, ms_t now)
{
	d->wall = now_s;
	d->wall_at = now;
	definitions_expire(d, now);
}

/* ---- adding, removing ------------------------------------------------------ */

/* Not before what is known already, so that a clock that is behind does not win names. */
static uint64_t time_of_creation(const struct definitions *d, ms_t now)
{
	uint64_t wall = definitions_wall(d, now);

	return wall > d->latest ? wall : d->latest;
}

static int check_order(const struct definitions *d, const struct definition *of, struct err *e)
{
	int order, r = definitions_order_cmp(d, of, &order);

	if (r == -EKEYREJECTED)
		return err_sys(e, EKEYREJECTED,
			       "definition of a key order: it is not signed by the cluster's key");
	if (r < 0)
		return err_sys(e, EINVAL, "definition of a key order: this is none");
	if (order <= 0)
		return err_sys(e, EEXIST,
			       "definition of a key order: this one, or a higher one, is known");

	return 0;
}

/* Whether the cluster has one already. */
static int check_rival(const struct definitions *d, const struct definition *of, struct err *e)
{
	if (of->kind == DEFINITION_KEY_ORDER)
		return check_order(d, of, e);
	if (definition_has_name(of->kind) &&
	    definitions_winner(d, of->kind, of->name) != MARKS_NONE)
		return err_sys(e, EEXIST,
			       "definition %s: the cluster has one of that name; choose another "
			       "name, or remove that one first",
			       of->name);

	return 0;
}

static int say_why_not(int r, uint8_t kind, const char *name, struct err *e)
{
	if (r == -EDQUOT)
		return err_sys(
			e, ENOSPC,
			"definition %s: there may be %d of %d bytes together, and %d removed "
			"ones that are remembered for %d days; remove some, or wait",
			name, DEFINITIONS_LIVE, DEFINITIONS_BYTES, DEFINITIONS_REMOVED,
			DEFINITIONS_REMEMBER_S / (24 * 3600));

	return err_sys(e, -r, "definition of kind %u %s", kind, name);
}

static int add(struct definitions *d, const struct definition *of, struct definition_id *ret,
	       ms_t now, struct err *e)
{
	const struct definitions_source by = { .own = true, .now = now };
	struct defined *made = definition_make(engine_env(d->engine), engine_self(d->engine), of);
	struct definition_id id;
	uint32_t handle;
	int r = -ENOMEM;

	if (made) {
		id = made->of.id;
		r = definitions_take(d, made, &by, &handle);
	}
	if (r < 0)
		return say_why_not(r, of->kind, of->name, e);
	definitions_pass_on(d, handle, true, now);
	*ret = id;

	return 0;
}

int definitions_add(struct definitions *d, uint8_t kind, const char *name, const uint8_t *body,
		    size_t len, struct definition_id *ret, ms_t now, struct err *e)
{
	struct definition of = { .kind = kind, .created = time_of_creation(d, now), .body = body };
	const char *text = name ? name : "";
	int r = definition_allowed(kind, text, len, e);

	if (r == 0 && kind >= DEFINITION_KINDS)
		r = err_sys(e, EINVAL, "definition %s: kind %u is not known here", text, kind);
	if (r < 0)
		return r;
	memcpy(of.name, text, strlen(text));
	of.body_len = (uint16_t)len;
	r = check_rival(d, &of, e);

	return r < 0 ? r : add(d, &of, ret, now, e);
}

int definitions_remove(struct definitions *d, const struct definition_id *id, ms_t now,
		       struct err *e)
{
	const struct definitions_source by = { .own = true, .now = now };
	uint32_t handle = definitions_live(d, id);
	struct removal *made;
	int r = -ENOMEM;

	if (handle == MARKS_NONE)
		return definitions_is_removed(d, id)
			       ? 0
			       : err_sys(e, ENOENT, "definition: this node knows of no such one");
	if (definition_is_final(d->entries[handle].live->of.kind))
		return err_sys(e, EPERM,
			       "definition: a higher key order replaces one, a revoked token "
			       "expires; neither is removed");
	made = removal_make(engine_env(d->engine), engine_self(d->engine), id,
			    definitions_wall(d, now));
	if (made)
		r = definitions_take_removal(d, made, &by, &handle);
	if (r < 0)
		return err_sys(e, -r, "definition: remove it");
	definitions_pass_on(d, handle, true, now);

	return 0;
}

/* ---- looking --------------------------------------------------------------- */

static bool show(const struct definitions *d, uint32_t handle, struct definition *ret)
{
	if (handle == MARKS_NONE)
		return false;
	*ret = definitions_view(d, handle);

	return true;
}

bool definitions_find(const struct definitions *d, const struct definition_id *id,
		      struct definition *ret)
{
	return show(d, definitions_live(d, id), ret);
}

bool definitions_named(const struct definitions *d, uint8_t kind, const char *name,
		       struct definition *ret)
{
	return show(d, definitions_winner(d, kind, name), ret);
}

void definitions_each(const struct definitions *d, uint8_t kind,
		      void (*fn)(void *ctx, const struct definition *of), void *ctx)
{
	for (uint32_t i = 0; i < d->n; i++) {
		struct definition of;

		if (!d->entries[i].live || d->entries[i].live->of.kind != kind)
			continue;
		of = definitions_view(d, i);
		fn(ctx, &of);
	}
}

uint64_t definitions_root(const struct definitions *d)
{
	return d->marks.root;
}

const struct definitions_counters *definitions_counters(const struct definitions *d)
{
	return &d->counters;
}
