/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profiles - one copy of each member's profile, shared by every engine of a simulation */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/profile.h"

struct profiles {
	struct profile **slot; /* hash of the signed bytes */
	size_t n, cap;
};

struct profiles *profiles_new(void)
{
	return calloc(1, sizeof(struct profiles));
}

void profiles_free(struct profiles *p)
{
	for (size_t i = 0; i < p->cap; i++)
		profile_free(p->slot[i]);
	free(p->slot);
	free(p);
}

/* The end of a signed profile is its signature, which begins with a hash of all of it. */
static size_t place(const struct profiles *p, const uint8_t *bytes, size_t len)
{
	uint64_t h = len;

	if (len >= NODE_SIG_LEN)
		memcpy(&h, bytes + len - NODE_SIG_LEN, sizeof(h));
	return (size_t)(h * 0x9e3779b97f4a7c15U >> 20) & (p->cap - 1);
}

static struct profile **find(const struct profiles *p, const uint8_t *bytes, size_t len)
{
	size_t i = place(p, bytes, len);

	while (p->slot[i] && (p->slot[i]->len != len || memcmp(p->slot[i]->bytes, bytes, len) != 0))
		i = (i + 1) & (p->cap - 1);
	return &p->slot[i];
}

const struct profile *profiles_find(struct profiles *p, const uint8_t *bytes, size_t len)
{
	return p->cap ? *find(p, bytes, len) : NULL;
}

static void grow(struct profiles *p)
{
	struct profiles bigger = { .cap = p->cap ? p->cap * 2 : 64, .n = p->n };

	bigger.slot = calloc(bigger.cap, sizeof(struct profile *));
	if (!bigger.slot)
		abort();
	for (size_t i = 0; i < p->cap; i++)
		if (p->slot[i])
			*find(&bigger, p->slot[i]->bytes, p->slot[i]->len) = p->slot[i];
	free(p->slot);
	*p = bigger;
}

const struct profile *profiles_intern(struct profiles *p, struct profile *mine)
{
	struct profile **at;

	if (p->n * 2 >= p->cap)
		grow(p);
	at = find(p, mine->bytes, mine->len);
	if (*at) {
		profile_free(mine);
		return *at;
	}
	p->n++;
	return *at = mine;
}
