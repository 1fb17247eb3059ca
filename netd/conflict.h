/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conflict - what two networks of a cluster cannot both have, and which of them has it
 *
 * Nodes that are cut off from each other, or that are asked in the same moment, can
 * give two networks one name, one VNI or subnets that overlap.  The older
 * definition has what both claim, and of two of one second that of the lower id:
 * the rule of names (overlay/definitions.h), for the same reason.  It is a function
 * of the two definitions, so all nodes settle it alike without a word.  Pure.
 */
#ifndef NETD_CONFLICT_H
#define NETD_CONFLICT_H

#include "netd/network-def.h"

enum conflict { CONFLICT_NAME, CONFLICT_VNI, CONFLICT_SUBNET, CONFLICTS };

/* "name", "vni", "subnet" */
const char *conflict_name(enum conflict what);

/* Room for what is said of one: "its name", "the VNI 4096", "the subnet 10.1.0.0/24". */
#define CONFLICT_TEXT 64

/**
 * conflict_between() - whether two networks both claim something
 * @ret:	what it is, as @a has it
 *
 * Return: whether they do.
 */
bool conflict_between(enum conflict what, const struct network_def *a, const struct network_def *b,
		      char ret[CONFLICT_TEXT]);

/* A definition's age, and what decides between two that are as old. */
struct conflict_age {
	uint64_t created; /* as in struct definition */
	struct network_id id;
};

/* Whether the network of @a has what both claim. */
bool conflict_is_won(const struct conflict_age *a, const struct conflict_age *b);

#endif
