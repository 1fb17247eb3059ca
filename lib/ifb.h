/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ifb - the interface in which a container's outgoing packets wait
 *
 * One for an attachment, beside the host's end of its veth pair.  Its name is
 * that end's with another prefix, and group and alias are the same (owner.h),
 * so DEL and GC find it without a record.
 *
 * Source: drivers/net/ifb.c of the kernel.
 */
#ifndef IFB_H
#define IFB_H

#include <net/if.h>
#include <stdint.h>

struct cni_request;
struct err;
struct link;
struct nl;
struct owner;

#define IFB_PREFIX "hi"

void ifb_name(const struct owner *owner, char ret[IFNAMSIZ]);

/**
 * ifb_add() - make the attachment's
 * @mtu:	of the interface whose packets will pass it
 * @ret:	the new interface, up
 *
 * Return: 0; -EEXIST if it is there, which an ADD that was never undone can
 * leave behind.  On failure nothing was made.
 */
int ifb_add(struct nl *nl, const struct owner *owner, uint32_t mtu, struct link *ret,
	    struct err *e);

/**
 * ifb_find() - the attachment's
 * @nl:		rtnetlink socket of the host's namespace
 * @ret:	the interface: ours, or the one that the reference plugin made before
 *		this host moved to heddle
 *
 * Return: 1, 0 if there is none, or a negative errno.
 */
int ifb_find(struct nl *nl, const struct cni_request *rq, struct link *ret, struct err *e);

/* Delete the network's that GC was not told to leave alone.  Return: 0 or a negative errno. */
int ifb_gc(const struct cni_request *rq, struct err *e);

#endif
