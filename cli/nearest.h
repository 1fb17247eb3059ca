/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest - which of several words was meant */
#ifndef NEAREST_H
#define NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/**
 * nearest_distance() - how many letters to change, add, leave out or swap with a neighbour
 * @a:		word, of at most NEAREST_MAX bytes; a longer one is far from any
 * @b:		word, the same
 *
 * Source: optimal string alignment, a restriction of Damerau and Levenshtein's distance.
 */
#define NEAREST_MAX 31
size_t nearest_distance(const char *a, const char *b);

/* Whether @word is so near to @known that it is probably a slip of the hand. */
bool nearest_is_slip(const char *word, const char *known);

#endif
