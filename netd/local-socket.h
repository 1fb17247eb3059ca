/* SPDX-License-Identifier: GPL-2.0-or-later */
/* local-socket - listen on a unix socket whose file says who may connect */
#ifndef NETD_LOCAL_SOCKET_H
#define NETD_LOCAL_SOCKET_H

#include <sys/types.h>

struct err;

/**
 * local_socket_listen() - make the file and listen
 * @path:	of at most 107 bytes; a socket that nobody listens at is replaced
 * @group:	who may connect beside root and ourselves; (gid_t)-1 for nobody
 * @ret:	nonblocking, owned by the caller
 *
 * The file never is more open than it ends up.
 *
 * Return: 0; -EADDRINUSE: somebody listens there; -ENAMETOOLONG; other errnos.
 */
int local_socket_listen(const char *path, gid_t group, int *ret, struct err *e);

#endif
