/* SPDX-License-Identifier: GPL-2.0-or-later */
/* census-leases - whose the leases of a data directory are; see census.h and ipam/lease.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "cli/census.h"
#include "cli/reservation.h"
#include "ipam/lease-file.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"

#define YOUNG_S 60

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A directory, NULL in @ret if there is none. */
static int open_dir(int at, const char *path, DIR **ret, struct err *e)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, errno, "open %s", path);
	*ret = fdopendir(fd);
	if (*ret)
		return 0;
	close(fd);

	return err_sys(e, ENOMEM, "open %s", path);
}

/* NULL with errno 0 at the end. */
static const struct dirent *next_entry(DIR *dir)
{
	errno = 0;

	return readdir(dir);
}

static void look_at_file(struct census_item *item, int fd)
{
	char stamp[LEASE_STAMP_LEN];
	ssize_t len = fgetxattr(fd, LEASE_STAMP_XATTR, stamp, sizeof(stamp));
	struct stat st;

	if (len == strlen(RESERVATION_STAMP) && memcmp(stamp, RESERVATION_STAMP, (size_t)len) == 0)
		item->reserved = true;
	else if (len != LEASE_STAMP_LEN) /* any other word is not of a boot */
		item->foreign = true;
	if (fstat(fd, &st) == 0 && time(NULL) - st.st_mtime < YOUNG_S)
		item->young = true;
}

/* A lease that vanishes meanwhile, or names no interface, is nobody's here. */
static int add_lease(struct census *c, const char *data_dir, const char *network, int dir,
		     const char *name, struct err *e)
{
	char content[LEASE_TEXT_MAX + 1];
	struct census_item *item;
	struct lease_text text;
	AUTO_FD int fd = -1;
	int len = lease_file_read(dir, name, content, &fd);

	if (len < 0 && len != -ENOENT)
		return err_sys(e, -len, "read lease %s of %s", name, network);
	if (len < 0 || !lease_text_parse(content, (size_t)len, &text) || !text.ifname)
		return 0;
	item = census_attachment(c, network, text.container_id, text.ifname);
	if (!item)
		return err_sys(e, ENOMEM, "list the leases of %s", network);
	look_at_file(item, fd);

	return census_note(item, "lease", name, data_dir, e);
}

static int add_network(struct census *c, const char *data_dir, int parent, const char *network,
		       struct err *e)
{
	AUTO(close_dir) DIR *dir = NULL;
	const struct dirent *d;
	struct ip_addr ip;
	int r = open_dir(parent, network, &dir, e);

	if (r < 0 || !dir)
		return r;
	while (r == 0 && (d = next_entry(dir)))
		if (ip_parse(d->d_name, &ip) == 0)
			r = add_lease(c, data_dir, network, dirfd(dir), d->d_name, e);
	if (r == 0 && errno != 0)
		r = err_sys(e, errno, "read %s/%s", data_dir, network);

	return r;
}

int census_add_leases(struct census *c, const char *data_dir, struct err *e)
{
	AUTO(close_dir) DIR *dir = NULL;
	const struct dirent *d;
	int r = open_dir(AT_FDCWD, data_dir, &dir, e);

	if (r < 0 || !dir)
		return r;
	while (r == 0 && (d = next_entry(dir)))
		if (d->d_name[0] != '.')
			r = add_network(c, data_dir, dirfd(dir), d->d_name, e);
	if (r == 0 && errno != 0)
		r = err_sys(e, errno, "read %s", data_dir);

	return r;
}
