/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_store - what is kept, what waits, and what becomes of both when things go wrong */
#include "netd/store.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/log.h"

static struct err err;

/* A directory of the test's own, and a loop that nothing else runs in. */
struct lab {
	char dir[64];
	struct ev_loop *loop;
};

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/heddle-store-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	lab->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	*state = lab;

	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;
	char path[128];

	for (const char *const *name = (const char *const[]){ "store.mdb", "store.lock", NULL };
	     *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, *name);
		unlink(path);
	}
	rmdir(lab->dir);
	ev_loop_destroy(lab->loop);
	free(lab);

	return 0;
}

static struct store *open_store(const struct lab *lab)
{
	struct store *s = NULL;

	if (store_open(lab->loop, lab->dir, &s, &err) < 0)
		fail_msg("%s", err.msg);

	return s;
}

static void put(struct store *s, const char *key, const char *value, enum durability how)
{
	if (store_put(s, STORE_CLUSTER, key, strlen(key), value, value ? strlen(value) : 0, how,
		      &err) < 0)
		fail_msg("%s", err.msg);
}

static void assert_has(struct store *s, const char *key, const char *value)
{
	AUTO_FREE void *got = NULL;

	assert_int_equal(store_get(s, STORE_CLUSTER, key, strlen(key), &got, NULL, &err), 0);
	assert_string_equal(got, value);
}

static void assert_lacks(struct store *s, const char *key)
{
	void *got = NULL;

	assert_int_equal(store_get(s, STORE_CLUSTER, key, strlen(key), &got, NULL, &err), -ENOENT);
}

/* All keys and values of a table, in a text that does not depend on their order. */
struct listing {
	char text[256];
	int n;
};

static int list_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct listing *list = ctx;
	size_t used = strlen(list->text);

	list->n++;
	snprintf(list->text + used, sizeof(list->text) - used, "%.*s=%.*s;", (int)key_len,
		 (const char *)key, (int)len, (const char *)value);

	return 0;
}

static struct listing listing_of(struct store *s)
{
	struct listing list = { .n = 0 };

	assert_int_equal(store_each(s, STORE_CLUSTER, list_one, &list, &err), 0);

	return list;
}

static void what_is_durable_is_there_after_the_next_start(void **state)
{
	struct store *s = open_store(*state);

	put(s, "a", "1", STORE_DURABLE);
	put(s, "b", "", STORE_DURABLE);
	put(s, "c", "3", STORE_DURABLE);
	put(s, "c", NULL, STORE_DURABLE);
	put(s, "d", NULL, STORE_DURABLE);
	store_close(s);

	s = open_store(*state);
	assert_has(s, "a", "1");
	assert_has(s, "b", "");
	assert_lacks(s, "c");
	assert_lacks(s, "d");
	store_close(s);
}

static void what_waits_is_read_as_if_it_were_there(void **state)
{
	struct store *s = open_store(*state);
	struct listing list;

	put(s, "a", "old", STORE_DURABLE);
	put(s, "b", "old", STORE_DURABLE);
	put(s, "a", "new", STORE_LAZY);
	put(s, "b", NULL, STORE_LAZY);
	put(s, "c", "one", STORE_LAZY);
	put(s, "c", "two", STORE_LAZY);
	assert_has(s, "a", "new");
	assert_lacks(s, "b");
	assert_has(s, "c", "two");
	list = listing_of(s);
	assert_int_equal(list.n, 2);
	assert_non_null(strstr(list.text, "a=new;"));
	assert_non_null(strstr(list.text, "c=two;"));
	store_close(s);
}

/* The child's memory is gone without a store_close(). */
static void in_a_child_that_is_killed(const struct lab *lab,
				      void (*fn)(const struct lab *lab, struct store *s))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		fn(lab, open_store(lab));
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void put_lazily_then_durably(const struct lab *lab, struct store *s)
{
	(void)lab;
	put(s, "a", "lazy", STORE_LAZY);
	put(s, "b", "durable", STORE_DURABLE);
	put(s, "c", "too late", STORE_LAZY);
}

static void a_durable_put_takes_along_what_waited(void **state)
{
	struct store *s;

	in_a_child_that_is_killed(*state, put_lazily_then_durably);
	s = open_store(*state);
	assert_has(s, "a", "lazy");
	assert_has(s, "b", "durable");
	assert_lacks(s, "c");
	store_close(s);
}

static void put_and_let_the_loop_run(const struct lab *lab, struct store *s)
{
	put(s, "a", "lazy", STORE_LAZY);
	ev_run(lab->loop, 0); /* ends when the timer had its turn */
}

static void the_timer_writes_what_waits(void **state)
{
	struct store *s;

	in_a_child_that_is_killed(*state, put_and_let_the_loop_run);
	s = open_store(*state);
	assert_has(s, "a", "lazy");
	store_close(s);
}

