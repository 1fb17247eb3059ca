/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache - see cache.h. */
#include "cli/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/base64.h"
#include "cli/command.h"
#include "ipam/lease-text.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/jnode.h"
#include "lib/netns.h"

#define KIND	   "cniCacheV1"
#define SIZE_LIMIT ((off_t)16 << 20) /* bytes of a file */

/* ---- entries ------------------------------------------------------------- */

void cache_entry_clear(struct cache_entry *entry)
{
	free(entry->network);
	free(entry->container_id);
	free(entry->ifname);
	free(entry->netns);
	json_decref(entry->conf);
	json_decref(entry->args);
	json_decref(entry->capability_args);
	json_decref(entry->result);
	json_decref(entry->heddle);
	memset(entry, 0, sizeof(*entry));
}

const char *cache_entry_netns(const struct cache_entry *entry)
{
	const json_t *iface;
	size_t i;

	if (*entry->netns)
		return entry->netns;
	json_array_foreach(json_object_get(entry->result, "interfaces"), i, iface) {
		const char *name = json_string_value(json_object_get(iface, "name"));
		const char *sandbox = json_string_value(json_object_get(iface, "sandbox"));

		if (name && sandbox && strcmp(name, entry->ifname) == 0)
			return sandbox;
	}

	return "";
}

int cache_entry_open_netns(const struct cache_entry *entry, struct err *e)
{
	const json_t *inode = json_object_get(entry->heddle, "netns");
	const char *path = cache_entry_netns(entry);
	AUTO_FD int fd = netns_open(path, e);
	struct stat st;

	if (fd < 0)
		return fd;
	if (json_is_integer(inode) &&
	    (fstat(fd, &st) < 0 || st.st_ino != (ino_t)json_integer_value(inode)))
		return err_say(e, ENOENT, "%s is another network namespace by now", path);

	return MOVE_FD(fd);
}

void cache_clear(struct cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		cache_entry_clear(&c->entries[i]);
	free(c->entries);
	*c = (struct cache){ 0 };
}

static int compare(const void *a, const void *b)
{
	const struct cache_entry *x = a, *y = b;
	int r = strcmp(x->network, y->network);

	if (r == 0)
		r = strcmp(x->container_id, y->container_id);

	return r != 0 ? r : strcmp(x->ifname, y->ifname);
}

/* Return: the name of its file, owned by the caller; NULL without memory. */
static char *file_name(const struct cache_entry *entry)
{
	char *name;

	if (asprintf(&name, "%s-%s-%s", entry->network, entry->container_id, entry->ifname) < 0)
		return NULL;

	return name;
}

static int open_dir(const struct command_env *env, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/results", env->cache_dir) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "open the cache of attachments");
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : err_sys(e, errno, "open %s", path);
}

/* ---- reading ------------------------------------------------------------- */

/* A copy of the text at @key, "" if there is none.  Return: 0 or -ENOMEM. */
static int get_text(const json_t *doc, const char *key, char **ret)
{
	const char *text = json_string_value(json_object_get(doc, key));

	*ret = strdup(text ? text : "");

	return *ret ? 0 : -ENOMEM;
}

static json_t *get_if(const json_t *doc, const char *key, json_type type)
{
	json_t *value = json_object_get(doc, key);

	return value && json_typeof(value) == type ? json_incref(value) : NULL;
}

static json_t *get_conf(const json_t *doc)
{
	const char *text = json_string_value(json_object_get(doc, "config"));
	AUTO_FREE char *bytes = NULL;
	json_t *conf = NULL;
	size_t len;

	if (text && base64_decode(text, &bytes, &len) == 0)
		(void)jn_parse(bytes, len, &conf, NULL);

	return conf;
}

