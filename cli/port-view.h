/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port-view - published ports as Docker lists them
 *
 *	8080->80/tcp  127.0.0.1:53->53/udp  [::1]:8443->443/tcp
 *
 * Pure.  The list is what runtimes pass to plugins (lib/portmappings.h).
 */
#ifndef PORT_VIEW_H
#define PORT_VIEW_H

#include <jansson.h>

/**
 * port_view() - a list of mappings as texts
 * @mappings:	NULL: none; entries that are none are left out
 *
 * Return: array of strings, owned by the caller; NULL without memory.
 */
json_t *port_view(const json_t *mappings);

#endif
