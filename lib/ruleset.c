/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset - see ruleset.h. */
#include "lib/ruleset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"

#define LAYOUT_COMMENT "heddle layout %u, compatible with %u"
#define MARK_COMMENT   ", mark 0x"

/* Whether a chain is as this program, or a later one, made it. */
static bool chain_stands(const struct ruleset_chain *c, const struct nft_chain_state *state,
			 unsigned int layout)
{
	if (layout == RULESET_LAYOUT)
		return state->n_rules >= c->n_rules;

	return layout > RULESET_LAYOUT && state->n_rules > 0;
}

/* The mark that somebody asked for, 0 if nobody has. */
static uint32_t read_mark(const char *comment)
{
	const char *at = strstr(comment, MARK_COMMENT);

	return at ? (uint32_t)strtoul(at + strlen(MARK_COMMENT), NULL, 16) : 0;
}

static int agree_on_mark(uint32_t has, uint32_t wanted, struct err *e)
{
	if (!has || !wanted || has == wanted)
		return 0;

	return err_cni(
		e, CNI_E_CONFIG,
		"markBit: another network of this host has set bit %d and this one wants %d, "
		"but rules of other tools can know one only: set the same, or none, in each "
		"config (and see docs/nftables.md for how to change it)",
		ffs((int)has) - 1, ffs((int)wanted) - 1);
}

static int look_at_chain(struct nl *nl, const struct ruleset *rs, size_t i,
			 struct ruleset_view *view, struct err *e)
{
	const struct ruleset_chain *c = &rs->chains[i];
	unsigned int layout = 0, compatible = 0;
	struct nft_chain_state state;
	int r;

	r = nft_get_chain(nl, &c->chain, &state, e);
	if (r < 0)
		return r;
	view->chain_exists[i] = r > 0;
	/* What has no such comment is no layout of ours: 0, older than any. */
	if (r > 0 && sscanf(state.comment, LAYOUT_COMMENT, &layout, &compatible) != 2)
		layout = compatible = 0;
	if (r > 0 && c->marking_rules)
		view->mark = read_mark(state.comment);
	if (compatible > RULESET_LAYOUT)
		return err_cni(e, CNI_E_INTERNAL,
			       "nftables table %s %s has layout %u, which a program of layout %u "
			       "cannot use: install the newer heddle's plugins everywhere",
			       nft_family_name(rs->table->family), rs->table->name, layout,
			       RULESET_LAYOUT);
	view->stands = view->stands && r > 0 && chain_stands(c, &state, layout);

	return 0;
}

int ruleset_look(struct nl *nl, const struct ruleset *rs, struct ruleset_view *ret, struct err *e)
{
	struct ruleset_view view = { .stands = true };
	int r;

	for (size_t i = 0; i < rs->n_chains; i++) {
		r = look_at_chain(nl, rs, i, &view, e);
		if (r < 0)
			return r;
	}
	r = agree_on_mark(view.mark, rs->mark, e);
	if (r < 0)
		return r;
	if (rs->mark && !view.mark)
		view.stands = false;
	*ret = view;

	return 0;
}

int ruleset_get_mark(struct nl *nl, uint32_t wanted, uint32_t *ret, struct err *e)
{
	const struct nft_chain forward = { .table = ruleset_inet.table, .name = "forward" };
	struct nft_chain_state state = { .comment = "" };
	uint32_t has;
	int r = nft_get_chain(nl, &forward, &state, e);

	if (r < 0)
		return r;
	has = read_mark(state.comment);
	r = agree_on_mark(has, wanted, e);
	if (r < 0)
		return r;
	*ret = wanted ? wanted : has ? has : RULESET_MARK;

	return 0;
}

static void build_chain(struct nft_batch *b, const struct ruleset_chain *c, uint32_t mark)
{
	char comment[NFT_COMMENT_SIZE];
	int len = snprintf(comment, sizeof(comment), LAYOUT_COMMENT, RULESET_LAYOUT,
			   RULESET_COMPATIBLE);

	if (c->marking_rules && mark)
		snprintf(comment + len, sizeof(comment) - (size_t)len, MARK_COMMENT "%x", mark);
	nft_add_chain(b, &c->chain, comment);
	if (c->marking_rules)
		c->marking_rules(b, &c->chain, mark ? mark : RULESET_MARK);
	else
		c->rules(b, &c->chain);
}

/* A chain that is jumped to goes after, and comes before, the one that jumps. */
static void build_chains(struct nft_batch *b, const struct ruleset *rs,
			 const struct ruleset_view *view)
{
	for (size_t i = 0; i < rs->n_chains; i++)
		if (view->chain_exists[i])
			nft_del_chain(b, &rs->chains[i].chain);
	for (size_t i = rs->n_chains; i > 0; i--)
		build_chain(b, &rs->chains[i - 1], view->mark ? view->mark : rs->mark);
}

void ruleset_build(struct nft_batch *b, const struct ruleset *rs, const struct ruleset_view *view)
{
	if (view->stands)
		return;
	nft_add_table(b, rs->table, rs->comment);
	for (size_t i = 0; rs->sets[i]; i++)
		nft_add_set(b, rs->sets[i]);
	if (rs->own)
		nft_keep_chain(b, rs->own,
			       "yours: what forwards containers' packets comes by here first");
	build_chains(b, rs, view);
}

int ruleset_check(struct nl *nl, const struct ruleset *rs, struct err *e)
{
	struct ruleset_view view;
	int r;

	r = ruleset_look(nl, rs, &view, e);
	if (r < 0 || view.stands)
		return r;

	return err_cni(e, CNI_E_CHECK,
		       "nftables table %s %s is missing or lacks rules: an ADD restores it",
		       nft_family_name(rs->table->family), rs->table->name);
}
