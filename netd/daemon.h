/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon - the process: what its modules share, and the order in which they start
 *
 * A module offers X_new(const struct daemon *, …) and X_free(), registers its
 * control methods, its metrics and its section of the status itself, and keeps
 * the pointer.  All of it lives in one thread and one loop.
 */
#ifndef NETD_DAEMON_H
#define NETD_DAEMON_H

#include "netd/config.h"
#include "netd/self.h"

struct cluster;
struct control;
struct err;
struct ev_loop;
struct metrics;
struct status;
struct store;

struct daemon {
	struct ev_loop *loop;
	struct config config; /* keys that may change do so at SIGHUP: see config_reload() */
	struct self self;
	struct store *store;
	struct control *control;
	struct metrics *metrics;
	struct status *status;
	struct cluster *cluster;
};

/**
 * daemon_prepare() - directories, user and capabilities, before anything is opened
 *
 * Also for subcommands that open the store, so that its files have the same owner.
 */
int daemon_prepare(const struct config *c, struct err *e);

/**
 * daemon_run() - be netd until SIGTERM or SIGINT
 * @config:	moved into the daemon
 * @file:	what SIGHUP reads again, as config_load() takes it
 *
 * Return: 0, or what kept it from starting.
 */
int daemon_run(struct config *config, const char *file, struct err *e);

#endif
