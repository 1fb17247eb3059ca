/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netsysctl - settings below /proc/sys/net, named as configs name them
 *
 * /proc/sys/net shows the namespace of the thread that opens the file, so
 * reading and writing are for netns_call().
 *
 * Source: sysctl(8) and sysctl.d(5) for the two spellings of a key.
 */
#ifndef NETSYSCTL_H
#define NETSYSCTL_H

#include <stdbool.h>

struct err;

#define NETSYSCTL_PATH_SIZE 256

/**
 * netsysctl_path() - where the setting is that a key names
 * @key:	"net.ipv4.conf.IFNAME.arp_filter", or the same with '/'; of the two
 *		the one that comes first separates, and the other stands for a
 *		dot in a name: net.ipv4.conf.eth0/7.arp_filter
 * @ifname:	takes the place of the first IFNAME
 * @ret:	the path below /proc/sys
 *
 * Return: 0; -EINVAL if that is not below net/, has "." or ".." in it, or is
 * too long.
 */
int netsysctl_path(const char *key, const char *ifname, char ret[NETSYSCTL_PATH_SIZE]);

/**
 * netsysctl_read() - the value of a setting
 * @path:	from netsysctl_path()
 * @ret:	owned by the caller, without the newline at the end
 *
 * Return: 0; -ENOENT if this kernel or namespace has no such setting; -EACCES
 * for one that can only be written.
 */
int netsysctl_read(const char *path, char **ret, struct err *e);

/* Return: 0, -ENOENT, -EINVAL if the kernel refuses the value, -EROFS, … */
int netsysctl_write(const char *path, const char *value, struct err *e);

/* Whether two values are the same but for white space: the kernel puts tabs between numbers. */
bool netsysctl_same(const char *a, const char *b);

#endif
