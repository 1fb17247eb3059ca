/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-networks - what Docker has got from netd, and which of it Docker has no more
 *
 * Docker's networks are Docker's to show and to remove.  One that has lost its data, or
 * is uninstalled, does neither, and netd cannot tell (netd/docker-lost.h): so both are
 * asked here.
 */
#ifndef DOCKER_NETWORKS_H
#define DOCKER_NETWORKS_H

#include <jansson.h>
#include <stdbool.h>

struct command_env;
struct err;

struct docker_networks {
	json_t *held;  /* what netd holds for Docker: docker.list */
	json_t *known; /* to Docker, as a set: ids, and subnets without host bits */
	bool silent;   /* Docker is installed, and does not say */
};

/**
 * docker_networks_load() - ask netd and, if that holds anything, Docker
 * @ret:	for docker_networks_clear(), in any case
 *
 * A netd that does not run holds nothing.  Return: 0, or a negative errno.
 */
int docker_networks_load(const struct command_env *env, struct docker_networks *ret, struct err *e);
void docker_networks_clear(struct docker_networks *n);

/* Of a network, by its id, or a subnet: whether Docker has it no more. */
bool docker_networks_lost(const struct docker_networks *n, const char *id_or_subnet);

/**
 * docker_networks_remove() - take back what Docker has lost
 * @ref:	a network's id, or the beginning of one; or a subnet
 * @force:	although Docker does not say whether it has it
 *
 * Return: 0; -ENOENT, which is not put into @e, if netd holds no such thing; -EBUSY if
 * Docker has it, or it has containers; -ENOTUNIQ; or another errno.
 */
int docker_networks_remove(const struct command_env *env, const char *ref, bool force,
			   struct err *e);

#endif
