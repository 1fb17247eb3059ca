/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boolean - the words that engines take for true and false */
#ifndef BOOLEAN_H
#define BOOLEAN_H

/**
 * boolean_parse() - as Go's strconv.ParseBool
 * @text:	1, t, T, true, True, TRUE, 0, f, F, false, False or FALSE
 *
 * Return: 1, 0, or -EINVAL for what it does not know.
 */
int boolean_parse(const char *text);

#endif
