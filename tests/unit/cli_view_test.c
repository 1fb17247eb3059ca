/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_view_test - rows and bars, ports, and how full a subnet is */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/leases.h"
#include "cli/network-view.h"
#include "cli/port-view.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"

/* @json has ' for ". */
static json_t *value_of(const char *json)
{
	AUTO_FREE char *text = strdup(json);
	json_error_t error;
	json_t *value;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(text, 0, &error);
	if (!value)
		fail_msg("%s: %s", text, error.text);

	return value;
}

/* ---- ports --------------------------------------------------------------- */

static void ports_are_listed_as_docker_does(void **state)
{
	AUTO_JSON json_t *mappings = value_of(
		"[{'hostPort':8080,'containerPort':80,'protocol':'tcp'},"
		"{'HostPort':53,'ContainerPort':5353,'Protocol':'udp','HostIP':'127.0.0.1'},"
		"{'hostPort':443,'containerPort':443,'protocol':'','hostIP':'::1'},"
		"{'hostPort':1,'containerPort':2,'protocol':'sctp','hostIP':'0.0.0.0'},"
		"{'hostPort':1}, {'hostPort':'x','containerPort':1}, 7,"
		"{'hostPort':70000,'containerPort':1}]");
	AUTO_JSON json_t *ports = port_view(mappings);
	AUTO_JSON json_t *none = port_view(NULL);
	AUTO_FREE char *text = table_text(ports);

	(void)state;
	assert_string_equal(text, "8080->80/tcp, 127.0.0.1:53->5353/udp, [::1]:443->443/tcp, "
				  "1->2/sctp");
	assert_int_equal(json_array_size(none), 0);
}

/* ---- a row --------------------------------------------------------------- */

