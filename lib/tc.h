/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tc - how fast an interface sends (tbf), and redirection of what it receives
 *
 * A queueing discipline delays what leaves an interface.  What arrives is
 * slowed down by redirecting it to another interface, whose sending is delayed:
 *
 *	host's end of a veth pair                      ifb
 *	  root      tbf 1:   <- to the container         root  tbf 1:
 *	  ingress   ffff:    <- from the container
 *	              u32, matches all: mirred egress redirect -> ifb
 *
 * tc_put_*() queue a request on @nl, nl_commit() carries it out.
 *
 * Source: rtnetlink(7); net/sched/sch_tbf.c, cls_u32.c and act_mirred.c of the
 * kernel; handles and priority as the reference's bandwidth plugin 1.9.
 */
#ifndef TC_H
#define TC_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct nl;

/* A token bucket, in bytes. */
struct tc_tbf {
	uint64_t rate;	/* a second, at least 1 */
	uint32_t burst; /* size of the bucket, at least 1 */
	uint32_t limit; /* what may wait for tokens; more is dropped */
};

/**
 * tc_tbf_of_bits() - a token bucket from what configs say
 * @rate:	bits a second, at least 8
 * @burst:	bits, at least 8; the kernel has 32 bits for the bytes of a
 *		bucket, so more than 4 GiB - 1 B are taken for as much
 *
 * The limit is what is sent in 25 ms, and the burst.
 */
struct tc_tbf tc_tbf_of_bits(uint64_t rate, uint64_t burst);

/* -EEXIST: the interface has such a discipline already. */
void tc_put_tbf(struct nl *nl, int index, const struct tc_tbf *tbf);
void tc_put_ingress(struct nl *nl, int index);
/* What arrives at @index leaves by @to; after tc_put_ingress(). */
void tc_put_redirect(struct nl *nl, int index, int to);

/* -EINVAL or -ENOENT: the interface has another discipline there, or none. */
void tc_put_del_tbf(struct nl *nl, int index);
void tc_put_del_ingress(struct nl *nl, int index); /* and its filters */

/* What the kernel says of a tbf. */
struct tc_tbf_state {
	uint64_t rate;	 /* bytes a second */
	uint32_t limit;	 /* bytes */
	uint32_t buffer; /* time in which a burst is sent: the low 32 bits, in units of 64 ns */
};

/* Whether that is @want, as far as the kernel can tell. */
bool tc_tbf_is(const struct tc_tbf_state *have, const struct tc_tbf *want);

/* The root tbf of an interface.  Return: 1, 0 if it has another discipline or none, or an errno. */
int tc_get_tbf(struct nl *nl, int index, struct tc_tbf_state *ret, struct err *e);

/* Whether an interface has a discipline for what arrives, of any kind.  Return: 1, 0 or an errno.
 */
int tc_has_ingress(struct nl *nl, int index, struct err *e);

/**
 * tc_get_redirect() - where what arrives at an interface is redirected to
 * @ret:	the first such interface's number; 0: it is gone; -1: there are
 *		filters, but none that redirects
 *
 * Return: 1, 0 if there is no filter, or a negative errno.
 */
int tc_get_redirect(struct nl *nl, int index, int *ret, struct err *e);

#endif
