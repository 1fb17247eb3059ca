/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address - where a node listens, as the socket calls and as people write it */
#ifndef NETD_ADDRESS_H
#define NETD_ADDRESS_H

#include <sys/socket.h>

#include "overlay/node.h"

#define ADDRESS_STRLEN (IP_STRLEN + 8) /* "[", any address, "]:65535" */

/* Return: the length of @ret that is used. */
socklen_t address_to_socket(const struct node_addr *a, struct sockaddr_storage *ret);

/* Return: whether it is of a family that nodes have. */
bool address_of_socket(const struct sockaddr_storage *s, struct node_addr *ret);

/* "10.0.0.1:4794" or "[fd00::1]:4794" in @buf.  Return: @buf. */
const char *address_str(const struct node_addr *a, char buf[ADDRESS_STRLEN]);

#endif
