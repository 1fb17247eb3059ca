/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease_test - the directory of leases: contents, list, lock */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipam/lease.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

/* A directory of all networks, for one test; the network in it is "net". */
struct fixture {
	char data_dir[64];
	char dir[80];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->data_dir, sizeof(f->data_dir), "/tmp/lease_test.XXXXXX");
	if (!mkdtemp(f->data_dir))
		return -1;
	snprintf(f->dir, sizeof(f->dir), "%s/net", f->data_dir);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -rf %s", f->data_dir);
	r = system(command);
	free(f);

	return r;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr ret;

	if (ip_parse(text, &ret) < 0)
		fail_msg("%s is not an address", text);

	return ret;
}

static struct lease_owner owner(const char *id, const char *ifname)
{
	struct lease_owner o;

	assert_int_equal(lease_owner_init(&o, id, ifname, NULL), 0);

	return o;
}

static struct lease_store opened(const struct fixture *f, enum lease_mode mode)
{
	struct lease_store s;
	struct err e = { 0 };

	if (lease_open(&s, f->data_dir, "net", mode, 1000, &e) < 0)
		fail_msg("%s", e.msg);

	return s;
}

static int take(struct lease_store *s, const char *id, const char *ifname, const char *address)
{
	const struct lease_owner o = owner(id, ifname);
	const struct ip_addr a = ip(address);
	struct err e = { 0 };
	int r = lease_take(s, &o, &a, &e);

	if (r < 0 && r != -EEXIST)
		fail_msg("%s", e.msg);

	return r;
}

/* What somebody else puts into the directory. */
static void put_file(const struct fixture *f, const char *name, const char *text, size_t len)
{
	char path[160];
	int fd;

	mkdir(f->dir, 0755);
	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	put_file(f, name, text, strlen(text));
}

static bool exists(const struct fixture *f, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);

	return access(path, F_OK) == 0;
}

static void assert_content(const struct fixture *f, const char *name, const char *want)
{
	char path[160], text[256];
	AUTO_FD int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[len < 0 ? 0 : len] = '\0';
	assert_true(len >= 0);
	assert_string_equal(text, want);
}

/* "10.1.0.2 10.1.0.3", in the order of the list. */
static void assert_found(struct lease_store *s, const char *id, const char *ifname,
			 const char *want)
{
	const struct lease_owner o = owner(id, ifname);
	AUTO_FREE struct ip_addr *list = NULL;
	char text[256] = "", one[IP_STRLEN];
	struct err e = { 0 };
	size_t n;

	if (lease_find(s, &o, &list, &n, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 ip_str(&list[i], one));
	assert_string_equal(text, want);
}

/* Whether a list that is known to be complete is on disk. */
static bool is_listed(const struct fixture *f)
{
	struct lease_store s = opened(f, LEASE_CHANGE);
	bool complete = s.index.complete;

	lease_close(&s);

	return complete;
}

/* Leases of two containers, listed. */
static void make_two(const struct fixture *f)
{
	struct lease_store s = opened(f, LEASE_CREATE);

	assert_found(&s, "a", "eth0", "");
	assert_int_equal(take(&s, "a", "eth0", "10.1.0.2"), 0);
	lease_close(&s);
	s = opened(f, LEASE_CREATE);
	assert_int_equal(take(&s, "b", "eth0", "10.1.0.3"), 0);
	lease_close(&s);
}

/* ---- contents ------------------------------------------------------------ */

static void a_lease_is_written_as_the_reference_writes_it(void **state)
{
	const struct fixture *f = *state;
	struct lease_store s = opened(f, LEASE_CREATE);
	char stamp[LEASE_STAMP_LEN + 1], want[LEASE_STAMP_LEN + 1], path[160];
	ssize_t len;

	assert_int_equal(take(&s, "0a1b", "eth0", "10.1.0.2"), 0);
	assert_int_equal(take(&s, "0a1b", "eth0", "fd00::2"), 0);
	assert_int_equal(take(&s, "0a1b", "eth0", "10.1.0.2"), -EEXIST);
	assert_content(f, "10.1.0.2", "0a1b\r\neth0");
	assert_content(f, "fd00::2", "0a1b\r\neth0");

	snprintf(path, sizeof(path), "%s/10.1.0.2", f->dir);
	len = getxattr(path, LEASE_STAMP_XATTR, stamp, sizeof(stamp));
	if (len >= 0)
		assert_true((size_t)len == lease_stamp_write(&s.host, want) &&
			    memcmp(stamp, want, (size_t)len) == 0);
	lease_close(&s);
	assert_false(exists(f, ".heddle-new"));
}

static void a_content_is_of_its_owner_in_each_form(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int match;
	} cases[] = {
		{ "0a1b\r\neth0", 10, LEASE_OWN },
		{ " \t0a1b\r\neth0\r\n\n", 15, LEASE_OWN },
		{ "0a1b", 4, LEASE_OLD },
		{ "0a1b\n", 5, LEASE_OLD },
		{ "0a1b\r\neth1", 10, LEASE_OTHER },
		{ "0a1b\neth0", 9, LEASE_OTHER },
		{ "0a1", 3, LEASE_OTHER },
		{ "0a1b\r\neth0\0", 11, LEASE_OTHER },
		{ "", 0, LEASE_OTHER },
		{ "\0\0\0\0", 4, LEASE_OTHER },
	};
	const struct lease_owner o = owner("0a1b", "eth0");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(lease_owner_match(&o, cases[i].text, cases[i].len),
				 cases[i].match);
}

