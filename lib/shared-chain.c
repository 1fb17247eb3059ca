/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared-chain - see shared-chain.h. */
#include "lib/shared-chain.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/owner.h"
#include "lib/ruleset.h"

#define CHANGE_TRIES 1000 /* as claim.c */

/* ---- one look -------------------------------------------------------------------- */

struct view {
	bool exists;
	uint32_t n_rules, n_users;
};

static int look(struct nl *nl, const struct nft_chain *chain, struct view *ret, struct err *e)
{
	struct nft_chain_state state = { .n_rules = 0 };
	int r = nft_get_chain(nl, chain, &state, e), n_rules;

	*ret = (struct view){ .exists = r > 0 };
	if (r <= 0)
		return r;
	n_rules = nft_count_rules(nl, chain, e);
	if (n_rules < 0)
		return n_rules;
	ret->n_rules = (uint32_t)n_rules;
	ret->n_users = state.n_rules - ret->n_rules;

	return 0;
}

/* What began with a look and ended with nothing changed is done again. */
static int still_busy(int r, struct err *e)
{
	return r == -ERESTART ? nft_still_busy(e) : r;
}

/* ---- add --------------------------------------------------------------------------- */

static void put_all(struct nft_batch *b, const struct shared_chain *c, const char *tag)
{
	for (size_t i = 0; i < c->n_sets; i++)
		nft_add_set(b, &c->sets[i]);
	nft_add_chain(b, &c->chain, tag);
	c->put_rules(b, c);
	if (c->put_elems)
		c->put_elems(b, c, tag);
}

/* One that somebody flushed gets its rules back. */
static int add_once(struct nl *nl, const struct shared_chain *c, const struct owner *network,
		    struct err *e)
{
	struct ruleset_view table;
	struct nft_batch b;
	struct view view;
	uint32_t genid;
	int r;

	if ((r = nft_get_genid(nl, &genid, e)) < 0 || (r = look(nl, &c->chain, &view, e)) < 0 ||
	    (r = ruleset_look(nl, &ruleset_inet, &table, e)) < 0)
		return r;
	if (view.exists && view.n_rules == c->n_rules)
		return 0;

	nft_begin(&b, nl, genid);
	ruleset_build(&b, &ruleset_inet, &table);
	if (view.exists) {
		nft_flush_chain(&b, &c->chain);
		c->put_rules(&b, c);
	} else {
		put_all(&b, c, network->tag);
	}

	return nft_commit(&b, e);
}

int shared_chain_add(struct nl *nl, const struct shared_chain *c, const struct owner *network,
		     struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < CHANGE_TRIES && r == -ERESTART; i++)
		r = add_once(nl, c, network, e);

	return still_busy(r, e);
}

/* ---- check --------------------------------------------------------------------------- */

int shared_chain_check(struct nl *nl, const struct shared_chain *c, struct err *e)
{
	struct view view;
	int r = look(nl, &c->chain, &view, e);

	if (r < 0 || (view.exists && view.n_rules == c->n_rules))
		return r;

	return err_cni(e, CNI_E_CHECK,
		       "nftables chain %s of table inet heddle, %s, is missing or lacks rules: an "
		       "ADD restores it",
		       c->chain.name, c->what);
}

/* ---- release ------------------------------------------------------------------------- */

static int release_once(struct nl *nl, const struct shared_chain *c, struct err *e)
{
	struct nft_batch b;
	struct view view;
	uint32_t genid;
	int r;

	if ((r = nft_get_genid(nl, &genid, e)) < 0 || (r = look(nl, &c->chain, &view, e)) < 0)
		return r;
	if (!view.exists || view.n_users > 0)
		return 0;
	nft_begin(&b, nl, genid);
	nft_del_chain(&b, &c->chain);
	for (size_t i = 0; i < c->n_sets; i++)
		nft_del_set(&b, &c->sets[i]);
	r = nft_commit(&b, e);

	return r < 0 ? r : 1;
}

int shared_chain_release(struct nl *nl, const struct shared_chain *c, struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < CHANGE_TRIES && r == -ERESTART; i++)
		r = release_once(nl, c, e);

	/* Without nftables in the kernel there is nothing of ours. */
	return r == -EOPNOTSUPP ? 0 : still_busy(r, e);
}

/* ---- prune --------------------------------------------------------------------------- */

struct search {
	const struct owner *network;
	bool (*is_one)(const char *name);
	char (*names)[IFNAMSIZ];
	size_t n, room;
};

static int find_cb(const char *name, const struct nft_chain_state *state, void *data)
{
	struct search *s = data;

	if (strlen(name) >= IFNAMSIZ || !s->is_one(name) ||
	    !owner_has_network(s->network, state->comment, strlen(state->comment)))
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4;
		char(*names)[IFNAMSIZ] = reallocarray(s->names, room, sizeof(*names));

		if (!names)
			return -ENOMEM;
		s->names = names;
		s->room = room;
	}
	snprintf(s->names[s->n++], IFNAMSIZ, "%s", name);

	return 0;
}

int shared_chain_prune(struct nl *nl, const struct owner *network, bool (*is_one)(const char *name),
		       int (*release)(struct nl *nl, const char *name, struct err *e),
		       struct err *e)
{
	struct search s = { .network = network, .is_one = is_one };
	uint32_t genid;
	int r, n = 0;

	/* As in shared_chain_release(). */
	r = nft_get_genid(nl, &genid, e);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	r = nft_each_chain(nl, ruleset_inet.table, find_cb, &s, e);
	for (size_t i = 0; r >= 0 && i < s.n; i++) {
		r = release(nl, s.names[i], e);
		n += r > 0;
	}
	free(s.names);

	return r < 0 ? r : n;
}
