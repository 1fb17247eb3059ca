/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics-private - between the page (metrics.c) and those who serve it (metrics-server.c) */
#ifndef NETD_METRICS_PRIVATE_H
#define NETD_METRICS_PRIVATE_H

#include "netd/metrics.h"

struct metrics_server;

/* @ret: NULL if @where names nothing.  Return: 0, or errnos of sockets. */
int metrics_server_open(struct metrics *m, struct ev_loop *loop, const struct config_metrics *where,
			gid_t group, struct metrics_server **ret, struct err *e);
void metrics_server_close(struct metrics_server *s);

#endif
