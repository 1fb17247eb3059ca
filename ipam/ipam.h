/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipam - hand the addresses of an attachment to the plugin named by ipam.type
 *
 * The delegate is looked for in CNI_PATH and run as the CNI specification says.
 * If the file found is the very host-local or static that was built together
 * with the caller (lib/stamp.h), its code is called in this process instead,
 * which saves the price of one.  Where the config has no ipam.type, each of them
 * does nothing and succeeds.
 *
 * Source: CNI specification 1.1.0, section 4 "Plugin Delegation".
 */
#ifndef IPAM_H
#define IPAM_H

#include <stdbool.h>

struct cni_request;
struct cni_result;
struct err;

/* Whether the config has an ipam.type; Podman writes "" for none. */
bool ipam_configured(const struct cni_request *rq);

/*
 * Whether the delegate talks to the network through CNI_IFNAME, as a DHCP client
 * does: then the interface is there before its ADD, and after its DEL.
 */
bool ipam_needs_interface(const struct cni_request *rq);

/**
 * ipam_add() - get addresses, routes and DNS settings
 * @rq:		an ADD
 * @res:	an empty result, filled with what the delegate gave
 *
 * A delegate that fails keeps nothing: one that is run is called with DEL then.
 *
 * Return: 0; the delegate's error with its code; -ENOENT if there is no such
 * delegate in CNI_PATH.
 */
int ipam_add(const struct cni_request *rq, struct cni_result *res, struct err *e);

/* The same verb of the delegate.  DEL also undoes an ADD. */
int ipam_del(const struct cni_request *rq, struct err *e);
int ipam_check(const struct cni_request *rq, struct err *e);
int ipam_gc(const struct cni_request *rq, struct err *e);
int ipam_status(const struct cni_request *rq, struct err *e);

#endif