static void a_content_is_taken_apart_or_torn(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *id, *ifname; /* id NULL: torn */
	} cases[] = {
		{ "0a1b\r\neth0", 10, "0a1b", "eth0" },
		{ "\n0a1b\r\neth0\n", 12, "0a1b", "eth0" },
		{ "0a1b", 4, "0a1b", NULL },
		{ "0a1b\r\n", 6, "0a1b", NULL },
		{ "", 0, NULL, NULL },
		{ " \r\n", 3, NULL, NULL },
		{ "\0\0\0", 3, NULL, NULL },
		{ "\0\0x", 3, "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[32];
		struct lease_text lease;

		memcpy(text, cases[i].text, cases[i].len);
		assert_int_equal(lease_text_parse(text, cases[i].len, &lease), cases[i].id != NULL);
		if (!cases[i].id)
			continue;
		assert_string_equal(lease.container_id, cases[i].id);
		assert_string_equal(lease.ifname ?: "(none)", cases[i].ifname ?: "(none)");
	}
}

static void an_id_that_no_lease_has_room_for_is_refused(void **state)
{
	char id[LEASE_TEXT_MAX + 1];
	struct lease_owner o;
	struct err e = { 0 };

	(void)state;
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(lease_owner_init(&o, id, "eth0", &e), -EINVAL);
	assert_string_equal(e.msg,
			    "CNI_CONTAINERID: 4096 bytes are too many for a lease; 4089 fit");
	id[4089] = '\0';
	assert_int_equal(lease_owner_init(&o, id, "eth0", &e), 0);
}

static void only_this_machines_earlier_boots_are_stale(void **state)
{
	static const char *const boots[] = { "0b74c5a3-cd2a-4c66-a9a7-1cd03994e984",
					     "11111111-2222-3333-4444-555555555555" };
	static const char *const machines[] = { "3d1219c7c4c5404aaa1f6d2a48adfda4",
						"ffffffffffffffffffffffffffffffff" };
	static const struct {
		int machine, boot;
		bool stale;
	} cases[] = { { 0, 0, false }, { 0, 1, true }, { 1, 0, false }, { 1, 1, false } };
	struct lease_host host = { 0 };
	char stamp[LEASE_STAMP_LEN + 1];

	(void)state;
	assert_int_equal(lease_stamp_write(&host, stamp), 0);
	assert_false(lease_stamp_is_stale(&host, "", 0));
	strcpy(host.machine, machines[0]);
	strcpy(host.boot, boots[0]);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(stamp, sizeof(stamp), "%s %s", machines[cases[i].machine],
			 boots[cases[i].boot]);
		assert_int_equal(lease_stamp_is_stale(&host, stamp, LEASE_STAMP_LEN),
				 cases[i].stale);
	}
	assert_false(lease_stamp_is_stale(&host, "keep", 4));
	assert_false(lease_stamp_is_stale(&host, "", 0));
	assert_false(lease_stamp_is_stale(&host, machines[0], 32));
}

