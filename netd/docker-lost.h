/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-lost - what dockerd has from netd, for people to see and to take back
 *
 * A dockerd that loses its data-root, or is uninstalled, gives nothing back.  netd
 * cannot tell, for it never calls dockerd, which waits for netd under locks of its own.
 * So `heddle doctor` asks both, and `heddle network rm` takes back what dockerd has no
 * more (cli/docker-networks.h).
 *
 *	docker.list	{"networks": [{"id": …, "bridge": …, "network": "", "subnets": [...],
 *			 "endpoints": 0, "containers": 0}], "subnets": {"10.9.0.0/24": ""}}
 *	docker.remove	{"id": …} of a network, or {"subnet": …} that no network has
 *
 * "network" and the value of a subnet is the cluster's network, "" for this host's own.
 */
#ifndef NETD_DOCKER_LOST_H
#define NETD_DOCKER_LOST_H

struct docker;
struct err;

/* On the control socket.  Return: as control_register(). */
int docker_lost_register(struct docker *k, struct err *e);

#endif
