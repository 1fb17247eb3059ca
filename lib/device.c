/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device - see device.h. */
#include "lib/device.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int device_dir(const char *bus, const char *id, char ret[PATH_MAX])
{
	char dir[PATH_MAX];

	if (!*id || *id == '.' || strchr(id, '/'))
		return -EINVAL;
	if (snprintf(dir, sizeof(dir), "/sys/bus/%s/devices/%s", bus, id) >= PATH_MAX)
		return -EINVAL;
	if (access(dir, F_OK) < 0)
		return -ENODEV;
	memcpy(ret, dir, sizeof(dir));

	return 0;
}

/* The first entry of DIR/SUB that begins with @prefix. */
static int first_entry(const char *dir, const char *sub, const char *prefix, char ret[NAME_MAX + 1])
{
	char path[PATH_MAX + NAME_MAX];
	AUTO(close_dir) DIR *list = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	list = opendir(path);
	while (list && (entry = readdir(list))) {
		if (*entry->d_name != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			snprintf(ret, NAME_MAX + 1, "%s", entry->d_name);
			return 0;
		}
	}

	return -ENODEV;
}

int device_ifname(const char *dir, char ret[IFNAMSIZ], struct err *e)
{
	char virtio[NAME_MAX + 1], sub[NAME_MAX + 8], name[NAME_MAX + 1];
	int r = first_entry(dir, "net", "", name);

	if (r < 0 && first_entry(dir, ".", "virtio", virtio) == 0) {
		snprintf(sub, sizeof(sub), "%s/net", virtio);
		r = first_entry(dir, sub, "", name);
	}
	if (r < 0)
		return err_sys(e, ENODEV, "%s has no network interface on this host", dir);
	snprintf(ret, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, name);

	return 0;
}

bool device_is_in_userspace(const char *dir)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	char path[PATH_MAX + 8], target[PATH_MAX];
	const char *driver;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", dir);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	driver = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	}

	return false;
}
