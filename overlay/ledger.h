/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger - every link and every forget that this node knows
 *
 * A cluster-wide table: it is the same on all nodes once they have talked.  It
 * only grows, but for a forget that gets into a higher state.  What is in it has
 * been checked, is stored, and has a handle that stays the same while this
 * process lives; handles count up in the order of arrival, which puts a link
 * behind its parent.
 *
 * Its marks are those of set-sync.h, by which two ledgers are made equal.
 */
#ifndef OVERLAY_LEDGER_H
#define OVERLAY_LEDGER_H

#include "overlay/forget.h"
#include "overlay/marks.h"
#include "overlay/titles.h"

#define LEDGER_SPACES 4096 /* more are refused, whoever founds them */

struct engine;

struct ledger_entry {
	const struct link *link; /* or NULL, and then */
	struct forget *forget;
	bool durable; /* known to be on the disk */
};

struct ledger {
	struct engine *engine;
	struct titles *spaces; /* by the order of arrival */
	struct ledger_entry *entries;
	struct marks marks;	/* of the entries */
	uint32_t *forgets;	/* handles of those that are forgets */
	struct link **restored; /* links of an earlier life, not yet in order */
	uint32_t n_spaces, cap_spaces, n, cap, n_forgets, n_restored, cap_restored;
	uint64_t own_sequence; /* highest of the links that this node signed */
};

void ledger_init(struct ledger *l, struct engine *engine);
void ledger_clear(struct ledger *l);

/**
 * ledger_add_link() - take in a link
 * @link:	taken over in any case
 * @how:	whether it is on the disk when this returns, and its chain with it, as
 *		without that it is of no use after a crash; or need not be
 * @ret:	its handle, also with -EEXIST; may be NULL
 *
 * Return: 0; 1 if more numbers are frozen now; -EEXIST, -ENOENT, -EPERM, -ENOMEM
 * as of titles_add(); -ENOSPC if there are too many spaces; the errno of store(),
 * and nothing was taken in.
 */
int ledger_add_link(struct ledger *l, struct link *link, enum durability how, uint32_t *ret);

/* See to it that a link that is known is on the disk, and its chain.  Return: 0, or store()'s
 * errno. */
int ledger_make_durable(struct ledger *l, uint32_t handle);

/* ledger_add_link() for a forget.  Return: 0; -EEXIST if it, or a higher state of it, is known; …
 */
int ledger_add_forget(struct ledger *l, const struct forget *forget, enum durability how,
		      uint32_t *ret);

/*
 * ledger_restore() - a record that store() kept in an earlier life
 * ledger_restored() - all have been handed over, in whatever order
 *
 * Return: how many links are of no use, as their parents are not there.
 */
void ledger_restore(struct ledger *l, const struct record *r);
uint32_t ledger_restored(struct ledger *l);

/* The titles of a space, or NULL. */
struct titles *ledger_space(const struct ledger *l, const struct link_id *space);

/*
 * An entry's mark, by which others are told that it is here: of its id, and of a
 * forget its state too.
 */
uint64_t ledger_mark(const struct ledger_entry *e);

/* The handle of a link, or MARKS_NONE. */
uint32_t ledger_find(const struct ledger *l, const struct link_id *link);

/*
 * Whether @heir may sign for the owner of a title: it forgot that life of it
 * completely, or forgot who did.
 */
bool ledger_may_inherit(const struct ledger *l, const struct link *title,
			const struct node_id *heir);

/* That, for titles_add(). */
struct heirs ledger_heirs(const struct ledger *l);

/* Whether a forget of this life of a member is known that is not withdrawn; @complete: complete. */
bool ledger_is_forgotten(const struct ledger *l, const struct node_id *id, uint32_t generation,
			 bool complete);

#endif
