/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock - flock() that gives up after a while
 *
 * flock() itself waits for ever or not at all.  Trying again and again would
 * lose every race against the reference's processes, which sleep in the
 * kernel's queue; so this sleeps there too, and a timer gets it out.
 */
#ifndef LOCK_H
#define LOCK_H

/**
 * lock_take() - lock a file exclusively
 * @fd:		open in any mode; closing its last copy unlocks
 * @wait_ms:	how long to wait, 0 for not at all
 *
 * Uses SIGALRM and the process's real-time timer while it waits, and gives both
 * back as they were.
 *
 * Return: 0; -ETIMEDOUT if somebody else holds it all the time; the errno of
 * flock().
 */
int lock_take(int fd, int wait_ms);

#endif
