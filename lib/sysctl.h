/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysctl - settings below /proc/sys
 *
 * /proc/sys/net shows the namespace of the thread that opens the file.
 *
 * Source: Documentation/networking/ip-sysctl.rst of the kernel.
 */
#ifndef SYSCTL_H
#define SYSCTL_H

#include <stdint.h>

struct err;

/**
 * sysctl_set() - make a setting have a value
 * @value:	text without a newline
 * @fmt:	path below /proc/sys: "net/ipv4/ip_forward"
 *
 * A value that is there already is not written again: in a nested container
 * /proc/sys is often read-only, but right.
 *
 * Return: 0; -ENOENT if this kernel or namespace has no such setting; -EROFS,
 * -EACCES, -EINVAL as open() and write() give them.
 */
int sysctl_set(const char *value, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Let the host forward packets of AF_INET or AF_INET6. */
int sysctl_enable_forwarding(uint8_t family, struct err *e);

#endif
