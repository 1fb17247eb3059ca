/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base64 - bytes as text, as Go's JSON has them
 *
 * Source: RFC 4648, section 4.
 */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>

/* Return: text with a NUL, owned by the caller; NULL without memory. */
char *base64_encode(const void *data, size_t len);

/**
 * base64_decode() - text back to bytes
 * @text:	whole groups of four with '=' at the end, and nothing else
 * @ret:	owned by the caller, with a NUL behind the last byte
 * @ret_len:	bytes without the NUL
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int base64_decode(const char *text, char **ret, size_t *ret_len);

#endif
