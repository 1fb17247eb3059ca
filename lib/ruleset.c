/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset - see ruleset.h. */
#include "lib/ruleset.h"

#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nft-expr.h"

#define LAYOUT_COMMENT "heddle layout %u, compatible with %u"

/* ---- table inet heddle ----------------------------------------------------- */

static const struct nft_table inet = {.family = NFPROTO_INET, .name = "heddle"};

const struct nft_set ruleset_masq4 = {
	.table = &inet,
	.name = "masq4",
	.comment = "masqueraded: container address . interface that leads to it",
	.key = {NFT_TYPE_IPV4, NFT_TYPE_IFNAME},
};

const struct nft_set ruleset_masq6 = {
	.table = &inet,
	.name = "masq6",
	.comment = "masqueraded: container address . interface that leads to it",
	.key = {NFT_TYPE_IPV6, NFT_TYPE_IFNAME},
};

static const struct nft_set *const inet_sets[] = {&ruleset_masq4, &ruleset_masq6, NULL};

/*
 * A packet that stays on its bridge is bridged (then it has no incoming
 * interface here, and comes by only where br_netfilter is on) or routed back out
 * of it; the outgoing interface is the bridge in both cases.
 */
static void masquerade_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "multicast keeps its source", NFT_IP_TO_MULTICAST, nft_return());
	nft_add_rule(b, chain, "multicast keeps its source", NFT_IP6_TO_MULTICAST, nft_return());
	nft_add_rule(b, chain, "stays on its own network", NFT_IPV4, nft_ip_saddr(0),
		     nft_oifname(1), nft_in(&ruleset_masq4, 0), nft_return());
	nft_add_rule(b, chain, "stays on its own network", NFT_IPV6, nft_ip6_saddr(0),
		     nft_oifname(4), nft_in(&ruleset_masq6, 0), nft_return());
	nft_add_rule(b, chain, "leaves its own network", NFT_IPV4, nft_ip_saddr(0), nft_iifname(1),
		     nft_in(&ruleset_masq4, 0), nft_masquerade());
	nft_add_rule(b, chain, "leaves its own network", NFT_IPV6, nft_ip6_saddr(0), nft_iifname(4),
		     nft_in(&ruleset_masq6, 0), nft_masquerade());
}

static const struct ruleset_chain inet_chains[] = {
	{
		/* One before srcnat (100): of several NAT rules the first one counts. */
		.chain = {.table = &inet,
			  .name = "postrouting",
			  .type = "nat",
			  .hook = NF_INET_POST_ROUTING,
			  .priority = 99},
		.n_rules = 6,
		.rules = masquerade_rules,
	},
};

const struct ruleset ruleset_inet = {
	.table = &inet,
	.comment = "containers of heddle, see docs/nftables.md",
	.sets = inet_sets,
	.chains = inet_chains,
	.n_chains = ARRAY_SIZE(inet_chains),
};

/* ---- table bridge heddle --------------------------------------------------- */

static const struct nft_table bridge = {.family = NFPROTO_BRIDGE, .name = "heddle"};

const struct nft_set ruleset_guarded = {
	.table = &bridge,
	.name = "guarded",
	.comment = "bridge ports that may send from allowed_mac only",
	.key = {NFT_TYPE_IFNAME},
};

const struct nft_set ruleset_allowed_mac = {
	.table = &bridge,
	.name = "allowed_mac",
	.comment = "bridge port . source MAC that may pass it",
	.key = {NFT_TYPE_IFNAME, NFT_TYPE_MAC},
};

static const struct nft_set *const bridge_sets[] = {&ruleset_guarded, &ruleset_allowed_mac, NULL};

static void guard_rules(struct nft_batch *b, const struct nft_chain *chain)
{
	nft_add_rule(b, chain, "forged source MAC", nft_iifname(0), nft_in(&ruleset_guarded, 0),
		     nft_iifname(0), nft_ether_saddr(4), nft_not_in(&ruleset_allowed_mac, 0),
		     nft_drop());
}

static const struct ruleset_chain bridge_chains[] = {
	{
		.chain = {.table = &bridge,
			  .name = "prerouting",
			  .type = "filter",
			  .hook = NF_BR_PRE_ROUTING,
			  .priority = NF_BR_PRI_NAT_DST_BRIDGED},
		.n_rules = 1,
		.rules = guard_rules,
	},
};

const struct ruleset ruleset_bridge = {
	.table = &bridge,
	.comment = "containers of heddle, see docs/nftables.md",
	.sets = bridge_sets,
	.chains = bridge_chains,
	.n_chains = ARRAY_SIZE(bridge_chains),
};

static_assert(ARRAY_SIZE(inet_chains) <= RULESET_CHAINS, "inet_chains");
static_assert(ARRAY_SIZE(bridge_chains) <= RULESET_CHAINS, "bridge_chains");

/* ---- layouts --------------------------------------------------------------- */

/* Whether a chain is as this program, or a later one, made it. */
static bool chain_stands(const struct ruleset_chain *c, const struct nft_chain_state *state,
			 unsigned int layout)
{
	if (layout == RULESET_LAYOUT)
		return state->n_rules >= c->n_rules;

	return layout > RULESET_LAYOUT && state->n_rules > 0;
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
	struct ruleset_view view = {.stands = true};
	int r;

	for (size_t i = 0; i < rs->n_chains; i++) {
		r = look_at_chain(nl, rs, i, &view, e);
		if (r < 0)
			return r;
	}
	*ret = view;

	return 0;
}

void ruleset_build(struct nft_batch *b, const struct ruleset *rs, const struct ruleset_view *view)
{
	char layout[NFT_COMMENT_SIZE];

	if (view->stands)
		return;
	snprintf(layout, sizeof(layout), LAYOUT_COMMENT, RULESET_LAYOUT, RULESET_COMPATIBLE);
	nft_add_table(b, rs->table, rs->comment);
	for (size_t i = 0; rs->sets[i]; i++)
		nft_add_set(b, rs->sets[i]);
	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct ruleset_chain *c = &rs->chains[i];

		if (view->chain_exists[i])
			nft_del_chain(b, &c->chain);
		nft_add_chain(b, &c->chain, layout);
		c->rules(b, &c->chain);
	}
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
