/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared-network - networks that all nodes of a cluster have, which netd keeps
 *
 * Of scope swarm, one network that spans the nodes, or of scope global, one of the
 * same definition on each.  netd tells the others, and writes the conflist of both on every
 * node; so the command asks netd to make and to remove them, and reads the config
 * directory for the rest, as for any network.
 */
#ifndef SHARED_NETWORK_H
#define SHARED_NETWORK_H

#include <jansson.h>
#include <stdbool.h>

struct command_env;
struct err;
struct network;

/* Whether @net is for netd to keep.  One of scope global is, where netd runs. */
bool shared_network_is(const struct command_env *env, const struct network *net);

/**
 * shared_network_create() - make it on all nodes
 * @net:	as it was asked for; what nobody said is decided by netd
 *
 * It is here, and on the nodes that are alive and heard of it, when this returns.
 *
 * Return: 0; -EAGAIN and friends if netd does not answer; or what netd refused with.
 */
int shared_network_create(const struct command_env *env, const struct network *net, struct err *e);

/**
 * shared_network_describe() - add what other nodes have to what this one knows
 * @doc:	network_view_inspect()'s; gets "Peers", the nodes that are in the network, and
 *		in "Containers" those of other nodes; each of these has its "Node"; and
 *		"Conflicts", if an older network has what this one claims, too
 *
 * Return: 0; -EAGAIN and friends if netd does not answer, and @doc is as it was; -ENOMEM.
 */
int shared_network_describe(const struct command_env *env, const struct network *net, json_t *doc,
			    struct err *e);

/* Remove it from all nodes.  Return: 0, or as above; CNI_E_UNKNOWN: netd has no such network. */
int shared_network_remove(const struct command_env *env, const struct network *net, struct err *e);

/* Whether @ref may be the cluster's id of a network, which one has that has lost its name. */
bool shared_network_is_id(const char *ref);
/* The same by that id. */
int shared_network_remove_id(const struct command_env *env, const char *id, struct err *e);

/* Warn of networks that have lost something to an older one, which no other listing shows. */
void shared_network_warn(const struct command_env *env);

#endif
