/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backup - see backup.h. */
#include "lib/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/gc.h"
#include "lib/jnode.h"
#include "lib/owner.h"

#define FILE_SIZE_MAX (4u << 20)
#define TEMP_PREFIX   "." /* of a file that is being written; the owner's key follows */
#define TEMP_SIZE     (sizeof(TEMP_PREFIX) + OWNER_KEY_LEN)

/* ---- the values ---------------------------------------------------------- */

void backup_clear(struct backup *b)
{
	for (size_t i = 0; i < b->n_sysctls; i++) {
		free(b->sysctls[i].old);
		free(b->sysctls[i].new);
	}
	free(b->sysctls);
	*b = (struct backup){ 0 };
}

int backup_add(struct backup *b, const char *path, const char *old, const char *new, struct err *e)
{
	AUTO_FREE char *old_copy = old ? strdup(old) : NULL;
	AUTO_FREE char *new_copy = strdup(new);
	struct backup_sysctl *bigger;

	bigger = reallocarray(b->sysctls, b->n_sysctls + 1, sizeof(*bigger));
	if (bigger)
		b->sysctls = bigger;
	if (!bigger || !new_copy || (old && !old_copy))
		return err_sys(e, ENOMEM, "keep the value of %s", path);
	bigger += b->n_sysctls++;
	snprintf(bigger->path, sizeof(bigger->path), "%s", path);
	bigger->old = MOVE_PTR(old_copy);
	bigger->new = MOVE_PTR(new_copy);

	return 0;
}

/* ---- as JSON ------------------------------------------------------------- */

static json_t *sysctls_to_json(const struct backup *b)
{
	json_t *obj = json_object();

	for (size_t i = 0; i < b->n_sysctls; i++) {
		const struct backup_sysctl *s = &b->sysctls[i];

		/* What cannot be read cannot be restored. */
		if (s->old)
			json_object_set_new(obj, s->path, json_pack("[s,s]", s->old, s->new));
	}

	return obj;
}

static json_t *to_json(const struct backup *b, const struct owner *owner)
{
	AUTO_JSON json_t *obj = json_object();
	AUTO_JSON json_t *sysctls = sysctls_to_json(b);

	if (!obj || !sysctls || tune_write(&b->link, obj) < 0 ||
	    (json_object_size(sysctls) > 0 && json_object_set(obj, "sysctl", sysctls) < 0) ||
	    json_object_set_new(obj, "owner", json_string(owner->tag)) < 0)
		return NULL;

	return MOVE_PTR(obj);
}

static int read_sysctls(const struct jnode *n, struct backup *b, struct err *e)
{
	const char *path, *old, *new;
	char checked[NETSYSCTL_PATH_SIZE];
	json_t *pair;
	int r = jn_object(n, e);

	if (r < 0)
		return r;
	json_object_foreach(n->json, path, pair) {
		/* What the file says is not trusted to stay below /proc/sys/net either. */
		if (json_unpack(pair, "[s,s]", &old, &new) < 0 ||
		    netsysctl_path(path, "", checked) < 0 || strcmp(path, checked) != 0)
			return jn_bad(n, e, "%s: not a setting with its old and new value", path);
		r = backup_add(b, path, old, new, e);
		if (r < 0)
			return r;
	}

	return 0;
}

static int from_json(json_t *doc, struct backup *ret, struct err *e)
{
	const struct jnode root = jn_root(doc);
	struct backup b = { 0 };
	struct jnode sysctls;
	int r = tune_read(&root, &b.link, e);

	if (r == 0 && jn_get(&root, "sysctl", &sysctls))
		r = read_sysctls(&sysctls, &b, e);
	if (r < 0)
		backup_clear(&b);
	else
		*ret = b;

	return r;
}

static const char *tag_of(const json_t *doc)
{
	return json_string_value(json_object_get(doc, "owner"));
}

/* The names of two attachments can be joined to the same one: the tag tells them apart. */
static bool is_others(const json_t *doc, const struct owner *owner)
{
	const char *tag = tag_of(doc);

	return tag && !owner_has(owner, tag, strlen(tag));
}

/* ---- the directory ------------------------------------------------------- */

/* Return: a descriptor, or a negative errno; -ENOENT is not reported. */
static int open_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 || errno == ENOENT)
		return fd >= 0 ? fd : -ENOENT;

	return err_sys(e, errno, "open the directory %s", dir);
}

static int open_or_make_dir(const char *dir, struct err *e)
{
	int fd = open_dir(dir, e), r;

	if (fd != -ENOENT)
		return fd;
	r = file_make_dirs(dir, 0700);
	if (r < 0)
		return err_sys(e, -r, "make the directory %s", dir);
	fd = open_dir(dir, e);

	return fd == -ENOENT ? err_sys(e, ENOENT, "open the directory %s", dir) : fd;
}

static int file_name(const struct backup_place *at, char ret[NAME_MAX + 1], struct err *e)
{
	int n = snprintf(ret, NAME_MAX + 1, "%s_%s.json", at->container_id, at->ifname);

	if (n < 0 || n > NAME_MAX)
		return err_cni(e, CNI_E_ENV,
			       "CNI_CONTAINERID: it is too long for the name of a file in %s (%d "
			       "bytes)",
			       at->dir, NAME_MAX);

	return 0;
}

