/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease_fuzz - any bytes as lease, stamp, last_reserved_ip, list and resolv.conf
 *
 * The first byte says where the input is cut: what comes before is the content
 * of a lease, what comes behind overwrites the records of a list that counts.
 * Whatever they say, the lease of somebody else, who is valid, stays.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipam/lease.h"
#include "ipam/resolv-conf.h"
#include "lib/cleanup.h"

#define RECORDS_AT 104 /* in the list, behind its header */

static char data_dir[] = "/dev/shm/lease_fuzz.XXXXXX";
static int dir;
static struct lease_owner mine, theirs;

static void tear_down(void)
{
	static const char *const names[] = { "10.1.0.2", "10.1.0.3", "last_reserved_ip.0", "lock",
					     LEASE_INDEX_NAME };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(dir, names[i], 0);
	if (chdir(data_dir) == 0)
		rmdir("net");
	rmdir(data_dir);
}

static void set_up(void)
{
	char path[64];

	MUST(mkdtemp(data_dir));
	snprintf(path, sizeof(path), "%s/net", data_dir);
	MUST(mkdir(path, 0755) == 0);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(dir >= 0);
	MUST(lease_owner_init(&mine, "mine", "eth0", NULL) == 0);
	MUST(lease_owner_init(&theirs, "theirs", "eth0", NULL) == 0);
	atexit(tear_down);
}

static void put(const char *name, const void *text, size_t len)
{
	AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0 && write(fd, text, len) == (ssize_t)len);
}

static void must_hold_theirs(void)
{
	char text[64];
	AUTO_FD int fd = openat(dir, "10.1.0.3", O_RDONLY | O_CLOEXEC);

	MUST(fd >= 0 && read(fd, text, sizeof(text)) == (ssize_t)theirs.len &&
	     memcmp(text, theirs.text, theirs.len) == 0);
}

/* ---- texts --------------------------------------------------------------- */

static void read_content(const uint8_t *data, size_t size)
{
	char text[LEASE_TEXT_MAX + 1];
	struct lease_text lease;
	enum lease_match match;

	if (size > LEASE_TEXT_MAX)
		size = LEASE_TEXT_MAX;
	memcpy(text, data, size);
	match = lease_owner_match(&mine, text, size);
	if (!lease_text_parse(text, size, &lease)) {
		MUST(match == LEASE_OTHER);
		return;
	}
	MUST(strlen(lease.container_id) <= size);
	MUST(!lease.ifname || strlen(lease.ifname) <= size);
	MUST((match == LEASE_OWN) <= (lease.key == mine.key));
	MUST((match == LEASE_OLD) <= (lease.key == mine.old_key));
}

static void read_stamp(const uint8_t *data, size_t size)
{
	const struct lease_host host = {
		.machine = "3d1219c7c4c5404aaa1f6d2a48adfda4",
		.boot = "0b74c5a3-cd2a-4c66-a9a7-1cd03994e984",
	};

	if (lease_stamp_is_stale(&host, (const char *)data, size))
		MUST(size == LEASE_STAMP_LEN && memcmp(data, host.machine, 32) == 0);
}

static void read_resolv_conf(const uint8_t *data, size_t size)
{
	AUTO_FD int fd = memfd_create("resolv.conf", MFD_CLOEXEC);
	struct cni_dns dns = { 0 };
	char path[32];

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	MUST(resolv_conf_read(path, &dns, NULL) == 0);
	cni_dns_clear(&dns);
}

/* ---- a directory --------------------------------------------------------- */

static struct lease_store opened(void)
{
	struct lease_store s;

	MUST(lease_open(&s, data_dir, "net", LEASE_CHANGE, 0, NULL) == 0);

	return s;
}

/* Leases of @content and of theirs, in a list that counts. */
static void make_list(const uint8_t *content, size_t size)
{
	struct ip_addr *list = NULL;
	struct lease_store s;
	size_t n;

	put("10.1.0.2", content, size);
	put("10.1.0.3", theirs.text, theirs.len);
	put("last_reserved_ip.0", content, size);
	s = opened();
	MUST(lease_sweep(&s, NULL) == 0);
	MUST(lease_list(&s, &list, &n, NULL) == 0 && n >= 1);
	free(list);
	lease_close(&s);
}

static void overwrite_records(const uint8_t *data, size_t size)
{
	AUTO_FD int fd = openat(dir, LEASE_INDEX_NAME, O_WRONLY | O_CLOEXEC);

	MUST(fd >= 0 && pwrite(fd, data, size, RECORDS_AT) == (ssize_t)size);
}

static bool is_not_theirs(uint64_t key, void *data)
{
	(void)data;

	return key != theirs.key;
}

static void use_list(void)
{
	struct lease_store s = opened();
	struct ip_addr *list = NULL, last;
	char text[64];
	size_t n;

	MUST(s.index.complete);
	last = lease_last(&s, 0);
	MUST(!ip_is_set(&last) || *ip_str(&last, text));
	MUST(lease_find(&s, &mine, &list, &n, NULL) == 0);
	for (size_t i = 0; i < n; i++) {
		(void)lease_holder(&s, &list[i], text, sizeof(text));
		MUST(lease_release(&s, &mine, &list[i], NULL) >= 0); /* a list may say it twice */
	}
	free(list);
	must_hold_theirs();
	MUST(lease_drop(&s, is_not_theirs, NULL, NULL) == 0);
	must_hold_theirs();
	lease_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	size_t cut;

	if (!ready)
		set_up();
	ready = true;
	if (size == 0)
		return 0;
	cut = *data++;
	if (cut > --size)
		cut = size;

	read_content(data, size);
	read_stamp(data, size);
	read_resolv_conf(data, size);
	make_list(data, cut);
	overwrite_records(data + cut, size - cut);
	use_list();

	return 0;
}