static void a_store_has_one_owner(void **state)
{
	struct lab *lab = *state;
	struct store *s = open_store(lab), *other = NULL;

	assert_int_equal(store_open(lab->loop, lab->dir, &other, &err), -EBUSY);
	assert_null(other);
	store_close(s);
	store_close(open_store(lab));
}

static void tables_are_apart(void **state)
{
	struct store *s = open_store(*state);

	put(s, "k", "cluster", STORE_DURABLE);
	assert_int_equal(store_put(s, STORE_PLANE, "k", 1, "plane", 5, STORE_DURABLE, &err), 0);
	put(s, "waits", "too", STORE_LAZY);
	assert_int_equal(store_clear(s, STORE_PLANE, &err), 0);
	assert_int_equal(listing_of(s).n, 2);
	assert_int_equal(store_clear(s, STORE_CLUSTER, &err), 0);
	assert_int_equal(listing_of(s).n, 0);
	store_close(s);
}

static void sizes_are_bounded(void **state)
{
	static uint8_t big[STORE_VALUE_MAX + 1];
	struct store *s = open_store(*state);

	assert_int_equal(store_put(s, STORE_PLANE, big, STORE_KEY_MAX + 1, "", 0, STORE_LAZY, &err),
			 -EINVAL);
	assert_int_equal(store_put(s, STORE_PLANE, big, 0, "", 0, STORE_LAZY, &err), -EINVAL);
	assert_int_equal(store_put(s, STORE_PLANE, "k", 1, big, STORE_VALUE_MAX + 1, STORE_LAZY,
				   &err),
			 -EINVAL);
	assert_int_equal(store_put(s, STORE_PLANE, big, STORE_KEY_MAX, big, STORE_VALUE_MAX,
				   STORE_DURABLE, &err),
			 0);
	store_close(s);
}

static void what_waits_is_bounded(void **state)
{
	static uint8_t big[STORE_VALUE_MAX];
	struct store *s = open_store(*state);
	uint32_t i;
	int r = 0;

	for (i = 0; i < 1000 && r == 0; i++)
		r = store_put(s, STORE_PLANE, &i, sizeof(i), big, sizeof(big), STORE_LAZY, &err);
	assert_int_equal(r, -ENOSPC);
	assert_true(i > STORE_WAIT_MAX / sizeof(big) / 2);
	store_close(s);
}

static void the_file_grows_as_needed(void **state)
{
	static uint8_t big[STORE_VALUE_MAX];
	struct store *s = open_store(*state);

	for (uint32_t i = 0; i < 200; i++) /* 50 MiB */
		assert_int_equal(store_put(s, STORE_PLANE, &i, sizeof(i), big, sizeof(big),
					   i % 50 == 49 ? STORE_DURABLE : STORE_LAZY, &err),
				 0);
	store_close(s);
	s = open_store(*state);
	put(s, "a", "1", STORE_DURABLE);
	store_close(s);
}

static void a_newer_format_is_left_alone(void **state)
{
	struct lab *lab = *state;
	struct store *s = open_store(lab);

	assert_int_equal(store_put(s, (enum store_table)0, "format", 7, "\x09", 1, STORE_DURABLE,
				   &err),
			 0);
	store_close(s);
	assert_int_equal(store_open(lab->loop, lab->dir, &s, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "newer netd"));
}

