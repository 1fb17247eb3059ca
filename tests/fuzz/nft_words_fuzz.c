/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft_words_fuzz - any text as conditions in nft's words
 *
 * What is read of it is within the limits, and each of its alternatives makes a rule
 * that the kernel has room for.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libnftnl/expr.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/nft-words.h"

#define RULE_MAX 128 /* NFT_RULE_MAXEXPRS of the kernel */

static void must_make_rules(const struct nft_words *w)
{
	struct nftnl_expr *exprs[NFT_WORDS_EXPRS];

	for (size_t i = 0; i < nft_words_alternatives(w); i++) {
		size_t n = nft_words_exprs(w, i, exprs);

		MUST(n >= 2 * w->n && n + 16 <= RULE_MAX);
		for (size_t k = 0; k < n; k++) {
			MUST(exprs[k]);
			nftnl_expr_free(exprs[k]);
		}
	}
}

static void must_be_sound(const struct nft_words *w)
{
	size_t next = 0;

	MUST(w->n <= NFT_WORDS_MATCHES && w->n_values <= NFT_WORDS_VALUES);
	for (size_t i = 0; i < w->n; i++) {
		MUST(w->matches[i].field && w->matches[i].n > 0 && w->matches[i].first == next);
		next += w->matches[i].n;
	}
	MUST(next == w->n_values);
	for (size_t i = 0; i < w->n_values; i++) {
		const struct nft_span *v = &w->values[i];

		MUST(v->len > 0 && v->len <= sizeof(v->from));
		MUST(memcmp(v->from, v->to, v->len) <= 0);
	}
	MUST(nft_words_alternatives(w) <= NFT_WORDS_ALTERNATIVES);
	must_make_rules(w);
}

static void read_as(const struct jnode *root, const char *key, uint8_t family)
{
	struct nft_words words;
	struct err e = { 0 };
	struct jnode list;

	if (!jn_get(root, key, &list))
		return;
	if (nft_words_read(&list, family, &words, &e) < 0)
		MUST(e.cni != 0 && *e.msg);
	else
		must_be_sound(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON json_t *doc = NULL;
	struct err e = { 0 };
	struct jnode root;

	if (jn_parse((const char *)data, size, &doc, &e) < 0)
		return 0;
	root = jn_root(doc);
	read_as(&root, "4", AF_INET);
	read_as(&root, "6", AF_INET6);

	return 0;
}
