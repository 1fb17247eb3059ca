/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * allowlist - which sysctls the administrator of a host lets configs change
 *
 * A file of regular expressions, one a line; a key is allowed if one of them
 * matches any part of it.  The reference reads it with Go's syntax, this with
 * POSIX extended.  What the two read differently is refused with the line's
 * number, so that a list never allows more here than there.
 *
 * Source: regex(7); the syntax page of Go's regexp package.
 */
#ifndef ALLOWLIST_H
#define ALLOWLIST_H

struct err;

#define ALLOWLIST_PATH "/etc/cni/tuning/allowlist.conf"

/**
 * allowlist_read() - the contents of the file
 * @path:	where it is
 * @ret:	owned by the caller; NULL if there is no such file, which allows
 *		everything
 *
 * Return: 0, or a negative errno with CNI_E_IO.
 */
int allowlist_read(const char *path, char **ret, struct err *e);

/**
 * allowlist_permits() - whether a list allows a key
 * @text:	the list
 * @key:	as the config spells it
 *
 * Return: 1, 0, or -EINVAL for a line that is no regular expression, or one
 * that Go would read differently.
 */
int allowlist_permits(const char *text, const char *key, struct err *e);

#endif
