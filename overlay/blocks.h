/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blocks - numbers that every node gives out by itself, and nobody gives twice
 *
 * Theory of operation
 *
 * A node gives out only what it owns (titles.h), so no two give the same number.
 * The founder of a space owns all of it; a node that runs short asks an owner,
 * which gives half of its largest free run by a signed link, on its disk before
 * it is answered.  Nodes ask before they need (until an eighth of the giver's
 * space is left), so that a partition stops nobody at once.
 *
 * Three things could make a number be given twice, and each has its rule:
 *
 *  - An owner comes back from a backup and does not know what it gave.  So after
 *    a reboot a node neither takes nor gives before it has met every member that
 *    is not gone for good, each of which tells the links from it and to it.
 *  - The blocks of a dead node go to an heir who does not know all its gifts.
 *    So a forget takes effect only when every other member has acknowledged this
 *    one forget, on its disk, and has told what it knows of the subject.
 *  - Two forget the same member.  A member acknowledges one forget of a life of
 *    a member; the issuer with the higher id withdraws.
 *
 * What cannot be made safe - a live node forgotten, an old backup run alone - is
 * seen when the links meet, decided the same way everywhere, and told.
 *
 * The counterexamples are in docs/gossip.md, and tests/explore walks through
 * them.
 */
#ifndef OVERLAY_BLOCKS_H
#define OVERLAY_BLOCKS_H

#include "overlay/ledger.h"
#include "overlay/module.h"
#include "overlay/pool.h"

struct blocks;

/* How this process came to start, which is what it may trust its disk for. */
enum blocks_start {
	BLOCKS_SAME_BOOT, /* the last one ran since this machine's boot, and was ready */
	BLOCKS_REBOOT,	  /* the disk may be a backup: meet everyone first, and somebody */
	BLOCKS_ALONE, /* … but it never had peers, or the operator says that it is no backup */
};

/* What events of 64 and above carry. */
struct block_event {
	struct link_id space;
	struct span run;
};

extern const struct module_ops blocks_ops;

/* To be plugged in by engine_attach(e, &blocks_ops, b).  Return: NULL when there is no memory. */
struct blocks *blocks_new(struct engine *e);
void blocks_free(struct blocks *b);

/* All records are restored, the engine is started. */
void blocks_begin(struct blocks *b, enum blocks_start how, ms_t now);

/* Whether numbers are taken and given; if not, how many members are yet to be met. */
bool blocks_ready(const struct blocks *b);
uint32_t blocks_unmet(const struct blocks *b);

/* For wanted state, operators and tests. */
const struct ledger *blocks_ledger(const struct blocks *b);

/**
 * blocks_found() - found a space
 * @count:	numbers it has, from 0
 * @ret:	its id
 *
 * Return: 0, or the errno of storing it, or -ENOMEM.
 */
int blocks_found(struct blocks *b, uint64_t count, struct link_id *ret, ms_t now, struct err *e);

/* Which numbers are given to who asks for any; all, as long as nothing is said. */
int blocks_set_bounds(struct blocks *b, const struct link_id *space, struct span bounds,
		      struct err *e);

/**
 * blocks_take() - a free number, the lowest that this node has
 * @ret:	the number
 *
 * Return: 0; -EAGAIN: others are being asked, EVENT_BLOCK_GAINED or _DENIED
 * follows; -EBUSY: not ready; -ENOENT: no such space; -ENOMEM.
 */
int blocks_take(struct blocks *b, const struct link_id *space, uint64_t *ret, ms_t now,
		struct err *e);

/* This very number.  Return: as blocks_take(); -EADDRINUSE: it is in use here, rests, or is frozen.
 */
int blocks_take_exact(struct blocks *b, const struct link_id *space, uint64_t number, ms_t now,
		      struct err *e);

/* One that is in use since before this process.  Return: 0, -EPERM if another node owns it, … */
int blocks_hold(struct blocks *b, const struct link_id *space, uint64_t number, struct err *e);

/* Its user is gone: it rests, then it is free.  Return: 0, -ENOENT. */
int blocks_release(struct blocks *b, const struct link_id *space, uint64_t number, ms_t now);

/**
 * blocks_forget() - a member is not coming back: inherit what it owns
 *
 * Returns at once; EVENT_FORGET_DONE when every other member that is not
 * forgotten itself has acknowledged it.
 *
 * Return: 0, also if it is under way; -ENOENT: no such member; -EINVAL: it is
 * this node; -EBUSY: somebody else forgets it already; the errno of storing it.
 */
int blocks_forget(struct blocks *b, const struct node_id *id, ms_t now, struct err *e);

/* Own, frozen numbers: the other side has been dealt with, says the operator. */
int blocks_settle(struct blocks *b, const struct link_id *space, ms_t now, struct err *e);

/* Before leaving: give all that this node owns to a member that is alive.  Return: runs given. */
int blocks_hand_over(struct blocks *b, ms_t now);

#endif
