/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * titles - who owns which range of a space, by all the links that are known
 *
 * Theory of operation
 *
 * The links of a space are a set that only grows, and titles are a function of
 * that set alone: two nodes with the same links see the same owners, whatever
 * came first.  The function takes the links by epoch; each one moves to its
 * receiver what its parent still holds of its range.
 *
 * In a healthy cluster that is all of the range, since an owner gives each
 * number away once.  Where two links of one parent overlap - an owner was
 * restored from a backup, or forgotten while it lived - one of them has the
 * numbers that both name, the same one everywhere: the heir's, since who was
 * forgotten must obey; else the one of the lower sequence, which was promised
 * first; else the one of the lower id.  These numbers are frozen, and an alarm
 * is due, until their owner makes a link that settles it.  What the loser gave
 * away of them is void, too.
 *
 * Pure: no message, no clock, no file.
 */
#ifndef OVERLAY_TITLES_H
#define OVERLAY_TITLES_H

#include "overlay/link.h"

/* A run of numbers that one owner has by one link. */
struct title {
	uint64_t first, last;
	const struct link *by;
	bool frozen; /* two links claim it: its owner gives nothing out of it */
};

struct titles {
	struct link **links; /* owned; in the order in which they count, the founding link first */
	uint32_t *index;     /* hash of ids: place in links and 1, 0 is empty */
	struct title *runs;  /* by number, without gaps */
	uint32_t n_links, cap_links, n_index, n_runs, cap_runs;
	uint32_t n_frozen; /* runs */
};

/* Whether somebody may sign for the owner of a title, who was forgotten. */
struct heirs {
	bool (*may)(void *ctx, const struct link *title, const struct node_id *heir);
	void *ctx;
};

/**
 * titles_found() - the titles of a space of which only its founding is known
 * @founding:	taken over on success
 *
 * Return: 0, or -EINVAL for a link that founds nothing; -ENOMEM.
 */
int titles_found(struct titles *t, struct link *founding);
void titles_clear(struct titles *t);

/**
 * titles_check() - whether titles_add() would take a link
 *
 * Return: 0, and it cannot fail any more; else as titles_add().
 */
int titles_check(struct titles *t, const struct link *l, const struct heirs *heirs);

/**
 * titles_add() - take one more link into account
 * @l:		taken over when the return is 0 or 1
 * @heirs:	who may sign for whom
 *
 * Return: 0; 1 if from now on more numbers are frozen; or
 *   -EEXIST	it is known
 *   -ENOENT	its parent is not: ask for its chain
 *   -EPERM	its signer had no such range: refused
 *   -ENOMEM
 */
int titles_add(struct titles *t, struct link *l, const struct heirs *heirs);

/* The run that @number is in; NULL if it is not of the space. */
const struct title *titles_at(const struct titles *t, uint64_t number);

/* A link by its id, or NULL. */
const struct link *titles_link(const struct titles *t, const struct link_id *id);

static inline const struct node_id *title_owner(const struct title *run)
{
	return &run->by->of.to;
}

/* The highest number of the space. */
static inline uint64_t titles_last(const struct titles *t)
{
	return link_last(t->links[0]);
}

#endif
