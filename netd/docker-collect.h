/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-collect - what dockerd has forgotten
 *
 * A dockerd that is killed, or that loses its state, does not say that an endpoint is
 * gone.  One whose interface is on this host no more has no container: its record, its
 * claims and its addresses go.  So do addresses whose pool is gone.
 *
 * Between two calls of dockerd's a living endpoint may have no interface, so only what
 * two looks have found so, 30 s apart, goes.
 */
#ifndef NETD_DOCKER_COLLECT_H
#define NETD_DOCKER_COLLECT_H

#include <ev.h>
#include <stddef.h>

struct docker;

struct docker_collect {
	ev_timer timer;
	char **absent; /* "e…" or "a…", as docker-records.h has it: found so by the last look */
	size_t n_absent;
};

void docker_collect_start(struct docker *k);
void docker_collect_stop(struct docker *k);

#endif
