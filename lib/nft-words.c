/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-words - see nft-words.h. */
#include "lib/nft-words.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sha256.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"
#include "lib/jnode.h"
#include "lib/nft-expr.h"

static_assert(NFT_WORDS_DIGEST == SHA256_DIGEST_LENGTH, "a digest is a SHA-256");

/* ---- what can be asked ---------------------------------------------------------- */

enum kind { ADDRESS, INTERFACE, PORT, MARK };

struct nft_field {
	const char *group, *name;
	enum kind kind;
	uint8_t family;	  /* of an address */
	uint8_t proto;	  /* of a port */
	uint32_t at, len; /* in its header */
};

static const struct nft_field fields[] = {
	{ "ip", "saddr", ADDRESS, .family = AF_INET, .at = 12, .len = 4 },
	{ "ip", "daddr", ADDRESS, .family = AF_INET, .at = 16, .len = 4 },
	{ "ip6", "saddr", ADDRESS, .family = AF_INET6, .at = 8, .len = 16 },
	{ "ip6", "daddr", ADDRESS, .family = AF_INET6, .at = 24, .len = 16 },
	{ "tcp", "sport", PORT, .proto = IPPROTO_TCP, .at = 0, .len = 2 },
	{ "tcp", "dport", PORT, .proto = IPPROTO_TCP, .at = 2, .len = 2 },
	{ "udp", "sport", PORT, .proto = IPPROTO_UDP, .at = 0, .len = 2 },
	{ "udp", "dport", PORT, .proto = IPPROTO_UDP, .at = 2, .len = 2 },
	{ "sctp", "sport", PORT, .proto = IPPROTO_SCTP, .at = 0, .len = 2 },
	{ "sctp", "dport", PORT, .proto = IPPROTO_SCTP, .at = 2, .len = 2 },
	{ "meta", "iifname", INTERFACE },
	{ "meta", "mark", MARK },
};

#define KNOWN_WORDS                                                                                \
	"ip saddr, ip daddr, ip6 saddr, ip6 daddr, iifname, tcp|udp|sctp dport|sport and meta "    \
	"mark"

/* What people write who had iptables before. */
static const struct {
	const char *word, *instead;
} of_iptables[] = {
	{ "!", "!= before the value" },
	{ "-s", "ip saddr or ip6 saddr" },
	{ "--source", "ip saddr or ip6 saddr" },
	{ "--src", "ip saddr or ip6 saddr" },
	{ "-d", "ip daddr or ip6 daddr" },
	{ "--destination", "ip daddr or ip6 daddr" },
	{ "--dst", "ip daddr or ip6 daddr" },
	{ "-i", "iifname" },
	{ "--in-interface", "iifname" },
	{ "--dport", "tcp dport, udp dport or sctp dport" },
	{ "--destination-port", "tcp dport, udp dport or sctp dport" },
	{ "--dports", "tcp dport { … }" },
	{ "--sport", "tcp sport, udp sport or sctp sport" },
	{ "--source-port", "tcp sport, udp sport or sctp sport" },
	{ "--mark", "meta mark & MASK == VALUE" },
};

/* ---- words ----------------------------------------------------------------------- */

#define WORD_SIZE 100 /* two IPv6 addresses and what is between them */

struct reader {
	const struct jnode *list;
	uint8_t family;
	struct nft_words *words;
	SHA256_CTX digest;
	size_t item;	      /* which string is read … */
	const char *at;	      /* … and from where on; NULL: it was not begun */
	size_t of;	      /* which string the word is of */
	char word[WORD_SIZE]; /* the last one, "" at the end of all */
	bool quoted;
};

/* @rule goes on behind the word. */
static int bad(const struct reader *r, struct err *e, const char *rule)
{
	struct jnode item = jn_item(r->list, r->of);

	return *r->word ? jn_bad(&item, e, "\"%s\" %s", r->word, rule)
			: jn_bad(&item, e, "the words end in the middle of a condition");
}

/* The next character that is no blank, of whichever string.  Return: 1, 0 at the end of all. */
static int find_word(struct reader *r, struct err *e)
{
	for (; r->item < jn_count(r->list); r->item++, r->at = NULL) {
		struct jnode item = jn_item(r->list, r->item);
		int ret = r->at ? 0 : jn_str(&item, &r->at, e);

		if (ret < 0)
			return ret;
		r->of = r->item;
		r->at += strspn(r->at, " \t");
		if (*r->at)
			return 1;
	}

	return 0;
}

