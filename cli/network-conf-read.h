/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-conf-read - a network from whatever is in the config directory
 *
 * Of a conflist of ours (lib/network-conf.h) the object "heddle" counts; of one
 * by others, what it says is put into Docker's terms.  Pure.
 */
#ifndef NETWORK_CONF_READ_H
#define NETWORK_CONF_READ_H

#include <jansson.h>

struct err;
struct network;

/**
 * network_conf_read() - a network from its conflist, or from a conf of one plugin
 * @doc:	borrowed; a conf becomes a conflist in @ret->conf
 * @file:	its path: Podman's are known by their names
 * @ret:	owned by the caller, network_clear(); created is NULL where the
 *		conflist does not say it
 *
 * Return: 0; -EINVAL with what is wrong; -ENOMEM.
 */
int network_conf_read(json_t *doc, const char *file, struct network *ret, struct err *e);

#endif
