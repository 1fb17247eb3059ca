/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * entries - a network's forwarding entries: what is wanted, and what the kernel has
 *
 * Theory of operation
 *
 * An entry is found by its kind and key, and is one of these:
 *
 *	wanted	same	there
 *	  yes	 yes	 yes	the kernel has it as it is wanted
 *	  yes	 no	  ?	to be sent, with a replace: it is in the work list
 *	  no	 yes	 yes	a leftover of the process before this one: nobody has asked
 *				for it yet, and it stays until everybody would have
 *	  no	  ?	 yes	condemned: to be deleted, in the work list
 *	  no	 no	 no	on its way out of the table
 *
 * A comparison begins, sees what the kernel has, and ends: what was taken to be the
 * same and was not is drift.  An FDB entry is in two places, the bridge and the VXLAN
 * device, and only the same if both have it.
 *
 * Pure: whoever uses it does the sending.
 */
#ifndef NETD_ENTRIES_H
#define NETD_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

/* The first three are as in enum wanted_kind. */
enum entry_kind {
	ENTRY_FDB,	 /* @mac is behind @ip */
	ENTRY_NEIGHBOUR, /* @ip is at @mac */
	ENTRY_PEER,	 /* @ip is let in */
	ENTRY_FLOOD,	 /* @ip gets a copy of what is for everybody */
	ENTRY_KINDS,
};

#define ENTRY_BIT(kind) (1u << (kind))

/* Of an FDB entry; the others have the first alone. */
enum entry_place { ENTRY_IN_VXLAN = 1, ENTRY_IN_BRIDGE = 2 };

enum entry_state {
	ENTRY_WANTED = 1,
	ENTRY_THERE = 2, /* the kernel has something of that key */
	ENTRY_SAME = 4,	 /* … and it is this */
	ENTRY_CONDEMNED = 8,
	ENTRY_QUEUED = 16, /* in the work list */
	ENTRY_NEWS = 32,   /* whoever knew better has to be told */
	ENTRY_SEEN = 64,   /* this and the next one, by a comparison: enum entry_place */
	ENTRY_OTHER = 256, /* a comparison saw another value */
};

struct entry_is {
	uint8_t kind; /* enum entry_kind */
	uint8_t mac[6];
	struct ip_addr ip; /* of an FDB entry seen in a bridge: not set */
};

struct entry {
	struct entry *next, *next_work;
	uint16_t state; /* enum entry_state */
	struct entry_is is;
};

struct entries {
	struct entry **buckets, *work, **work_end;
	uint32_t n, n_buckets;
	uint32_t wanted[ENTRY_KINDS];
	bool complete; /* what nobody wants is condemned when it is seen */
};

/* Return: 0 or -ENOMEM. */
int entries_init(struct entries *t);
void entries_clear(struct entries *t);

/* Return: 0 or -ENOMEM. */
int entries_want(struct entries *t, const struct entry_is *is);
/* Not any more, whatever its value is. */
void entries_unwant(struct entries *t, const struct entry_is *is);

/* Nobody wants anything, and nothing is complete: all that the kernel has is leftovers. */
void entries_doubt(struct entries *t);
/* Leftovers are condemned, now and later. */
void entries_complete(struct entries *t);

struct entry *entries_find(const struct entries *t, const struct entry_is *is);

/* The kernel has lost it, says a notification.  Return: whether that is drift. */
bool entries_lost(struct entries *t, const struct entry_is *is);
/* The kernel has it, says a notification.  Return: whether it was right, and is not any more. */
bool entries_found(struct entries *t, const struct entry_is *is);
/* Have it sent again, if it is wanted: what kept the kernel from having it is gone. */
void entries_again(struct entries *t, const struct entry_is *is);

/* @kinds: of ENTRY_BIT(). */
void entries_begin(struct entries *t, unsigned int kinds);
/* @ours: it bears our mark, so it may become a leftover.  Return: 0 or -ENOMEM. */
int entries_see(struct entries *t, const struct entry_is *is, enum entry_place place, bool ours);
/* Return: how many had drifted. */
uint32_t entries_end(struct entries *t, unsigned int kinds);

/* The next one to be looked at, or NULL; it leaves the list.  Then one of the two that follow. */
struct entry *entries_pop(struct entries *t);
static inline bool entry_to_send(const struct entry *e)
{
	return (e->state & (ENTRY_WANTED | ENTRY_SAME)) == ENTRY_WANTED;
}
/* The kernel has it now. */
void entries_sent(struct entry *e);
/* The kernel has it no more; @e is freed unless somebody wants it. */
void entries_deleted(struct entries *t, struct entry *e);

void entries_each(const struct entries *t, void (*fn)(void *ctx, struct entry *e), void *ctx);

#endif