/* Braces, commas and operators need no blanks around them. */
static size_t word_len(const char *at)
{
	if (*at == '"')
		return strcspn(at + 1, "\"") + 1 + (strchr(at + 1, '"') != NULL);
	if (strncmp(at, "!=", 2) == 0 || strncmp(at, "==", 2) == 0)
		return 2;
	if (strchr("{},&!", *at))
		return 1;

	return strcspn(at, " \t{},&!=\"") + (*at == '=');
}

static int next_word(struct reader *r, struct err *e)
{
	int found = find_word(r, e);
	size_t len;

	*r->word = '\0';
	if (found <= 0)
		return found;
	len = word_len(r->at);
	r->quoted = *r->at == '"';
	if (len >= sizeof(r->word)) {
		memcpy(r->word, r->at, sizeof(r->word) - 1);
		r->word[sizeof(r->word) - 1] = '\0';
		return bad(r, e, "is longer than any word");
	}
	memcpy(r->word, r->at, len);
	r->word[len] = '\0';
	r->at += len;
	SHA256_Update(&r->digest, (const uint8_t *)r->word, len + 1);

	return 1;
}

static bool word_is(const struct reader *r, const char *word)
{
	return strcmp(r->word, word) == 0;
}

static int unknown_word(const struct reader *r, struct err *e)
{
	struct jnode item = jn_item(r->list, r->of);

	for (size_t i = 0; i < ARRAY_SIZE(of_iptables); i++)
		if (word_is(r, of_iptables[i].word))
			return jn_bad(&item, e,
				      "\"%s\" is a word of iptables: write %s, or set backend "
				      "\"iptables\"",
				      r->word, of_iptables[i].instead);
	if (*r->word == '-')
		return jn_bad(&item, e,
			      "\"%s\" is a word of iptables: with nftables there are " KNOWN_WORDS
			      "; or set backend \"iptables\"",
			      r->word);
	if (word_is(r, "oifname"))
		return bad(r, e,
			   "is not known before the destination is changed: conditions can ask "
			   "for iifname");

	return bad(r, e, "is no condition for a port: there are " KNOWN_WORDS);
}

/* ---- values ------------------------------------------------------------------------ */

/* Cuts "A-B" in two.  Return: B, or A again. */
static char *cut_range(char *text)
{
	char *dash = strchr(text, '-');

	if (!dash)
		return text;
	*dash = '\0';

	return dash + 1;
}

static bool read_prefix(const char *text, struct ip_addr *ret_from, struct ip_addr *ret_to)
{
	struct ip_net net;

	if (ip_net_parse(text, &net) < 0)
		return false;
	*ret_from = ip_net_first(&net);
	*ret_to = ip_net_last(&net);

	return true;
}

static int read_address(const struct reader *r, const struct nft_field *field, struct nft_span *ret,
			struct err *e)
{
	char text[WORD_SIZE], *end;
	struct ip_addr from, to;

	memcpy(text, r->word, sizeof(text));
	end = cut_range(text);
	if (!read_prefix(r->word, &from, &to) &&
	    (ip_parse(text, &from) < 0 || ip_parse(end, &to) < 0))
		return bad(r, e, "is no address, prefix or range A-B of addresses");
	if (from.family != field->family || to.family != field->family)
		return bad(r, e,
			   field->family == AF_INET ? "is no IPv4 address, which ip asks for"
						    : "is no IPv6 address, which ip6 asks for");
	if (ip_cmp(&from, &to) > 0)
		return bad(r, e, "ends before it begins");
	ret->len = (uint8_t)field->len;
	memcpy(ret->from, from.b, sizeof(from.b));
	memcpy(ret->to, to.b, sizeof(to.b));

	return 0;
}

static int read_interface(const struct reader *r, struct nft_span *ret, struct err *e)
{
	const char *name = r->word + r->quoted;
	size_t len = strlen(name);

	if (r->quoted && (len == 0 || name[--len] != '"'))
		return bad(r, e, "has no closing quote");
	ret->len = IFNAMSIZ;
	/* Of a beginning the rest is not compared. */
	if (len > 1 && name[len - 1] == '*')
		ret->len = (uint8_t)--len;
	if (len == 0 || len >= IFNAMSIZ || strcspn(name, "/*{},&!=") < len)
		return bad(r, e, "is no name of an interface, or beginning of one and *");
	memcpy(ret->from, name, len);
	memcpy(ret->to, name, len);

	return 0;
}

