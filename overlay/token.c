/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token - see token.h. */
#include "overlay/token.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <time.h>

#include "lib/err.h"
#include "overlay/bytes.h"

#define AT_ID	    32
#define AT_EXPIRES  40
#define AT_SECRET   44
#define AT_CHECKSUM 60
#define TOKEN_LEN   64
#define PREFIX_LEN  (sizeof(TOKEN_PREFIX) - 1)
#define BASE64	    sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define COPY_AGAIN  "copy it again from where it was issued"
#define ASK_ANEW    "ask an admitter for a new one (heddle token create)"

static_assert(PREFIX_LEN + sodium_base64_ENCODED_LEN(TOKEN_LEN, BASE64) == TOKEN_TEXT_LEN + 1,
	      "the text's length");

static void checksum(const uint8_t bytes[AT_CHECKSUM], uint8_t ret[4])
{
	uint8_t sum[crypto_generichash_BYTES_MIN];
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(sum));
	crypto_generichash_update(&state, (const uint8_t *)TOKEN_PREFIX, PREFIX_LEN);
	crypto_generichash_update(&state, bytes, AT_CHECKSUM);
	crypto_generichash_final(&state, sum, sizeof(sum));
	memcpy(ret, sum, 4);
}

/* ---- issue --------------------------------------------------------------- */

static void derive_secret(const struct identity *cluster, const uint8_t id[TOKEN_ID_LEN],
			  uint32_t expires, uint8_t ret[TOKEN_SECRET_LEN])
{
	static const uint8_t prefix[16] = "heddle token   1";
	crypto_generichash_state state;
	uint8_t when[4];

	put_le32(when, expires);
	crypto_generichash_init(&state, cluster->secret, IDENTITY_SEED_LEN, TOKEN_SECRET_LEN);
	crypto_generichash_update(&state, prefix, sizeof(prefix));
	crypto_generichash_update(&state, id, TOKEN_ID_LEN);
	crypto_generichash_update(&state, when, sizeof(when));
	crypto_generichash_final(&state, ret, TOKEN_SECRET_LEN);
	sodium_memzero(&state, sizeof(state));
}

void token_issue(const struct identity *cluster, const uint8_t id[TOKEN_ID_LEN], uint32_t expires,
		 struct token *ret)
{
	struct token t = { .expires = expires };

	memcpy(t.cluster_key, cluster->key, NODE_KEY_LEN);
	memcpy(t.id, id, TOKEN_ID_LEN);
	derive_secret(cluster, id, expires, t.secret);
	*ret = t;
	sodium_memzero(&t, sizeof(t));
}

void token_text(const struct token *t, char ret[TOKEN_TEXT_LEN + 1])
{
	uint8_t bytes[TOKEN_LEN];

	memcpy(bytes, t->cluster_key, NODE_KEY_LEN);
	memcpy(bytes + AT_ID, t->id, TOKEN_ID_LEN);
	put_le32(bytes + AT_EXPIRES, t->expires);
	memcpy(bytes + AT_SECRET, t->secret, TOKEN_SECRET_LEN);
	checksum(bytes, bytes + AT_CHECKSUM);
	memcpy(ret, TOKEN_PREFIX, PREFIX_LEN);
	sodium_bin2base64(ret + PREFIX_LEN, TOKEN_TEXT_LEN + 1 - PREFIX_LEN, bytes, TOKEN_LEN,
			  BASE64);
	sodium_memzero(bytes, sizeof(bytes));
}

/* ---- read ---------------------------------------------------------------- */

static const char *when_text(uint32_t seconds, char ret[32])
{
	time_t at = seconds;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);

	return ret;
}

static int check_expiry(uint32_t expires, uint64_t now_s, struct err *e)
{
	char then[32], now[32];

	if (now_s < expires)
		return 0;
	/* This node's clock may be what is wrong. */
	return err_say(
		e, EKEYEXPIRED,
		"join token: it expired at %s, and it is %s here: if the clock is right, " ASK_ANEW,
		when_text(expires, then),
		when_text(now_s > UINT32_MAX ? UINT32_MAX : (uint32_t)now_s, now));
}

static int check_prefix(const char *text, size_t len, struct err *e)
{
	static const char name[] = "heddle-join-";

	if (len < sizeof(name) - 1 || strncmp(text, name, sizeof(name) - 1) != 0)
		return err_say(e, EINVAL, "join token: it has to begin with \"%s\": " COPY_AGAIN,
			       TOKEN_PREFIX);
	if (len < PREFIX_LEN || strncmp(text, TOKEN_PREFIX, PREFIX_LEN) != 0)
		return err_say(
			e, EPROTONOSUPPORT,
			"join token: it is of another version, not \"%s\": upgrade this node, "
			"or issue it with the version that runs here",
			TOKEN_PREFIX);

	return 0;
}

