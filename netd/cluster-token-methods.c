/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-token-methods - token.*: what lets nodes in, which of them there are, and their end */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/jnode.h"
#include "netd/cluster-private.h"
#include "netd/tokens.h"
#include "overlay/bytes.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/token.h"

#define TTL_DEFAULT_S 3600
#define TTL_MOST_S    (366 * 24 * 3600)

/* ---- making one -------------------------------------------------------------------------- */

static void answer_token(struct control_call *call, const struct token *token)
{
	char text[TOKEN_TEXT_LEN + 1], id[TOKENS_ID_TEXT];

	token_text(token, text);
	control_answer(call, json_pack("{s:s, s:s, s:I}", "token", text, "id",
				       tokens_id_text(token->id, id), "expires",
				       (json_int_t)token->expires));
	sodium_memzero(text, sizeof(text));
}

static void token_create(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	struct token_note note = { .made = (uint64_t)time(NULL) };
	uint64_t ttl = TTL_DEFAULT_S;
	struct err e = { 0 };
	struct token token;

	if (cluster_need_up(c, &e) < 0 || cluster_need_admitter(c, &e) < 0 ||
	    jn_get_uint(params, "ttl_s", 1, TTL_MOST_S, &ttl, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	randombytes_buf(note.id, sizeof(note.id));
	note.expires = (uint32_t)(note.made + ttl);
	if (tokens_note(c->d->store, &note, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	token_issue(&c->d->self.cluster, note.id, note.expires, &token);
	answer_token(call, &token);
	sodium_memzero(&token, sizeof(token));
}

/* ---- which there are --------------------------------------------------------------------- */

struct token_listing {
	const struct cluster *c;
	uint64_t now_s;
	json_t *list, *revoked; /* the second by id */
};

static const char *author_name(const struct cluster *c, const struct node_id *id,
			       char ret[NODE_ID_TEXT])
{
	const struct members *t = engine_members(c->engine);
	uint32_t at = members_find(t, id);

	return at == MEMBER_NONE ? node_id_text(id, ret) : members_at(t, at)->profile->name;
}

/* Those of other nodes are known by their revocation alone. */
static void list_revoked(void *ctx, const struct definition *of)
{
	struct token_listing *l = ctx;
	char id[TOKENS_ID_TEXT], node[NODE_ID_TEXT];

	if (of->body_len != DEFINITION_REVOKED_LEN)
		return;
	tokens_id_text(of->body, id);
	(void)json_object_set_new(l->revoked, id,
				  json_pack("{s:s, s:I, s:b, s:s}", "id", id, "expires",
					    (json_int_t)get_le32(of->body + TOKEN_ID_LEN),
					    "revoked", 1, "revokedBy",
					    author_name(l->c, &of->author, node)));
}

static void list_made(void *ctx, const struct token_note *note)
{
	struct token_listing *l = ctx;
	char id[TOKENS_ID_TEXT];
	json_t *token = json_pack("{s:s, s:I, s:I, s:s, s:b}", "id", tokens_id_text(note->id, id),
				  "made", (json_int_t)note->made, "expires",
				  (json_int_t)note->expires, "by", l->c->d->self.name, "revoked",
				  0);

	(void)json_object_update(token, json_object_get(l->revoked, id));
	(void)json_object_del(l->revoked, id);
	(void)json_array_append_new(l->list, token);
}

static void token_list(void *ctx, struct control_call *call, const struct jnode *params)
{
	const struct cluster *c = ctx;
	AUTO_JSON json_t *list = json_array();
	AUTO_JSON json_t *revoked = json_object();
	struct token_listing l = { c, (uint64_t)time(NULL), list, revoked };
	const char *id;
	json_t *token;
	struct err e = { 0 };

	(void)params;
	if (cluster_need_up(c, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	definitions_each(c->definitions, DEFINITION_REVOKED, list_revoked, &l);
	if (tokens_each(c->d->store, l.now_s, list_made, &l, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	json_object_foreach(revoked, id, token)
		(void)json_array_append(list, token);
	control_answer(call, json_pack("{s:O}", "tokens", list));
}

/* ---- revoking ---------------------------------------------------------------------------- */

/* One that another node made expires no later than one that would be made now. */
static int read_revoked_id(const struct cluster *c, const char *text, struct token_note *ret,
			   struct err *e)
{
	uint64_t now_s = (uint64_t)time(NULL);
	int r;

	if (!tokens_id_parse(text, ret->id))
		return err_cni(
			e, CNI_E_CONFIG,
			"token.revoke: \"%.32s\" is neither a token nor the id of one, which "
			"has %d digits: see heddle token ls",
			text, 2 * TOKEN_ID_LEN);
	r = tokens_find(c->d->store, ret->id, now_s, ret, e);
	if (r == -ENOENT)
		ret->expires = (uint32_t)(now_s + TTL_MOST_S);

	return r == -ENOENT ? 0 : r;
}

static int read_revoked_token(const char *text, struct token_note *ret, struct err *e)
{
	struct token token;
	int r = token_parse(text, (uint64_t)time(NULL), &token, e);

	if (r < 0)
		return r;
	memcpy(ret->id, token.id, TOKEN_ID_LEN);
	ret->expires = token.expires;
	sodium_memzero(&token, sizeof(token));

	return 0;
}

/* Token, or its id, to what a definition says. */
static int read_revoked(const struct cluster *c, const struct jnode *params,
			uint8_t ret[DEFINITION_REVOKED_LEN], struct err *e)
{
	const char *text = NULL, *id = NULL;
	struct token_note note;
	int r;

	if (jn_get_str(params, "token", &text, e) < 0 || jn_get_str(params, "id", &id, e) < 0)
		return -EINVAL;
	r = text ? read_revoked_token(text, &note, e) : read_revoked_id(c, id ? id : "", &note, e);
	if (r < 0)
		return r;
	memcpy(ret, note.id, TOKEN_ID_LEN);
	put_le32(ret + TOKEN_ID_LEN, note.expires);

	return 0;
}

static void token_revoke_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	uint8_t body[DEFINITION_REVOKED_LEN];
	struct definition_id id;
	struct err e = { 0 };
	int r = cluster_need_up(c, &e);

	if (r == 0)
		r = read_revoked(c, params, body, &e);
	if (r == 0)
		r = definitions_add(c->definitions, DEFINITION_REVOKED, NULL, body, sizeof(body),
				    &id, cluster_now(c), &e);
	if (r < 0 && r != -EEXIST)
		control_fail(call, &e);
	else
		control_answer(call, NULL);
}

const struct control_method cluster_token_methods[] = {
	{ "token.create", token_create },
	{ "token.list", token_list },
	{ "token.revoke", token_revoke_method },
	{ 0 },
};
