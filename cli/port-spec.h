/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port-spec - what people write after -p
 *
 *	[HOSTIP:][HOSTPORT[-LAST]:]PORT[-LAST][/PROTOCOL]
 *
 * An IPv6 address is in brackets.  Without a port of the host one is chosen; of
 * a range of the host for a single port, the first that is free.  Pure.
 *
 * Source: Docker's documentation of `docker run --publish`.
 */
#ifndef PORT_SPEC_H
#define PORT_SPEC_H

#include <jansson.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;

struct port_spec {
	struct ip_addr host_ip; /* unset: every address of the host */
	uint16_t host_port;	/* 0: to be chosen */
	uint16_t host_last;	/* the end of the range to choose from, or of the ports */
	uint16_t port, last;	/* in the container */
	uint8_t proto;		/* IPPROTO_TCP, _UDP or _SCTP */
};

/* Return: 0; -EINVAL naming the text and what is wrong. */
int port_spec_parse(const char *text, struct port_spec *ret, struct err *e);

/* Whether a port of the host is still to be chosen for each port. */
static inline int port_spec_is_open(const struct port_spec *spec)
{
	return spec->host_port == 0 || spec->host_last - spec->host_port != spec->last - spec->port;
}

/**
 * port_spec_append() - one mapping as runtimes pass it to plugins
 * @host_port:	of the host
 * @port:	in the container
 * @list:	gets {"hostPort", "containerPort", "protocol"[, "hostIP"]}
 *
 * Return: 0 or -ENOMEM.
 */
int port_spec_append(const struct port_spec *spec, uint16_t host_port, uint16_t port, json_t *list,
		     struct err *e);

#endif
