/* SPDX-License-Identifier: GPL-2.0-or-later */
/* marks - a set by which two nodes tell what one of them lacks */
#include "overlay/marks.h"

#include <errno.h>
#include <stdlib.h>

#include "overlay/bytes.h"

void marks_clear(struct marks *m)
{
	free(m->mark);
	free(m->index);
	*m = (struct marks){ .n = 0 };
}

/* Sebastiano Vigna's finalizer of SplitMix64. */
static uint64_t mix(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;

	return n ^ n >> 31;
}

uint64_t mark_of(const uint8_t *id, unsigned int state)
{
	uint64_t mark = get_le64(id);

	/* Not linear, as marks are summed up by xor: two entries may have swapped their states. */
	if (state > 0)
		mark = mix(mark + state);

	return mark ? mark : 1;
}

/* ---- where a mark is ------------------------------------------------------- */

static uint32_t home_of(const struct marks *m, uint64_t mark)
{
	return (uint32_t)mark & (m->n_index - 1);
}

static uint32_t slot_of(const struct marks *m, uint64_t mark)
{
	uint32_t slot = home_of(m, mark);

	while (m->index[slot] && m->mark[m->index[slot] - 1] != mark)
		slot = (slot + 1) & (m->n_index - 1);

	return slot;
}

static void reindex(struct marks *m)
{
	memset(m->index, 0, m->n_index * sizeof(*m->index));
	for (uint32_t i = 0; i < m->n; i++)
		if (m->mark[i])
			m->index[slot_of(m, m->mark[i])] = i + 1;
}

/* Those behind it move up, so that a search ends at the first empty slot. */
static void empty_slot(struct marks *m, uint32_t hole)
{
	uint32_t mask = m->n_index - 1, next = hole;

	while (m->index[next = (next + 1) & mask]) {
		uint32_t home = home_of(m, m->mark[m->index[next] - 1]);

		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		m->index[hole] = m->index[next];
		hole = next;
	}
	m->index[hole] = 0;
}

uint32_t marks_find(const struct marks *m, uint64_t mark)
{
	return m->n == 0 ? MARKS_NONE : m->index[slot_of(m, mark)] - 1; /* 0 - 1: none */
}

/* ---- entries --------------------------------------------------------------- */

int marks_reserve(struct marks *m, uint32_t handle)
{
	uint32_t cap = m->cap ? m->cap : 32;
	uint64_t *mark;
	uint32_t *index;

	if (handle < m->cap)
		return 0;
	while (cap <= handle)
		cap *= 2;
	mark = realloc(m->mark, cap * sizeof(*mark));
	if (mark)
		m->mark = mark;
	index = realloc(m->index, 2 * cap * sizeof(*index));
	if (index)
		m->index = index;
	if (!mark || !index)
		return -ENOMEM;
	m->cap = cap;
	m->n_index = 2 * cap;
	reindex(m);

	return 0;
}

/* Before and after each change. */
static void toggle(struct marks *m, uint64_t mark)
{
	m->range[mark_range(mark)] ^= mark;
	m->root ^= mark;
}

void marks_put(struct marks *m, uint32_t handle, uint64_t mark)
{
	while (m->n <= handle)
		m->mark[m->n++] = 0;
	m->index[slot_of(m, mark)] = handle + 1;
	m->mark[handle] = mark;
	toggle(m, mark);
}

void marks_drop(struct marks *m, uint32_t handle)
{
	toggle(m, m->mark[handle]);
	empty_slot(m, slot_of(m, m->mark[handle]));
	m->mark[handle] = 0;
}
