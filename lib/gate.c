/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gate - see gate.h. */
#include "lib/gate.h"

#include <sha256.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/nft-expr.h"
#include "lib/nft.h"
#include "lib/ruleset.h"
#include "lib/shared-chain.h"

#define NAME_LEN  14 /* the names of lists (admit-list.h) have one more */
#define OTHERS	  16 /* expressions of a rule beside the conditions */
#define RULE_SIZE (NFT_WORDS_EXPRS + OTHERS)

/* ---- read ---------------------------------------------------------------------- */

static void set_name(struct gate *g, const char *network)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char hex[NAME_LEN + 1];
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, (const uint8_t *)network, strlen(network) + 1);
	SHA256_Update(&ctx, &g->family, sizeof(g->family));
	SHA256_Update(&ctx, g->words.digest, sizeof(g->words.digest));
	SHA256_Final(digest, &ctx);
	for (int i = 0; i < NAME_LEN / 2; i++)
		snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", digest[i]);
	snprintf(g->name, sizeof(g->name), "g%.*s", NAME_LEN - 1, hex);
}

int gate_read(const struct jnode *n, const char *network, uint8_t family, struct gate *ret,
	      struct err *e)
{
	struct gate g = { .family = family };
	int r = nft_words_read(n, family, &g.words, e);

	if (r < 0)
		return r;
	if (g.words.n > 0) {
		set_name(&g, network);
		owner_init(&g.network, network, "", "");
	}
	*ret = g;

	return 0;
}

/* ---- the chain ------------------------------------------------------------------ */

struct rule {
	struct nftnl_expr *list[RULE_SIZE];
	size_t n;
};

static void append(struct rule *rule, struct nftnl_expr *const exprs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		rule->list[rule->n++] = exprs[i];
}

#define APPEND(rule, ...)                                                                          \
	append((rule), (struct nftnl_expr *[]){ __VA_ARGS__ },                                     \
	       sizeof((struct nftnl_expr *[]){ __VA_ARGS__ }) / sizeof(struct nftnl_expr *))

/* The family first, or nft would not know what it reads; then one alternative. */
static void begin_rule(struct rule *rule, const struct gate *g, size_t which)
{
	uint8_t family = g->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	rule->n = 0;
	APPEND(rule, NFT_NFPROTO_IS_(family));
	rule->n += nft_words_exprs(&g->words, which, rule->list + rule->n);
}

static void end_rule(struct nft_batch *b, const struct shared_chain *c, const struct rule *rule,
		     const char *comment)
{
	nft_add_rule_exprs(b, &c->chain, comment, rule->list, rule->n);
}

static void put_rules(struct nft_batch *b, const struct shared_chain *c)
{
	const struct gate *g = c->data;
	bool is4 = g->family == AF_INET;
	struct rule rule;

	for (size_t i = 0; i < nft_words_alternatives(&g->words); i++) {
		begin_rule(&rule, g, i);
		if (is4)
			APPEND(&rule, NFT_DNAT_HOSTPORT4);
		else
			APPEND(&rule, NFT_DNAT_HOSTPORT6);
		end_rule(b, c, &rule, "port of one address");
		begin_rule(&rule, g, i);
		if (is4)
			APPEND(&rule, NFT_DNAT_PORT4);
		else
			APPEND(&rule, NFT_DNAT_PORT6);
		end_rule(b, c, &rule, "port of any address");
	}
}

static struct shared_chain chain_of(const struct gate *g)
{
	return (struct shared_chain){
		.what = "conditions of the network's ports",
		.chain = { .table = ruleset_inet.table, .name = g->name },
		.n_rules = 2 * (uint32_t)nft_words_alternatives(&g->words),
		.put_rules = put_rules,
		.data = g,
	};
}

/* ---- the verbs ------------------------------------------------------------------- */

int gate_add(struct nl *nl, const struct gate *g, struct err *e)
{
	struct shared_chain c = chain_of(g);

	return shared_chain_add(nl, &c, &g->network, e);
}

int gate_check(struct nl *nl, const struct gate *g, struct err *e)
{
	struct shared_chain c = chain_of(g);

	return shared_chain_check(nl, &c, e);
}

static bool is_gate(const char *name)
{
	return *name == 'g' && strlen(name) == NAME_LEN;
}

static int release(struct nl *nl, const char *name, struct err *e)
{
	struct shared_chain c = { .chain = { .table = ruleset_inet.table, .name = name } };

	return shared_chain_release(nl, &c, e);
}

int gate_prune(struct nl *nl, const struct owner *network, struct err *e)
{
	return shared_chain_prune(nl, network, is_gate, release, e);
}
