/* SPDX-License-Identifier: GPL-2.0-or-later */
/* search - walk through every state of the model, nearest first */
#include "tests/explore/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* A state that was seen, and how it was come by. */
struct seen {
	struct state state;
	struct move move;
	uint32_t from;
};

struct search {
	struct bounds bounds;
	struct seen *seen;
	uint32_t *index; /* hash of states: place in seen and 1, 0 is empty */
	uint32_t n, cap, n_index;
	uint32_t at;  /* the one whose moves are made */
	uint32_t bad; /* or NONE */
};

static void *grow(void *old, size_t n, size_t size)
{
	void *new = reallocarray(old, n, size);

	if (!new) {
		fprintf(stderr, "explore: no memory for %zu states\n", n);
		exit(1);
	}

	return new;
}

/* FNV-1a by words: states are bytes without padding. */
static uint32_t hash_of(const struct state *s)
{
	uint64_t hash = 14695981039346656037ULL, word;
	uint8_t bytes[(sizeof(*s) + 7) / 8 * 8] = { 0 };

	memcpy(bytes, s, sizeof(*s));
	for (size_t i = 0; i < sizeof(bytes); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * 1099511628211ULL;
		hash ^= hash >> 29;
	}

	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t *place(const struct search *s, const struct state *state)
{
	uint32_t at = hash_of(state) & (s->n_index - 1);

	while (s->index[at] && memcmp(&s->seen[s->index[at] - 1].state, state, sizeof(*state)) != 0)
		at = (at + 1) & (s->n_index - 1);

	return &s->index[at];
}

/* The index is at most half full. */
static void make_room(struct search *s)
{
	if (s->n < s->cap)
		return;
	s->cap = s->cap ? 2 * s->cap : 1024;
	s->n_index = 2 * s->cap;
	s->seen = grow(s->seen, s->cap, sizeof(*s->seen));
	s->index = grow(s->index, s->n_index, sizeof(*s->index));
	memset(s->index, 0, s->n_index * sizeof(*s->index));
	for (uint32_t i = 0; i < s->n; i++)
		*place(s, &s->seen[i].state) = i + 1;
}

static void found(void *ctx, const struct state *state, struct move m)
{
	struct search *s = ctx;
	uint32_t *at;
	char what[80];

	make_room(s);
	at = place(s, state);
	if (*at || s->bad != NONE)
		return;
	s->seen[s->n] = (struct seen){ .state = *state, .move = m, .from = s->at };
	if (model_is_bad(state, &s->bounds, what, sizeof(what)))
		s->bad = s->n;
	*at = ++s->n;
}

struct search *search_run(enum rule broken, const struct bounds *bounds)
{
	struct search *s = grow(NULL, 1, sizeof(*s));
	struct state first = model_start(bounds);
	uint32_t end;

	*s = (struct search){ .bounds = *bounds, .at = NONE, .bad = NONE };
	found(s, &first, (struct move){ 0 });
	s->at = 0;
	for (unsigned int moves = 0; moves < bounds->moves; moves++)
		for (end = s->n; s->at < end && s->bad == NONE; s->at++) {
			struct state state = s->seen[s->at].state;

			model_moves(&state, broken, bounds, found, s);
		}

	return s;
}

void search_free(struct search *s)
{
	free(s->seen);
	free(s->index);
	free(s);
}

bool search_is_bad(const struct search *s)
{
	return s->bad != NONE;
}

size_t search_states(const struct search *s)
{
	return s->n;
}

bool search_is_all(const struct search *s)
{
	return s->at == s->n;
}

size_t search_length(const struct search *s)
{
	size_t n = 0;

	for (uint32_t i = s->bad; i != NONE && s->seen[i].from != NONE; i = s->seen[i].from)
		n++;

	return n;
}

static unsigned int tell_until(const struct search *s, uint32_t i, const char *indent)
{
	const struct seen *seen = &s->seen[i];
	char words[160];
	unsigned int n;

	if (seen->from == NONE)
		return 0;
	n = tell_until(s, seen->from, indent) + 1;
	model_say(&s->seen[seen->from].state, seen->move, words, sizeof(words));
	printf("%s%2u. %s.\n", indent, n, words);

	return n;
}

void search_tell(const struct search *s, const char *indent)
{
	char what[80];

	if (s->bad == NONE)
		return;
	(void)tell_until(s, s->bad, indent);
	(void)model_is_bad(&s->seen[s->bad].state, &s->bounds, what, sizeof(what));
	printf("%s    %s\n", indent, what);
}