/* ---- finding and releasing ----------------------------------------------- */

static void leases_are_found_by_their_owner_whoever_wrote_them(void **state)
{
	const struct fixture *f = *state;
	struct lease_store s;

	put(f, "10.1.0.9", "old");
	put(f, "10.1.0.8", "old");
	put(f, "10.1.0.7", "b\r\neth1\n");
	make_two(f);
	put(f, "10.1.0.6", "b\r\neth0");

	s = opened(f, LEASE_CHANGE);
	assert_found(&s, "a", "eth0", "10.1.0.2");
	assert_found(&s, "a", "eth1", "");
	assert_found(&s, "b", "eth1", "10.1.0.7");
	assert_found(&s, "c", "eth0", "");
	lease_close(&s);
	assert_true(is_listed(f));

	s = opened(f, LEASE_CHANGE);
	assert_true(s.index.complete);
	assert_int_equal(s.index.n, 6);
	lease_close(&s);
}

static void an_old_lease_is_of_every_ifname_until_there_is_a_newer(void **state)
{
	const struct fixture *f = *state;
	struct lease_store s;

	put(f, "10.1.0.9", "old");
	s = opened(f, LEASE_CHANGE);
	assert_found(&s, "old", "eth0", "10.1.0.9");
	assert_found(&s, "old", "eth7", "10.1.0.9");
	assert_int_equal(take(&s, "old", "eth0", "10.1.0.2"), 0);
	assert_found(&s, "old", "eth0", "10.1.0.2");
	lease_close(&s);
}

static void only_the_owner_releases_a_lease(void **state)
{
	const struct fixture *f = *state;
	const struct lease_owner a = owner("a", "eth0"), b = owner("b", "eth0");
	const struct ip_addr held = ip("10.1.0.2"), free_one = ip("10.1.0.99");
	struct lease_store s;

	make_two(f);
	s = opened(f, LEASE_CHANGE);
	assert_int_equal(lease_release(&s, &b, &held, NULL), 0);
	assert_int_equal(lease_release(&s, &a, &free_one, NULL), 0);
	assert_true(exists(f, "10.1.0.2"));
	assert_int_equal(lease_release(&s, &a, &held, NULL), 1);
	assert_false(exists(f, "10.1.0.2"));
	assert_int_equal(lease_release(&s, &a, &held, NULL), 0);
	assert_found(&s, "a", "eth0", "");
	assert_found(&s, "b", "eth0", "10.1.0.3");
	lease_close(&s);
	assert_true(is_listed(f));
}

static void a_holder_is_named(void **state)
{
	const struct fixture *f = *state;
	const struct ip_addr full = ip("10.1.0.2"), old = ip("10.1.0.3"), none = ip("10.1.0.4");
	struct lease_store s;
	char text[64];

	put(f, "10.1.0.2", "a\r\neth0");
	put(f, "10.1.0.3", "old");
	s = opened(f, LEASE_LOOK);
	assert_string_equal(lease_holder(&s, &full, text, sizeof(text)), "a (eth0)");
	assert_string_equal(lease_holder(&s, &old, text, sizeof(text)), "old");
	assert_string_equal(lease_holder(&s, &none, text, sizeof(text)), "nobody known");
	lease_close(&s);
}

static void the_last_address_of_a_set_is_a_hint(void **state)
{
	const struct fixture *f = *state;
	const struct ip_addr far = ip("10.1.0.125"), near = ip("10.1.0.7");
	struct lease_store s = opened(f, LEASE_CREATE);
	struct ip_addr got = lease_last(&s, 0);

	assert_false(ip_is_set(&got));
	lease_set_last(&s, 0, &far);
	lease_set_last(&s, 0, &near);
	lease_set_last(&s, 12, &far);
	assert_content(f, "last_reserved_ip.0", "10.1.0.7");
	assert_content(f, "last_reserved_ip.12", "10.1.0.125");
	got = lease_last(&s, 0);
	assert_true(ip_equal(&got, &near));
	put(f, "last_reserved_ip.0", "rubbish");
	got = lease_last(&s, 0);
	assert_false(ip_is_set(&got));
	lease_close(&s);
}

