/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-foreign - what a conflist that others have written says in Docker's terms */
#ifndef NETWORK_FOREIGN_H
#define NETWORK_FOREIGN_H

struct err;
struct jnode;
struct network;

/**
 * network_foreign_read() - fill in a network by its plugins
 * @doc:	a conflist
 * @file:	its path
 * @net:	with its name; the rest but file and conf is set
 *
 * What is not understood is left out: these files are for plugins, not for us.
 *
 * Return: 0 or -ENOMEM.
 */
int network_foreign_read(const struct jnode *doc, const char *file, struct network *net,
			 struct err *e);

#endif
