/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_conflist - files of the cluster's networks, in a directory that is others', too */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/conflist.h"

#define TURNS 2000 /* of the loop, a millisecond each, until something has happened */

/* A directory, and the networks that should have a file there. */
struct desk {
	struct ev_loop *loop;
	struct conflists *files;
	char dir[32], sub[64];
	const char *names[4];
	size_t n;
	int change; /* of what is said of them */
};

static json_t *doc_of(const char *name, int change)
{
	return json_pack("{s:s, s:i, s:{s:s}, s:[{s:s}]}", "name", name, "change", change, "heddle",
			 "netd", "00112233", "plugins", "type", "overlay");
}

static void each(void *ctx, void (*fn)(void *arg, const char *name, json_t *doc), void *arg)
{
	const struct desk *d = ctx;

	for (size_t i = 0; i < d->n; i++) {
		AUTO_JSON json_t *doc = doc_of(d->names[i], d->change);

		fn(arg, d->names[i], doc);
	}
}

static int start(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	const struct conflist_owner owner = { each, d };
	struct err e = { 0 };

	assert_non_null(d);
	snprintf(d->dir, sizeof(d->dir), "/tmp/heddle-conflist-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->sub, sizeof(d->sub), "%s/cni/net.d", d->dir);
	d->loop = ev_loop_new(0);
	assert_non_null(d->loop);
	if (conflists_new(d->loop, d->sub, &owner, &d->files, &e) < 0)
		fail_msg("%s", e.msg);
	*state = d;

	return 0;
}

static char *path(const struct desk *d, const char *name)
{
	char *text;

	assert_true(asprintf(&text, "%s/zz-heddle-%s.conflist", d->sub, name) > 0);

	return text;
}

static bool has(const struct desk *d, const char *name)
{
	AUTO_FREE char *file = path(d, name);

	return access(file, F_OK) == 0;
}

static void write_text(const struct desk *d, const char *name, const char *text)
{
	AUTO_FREE char *file = path(d, name);
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void drop(const struct desk *d, const char *name)
{
	AUTO_FREE char *file = path(d, name);

	assert_int_equal(unlink(file), 0);
}

static bool is_ours(const struct desk *d, const char *name)
{
	AUTO_FREE char *file = path(d, name);
	AUTO_JSON json_t *doc = json_load_file(file, 0, NULL);
	AUTO_JSON json_t *want = doc_of(name, d->change);

	return doc && json_equal(doc, want);
}

static void turn_until(struct desk *d, bool (*is)(const struct desk *d, const char *name),
		       const char *name)
{
	for (int i = 0; i < TURNS && !is(d, name); i++) {
		ev_run(d->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_true(is(d, name));
}

static int stop(void **state)
{
	struct desk *d = *state;
	AUTO_FREE char *parent = NULL;

	d->n = 0;
	conflists_sync(d->files);
	conflists_free(d->files);
	ev_loop_destroy(d->loop);
	assert_true(asprintf(&parent, "%s/cni", d->dir) > 0);
	/* All that is not ours was removed by its test. */
	assert_int_equal(rmdir(d->sub), 0);
	assert_int_equal(rmdir(parent), 0);
	assert_int_equal(rmdir(d->dir), 0);
	free(d);

	return 0;
}

static void files_are_what_the_networks_are(void **state)
{
	struct desk *d = *state;

	d->names[0] = "warp";
	d->names[1] = "weft";
	d->n = 2;
	conflists_sync(d->files);
	assert_true(is_ours(d, "warp") && is_ours(d, "weft"));
	d->change = 1;
	conflists_sync(d->files);
	assert_true(is_ours(d, "warp"));
	d->n = 1;
	conflists_sync(d->files);
	assert_true(has(d, "warp"));
	assert_false(has(d, "weft"));
	assert_int_equal(conflists_counters(d->files)->removed, 1);
}

static void what_somebody_takes_away_comes_back(void **state)
{
	struct desk *d = *state;

	d->names[0] = "warp";
	d->n = 1;
	conflists_sync(d->files);
	drop(d, "warp");
	turn_until(d, is_ours, "warp");
	write_text(d, "warp", "{}");
	turn_until(d, is_ours, "warp");
	assert_int_equal(conflists_counters(d->files)->restored, 2);
}

static void one_of_this_host_alone_is_left(void **state)
{
	struct desk *d = *state;

	conflists_sync(d->files);
	write_text(d, "warp", "{\"name\": \"warp\"}");
	d->names[0] = "warp";
	d->n = 1;
	conflists_sync(d->files);
	assert_false(is_ours(d, "warp"));
	assert_int_equal(conflists_counters(d->files)->taken, 1);
	drop(d, "warp");
	turn_until(d, is_ours, "warp");
	assert_int_equal(conflists_counters(d->files)->taken, 0);
}

static void what_an_earlier_process_left_goes(void **state)
{
	struct desk *d = *state;

	conflists_sync(d->files);
	write_text(d, "old", "{\"heddle\": {\"netd\": \"99\"}}");
	write_text(d, "other", "{\"heddle\": {\"version\": 1}}");
	write_text(d, "junk", "{");
	conflists_sync(d->files);
	assert_false(has(d, "old"));
	drop(d, "other");
	drop(d, "junk");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_what_the_networks_are, start, stop),
		cmocka_unit_test_setup_teardown(what_somebody_takes_away_comes_back, start, stop),
		cmocka_unit_test_setup_teardown(one_of_this_host_alone_is_left, start, stop),
		cmocka_unit_test_setup_teardown(what_an_earlier_process_left_goes, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
