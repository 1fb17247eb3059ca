/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * graph-dot - a picture of networks, in the language of graphviz
 *
 *	+ lows-network ---------------------------------+
 *	| (hb-6033271e116b) ----- [ web  eth0 .129 ]  <---- ( 8080 -> 80/tcp )
 *	+-----------------------------------------------+
 *
 * A frame for each network, with its interface on the host and its containers;
 * a container of several networks stands outside of their frames.  Pure: the
 * same networks give the same text.
 *
 * Source: graphviz' documentation of the DOT language and of HTML-like labels.
 */
#ifndef GRAPH_DOT_H
#define GRAPH_DOT_H

#include <stdio.h>

struct store;
struct usage;

/**
 * graph_dot() - write the picture
 * @s:		networks; those of the host that are never drawn are host and none without
 *		containers, and config-only ones
 * @usage:	who is attached
 *
 * Errors of writing are @out's, ferror().
 *
 * Return: 0 or -ENOMEM.
 */
int graph_dot(const struct store *s, const struct usage *usage, FILE *out);

#endif
