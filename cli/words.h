/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words - a list of texts, as an option that may be repeated gives it */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

struct words {
	char **v; /* owned, in the order given */
	size_t n;
};

/**
 * words_add() - append what is between the commas of a text
 * @text:	"10.1.0.0/24,fd00::/64"; copied
 *
 * Return: 0 or -ENOMEM.
 */
int words_add(struct words *w, const char *text);
void words_clear(struct words *w);

#endif
