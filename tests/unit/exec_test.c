/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec - plugins that take too long, and what they leave behind; see ipam_test too */
#include "lib/exec.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

struct lab {
	char dir[64], path[80];
	struct exec x;
	struct err e;
};

static int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/exec_test.XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	snprintf(lab->path, sizeof(lab->path), "%s/plugin", lab->dir);
	lab->x = (struct exec){ .path = lab->path, .name = "plugin", .config = "" };
	*state = lab;

	return 0;
}

static int lab_teardown(void **state)
{
	struct lab *lab = *state;

	(void)unlink(lab->path);
	assert_int_equal(rmdir(lab->dir), 0);
	free(lab);

	return 0;
}

static void install(const struct lab *lab, const char *script)
{
	FILE *f = fopen(lab->path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s", script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(lab->path, 0755), 0);
}

static void one_that_takes_too_long_is_killed(void **state)
{
	struct lab *lab = *state;
	int64_t start = clock_ms();

	install(lab, "exec sleep 60\n");
	lab->x.timeout_ms = 50;
	assert_int_equal(exec_plugin(&lab->x, NULL, NULL, &lab->e), -ETIMEDOUT);
	assert_non_null(strstr(lab->e.msg, "plugin had not ended"));
	assert_true(clock_ms() - start < 30 * 1000);
}

static void so_is_one_that_has_closed_its_output(void **state)
{
	struct lab *lab = *state;

	install(lab, "exec sleep 60 >&-\n");
	lab->x.timeout_ms = 50;
	assert_int_equal(exec_plugin(&lab->x, NULL, NULL, &lab->e), -ETIMEDOUT);
}

/* It holds the pipe open, and prints its number before the plugin ends. */
static void a_process_left_behind_is_not_waited_for(void **state)
{
	struct lab *lab = *state;
	AUTO_FREE char *text = NULL;
	size_t len;

	install(lab, "sleep 60 &\necho $!\n");
	assert_int_equal(exec_plugin(&lab->x, &text, &len, &lab->e), 0);
	assert_true(len > 0);
	text[len - 1] = '\0';
	assert_int_equal(kill(atoi(text), SIGKILL), 0);
}

static void all_that_is_printed_is_read(void **state)
{
	struct lab *lab = *state;
	AUTO_FREE char *text = NULL;
	size_t len;

	install(lab, "exec head -c 300000 /dev/zero\n");
	assert_int_equal(exec_plugin(&lab->x, &text, &len, &lab->e), 0);
	assert_int_equal(len, 300000);
}

static void one_that_prints_without_end_is_killed(void **state)
{
	struct lab *lab = *state;

	install(lab, "exec cat /dev/zero\n");
	assert_int_equal(exec_plugin(&lab->x, NULL, NULL, &lab->e), -EFBIG);
}

static void the_first_regular_file_of_the_directories_is_found(void **state)
{
	const struct lab *lab = *state;
	char dirs[160], path[PATH_MAX];

	install(lab, "");
	snprintf(dirs, sizeof(dirs), ":/nowhere::%s:/usr/bin", lab->dir);
	assert_int_equal(exec_find(dirs, "plugin", path), 0);
	assert_string_equal(path, lab->path);
	assert_int_equal(exec_find(dirs, "none-such", path), -ENOENT);
	assert_int_equal(exec_find("", "plugin", path), -ENOENT);
	assert_int_equal(exec_find("/tmp", strrchr(lab->dir, '/') + 1, path), -ENOENT);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_that_takes_too_long_is_killed),
		TEST(so_is_one_that_has_closed_its_output),
		TEST(a_process_left_behind_is_not_waited_for),
		TEST(all_that_is_printed_is_read),
		TEST(one_that_prints_without_end_is_killed),
		TEST(the_first_regular_file_of_the_directories_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
