/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tokens - see tokens.h */
#include "netd/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/store.h"
#include "overlay/bytes.h"

/* Keys of STORE_CLUSTER, which goes when this node leaves the cluster: the prefix, then the id. */
#define PREFIX	   "token:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define KEY_LEN	   (PREFIX_LEN + TOKEN_ID_LEN)

#define NOTE_LEN 12 /* made, expires */
/* Of those that have expired: what is more goes with the next one. */
#define FORGET_MAX 64

const char *tokens_id_text(const uint8_t id[TOKEN_ID_LEN], char ret[TOKENS_ID_TEXT])
{
	return sodium_bin2hex(ret, TOKENS_ID_TEXT, id, TOKEN_ID_LEN);
}

bool tokens_id_parse(const char *text, uint8_t ret[TOKEN_ID_LEN])
{
	uint8_t id[TOKEN_ID_LEN];
	size_t len;

	if (strlen(text) != 2 * TOKEN_ID_LEN ||
	    sodium_hex2bin(id, sizeof(id), text, strlen(text), NULL, &len, NULL) < 0 ||
	    len != sizeof(id))
		return false;
	memcpy(ret, id, sizeof(id));

	return true;
}

static void make_key(const uint8_t id[TOKEN_ID_LEN], uint8_t ret[KEY_LEN])
{
	memcpy(ret, PREFIX, PREFIX_LEN);
	memcpy(ret + PREFIX_LEN, id, TOKEN_ID_LEN);
}

static bool read_note(const void *key, size_t key_len, const void *value, size_t len,
		      struct token_note *ret)
{
	const uint8_t *bytes = value;

	if (key_len != KEY_LEN || memcmp(key, PREFIX, PREFIX_LEN) != 0 || len != NOTE_LEN)
		return false;
	memcpy(ret->id, (const uint8_t *)key + PREFIX_LEN, TOKEN_ID_LEN);
	ret->made = get_le64(bytes);
	ret->expires = get_le32(bytes + 8);

	return true;
}

/* ---- walking -------------------------------------------------------------- */

struct walk {
	uint64_t now_s;
	void (*fn)(void *ctx, const struct token_note *n);
	void *ctx;
	struct token_note expired[FORGET_MAX];
	size_t n_expired;
};

static int visit(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct walk *w = ctx;
	struct token_note note;

	if (!read_note(key, key_len, value, len, &note))
		return 0;
	if (note.expires > w->now_s) {
		if (w->fn)
			w->fn(w->ctx, &note);
	} else if (w->n_expired < FORGET_MAX) {
		w->expired[w->n_expired++] = note;
	}

	return 0;
}

int tokens_each(struct store *s, uint64_t now_s, void (*fn)(void *ctx, const struct token_note *n),
		void *ctx, struct err *e)
{
	struct walk w = { .now_s = now_s, .fn = fn, .ctx = ctx };

	return store_each(s, STORE_CLUSTER, visit, &w, e);
}

static int forget_expired(struct store *s, uint64_t now_s, struct err *e)
{
	struct walk w = { .now_s = now_s };
	int r = store_each(s, STORE_CLUSTER, visit, &w, e);

	for (size_t i = 0; r == 0 && i < w.n_expired; i++) {
		uint8_t key[KEY_LEN];

		make_key(w.expired[i].id, key);
		r = store_put(s, STORE_CLUSTER, key, sizeof(key), NULL, 0, STORE_LAZY, e);
	}

	return r;
}

/* ---- one ------------------------------------------------------------------ */

int tokens_note(struct store *s, const struct token_note *note, struct err *e)
{
	uint8_t key[KEY_LEN], value[NOTE_LEN];
	int r = forget_expired(s, note->made, e);

	if (r < 0)
		return r;
	make_key(note->id, key);
	put_le64(value, note->made);
	put_le32(value + 8, note->expires);

	return store_put(s, STORE_CLUSTER, key, sizeof(key), value, sizeof(value), STORE_DURABLE,
			 e);
}

int tokens_find(struct store *s, const uint8_t id[TOKEN_ID_LEN], uint64_t now_s,
		struct token_note *ret, struct err *e)
{
	AUTO_FREE void *value = NULL;
	struct token_note note;
	uint8_t key[KEY_LEN];
	size_t len;
	int r;

	make_key(id, key);
	r = store_get(s, STORE_CLUSTER, key, sizeof(key), &value, &len, e);
	if (r < 0)
		return r;
	if (!read_note(key, sizeof(key), value, len, &note) || note.expires <= now_s)
		return -ENOENT;
	*ret = note;

	return 0;
}
