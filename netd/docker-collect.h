/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-collect - what dockerd has forgotten
 *
 * A dockerd that is killed, or that loses its state, does not say that an endpoint is
 * gone.  One whose interface is not here any more, or has not been moved into a container,
 * has none: its record, its claims and its addresses go.  So do addresses whose pool is gone.
 *
 * Between two calls of dockerd's that is so of a living endpoint, too: only what two looks
 * have found so, 30 s apart, goes.
 */
#ifndef NETD_DOCKER_COLLECT_H
#define NETD_DOCKER_COLLECT_H

#include <ev.h>

#include "netd/docker-records.h"

struct docker;
struct docker_endpoint;
struct err;

struct docker_collect {
	ev_timer timer;
	struct docker_names absent; /* endpoints and addresses: found so by the last look */
};

void docker_collect_start(struct docker *k);
void docker_collect_stop(struct docker *k);

/* As if dockerd had removed it.  Return: 0, or a negative errno: it is still known. */
int docker_forget_endpoint(struct docker *k, const struct docker_endpoint *ep, struct err *e);

#endif
