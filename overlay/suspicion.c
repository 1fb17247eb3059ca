/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suspicion - when a suspect is dead */
#include "overlay/suspicion.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "overlay/members.h"
#include "overlay/settings.h"

static ms_t end_of(const struct suspicion *s)
{
	double share;

	if (s->wanted == 0)
		return s->start + s->least;
	share = log1p(s->n_from - 1) / log1p(s->wanted); /* the first is no confirmation */
	return s->start + s->most - (ms_t)((double)(s->most - s->least) * fmin(share, 1));
}

static void expect(struct suspicions *t, const struct suspicion *s)
{
	ms_t at = s->at < s->again ? s->at : s->again;

	if (at < t->next)
		t->next = at;
}

static void find_next(struct suspicions *t)
{
	t->next = MS_NEVER;
	for (uint32_t i = 0; i < t->n; i++)
		expect(t, &t->s[i]);
}

static ms_t least_time(uint32_t n, const struct settings *set)
{
	/* A cluster of fewer than ten waits as one of ten does. */
	double nodes = n > 10 ? log10(n) : 1;

	return (ms_t)(set->suspicion_mult * nodes * (double)set->probe_interval);
}

int suspicion_begin(struct suspicions *t, uint32_t member, uint64_t from, bool ours, uint32_t n,
		    const struct settings *set, ms_t now)
{
	struct suspicion *s;

	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 4;

		s = realloc(t->s, cap * sizeof(*s));
		if (!s)
			return -ENOMEM;
		t->s = s;
		t->cap = cap;
	}

	s = &t->s[t->n];
	*s = (struct suspicion){ .member = member, .n_from = 1, .start = now, .from = { from } };
	s->least = s->most = least_time(n, set);
	/* The suspect and this node cannot confirm: with too few others, nobody is waited for. */
	if (set->dynamic_suspicion && n >= set->confirmations + 2) {
		s->wanted = (uint8_t)set->confirmations;
		s->most = s->least * set->suspicion_max;
	}
	s->again = ours && set->say_again ? now + s->least : MS_NEVER;
	if (t->n++ == 0)
		t->next = MS_NEVER;
	s->at = end_of(s);
	expect(t, s);
	return (int)t->n - 1;
}

bool suspicion_confirm(struct suspicions *t, uint32_t slot, uint64_t from)
{
	struct suspicion *s = &t->s[slot];

	if (s->n_from > s->wanted || s->n_from == SUSPICION_FROM)
		return false;
	for (uint8_t i = 0; i < s->n_from; i++)
		if (s->from[i] == from)
			return false;

	s->from[s->n_from++] = from;
	s->again = MS_NEVER;
	s->at = end_of(s);
	find_next(t);
	return true;
}

uint32_t suspicion_end(struct suspicions *t, uint32_t slot)
{
	t->n--;
	if (slot != t->n)
		t->s[slot] = t->s[t->n];
	find_next(t);
	return slot != t->n ? t->s[slot].member : MEMBER_NONE;
}

int suspicion_due(struct suspicions *t, ms_t now)
{
	if (t->n == 0 || now < t->next)
		return -1;
	for (uint32_t i = 0; i < t->n; i++)
		if (now >= t->s[i].at)
			return (int)i;
	return -1;
}

int suspicion_unheard(struct suspicions *t, ms_t now)
{
	if (t->n == 0 || now < t->next)
		return -1;
	for (uint32_t i = 0; i < t->n; i++)
		if (now >= t->s[i].again) {
			t->s[i].again += t->s[i].least;
			find_next(t);
			return (int)i;
		}
	return -1;
}

void suspicion_grace(struct suspicions *t, ms_t late)
{
	for (uint32_t i = 0; i < t->n; i++) {
		t->s[i].start += late;
		t->s[i].at += late;
		if (t->s[i].again != MS_NEVER)
			t->s[i].again += late;
	}
	find_next(t);
}
