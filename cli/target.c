/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target - see target.h. */
#include "cli/target.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/netns.h"

#define NAMED "/run/netns"

void target_close(struct target *t)
{
	free(t->path);
	free(t->name);
	if (t->fd >= 0)
		close(t->fd);
	*t = TARGET_NONE;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* Return: the path, owned by the caller; NULL without memory. */
static char *path_of(const char *text)
{
	const char *form = strchr(text, '/') ? "%s"
			   : is_number(text) ? "/proc/%s/ns/net"
					     : NAMED "/%s";
	char *path;

	return asprintf(&path, form, text) < 0 ? NULL : path;
}

static int open_path(const char *text, const char *path, struct err *e)
{
	int fd = netns_open(path, e);

	if (fd != -ENOENT || strchr(text, '/'))
		return fd;
	if (is_number(text))
		return err_say(e, ENOENT, "there is no process %s", text);

	return err_say(e, ENOENT,
		       "there is no network namespace %s: `ip netns add` makes one, a number is a "
		       "process, and any other is named by its path",
		       text);
}

/* Return: 1 if the namespace is mounted at NAMED/@name, 0 if not. */
static bool is_named(int fd, const char *name)
{
	char path[sizeof(NAMED) + NAME_MAX + 1];
	AUTO_FD int other = -1;

	if (*name == '.')
		return false;
	snprintf(path, sizeof(path), NAMED "/%s", name);
	other = netns_open(path, NULL);

	return other >= 0 && netns_same(fd, other);
}

/* The name that `ip netns identify` would say.  Return: 0 or -ENOMEM. */
static int identify(int fd, char **ret)
{
	DIR *dir = opendir(NAMED);
	const struct dirent *file;
	int r = 0;

	while (dir && !*ret && (file = readdir(dir))) {
		if (!is_named(fd, file->d_name) ||
		    cni_valid_id(file->d_name, "", CNI_E_ENV, NULL) < 0)
			continue;
		*ret = strdup(file->d_name);
		r = *ret ? 0 : -ENOMEM;
		break;
	}
	if (dir)
		closedir(dir);

	return r;
}

static int refuse_own(const char *text, int fd, struct err *e)
{
	AUTO_FD int own = netns_open_self(e);

	if (own < 0)
		return own;
	if (!netns_same(own, fd))
		return 0;

	return err_cni(e, CNI_E_NETNS,
		       "%s is in the network namespace of the host itself: there is nothing to "
		       "attach",
		       text);
}

/* Of several names for one namespace, the one that was said counts. */
static int name_it(const char *text, struct target *t)
{
	const char *base = strrchr(text, '/') ? strrchr(text, '/') + 1 : text;
	int r = 0;

	if (!is_number(text) && is_named(t->fd, base) &&
	    cni_valid_id(base, "", CNI_E_ENV, NULL) == 0) {
		t->name = strdup(base);
		r = t->name ? 0 : -ENOMEM;
	} else {
		r = identify(t->fd, &t->name);
	}
	if (r == 0 && t->name) {
		free(t->path);
		if (asprintf(&t->path, NAMED "/%s", t->name) < 0)
			t->path = NULL;
	}

	return r < 0 || !t->path ? -ENOMEM : 0;
}

int target_open(const char *text, struct target *ret, struct err *e)
{
	AUTO(target_close) struct target t = TARGET_NONE;
	int r;

	t.path = path_of(text);
	if (!t.path)
		return err_sys(e, ENOMEM, "find %s", text);
	t.fd = open_path(text, t.path, e);
	if (t.fd < 0)
		return t.fd;
	r = refuse_own(text, t.fd, e);
	if (r < 0)
		return r;
	if (name_it(text, &t) < 0)
		return err_sys(e, ENOMEM, "find %s", text);
	*ret = t;
	t = TARGET_NONE;

	return 0;
}
