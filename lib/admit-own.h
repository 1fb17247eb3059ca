/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit-own - the elements of one attachment (admit.h)
 *
 * Of its addresses in table inet heddle, of its bridge port in table bridge
 * heddle, and those of its addresses that are sources of a zone of firewalld.
 */
#ifndef ADMIT_OWN_H
#define ADMIT_OWN_H

struct admit;
struct err;
struct gc;
struct nl;

/* Return: 0, or as admit_add(); on failure some may be taken. */
int admit_own_take(struct nl *nl, const struct admit *a, struct err *e);

/*
 * Whatever the attachment may have had, by the keys of its result, or without a
 * host interface by its tag.  Return: how many were removed, or a negative errno.
 */
int admit_own_release(struct nl *nl, const struct admit *a, struct err *e);

/* Return: 0, -ESTALE with CNI_E_CHECK, or another errno. */
int admit_own_check(struct nl *nl, const struct admit *a, struct err *e);

/* @zone: of firewalld.  Return: how many were removed, or a negative errno. */
int admit_own_gc(struct nl *nl, const char *zone, const struct gc *gc, struct err *e);

#endif
