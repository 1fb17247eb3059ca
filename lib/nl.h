/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nl - a netlink socket, and requests that go out in one sendmsg
 *
 * libmnl stays visible: callers build messages with mnl_*() and read replies
 * with it.  This adds what every caller needs: one buffer in which messages
 * are queued, a sentence for each that says what it is for, one send, and the
 * first error with the kernel's own words (extended ack).
 *
 *	nl_put(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "add bridge %s", name);
 *	...mnl_attr_put...
 *	nl_put(nl, RTM_NEWADDR, ...);
 *	r = nl_commit(nl, e);
 *
 * A queue of rtnetlink messages is not a transaction: later ones are carried
 * out although an earlier one failed.  Only the last message asks for an ack;
 * errors come unasked.
 *
 * Source: netlink(7); RFC 3549; linux/netlink.h for NLMSGERR_ATTR_MSG.
 */
#ifndef NL_H
#define NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

struct nl;
struct err;

#define NL_ROOM 16384 /* bytes that fit in one message, at least */

/**
 * nl_open() - a socket in the namespace that the calling thread is in
 * @bus:	NETLINK_ROUTE or NETLINK_NETFILTER
 * @ret:	the socket, to be closed with nl_close()
 *
 * Replies are waited for 10 s at most: a lost one is -EAGAIN, never a hang.
 *
 * Return: 0, -ENOMEM, or the errno of socket() or bind().
 */
int nl_open(int bus, struct nl **ret, struct err *e);
void nl_close(struct nl *nl); /* NULL is fine */
void nl_closep(struct nl **nl);

/**
 * nl_put() - queue a message
 * @nl:		socket
 * @type:	RTM_* or (NFNL_SUBSYS_* << 8 | NFT_MSG_*)
 * @flags:	NLM_F_*; NLM_F_REQUEST is added
 * @fmt:	what the message is for, as an error's beginning: "add bridge cni0"
 *
 * Return: the message, with room for NL_ROOM bytes; valid until the next
 * nl_put().  Never NULL: out of memory is remembered and nl_commit() says it.
 */
struct nlmsghdr *nl_put(struct nl *nl, uint16_t type, uint16_t flags, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * nl_commit() - send what is queued in one sendmsg, and wait for the outcome
 * @nl:		socket; its queue is empty afterwards
 * @ret_failed:	position of the message that failed first, may be NULL
 *
 * Return: 0 (also for an empty queue), or the first error that the kernel
 * reported, with the message's sentence and the kernel's text.
 */
int nl_commit(struct nl *nl, struct err *e);
int nl_commit_at(struct nl *nl, size_t *ret_failed, struct err *e);

/* Forget what is queued. */
void nl_discard(struct nl *nl);

/**
 * nl_query() - send the one queued request and hand each reply to a callback
 * @nl:		socket with one message queued: a get, or a dump (NLM_F_DUMP)
 * @cb:		called for each reply message; returns 0 or more to go on, or a
 *		negative errno, which ends the query's result (the replies are
 *		still drained)
 * @data:	for @cb
 *
 * -ECANCELED from @cb ends the query at once.  Of a dump the rest stays unread, and
 * the socket takes no other one (EBUSY); single requests it still does.
 *
 * A dump during which the kernel's list changed (NLM_F_DUMP_INTR) is asked for
 * again, so @cb can see an object more than once.
 *
 * Return: 0, the kernel's error (-ENOENT, -ENODEV for a get that finds
 * nothing), @cb's, or -EAGAIN for a list that kept changing.
 */
int nl_query(struct nl *nl, int (*cb)(const struct nlmsghdr *nlh, void *data), void *data,
	     struct err *e);

/* The socket, for poll(). */
int nl_fd(const struct nl *nl);

/*
 * nl_put() without a sentence: for the begin and end marks of an nfnetlink
 * batch.  A mark never asks for the ack, and its error ends the conversation.
 */
struct nlmsghdr *nl_put_raw(struct nl *nl, uint16_t type, uint16_t flags);

#endif
