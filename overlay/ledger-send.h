/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger-send - a ledger's entries on their way to others */
#ifndef OVERLAY_LEDGER_SEND_H
#define OVERLAY_LEDGER_SEND_H

#include "overlay/ledger.h"
#include "overlay/set-sync.h"

/* An entry as it is sent. */
struct part ledger_part(const struct ledger_entry *e);

/* Append it.  Return: whether it fitted. */
bool ledger_put(const struct ledger_entry *e, struct part_writer *w);

/* Two ledgers are made equal by PART_COMPARE, PART_HAVE and PART_WANT. */
void ledger_sync_init(struct set_sync *s, const struct ledger *l);

/* Which entries to send; called for each handle. */
typedef bool (*ledger_wanted)(void *ctx, uint32_t handle, const struct ledger_entry *e);

/**
 * ledger_send_proofs() - send links with their chains, to somebody who may know nothing
 * @end:	parts that follow the last entry
 */
void ledger_send_proofs(struct ledger *l, const struct peer *to, ledger_wanted wanted, void *ctx,
			const struct part_writer *end);

#endif
