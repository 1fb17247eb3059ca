/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admission - the cluster's word that a key belongs to it under a name
 *
 * The cluster's key pair is made with the cluster.  Its public half is what a
 * join token pins and what every node checks with; its secret half is held by
 * the founder and by those members that the operator makes admitters, each of
 * which gets it sealed (identity_seal()).  An admission is one signature, so it
 * fits into every profile, and needs no list of who may sign today.
 */
#ifndef OVERLAY_ADMISSION_H
#define OVERLAY_ADMISSION_H

#include "overlay/identity.h"

/* Whether @name is a member's name: 1 to 63 of a-z, 0-9 and '-', no '-' at an end. */
bool admission_name_is_valid(const char *name);

/**
 * admission_sign() - admit a node
 * @cluster:	the cluster's identity
 * @key:	the node's public key
 * @name:	valid
 * @ret:	what the node shows from now on
 */
void admission_sign(const struct identity *cluster, const uint8_t key[NODE_KEY_LEN],
		    const char *name, uint8_t ret[NODE_SIG_LEN]);

/* Whether @admission admits @key under @name to the cluster of @cluster_key. */
bool admission_check(const uint8_t cluster_key[NODE_KEY_LEN], const uint8_t key[NODE_KEY_LEN],
		     const char *name, const uint8_t admission[NODE_SIG_LEN]);

#endif
