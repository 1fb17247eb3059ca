/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coexist - see coexist.h. */
#include "lib/coexist.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_mark.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/iptables.h"
#include "lib/nft.h"
#include "lib/nl.h"
#include "lib/nslock.h"
#include "lib/ruleset.h"

#define RULE "FORWARD -m mark --mark 0x%x/0x%x -j ACCEPT"

/* ---- the rule, as the kernel tells it --------------------------------------- */

static bool is_u32(const struct nftnl_expr *expr, uint16_t attr, uint32_t value)
{
	return nftnl_expr_is_set(expr, attr) && nftnl_expr_get_u32(expr, attr) == value;
}

static bool is_data(const struct nftnl_expr *expr, uint16_t attr, uint32_t value)
{
	const void *data;
	uint32_t len;

	data = nftnl_expr_get(expr, attr, &len);

	return data && len == sizeof(value) && memcmp(data, &value, sizeof(value)) == 0;
}

static bool is_load(const struct nftnl_expr *expr, uint32_t mark)
{
	(void)mark;

	return is_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_MARK) &&
	       nftnl_expr_is_set(expr, NFTNL_EXPR_META_DREG);
}

static bool is_mask(const struct nftnl_expr *expr, uint32_t mark)
{
	return is_data(expr, NFTNL_EXPR_BITWISE_MASK, mark) &&
	       is_data(expr, NFTNL_EXPR_BITWISE_XOR, 0);
}

static bool is_comparison(const struct nftnl_expr *expr, uint32_t mark)
{
	return is_u32(expr, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ) &&
	       is_data(expr, NFTNL_EXPR_CMP_DATA, mark);
}

static bool is_accept(const struct nftnl_expr *expr, uint32_t mark)
{
	(void)mark;

	return is_u32(expr, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
}

/* The match of iptables before 1.8.8, in one expression. */
static bool is_match(const struct nftnl_expr *expr, uint32_t mark)
{
	const struct xt_mark_mtinfo1 *info;
	uint32_t len;

	if (strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_MT_NAME), "mark") != 0)
		return false;
	info = nftnl_expr_get(expr, NFTNL_EXPR_MT_INFO, &len);

	return info && len >= sizeof(*info) && info->mark == mark && info->mask == mark &&
	       !info->invert;
}

/* The words of the rule in their order. */
static const struct word {
	const char *name;
	bool (*is)(const struct nftnl_expr *expr, uint32_t mark);
	int next; /* 0: the rule is complete */
} words[] = {
	{ "meta", is_load, 1 },	       { "bitwise", is_mask, 2 }, { "cmp", is_comparison, 3 },
	{ "immediate", is_accept, 0 }, { "match", is_match, 3 },
};

/* Return: the word after @at if @expr is the word there, or -1. */
static int read_word(const struct nftnl_expr *expr, int at, uint32_t mark)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);

	if (at == 0 && strcmp(name, "match") == 0)
		at = 4;

	return strcmp(name, words[at].name) == 0 && words[at].is(expr, mark) ? words[at].next : -1;
}

static bool is_the_rule(const struct nftnl_rule *rule, uint32_t mark)
{
	struct nftnl_expr_iter *iter = nftnl_expr_iter_create(rule);
	struct nftnl_expr *expr;
	bool complete = false;
	int at = 0;

	while (iter && at >= 0 && (expr = nftnl_expr_iter_next(iter))) {
		if (strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), "counter") == 0)
			continue;
		at = complete ? -1 : read_word(expr, at, mark);
		complete = at == 0;
	}
	if (iter)
		nftnl_expr_iter_destroy(iter);

	return complete && at == 0;
}

struct search {
	uint32_t mark;
	bool found;
};

static int rule_cb(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct search *search = data;

	if (!rule)
		return -ENOMEM;
	if (nftnl_rule_nlmsg_parse(nlh, rule) == 0 && is_the_rule(rule, search->mark))
		search->found = true;
	nftnl_rule_free(rule);

	return 0;
}

