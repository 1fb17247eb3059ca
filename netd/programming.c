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