static int take(const json_t *doc, struct cache_entry *ret)
{
	if (get_text(doc, "networkName", &ret->network) < 0 ||
	    get_text(doc, "containerId", &ret->container_id) < 0 ||
	    get_text(doc, "ifName", &ret->ifname) < 0 || get_text(doc, "netns", &ret->netns) < 0)
		return -ENOMEM;
	ret->conf = get_conf(doc);
	ret->args = get_if(doc, "cniArgs", JSON_ARRAY);
	ret->capability_args = get_if(doc, "capabilityArgs", JSON_OBJECT);
	ret->result = get_if(doc, "result", JSON_OBJECT);
	ret->heddle = get_if(doc, "heddle", JSON_OBJECT);

	return 0;
}

/*
 * What cannot be read is not as good as none: who lives is decided by it.
 *
 * Return: 0, with NULL for what is gone, is no file of ours, or holds no JSON; or a negative errno.
 */
static int read_json(int dir, const char *name, json_t **ret)
{
	AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > SIZE_LIMIT)
		return 0;
	r = file_read(fd, (size_t)st.st_size, &text, &len);
	if (r < 0)
		return r == -EFBIG ? 0 : r;
	(void)jn_parse(text, len, ret, NULL);

	return 0;
}

/* Return: 1; 0 if it is none, or not the one that its name says; or a negative errno. */
static int read_entry(int dir, const char *name, struct cache_entry *ret)
{
	AUTO_JSON json_t *doc = NULL;
	AUTO(cache_entry_clear) struct cache_entry entry = { 0 };
	AUTO_FREE char *own_name = NULL;
	const char *kind;
	int r = read_json(dir, name, &doc);

	if (r < 0)
		return r;
	kind = json_string_value(json_object_get(doc, "kind"));
	if (!kind || strcmp(kind, KIND) != 0)
		return 0;
	if (take(doc, &entry) < 0 || !(own_name = file_name(&entry)))
		return -ENOMEM;
	if (!*entry.network || !*entry.container_id || !*entry.ifname ||
	    strcmp(own_name, name) != 0)
		return 0;
	*ret = entry;
	entry = (struct cache_entry){ 0 };

	return 1;
}

/* By its name alone, so that most files need not be read. */
static bool may_be(const char *name, const char *network, const char *container)
{
	const char *rest = name;

	if (*name == '.')
		return false;
	if (network) {
		size_t len = strlen(network);

		if (strncmp(name, network, len) != 0 || name[len] != '-')
			return false;
		rest += len;
	}

	return !container || strstr(rest, container);
}

static bool is_wanted(const struct cache_entry *entry, const char *network, const char *container)
{
	return (!network || strcmp(entry->network, network) == 0) &&
	       (!container || strcmp(entry->container_id, container) == 0);
}

/* Takes over what is in @entry. */
static int append(struct cache *c, size_t *room, struct cache_entry *entry)
{
	if (c->n == *room) {
		size_t bigger = *room ? *room * 2 : 16;
		struct cache_entry *list = realloc(c->entries, bigger * sizeof(*list));

		if (!list)
			return -ENOMEM;
		c->entries = list;
		*room = bigger;
	}
	c->entries[c->n++] = *entry;
	*entry = (struct cache_entry){ 0 };

	return 0;
}

static int read_all(DIR *dir, const char *network, const char *container, struct cache *c)
{
	const struct dirent *file;
	size_t room = 0;
	int r = 0;

	while (r >= 0 && (errno = 0, file = readdir(dir))) {
		AUTO(cache_entry_clear) struct cache_entry entry = { 0 };

		if (!may_be(file->d_name, network, container))
			continue;
		r = read_entry(dirfd(dir), file->d_name, &entry);
		if (r > 0 && is_wanted(&entry, network, container))
			r = append(c, &room, &entry);
	}

	return r < 0 ? r : -errno;
}

int cache_load(const struct command_env *env, const char *network, const char *container,
	       struct cache *ret, struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int fd = open_dir(env, e), r = 0;
	DIR *dir;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0) {
		dir = fdopendir(fd);
		r = dir ? read_all(dir, network, container, &c) : -errno;
		dir ? closedir(dir) : close(fd);
	}
	if (r < 0)
		return err_sys(e, -r, "read %s/results", env->cache_dir);
	if (c.n > 0)
		qsort(c.entries, c.n, sizeof(*c.entries), compare);
	*ret = c;
	c = (struct cache){ 0 };

	return 0;
}

