/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tokens - which join tokens this node has made, so that they can be listed and revoked
 *
 * What lets a node in is derived and never kept (overlay/token.h): here are the ids
 * alone, which are no secret, until the token has expired.  Other nodes do not know of
 * a token until it is revoked.
 */
#ifndef NETD_TOKENS_H
#define NETD_TOKENS_H

#include <stdint.h>

#include "overlay/token.h"

struct err;
struct store;

#define TOKENS_ID_TEXT (2 * TOKEN_ID_LEN + 1)

struct token_note {
	uint8_t id[TOKEN_ID_LEN];
	uint64_t made; /* seconds since 1970 */
	uint32_t expires;
};

/* One was made; those that have expired are forgotten.  Return: 0, or an errno of the store. */
int tokens_note(struct store *s, const struct token_note *note, struct err *e);

/* @ret: of one that has not expired.  Return: 0; -ENOENT, which is not put into @e; an errno. */
int tokens_find(struct store *s, const uint8_t id[TOKEN_ID_LEN], uint64_t now_s,
		struct token_note *ret, struct err *e);

/* All that have not expired.  @fn must not call the store. */
int tokens_each(struct store *s, uint64_t now_s, void (*fn)(void *ctx, const struct token_note *n),
		void *ctx, struct err *e);

const char *tokens_id_text(const uint8_t id[TOKEN_ID_LEN], char ret[TOKENS_ID_TEXT]);
/* Return: whether @text is one. */
bool tokens_id_parse(const char *text, uint8_t ret[TOKEN_ID_LEN]);

#endif
