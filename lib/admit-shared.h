/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit-shared - that a bridge is shut or internal, which all who are on it share
 *
 * The first one claims it in the name of its network.  It goes with the last one
 * that has an address there: any element of admitted4 or admitted6 with that
 * bridge is a user.  An attachment without an address leaves no trace by which
 * others could be told from it, so the last of that kind leaves its bridge shut,
 * for GC.
 */
#ifndef ADMIT_SHARED_H
#define ADMIT_SHARED_H

#include <stdbool.h>

struct admit;
struct err;
struct gc;
struct nl;

/* Whether it says anything that holds for its whole bridge. */
bool admit_shares(const struct admit *a);

/* After the attachment's own elements, by which others see that the bridge is in use. */
int admit_shared_take(struct nl *nl, const struct admit *a, struct err *e);

/* After them, too.  Return: how many were removed, or a negative errno. */
int admit_shared_release(struct nl *nl, const struct admit *a, struct err *e);

/* Return: 0, -ESTALE with CNI_E_CHECK, or another errno. */
int admit_shared_check(struct nl *nl, const struct admit *a, struct err *e);

/* What @gc's network has claimed.  Return: how many were removed, or a negative errno. */
int admit_shared_gc(struct nl *nl, const struct gc *gc, struct err *e);

#endif
