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
#include <stdint.h>

struct command_env;
struct err;
struct port_spec;

struct host_port {
	const struct port_spec *spec; /* borrowed */
	uint16_t host_port, port;     /* of the host, in the container */
	int fd;			      /* socket that holds a chosen one, -1: it was not chosen */
};

struct host_ports {
	json_t *mappings; /* as runtimes pass them, a port each */
	struct host_port *chosen;
	size_t n;
};

/**
 * host_ports_choose() - all ports of an attachment
 * @specs:	@n of them, which must outlive @ret
 * @ret:	owned by the caller, host_ports_release()
 *
 * Return: 0; -EADDRINUSE if a range of the host has no free port; the errno of
 * bind(), as for an address that is not the host's.
 */
int host_ports_choose(const struct command_env *env, const struct port_spec *specs, size_t n,
		      struct host_ports *ret, struct err *e);
void host_ports_release(struct host_ports *p);

#endif