/* Positions are told, never the text: it is a secret, and errors are logged. */
static int decode(const char *text, size_t len, uint8_t bytes[TOKEN_LEN], struct err *e)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t good = strspn(text, digits), n = 0;
	uint8_t sum[4];

	if (good < len)
		return err_say(
			e, EINVAL,
			"join token: character %zu is none of A-Z, a-z, 0-9, '-', '_': " COPY_AGAIN,
			good + 1);
	if (len != TOKEN_TEXT_LEN)
		return err_say(e, EINVAL,
			       "join token: it has %zu characters and must have %d: it was "
			       "%s, " COPY_AGAIN,
			       len, TOKEN_TEXT_LEN, len < TOKEN_TEXT_LEN ? "cut" : "added to");
	if (sodium_base642bin(bytes, TOKEN_LEN, text + PREFIX_LEN, len - PREFIX_LEN, NULL, &n, NULL,
			      BASE64) != 0 ||
	    n != TOKEN_LEN)
		return err_say(e, EINVAL, "join token: its last character is wrong: " COPY_AGAIN);
	checksum(bytes, sum);
	if (sodium_memcmp(sum, bytes + AT_CHECKSUM, sizeof(sum)) != 0)
		return err_say(e, EINVAL,
			       "join token: its checksum does not hold, a character was "
			       "changed: " COPY_AGAIN);

	return 0;
}

static int parse(const char *text, size_t len, uint64_t now_s, uint8_t bytes[TOKEN_LEN],
		 struct token *ret, struct err *e)
{
	int r;

	if ((r = check_prefix(text, len, e)) < 0 || (r = decode(text, len, bytes, e)) < 0 ||
	    (r = check_expiry(get_le32(bytes + AT_EXPIRES), now_s, e)) < 0)
		return r;

	memcpy(ret->cluster_key, bytes, NODE_KEY_LEN);
	memcpy(ret->id, bytes + AT_ID, TOKEN_ID_LEN);
	ret->expires = get_le32(bytes + AT_EXPIRES);
	memcpy(ret->secret, bytes + AT_SECRET, TOKEN_SECRET_LEN);

	return 0;
}

int token_parse(const char *text, uint64_t now_s, struct token *ret, struct err *e)
{
	static const char space[] = " \t\r\n";
	uint8_t bytes[TOKEN_LEN];
	size_t len;
	int r;

	text += strspn(text, space);
	len = strlen(text);
	while (len > 0 && strchr(space, text[len - 1]))
		len--;
	r = parse(text, len, now_s, bytes, ret, e);
	sodium_memzero(bytes, sizeof(bytes));

	return r;
}

/* ---- check --------------------------------------------------------------- */

static bool is_revoked(const struct token_revocations *r, const uint8_t id[TOKEN_ID_LEN])
{
	for (unsigned int i = 0; i < r->n; i++)
		if (memcmp(r->token[i].id, id, TOKEN_ID_LEN) == 0)
			return true;

	return false;
}

int token_secret(const struct identity *cluster, const uint8_t id[TOKEN_ID_LEN], uint32_t expires,
		 const struct token_revocations *revoked, uint64_t now_s,
		 uint8_t ret[TOKEN_SECRET_LEN], struct err *e)
{
	int r = check_expiry(expires, now_s, e);

	if (r < 0)
		return r;
	if (revoked && is_revoked(revoked, id))
		return err_say(e, EKEYREVOKED, "join token: it was revoked: " ASK_ANEW);
	derive_secret(cluster, id, expires, ret);

	return 0;
}

int token_revoke(struct token_revocations *r, const uint8_t id[TOKEN_ID_LEN], uint32_t expires,
		 uint64_t now_s, struct err *e)
{
	uint16_t n = 0;

	if (is_revoked(r, id))
		return 0;

	for (unsigned int i = 0; i < r->n; i++)
		if (r->token[i].expires > now_s)
			r->token[n++] = r->token[i];
	r->n = n;
	if (n == TOKEN_REVOKED_MAX)
		return err_say(
			e, ENOSPC,
			"revoke a join token: %d that have not expired are revoked already, and "
			"no more are remembered: issue tokens that expire sooner",
			TOKEN_REVOKED_MAX);

	memcpy(r->token[n].id, id, TOKEN_ID_LEN);
	r->token[n].expires = expires;
	r->n++;

	return 0;
}
