/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-local-conf - what a config and a runtime want of host-local */
#ifndef HOST_LOCAL_CONF_H
#define HOST_LOCAL_CONF_H

#include "ipam/range.h"
#include "ipam/requested.h"
#include "lib/cni.h"

struct host_local_conf {
	const char *data_dir;	 /* of all networks */
	const char *resolv_conf; /* path, NULL: none */
	struct range_set *sets;	 /* n of them: runtimeConfig.ipRanges first */
	size_t n;
	struct requested requested;
};

/**
 * host_local_conf_read() - read and check it
 * @ret:	owned by the caller, host_local_conf_clear(); strings are borrowed
 *		from the request
 *
 * Return: 0; -EINVAL with the path and the rule; -ENOMEM.
 */
int host_local_conf_read(const struct cni_request *rq, struct host_local_conf *ret, struct err *e);
void host_local_conf_clear(struct host_local_conf *conf);

/* The data directory alone, whatever else of the config is broken: DEL needs no more. */
const char *host_local_data_dir(const struct cni_request *rq);

#endif
