/* SPDX-License-Identifier: GPL-2.0-or-later */
/* titles - who owns which range of a space, by all the links that are known */
#include "overlay/titles.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the set of links ------------------------------------------------------ */

static uint32_t hash_of(const struct link_id *id)
{
	uint32_t n;

	memcpy(&n, id->b, sizeof(n)); /* a hash already */

	return n;
}

/* Where @id is in the index, or would be. */
static uint32_t index_slot(const struct titles *t, const struct link_id *id)
{
	uint32_t mask = t->n_index - 1, slot = hash_of(id) & mask;

	while (t->index[slot] && !link_id_equal(&t->links[t->index[slot] - 1]->id, id))
		slot = (slot + 1) & mask;

	return slot;
}

const struct link *titles_link(const struct titles *t, const struct link_id *id)
{
	uint32_t at = t->index[index_slot(t, id)];

	return at ? t->links[at - 1] : NULL;
}

static void reindex(struct titles *t)
{
	memset(t->index, 0, t->n_index * sizeof(*t->index));
	for (uint32_t i = 0; i < t->n_links; i++)
		t->index[index_slot(t, &t->links[i]->id)] = i + 1;
}

/*
 * Room for one more link, so that nothing can fail once it is in.  The index is
 * at most half full; a link cuts at most two runs.
 */
static int reserve(struct titles *t)
{
	uint32_t cap = t->cap_links ? 2 * t->cap_links : 8;
	struct link **links;
	struct title *runs;
	uint32_t *index;

	if (t->n_links < t->cap_links)
		return 0;
	links = reallocarray(t->links, cap, sizeof(struct link *));
	if (links)
		t->links = links;
	runs = realloc(t->runs, 2 * cap * sizeof(*runs));
	if (runs)
		t->runs = runs;
	index = realloc(t->index, 2 * cap * sizeof(*index));
	if (index)
		t->index = index;
	if (!links || !runs || !index)
		return -ENOMEM;
	t->cap_links = cap;
	t->n_index = 2 * cap;
	reindex(t);

	return 0;
}

static const struct link *parent_of(const struct titles *t, const struct link *l)
{
	return link_is_founding(l) ? NULL : titles_link(t, &l->of.parent);
}

static bool is_by_heir(const struct titles *t, const struct link *l)
{
	const struct link *parent = parent_of(t, l);

	return parent && !node_id_equal(&l->by, &parent->of.to);
}

/* The order in which links count; both parents are known. */
static int link_cmp(const struct titles *t, const struct link *a, const struct link *b)
{
	if (a->of.epoch != b->of.epoch)
		return a->of.epoch < b->of.epoch ? -1 : 1;
	if (is_by_heir(t, a) != is_by_heir(t, b))
		return is_by_heir(t, a) ? -1 : 1;
	if (a->of.sequence != b->of.sequence)
		return a->of.sequence < b->of.sequence ? -1 : 1;

	return memcmp(a->id.b, b->id.b, LINK_ID_LEN);
}

static void insert_link(struct titles *t, struct link *l)
{
	uint32_t at = t->n_links;

	while (at > 0 && link_cmp(t, l, t->links[at - 1]) < 0)
		at--;
	memmove(t->links + at + 1, t->links + at, (t->n_links - at) * sizeof(struct link *));
	t->links[at] = l;
	t->n_links++;
	if (at + 1 == t->n_links)
		t->index[index_slot(t, &l->id)] = t->n_links;
	else
		reindex(t);
}

/* ---- the runs -------------------------------------------------------------- */

/* The place of the run that @number is in. */
static uint32_t run_of(const struct titles *t, uint64_t number)
{
	uint32_t low = 0, high = t->n_runs - 1;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->runs[mid].last < number)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

const struct title *titles_at(const struct titles *t, uint64_t number)
{
	return number > titles_last(t) ? NULL : &t->runs[run_of(t, number)];
}

/* Makes @number the first of a run. */
static void cut_before(struct titles *t, uint64_t number)
{
	uint32_t i = run_of(t, number);
	struct title *run = &t->runs[i];

	if (run->first == number)
		return;
	memmove(run + 1, run, (t->n_runs - i) * sizeof(*run));
	t->n_runs++;
	t->n_frozen += run->frozen;
	run[0].last = number - 1;
	run[1].first = number;
}

