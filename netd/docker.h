/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker - netd as a network and IPAM driver of dockerd
 *
 *	docker network create -d heddle --ipam-driver heddle --subnet 192.168.1.0/24 lows-network
 *
 * dockerd calls by HTTP on a unix socket whose name is the driver's.  A network is
 * a bridge of this host, or (-o scope=swarm, or --ipam-opt network=NAME) one that
 * spans hosts whose dockerds know nothing of each other.
 *
 * dockerd waits for an answer under locks of its own.  So every handler has a deadline:
 * what needs another node is a step that is tried for 800 ms (docker-shared.c, waiting.h), and
 * HTTP_DEADLINE_S answers for whoever is not done by then.  The rest waits for the disk
 * and the kernel alone: the store has one writer, and no lock of LMDB's.
 *
 *	docker.c	the socket, the table of methods, how errors are said
 *	docker-ipam.c	IpamDriver.*: pools and addresses (docker-pools.c)
 *	docker-driver.c	NetworkDriver.*: networks and endpoints, and whose they are
 *	docker-bridge.c	… those of this host, in the kernel
 *	docker-shared.c	… those of the cluster
 *	docker-collect.c	what dockerd has forgotten
 *	docker-lost.c	… with its data: for people to see and take back
 *	docker-records.c	what is still known after a restart
 *
 * Source: libnetwork's docs/remote.md and docs/ipam.md; docker/docs of plugins.
 */
#ifndef NETD_DOCKER_H
#define NETD_DOCKER_H

struct daemon;
struct docker;
struct err;
struct service;

#define DOCKER_SOCKET "/run/docker/plugins/heddle.sock"

/**
 * docker_new() - listen, and answer from what the store knows
 * @path:	of the socket; its directory is made
 *
 * Return: 0; -EADDRINUSE: somebody listens there; other errnos of sockets.
 */
int docker_new(struct daemon *d, struct service *s, const char *path, struct docker **ret,
	       struct err *e);

/* The kernel, and containers, keep everything. */
void docker_free(struct docker *k);

#endif
