/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger-sync - make two ledgers equal
 *
 * Theory of operation
 *
 * Every ping and ack carries the root of the ledger.  Where it differs for
 * longer than gossip takes, the one who notices sends hashes of ranges of ids
 * (Compare); the other tells the marks of all entries in the ranges that differ
 * (Have); and the first sends what the other lacks, and asks for what it lacks
 * itself (Want).  One exchange is under way at a time.  All but the first
 * message go over streams, so nobody can be made to flood a forged address.
 */
#ifndef OVERLAY_LEDGER_SYNC_H
#define OVERLAY_LEDGER_SYNC_H

#include "overlay/ledger.h"
#include "overlay/module.h"

struct ledger_sync {
	struct engine *engine;
	struct ledger *ledger;
	bool asked; /* an exchange is under way, as @number with @whom */
	uint32_t number;
	unsigned int ranges;
	struct node_id whom;
	ms_t asked_at;
	ms_t next;	    /* no exchange is begun before */
	ms_t differs_since; /* 0: the last root was equal */
	uint8_t *said;	    /* bit by handle: the other one has it */
	uint64_t *wanted;   /* marks that only the other one has */
	uint32_t n_said, n_wanted, cap_wanted;
};

void ledger_sync_init(struct ledger_sync *s, struct engine *engine, struct ledger *ledger);
void ledger_sync_clear(struct ledger_sync *s);

/* The root that a peer's ping or ack came with. */
void ledger_sync_greeted(struct ledger_sync *s, const struct origin *o, uint64_t root, ms_t now);

/* A part of kind PART_COMPARE, PART_HAVE or PART_WANT. */
void ledger_sync_receive(struct ledger_sync *s, const struct origin *o, const struct part *p,
			 ms_t now);

/* Which entries to send; called for each handle in order. */
typedef bool (*ledger_wanted)(void *ctx, uint32_t handle, const struct ledger_entry *e);

/* Send entries over a stream, parents first. */
void ledger_send(struct ledger *l, const struct peer *to, ledger_wanted wanted, void *ctx);

/**
 * ledger_send_proofs() - send links with their chains, to somebody who may know nothing
 * @end:	parts written behind the last entry
 */
void ledger_send_proofs(struct ledger *l, const struct peer *to, ledger_wanted wanted, void *ctx,
			const struct part_writer *end);

/* Append an entry as a part.  Return: whether it fitted. */
bool ledger_put(const struct ledger_entry *e, struct part_writer *w);

#endif