/* Return: 1, 0, or a negative errno. */
static int has_rule(struct nl *nl, const struct nft_chain *chain, uint32_t mark, struct err *e)
{
	struct nlmsghdr *nlh = nl_put(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP,
				      "list the rules of chain %s", chain->name);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	struct search search = { .mark = mark };
	int r;

	nfg->nfgen_family = chain->table->family;
	nfg->version = NFNETLINK_V0;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain->name);
	r = nl_query(nl, rule_cb, &search, e);

	return r < 0 ? r : search.found;
}

int coexist_accepts(struct nl *nl, const struct nft_chain *chain, struct err *e)
{
	uint32_t mark;
	int r = ruleset_get_mark(nl, 0, &mark, e);

	return r < 0 ? r : has_rule(nl, chain, mark, e);
}

/* Return: 1 if the rule is needed and missing, 0, or a negative errno. */
static int is_missing(struct nl *nl, uint8_t family, uint32_t mark, struct err *e)
{
	const struct nft_table table = { .family = family, .name = "filter" };
	const struct nft_chain chain = { .table = &table, .name = "FORWARD" };
	struct nft_chain_state state;
	int r;

	r = nft_get_chain(nl, &chain, &state, e);
	if (r <= 0 || (state.policy == NF_ACCEPT && state.n_rules == 0))
		return r < 0 ? r : 0;
	r = has_rule(nl, &chain, mark, e);

	return r < 0 ? r : !r;
}

/* ---- inserting it ------------------------------------------------------------ */

static int restore(uint8_t family, const char *option, uint32_t mark, struct err *e)
{
	char script[128];

	snprintf(script, sizeof(script), "*filter\n%s " RULE "\nCOMMIT\n", option, mark, mark);

	return iptables_restore(family, script, e);
}

static int no_program(uint8_t family, uint32_t mark, struct err *e)
{
	return err_sys(
		e, ENOENT,
		"the iptables program is missing: install the iptables package, or let chain "
		"FORWARD of nftables table %s filter accept `meta mark & 0x%x == 0x%x`",
		nft_family_name(family), mark, mark);
}

/* The program may be of the legacy variant, which has a chain FORWARD of its own. */
static int insert(struct nl *nl, uint8_t family, uint32_t mark, struct err *e)
{
	int r = restore(family, "-I", mark, e);

	if (r < 0)
		return r == -ENOENT ? no_program(family, mark, e) : r;
	r = is_missing(nl, family, mark, e);
	if (r <= 0)
		return r;
	(void)restore(family, "-D", mark, NULL);

	return err_cni(
		e, CNI_E_INTERNAL,
		"the iptables program does not write to nftables table %s filter, whose chain "
		"FORWARD has rules or drops: choose the nft variant of iptables (`"
		"update-alternatives --config iptables`), or remove that table",
		nft_family_name(family));
}

/* Of many ADDs at once one inserts the rule. */
static int insert_once(struct nl *nl, uint8_t family, uint32_t mark, struct err *e)
{
	AUTO_FD int lock = -1;
	int r;

	r = nslock_take(&lock, e);
	if (r == 0)
		r = is_missing(nl, family, mark, e);

	return r > 0 ? insert(nl, family, mark, e) : r;
}

int coexist_add(struct nl *nl, uint8_t family, uint32_t mark, struct err *e)
{
	int r = is_missing(nl, family, mark, e);

	if (r > 0)
		r = insert_once(nl, family, mark, e);

	return r < 0 ? err_wrap(e, r, "pass chain FORWARD of other tools") : 0;
}

int coexist_check(struct nl *nl, uint8_t family, uint32_t mark, struct err *e)
{
	int r = is_missing(nl, family, mark, e);

	if (r <= 0)
		return r;

	return err_cni(e, CNI_E_CHECK,
		       "chain FORWARD of nftables table %s filter has no rule that accepts mark "
		       "0x%x/0x%x: an ADD restores it",
		       nft_family_name(family), mark, mark);
}