/* ---- what nobody needs --------------------------------------------------- */

static void torn_leases_heal_and_odd_ones_are_held(void **state)
{
	const struct fixture *f = *state;
	AUTO_FREE struct ip_addr *list = NULL;
	struct lease_store s;
	char path[160];
	size_t n;

	put(f, "10.1.0.2", "");
	put_file(f, "10.1.0.3", "\0\0\0\0\0\0", 6);
	put(f, "10.1.0.4", "only-an-id");
	put(f, "10.1.0.5", "a\r\neth0");
	put(f, "010.1.0.6", "");
	put(f, "last_reserved_ip.0", "");
	snprintf(path, sizeof(path), "%s/10.1.0.7", f->dir);
	assert_int_equal(mkdir(path, 0755), 0);

	s = opened(f, LEASE_CHANGE);
	assert_int_equal(lease_list(&s, &list, &n, NULL), 0);
	assert_int_equal(n, 3);
	lease_close(&s);
	assert_false(exists(f, "10.1.0.2"));
	assert_false(exists(f, "10.1.0.3"));
	assert_true(exists(f, "10.1.0.4"));
	assert_true(exists(f, "10.1.0.5"));
	assert_true(exists(f, "10.1.0.7"));
	assert_true(exists(f, "010.1.0.6"));
	assert_true(exists(f, "last_reserved_ip.0"));
}

static void stamp(const struct fixture *f, const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	if (setxattr(path, LEASE_STAMP_XATTR, text, strlen(text), 0) < 0)
		skip();
}

static void leases_of_an_earlier_boot_are_reclaimed(void **state)
{
	const struct fixture *f = *state;
	char earlier[LEASE_STAMP_LEN + 1], elsewhere[LEASE_STAMP_LEN + 1];
	struct lease_host host;
	struct lease_store s;

	lease_host_read(&host);
	if (lease_stamp_write(&host, earlier) == 0)
		skip();
	strcpy(elsewhere, earlier);
	earlier[LEASE_STAMP_LEN - 1] ^= 1;
	elsewhere[0] ^= 1;

	put(f, "10.1.0.2", "a\r\neth0");
	put(f, "10.1.0.3", "b\r\neth0");
	put(f, "10.1.0.4", "c\r\neth0");
	put(f, "10.1.0.5", "d\r\neth0");
	stamp(f, "10.1.0.2", earlier);
	stamp(f, "10.1.0.3", elsewhere);
	stamp(f, "10.1.0.4", "keep");

	s = opened(f, LEASE_CHANGE);
	assert_found(&s, "a", "eth0", "");
	assert_found(&s, "b", "eth0", "10.1.0.3");
	assert_found(&s, "c", "eth0", "10.1.0.4");
	assert_found(&s, "d", "eth0", "10.1.0.5");
	lease_close(&s);
	assert_false(exists(f, "10.1.0.2"));
}

static bool is_not_of(uint64_t key, void *data)
{
	const struct lease_owner *o = data;

	return key != o->key;
}

static void what_is_needless_to_others_is_dropped(void **state)
{
	const struct fixture *f = *state;
	struct lease_owner a = owner("a", "eth0"), b = owner("b", "eth0");
	struct lease_store s;

	make_two(f);
	s = opened(f, LEASE_CHANGE);
	assert_true(s.index.complete);
	assert_int_equal(lease_drop(&s, is_not_of, &a, NULL), 0);
	assert_found(&s, "a", "eth0", "10.1.0.2");
	assert_found(&s, "b", "eth0", "");
	lease_close(&s);
	assert_false(exists(f, "10.1.0.3"));
	assert_true(is_listed(f));

	put(f, "10.1.0.3", "b\r\neth0");
	s = opened(f, LEASE_CHANGE);
	assert_false(s.index.complete);
	assert_int_equal(lease_drop(&s, is_not_of, &b, NULL), 0);
	lease_close(&s);
	assert_false(exists(f, "10.1.0.2"));
	assert_true(exists(f, "10.1.0.3"));
}