static void a_file_that_is_none_is_refused(void **state)
{
	struct lab *lab = *state;
	struct store *s = NULL;
	char path[128], junk[8192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/store.mdb", lab->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	memset(junk, 'x', sizeof(junk));
	assert_int_equal(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	assert_int_equal(fclose(f), 0);
	assert_true(store_open(lab->loop, lab->dir, &s, &err) < 0);
	assert_non_null(strstr(err.msg, path));
}

/* ---- records of the engine -------------------------------------------------- */

static void see_record(void *ctx, const struct record *r)
{
	struct listing *list = ctx;
	size_t used = strlen(list->text);

	list->n++;
	snprintf(list->text + used, sizeof(list->text) - used, "%u:%.*s=%.*s;", r->kind, r->key_len,
		 (const char *)r->key, (int)r->len, (const char *)r->value);
}

static void keep(struct store *s, uint16_t kind, const char *key, const char *value)
{
	const struct record r = { .kind = kind,
				  .key = (const uint8_t *)key,
				  .key_len = (uint16_t)strlen(key),
				  .value = (const uint8_t *)value,
				  .len = (uint32_t)strlen(value) };

	assert_int_equal(store_record(s, &r, STORE_DURABLE, &err), 0);
}

static void records_come_back(void **state)
{
	struct store *s = open_store(*state);
	struct listing list = { .n = 0 };

	keep(s, RECORD_LINK, "l", "link");
	keep(s, 0x1234, "m", "wide");
	keep(s, RECORD_MEMBER, "gone", "soon");
	keep(s, RECORD_MEMBER, "gone", "");
	store_close(s);

	s = open_store(*state);
	assert_int_equal(store_records(s, see_record, &list, &err), 0);
	assert_int_equal(list.n, 2);
	assert_non_null(strstr(list.text, "32:l=link;"));
	assert_non_null(strstr(list.text, "4660:m=wide;"));
	store_close(s);
}

/* ---- killed, and full -------------------------------------------------------- */

/* Says how far it is sure to be; the two keys are of one transaction each time. */
static void count_up(struct store *s, int to)
{
	for (uint32_t i = 1;; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		put(s, "a", text, STORE_LAZY);
		put(s, "b", text, STORE_DURABLE);
		if (write(to, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static uint32_t kill_a_counter(const struct lab *lab, uint32_t after)
{
	uint32_t i = 0, last = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		count_up(open_store(lab), ends[1]);
	}
	close(ends[1]);
	while (i < after && read(ends[0], &i, sizeof(i)) == sizeof(i))
		last = i;
	assert_int_equal(kill(child, SIGKILL), 0);
	while (read(ends[0], &i, sizeof(i)) == sizeof(i))
		last = i;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);

	return last;
}

static uint32_t number_at(struct store *s, const char *key)
{
	AUTO_FREE void *text = NULL;

	assert_int_equal(store_get(s, STORE_CLUSTER, key, 1, &text, NULL, &err), 0);

	return (uint32_t)strtoul(text, NULL, 10);
}

static void a_kill_at_any_time_leaves_the_last_transaction_whole(void **state)
{
	for (uint32_t round = 1; round <= 30; round++) {
		uint32_t said = kill_a_counter(*state, round);
		struct store *s = open_store(*state);

		assert_true(number_at(s, "b") >= said);
		assert_int_equal(number_at(s, "a"), number_at(s, "b"));
		store_close(s);
	}
}

/* Fills the disk that @dir is on.  Return: the path of what fills it. */
static const char *fill(const char *dir)
{
	static char path[128], block[4096];
	size_t size = sizeof(block);
	int fd;

	snprintf(path, sizeof(path), "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (size > 0)
		if (write(fd, block, size) <= 0)
			size /= 2;
	close(fd);

	return path;
}

/* As long as there is a reserve, what must be kept is, but nothing should be added. */
static void put_from_the_reserve(struct store *s)
{
	put(s, "gone", NULL, STORE_DURABLE);
	for (uint32_t i = 0; i < 200; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		put(s, "generation", text, STORE_DURABLE);
	}
	assert_int_equal(store_trouble(s), 0);
}

static void put_until_it_is_refused(struct store *s)
{
	static const uint8_t value[2048];
	int r = 0;

	for (uint32_t i = 0; i < 1000 && r == 0; i++)
		r = store_put(s, STORE_PLANE, &i, sizeof(i), value, sizeof(value), STORE_DURABLE,
			      &err);
	assert_true(r == -ENOSPC || r == -EIO);
}

static void a_full_disk_loses_nothing(void **state)
{
	static const uint8_t big[100000];
	struct lab *lab = *state;
	AUTO_FREE void *value = NULL;
	const char *filler;
	struct store *s;
	size_t len;

	/* In a mount namespace of its own, so that nothing is left mounted. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", lab->dir, "tmpfs", 0, "size=1m") < 0)
		skip();
	s = open_store(lab);
	put(s, "a", "before", STORE_DURABLE);
	put(s, "gone", "soon", STORE_DURABLE);
	filler = fill(lab->dir);
	put_from_the_reserve(s);
	put(s, "waits", "for room", STORE_LAZY);
	assert_int_equal(store_may_add(s, &err), 0);
	put_until_it_is_refused(s);
	assert_true(store_may_add(s, &err) < 0);
	assert_int_equal(err.cni, CNI_E_IO);
	assert_int_equal(store_put(s, STORE_PLANE, "big", 3, big, sizeof(big), STORE_LAZY, &err),
			 0);
	assert_true(store_flush(s, &err) < 0);
	assert_has(s, "a", "before");
	assert_has(s, "waits", "for room");

	/* With room again the timer notices, without anybody putting anything. */
	assert_int_equal(unlink(filler), 0);
	ev_run(lab->loop, 0);
	assert_int_equal(store_trouble(s), 0);
	put(s, "b", "after", STORE_DURABLE);
	store_close(s);

	s = open_store(lab);
	assert_has(s, "a", "before");
	assert_has(s, "waits", "for room");
	assert_has(s, "b", "after");
	assert_int_equal(store_get(s, STORE_PLANE, "big", 3, &value, &len, &err), 0);
	assert_int_equal(len, sizeof(big));
	store_close(s);
	assert_int_equal(umount2(lab->dir, MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_durable_is_there_after_the_next_start,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_waits_is_read_as_if_it_were_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_durable_put_takes_along_what_waited, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_timer_writes_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_has_one_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(tables_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(what_waits_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_file_grows_as_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newer_format_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_none_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(records_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_kill_at_any_time_leaves_the_last_transaction_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
