/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_metrics - the page, who may have it, and lines of the log */
#include "netd/metrics.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "netd/config.h"
#include "netd/log.h"
#include "netd/metrics-server.h"

#define PATIENCE_MS 20000

static struct err err;

struct numbers {
	uint64_t big;
	uint32_t small;
	uint16_t tiny;
	double part;
	bool yes;
};

static const struct numbers numbers = { 9007199254740991, 4294967295, 65535, 0.1, true };

static const struct metric table[] = {
	{ "t_big_total", NULL, "Much.", METRIC_COUNTER, METRIC_U64, offsetof(struct numbers, big) },
	{ "t_by", "size=\"small\"", "By size.", METRIC_GAUGE, METRIC_U32,
	  offsetof(struct numbers, small) },
	{ "t_by", "size=\"tiny\"", NULL, METRIC_GAUGE, METRIC_U16, offsetof(struct numbers, tiny) },
	{ "t_part", NULL, "Some.", METRIC_GAUGE, METRIC_DOUBLE, offsetof(struct numbers, part) },
	{ "t_yes", NULL, "If.", METRIC_GAUGE, METRIC_BOOL, offsetof(struct numbers, yes) },
	{ NULL },
};

static const char page[] = "# HELP t_big_total Much.\n"
			   "# TYPE t_big_total counter\n"
			   "t_big_total 9007199254740991\n"
			   "# HELP t_by By size.\n"
			   "# TYPE t_by gauge\n"
			   "t_by{size=\"small\"} 4294967295\n"
			   "t_by{size=\"tiny\"} 65535\n"
			   "# HELP t_part Some.\n"
			   "# TYPE t_part gauge\n"
			   "t_part 0.1\n"
			   "# HELP t_yes If.\n"
			   "# TYPE t_yes gauge\n"
			   "t_yes 1\n"
			   "# HELP t_age Of each.\n"
			   "# TYPE t_age gauge\n"
			   "t_age{node=\"a\"} 1.5\n"
			   "t_age{node=\"b\"} 2\n";

static void write_ages(void *ctx, struct metrics_page *p)
{
	const char *const *names = ctx;

	metrics_head(p, "t_age", METRIC_GAUGE, "Of each.");
	metrics_put(p, "t_age", 1.5, "node=\"%s\"", names[0]);
	metrics_put(p, "t_age", 2, "node=\"%s\"", names[1]);
}

static struct metrics *make(void)
{
	static const char *names[] = { "a", "b" };
	struct metrics *m = metrics_new();

	assert_non_null(m);
	assert_int_equal(metrics_register(m, table, &numbers, &err), 0);
	assert_int_equal(metrics_register_call(m, write_ages, names, &err), 0);

	return m;
}

static void a_page_is_as_prometheus_reads_it(void **state)
{
	struct metrics *m = make();
	AUTO_FREE char *text = NULL;
	size_t len;

	(void)state;
	text = metrics_text(m, &len);
	assert_string_equal(text, page);
	assert_int_equal(len, sizeof(page) - 1);
	metrics_free(m);
}

/* ---- by HTTP ------------------------------------------------------------------------ */

struct lab {
	char dir[64];
	struct config_metrics where;
	struct ev_loop *loop;
	struct metrics *metrics;
	struct metrics_server *server;
};

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/heddle-metrics-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	assert_true(asprintf(&lab->where.path, "%s/metrics.sock", lab->dir) > 0);
	lab->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	lab->metrics = make();
	assert_int_equal(metrics_server_open(lab->metrics, lab->loop, &lab->where, (gid_t)-1,
					     &lab->server, &err),
			 0);
	*state = lab;

	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	metrics_server_close(lab->server);
	metrics_free(lab->metrics);
	assert_int_equal(access(lab->where.path, F_OK), -1);
	assert_int_equal(rmdir(lab->dir), 0);
	ev_loop_destroy(lab->loop);
	free(lab->where.path);
	free(lab);

	return 0;
}

static int dial(const struct lab *lab)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", lab->where.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);

	return fd;
}

static void say(const struct lab *lab, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	ev_run(lab->loop, EVRUN_NOWAIT);
}

/* All that comes until the connection is closed. */
static const char *hear(const struct lab *lab, int fd)
{
	static char text[8192];
	int64_t deadline = clock_ms() + PATIENCE_MS;
	size_t len = 0;
	ssize_t n;

	do {
		ev_run(lab->loop, EVRUN_NOWAIT);
		n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 || (n < 0 && errno == EAGAIN)) && clock_ms() < deadline);
	assert_true(clock_ms() < deadline);
	text[len] = '\0';
	close(fd);

	return text;
}

static void a_scraper_gets_the_page(void **state)
{
	const struct lab *lab = *state;
	int fd = dial(lab);
	const char *answer;

	say(lab, fd, "GET /met");
	say(lab, fd, "rics HTTP/1.1\r\nHost: x\r\n");
	say(lab, fd, "\r\n");
	answer = hear(lab, fd);
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_string_equal(strstr(answer, "\r\n\r\n") + 4, page);
}

static void there_is_nothing_else(void **state)
{
	const struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "POST /metrics HTTP/1.1\r\n\r\n");
	assert_int_equal(strncmp(hear(lab, fd), "HTTP/1.1 404 ", 13), 0);
}

static void a_request_is_bounded(void **state)
{
	const struct lab *lab = *state;
	char line[16 * 1024 + 1];
	int fd = dial(lab);

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(lab, fd, line);
	assert_int_equal(strncmp(hear(lab, fd), "HTTP/1.1 4", 10), 0);
}

/* ---- the log -------------------------------------------------------------------------- */

/* What is written to stderr meanwhile. */
static const char *logged(enum log_format format, void (*fn)(void))
{
	static char text[4096];
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_setup(LOG_INFO, format);
	fn();
	log_setup(LOG_INFO, LOG_TEXT);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';

	return text;
}

static void say_two_things(void)
{
	log_write(LOG_WARNING, "cluster", "node %s\n<0>forged: \"line\"", "b");
	log_write(LOG_DEBUG, "cluster", "not asked for");
}

static void a_line_cannot_be_broken(void **state)
{
	AUTO_JSON json_t *line = NULL;
	const char *text;

	(void)state;
	assert_string_equal(logged(LOG_TEXT, say_two_things),
			    "<4>cluster: node b\\x0a<0>forged: \"line\"\n");
	text = logged(LOG_JSON, say_two_things);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	line = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(line, "level")), "warning");
	assert_string_equal(json_string_value(json_object_get(line, "area")), "cluster");
	assert_string_equal(json_string_value(json_object_get(line, "msg")),
			    "node b\\x0a<0>forged: \"line\"");
	assert_true(json_is_number(json_object_get(line, "time")));
}

static struct log_pace pace;

static void say_often(void)
{
	for (int i = 0; i < 1000; i++)
		log_paced(&pace, LOG_INFO, "port", "a stranger");
	pace.next_ms = 0; /* LOG_PACE_MS later */
	log_paced(&pace, LOG_INFO, "port", "a stranger");
}

static void what_comes_often_is_written_seldom(void **state)
{
	(void)state;
	assert_string_equal(logged(LOG_TEXT, say_often),
			    "<6>port: a stranger\n"
			    "<6>port: 999 more of what follows were not written\n"
			    "<6>port: a stranger\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_as_prometheus_reads_it),
		cmocka_unit_test_setup_teardown(a_scraper_gets_the_page, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_is_bounded, setup, teardown),
		cmocka_unit_test(a_line_cannot_be_broken),
		cmocka_unit_test(what_comes_often_is_written_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
