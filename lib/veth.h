/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * veth - delete the veth pairs of attachments
 *
 * The host's end has a name that is a hash of its owner, and the network's
 * group from birth (owner.h), so no record is needed to find it.
 */
#ifndef VETH_H
#define VETH_H

#include <stdint.h>

struct cni_request;
struct err;
struct nl;
struct owner;

/**
 * veth_del() - delete the attachment's pair
 * @rq:		a DEL
 *
 * Where there is none of ours, a pair that the reference plugin made is looked
 * for in the container, see attachment_is_adopted().
 *
 * Return: 0 also if there was none; or a negative errno.
 */
int veth_del(const struct cni_request *rq, struct err *e);

/**
 * veth_undo() - delete the pair that an ADD may have made
 * @host:	rtnetlink socket of the host's namespace
 * @owner:	the attachment
 * @mac:	the MAC address that this ADD chose for the host's end, six bytes
 *
 * Whether the pair was made is not always known: the kernel's answer can be
 * lost.  A pair of that name with another MAC address is not this ADD's.
 */
void veth_undo(struct nl *host, const struct owner *owner, const uint8_t *mac);

#endif
