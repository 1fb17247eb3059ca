/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store-write - change the networks on disk; see store.h
 *
 * A new file is written under a temporary name, and linked when it is complete and
 * on the disk.  link() refuses a name that is taken, rename() would replace it.
 */
#include "cli/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "ipam/lock.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"

#define LOCK_NAME   ".heddle.lock"
#define LOCK_MS	    30000 /* creates are written through, and a disk may be slow */
#define TEMP_PREFIX ".heddle-"
#define TEMP_SUFFIX ".tmp"

static char *__attribute__((format(printf, 1, 2))) text(const char *fmt, ...)
{
	char *ret;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&ret, fmt, ap);
	va_end(ap);

	return r < 0 ? NULL : ret;
}

/* ---- directories --------------------------------------------------------- */

/* Return: a descriptor of @path, which is made with its parents if it is not there. */
static int open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0 && errno == ENOENT) {
		r = file_make_dirs(path, 0755);
		if (r < 0)
			return err_sys(e, -r, "make directory %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}

	return fd < 0 ? err_sys(e, errno, "open directory %s", path) : fd;
}

static bool is_temp(const char *name)
{
	size_t len = strlen(name), suffix = strlen(TEMP_SUFFIX);

	return strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0 && len > suffix &&
	       strcmp(name + len - suffix, TEMP_SUFFIX) == 0;
}

/* Whoever wrote them held the lock, which is ours now. */
static void sweep(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (is_temp(d->d_name))
			(void)unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
}

int store_lock(const struct command_env *env, struct err *e)
{
	AUTO_FREE char *templates = NULL;
	AUTO_FD int dir = open_dir(env->conf_dir, e);
	AUTO_FD int fd = -1;
	int r;

	if (dir < 0)
		return dir;
	fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "open %s/" LOCK_NAME, env->conf_dir);
	r = lock_take(fd, LOCK_MS);
	if (r == -ETIMEDOUT)
		return err_say(e, EAGAIN,
			       "another heddle has held %s/" LOCK_NAME " for %d s: try again",
			       env->conf_dir, LOCK_MS / 1000);
	if (r < 0)
		return err_sys(e, -r, "lock %s/" LOCK_NAME, env->conf_dir);
	sweep(env->conf_dir);
	templates = text("%s/networks", env->state_dir);
	if (templates)
		sweep(templates);

	return MOVE_FD(fd);
}

/* ---- files --------------------------------------------------------------- */

/*
 * Not O_TMPFILE: containerd looks at the directory again when a file in it is
 * written, renamed or removed, and a link alone is none of these.  The removal of
 * the temporary name is what tells it.
 */
static int create(int dir, char temp[NAME_MAX + 1], struct err *e)
{
	int fd;

	snprintf(temp, NAME_MAX + 1, TEMP_PREFIX "%d" TEMP_SUFFIX, getpid());
	/* What a killed process has left there may be linked already: never O_TRUNC. */
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(e, errno, "make a file") : fd;
}

/* The umask is the caller's, the file is for every engine. */
static int fill(int fd, const json_t *conf, struct err *e)
{
	AUTO_FREE char *text = json_dumps(conf, JSON_INDENT(2));
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "write JSON");
	if ((r = file_write(fd, text, strlen(text))) < 0 || (r = file_write(fd, "\n", 1)) < 0)
		return err_sys(e, -r, "write");
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "write");

	return 0;
}

static int write_file(int dir, const char *name, const json_t *conf, struct err *e)
{
	char temp[NAME_MAX + 1];
	AUTO_FD int fd = create(dir, temp, e);
	int r;

	if (fd < 0)
		return fd;
	r = fill(fd, conf, e);
	if (r == 0 && linkat(dir, temp, dir, name, 0) < 0)
		r = err_sys(e, errno, "link");
	(void)unlinkat(dir, temp, 0);
	if (r == 0 && fsync(dir) < 0)
		r = err_sys(e, errno, "write");

	return r;
}

/* ---- networks ------------------------------------------------------------ */

static char *dir_of(const struct command_env *env, const struct network *net)
{
	return net->config_only ? text("%s/networks", env->state_dir) : text("%s", env->conf_dir);
}

static char *name_of(const struct network *net)
{
	return net->config_only ? text("%s.json", net->name)
				: text("zz-heddle-%s.conflist", net->name);
}

int store_add(const struct command_env *env, struct network *net, struct err *e)
{
	AUTO_FREE char *dir_path = dir_of(env, net), *name = name_of(net), *path = NULL;
	AUTO_FD int dir = -1;
	int r;

	if (dir_path && name)
		path = text("%s/%s", dir_path, name);
	if (!path)
		return err_sys(e, ENOMEM, "write network %s", net->name);
	dir = open_dir(dir_path, e);
	if (dir < 0)
		return dir;
	r = write_file(dir, name, net->conf, e);
	if (r == -EEXIST)
		return err_say(e, EEXIST, "%s is there, and is not a network: remove it", path);
	if (r < 0)
		return err_wrap(e, r, "write %s", path);
	free(net->file);
	net->file = MOVE_PTR(path);

	return 0;
}

static void sync_dir_of(const char *path)
{
	AUTO_FREE char *dir = strdup(path);
	AUTO_FD int fd = -1;
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return;
	*slash = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int store_remove(const struct network *net, struct err *e)
{
	if (unlink(net->file) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", net->file);
	sync_dir_of(net->file);

	return 0;
}