static bool read_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, max > UINT16_MAX ? 0 : 10);

	return isdigit((unsigned char)*text) && !*end && errno == 0 && *ret <= max;
}

static int read_port(const struct reader *r, struct nft_span *ret, struct err *e)
{
	char text[WORD_SIZE], *end;
	unsigned long from, to;
	uint16_t net;

	memcpy(text, r->word, sizeof(text));
	end = cut_range(text);
	if (!read_number(text, UINT16_MAX, &from) || !read_number(end, UINT16_MAX, &to))
		return bad(r, e, "is no port, 0 to 65535, or range A-B of them");
	if (from > to)
		return bad(r, e, "ends before it begins");
	ret->len = sizeof(net);
	net = htons((uint16_t)from);
	memcpy(ret->from, &net, sizeof(net));
	net = htons((uint16_t)to);
	memcpy(ret->to, &net, sizeof(net));

	return 0;
}

static int read_mark(const struct reader *r, struct nft_span *ret, struct err *e)
{
	unsigned long value;
	uint32_t mark;

	if (!read_number(r->word, UINT32_MAX, &value))
		return bad(r, e, "is no mark: a number, 0 to 0xffffffff");
	mark = (uint32_t)value;
	ret->len = sizeof(mark);
	memcpy(ret->from, &mark, sizeof(mark));
	memcpy(ret->to, &mark, sizeof(mark));

	return 0;
}

/* The word is a value. */
static int read_value(struct reader *r, struct nft_match *match, struct err *e)
{
	struct nft_span span = { .len = 0 };
	int ret;

	if (*r->word == '-' || *r->word == '!')
		return unknown_word(r, e);
	switch (match->field->kind) {
	case ADDRESS:
		ret = read_address(r, match->field, &span, e);
		break;
	case INTERFACE:
		ret = read_interface(r, &span, e);
		break;
	case PORT:
		ret = read_port(r, &span, e);
		break;
	default:
		ret = read_mark(r, &span, e);
		break;
	}
	if (ret < 0)
		return ret;
	if (r->words->n_values == NFT_WORDS_VALUES)
		return bad(r, e, "is one value more than 64: ask for prefixes or ranges");
	r->words->values[r->words->n_values++] = span;
	match->n++;

	return 0;
}

/* ---- conditions -------------------------------------------------------------------- */

/* "{" was read. */
static int read_braces(struct reader *r, struct nft_match *match, struct err *e)
{
	int ret;

	do {
		if ((ret = next_word(r, e)) < 0 || (ret = read_value(r, match, e)) < 0 ||
		    (ret = next_word(r, e)) < 0)
			return ret;
	} while (word_is(r, ","));

	return word_is(r, "}") ? 0 : bad(r, e, "stands where a comma or } belongs");
}

static int read_mask(struct reader *r, struct nft_match *match, struct err *e)
{
	struct nft_span span = { .len = 0 };
	int ret;

	if ((ret = next_word(r, e)) < 0 || (ret = read_mark(r, &span, e)) < 0)
		return ret;
	memcpy(&match->mask, span.from, sizeof(match->mask));
	if (match->mask == 0)
		return bad(r, e, "masks everything");
	ret = next_word(r, e);
	if (ret >= 0 && !word_is(r, "==") && !word_is(r, "!="))
		return bad(r, e, "stands where == or != belongs, behind a mask");

	return ret;
}

/* The words of the field were read. */
static int read_values(struct reader *r, struct nft_match *match, struct err *e)
{
	int ret = next_word(r, e);

	if (ret >= 0 && match->field->kind == MARK && word_is(r, "&"))
		ret = read_mask(r, match, e);
	if (ret < 0)
		return ret;
	match->negated = word_is(r, "!=");
	if (match->negated || word_is(r, "==")) {
		ret = next_word(r, e);
		if (ret < 0)
			return ret;
	}

	return word_is(r, "{") ? read_braces(r, match, e) : read_value(r, match, e);
}

