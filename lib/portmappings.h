/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portmappings - the list of published ports as runtimes write it
 *
 *	[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "127.0.0.1"}]
 *
 * "range": N stands for N ports in a row, on both sides, as netavark has it.
 *
 * Source: CNI conventions, "portMappings"; engines as they send it: keys in any
 * case, protocol in any case or absent (tcp), hostIP absent or "" for every
 * address of both families.
 */
#ifndef PORTMAPPINGS_H
#define PORTMAPPINGS_H

#include <stddef.h>

#include "lib/publish.h"

struct err;
struct jnode;

/**
 * portmappings_read() - JSON to ports, ranges written out
 * @n:		the list
 * @bind:	address of an entry without hostIP, unset: every address
 * @ret:	allocated; free() it; by protocol, port and address
 * @ret_n:	how many: two for an entry of every address, one for each family; a
 *		port that is listed twice to the same end is there once
 *
 * Return: 0; -EINVAL with the path for a bad value, a port of the host that is
 * to lead to two places, more than 65,535 ports, or ::1, which cannot be done
 * with NAT; -ENOMEM.
 */
int portmappings_read(const struct jnode *n, const struct ip_addr *bind, struct publish_port **ret,
		      size_t *ret_n, struct err *e);

/* "tcp", "udp", "sctp". */
const char *portmappings_proto_name(uint8_t proto);

#endif