static void temp_name(const struct owner *owner, char ret[TEMP_SIZE])
{
	snprintf(ret, TEMP_SIZE, "%s%.*s", TEMP_PREFIX, OWNER_KEY_LEN, owner->tag);
}

/*
 * Return: 1; 0 if there is no such file or no JSON in it; a negative errno.
 * A file of the reference that was cut short by a crash is no JSON.
 */
static int read_doc(int dir, const char *name, json_t **ret, struct err *e)
{
	AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO_FREE char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "open %s", name);
	r = file_read(fd, FILE_SIZE_MAX, &text, &len);
	if (r < 0)
		return err_sys(e, -r, "read %s", name);
	r = jn_parse(text, len, ret, NULL);

	return r == -ENOMEM ? err_sys(e, ENOMEM, "read %s", name) : r == 0;
}

/* ---- one attachment ------------------------------------------------------ */

/* json_dumpfd() writes each quotation mark by itself, and does not look at what came of it. */
static int write_file(int dir, const char *name, const json_t *doc, struct err *e)
{
	AUTO_FREE char *text = json_dumps(doc, JSON_INDENT(1));
	AUTO_FD int fd = -1;
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "write %s", name);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : file_write(fd, text, strlen(text));

	return r < 0 ? err_sys(e, -r, "write %s", name) : 0;
}

int backup_save(const struct backup_place *at, const struct backup *b, struct err *e)
{
	AUTO_JSON json_t *doc = to_json(b, at->owner);
	char name[NAME_MAX + 1], temp[TEMP_SIZE];
	AUTO_FD int dir = -1;
	int r;

	if (!doc)
		return err_sys(e, ENOMEM, "keep the old values of %s", at->ifname);
	if ((r = file_name(at, name, e)) < 0 || (r = open_or_make_dir(at->dir, e)) < 0)
		return r;
	dir = r;

	temp_name(at->owner, temp);
	r = write_file(dir, temp, doc, e);
	if (r == 0 && renameat(dir, temp, dir, name) < 0)
		r = err_sys(e, errno, "rename %s to %s", temp, name);
	if (r < 0) {
		(void)unlinkat(dir, temp, 0);
		if (e)
			e->cni = CNI_E_IO;
		return err_wrap(e, r, "%s", at->dir);
	}

	return 0;
}

int backup_load(const struct backup_place *at, struct backup *ret, struct err *e)
{
	AUTO_FD int dir = open_dir(at->dir, e);
	AUTO_JSON json_t *doc = NULL;
	char name[NAME_MAX + 1];
	int r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	/* What cannot be named cannot have been written. */
	if (file_name(at, name, NULL) < 0)
		return 0;
	r = read_doc(dir, name, &doc, e);
	if (r <= 0 || is_others(doc, at->owner))
		return r < 0 ? r : 0;
	r = from_json(doc, ret, NULL);
	if (r == -ENOMEM)
		return err_sys(e, ENOMEM, "read %s", name);

	return r == 0;
}

static int remove_file(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT) {
		(void)err_sys(e, errno, "remove %s", name);
		if (e)
			e->cni = CNI_E_IO;
		return -EIO;
	}

	return 0;
}

int backup_remove(const struct backup_place *at, struct err *e)
{
	AUTO_FD int dir = open_dir(at->dir, e);
	AUTO_JSON json_t *doc = NULL;
	char name[NAME_MAX + 1], temp[TEMP_SIZE];
	int r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (file_name(at, name, NULL) < 0)
		return 0;
	temp_name(at->owner, temp);
	r = remove_file(dir, temp, e);
	if (r == 0)
		r = read_doc(dir, name, &doc, e);
	if (r >= 0)
		r = doc && is_others(doc, at->owner) ? 0 : remove_file(dir, name, e);

	return r < 0 ? err_wrap(e, r, "%s", at->dir) : 0;
}

/* ---- garbage ------------------------------------------------------------- */

static int is_garbage(int dir, const char *name, const struct gc *gc, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	const char *tag;
	int r;

	if (strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0)
		return gc_is_garbage(gc, name + strlen(TEMP_PREFIX),
				     strlen(name) - strlen(TEMP_PREFIX));
	if (!strstr(name, ".json"))
		return 0;
	r = read_doc(dir, name, &doc, e);
	tag = r > 0 ? tag_of(doc) : NULL;

	return r < 0 ? r : tag && gc_is_garbage(gc, tag, strlen(tag));
}

int backup_gc(const char *path, const struct gc *gc, struct err *e)
{
	AUTO_FD int fd = open_dir(path, e);
	struct err next = { 0 };
	struct dirent *entry;
	int first = 0, r;
	DIR *dir;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir)
		return err_sys(e, errno, "list %s", path);
	MOVE_FD(fd);
	while ((entry = readdir(dir))) {
		r = is_garbage(dirfd(dir), entry->d_name, gc, &next);
		if (r > 0)
			r = remove_file(dirfd(dir), entry->d_name, &next);
		if (r < 0)
			(void)err_wrap(&next, r, "%s", path);
		first = err_keep(first, e, r < 0 ? r : 0, &next);
	}
	closedir(dir);

	return first;
}
