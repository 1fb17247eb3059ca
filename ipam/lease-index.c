/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease-index - see lease-index.h
 *
 * The file is a header and then the records, as they are in memory: only this
 * machine in its present boot ever reads it.
 */
#include "ipam/lease-index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include "lib/cleanup.h"

struct header {
	char magic[8];
	char boot[40];		/* boot ID, zero-padded */
	uint64_t device, inode; /* of the directory, and its time stamps */
	struct timespec mtime, ctime;
	uint64_t n; /* records that follow */
};

static const char magic[8] = "heddle1";

#define ROOM_AHEAD 64 /* records, so that adding one does not copy them all */

/* ---- the seal ------------------------------------------------------------ */

/* Where time stamps are this machine's own, at once and always. */
static bool is_local(int dir)
{
	static const uint32_t local[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,	  F2FS_SUPER_MAGIC,
		TMPFS_MAGIC,	  RAMFS_MAGIC,	   OVERLAYFS_SUPER_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		if ((uint32_t)fs.f_type == local[i])
			return true;

	return false;
}

static int header_of(const struct lease_index *x, struct header *ret)
{
	struct stat st;

	if (fstat(x->dir, &st) < 0)
		return -errno;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->magic, magic, sizeof(magic));
	memcpy(ret->boot, x->boot, sizeof(ret->boot));
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	ret->mtime = st.st_mtim;
	ret->ctime = st.st_ctim;
	ret->n = x->n;

	return 0;
}

static void seal(struct lease_index *x)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct header h;

	clock_gettime(CLOCK_REALTIME, &times[1]);
	times[1].tv_sec--;
	if (futimens(x->dir, times) < 0 || header_of(x, &h) < 0)
		return;
	if (pwrite(x->fd, &h, sizeof(h), 0) != sizeof(h))
		return;
	x->changed = false;
}

/* ---- reading ------------------------------------------------------------- */

static bool is_sealed(const struct lease_index *x, const struct header *found)
{
	struct header want;

	if (header_of(x, &want) < 0)
		return false;
	want.n = found->n;

	return memcmp(found, &want, sizeof(want)) == 0;
}

static void forget_records(struct lease_index *x)
{
	if (x->map)
		munmap(x->map, x->map_len);
	else
		free(x->records);
	x->map = NULL;
	x->records = NULL;
	x->n = x->room = 0;
}

static int reserve(struct lease_index *x, size_t room)
{
	struct lease_record *bigger;
	const size_t n = x->n;

	if (room <= x->room)
		return 0;
	room += room / 8 + ROOM_AHEAD;
	bigger = calloc(room, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	if (n > 0)
		memcpy(bigger, x->records, n * sizeof(*bigger));
	forget_records(x);
	x->records = bigger;
	x->n = n;
	x->room = room;

	return 0;
}

/* Mapped, the records cost a few page faults, where reading them would cost one for each page. */
static void map_records(struct lease_index *x, const struct header *h)
{
	struct stat st;
	void *map;

	if (fstat(x->fd, &st) < 0 || st.st_size < (off_t)sizeof(*h))
		return;
	x->room = ((size_t)st.st_size - sizeof(*h)) / sizeof(*x->records);
	if (h->n > x->room)
		return;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, x->fd, 0);
	if (map == MAP_FAILED)
		return;
	x->map = map;
	x->map_len = (size_t)st.st_size;
	x->records = (struct lease_record *)((char *)map + sizeof(*h));
	x->n = h->n;
	x->complete = true;
}

void lease_index_open(struct lease_index *x, int dir, const char *boot)
{
	struct header h;

	*x = (struct lease_index){ .dir = dir, .fd = -1, .local = is_local(dir) };
	strncpy(x->boot, boot, sizeof(x->boot) - 1);
	if (!x->local || !*boot)
		return;
	x->fd = openat(dir, LEASE_INDEX_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (x->fd < 0 || pread(x->fd, &h, sizeof(h), 0) != sizeof(h))
		return;

	x->same_boot = memcmp(h.magic, magic, sizeof(magic)) == 0 &&
		       memcmp(h.boot, x->boot, sizeof(h.boot)) == 0;
	if (is_sealed(x, &h))
		map_records(x, &h);
}

void lease_index_close(struct lease_index *x)
{
	if (x->changed && x->complete && x->fd >= 0)
		seal(x);
	cleanup_fd(&x->fd);
	forget_records(x);
	*x = (struct lease_index){ .dir = -1, .fd = -1 };
}

/* ---- changing ------------------------------------------------------------ */

/* What cannot be written is not sealed either, so it does not count. */
static void give_up(struct lease_index *x)
{
	close(x->fd);
	x->fd = -1;
}

static void write_records(struct lease_index *x, size_t from, size_t n)
{
	const size_t size = n * sizeof(*x->records);
	const off_t at = (off_t)(sizeof(struct header) + from * sizeof(*x->records));

	if (x->fd < 0)
		return;
	x->changed = true;
	if (n > 0 && pwrite(x->fd, x->records + from, size, at) != (ssize_t)size)
		give_up(x);
}

/* As large as the room in memory, so that who maps it next has that too. */
static void make_room_on_disk(struct lease_index *x)
{
	if (x->fd >= 0 &&
	    ftruncate(x->fd, (off_t)(sizeof(struct header) + x->room * sizeof(*x->records))) < 0)
		give_up(x);
}

void lease_index_reset(struct lease_index *x)
{
	forget_records(x);
	x->complete = false;
}

int lease_index_add(struct lease_index *x, uint64_t key, const struct ip_addr *ip)
{
	const size_t room = x->room;
	int r = reserve(x, x->n + 1);

	if (r < 0)
		return r;
	if (x->complete && x->room > room)
		make_room_on_disk(x);

	/* Padding goes to disk too. */
	memset(&x->records[x->n], 0, sizeof(*x->records));
	x->records[x->n].key = key;
	x->records[x->n].ip = *ip;
	x->n++;
	if (x->complete)
		write_records(x, x->n - 1, 1);

	return 0;
}

void lease_index_remove(struct lease_index *x, const struct ip_addr *ip)
{
	for (size_t i = 0; i < x->n; i++) {
		if (!ip_equal(&x->records[i].ip, ip))
			continue;
		x->records[i] = x->records[--x->n];
		if (x->complete)
			write_records(x, i, i < x->n ? 1 : 0);
		return;
	}
}

/* The list may be sealed as it stands, and being killed must not leave half of another in it. */
static void break_seal(struct lease_index *x)
{
	static const struct header none;

	if (pwrite(x->fd, &none, sizeof(none), 0) != sizeof(none))
		give_up(x);
}

void lease_index_save(struct lease_index *x)
{
	x->complete = true;
	if (x->fd >= 0)
		break_seal(x);
	else if (x->local && *x->boot)
		x->fd = openat(x->dir, LEASE_INDEX_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			       0600);
	write_records(x, 0, x->n);
	make_room_on_disk(x);
}
