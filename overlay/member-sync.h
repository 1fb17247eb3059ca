/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * member-sync - join a cluster, and make two tables equal
 *
 * Theory of operation
 *
 * Every ping and ack carries the root of its sender's table.  Equal roots cost
 * nothing more.  When roots have differed for longer than gossip takes, the
 * tables are compared over a stream:
 *
 *	A -> B	Sync		a hash for each range of ids (1 kB at most)
 *	B -> A	SyncClaim ...	B's members of the ranges that differ
 *		SyncReply	which ranges those are
 *	A -> B	SyncClaim ...	what B lacks, or has in a lower standing
 *
 * What a comparison brings is not gossiped: it is everywhere else already, or
 * gets there by further comparisons.  A comparison that brought news is
 * followed by another one soon, one that did not by a longer wait.
 *
 * A node that joins asks any of its seeds, at random and again until one
 * answers.  A seed answers with its whole table while that is small, else with
 * a sample, and never with more than its token bucket holds; the rest comes by
 * comparison with the members of the sample, which double what they know with
 * each comparison.  So thousands can join through one seed at once.
 */
#ifndef OVERLAY_MEMBER_SYNC_H
#define OVERLAY_MEMBER_SYNC_H

#include "overlay/module.h"

struct members;
struct member_sync;

#define SYNC_SEEDS 16 /* addresses that are remembered */

struct member_sync *member_sync_new(struct engine *e, struct members *t);
void member_sync_free(struct member_sync *s);
void member_sync_start(struct member_sync *s, ms_t now);
void member_sync_join(struct member_sync *s, const struct node_addr *seeds, size_t n, ms_t now);

/* Somebody's root, from its ping or ack. */
void member_sync_root(struct member_sync *s, const struct origin *o, uint64_t root, ms_t now);

extern const struct module_ops member_sync_ops;

#endif
