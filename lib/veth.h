/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * veth - delete the veth pairs of attachments
 *
 * The host's end has a name that is a hash of its owner, and the network's
 * group from birth (owner.h), so no record is needed to find it.
 */
#ifndef VETH_H
#define VETH_H

struct cni_request;
struct err;

/**
 * veth_del() - delete the attachment's pair
 * @rq:		a DEL
 * @keep_fd:	as for link_del_quick()
 *
 * Where there is none of ours, a pair that the reference plugin made is looked
 * for in the container, see attachment_is_adopted().
 *
 * Return: 0 also if there was none; or a negative errno.
 */
int veth_del(const struct cni_request *rq, int keep_fd, struct err *e);

/* Delete the network's pairs that GC was not told to leave alone.  Return: 0 or an errno. */
int veth_gc(const struct cni_request *rq, struct err *e);

#endif
