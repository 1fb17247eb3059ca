/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease - see lease.h. */
#include "ipam/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ipam/lease-file.h"
#include "ipam/lock.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"

/* ---- the directory and its lock ------------------------------------------ */

static int open_dir(struct lease_store *s, enum lease_mode mode, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int r;

	s->dir = open(s->path, flags);
	if (s->dir < 0 && errno == ENOENT && mode == LEASE_CREATE) {
		r = file_make_dirs(s->path, 0755);
		if (r < 0)
			return err_sys(e, -r, "make the lease directory %s", s->path);
		s->dir = open(s->path, flags);
	}
	if (s->dir < 0)
		return err_sys(e, errno, "open the lease directory %s", s->path);

	return 0;
}

/* Someone who cleans up by hand may remove the very file that we waited for. */
static bool is_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

static int lock_dir(struct lease_store *s, int wait_ms, struct err *e)
{
	int r;

	do {
		cleanup_fd(&s->lock);
		s->lock = openat(s->dir, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
		if (s->lock < 0)
			return err_sys(e, errno, "open %s/lock", s->path);
		r = lock_take(s->lock, wait_ms);
		if (r == -ETIMEDOUT)
			return err_cni(e, CNI_E_AGAIN,
				       "%s/lock: another process has held the lock for %d ms; try "
				       "again later",
				       s->path, wait_ms);
		if (r < 0)
			return err_sys(e, -r, "lock %s/lock", s->path);
	} while (is_removed(s->lock));

	return 0;
}

int lease_open(struct lease_store *s, const char *data_dir, const char *network,
	       enum lease_mode mode, int wait_ms, struct err *e)
{
	int r;

	*s = LEASE_CLOSED;
	if (asprintf(&s->path, "%s/%s", data_dir, network) < 0) {
		s->path = NULL;
		return err_sys(e, ENOMEM, "open a lease directory");
	}

	r = open_dir(s, mode, e);
	if (r == 0 && mode != LEASE_LOOK)
		r = lock_dir(s, wait_ms, e);
	if (r == 0 && mode != LEASE_LOOK) {
		lease_host_read(&s->host);
		lease_index_open(&s->index, s->dir, s->host.boot);
	}
	if (r < 0)
		lease_close(s);

	return r;
}

void lease_close(struct lease_store *s)
{
	lease_index_close(&s->index);
	cleanup_fd(&s->lock);
	cleanup_fd(&s->dir);
	free(s->path);
	*s = LEASE_CLOSED;
}

/* ---- one lease ----------------------------------------------------------- */

int lease_look(const struct lease_store *s, const struct lease_owner *o, const struct ip_addr *ip,
	       struct err *e)
{
	char text[LEASE_TEXT_MAX + 1], name[IP_STRLEN];
	int len = lease_file_read(s->dir, ip_str(ip, name), text, NULL);

	if (len == -ENOENT)
		return LEASE_OTHER;
	if (len < 0)
		return err_sys(e, -len, "read the lease %s/%s", s->path, name);

	return lease_owner_match(o, text, (size_t)len);
}

const char *lease_holder(const struct lease_store *s, const struct ip_addr *ip, char *buf,
			 size_t len)
{
	char text[LEASE_TEXT_MAX + 1], name[IP_STRLEN];
	struct lease_text lease;
	int got = lease_file_read(s->dir, ip_str(ip, name), text, NULL);

	if (got < 0 || !lease_text_parse(text, (size_t)got, &lease))
		snprintf(buf, len, "nobody known");
	else if (!lease.ifname)
		snprintf(buf, len, "%s", lease.container_id);
	else
		snprintf(buf, len, "%s (%s)", lease.container_id, lease.ifname);

	return buf;
}

int lease_release(struct lease_store *s, const struct lease_owner *o, const struct ip_addr *ip,
		  struct err *e)
{
	char name[IP_STRLEN];
	int r = lease_look(s, o, ip, e);

	if (r < 0 || r == LEASE_OTHER)
		return r < 0 ? r : 0;
	if (unlinkat(s->dir, ip_str(ip, name), 0) < 0)
		return errno == ENOENT ? 0
				       : err_sys(e, errno, "remove the lease %s/%s", s->path, name);
	lease_index_remove(&s->index, ip);

	return 1;
}

/* ---- a new lease --------------------------------------------------------- */

int lease_take(struct lease_store *s, const struct lease_owner *o, const struct ip_addr *ip,
	       struct err *e)
{
	char name[IP_STRLEN];
	int r;

	if (faccessat(s->dir, ip_str(ip, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	r = lease_file_create(s->dir, name, o, &s->host);
	if (r == 0) {
		r = lease_index_add(&s->index, o->key, ip);
		if (r < 0)
			unlinkat(s->dir, name, 0);
	}
	if (r < 0 && r != -EEXIST)
		err_sys(e, -r, "write the lease %s/%s", s->path, name);

	return r;
}

/* ---- all leases ---------------------------------------------------------- */

/* The reference names files as ip_str() does; anything else is no lease. */
static bool is_lease_name(const char *name, struct ip_addr *ret)
{
	char text[IP_STRLEN];

	return ip_parse(name, ret) == 0 && strcmp(ip_str(ret, text), name) == 0;
}

static bool is_stale(const struct lease_store *s, int fd)
{
	char stamp[LEASE_STAMP_LEN + 1];
	ssize_t len = fgetxattr(fd, LEASE_STAMP_XATTR, stamp, sizeof(stamp));

	return len > 0 && lease_stamp_is_stale(&s->host, stamp, (size_t)len);
}

/*
 * Whether the lease @name is torn or, if @stamps are to be looked at, of an
 * earlier boot.  @ret_key: 0 if it is torn or cannot be read.
 *
 * Return: 1 or 0, or a negative errno if it cannot be read.
 */
static int is_dead(const struct lease_store *s, const char *name, bool stamps, uint64_t *ret_key)
{
	char text[LEASE_TEXT_MAX + 1];
	struct lease_text lease;
	AUTO_FD int fd = -1;
	int len = lease_file_read(s->dir, name, text, &fd);

	*ret_key = 0;
	if (len < 0)
		return len;
	if (!lease_text_parse(text, (size_t)len, &lease))
		return 1;
	*ret_key = lease.key;

	return stamps && is_stale(s, fd);
}

/* A needless lease that cannot be removed is held too. */
static int remove_or_add(struct lease_store *s, const char *name, const struct ip_addr *ip,
			 bool needless, uint64_t key, struct err *e)
{
	int r = 0;

	if (needless) {
		if (unlinkat(s->dir, name, 0) == 0 || errno == ENOENT)
			return 0;
		r = err_sys(e, errno, "remove the lease %s/%s", s->path, name);
	}
	if (lease_index_add(&s->index, key, ip) < 0)
		return err_sys(e, ENOMEM, "read the leases in %s", s->path);

	return r;
}

static int sweep_one(struct lease_store *s, const char *name, const struct ip_addr *ip, bool stamps,
		     struct err *e)
{
	uint64_t key;
	bool dead = is_dead(s, name, stamps, &key) > 0; /* one that cannot be read is held */

	return remove_or_add(s, name, ip, dead, key, e);
}

static void close_dirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int open_listing(const struct lease_store *s, DIR **ret, struct err *e)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		int r = err_sys(e, errno, "list the lease directory %s", s->path);

		cleanup_fd(&fd);
		return r;
	}
	*ret = d;

	return 0;
}

static int sweep(struct lease_store *s, bool stamps, struct err *e)
{
	AUTO(close_dirp) DIR *d = NULL;
	struct dirent *entry;
	struct ip_addr ip;
	struct err next;
	int r = open_listing(s, &d, e);

	if (r < 0)
		return r;
	/* What another machine's boots are, a network file system does not tell. */
	stamps = stamps && s->index.local;
	lease_index_reset(&s->index);
	while ((entry = readdir(d)))
		if (is_lease_name(entry->d_name, &ip))
			r = err_keep(r, e, sweep_one(s, entry->d_name, &ip, stamps, &next), &next);
	if (r != -ENOMEM)
		lease_index_save(&s->index);

	return r;
}

int lease_sweep(struct lease_store *s, struct err *e)
{
	return sweep(s, true, e);
}

/* Failing to remove what nobody needs is no failure for who wants something else. */
static int need_index(struct lease_store *s, struct err *e)
{
	int r;

	if (s->index.complete)
		return 0;
	r = sweep(s, !s->index.same_boot, e);

	return s->index.complete ? 0 : r;
}

/* The list is a hint: what goes is read first. */
static int drop_one(struct lease_store *s, const struct lease_record *record,
		    bool (*is_needless)(uint64_t key, void *data), void *data, struct err *e)
{
	char name[IP_STRLEN];
	uint64_t key = record->key;
	bool needless = is_needless(key, data);
	struct err next;
	int r = 0, dead;

	ip_str(&record->ip, name);
	if (needless) {
		dead = is_dead(s, name, false, &key);
		if (dead < 0 && dead != -ENOENT)
			r = err_sys(e, -dead, "read the lease %s/%s", s->path, name);
		needless = dead > 0 || dead == -ENOENT || (key != 0 && is_needless(key, data));
	}

	return err_keep(r, e, remove_or_add(s, name, &record->ip, needless, key, &next), &next);
}

static bool any_needless(const struct lease_index *x, bool (*is_needless)(uint64_t key, void *data),
			 void *data)
{
	for (size_t i = 0; i < x->n; i++)
		if (is_needless(x->records[i].key, data))
			return true;

	return false;
}

int lease_drop(struct lease_store *s, bool (*is_needless)(uint64_t key, void *data), void *data,
	       struct err *e)
{
	AUTO_FREE struct lease_record *all = NULL;
	struct err next;
	int r = need_index(s, e);
	size_t n = s->index.n;

	if (r < 0 || !any_needless(&s->index, is_needless, data))
		return r;
	all = calloc(n, sizeof(*all));
	if (!all)
		return err_sys(e, ENOMEM, "read the leases in %s", s->path);
	memcpy(all, s->index.records, n * sizeof(*all));

	lease_index_reset(&s->index);
	for (size_t i = 0; i < n; i++)
		r = err_keep(r, e, drop_one(s, &all[i], is_needless, data, &next), &next);
	if (r != -ENOMEM)
		lease_index_save(&s->index);

	return r;
}

static int append(struct ip_addr **list, size_t *n, const struct ip_addr *ip)
{
	struct ip_addr *bigger = reallocarray(*list, *n + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	bigger[(*n)++] = *ip;
	*list = bigger;

	return 0;
}

/* Addresses whose record has @key and whose lease is @kind of match. */
static int find_kind(struct lease_store *s, const struct lease_owner *o, uint64_t key,
		     enum lease_match kind, struct ip_addr **ret, size_t *ret_n, struct err *e)
{
	for (size_t i = 0; i < s->index.n; i++) {
		const struct lease_record *record = &s->index.records[i];
		int r;

		if (record->key != key)
			continue;
		r = lease_look(s, o, &record->ip, e);
		if (r < 0)
			return r;
		if (r == (int)kind && append(ret, ret_n, &record->ip) < 0)
			return err_sys(e, ENOMEM, "read the leases in %s", s->path);
	}

	return 0;
}

int lease_find(struct lease_store *s, const struct lease_owner *o, struct ip_addr **ret,
	       size_t *ret_n, struct err *e)
{
	AUTO_FREE struct ip_addr *list = NULL;
	size_t n = 0;
	int r = need_index(s, e);

	if (r == 0)
		r = find_kind(s, o, o->key, LEASE_OWN, &list, &n, e);
	if (r == 0 && n == 0)
		r = find_kind(s, o, o->old_key, LEASE_OLD, &list, &n, e);
	if (r < 0)
		return r;
	*ret = MOVE_PTR(list);
	*ret_n = n;

	return 0;
}

int lease_list(struct lease_store *s, struct ip_addr **ret, size_t *ret_n, struct err *e)
{
	struct ip_addr *list = NULL;
	int r = need_index(s, e);

	if (r < 0)
		return r;
	if (s->index.n > 0) {
		list = calloc(s->index.n, sizeof(*list));
		if (!list)
			return err_sys(e, ENOMEM, "list the leases in %s", s->path);
	}
	for (size_t i = 0; i < s->index.n; i++)
		list[i] = s->index.records[i].ip;
	*ret = list;
	*ret_n = s->index.n;

	return 0;
}

/* ---- round robin --------------------------------------------------------- */

static void last_name(char buf[64], size_t set)
{
	snprintf(buf, 64, "last_reserved_ip.%zu", set);
}

struct ip_addr lease_last(const struct lease_store *s, size_t set)
{
	char name[64], text[IP_STRLEN];
	struct ip_addr ip = { 0 };
	AUTO_FD int fd = -1;
	ssize_t len;

	last_name(name, set);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return ip;
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	(void)ip_parse(text, &ip);

	return ip;
}

void lease_set_last(const struct lease_store *s, size_t set, const struct ip_addr *ip)
{
	char name[64], text[IP_STRLEN];
	size_t len = strlen(ip_str(ip, text));
	AUTO_FD int fd = -1;

	last_name(name, set);
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || pwrite(fd, text, len, 0) != (ssize_t)len || ftruncate(fd, (off_t)len) < 0)
		unlinkat(s->dir, name, 0);
}