static void a_time_is_shown_as_go_shows_it(void **state)
{
	static const struct {
		const char *created, *want;
	} cases[] = {
		{ "2026-11-22T08:00:00.123456789Z", "2026-11-22 08:00:00.123456789 +0000 UTC" },
		{ "2026-11-22T08:00:00.500000000Z", "2026-11-22 08:00:00.5 +0000 UTC" },
		{ "2026-11-22T08:00:00.000000000Z", "2026-11-22 08:00:00 +0000 UTC" },
		{ "2026-11-22T08:00:10Z", "2026-11-22 08:00:10 +0000 UTC" },
		{ "2026-11-22T10:00:00+02:00", "2026-11-22T10:00:00+02:00" },
		{ "Z", " +0000 UTC" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *created = strdup(cases[i].created);
		char name[] = "n", driver[] = "bridge";
		const struct network net = {
			.name = name,
			.driver = driver,
			.created = created,
		};
		AUTO_JSON json_t *row = network_view_row(&net);

		assert_string_equal(json_string_value(json_object_get(row, "CreatedAt")),
				    cases[i].want);
	}
}

/* ---- a bar --------------------------------------------------------------- */

static void a_bar_fits_its_line(void **state)
{
	static const struct {
		size_t total, done, width;
		const char *want;
	} cases[] = {
		{ 10, 0, 30, "Work  [>               ]  0/10" },
		{ 10, 5, 30, "Work  [========>       ]  5/10" },
		{ 10, 10, 30, "Work  [===============]  10/10" },
		{ 10, 1, 14, "Work  1/10" },
		{ 0, 0, 20, "Work  [=======]  0/0" },
		{ 2, 1, 500, "Work  [====================>                   ]  1/2" },
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct progress p = {
			.what = "Work",
			.total = cases[i].total,
			.done = cases[i].done,
		};

		progress_line(&p, cases[i].width, line, sizeof(line));
		assert_true(strlen(line) <= cases[i].width);
		assert_string_equal(line, cases[i].want);
	}
}

/* All that was written: the kernel brings it to the screen a little later. */
static size_t read_screen(int screen, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	/* Nobody else has the terminal open, so that the end is an error. */
	while ((n = read(screen, text + len, size - len)) > 0)
		len += (size_t)n;

	return len;
}

/* What a step writes to a terminal, begun so many seconds ago; "" for nothing. */
static const char *shown(time_t seconds_ago)
{
	static char text[256];
	struct winsize size = { .ws_col = 40, .ws_row = 24 };
	AUTO_FD int screen = posix_openpt(O_RDWR | O_NOCTTY);
	AUTO_FD int saved = dup(STDERR_FILENO);
	struct progress p;
	int fd;

	assert_true(screen >= 0 && grantpt(screen) == 0 && unlockpt(screen) == 0);
	fd = open(ptsname(screen), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0 && ioctl(fd, TIOCSWINSZ, &size) == 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	progress_begin(&p, "Work", 4);
	p.begin.tv_sec -= seconds_ago;
	progress_step(&p);
	progress_end(&p);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	text[read_screen(screen, text, sizeof(text) - 1)] = '\0';

	return text;
}

static void a_bar_is_for_terminals_and_for_work_of_more_than_a_second(void **state)
{
	struct progress p;

	(void)state;
	/* However long this process may be kept waiting. */
	assert_string_equal(shown(-60), "");
	assert_non_null(strstr(shown(2), "1/4"));
	assert_non_null(strstr(shown(2), "\r\033[K"));

	/* Here stderr is a file of the test's. */
	p = (struct progress){ .what = "Work", .total = 1 };
	progress_step(&p);
	assert_false(p.visible);
}

/* ---- leases -------------------------------------------------------------- */

/* A network with this IPAM, and leases in a directory of its own. */
struct lab {
	char dir[32], leases[64];
	struct network net;
};

static int set_up(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	strcpy(lab->dir, "/tmp/cli_view_test.XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	snprintf(lab->leases, sizeof(lab->leases), "%s/n", lab->dir);
	assert_int_equal(mkdir(lab->leases, 0755), 0);
	lab->net.name = strdup("n");
	*state = lab;

	return 0;
}

static void each_file(const char *dir, const char *const *names, void (*fn)(const char *path))
{
	char path[128];

	for (; *names; names++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *names);
		fn(path);
	}
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static void remove_file(const char *path)
{
	(void)unlink(path);
}

static const char *const lease_names[] = {
	"10.1.0.2", "10.1.0.200", "10.2.0.5", "fd00::7", "last_reserved_ip.0", "lock", NULL,
};

static int tear_down(void **state)
{
	struct lab *lab = *state;

	each_file(lab->leases, lease_names, remove_file);
	rmdir(lab->leases);
	rmdir(lab->dir);
	network_clear(&lab->net);
	free(lab);

	return 0;
}

/* @ranges has ' for ". */
static size_t count(struct lab *lab, const char *ranges, struct leases_count **ret)
{
	AUTO_JSON json_t *sets = value_of(ranges);
	struct err e = { 0 };
	size_t n;

	json_decref(lab->net.conf);
	lab->net.conf = json_pack("{s:[{s:s,s:{s:s,s:s,s:O}}]}", "plugins", "type", "bridge",
				  "ipam", "type", "host-local", "dataDir", lab->dir, "ranges",
				  sets);
	if (leases_count(&lab->net, ret, &n, &e) < 0)
		fail_msg("%s", e.msg);

	return n;
}

static void every_subnet_is_counted_for_itself(void **state)
{
	struct lab *lab = *state;
	AUTO_FREE struct leases_count *c = NULL;
	size_t n;

	each_file(lab->leases, lease_names, make_file);
	n = count(lab,
		  "[[{'subnet':'10.1.0.0/24','ipRange':'10.1.0.0/25','exclude':['10.1.0.9']},"
		  "  {'subnet':'10.2.0.0/29'}], [{'subnet':'fd00::/120'}]]",
		  &c);

	assert_int_equal(n, 3);
	/* .0, .255, gateway .1, excluded .9, leases .2 and .200, which is not of the range. */
	assert_int_equal(c[0].in_use, 6);
	assert_int_equal(c[0].available, 127 - 2 - 1);
	/* .0, .7, gateway .1, lease .5 */
	assert_int_equal(c[1].in_use, 4);
	assert_int_equal(c[1].available, 4);
	/* ::, gateway ::1, lease ::7; an IPv6 subnet has no broadcast address. */
	assert_int_equal(c[2].in_use, 3);
	assert_int_equal(c[2].available, 255 - 1 - 1);
}

static void ranges_of_one_subnet_are_added_up(void **state)
{
	struct lab *lab = *state;
	AUTO_FREE struct leases_count *c = NULL;

	assert_int_equal(
		count(lab,
		      "[[{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.2','rangeEnd':'10.1.0.5'},"
		      "{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.10','rangeEnd':'10.1.0.11'}]]",
		      &c),
		1);
	assert_int_equal(c[0].in_use, 3);
	assert_int_equal(c[0].available, 6);
}

static void more_than_can_be_counted_is_the_most(void **state)
{
	struct lab *lab = *state;
	AUTO_FREE struct leases_count *c = NULL;

	each_file(lab->leases, lease_names, make_file);
	assert_int_equal(count(lab, "[[{'subnet':'fd00::/32'}]]", &c), 1);
	assert_true(c[0].available == LEASES_MANY);
	assert_int_equal(c[0].in_use, 3);
}

static void what_host_local_would_refuse_is_not_counted(void **state)
{
	struct lab *lab = *state;
	struct leases_count *c = NULL;

	assert_int_equal(count(lab, "[[{'subnet':'10.1.0.0/33'}]]", &c), 0);
	assert_null(c);
	assert_int_equal(count(lab, "[]", &c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_listed_as_docker_does),
		cmocka_unit_test(a_time_is_shown_as_go_shows_it),
		cmocka_unit_test(a_bar_fits_its_line),
		cmocka_unit_test(a_bar_is_for_terminals_and_for_work_of_more_than_a_second),
		cmocka_unit_test_setup_teardown(every_subnet_is_counted_for_itself, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ranges_of_one_subnet_are_added_up, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(more_than_can_be_counted_is_the_most, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_host_local_would_refuse_is_not_counted, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
