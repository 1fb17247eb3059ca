/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pod-network - which network the pods of containerd or CRI-O are on
 *
 * Both take the file of the config directory whose name sorts first, and look
 * again when one appears: a network of ours that sorts before theirs would become
 * the network of every new pod.
 *
 * Source: containerd's CRI plugin with max_conf_num = 1; CRI-O's ocicni without
 * cni_default_network.
 */
#ifndef POD_NETWORK_H
#define POD_NETWORK_H

struct command_env;
struct err;

/* The socket of a running containerd or CRI-O, or NULL. */
const char *pod_network_socket(void);

/**
 * pod_network_first() - the file that sorts first
 * @ret:	its name in the directory, owned by the caller; NULL if there is none
 *
 * Return: 0; the errno of reading the directory; -ENOMEM.
 */
int pod_network_first(const struct command_env *env, char **ret, struct err *e);

#endif
