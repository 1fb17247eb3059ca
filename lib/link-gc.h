/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link-gc - delete the host-side interfaces of attachments that are gone
 *
 * They are found without a record: the name is a prefix and a hash of the
 * attachment, the group is a hash of the network (owner.h), both from birth.
 */
#ifndef LINK_GC_H
#define LINK_GC_H

struct cni_request;
struct err;

/**
 * link_gc() - delete a network's interfaces that GC was not told to leave alone
 * @rq:		a GC
 * @prefix:	two characters, in the place of OWNER_LINK_PREFIX
 * @kind:	what they are: "ifb"
 *
 * All are deleted with one wait for the kernel.
 *
 * Return: 0 or a negative errno.
 */
int link_gc(const struct cni_request *rq, const char *prefix, const char *kind, struct err *e);

#endif
