/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * requested - the addresses that a runtime asks for
 *
 * There are three ways to ask, and each may name several: CNI_ARGS IP=, a comma
 * list; args.cni.ips of the config; runtimeConfig.ips, the capability.
 */
#ifndef REQUESTED_H
#define REQUESTED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/cni.h"
#include "lib/ip.h"

struct requested {
	struct ip_net *nets; /* without a length: that of a host, /32 or /128 */
	size_t n;
};

/*
 * Each appends what one way asks for.  @need_len: an address without a prefix
 * length is an error.  Return: 0; -EINVAL with the variable or path, and the
 * value; -ENOMEM.
 */
int requested_by_env(const struct cni_args *args, bool need_len, struct requested *list,
		     struct err *e);
int requested_by_args(const struct cni_request *rq, bool need_len, struct requested *list,
		      struct err *e);
int requested_by_runtime(const struct cni_request *rq, bool need_len, struct requested *list,
			 struct err *e);

void requested_clear(struct requested *list);

/* 0.1.0 and 0.2.0 have room for one address of a family.  Return: 0, or -EINVAL. */
int requested_check_version(const struct cni_request *rq, size_t n_ipv4, size_t n_ipv6,
			    struct err *e);

#endif
