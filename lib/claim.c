/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claim - see claim.h. */
#include "lib/claim.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"

/*
 * Each refusal of a stale generation means that somebody else's transaction went
 * through, so everybody gets on; the limit only ends a loop that makes no sense.
 */
#define TRANSACTION_TRIES 1000
/* A listing of 10,000 elements takes 7 ms, and any change meanwhile spoils it. */
#define LISTING_TRIES 64
/* Keys looked at and deleted in one transaction: less than a millisecond, so rarely spoilt. */
#define RELEASE_STEP 64

/* ---- lists ----------------------------------------------------------------- */

int claims_add(struct claims *c, const struct nft_set *set, const struct nft_value *key,
	       const struct nft_value *data, struct err *e)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 8;
		struct claim *list = reallocarray(c->list, room, sizeof(*list));

		if (!list)
			return err_sys(e, ENOMEM, "list the keys of nftables set %s", set->name);
		c->list = list;
		c->room = room;
	}
	c->list[c->n] = (struct claim){ .set = set, .key = *key };
	if (data)
		c->list[c->n].data = *data;
	c->n++;

	return 0;
}

void claims_clear(struct claims *c)
{
	free(c->list);
	*c = (struct claims){ .list = NULL };
}

/* ---- one claim ------------------------------------------------------------- */

static bool matches(const struct claim_filter *f, const struct nft_elem *elem)
{
	return f->match && f->match(elem->comment, strlen(elem->comment), f->data);
}

static bool has_owner(const char *tag, size_t len, const void *data)
{
	return owner_has(data, tag, len);
}

struct claim_filter claim_of(const struct owner *owner)
{
	return (struct claim_filter){ .match = has_owner, .data = owner };
}

static bool is_garbage(const char *tag, size_t len, const void *data)
{
	return gc_is_garbage(data, tag, len);
}

struct claim_filter claim_garbage(const struct gc *gc)
{
	return (struct claim_filter){ .match = is_garbage, .data = gc };
}

static bool is_abandoned(const char *tag, size_t len, const void *data)
{
	char link[IFNAMSIZ];

	(void)data;

	return owner_link(tag, len, link) && if_nametoindex(link) == 0;
}

struct claim_filter claim_abandoned(void)
{
	return (struct claim_filter){ .match = is_abandoned };
}

static const char *holder(const struct nft_elem *elem)
{
	return *elem->comment ? owner_words(elem->comment) : "an element without a comment";
}

/* Our own element with other data is left from an ADD that was never undone. */
static enum claim_state state_of(const struct claim *c, const struct nft_elem *elem,
				 const struct claim_filter *mine, const struct claim_filter *stale)
{
	if (matches(mine, elem))
		return nft_value_equal(&c->data, &elem->data) &&
				       c->count == owner_count(elem->comment)
			       ? CLAIM_OURS
			       : CLAIM_STALE;

	return matches(stale, elem) ? CLAIM_STALE : CLAIM_OTHER;
}

static int look_to_take(struct nl *nl, struct claim *c, const struct claim_filter *mine,
			const struct claim_filter *stale, struct err *e)
{
	char key[NFT_KEY_STRLEN];
	struct nft_elem elem;
	int r;

	r = nft_get_elem(nl, c->set, &c->key, &elem, e);
	if (r < 0)
		return r;
	c->state = r > 0 ? state_of(c, &elem, mine, stale) : CLAIM_FREE;
	if (c->state != CLAIM_OTHER)
		return 0;
	(void)err_cni(e, CNI_E_INTERNAL,
		      "%s is taken by %s (nftables set %s of table %s %s): detach that container, "
		      "or run GC for its network if it is gone",
		      nft_key_str(c->set, &c->key, key), holder(&elem), c->set->name,
		      nft_family_name(c->set->table->family), c->set->table->name);

	return -EEXIST;
}

static void put_claim(struct nft_batch *b, const struct claim *c, const struct owner *owner)
{
	char counted[OWNER_TAG_SIZE];

	if (c->state == CLAIM_OURS)
		return;
	if (c->state == CLAIM_STALE)
		nft_del_elem(b, c->set, &c->key);
	owner_tag_with_count(owner, c->count, counted);
	nft_add_elem(b, c->set, &c->key, c->data.len ? &c->data : NULL,
		     c->count ? counted : owner->tag);
}

/* ---- take ------------------------------------------------------------------ */

static int take_once(struct nl *nl, const struct ruleset *rs, struct claims *c,
		     const struct owner *owner, const struct claim_filter *stale, struct err *e)
{
	struct claim_filter mine = claim_of(owner);
	struct ruleset_view view;
	struct nft_batch b;
	uint32_t genid;
	int r;

	r = nft_get_genid(nl, &genid, e);
	if (r < 0)
		return r;
	r = ruleset_look(nl, rs, &view, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n; i++) {
		r = look_to_take(nl, &c->list[i], &mine, stale, e);
		if (r < 0)
			return r;
	}

	nft_begin(&b, nl, genid);
	ruleset_build(&b, rs, &view);
	for (size_t i = 0; i < c->n; i++)
		put_claim(&b, &c->list[i], owner);

	return nft_commit(&b, e);
}

int claim_take(struct nl *nl, const struct ruleset *rs, struct claims *c, const struct owner *owner,
	       struct claim_filter stale, struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < TRANSACTION_TRIES && r == -ERESTART; i++)
		r = take_once(nl, rs, c, owner, &stale, e);

	return r == -ERESTART ? nft_still_busy(e) : r;
}

/* ---- release --------------------------------------------------------------- */

