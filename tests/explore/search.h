/* SPDX-License-Identifier: GPL-2.0-or-later */
/* search - walk through every state of the model, nearest first */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include <stddef.h>

#include "tests/explore/model.h"

struct search;

/**
 * search_run() - look for a state in which two nodes have the block
 * @broken:	the rule to leave out
 *
 * Nearest first, so the story that is found is one of the shortest.
 *
 * Return: what was found, for search_free(); without memory the program ends.
 */
struct search *search_run(enum rule broken, const struct bounds *bounds);
void search_free(struct search *s);

/* Whether there is such a state, and how many moves away. */
bool search_is_bad(const struct search *s);
size_t search_length(const struct search *s);

/* How many different states were seen; whether all that there are within the bounds. */
size_t search_states(const struct search *s);
bool search_is_all(const struct search *s);

/* The story as lines of words, each behind @indent. */
void search_tell(const struct search *s, const char *indent);

#endif
