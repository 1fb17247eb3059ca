/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allocate - lease an address of each range set, those asked for or the next */
#ifndef ALLOCATE_H
#define ALLOCATE_H

#include "ipam/host-local-conf.h"
#include "ipam/lease.h"
#include "lib/cni.h"

/**
 * allocate() - lease the addresses of an attachment, all or none
 * @rq:		the ADD
 * @conf:	ranges and requests
 * @store:	locked; whoever holds it between the first look and the last lease
 *		is alone with it
 * @owner:	the attachment
 * @res:	without addresses; gets them with their gateways
 *
 * Return: 0; -EBUSY with CNI_E_UNAVAILABLE if a set is full; -EINVAL if the
 * attachment has a lease already, or a request cannot be served; what the store
 * failed with.  Then nothing is leased, and addresses in @res are not valid.
 */
int allocate(const struct cni_request *rq, const struct host_local_conf *conf,
	     struct lease_store *store, const struct lease_owner *owner, struct cni_result *res,
	     struct err *e);

/* Whether an ADD would find a free address in @set.  Return: 0, or as allocate(). */
int allocate_check_room(const struct cni_request *rq, struct lease_store *store,
			const struct range_set *set, struct err *e);

#endif