static int look(struct nl *nl, struct claim *list, size_t n, const struct claim_filter *mine,
		struct err *e)
{
	struct nft_elem elem;
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		int r = nft_get_elem(nl, list[i].set, &list[i].key, &elem, e);

		if (r < 0)
			return r;
		list[i].state = r > 0 && matches(mine, &elem) ? CLAIM_OURS : CLAIM_FREE;
		if (list[i].state == CLAIM_OURS)
			list[i].count = owner_count(elem.comment);
		found += list[i].state == CLAIM_OURS;
	}

	return found;
}

int claim_look(struct nl *nl, struct claims *c, struct claim_filter mine, struct err *e)
{
	uint32_t genid;
	int r;

	/* Asked for one answer only: without nftables in the kernel there is nothing of ours. */
	r = nft_get_genid(nl, &genid, e);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;

	return look(nl, c->list, c->n, &mine, e);
}

/* Return: how many of the @n claims were deleted, or a negative errno. */
static int release_once(struct nl *nl, struct claim *list, size_t n,
			const struct claim_filter *mine, struct err *e)
{
	struct nft_batch b;
	uint32_t genid;
	int found, r;

	r = nft_get_genid(nl, &genid, e);
	if (r < 0)
		return r;
	found = look(nl, list, n, mine, e);
	if (found <= 0)
		return found;

	nft_begin(&b, nl, genid);
	for (size_t i = 0; i < n; i++)
		if (list[i].state == CLAIM_OURS)
			nft_del_elem(&b, list[i].set, &list[i].key);
	r = nft_commit(&b, e);

	return r < 0 ? r : found;
}

static int release_some(struct nl *nl, struct claim *list, size_t n,
			const struct claim_filter *mine, struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < TRANSACTION_TRIES && r == -ERESTART; i++)
		r = release_once(nl, list, n, mine, e);
	if (r == -EOPNOTSUPP)
		return 0;

	return r == -ERESTART ? nft_still_busy(e) : r;
}

int claim_release(struct nl *nl, struct claims *c, struct claim_filter mine, struct err *e)
{
	int released = 0;

	for (size_t i = 0; i < c->n; i += RELEASE_STEP) {
		size_t n = c->n - i < RELEASE_STEP ? c->n - i : RELEASE_STEP;
		int r = release_some(nl, c->list + i, n, &mine, e);

		if (r < 0)
			return r;
		released += r;
	}

	return released;
}

/* ---- sweep ----------------------------------------------------------------- */

struct search {
	const struct nft_set *set;
	const struct claim_filter *filter;
	struct claims *found;
	struct err *e;
};

static int search_cb(const struct nft_elem *elem, void *data)
{
	struct search *s = data;

	if (!matches(s->filter, elem))
		return 0;

	return claims_add(s->found, s->set, &elem->key, &elem->data, s->e);
}

static int find_in(struct nl *nl, const struct nft_set *set, const struct claim_filter *filter,
		   struct claims *ret, struct err *e)
{
	struct search s = { .set = set, .filter = filter, .found = ret, .e = e };
	size_t before = ret->n;
	int r = -EINTR;

	for (int i = 0; i < LISTING_TRIES && r == -EINTR; i++) {
		ret->n = before;
		r = nft_dump_elems(nl, set, search_cb, &s, e);
	}

	return r == -EINTR ? nft_still_busy(e) : r;
}

int claim_find(struct nl *nl, const struct nft_set *const sets[], struct claim_filter filter,
	       struct claims *ret, struct err *e)
{
	uint32_t genid;
	int r;

	/* As in claim_look(). */
	r = nft_get_genid(nl, &genid, e);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	for (size_t i = 0; sets[i]; i++) {
		r = find_in(nl, sets[i], &filter, ret, e);
		if (r < 0)
			return r;
	}

	return 0;
}

int claim_sweep(struct nl *nl, const struct nft_set *const sets[], struct claim_filter filter,
		struct err *e)
{
	AUTO(claims_clear) struct claims found = { .list = NULL };
	int r;

	r = claim_find(nl, sets, filter, &found, e);
	if (r < 0)
		return r;

	return claim_release(nl, &found, filter, e);
}

/* ---- check ----------------------------------------------------------------- */

static int check_one(struct nl *nl, struct claim *c, const struct claim_filter *mine, struct err *e)
{
	char key[NFT_KEY_STRLEN];
	struct nft_elem elem;
	int r;

	r = nft_get_elem(nl, c->set, &c->key, &elem, e);
	if (r < 0)
		return r;
	nft_key_str(c->set, &c->key, key);
	if (r == 0)
		return err_cni(e, CNI_E_CHECK, "%s is missing in nftables set %s of table %s %s",
			       key, c->set->name, nft_family_name(c->set->table->family),
			       c->set->table->name);
	if (!matches(mine, &elem))
		return err_cni(e, CNI_E_CHECK, "%s in nftables set %s belongs to %s", key,
			       c->set->name, holder(&elem));
	if (!nft_value_equal(&c->data, &elem.data))
		return err_cni(e, CNI_E_CHECK, "%s in nftables map %s leads elsewhere", key,
			       c->set->name);

	return 0;
}

int claim_check(struct nl *nl, const struct ruleset *rs, struct claims *c,
		const struct owner *owner, struct err *e)
{
	struct claim_filter mine = claim_of(owner);
	struct err next;
	int r;

	r = ruleset_check(nl, rs, e);
	for (size_t i = 0; i < c->n; i++) {
		int each = check_one(nl, &c->list[i], &mine, &next);

		if (each < 0)
			r = err_keep(r, e, each, &next);
	}

	return r;
}
