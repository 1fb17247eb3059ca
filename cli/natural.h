/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * natural - the order in which people count: net2 before net10
 *
 * Digits in a row are compared as a number of any length, anything else byte by
 * byte.  Of two equal numbers the one with fewer leading zeros comes first, so
 * that only equal texts are equal.
 */
#ifndef NATURAL_H
#define NATURAL_H

/* As strcmp().  Return: negative, 0 or positive. */
int natural_cmp(const char *a, const char *b);

#endif