static void a_lease_that_is_not_what_the_list_says_is_not_dropped(void **state)
{
	const struct fixture *f = *state;
	struct lease_owner a = owner("a", "eth0");
	struct lease_store s;

	make_two(f);
	put(f, "10.1.0.3", "a\r\neth0"); /* overwritten in place: the list still has b */
	s = opened(f, LEASE_CHANGE);
	assert_true(s.index.complete);
	assert_int_equal(lease_drop(&s, is_not_of, &a, NULL), 0);
	assert_found(&s, "a", "eth0", "10.1.0.2 10.1.0.3");
	lease_close(&s);
}

static void what_cannot_be_read_is_held_and_named_and_the_rest_goes(void **state)
{
	const struct fixture *f = *state;
	struct lease_owner a = owner("a", "eth0");
	struct err e = { 0 };
	struct lease_store s;
	char path[160];

	make_two(f);
	snprintf(path, sizeof(path), "%s/10.1.0.2", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	s = opened(f, LEASE_CHANGE);
	assert_int_equal(lease_drop(&s, is_not_of, &a, &e), -EISDIR);
	assert_non_null(strstr(e.msg, "10.1.0.2"));
	assert_true(exists(f, "10.1.0.2"));
	assert_false(exists(f, "10.1.0.3"));
	lease_close(&s);
}

/* ---- the list ------------------------------------------------------------ */

static void change_nothing(const struct fixture *f)
{
	(void)f;
}

static void create_a_lease(const struct fixture *f)
{
	put(f, "10.1.0.77", "z\r\neth0");
}

static void remove_a_lease(const struct fixture *f)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/10.1.0.2", f->dir);
	assert_int_equal(unlink(path), 0);
}

static void rename_a_lease(const struct fixture *f)
{
	char from[160], to[160];

	snprintf(from, sizeof(from), "%s/10.1.0.2", f->dir);
	snprintf(to, sizeof(to), "%s/10.1.0.77", f->dir);
	assert_int_equal(rename(from, to), 0);
}

/* As cp -a and rsync -a do after they have changed a directory. */
static void change_and_set_the_time_back(const struct fixture *f)
{
	struct timespec times[2];
	struct stat st;

	assert_int_equal(stat(f->dir, &st), 0);
	create_a_lease(f);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	usleep(20 * 1000); /* more than the coarsest tick of ctime */
	assert_int_equal(utimensat(AT_FDCWD, f->dir, times, 0), 0);
}

static void overwrite_list(const struct fixture *f, off_t at, const char *bytes, size_t n)
{
	char path[160];
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "%s/" LEASE_INDEX_NAME, f->dir);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
}

static void be_of_another_version(const struct fixture *f)
{
	overwrite_list(f, 0, "heddle9", 8);
}

static void be_of_another_boot(const struct fixture *f)
{
	overwrite_list(f, 8, "11111111-2222", 13);
}

static void truncate_the_list(const struct fixture *f)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/" LEASE_INDEX_NAME, f->dir);
	assert_int_equal(truncate(path, 140), 0);
}

/* A process of ours that dies between its lease and the end. */
static void be_killed_in_an_add(const struct fixture *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct lease_store s = opened(f, LEASE_CREATE);

		take(&s, "z", "eth0", "10.1.0.77");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(exists(f, "10.1.0.77"));
}

static void be_killed_in_a_del(const struct fixture *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const struct lease_owner a = owner("a", "eth0");
		const struct ip_addr held = ip("10.1.0.2");
		struct lease_store s = opened(f, LEASE_CHANGE);

		lease_release(&s, &a, &held, NULL);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_false(exists(f, "10.1.0.2"));
}

