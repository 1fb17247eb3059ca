/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err - see err.h.  Texts that do not fit are cut at the end, context first. */
#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct err *e, int sys, int cni, const char *fmt, va_list ap)
{
	e->sys = sys;
	e->cni = cni;
	e->details[0] = '\0';
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
}

int err_sys(struct err *e, int sys, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (sys == 0)
		sys = EIO;
	if (!e)
		return -sys;

	va_start(ap, fmt);
	set(e, sys, 0, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(sys));

	return -sys;
}

int err_say(struct err *e, int sys, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -sys;

	va_start(ap, fmt);
	set(e, sys, 0, fmt, ap);
	va_end(ap);

	return -sys;
}

static int errno_of(int cni)
{
	switch (cni) {
	case CNI_E_AGAIN:
		return EAGAIN;
	case CNI_E_IO:
		return EIO;
	case CNI_E_CHECK:
		return ESTALE;
	case CNI_E_UNAVAILABLE:
	case CNI_E_LIMITED:
		return EBUSY;
	default:
		return EINVAL;
	}
}

int err_cni(struct err *e, int cni, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -errno_of(cni);

	va_start(ap, fmt);
	set(e, errno_of(cni), cni, fmt, ap);
	va_end(ap);

	return -errno_of(cni);
}

int err_wrap(struct err *e, int r, const char *fmt, ...)
{
	char inner[sizeof(e->msg)];
	va_list ap;
	size_t len;

	if (!e)
		return r;

	memcpy(inner, e->msg, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", inner);

	return r;
}

void err_detail(struct err *e, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!e)
		return;

	len = strlen(e->details);
	if (len > 0 && len + 3 < sizeof(e->details)) {
		memcpy(e->details + len, "; ", 3);
		len += 2;
	}
	va_start(ap, fmt);
	vsnprintf(e->details + len, sizeof(e->details) - len, fmt, ap);
	va_end(ap);
}

int err_keep(int first, struct err *e, int r, const struct err *next)
{
	if (r >= 0)
		return first;
	if (first >= 0) {
		if (e)
			*e = *next;
		return r;
	}
	err_detail(e, "%s", next->msg);

	return first;
}