/* The first word was read; "meta" need not be said. */
static int read_field(struct reader *r, const struct nft_field **ret, struct err *e)
{
	bool group_known = word_is(r, "meta");
	char group[WORD_SIZE] = "meta";

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		group_known = group_known || word_is(r, fields[i].group);
	if (group_known) {
		int found;

		memcpy(group, r->word, sizeof(group));
		found = next_word(r, e);
		if (found < 0)
			return found;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(group, fields[i].group) == 0 && word_is(r, fields[i].name)) {
			*ret = &fields[i];
			return 0;
		}
	}

	return unknown_word(r, e);
}

static int read_match(struct reader *r, struct err *e)
{
	struct nft_words *w = r->words;
	struct nft_match match = { .first = w->n_values };
	int ret;

	if (w->n == NFT_WORDS_MATCHES)
		return bad(r, e, "is one condition more than 8");
	ret = read_field(r, &match.field, e);
	if (ret < 0)
		return ret;
	if (match.field->kind == ADDRESS && match.field->family != r->family)
		return bad(r, e,
			   r->family == AF_INET ? "is of ip6: conditions for IPv4 ask for ip"
						: "is of ip: conditions for IPv6 ask for ip6");
	ret = read_values(r, &match, e);
	if (ret < 0)
		return ret;
	w->matches[w->n++] = match;

	return nft_words_alternatives(w) > NFT_WORDS_ALTERNATIVES
		       ? bad(r, e, "makes more than 64 alternatives: ask for prefixes or ranges")
		       : 0;
}

int nft_words_read(const struct jnode *n, uint8_t family, struct nft_words *ret, struct err *e)
{
	struct nft_words words = { .n = 0 };
	struct reader r = { .list = n, .family = family, .words = &words };
	int found = jn_array(n, e);

	SHA256_Init(&r.digest);
	if (found == 0)
		found = next_word(&r, e);
	while (found > 0) {
		found = read_match(&r, e);
		if (found == 0)
			found = next_word(&r, e);
	}
	if (found < 0)
		return found;
	SHA256_Final(words.digest, &r.digest);
	*ret = words;

	return 0;
}

/* ---- rules ------------------------------------------------------------------------- */

size_t nft_words_alternatives(const struct nft_words *w)
{
	size_t n = 1;

	for (size_t i = 0; i < w->n; i++)
		if (!w->matches[i].negated)
			n *= w->matches[i].n;

	return n;
}

/* A list of expressions that grows. */
struct exprs {
	struct nftnl_expr **list;
	size_t n;
};

static void put(struct exprs *x, struct nftnl_expr *expr)
{
	x->list[x->n++] = expr;
}

static void load(struct exprs *x, const struct nft_match *match)
{
	const struct nft_field *field = match->field;

	switch (field->kind) {
	case ADDRESS:
		put(x, nft_payload(NFT_PAYLOAD_NETWORK_HEADER, field->at, field->len, 0));
		break;
	case INTERFACE:
		put(x, nft_iifname(0));
		break;
	case PORT:
		put(x, nft_meta(NFT_META_L4PROTO, 0));
		put(x, nft_is(0, &field->proto, sizeof(field->proto)));
		put(x, nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, field->at, field->len, 0));
		break;
	case MARK:
		put(x, nft_meta(NFT_META_MARK, 0));
		if (match->mask)
			put(x, nft_and(0, &match->mask, sizeof(match->mask)));
		break;
	}
}

static void compare(struct exprs *x, const struct nft_span *span, bool negated)
{
	if (memcmp(span->from, span->to, span->len) != 0)
		put(x, nft_range(0, negated, span->from, span->to, span->len));
	else if (negated)
		put(x, nft_is_not(0, span->from, span->len));
	else
		put(x, nft_is(0, span->from, span->len));
}

size_t nft_words_exprs(const struct nft_words *w, size_t which,
		       struct nftnl_expr *ret[NFT_WORDS_EXPRS])
{
	struct exprs x = { .list = ret };

	for (size_t i = 0; i < w->n; i++) {
		const struct nft_match *match = &w->matches[i];
		const struct nft_span *values = &w->values[match->first];

		load(&x, match);
		if (!match->negated) {
			compare(&x, &values[which % match->n], false);
			which /= match->n;
			continue;
		}
		for (size_t k = 0; k < match->n; k++)
			compare(&x, &values[k], true);
	}

	return x.n;
}
