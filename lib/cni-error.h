/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cni-error - a struct err as the error object that plugins print and netd answers */
#ifndef CNI_ERROR_H
#define CNI_ERROR_H

#include <jansson.h>

struct err;

/* enum cni_code of @e; without one, CNI_E_AGAIN for what the kernel calls transient. */
int cni_error_code(const struct err *e);

/**
 * cni_error_put() - add code, msg and, if there are any, details to an object
 *
 * JSON is UTF-8: in a text with bytes that are not, those become '?'.
 *
 * Return: 0, or -ENOMEM.
 */
int cni_error_put(const struct err *e, json_t *obj);

/**
 * cni_error_read() - an error object as a struct err
 * @obj:	NULL is none, as anything without a msg
 *
 * Return: the errno that goes with its code (err_cni()); or -EPROTO, with @e
 * untouched: it is no error object.
 */
int cni_error_read(const json_t *obj, struct err *e);

#endif
