/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease-file - read one lease, and make one that is complete from the first moment */
#ifndef LEASE_FILE_H
#define LEASE_FILE_H

#include "ipam/lease-text.h"

/**
 * lease_file_read() - read a lease's content
 * @dir:	the lease directory
 * @name:	of the file
 * @buf:	room for LEASE_TEXT_MAX + 1 bytes
 * @ret_fd:	the open file, owned by the caller; may be NULL
 *
 * Return: how many bytes were read, up to LEASE_TEXT_MAX, or the errno of
 * open() or read().
 */
int lease_file_read(int dir, const char *name, char *buf, int *ret_fd);

/**
 * lease_file_create() - make a lease, with the stamp of the present boot
 * @dir:	the lease directory, locked
 * @name:	of the file
 *
 * The file is written first and named then, so nobody ever sees half of it.
 *
 * Return: 0; -EEXIST if there is such a file; the errno of what failed, with
 * nothing left behind.
 */
int lease_file_create(int dir, const char *name, const struct lease_owner *o,
		      const struct lease_host *host);

#endif
