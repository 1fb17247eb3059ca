/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conflist - see conflist.h
 *
 * Every look is a full comparison: the directory is small and rarely changes.
 * inotify says when; a directory that goes away is seen by the timer.
 */
#include "netd/conflist.h"

#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/jnode.h"

#define LOG_AREA "networks"
#include "netd/log.h"

#define PREFIX	 "zz-heddle-"
#define SUFFIX	 ".conflist"
#define TEMP	 ".netd.tmp" /* not the command's, which sweeps its own */
#define FILE_MAX (1024 * 1024)
#define LOOK_S	 30
#define RETRY_S	 1

struct written {
	struct written *next;
	bool wanted;
	char file[]; /* that this process has written, or found as it should be */
};

struct conflists {
	struct ev_loop *loop;
	struct conflist_owner owner;
	char *dir;
	int inotify, watch;
	struct ev_io io;
	struct ev_timer timer;
	struct written *known;
	bool failed;
	struct log_pace pace;
	struct conflist_counters counters;
};

/* ---- files --------------------------------------------------------------- */

/* Return: the document; NULL: there is none that can be read. */
static json_t *load(int dir, const char *file)
{
	AUTO_FD int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO_FREE char *text = NULL;
	json_t *doc = NULL;
	size_t len;

	if (fd < 0 || file_read(fd, FILE_MAX, &text, &len) < 0 ||
	    jn_parse(text, len, &doc, NULL) < 0)
		return NULL;

	return doc;
}

static bool is_ours(const json_t *doc)
{
	return json_is_string(json_object_get(json_object_get(doc, "heddle"), "netd"));
}

