/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nslock - one process at a time, in this network namespace
 *
 * For what is read and then changed by programs that have no transactions.  The
 * namespace's own file is the lock: it is there wherever we are, no other
 * namespace has it, and nothing is left of it.
 */
#ifndef NSLOCK_H
#define NSLOCK_H

struct err;

/**
 * nslock_take() - wait for the lock, 30 s at most
 * @ret:	descriptor that holds it until it is closed
 *
 * Return: 0, -EAGAIN with CNI_E_AGAIN, or another errno.
 */
int nslock_take(int *ret, struct err *e);

#endif
