/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backup_fuzz - any bytes as the file in which tuning keeps old values
 *
 * DEL loads it, in the namespace of root: whatever it says, only settings below
 * /proc/sys/net come out, and the same bytes as a sysctl's key lead nowhere else
 * either.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/backup.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/owner.h"

static char dir[] = "/dev/shm/backup_fuzz.XXXXXX";
static char file[64];

static void tear_down(void)
{
	unlink(file);
	rmdir(dir);
}

static void set_up(void)
{
	MUST(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/id_eth0.json", dir);
	atexit(tear_down);
}

static void put(const uint8_t *data, size_t size)
{
	AUTO_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0 && file_write(fd, (const char *)data, size) == 0);
}

static void must_be_below_net(const char *path)
{
	MUST(strncmp(path, "net/", 4) == 0 && path[4] && strlen(path) < NETSYSCTL_PATH_SIZE);
	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		size_t len = strcspn(s + 1, "/");

		MUST(!(len <= 2 && strspn(s + 1, ".") >= len));
	}
}

static void try_key(const uint8_t *data, size_t size)
{
	AUTO_FREE char *key = strndup((const char *)data, size);
	char path[NETSYSCTL_PATH_SIZE];

	if (netsysctl_path(key, "eth0.7", path) == 0)
		must_be_below_net(path);
}

static void try_file(const uint8_t *data, size_t size)
{
	struct owner owner;
	const struct backup_place place = {
		.dir = dir, .container_id = "id", .ifname = "eth0", .owner = &owner
	};
	struct backup b = { 0 };
	struct err e = { 0 };
	int r;

	owner_init(&owner, "tuned", "id", "eth0");
	put(data, size);
	r = backup_load(&place, &b, &e);
	MUST(r == 0 || r == 1);
	for (size_t i = 0; i < b.n_sysctls; i++) {
		must_be_below_net(b.sysctls[i].path);
		MUST(b.sysctls[i].old && b.sysctls[i].new);
	}
	backup_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!*file)
		set_up();
	try_file(data, size);
	try_key(data, size);

	return 0;
}
