/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint-spec - what people write after --network
 *
 *	NETWORK
 *	NETWORK:ip=192.168.1.5,mac=02:00:00:00:00:05,interface_name=net0	Podman's
 *	name=NETWORK,ip=192.168.1.5,mac-address=02:00:00:00:00:05		Docker's
 *
 * ip may be given once for each family, and ip6 stands for the same.  Pure.
 *
 * Source: podman-run(1), "--network"; Docker's documentation of `docker run
 * --network`.
 */
#ifndef ENDPOINT_SPEC_H
#define ENDPOINT_SPEC_H

#include <stddef.h>

#include "lib/ip.h"

struct err;

struct endpoint_spec {
	char *network;
	char *ifname;		 /* NULL: the next that is free */
	char *mac;		 /* NULL: any */
	struct ip_addr ip4, ip6; /* unset: any */
};

void endpoint_spec_clear(struct endpoint_spec *spec);

/**
 * endpoint_spec_parse() - read one
 * @ret:	owned by the caller, endpoint_spec_clear()
 *
 * Return: 0; -EINVAL naming the option and what is wrong, also for an alias, which
 * only name resolution could serve; -ENOMEM.
 */
int endpoint_spec_parse(const char *text, struct endpoint_spec *ret, struct err *e);

/**
 * endpoint_spec_set() - one option, also where it has a flag of its own
 * @key:	"ip", "ip6", "mac", "mac-address", "ifname", "interface_name", "alias"
 *
 * Return: as endpoint_spec_parse().
 */
int endpoint_spec_set(struct endpoint_spec *spec, const char *key, const char *value,
		      struct err *e);

struct endpoint_specs {
	struct endpoint_spec *v;
	size_t n;
};

/* Read one and append it.  Return: as endpoint_spec_parse(). */
int endpoint_specs_add(struct endpoint_specs *specs, const char *text, struct err *e);
void endpoint_specs_clear(struct endpoint_specs *specs);

#endif
