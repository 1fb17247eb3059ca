/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_table_test - one listing in each of its forms, on a file and on a terminal */
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
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define ID_1 "0123456789abcdef0123"
#define ID_2 "fedcba9876543210fedc"

static const struct table_column columns[] = {
	{ .heading = "NETWORK ID", .field = "ID", .cut = TABLE_ID_LEN },
	{ .heading = "NAME", .field = "Name", .shrinks = true },
	{ .heading = "STATUS", .field = "Status", .alarm = "gone" },
	{ .heading = "LABELS", .field = "Labels", .extra = true },
	{ .heading = "INTERNAL", .field = "Internal", .extra = true },
	{ .heading = "PORTS", .field = "Ports", .extra = true },
};

static json_t *two_rows(void)
{
	json_t *rows = json_pack(
		"[{s:s,s:s,s:s,s:{s:s,s:s},s:b,s:[s,s],s:{s:s}},{s:s,s:s,s:s,s:{},s:b,s:[],s:{}}]",
		"ID", ID_1, "Name", "lows", "Status", "alive", "Labels", "b", "2", "a", "1",
		"Internal", 1, "Ports", "80", "443", ".Label", "a", "1", "ID", ID_2, "Name",
		"a-name-that-is-rather-long", "Status", "gone", "Labels", "Internal", 0, "Ports",
		".Label");

	assert_non_null(rows);

	return rows;
}

/* ---- what is printed ----------------------------------------------------- */

struct capture {
	int saved, fd;
	char text[4096];
};

/* From here on stdout is @fd. */
static void capture_begin(struct capture *c, int fd)
{
	fflush(stdout);
	c->saved = dup(STDOUT_FILENO);
	c->fd = fd;
	assert_true(c->saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
}

static void capture_end(struct capture *c)
{
	fflush(stdout);
	assert_true(dup2(c->saved, STDOUT_FILENO) >= 0);
	close(c->saved);
}

static const char *printed(const json_t *rows, const struct table_style *style)
{
	static struct capture c;
	AUTO_FD int fd = memfd_create("stdout", MFD_CLOEXEC);
	struct err e = { 0 };
	ssize_t len;
	int r;

	capture_begin(&c, fd);
	r = table_print(columns, ARRAY_SIZE(columns), rows, style, &e);
	capture_end(&c);
	if (r < 0)
		fail_msg("%s", e.msg);
	len = pread(fd, c.text, sizeof(c.text) - 1, 0);
	assert_true(len >= 0);
	c.text[len] = '\0';

	return c.text;
}

static void assert_printed(struct table_style style, const char *want)
{
	AUTO_JSON json_t *rows = two_rows();

	assert_string_equal(printed(rows, &style), want);
}

static void people_get_a_table(void **state)
{
	(void)state;
	assert_printed((struct table_style){ 0 },
		       "NETWORK ID     NAME                         STATUS\n"
		       "0123456789ab   lows                         alive\n"
		       "fedcba987654   a-name-that-is-rather-long   gone\n");
	assert_printed((struct table_style){ .no_trunc = true },
		       "NETWORK ID             NAME                         STATUS\n" ID_1
		       "   lows                         alive\n" ID_2
		       "   a-name-that-is-rather-long   gone\n");
}

static void columns_of_short_values_stand_where_docker_puts_them(void **state)
{
	AUTO_JSON json_t *rows =
		json_pack("[{s:s,s:s,s:s}]", "ID", "1", "Name", "n", "Status", "s");
	const struct table_style style = { 0 };

	(void)state;
	assert_string_equal(printed(rows, &style), "NETWORK ID   NAME      STATUS\n"
						   "1            n         s\n");
}

static void a_table_without_rows_has_its_headings(void **state)
{
	AUTO_JSON json_t *rows = json_array();
	const struct table_style style = { 0 }, ids = { .quiet = true }, array = { .json = true };

	(void)state;
	assert_string_equal(printed(rows, &style), "NETWORK ID   NAME      STATUS\n");
	assert_string_equal(printed(rows, &ids), "");
	assert_string_equal(printed(rows, &array), "[]\n");
}

static void scripts_get_ids_lines_or_an_array(void **state)
{
	(void)state;
	assert_printed((struct table_style){ .quiet = true }, "0123456789ab\nfedcba987654\n");
	assert_printed((struct table_style){ .quiet = true, .no_trunc = true },
		       ID_1 "\n" ID_2 "\n");
	assert_printed((struct table_style){ .format = "json" },
		       "{\"ID\":\"0123456789ab\",\"Internal\":\"true\",\"Labels\":\"a=1,b=2\","
		       "\"Name\":\"lows\",\"Ports\":\"80, 443\",\"Status\":\"alive\"}\n"
		       "{\"ID\":\"fedcba987654\",\"Internal\":\"false\",\"Labels\":\"\","
		       "\"Name\":\"a-name-that-is-rather-long\",\"Ports\":\"\",\"Status\":\"gone\"}"
		       "\n");
}

static void an_array_has_the_types_and_the_whole_of_each_value(void **state)
{
	AUTO_JSON json_t *rows = two_rows();
	const struct table_style style = { .json = true };
	AUTO_JSON json_t *got = json_loads(printed(rows, &style), 0, NULL);

	(void)state;
	assert_int_equal(json_array_size(got), 2);
	assert_true(json_is_true(json_object_get(json_array_get(got, 0), "Internal")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(got, 0), "ID")), ID_1);
	assert_null(json_object_get(json_array_get(got, 0), ".Label"));
}

