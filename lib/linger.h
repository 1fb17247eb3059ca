/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linger - a child that sits out what the kernel makes a process wait for
 *
 * Some calls come back only after an RCU grace period, long after their effect
 * is there: RTM_DELLINK of a veth, and the close of a netfilter socket while
 * elements that anybody deleted are still to be freed (10 to 15 ms each).  A
 * process that exits closes its sockets, so it would wait too.  A child that
 * holds the socket a moment longer waits in its place.
 *
 * The close waits with the lock on that every transaction needs, so who comes
 * next would wait with it.  The child therefore lets a grace period go by first,
 * by membarrier(2), and closes when there is nothing left to wait for.
 *
 * A child is in a session of its own and has nothing open but what it was
 * given: an engine reads a plugin's pipes until they close.
 *
 * Source: nf_tables_api.c, nft_rcv_nl_event(); veth.c and net/core/dev.c.
 */
#ifndef LINGER_H
#define LINGER_H

struct nl;

/**
 * linger_fork() - do what takes long in a child
 * @keep:	a descriptor that @job finds at 0, or -1 for none
 * @job:	what the child does
 * @data:	for @job
 *
 * Return: 0, or a negative errno: there is no child, the caller waits itself.
 */
int linger_fork(int keep, void (*job)(void *data), void *data);

/**
 * linger_close() - close a netfilter socket without waiting
 * @nl:		the socket, NULL is fine
 *
 * For a process that soon ends: so long the child lives.
 *
 * Whether anything is still to be freed cannot be asked for, and need not be
 * known: the child shares this process's memory, which costs some 20
 * microseconds where a fork costs 300.  Without a child the close may wait.
 */
void linger_close(struct nl *nl);
void linger_closep(struct nl **nl);

#endif
