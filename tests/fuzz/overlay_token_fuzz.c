/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_token_fuzz - any text as a join token, and any 64 bytes behind it
 *
 * What is read is written back as the same text.  The first byte makes of the
 * others a text as it is, or a token with a checksum that holds.
 */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "lib/err.h"
#include "overlay/token.h"

#define TEXT_MAX 300

static void read_text(const char *text)
{
	struct token t, untouched;
	char again[TOKEN_TEXT_LEN + 1];
	struct err e = { 0 };

	memset(&t, 0xa5, sizeof(t));
	untouched = t;
	if (token_parse(text, 0, &t, &e) < 0) {
		MUST(memcmp(&t, &untouched, sizeof(t)) == 0);
		MUST(strncmp(e.msg, "join token: ", 12) == 0);
		return;
	}
	token_text(&t, again);
	MUST(strstr(text, again));
	MUST(t.expires > 0);
	MUST(token_parse(text, t.expires, &untouched, NULL) < 0);
}

static void write_and_read(const uint8_t *data, size_t size)
{
	struct token t = { 0 };
	char text[TOKEN_TEXT_LEN + 1];

	memcpy(&t, data, size < sizeof(t) ? size : sizeof(t));
	token_text(&t, text);
	MUST(strlen(text) == TOKEN_TEXT_LEN);
	read_text(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1] = { 0 };

	MUST(sodium_init() >= 0);
	if (size == 0)
		return 0;
	memcpy(text, data + 1, size - 1 < TEXT_MAX ? size - 1 : TEXT_MAX);
	if (data[0] & 1)
		write_and_read(data + 1, size - 1);
	else
		read_text(text);

	return 0;
}
