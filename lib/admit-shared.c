/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit-shared - see admit-shared.h. */
#include "lib/admit-shared.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "lib/admit.h"
#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"

/* Any change in the namespace spoils a look at sets that is followed by a deletion. */
#define RELEASE_TRIES 64
/* Somebody else claimed what was free a moment ago: then it is there. */
#define SHARE_TRIES 8

static const struct nft_set *const shared_sets[] = { &ruleset_shut, &ruleset_shut_own,
						     &ruleset_isolated, &ruleset_internal, NULL };

static bool anybody(const char *tag, size_t len, const void *data)
{
	(void)tag;
	(void)len;
	(void)data;

	return true;
}

/* One of ours: the operator's own elements are left alone. */
static bool is_ours(const char *tag, size_t len, const void *data)
{
	char link[IFNAMSIZ];

	(void)data;

	return owner_link(tag, len, link);
}

static bool is_of_network(const char *tag, size_t len, const void *data)
{
	char link[IFNAMSIZ];

	return owner_link(tag, len, link) && owner_has_network(data, tag, len);
}

/* The key is the bridge, or the pair of it and itself. */
static int list_bridge(struct claims *ret, const struct admit *a, const struct nft_set *set,
		       struct err *e)
{
	struct nft_value key = { 0 };

	for (int i = 0; i < NFT_FIELDS && set->key[i] != NFT_TYPE_NONE; i++)
		nft_value_ifname(&key, a->ifname);

	return claims_add(ret, set, &key, NULL, e);
}

bool admit_shares(const struct admit *a)
{
	return a->policy != ADMIT_OPEN || a->internal;
}

/* What passes between the containers of an internal network is shut_own, too. */
static int list_wanted(struct claims *ret, const struct admit *a, struct err *e)
{
	const struct {
		const struct nft_set *set;
		bool wanted;
	} sets[] = {
		{ &ruleset_shut, a->policy != ADMIT_OPEN },
		{ &ruleset_isolated, a->policy == ADMIT_ISOLATED },
		{ &ruleset_shut_own, a->policy != ADMIT_ISOLATED && admit_shares(a) },
		{ &ruleset_internal, a->internal },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sets); i++)
		if (sets[i].wanted)
			r = list_bridge(ret, a, sets[i].set, e);

	return r;
}

/* ---- take -------------------------------------------------------------------- */

/* Return: how many are left of those that are not there. */
static int keep_missing(struct nl *nl, struct claims *c, struct err *e)
{
	size_t n = 0;
	int r = claim_look(nl, c, (struct claim_filter){ .match = anybody }, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].state == CLAIM_FREE)
			c->list[n++] = c->list[i];
	c->n = n;

	return (int)n;
}

/* What is there may be of another network on the same bridge, or the operator's. */
static int take_missing(struct nl *nl, const struct admit *a, const struct owner *network,
			struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct claim_filter nobody = { 0 };
	int r = list_wanted(&c, a, e);

	if (r == 0)
		r = keep_missing(nl, &c, e);

	return r <= 0 ? r : claim_take(nl, &ruleset_inet, &c, network, nobody, e);
}

int admit_shared_take(struct nl *nl, const struct admit *a, struct err *e)
{
	struct owner network;
	int r = -EEXIST;

	owner_init(&network, a->network, "", "");
	for (int i = 0; i < SHARE_TRIES && r == -EEXIST; i++)
		r = take_missing(nl, a, &network, e);

	return r;
}

/* ---- who uses it --------------------------------------------------------------- */

struct users {
	struct claims *of;
	size_t n_unused;
};

/* An element of an admitted set ends with its interface, a shared one begins with it. */
static int use_cb(const struct nft_elem *elem, void *data)
{
	struct users *u = data;

	if (elem->key.len < IFNAMSIZ)
		return 0;
	for (size_t i = 0; i < u->of->n; i++) {
		struct claim *c = &u->of->list[i];

		if (c->state == CLAIM_OTHER ||
		    memcmp(c->key.b, elem->key.b + elem->key.len - IFNAMSIZ, IFNAMSIZ) != 0)
			continue;
		c->state = CLAIM_OTHER;
		u->n_unused--;
	}

	return u->n_unused == 0 ? -ECANCELED : 0;
}

