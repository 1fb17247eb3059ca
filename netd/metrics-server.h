/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics-server - the page of metrics by HTTP: GET /metrics
 *
 * On a unix socket or a loopback address, for one reader every few seconds: one answer
 * a connection, and few connections at a time.
 */
#ifndef NETD_METRICS_SERVER_H
#define NETD_METRICS_SERVER_H

#include <sys/types.h>

struct config_metrics;
struct err;
struct ev_loop;
struct metrics;
struct metrics_server;

/**
 * metrics_server_open() - serve what is registered
 * @m:		borrowed
 * @where:	the path of a unix socket, or an address; neither: nothing is served
 * @group:	whose the unix socket is, besides root and ourselves; (gid_t)-1: nobody's
 * @ret:	for metrics_server_close(); NULL if nothing is served
 *
 * Return: 0; -ENOMEM; -EADDRINUSE and other errnos of sockets.
 */
int metrics_server_open(struct metrics *m, struct ev_loop *loop, const struct config_metrics *where,
			gid_t group, struct metrics_server **ret, struct err *e);

/* Its socket's file goes, too. */
void metrics_server_close(struct metrics_server *s);

#endif
