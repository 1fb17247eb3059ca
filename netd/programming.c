/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * programming - what the kernel holds of what others say
 *
 * A row that came is noted; when the plane says that the kernel has all that was
 * wanted, its owner is told.  The plane hears of rows earlier than this does (inside
 * the engine's call), so a flush is asked for once something is noted.
 */
#include <errno.h>
#include <stdlib.h>

#include "netd/service-private.h"
#include "overlay/programmed.h"

/* ---- saying so ---------------------------------------------------------------- */

void programming_note(struct service *s, const struct network_id *network,
		      const struct node_id *owner, uint64_t version)
{
	struct unsaid *bigger;

	for (size_t i = 0; i < s->n_unsaid; i++) {
		struct unsaid *u = &s->unsaid[i];

		if (!network_id_equal(&u->network, network) || !node_id_equal(&u->owner, owner))
			continue;
		u->version = version > u->version ? version : u->version;
		return;
	}
	if (s->n_unsaid == s->cap_unsaid) {
		/* A word that is lost costs its owner 40 ms. */
		bigger = reallocarray(s->unsaid, 2 * s->cap_unsaid + 16, sizeof(*bigger));
		if (!bigger)
			return;
		s->unsaid = bigger;
		s->cap_unsaid = 2 * s->cap_unsaid + 16;
	}
	s->unsaid[s->n_unsaid++] = (struct unsaid){ *network, *owner, version };
}

void programming_flushed(void *ctx)
{
	struct service *s = ctx;

	for (size_t i = 0; s->up && i < s->n_unsaid; i++) {
		const struct unsaid *u = &s->unsaid[i];

		programmed_say(cluster_programmed(s->c), &u->network, &u->owner, u->version,
			       cluster_now(s->c));
		s->counters.programmed_told++;
	}
	s->n_unsaid = 0;
}

/* ---- waiting for it ------------------------------------------------------------ */

struct programming_wait programming_told(const struct service *s, const struct network_id *network)
{
	return (struct programming_wait){ *network, rows_version(cluster_rows(s->c), network) };
}

/* In a network of many members nobody says so. */
static bool are_many(const struct service *s, const struct programming_wait *w)
{
	return rows_members(cluster_rows(s->c), &w->network) > PROGRAMMED_MEMBERS;
}

int programming_wait(const struct service *s, const struct programming_wait *w)
{
	if (!s->up || are_many(s, w) ||
	    programmed_by_all(cluster_programmed(s->c), &w->network, w->version))
		return 0;

	return -EAGAIN;
}

bool programming_waited(struct service *s, const struct programming_wait *w, int r)
{
	if (!s->up)
		return false;
	if (r < 0)
		s->counters.programmed_late++;
	else if (are_many(s, w))
		s->counters.programmed_many++;
	else
		s->counters.programmed++;

	return r == 0 && !are_many(s, w);
}