/*
 * Marks what is in use.  Where all of it is, that is known after the first
 * user, however many there are, and the listing is not read to its end; nobody
 * lists anything by this socket afterwards.  (One for the purpose would have to be
 * closed, for which the kernel waits until earlier deletions are carried out.)
 */
static int find_users(struct nl *nl, struct claims *c, struct err *e)
{
	struct users u = { .of = c, .n_unused = c->n };
	int r = nft_dump_elems(nl, &ruleset_admitted4, use_cb, &u, e);

	if (r == 0)
		r = nft_dump_elems(nl, &ruleset_admitted6, use_cb, &u, e);

	return r == -ECANCELED ? 0 : r;
}

/* ---- release ------------------------------------------------------------------- */

/* Whose shared elements: those on the attachment's bridge, or all that a network has claimed. */
struct scope {
	const struct admit *on;
	const struct owner *of;
};

/* The keys of one bridge are asked for, those of a network are searched. */
static int find_shared(struct nl *nl, const struct scope *scope, struct claims *ret, struct err *e)
{
	AUTO(claims_clear) struct claims keys = { 0 };
	struct claim_filter of_network = { .match = is_of_network, .data = scope->of };
	int r = 0;

	if (!scope->on)
		return claim_find(nl, shared_sets, of_network, ret, e);
	for (size_t i = 0; r == 0 && shared_sets[i]; i++)
		r = list_bridge(&keys, scope->on, shared_sets[i], e);
	if (r == 0)
		r = claim_look(nl, &keys, (struct claim_filter){ .match = is_ours }, e);
	for (size_t i = 0; r >= 0 && i < keys.n; i++)
		if (keys.list[i].state == CLAIM_OURS)
			r = claims_add(ret, keys.list[i].set, &keys.list[i].key, NULL, e);

	return r < 0 ? r : 0;
}

/* Return: how many were deleted, -ERESTART or -EINTR to look again, or another errno. */
static int release_unused_once(struct nl *nl, const struct scope *scope, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct nft_batch b;
	uint32_t genid;
	int n = 0, r;

	if ((r = nft_get_genid(nl, &genid, e)) < 0 || (r = find_shared(nl, scope, &c, e)) < 0 ||
	    c.n == 0 || (r = find_users(nl, &c, e)) < 0)
		return r;

	nft_begin(&b, nl, genid);
	for (size_t i = 0; i < c.n; i++) {
		if (c.list[i].state == CLAIM_OTHER)
			continue;
		nft_del_elem(&b, c.list[i].set, &c.list[i].key);
		n++;
	}
	r = nft_commit(&b, e);

	return r < 0 ? r : n;
}

static int release_unused(struct nl *nl, struct scope scope, struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < RELEASE_TRIES && (r == -ERESTART || r == -EINTR); i++)
		r = release_unused_once(nl, &scope, e);
	if (r == -EOPNOTSUPP)
		return 0;
	if (r == -ERESTART || r == -EINTR)
		return nft_still_busy(e);

	return r;
}

int admit_shared_release(struct nl *nl, const struct admit *a, struct err *e)
{
	struct owner network;

	if (*a->ifname)
		return a->n_addrs ? release_unused(nl, (struct scope){ .on = a }, e) : 0;
	owner_init_network(&network, a->network);

	return release_unused(nl, (struct scope){ .of = &network }, e);
}

int admit_shared_gc(struct nl *nl, const struct gc *gc, struct err *e)
{
	return release_unused(nl, (struct scope){ .of = &gc->owner }, e);
}

/* ---- check ------------------------------------------------------------------- */

int admit_shared_check(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	char key[NFT_KEY_STRLEN];
	int r;

	r = list_wanted(&c, a, e);
	if (r == 0)
		r = claim_look(nl, &c, (struct claim_filter){ .match = anybody }, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n; i++)
		if (c.list[i].state == CLAIM_FREE)
			return err_cni(e, CNI_E_CHECK,
				       "%s is missing in nftables set %s of table inet heddle",
				       nft_key_str(c.list[i].set, &c.list[i].key, key),
				       c.list[i].set->name);

	return 0;
}
