/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-meta - what a conflist cannot say of a network: the object "heddle"
 *
 *	{ "version": 1, "driver": "bridge", "scope": "local", "created": "2026-…",
 *	  "ipv4": true, "ipv6": false, "internal": false, "attachable": true,
 *	  "configOnly": false, "configFrom": "…", "adopted": false,
 *	  "subnets": [{ "subnet": "192.168.1.0/24", "ipRange": "192.168.1.128/25",
 *			"gateway": "192.168.1.1", "auxAddresses": { "nas": "192.168.1.5" } }],
 *	  "options": { … }, "labels": { … } }
 */
#ifndef NETWORK_META_H
#define NETWORK_META_H

#include <jansson.h>
#include <stdbool.h>

struct err;
struct jnode;
struct network;
struct network_pairs;
struct network_subnet;

/* Whether @heddle is such an object, of a version that this program knows. */
bool network_meta_is_known(const struct jnode *heddle);

/**
 * network_meta_read() - fill in a network
 * @heddle:	network_meta_is_known() is true of it
 * @net:	empty but for its name; what was read stays there on failure
 *
 * Return: 0; -EINVAL with the path of what is wrong; -ENOMEM.
 */
int network_meta_read(const struct jnode *heddle, struct network *net, struct err *e);

/* Return: the object, owned by the caller; NULL: out of memory. */
json_t *network_meta_write(const struct network *net);

/* An object of strings, of which values of another type are left out. */
int network_pairs_read(const struct jnode *n, struct network_pairs *ret, struct err *e);
/* {name: address}; NULL: out of memory, as for the pairs. */
json_t *network_aux_write(const struct network_subnet *s);
json_t *network_pairs_write(const struct network_pairs *pairs);

#endif