static int fill(int fd, const json_t *doc)
{
	AUTO_FREE char *text = json_dumps(doc, JSON_INDENT(2));
	int r;

	if (!text)
		return -ENOMEM;
	if ((r = file_write(fd, text, strlen(text))) < 0 || (r = file_write(fd, "\n", 1)) < 0)
		return r;

	return fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/*
 * A new file is linked to its name, which does not replace what came there meanwhile; one of
 * ours is replaced.  The temporary name's end is what containerd notices.
 */
static int put(int dir, const char *file, const json_t *doc, bool replace)
{
	AUTO_FD int fd = -1;
	int r;

	(void)unlinkat(dir, TEMP, 0);
	fd = openat(dir, TEMP, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = fill(fd, doc);
	if (r == 0 &&
	    (replace ? renameat(dir, TEMP, dir, file) : linkat(dir, TEMP, dir, file, 0)) < 0)
		r = -errno;
	(void)unlinkat(dir, TEMP, 0);

	return r < 0 ? r : fsync(dir) < 0 ? -errno : 0;
}

/* ---- one network --------------------------------------------------------- */

struct look {
	struct conflists *c;
	int dir;
};

static struct written *find(const struct conflists *c, const char *file)
{
	struct written *w = c->known;

	while (w && strcmp(w->file, file) != 0)
		w = w->next;

	return w;
}

static void note(struct conflists *c, const char *file)
{
	struct written *w = find(c, file);
	size_t len = strlen(file) + 1;

	if (!w && (w = malloc(sizeof(*w) + len))) {
		memcpy(w->file, file, len);
		w->next = c->known;
		c->known = w;
	}
	if (w)
		w->wanted = true;
}

static void write_one(struct conflists *c, int dir, const char *file, const json_t *doc,
		      const json_t *found)
{
	bool before = find(c, file);
	int r = put(dir, file, doc, found || before);

	if (r < 0) {
		c->counters.failed++;
		c->failed = true;
		log_paced(&c->pace, LOG_ERROR, LOG_AREA, "write %s/%s: %s", c->dir, file,
			  strerror(-r));
		return;
	}
	c->counters.written++;
	c->counters.restored += before;
	if (before)
		log_warning("%s/%s was %s by somebody, and is written again: the network is the "
			    "cluster's, use heddle network rm to remove it everywhere",
			    c->dir, file, found ? "changed" : "removed");
	note(c, file);
}

static void look_at(void *arg, const char *name, json_t *doc)
{
	struct look *l = arg;
	char file[NAME_MAX + 1];
	AUTO_JSON json_t *found = NULL;
	struct stat st;

	snprintf(file, sizeof(file), PREFIX "%s" SUFFIX, name);
	found = load(l->dir, file);
	if (found && json_equal(found, doc)) {
		note(l->c, file);
		return;
	}
	if (!find(l->c, file) && !is_ours(found) &&
	    fstatat(l->dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		l->c->counters.taken++;
		log_paced(
			&l->c->pace, LOG_WARNING, LOG_AREA,
			"%s/%s is a network of this host: the cluster's network %s cannot be used "
			"here until it is removed",
			l->c->dir, file, name);
		return;
	}
	write_one(l->c, l->dir, file, doc, found);
}

/* ---- all of them --------------------------------------------------------- */

static bool is_conflist(const char *file)
{
	size_t len = strlen(file), suffix = strlen(SUFFIX);

	return strncmp(file, PREFIX, strlen(PREFIX)) == 0 && len > suffix &&
	       strcmp(file + len - suffix, SUFFIX) == 0;
}

/* What this process, or an earlier one, wrote for a network that is no more. */
static void sweep(struct conflists *c, int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!d && copy >= 0)
		close(copy);
	while (d && (entry = readdir(d))) {
		const struct written *w = find(c, entry->d_name);
		AUTO_JSON json_t *doc = NULL;

		if (!is_conflist(entry->d_name) || (w && w->wanted))
			continue;
		doc = load(dir, entry->d_name);
		if (is_ours(doc) && unlinkat(dir, entry->d_name, 0) == 0)
			c->counters.removed++;
	}
	if (d)
		closedir(d);
}

static void forget_unwanted(struct conflists *c)
{
	for (struct written **at = &c->known; *at;) {
		struct written *w = *at;

		if (w->wanted) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
}

static int open_dir(struct conflists *c)
{
	int fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0 && errno == ENOENT) {
		r = file_make_dirs(c->dir, 0755);
		if (r < 0)
			return r;
		fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	/* The same watch again, unless the directory is another one now. */
	c->watch = inotify_add_watch(c->inotify, c->dir,
				     IN_CLOSE_WRITE | IN_DELETE | IN_MOVE | IN_DELETE_SELF |
					     IN_MOVE_SELF | IN_ONLYDIR);

	return fd;
}

void conflists_sync(struct conflists *c)
{
	AUTO_FD int dir = open_dir(c);
	struct look l = { c, dir };

	c->failed = dir < 0;
	if (dir < 0) {
		c->counters.failed++;
		log_paced(&c->pace, LOG_ERROR, LOG_AREA, "open %s: %s", c->dir, strerror(-dir));
	} else {
		c->counters.taken = 0;
		for (struct written *w = c->known; w; w = w->next)
			w->wanted = false;
		c->owner.each(c->owner.ctx, look_at, &l);
		sweep(c, dir);
		if (!c->failed)
			forget_unwanted(c);
	}
	ev_timer_stop(c->loop, &c->timer);
	ev_timer_set(&c->timer, c->failed ? RETRY_S : LOOK_S, 0);
	ev_timer_start(c->loop, &c->timer);
}

/* ---- watching ------------------------------------------------------------ */

static void on_timer(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	conflists_sync(t->data);
}

/* Own changes come back here, too: what they find is as it should be. */
static void on_change(struct ev_loop *loop, struct ev_io *io, int revents)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)loop;
	(void)revents;
	while (read(io->fd, buf, sizeof(buf)) > 0)
		;
	conflists_sync(io->data);
}

int conflists_new(struct ev_loop *loop, const char *dir, const struct conflist_owner *owner,
		  struct conflists **ret, struct err *e)
{
	struct conflists *c = calloc(1, sizeof(*c));

	if (!c || !(c->dir = strdup(dir))) {
		free(c);
		return err_sys(e, ENOMEM, "watch %s", dir);
	}
	c->loop = loop;
	c->owner = *owner;
	c->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (c->inotify < 0) {
		int r = err_sys(e, errno, "watch %s", dir);

		free(c->dir);
		free(c);
		return r;
	}
	ev_init(&c->timer, on_timer);
	c->timer.data = c;
	ev_io_init(&c->io, on_change, c->inotify, EV_READ);
	c->io.data = c;
	ev_io_start(loop, &c->io);
	*ret = c;

	return 0;
}

void conflists_free(struct conflists *c)
{
	if (!c)
		return;
	ev_io_stop(c->loop, &c->io);
	ev_timer_stop(c->loop, &c->timer);
	close(c->inotify);
	for (struct written *w = c->known; w; w = w->next)
		w->wanted = false;
	forget_unwanted(c);
	free(c->dir);
	free(c);
}

const struct conflist_counters *conflists_counters(const struct conflists *c)
{
	return &c->counters;
}
