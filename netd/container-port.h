/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container-port - which containers' ports the kernel has: what a start asks it */
#ifndef NETD_CONTAINER_PORT_H
#define NETD_CONTAINER_PORT_H

#include <stdbool.h>

struct nl;
struct owner;

/* Whether there is a port of that attachment's name, and with its mark. */
bool container_port_is_there(struct nl *nl, const struct owner *owner);

#endif
