/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * privileges - who netd is, and the few capabilities that it keeps
 *
 *	CAP_NET_ADMIN		links, addresses, FDB, nftables
 *	CAP_NET_RAW		gratuitous ARP and neighbour advertisements
 *	CAP_NET_BIND_SERVICE	only for a port below 1024
 */
#ifndef NETD_PRIVILEGES_H
#define NETD_PRIVILEGES_H

struct config;
struct err;

/**
 * privileges_drop() - become config's user, and keep what the table above says
 *
 * Started as another user than root, with those capabilities or without, it only
 * gives the others back.  Return: 0, or the errno of the call that failed.
 */
int privileges_drop(const struct config *c, struct err *e);

/*
 * Where the configuration names no user: be the owner of data-dir, if root started us
 * and it is another's.  What init and join write there is then netd's own.
 */
void privileges_follow(struct config *c);

/**
 * privileges_own() - let config's user have a directory that root has made
 * @path:	of the directory, which keeps its mode
 */
int privileges_own(const struct config *c, const char *path, struct err *e);

#endif
