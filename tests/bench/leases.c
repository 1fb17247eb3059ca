/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leases - a lease directory with many leases in it
 *
 * The plugin itself allocates one; the others are made after it, with the same
 * content and extended attributes but other container IDs and addresses.  The
 * allocator's note of the address given last is moved behind them, so that the
 * next address is free.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define LAST_RESERVED "last_reserved_ip.0"

struct model {
	char name[INET_ADDRSTRLEN]; /* its file, and so its address */
	char text[512];
	size_t len;
	char attr[64]; /* name of its extended attribute, "" for none */
	char value[256];
	ssize_t value_len;
};

static bool is_lease(const char *name)
{
	return isdigit((unsigned char)name[0]);
}

static DIR *lease_dir_open(const struct lane *lane)
{
	DIR *dir = opendir(lane->lease_dir);

	if (!dir && errno != ENOENT)
		die("open %s", lane->lease_dir);
	return dir;
}

unsigned int leases_count(const struct lane *lane)
{
	DIR *dir = lease_dir_open(lane);
	const struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir)))
		n += is_lease(entry->d_name);
	if (dir)
		closedir(dir);

	return n;
}

/* The one lease that there is. */
static void model_read(struct model *m, const struct lane *lane)
{
	DIR *dir = lease_dir_open(lane);
	const struct dirent *entry = NULL;
	ssize_t n;
	int fd;

	while (dir && (entry = readdir(dir)) && !is_lease(entry->d_name))
		;
	if (!entry)
		die("no lease in %s", lane->lease_dir);
	format(m->name, sizeof(m->name), "%s", entry->d_name);
	fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, m->text, sizeof(m->text));
	if (n < ID_SIZE - 1)
		die("read the lease %s", m->name);
	m->len = (size_t)n;
	if (flistxattr(fd, m->attr, sizeof(m->attr)) < 0)
		die("list the extended attributes of the lease %s", m->name);
	if (m->attr[0])
		m->value_len = fgetxattr(fd, m->attr, m->value, sizeof(m->value));
	if (m->value_len < 0)
		die("read %s of the lease %s", m->attr, m->name);
	close(fd);
	closedir(dir);
}

static void lease_write(int dir, const char *name, const struct model *m)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, m->text, m->len) != (ssize_t)m->len)
		die("write the lease %s", name);
	if (m->attr[0] && fsetxattr(fd, m->attr, m->value, (size_t)m->value_len, 0) < 0)
		die("set %s of the lease %s", m->attr, name);
	close(fd);
}

static void last_reserved_write(int dir, const char *address)
{
	int fd = openat(dir, LAST_RESERVED, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(address);

	if (fd < 0 || write(fd, address, (size_t)len) != len)
		die("write " LAST_RESERVED);
	close(fd);
}

static void valid_write(FILE *f, const struct container *c, bool first)
{
	fprintf(f, "%s{\"containerID\":\"%s\",\"ifname\":\"" CONTAINER_IFNAME "\"}",
		first ? "" : ",", c->id);
}

void leases_fill(struct lane *lane)
{
	struct container other = lane->containers[0];
	char name[INET_ADDRSTRLEN];
	struct in_addr address;
	struct model m = { 0 };
	int dir;

	container_name(&other);
	call_run(lane, &other, OP_ADD);
	free(other.result);
	model_read(&m, lane);
	lane->valid = tmpfile();
	dir = open(lane->lease_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!lane->valid || dir < 0)
		die("open %s", lane->lease_dir);
	valid_write(lane->valid, &other, true);

	inet_pton(AF_INET, m.name, &address);
	format(name, sizeof(name), "%s", m.name);
	for (unsigned int i = 1; i < lane->def->leases; i++) {
		address.s_addr = htonl(ntohl(address.s_addr) + 1);
		inet_ntop(AF_INET, &address, name, sizeof(name));
		container_name(&other);
		memcpy(m.text, other.id, ID_SIZE - 1); /* a lease begins with the ID */
		lease_write(dir, name, &m);
		valid_write(lane->valid, &other, false);
	}
	last_reserved_write(dir, name);
	close(dir);
}