static void the_list_counts_only_if_nobody_else_was_there(void **state)
{
	static const struct {
		void (*happens)(const struct fixture *f);
		bool listed;
		const char *a, *z; /* what they hold afterwards */
	} cases[] = {
		{ change_nothing, true, "10.1.0.2", "" },
		{ create_a_lease, false, "10.1.0.2", "10.1.0.77" },
		{ remove_a_lease, false, "", "" },
		{ rename_a_lease, false, "10.1.0.77", "" },
		{ change_and_set_the_time_back, false, "10.1.0.2", "10.1.0.77" },
		{ be_of_another_version, false, "10.1.0.2", "" },
		{ be_of_another_boot, false, "10.1.0.2", "" },
		{ truncate_the_list, false, "10.1.0.2", "" },
		{ be_killed_in_an_add, false, "10.1.0.2", "10.1.0.77" },
		{ be_killed_in_a_del, false, "", "" },
	};
	const struct fixture *f = *state;
	char command[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lease_store s;

		snprintf(command, sizeof(command), "rm -rf %s", f->dir);
		assert_int_equal(system(command), 0);
		make_two(f);
		cases[i].happens(f);

		s = opened(f, LEASE_CHANGE);
		if (s.index.complete != cases[i].listed)
			fail_msg("case %zu: the list is %scomplete", i,
				 s.index.complete ? "" : "in");
		assert_found(&s, "a", "eth0", cases[i].a);
		assert_found(&s, "z", "eth0", cases[i].z);
		assert_found(&s, "b", "eth0", "10.1.0.3");
		lease_close(&s);
		assert_true(is_listed(f));
	}
}

/* Many changes within one tick of the clock that a file system stamps with. */
static void a_change_in_the_same_tick_is_noticed(void **state)
{
	const struct fixture *f = *state;
	char name[32], want[32];

	make_two(f);
	for (int i = 0; i < 50; i++) {
		struct lease_store s;

		snprintf(name, sizeof(name), "10.1.1.%d", i);
		put(f, name, "z\r\neth0");
		s = opened(f, LEASE_CHANGE);
		assert_false(s.index.complete);
		assert_found(&s, "a", "eth0", "10.1.0.2");
		snprintf(want, sizeof(want), "10.1.2.%d", i);
		assert_int_equal(take(&s, want, "eth0", want), 0);
		lease_close(&s);
	}
}

static void changes_of_ours_keep_the_list(void **state)
{
	const struct fixture *f = *state;
	char id[16], address[32];

	make_two(f);
	for (int i = 0; i < 300; i++) {
		struct lease_store s = opened(f, LEASE_CHANGE);
		const struct lease_owner o = owner("a", "eth0");
		const struct ip_addr held = ip("10.1.0.2");

		assert_true(s.index.complete);
		snprintf(id, sizeof(id), "c%d", i);
		snprintf(address, sizeof(address), "10.2.%d.%d", i / 100, i % 100);
		assert_int_equal(take(&s, id, "eth0", address), 0);
		assert_found(&s, id, "eth0", address);
		if (i == 150)
			assert_int_equal(lease_release(&s, &o, &held, NULL), 1);
		lease_close(&s);
	}
	struct lease_store s = opened(f, LEASE_CHANGE);

	assert_int_equal(s.index.n, 301);
	assert_found(&s, "c0", "eth0", "10.2.0.0");
	assert_found(&s, "c299", "eth0", "10.2.2.99");
	assert_found(&s, "a", "eth0", "");
	lease_close(&s);
}

/* ---- the directory and its lock ------------------------------------------ */

static void a_directory_is_made_only_for_an_add(void **state)
{
	const struct fixture *f = *state;
	struct lease_store s;
	struct err e = { 0 };
	char deep[128];

	assert_int_equal(lease_open(&s, f->data_dir, "net", LEASE_CHANGE, 0, &e), -ENOENT);
	assert_int_equal(lease_open(&s, f->data_dir, "net", LEASE_LOOK, 0, &e), -ENOENT);
	assert_false(exists(f, ""));
	snprintf(deep, sizeof(deep), "%s/x/y", f->data_dir);
	assert_int_equal(lease_open(&s, deep, "net", LEASE_CREATE, 0, &e), 0);
	lease_close(&s);

	put(f, "plain", "");
	snprintf(deep, sizeof(deep), "%s/plain", f->dir);
	assert_int_equal(lease_open(&s, deep, "net", LEASE_CREATE, 0, &e), -ENOTDIR);
	lease_close(&s);
}

