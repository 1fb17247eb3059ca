/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd - ask netd something, by its control socket
 *
 *	AUTO(netd_closep) struct netd *netd = NULL;
 *	AUTO_JSON json_t *result = NULL;
 *
 *	if ((r = netd_connect(NULL, &netd, e)) < 0 ||
 *	    (r = netd_call(netd, "network.list", NULL, 5000, &result, e)) < 0)
 *		return r;
 *
 * The protocol is that of netd/control.h; a connection serves one call after
 * another.  What netd holds for a connection it lets go when that is closed.
 */
#ifndef LIB_NETD_H
#define LIB_NETD_H

#include <jansson.h>

struct err;
struct netd;

#define NETD_SOCKET "/run/heddle/netd.sock"

/**
 * netd_connect() - reach netd
 * @path:	of its socket; NULL: $HEDDLE_NETD_SOCKET, or NETD_SOCKET
 *
 * Return: 0; with CNI_E_AGAIN and "netd does not answer at PATH: …":
 *   -ENOENT, -ECONNREFUSED	it does not run
 *   -EACCES			this user may not ask it
 * or another errno.
 */
int netd_connect(const char *path, struct netd **ret, struct err *e);
void netd_close(struct netd *n);
void netd_closep(struct netd **n);

/* The path that was connected to. */
const char *netd_path(const struct netd *n);

/**
 * netd_call() - one request, and its answer
 * @params:	an object, borrowed; NULL: none
 * @timeout_ms:	for all of it
 * @ret:	the result, the caller's; NULL: not wanted
 *
 * Return: 0; -ETIMEDOUT or -ECONNRESET with CNI_E_AGAIN; -EPROTO for an answer
 * that is none; or what netd refused with: its code in @e->cni, and the errno
 * that goes with it (err_cni()), -EIO for codes that have none.
 */
int netd_call(struct netd *n, const char *method, const json_t *params, int timeout_ms,
	      json_t **ret, struct err *e);

#endif
