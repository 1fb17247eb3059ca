/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cni-error - see cni-error.h */
#include "lib/cni-error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* A text that may have been cut within a character, or come from a file, or the environment. */
static json_t *shown(const char *text)
{
	AUTO_FREE char *ascii = NULL;
	json_t *value = json_string(text);

	if (value)
		return value;
	ascii = strdup(text);
	for (char *s = ascii; s && *s; s++) {
		if ((unsigned char)*s >= 0x80)
			*s = '?';
	}

	return json_string(ascii);
}

int cni_error_code(const struct err *e)
{
	if (e->cni)
		return e->cni;

	return e->sys == EAGAIN ? CNI_E_AGAIN : CNI_E_INTERNAL;
}

int cni_error_put(const struct err *e, json_t *obj)
{
	if (json_object_set_new(obj, "code", json_integer(cni_error_code(e))) < 0 ||
	    json_object_set_new(obj, "msg", shown(e->msg)) < 0 ||
	    (*e->details && json_object_set_new(obj, "details", shown(e->details)) < 0))
		return -ENOMEM;

	return 0;
}

static int code_of(const json_t *obj)
{
	json_int_t code = json_integer_value(json_object_get(obj, "code"));

	return code > 0 && code <= INT32_MAX ? (int)code : CNI_E_INTERNAL;
}

int cni_error_read(const json_t *obj, struct err *e)
{
	const char *msg = json_string_value(json_object_get(obj, "msg"));
	const char *details = json_string_value(json_object_get(obj, "details"));
	int r;

	if (!msg)
		return -EPROTO;
	r = err_cni(e, code_of(obj), "%s", msg);
	if (details && *details)
		err_detail(e, "%s", details);

	return r;
}
