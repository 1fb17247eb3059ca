/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-ports - choose the ports of the host that nobody chose
 *
 * A port is free if a socket can be bound to it and no attachment in the cache
 * publishes it: engines bind what they publish, plugins do not.  The socket is
 * kept until the attachment is in the cache, and the cache is looked at after
 * the port was bound; so two that choose at once never choose the same.
 */
#ifndef HOST_PORTS_H
#define HOST_PORTS_H

#include <jansson.h>
#include <stddef.h>

struct command_env;
struct err;
struct port_spec;

struct host_ports {
	json_t *mappings; /* as runtimes pass them, a port each; NULL: none */
	int *fds;	  /* sockets that hold the chosen ones */
	size_t n_fds;
};

/**
 * host_ports_choose() - all ports of an attachment
 * @specs:	@n of them
 * @ret:	owned by the caller, host_ports_release()
 *
 * Return: 0; -EADDRINUSE if a range of the host has no free port; the errno of
 * bind(), as for an address that is not the host's.
 */
int host_ports_choose(const struct command_env *env, const struct port_spec *specs, size_t n,
		      struct host_ports *ret, struct err *e);
void host_ports_release(struct host_ports *p);

#endif
