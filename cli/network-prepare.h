/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-prepare - make a network's bridge before anybody is attached
 *
 * The bridge plugin makes it with the first attachment, so one is made for a
 * namespace that nobody has a name for, and removed again; the bridge stays.
 */
#ifndef NETWORK_PREPARE_H
#define NETWORK_PREPARE_H

struct command_env;
struct err;
struct network;

/* Return: 0, at once if the bridge is there; what attaching failed with. */
int network_prepare(const struct command_env *env, const struct network *net, struct err *e);

#endif
