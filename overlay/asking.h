/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asking - numbers from one owner to another: questions, and gifts */
#ifndef OVERLAY_ASKING_H
#define OVERLAY_ASKING_H

#include "overlay/blocks-private.h"

/**
 * asking_own_run() - this node's runs within a space's bounds, those that are frozen left out
 * @i:		the place of the run to begin with; of the one that was found
 * @ret:	what of it is within the bounds
 *
 * Return: whether there is one at or behind @i.
 */
bool asking_own_run(const struct blocks *b, const struct space *s, uint32_t *i, struct span *ret);

/* Ask for one number, or, NULL, for a range; nothing happens when an ask is under way. */
void asking_begin(struct blocks *b, struct space *s, const uint64_t *number, ms_t now);

/* Ask before there is need, when less than an eighth of what this node owns is free. */
void asking_prefetch(struct blocks *b, struct space *s, ms_t now);

/* A link to this node has come: it may be the answer. */
void asking_gained(struct blocks *b, struct space *s, const struct link *l, ms_t now);

/* A link of this node's is in the ledger: the question that it answers gets it again. */
void asking_given(struct blocks *b, uint32_t handle);

void asking_tick(struct blocks *b, struct space *s, ms_t now);
void asking_receive(struct blocks *b, const struct origin *o, const struct part *p, ms_t now);

#endif
