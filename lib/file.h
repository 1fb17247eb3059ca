/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file - read and write a small file whole, and make the directory for it */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <sys/types.h>

/**
 * file_read() - all that is in a file
 * @fd:		open for reading
 * @max:	bytes, at most; as many are asked for in one read(), since files of
 *		/proc/sys answer the first one only
 * @ret:	owned by the caller, with a NUL behind the last byte
 * @ret_len:	bytes without the NUL, may be NULL
 *
 * Return: 0; -EFBIG if there is more than @max; -ENOMEM; the errno of read().
 */
int file_read(int fd, size_t max, char **ret, size_t *ret_len);

/* Writes all of @text.  Return: 0, or the errno of write(). */
int file_write(int fd, const char *text, size_t len);

/**
 * file_make_dirs() - make a directory and those above it
 * @path:	absolute or not; directories that are there stay as they are
 * @mode:	of the last one; those above it get 0755, both less the umask
 *
 * Return: 0; the errno of mkdir(); -ENOMEM.
 */
int file_make_dirs(const char *path, mode_t mode);

#endif