/* Whether @run's link comes from @l's parent as well: the two are a fork. */
static bool is_fork(const struct titles *t, const struct title *run, const struct link *l)
{
	const struct link *at = run->by;

	while (at->of.epoch >= l->of.epoch)
		at = parent_of(t, at);

	return link_id_equal(&at->id, &l->of.parent);
}

static void set_frozen(struct titles *t, struct title *run, bool frozen)
{
	t->n_frozen -= run->frozen;
	t->n_frozen += frozen;
	run->frozen = frozen;
}

/* apply() to the run that @at is in.  Return: the last number of it that was looked at. */
static uint64_t apply_to_run(struct titles *t, const struct link *l, uint64_t at)
{
	struct title *run = &t->runs[run_of(t, at)];
	uint64_t end = run->last < link_last(l) ? run->last : link_last(l);
	bool moves = link_id_equal(&run->by->id, &l->of.parent);

	if (!moves && !is_fork(t, run, l))
		return end;
	cut_before(t, at);
	if (end < titles_last(t))
		cut_before(t, end + 1);
	run = &t->runs[run_of(t, at)];
	if (moves)
		run->by = l;
	set_frozen(t, run, moves ? run->frozen && !l->of.settles : true);

	return end;
}

/* Let @l move to its receiver what its parent still holds of its range. */
static void apply(struct titles *t, const struct link *l)
{
	uint64_t at = l->of.first;

	while ((at = apply_to_run(t, l, at)) < link_last(l))
		at++;
}

static void apply_all(struct titles *t)
{
	t->runs[0] = (struct title){ .last = titles_last(t), .by = t->links[0] };
	t->n_runs = 1;
	t->n_frozen = 0;
	for (uint32_t i = 1; i < t->n_links; i++)
		apply(t, t->links[i]);
}

/* Whether @l's parent holds all of its range, as the last word on it. */
static bool is_plain(const struct titles *t, const struct link *l)
{
	for (uint32_t i = run_of(t, l->of.first); i < t->n_runs; i++) {
		if (t->runs[i].first > link_last(l))
			return true;
		if (!link_id_equal(&t->runs[i].by->id, &l->of.parent))
			return false;
	}

	return true;
}

/* ---- in -------------------------------------------------------------------- */

int titles_found(struct titles *t, struct link *founding)
{
	struct titles new = { 0 };

	if (!link_is_founding(founding) || !node_id_equal(&founding->by, &founding->of.to))
		return -EINVAL;
	if (reserve(&new) < 0) {
		titles_clear(&new);
		return -ENOMEM;
	}
	insert_link(&new, founding);
	apply_all(&new);
	*t = new;

	return 0;
}

void titles_clear(struct titles *t)
{
	for (uint32_t i = 0; i < t->n_links; i++)
		link_free(t->links[i]);
	free(t->links);
	free(t->index);
	free(t->runs);
	*t = (struct titles){ 0 };
}

/* Whether the signer had the range by @parent: it was given it, or is the heir of who was. */
static bool is_entitled(const struct link *l, const struct link *parent, const struct heirs *heirs)
{
	if (!link_id_equal(&l->of.space, &parent->of.space) ||
	    l->of.epoch != parent->of.epoch + 1 || l->of.first < parent->of.first ||
	    link_last(l) > link_last(parent) ||
	    (l->of.settles && !node_id_equal(&l->of.to, &l->by)))
		return false;

	return node_id_equal(&l->by, &parent->of.to) ||
	       (heirs && heirs->may(heirs->ctx, parent, &l->by));
}

int titles_check(struct titles *t, const struct link *l, const struct heirs *heirs)
{
	const struct link *parent;

	if (titles_link(t, &l->id))
		return -EEXIST;
	if (link_is_founding(l))
		return -EPERM;
	parent = parent_of(t, l);
	if (!parent)
		return -ENOENT;
	if (!is_entitled(l, parent, heirs))
		return -EPERM;

	return reserve(t);
}

int titles_add(struct titles *t, struct link *l, const struct heirs *heirs)
{
	uint32_t frozen = t->n_frozen;
	int r = titles_check(t, l, heirs);

	if (r < 0)
		return r;
	insert_link(t, l);
	if (is_plain(t, l))
		apply(t, l);
	else
		apply_all(t);

	return t->n_frozen > frozen;
}
