/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger - every link and every forget that this node knows */
#include "overlay/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "overlay/engine.h"

void ledger_init(struct ledger *l, struct engine *engine)
{
	*l = (struct ledger){ .engine = engine };
}

void ledger_clear(struct ledger *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		free(l->entries[i].forget);
	for (uint32_t i = 0; i < l->n_spaces; i++)
		titles_clear(&l->spaces[i]);
	free(l->entries);
	marks_clear(&l->marks);
	free(l->forgets);
	for (uint32_t i = 0; i < l->n_restored; i++)
		link_free(l->restored[i]);
	free(l->restored);
	free(l->spaces);
}

/* ---- entries --------------------------------------------------------------- */

static const struct link_id *id_of(const struct ledger_entry *e)
{
	return e->link ? &e->link->id : &e->forget->id;
}

uint64_t ledger_mark(const struct ledger_entry *e)
{
	return mark_of(id_of(e)->b, e->link ? 0 : (unsigned int)e->forget->state + 1);
}

uint32_t ledger_find(const struct ledger *l, const struct link_id *link)
{
	return marks_find(&l->marks, mark_of(link->b, 0));
}

/* Room for one more, so that nothing can fail once it is stored. */
static int reserve_entry(struct ledger *l)
{
	uint32_t cap = l->cap ? 2 * l->cap : 64;
	struct ledger_entry *entries;

	if (l->n == l->cap) {
		entries = realloc(l->entries, cap * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		l->entries = entries;
		l->cap = cap;
	}

	return marks_reserve(&l->marks, l->n);
}

static uint32_t append(struct ledger *l, struct ledger_entry e)
{
	l->entries[l->n] = e;
	marks_put(&l->marks, l->n, ledger_mark(&e));

	return l->n++;
}

static int store(struct ledger *l, const struct record *r, enum durability how)
{
	const struct env *env = engine_env(l->engine);

	return env->ops->store(env->ctx, r, how, NULL);
}

/* ---- links ----------------------------------------------------------------- */

struct titles *ledger_space(const struct ledger *l, const struct link_id *space)
{
	for (uint32_t i = 0; i < l->n_spaces; i++)
		if (link_id_equal(&l->spaces[i].links[0]->id, space))
			return &l->spaces[i];

	return NULL;
}

/* The complete forget that took effect first for a life of a member: the one of the lowest
 * generation. */
static const struct forget *forget_of(const struct ledger *l, const struct node_id *id,
				      uint32_t generation)
{
	const struct forget *best = NULL;

	for (uint32_t i = 0; i < l->n_forgets; i++) {
		const struct forget *f = l->entries[l->forgets[i]].forget;

		if (f->state == FORGET_COMPLETE && f->generation >= generation &&
		    node_id_equal(&f->subject, id) && (!best || f->generation < best->generation))
			best = f;
	}

	return best;
}

bool ledger_may_inherit(const struct ledger *l, const struct link *title,
			const struct node_id *heir)
{
	const struct forget *f = forget_of(l, &title->of.to, title->of.generation);

	/* An heir may be forgotten in its turn, before or after it signed. */
	for (uint32_t i = 0; f && i < l->n_forgets; i++) {
		if (node_id_equal(&f->issuer, heir))
			return true;
		f = forget_of(l, &f->issuer, 0);
	}

	return false;
}

static bool may_inherit(void *ctx, const struct link *title, const struct node_id *heir)
{
	return ledger_may_inherit(ctx, title, heir);
}

struct heirs ledger_heirs(const struct ledger *l)
{
	return (struct heirs){ .may = may_inherit, .ctx = (void *)(uintptr_t)l };
}

static int reserve_space(struct ledger *l)
{
	uint32_t cap = l->cap_spaces ? 2 * l->cap_spaces : 8;
	struct titles *spaces;

	if (l->n_spaces < l->cap_spaces)
		return 0;
	if (l->n_spaces == LEDGER_SPACES)
		return -ENOSPC;
	spaces = realloc(l->spaces, cap * sizeof(*spaces));
	if (!spaces)
		return -ENOMEM;
	l->spaces = spaces;
	l->cap_spaces = cap;

	return 0;
}

/* Whether it can be taken in; after that only storing it may fail. */
static int check_link(struct ledger *l, const struct link *link)
{
	struct titles *space = ledger_space(l, &link->of.space);
	struct heirs heirs = ledger_heirs(l);
	int r;

	if (space)
		r = titles_check(space, link, &heirs);
	else
		r = link_is_founding(link) ? reserve_space(l) : -ENOENT;

	return r < 0 ? r : reserve_entry(l);
}

static int store_link(struct ledger *l, const struct link *link, enum durability how)
{
	const struct record r = { .kind = RECORD_LINK,
				  .key = link->id.b,
				  .key_len = LINK_ID_LEN,
				  .value = link->bytes,
				  .len = link->len };

	return store(l, &r, how);
}

int ledger_make_durable(struct ledger *l, uint32_t handle)
{
	struct ledger_entry *e = &l->entries[handle];
	int r = 0;

	if (e->durable)
		return 0;
	if (!link_is_founding(e->link))
		r = ledger_make_durable(l, ledger_find(l, &e->link->of.parent));
	if (r == 0)
		r = store_link(l, e->link, STORE_DURABLE);
	e->durable = r == 0;

	return r;
}

/* Before the link itself, so that no crash leaves it without its chain. */
static int store_with_chain(struct ledger *l, const struct link *link, enum durability how)
{
	int r = 0;

	if (how == STORE_DURABLE && !link_is_founding(link))
		r = ledger_make_durable(l, ledger_find(l, &link->of.parent));

	return r < 0 ? r : store_link(l, link, how);
}

/* Into the titles of its space, which takes it over. */
static int add_to_space(struct ledger *l, struct link *link)
{
	struct titles *space = ledger_space(l, &link->of.space);
	struct heirs heirs = ledger_heirs(l);
	int r;

	if (space)
		return titles_add(space, link, &heirs);
	r = titles_found(&l->spaces[l->n_spaces], link);
	if (r == 0)
		l->n_spaces++;

	return r;
}

static void note_sequence(struct ledger *l, const struct link *link)
{
	if (node_id_equal(&link->by, engine_id(l->engine)) && link->of.sequence > l->own_sequence)
		l->own_sequence = link->of.sequence;
}

/* @how: NULL when it comes from the store. */
static int take_link(struct ledger *l, struct link *link, const enum durability *how, uint32_t *ret)
{
	uint32_t handle;
	int r = check_link(l, link);

	if (r == -EEXIST && ret)
		*ret = ledger_find(l, &link->id);
	if (r == 0 && how)
		r = store_with_chain(l, link, *how);
	if (r == 0)
		r = add_to_space(l, link);
	if (r < 0) {
		link_free(link);
		return r == -EINVAL ? -EPERM : r;
	}
	handle = append(l, (struct ledger_entry){ .link = link,
						  .durable = !how || *how == STORE_DURABLE });
	note_sequence(l, link);
	if (ret)
		*ret = handle;

	return r;
}

int ledger_add_link(struct ledger *l, struct link *link, enum durability how, uint32_t *ret)
{
	return take_link(l, link, &how, ret);
}

/* ---- forgets --------------------------------------------------------------- */

static uint32_t find_forget(const struct ledger *l, const struct link_id *id)
{
	for (uint32_t i = 0; i < l->n_forgets; i++)
		if (link_id_equal(&l->entries[l->forgets[i]].forget->id, id))
			return l->forgets[i];

	return MARKS_NONE;
}

static int store_forget(struct ledger *l, const struct forget *f, enum durability how)
{
	const struct record r = { .kind = RECORD_FORGET,
				  .key = f->id.b,
				  .key_len = LINK_ID_LEN,
				  .value = f->bytes,
				  .len = f->len };

	return store(l, &r, how);
}

static int reserve_forget(struct ledger *l, struct forget **ret)
{
	uint32_t *forgets = realloc(l->forgets, (l->n_forgets + 1) * sizeof(*forgets));

	if (!forgets)
		return -ENOMEM;
	l->forgets = forgets;
	*ret = malloc(sizeof(**ret));

	return *ret ? reserve_entry(l) : -ENOMEM;
}

static void replace_forget(struct ledger *l, uint32_t at, const struct forget *f)
{
	marks_drop(&l->marks, at);
	*l->entries[at].forget = *f;
	marks_put(&l->marks, at, ledger_mark(&l->entries[at]));
}

/* @how: NULL when it comes from the store. */
static int take_forget(struct ledger *l, const struct forget *f, const enum durability *how,
		       uint32_t *ret)
{
	uint32_t at = find_forget(l, &f->id);
	struct forget *copy = NULL;
	int r = 0;

	if (ret)
		*ret = at;
	if (at != MARKS_NONE && l->entries[at].forget->state >= f->state)
		return -EEXIST;
	if (at == MARKS_NONE)
		r = reserve_forget(l, &copy);
	if (r == 0 && how)
		r = store_forget(l, f, *how);
	if (r < 0) {
		free(copy);
		return r;
	}
	if (copy) {
		*copy = *f;
		at = append(l, (struct ledger_entry){ .forget = copy });
		l->forgets[l->n_forgets++] = at;
	} else {
		replace_forget(l, at, f);
	}
	if (ret)
		*ret = at;

	return 0;
}

int ledger_add_forget(struct ledger *l, const struct forget *forget, enum durability how,
		      uint32_t *ret)
{
	return take_forget(l, forget, &how, ret);
}

bool ledger_is_forgotten(const struct ledger *l, const struct node_id *id, uint32_t generation,
			 bool complete)
{
	for (uint32_t i = 0; i < l->n_forgets; i++) {
		const struct forget *f = l->entries[l->forgets[i]].forget;

		if (f->generation >= generation && node_id_equal(&f->subject, id) &&
		    f->state != FORGET_WITHDRAWN && (!complete || f->state == FORGET_COMPLETE))
			return true;
	}

	return false;
}

/* ---- back from the store --------------------------------------------------- */

static int keep_for_later(struct ledger *l, struct link *link)
{
	uint32_t cap = l->cap_restored ? 2 * l->cap_restored : 64;
	struct link **restored;

	if (l->n_restored == l->cap_restored) {
		restored = reallocarray(l->restored, cap, sizeof(struct link *));
		if (!restored)
			return -ENOMEM;
		l->restored = restored;
		l->cap_restored = cap;
	}
	l->restored[l->n_restored++] = link;

	return 0;
}

void ledger_restore(struct ledger *l, const struct record *r)
{
	const struct env *env = engine_env(l->engine);
	struct forget f;
	struct link *link;

	if (r->kind == RECORD_FORGET && forget_read(env, r->value, r->len, &f) == 0)
		(void)take_forget(l, &f, NULL, NULL);
	if (r->kind == RECORD_LINK && link_read(env, r->value, r->len, &link) == 0 &&
	    keep_for_later(l, link) < 0)
		link_free(link);
}

static int by_epoch(const void *a, const void *b)
{
	const struct link *const *x = a, *const *y = b;

	return ((*x)->of.epoch > (*y)->of.epoch) - ((*x)->of.epoch < (*y)->of.epoch);
}

uint32_t ledger_restored(struct ledger *l)
{
	uint32_t bad = 0;

	if (l->n_restored > 0)
		qsort(l->restored, l->n_restored, sizeof(struct link *), by_epoch);
	for (uint32_t i = 0; i < l->n_restored; i++)
		bad += take_link(l, l->restored[i], NULL, NULL) < 0;
	l->n_restored = 0;

	return bad;
}