static void templates_see_text(void **state)
{
	(void)state;
	assert_printed((struct table_style){ .format = "{{.Name}} {{.Internal}} {{.Label \"a\"}}" },
		       "lows true 1\na-name-that-is-rather-long false \n");
	assert_printed((struct table_style){ .format = "{{.ID}} {{.Ports}}", .no_trunc = true },
		       ID_1 " 80, 443\n" ID_2 " \n");
	assert_printed((struct table_style){ .format = "table {{.Name}}\\t{{.Internal}}\\t{{.Label "
						       "\"a\"}}" },
		       "NAME                         INTERNAL   a\n"
		       "lows                         true       1\n"
		       "a-name-that-is-rather-long   false      \n");
}

static void a_bad_template_prints_nothing(void **state)
{
	static const char *const templates[] = { "{{.Nmae}}", "table {{.Nmae}}", "{{" };
	AUTO_JSON json_t *rows = two_rows();
	AUTO_FD int fd = memfd_create("stdout", MFD_CLOEXEC);
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		const struct table_style style = { .format = templates[i] };
		struct err e = { 0 };
		int r;

		capture_begin(&c, fd);
		r = table_print(columns, ARRAY_SIZE(columns), rows, &style, &e);
		capture_end(&c);
		assert_int_equal(r, -EINVAL);
		assert_int_equal(strncmp(e.msg, "template, line 1, column ", 25), 0);
		assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	}
}

static void output_that_is_lost_is_an_error(void **state)
{
	AUTO_JSON json_t *rows = two_rows();
	AUTO_FD int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const struct table_style style = { .quiet = true };
	struct capture c;
	int r;

	(void)state;
	capture_begin(&c, fd);
	r = table_print(columns, ARRAY_SIZE(columns), rows, &style, NULL);
	capture_end(&c);
	clearerr(stdout);
	assert_int_equal(r, -EIO);
}

/* ---- a terminal ---------------------------------------------------------- */

/* What appears on a terminal of so many columns. */
static const char *shown(unsigned short width)
{
	static struct capture c;
	AUTO_JSON json_t *rows = two_rows();
	const struct table_style style = { 0 };
	struct winsize size = { .ws_col = width, .ws_row = 24 };
	AUTO_FD int screen = posix_openpt(O_RDWR | O_NOCTTY);
	AUTO_FD int fd = -1;
	ssize_t len;
	int r;

	assert_true(screen >= 0 && grantpt(screen) == 0 && unlockpt(screen) == 0);
	fd = open(ptsname(screen), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0 && ioctl(fd, TIOCSWINSZ, &size) == 0);
	capture_begin(&c, fd);
	r = table_print(columns, ARRAY_SIZE(columns), rows, &style, NULL);
	capture_end(&c);
	assert_int_equal(r, 0);
	len = read(screen, c.text, sizeof(c.text) - 1);
	assert_true(len > 0);
	c.text[len] = '\0';

	return c.text;
}

static void a_table_fits_the_terminal(void **state)
{
	const char *text;

	(void)state;
	setenv("NO_COLOR", "1", 1);
	text = shown(40);
	assert_null(strstr(text, "a-name-that-is-rather-long"));
	assert_non_null(strstr(text, "fedcba987654   a-name-th"));
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\r\n") <= 40);
	assert_non_null(strstr(shown(80), "a-name-that-is-rather-long"));
}

static void only_a_terminal_that_wants_colours_gets_them(void **state)
{
	const char *text;

	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	text = shown(80);
	assert_non_null(strstr(text, "\033[1mNETWORK ID"));
	assert_non_null(strstr(text, "\033[31mgone"));
	setenv("NO_COLOR", "1", 1);
	assert_null(strchr(shown(80), '\033'));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_null(strchr(shown(80), '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_get_a_table),
		cmocka_unit_test(columns_of_short_values_stand_where_docker_puts_them),
		cmocka_unit_test(a_table_without_rows_has_its_headings),
		cmocka_unit_test(scripts_get_ids_lines_or_an_array),
		cmocka_unit_test(an_array_has_the_types_and_the_whole_of_each_value),
		cmocka_unit_test(templates_see_text),
		cmocka_unit_test(a_bad_template_prints_nothing),
		cmocka_unit_test(output_that_is_lost_is_an_error),
		cmocka_unit_test(a_table_fits_the_terminal),
		cmocka_unit_test(only_a_terminal_that_wants_colours_gets_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
