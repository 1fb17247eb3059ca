/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lent - an interface of the host that a container has for a while
 *
 * It keeps two things in its alias, which goes with it from namespace to
 * namespace: whose it is for now, and what it is called at home:
 *
 *	h1:<16 hex>:<32 hex> was ens3 for lows-network 0a1b2c3d4e5f eth0
 *
 * The alias is written before the interface moves, and cleared after it is back
 * under its own name.  So it can be found and brought back at any moment, also
 * after the container's namespace is gone: the kernel then returns hardware to
 * the initial namespace, under the name that it had in the container.
 *
 * A container that may configure its interfaces can write aliases too.  GC, which
 * goes through all containers, therefore takes only what no container can make by
 * itself: hardware, and what has its other end, or what it is on top of, here.
 */
#ifndef LENT_H
#define LENT_H

#include <stdbool.h>

struct cni_request;
struct err;
struct link;
struct nl;

/**
 * lent_move_in() - give an interface to a container
 * @host:	rtnetlink socket of the host's namespace
 * @device:	the interface
 * @rq:		an ADD; it gets the name CNI_IFNAME in CNI_NETNS
 *
 * Return: 0; on failure it may be in either namespace, under either name:
 * lent_move_out() finds it.
 */
int lent_move_in(struct nl *host, const struct link *device, const struct cni_request *rq,
		 struct err *e);

/**
 * lent_move_out() - bring back what the attachment has, if it has anything
 * @host:	rtnetlink socket of the host's namespace
 * @rq:		an ADD that failed, or a DEL; without a namespace, what the kernel
 *		brought back is only renamed
 *
 * It is down then.  If its name has been taken meanwhile, it stays under another,
 * which is told as an error, once.  What the reference plugin moved is brought
 * back too, see attachment_is_adopted().
 *
 * Return: 0, also if there is nothing; -EEXIST if it is back under another name;
 * or another errno.
 */
int lent_move_out(struct nl *host, const struct cni_request *rq, struct err *e);

/* Bring back what GC was not told to leave alone.  Return: as lent_move_out(). */
int lent_gc(struct nl *host, const struct cni_request *rq, struct err *e);

/* Whether an interface in a container is one that lent_move_out() would bring back. */
bool lent_to(const struct cni_request *rq, const struct link *link);

#endif