/* ---- writing ------------------------------------------------------------- */

static int make_dirs(const struct command_env *env, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r;

	if (asprintf(&path, "%s/results", env->cache_dir) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "make the cache of attachments");
	}
	/* libcni's mode: arguments may be confidential. */
	r = file_make_dirs(path, 0700);

	return r < 0 ? err_sys(e, -r, "make %s", path) : 0;
}

/* Each container has a byte of one file, by a hash: nothing is left behind for a container. */
static int lock_byte(int fd, const char *container)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(lease_key(container, strlen(container)) >> 2),
		.l_len = 1,
	};

	while (fcntl(fd, F_OFD_SETLKW, &lock) < 0) {
		if (errno != EINTR)
			return -errno;
	}

	return 0;
}

int cache_lock(const struct command_env *env, const char *container, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_FD int fd = -1;
	int r = make_dirs(env, e);

	if (r < 0)
		return r;
	if (asprintf(&path, "%s/results/.heddle.lock", env->cache_dir) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "lock the container %s", container);
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : lock_byte(fd, container);

	return r < 0 ? err_sys(e, -r, "lock %s", path) : MOVE_FD(fd);
}

/* Nothing is added for NULL. */
static int set_if(json_t *doc, const char *key, json_t *value)
{
	return value ? json_object_set(doc, key, value) : 0;
}

/* In the order in which libcni writes it. */
static json_t *to_json(const struct cache_entry *entry)
{
	AUTO_FREE char *conf = json_dumps(entry->conf, JSON_COMPACT);
	AUTO_FREE char *config = conf ? base64_encode(conf, strlen(conf)) : NULL;
	json_t *doc = config ? json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", KIND, "containerId",
					 entry->container_id, "config", config, "ifName",
					 entry->ifname, "networkName", entry->network)
			     : NULL;

	if (!doc)
		return NULL;
	if ((entry->netns && *entry->netns &&
	     json_object_set_new(doc, "netns", json_string(entry->netns)) < 0) ||
	    set_if(doc, "cniArgs", entry->args) < 0 ||
	    set_if(doc, "capabilityArgs", entry->capability_args) < 0 ||
	    set_if(doc, "result", entry->result) < 0 || set_if(doc, "heddle", entry->heddle) < 0) {
		json_decref(doc);
		return NULL;
	}

	return doc;
}

/* Under a name that no reader looks at, then in its place. */
static int replace(const struct command_env *env, const char *name, const char *text)
{
	AUTO_FREE char *temp = NULL, *path = NULL;
	int fd, r;

	if (asprintf(&temp, "%s/results/.heddle-XXXXXX.tmp", env->cache_dir) < 0) {
		temp = NULL;
		return -ENOMEM;
	}
	if (asprintf(&path, "%s/results/%s", env->cache_dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = mkostemps(temp, (int)strlen(".tmp"), O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = file_write(fd, text, strlen(text));
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temp);

	return r;
}

int cache_write(const struct command_env *env, const struct cache_entry *entry, struct err *e)
{
	AUTO_JSON json_t *doc = to_json(entry);
	AUTO_FREE char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	AUTO_FREE char *name = file_name(entry);
	int r = make_dirs(env, e);

	if (r < 0)
		return r;
	r = text && name ? replace(env, name, text) : -ENOMEM;

	return r < 0 ? err_sys(e, -r, "write %s/results/%s", env->cache_dir, name ? name : "") : 0;
}

int cache_remove(const struct command_env *env, const struct cache_entry *entry, struct err *e)
{
	AUTO_FREE char *name = file_name(entry);
	AUTO_FD int dir = open_dir(env, e);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (!name)
		return err_sys(e, ENOMEM, "forget an attachment");
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s/results/%s", env->cache_dir, name);

	return 0;
}