static void a_lock_not_had_in_time_is_worth_another_try(void **state)
{
	const struct fixture *f = *state;
	struct lease_store holder = opened(f, LEASE_CREATE), s;
	struct sigaction before, after;
	struct itimerval timer;
	struct err e = { 0 };
	char want[256];
	int64_t start = clock_ms();

	sigaction(SIGALRM, NULL, &before);
	assert_int_equal(lease_open(&s, f->data_dir, "net", LEASE_CREATE, 60, &e), -EAGAIN);
	assert_true(clock_ms() - start >= 60);
	assert_int_equal(e.cni, CNI_E_AGAIN);
	snprintf(want, sizeof(want),
		 "%s/lock: another process has held the lock for 60 ms; try again later", f->dir);
	assert_string_equal(e.msg, want);

	sigaction(SIGALRM, NULL, &after);
	assert_true(before.sa_handler == after.sa_handler);
	getitimer(ITIMER_REAL, &timer);
	assert_false(timerisset(&timer.it_value));
	lease_close(&holder);
	lease_close(&s);
}

/* Whether a process sleeps for a lock, as the kernel tells it. */
static bool somebody_waits(pid_t pid)
{
	char line[256], want[32];
	FILE *f = fopen("/proc/locks", "re");
	bool waits = false;

	snprintf(want, sizeof(want), " WRITE %d ", (int)pid);
	while (f && !waits && fgets(line, sizeof(line), f))
		waits = strstr(line, "->") && strstr(line, want);
	if (f)
		fclose(f);

	return waits;
}

static void hold_until(pid_t waiter, const struct fixture *f, const char *remove, int ready)
{
	struct lease_store s = opened(f, LEASE_CHANGE);
	const int64_t end = clock_ms() + 30000;

	if (s.lock < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	while (clock_ms() < end && !somebody_waits(waiter))
		usleep(1000);
	if (remove && unlink(remove) < 0)
		_exit(1);
	_exit(somebody_waits(waiter) ? 0 : 2);
}

/* A process that holds the lock until this one waits for it, and may remove the file first. */
static pid_t start_holder(const struct fixture *f, const char *remove)
{
	const pid_t self = getpid();
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		hold_until(self, f, remove, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);

	return pid;
}

static void assert_waited(pid_t holder)
{
	int status;

	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_lock_is_had_when_its_holder_ends(void **state)
{
	const struct fixture *f = *state;
	struct lease_store s;
	pid_t holder;

	make_two(f);
	holder = start_holder(f, NULL);
	s = opened(f, LEASE_CHANGE);
	lease_close(&s);
	assert_waited(holder);
}

static void a_lock_file_removed_while_waiting_is_no_lock(void **state)
{
	const struct fixture *f = *state;
	struct lease_store s;
	char path[160];
	pid_t holder;

	make_two(f);
	snprintf(path, sizeof(path), "%s/lock", f->dir);
	holder = start_holder(f, path);
	s = opened(f, LEASE_CHANGE);
	assert_true(exists(f, "lock"));
	lease_close(&s);
	assert_waited(holder);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lease_is_written_as_the_reference_writes_it),
		TEST(a_content_is_of_its_owner_in_each_form),
		TEST(a_content_is_taken_apart_or_torn),
		TEST(an_id_that_no_lease_has_room_for_is_refused),
		TEST(only_this_machines_earlier_boots_are_stale),
		TEST(leases_are_found_by_their_owner_whoever_wrote_them),
		TEST(an_old_lease_is_of_every_ifname_until_there_is_a_newer),
		TEST(only_the_owner_releases_a_lease),
		TEST(a_holder_is_named),
		TEST(the_last_address_of_a_set_is_a_hint),
		TEST(torn_leases_heal_and_odd_ones_are_held),
		TEST(leases_of_an_earlier_boot_are_reclaimed),
		TEST(what_is_needless_to_others_is_dropped),
		TEST(a_lease_that_is_not_what_the_list_says_is_not_dropped),
		TEST(what_cannot_be_read_is_held_and_named_and_the_rest_goes),
		TEST(the_list_counts_only_if_nobody_else_was_there),
		TEST(a_change_in_the_same_tick_is_noticed),
		TEST(changes_of_ours_keep_the_list),
		TEST(a_directory_is_made_only_for_an_add),
		TEST(a_lock_not_had_in_time_is_worth_another_try),
		TEST(a_lock_is_had_when_its_holder_ends),
		TEST(a_lock_file_removed_while_waiting_is_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
