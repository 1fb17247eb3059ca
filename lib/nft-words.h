/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft-words - conditions as nft writes them, for rules of ours
 *
 *	["ip saddr 10.0.0.0/8", "iifname != { \"wan0\", \"wan1\" }"]
 *
 * nft's language is a grammar of hundreds of words; these are the ones that can be
 * true or false of a connection's first packet before its destination is changed:
 *
 *	ip saddr, ip daddr, ip6 saddr, ip6 daddr	address, prefix, or A-B
 *	iifname						name, or its beginning and *
 *	tcp, udp or sctp; dport or sport		port, or A-B
 *	meta mark, meta mark & MASK			number
 *
 * Behind each stands a value, or several in braces, with == or != before them if
 * need be.  All conditions have to hold.  Where the strings are cut is of no matter.
 *
 * The kernel has no "or" within a rule, so values in braces make as many rules: a
 * rule for each alternative.  Pure: nothing here asks the kernel.
 *
 * Source: nft(8), "Payload expressions" and "Meta expressions".
 */
#ifndef NFT_WORDS_H
#define NFT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_WORDS_MATCHES      8  /* conditions, at most */
#define NFT_WORDS_VALUES       64 /* of all of them */
#define NFT_WORDS_ALTERNATIVES 64
#define NFT_WORDS_EXPRS	       (NFT_WORDS_MATCHES * 4 + NFT_WORDS_VALUES) /* of one alternative */
#define NFT_WORDS_DIGEST       32

struct err;
struct jnode;
struct nft_field;
struct nftnl_expr;

/* One value, or all between two; in network order, but a mark in the host's. */
struct nft_span {
	uint8_t from[16], to[16];
	uint8_t len; /* bytes to compare */
};

struct nft_match {
	const struct nft_field *field;
	bool negated;
	uint32_t mask;	 /* of a mark; 0: the whole of it */
	size_t first, n; /* its values in the list of all */
};

struct nft_words {
	struct nft_match matches[NFT_WORDS_MATCHES];
	size_t n; /* 0: no conditions */
	struct nft_span values[NFT_WORDS_VALUES];
	size_t n_values;
	uint8_t digest[NFT_WORDS_DIGEST]; /* of the words, however they were cut */
};

/**
 * nft_words_read() - read a list of strings
 * @n:		the list
 * @family:	AF_INET or AF_INET6; addresses of the other one are errors
 * @ret:	the conditions
 *
 * Return: 0, or -EINVAL with the path, the word, and what to write instead: words of
 * iptables are known and told apart from words that are none.
 */
int nft_words_read(const struct jnode *n, uint8_t family, struct nft_words *ret, struct err *e);

/* How many rules the conditions make; 1 without any. */
size_t nft_words_alternatives(const struct nft_words *w);

/**
 * nft_words_exprs() - one alternative as expressions of a rule
 * @w:		the conditions
 * @which:	below nft_words_alternatives()
 * @ret:	filled in; register 0 to 3 are used
 *
 * Return: how many expressions; NULL ones, when out of memory, are for
 * nft_add_rule_exprs() to notice.
 */
size_t nft_words_exprs(const struct nft_words *w, size_t which,
		       struct nftnl_expr *ret[NFT_WORDS_EXPRS]);

#endif
