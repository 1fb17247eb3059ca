/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64 - see base64.h. */
#include "cli/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const uint8_t *in = data;
	char *text = malloc((len + 2) / 3 * 4 + 1), *out = text;

	for (size_t i = 0; text && i < len; i += 3) {
		uint32_t group = (uint32_t)in[i] << 16;

		if (i + 1 < len)
			group |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < len)
			group |= in[i + 2];
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = i + 1 < len ? alphabet[group >> 6 & 63] : '=';
		*out++ = i + 2 < len ? alphabet[group & 63] : '=';
	}
	if (text)
		*out = '\0';

	return text;
}

/* How many '=' end @text, 0 to 2. */
static size_t padding(const char *text, size_t len)
{
	size_t n = 0;

	while (n < 2 && n < len && text[len - 1 - n] == '=')
		n++;

	return n;
}

int base64_decode(const char *text, char **ret, size_t *ret_len)
{
	size_t len = strlen(text), pad = padding(text, len), n = 0;
	AUTO_FREE char *out = malloc(len / 4 * 3 + 1);
	uint32_t group = 0;

	if (!out)
		return -ENOMEM;
	if (len % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		const char *digit = i < len - pad ? strchr(alphabet, text[i]) : alphabet;

		if (!digit)
			return -EINVAL;
		group = group << 6 | (uint32_t)(digit - alphabet);
		if (i % 4 != 3)
			continue;
		out[n++] = (char)(group >> 16);
		out[n++] = (char)(group >> 8);
		out[n++] = (char)group;
	}
	n -= pad;
	out[n] = '\0';
	*ret = MOVE_PTR(out);
	*ret_len = n;

	return 0;
}
