/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolv-conf - a resolv.conf(5) as the dns of a result */
#ifndef RESOLV_CONF_H
#define RESOLV_CONF_H

#include "lib/cni-result.h"

/**
 * resolv_conf_read() - read nameserver, domain, search and options
 * @path:	the file
 * @ret:	owned by the caller, cni_dns_clear()
 *
 * Lists of several lines are joined, of several domains the last counts, as in
 * the reference.  Other lines are passed over.
 *
 * Return: 0; the errno of open() or read(); -ENOMEM.
 */
int resolv_conf_read(const char *path, struct cni_dns *ret, struct err *e);

#endif
