/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device - hardware that has a network interface, by sysfs
 *
 * /sys shows the interfaces of the namespace it was mounted in.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-pci and sysfs-class-net of the
 * kernel.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>

struct err;

/**
 * device_dir() - where sysfs has a device
 * @bus:	"pci" or "auxiliary"
 * @id:		"0000:00:1f.6", "mlx5_core.sf.4"
 * @ret:	its directory
 *
 * Return: 0; -EINVAL if @id is no name of a device; -ENODEV if there is none.
 */
int device_dir(const char *bus, const char *id, char ret[PATH_MAX]);

/**
 * device_ifname() - the interface of a device
 * @dir:	its directory in sysfs
 * @ret:	the first one's name, if it has several
 *
 * That of a virtio device is one directory further down.
 *
 * Return: 0, or -ENODEV.
 */
int device_ifname(const char *dir, char ret[IFNAMSIZ], struct err *e);

/* Whether its driver hands it to a program (DPDK): it has no interface then. */
bool device_is_in_userspace(const char *dir);

#endif
