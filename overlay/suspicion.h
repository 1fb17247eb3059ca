/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suspicion - when a suspect is dead
 *
 * A suspicion runs for at least  least = alpha * log10(n) probe intervals.
 * With Lifeguard's dynamic suspicion it begins at  most = beta * least  and
 * falls towards the least with each further member that suspects the same one
 * by itself:
 *
 *	most - (most - least) * log(C + 1) / log(K + 1),  C confirmations of K
 *
 * so that a node which is alone with its suspicion, probably because it is
 * slow itself, waits long enough for the refutation to reach it.
 *
 * A suspicion that nobody confirms may not have been heard: of a node that
 * loses most of what it sends, all of a dozen datagrams may be lost, and then
 * its verdict would be the first that the suspect hears.  So it is said again
 * each `least` until somebody confirms it or the suspect refutes it.
 *
 * Source: arXiv 1707.00788, section IV.B; saying it again is ours.
 */
#ifndef OVERLAY_SUSPICION_H
#define OVERLAY_SUSPICION_H

#include "overlay/env.h"

struct settings;

#define SUSPICION_FROM 8 /* members remembered as having said so; K is at most one less */

struct suspicion {
	uint32_t member; /* index in the table */
	uint8_t n_from;
	uint8_t wanted; /* K for this one: 0 when the cluster is too small */
	ms_t start;
	ms_t least, most;	       /* durations */
	ms_t at;		       /* when it will be over, as things stand */
	ms_t again;		       /* when to say it again, while nobody has confirmed it */
	uint64_t from[SUSPICION_FROM]; /* node_id_short(); the first began it */
};

/* Suspicions there are, in no order; a slot moves when another one ends. */
struct suspicions {
	struct suspicion *s;
	uint32_t n, cap;
	ms_t next; /* earliest time at which one wants something, when n > 0 */
};

/**
 * suspicion_begin() - suspect a member
 * @n:		members that are alive or suspect
 * @ours:	this node began it, and is to say it again
 *
 * Return: its slot, or -ENOMEM.
 */
int suspicion_begin(struct suspicions *t, uint32_t member, uint64_t from, bool ours, uint32_t n,
		    const struct settings *set, ms_t now);

/**
 * suspicion_confirm() - another one suspects the same member
 *
 * Return: whether that is news that still matters, and is worth passing on.
 */
bool suspicion_confirm(struct suspicions *t, uint32_t slot, uint64_t from);

/* End it.  Return: the index of the member whose suspicion took over the slot, or MEMBER_NONE. */
uint32_t suspicion_end(struct suspicions *t, uint32_t slot);

/* A slot whose time has come, or -1. */
int suspicion_due(struct suspicions *t, ms_t now);

/* A slot that is to be said again, or -1; it is put off to the next time. */
int suspicion_unheard(struct suspicions *t, ms_t now);

/* Time that nobody could use: every deadline moves by @late. */
void suspicion_grace(struct suspicions *t, ms_t late);

#endif
