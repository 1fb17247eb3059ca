/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listener - programs of the host that listen on a port that is published
 *
 * From ADD on, what comes for that port goes to the container, and the program
 * waits in vain.  That is worth a warning, except for the engine's own socket:
 * engines bind the ports that they publish, so that nobody else does.
 *
 * Source: sock_diag(7), linux/inet_diag.h.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stddef.h>

#include "lib/publish.h"

struct err;

/**
 * listener_each() - the listeners that mappings shadow
 * @p:		the attachment
 * @fn:		called for each shadowed port, once
 * @data:	for @fn
 *
 * Sockets of the process that started this one are passed over.  In a kernel
 * without sock_diag there is nothing to tell.
 *
 * Return: 0, or a negative errno.
 */
int listener_each(const struct publish *p, void (*fn)(const struct publish_port *port, void *data),
		  void *data, struct err *e);

#endif
