/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_control - the control socket, by lines on one side and by lib/netd on the other */
#include "netd/control.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/netd.h"

#define PATIENCE_MS 20000

static struct err err;

struct lab {
	char dir[64];
	char path[80];
	struct ev_loop *loop;
	struct control *control;
	struct control_call *held; /* of the method "hold", the last one */
	struct control_watch watch;
	int cancelled, closed;
};

/* ---- methods that tests call -------------------------------------------------------- */

static void method_echo(void *ctx, struct control_call *call, const struct jnode *params)
{
	(void)ctx;
	control_answer(call, json_pack("{s:O}", "params", params->json));
}

static void note_cancel(void *ctx, struct control_call *call)
{
	struct lab *lab = ctx;

	(void)call;
	lab->held = NULL;
	lab->cancelled++;
}

static void method_hold(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct lab *lab = ctx;

	(void)params;
	lab->held = call;
	control_on_cancel(call, note_cancel, lab);
}

static void note_closed(struct control_watch *w)
{
	struct lab *lab = (struct lab *)((char *)w - offsetof(struct lab, watch));

	lab->closed++;
}

static void method_watch(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct lab *lab = ctx;

	(void)params;
	lab->watch.closed = note_closed;
	control_watch(call, &lab->watch);
	control_answer(call, NULL);
}

static void method_fail(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct err e = { 0 };
	struct jnode n;
	bool given;

	(void)ctx;
	if (jn_get(params, "flag", &n) && jn_bool(&n, &given, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	(void)err_cni(&e, CNI_E_AGAIN, "cut \xe2\x80");
	err_detail(&e, "as a text may be");
	control_fail(call, &e);
}

static void method_big(void *ctx, struct control_call *call, const struct jnode *params)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1);

	(void)ctx;
	(void)params;
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	control_answer(call, json_pack("{s:s}", "text", text));
	free(text);
}

static const struct control_method methods[] = {
	{ "echo", method_echo }, { "hold", method_hold }, { "watch", method_watch },
	{ "fail", method_fail }, { "big", method_big },	  { NULL },
};

/* ---- the lab -------------------------------------------------------------------------- */

static struct lab *new_lab(void)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/heddle-control-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	snprintf(lab->path, sizeof(lab->path), "%s/netd.sock", lab->dir);
	lab->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);

	return lab;
}

static void serve(struct lab *lab)
{
	if (control_new(lab->loop, lab->path, (gid_t)-1, &lab->control, &err) < 0 ||
	    control_register(lab->control, methods, lab, &err) < 0)
		fail_msg("%s", err.msg);
}

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	*state = new_lab();
	serve(*state);

	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	control_free(lab->control);
	unlink(lab->path);
	rmdir(lab->dir);
	ev_loop_destroy(lab->loop);
	free(lab);

	return 0;
}

static int dial(const struct lab *lab)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", lab->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);

	return fd;
}

/* Sends all of it, letting the loop run meanwhile. */
static void say_bytes(struct lab *lab, int fd, const char *text, size_t len)
{
	int64_t deadline = clock_ms() + PATIENCE_MS;

	while (len > 0 && clock_ms() < deadline) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; /* closed on us, as the test will see */
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
		ev_run(lab->loop, EVRUN_NOWAIT);
	}
	assert_int_equal(len, 0);
}

static void say(struct lab *lab, int fd, const char *text)
{
	say_bytes(lab, fd, text, strlen(text));
}

/* The next line, borrowed until the next call; "" when the connection was closed. */
static const char *hear(struct lab *lab, int fd)
{
	static char line[8192];
	int64_t deadline = clock_ms() + PATIENCE_MS;
	size_t len = 0;

	while (clock_ms() < deadline && len + 1 < sizeof(line)) {
		ssize_t n = recv(fd, line + len, 1, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n < 0)
			ev_run(lab->loop, EVRUN_NOWAIT);
		else if (line[len++] == '\n')
			break;
	}
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';

	return line;
}

/* Lets the loop run until @counter has the value. */
static void run_until(struct lab *lab, const int *counter, int value)
{
	int64_t deadline = clock_ms() + PATIENCE_MS;

	while (*counter != value && clock_ms() < deadline)
		ev_run(lab->loop, EVRUN_NOWAIT);
	assert_int_equal(*counter, value);
}

static void assert_hears(struct lab *lab, int fd, const char *part)
{
	const char *line = hear(lab, fd);

	if (!strstr(line, part))
		fail_msg("\"%s\" is not in \"%.300s\"", part, line);
}

/* ---- lines ------------------------------------------------------------------------------ */

static void a_request_is_answered_with_its_id(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "{\"id\": [1, \"x\"], \"method\": \"echo\", \"params\": {\"a\": 1}}\n");
	assert_string_equal(hear(lab, fd), "{\"id\":[1,\"x\"],\"result\":{\"params\":{\"a\":1}}}");
	say(lab, fd, "{\"method\":\"echo\"}\n");
	assert_string_equal(hear(lab, fd), "{\"id\":null,\"result\":{\"params\":{}}}");
	close(fd);
}

static void requests_may_come_in_any_pieces(void **state)
{
	static const char text[] = "\n  \r\n{\"id\":1,\"method\":\"echo\"}\r\n\n"
				   "{\"id\":2,\"method\":\"echo\"}\n";
	struct lab *lab = *state;

	for (size_t cut = 1; cut + 1 < sizeof(text); cut++) {
		int fd = dial(lab);

		say_bytes(lab, fd, text, cut);
		say_bytes(lab, fd, text + cut, sizeof(text) - 1 - cut);
		assert_hears(lab, fd, "\"id\":1,\"result\"");
		assert_hears(lab, fd, "\"id\":2,\"result\"");
		close(fd);
	}
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "hello", "\"code\":6,\"msg\":\"request: not valid JSON" },
		{ "[1]", "\"code\":6,\"msg\":\"request: not an object" },
		{ "{\"id\":5}",
		  "{\"id\":5,\"error\":{\"code\":6,\"msg\":\"request: method is missing" },
		{ "{\"method\":5}", "method is not a text" },
		{ "{\"method\":\"echo\",\"params\":[]}", "echo: params is not an object" },
		{ "{\"method\":\"nope\"}", "\"code\":4,\"msg\":\"there is no method \\\"nope\\\"" },
		{ "{\"method\":\"echo\",\"method\":\"echo\"}", "duplicate object key" },
		{ "{\"method\":\"\xff\"}", "request: not valid JSON" },
	};
	struct lab *lab = *state;
	int fd = dial(lab);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		say(lab, fd, cases[i][0]);
		say(lab, fd, "\n");
		assert_hears(lab, fd, cases[i][1]);
	}
	say(lab, fd, "{\"id\":1,\"method\":\"echo\"}\n");
	assert_hears(lab, fd, "{\"id\":1,\"result\"");
	close(fd);
}

static void nesting_is_bounded(void **state)
{
	char text[256] = "{\"method\":\"echo\",\"params\":{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			 "[\",\"b\":";
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, text);
	say(lab, fd, "0}}\n"); /* brackets in a text do not count */
	assert_hears(lab, fd, "\"result\"");
	say(lab, fd, text);
	for (int i = 0; i < CONTROL_DEPTH_MAX; i++)
		say(lab, fd, "[");
	for (int i = 0; i < CONTROL_DEPTH_MAX; i++)
		say(lab, fd, "]");
	say(lab, fd, "}}\n");
	assert_hears(lab, fd, "\"code\":6,\"msg\":\"request: nested 34 deep");
	close(fd);
}

static void a_line_that_is_too_long_ends_the_connection(void **state)
{
	struct lab *lab = *state;
	size_t len = CONTROL_LINE_MAX + 8192;
	char *text = malloc(len);
	int fd = dial(lab);

	assert_non_null(text);
	memset(text, ' ', len);
	say_bytes(lab, fd, text, len);
	assert_hears(lab, fd, "longer than 262144 bytes");
	assert_string_equal(hear(lab, fd), "");
	close(fd);
	free(text);
}

static void an_error_says_code_message_and_details(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "{\"id\":1,\"method\":\"fail\"}\n");
	assert_string_equal(hear(lab, fd), "{\"id\":1,\"error\":{\"code\":11,\"msg\":\"cut ??\","
					   "\"details\":\"as a text may be\"}}");
	say(lab, fd, "{\"id\":1,\"method\":\"fail\",\"params\":{\"flag\":3}}\n");
	assert_hears(lab, fd, "{\"code\":7,\"msg\":\"flag: ");
	close(fd);
}

/* ---- calls that take their time ---------------------------------------------------------- */

static void an_answer_may_come_later_and_out_of_order(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "{\"id\":1,\"method\":\"hold\"}\n{\"id\":2,\"method\":\"echo\"}\n");
	assert_hears(lab, fd, "\"id\":2");
	assert_non_null(lab->held);
	assert_int_equal(control_peer(lab->held).pid, getpid());
	assert_int_equal(control_peer(lab->held).uid, getuid());
	control_answer(lab->held, NULL);
	assert_string_equal(hear(lab, fd), "{\"id\":1,\"result\":{}}");
	close(fd);
	assert_int_equal(lab->cancelled, 0);
}

static void a_connection_that_closes_cancels_its_calls(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "{\"id\":1,\"method\":\"hold\"}\n{\"id\":2,\"method\":\"echo\"}\n");
	assert_hears(lab, fd, "\"id\":2");
	close(fd);
	run_until(lab, &lab->cancelled, 1);
	assert_null(lab->held);
}

static void the_end_of_the_server_cancels_calls(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd,
	    "{\"id\":1,\"method\":\"watch\"}\n{\"id\":2,\"method\":\"hold\"}\n"
	    "{\"id\":3,\"method\":\"echo\"}\n");
	assert_hears(lab, fd, "\"id\":1");
	assert_hears(lab, fd, "\"id\":3");
	control_free(lab->control);
	lab->control = NULL;
	assert_int_equal(lab->cancelled, 1);
	assert_int_equal(lab->closed, 1);
	assert_string_equal(hear(lab, fd), "");
	assert_int_equal(access(lab->path, F_OK), -1);
	close(fd);
}

static void a_watch_lasts_as_long_as_the_connection(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	say(lab, fd, "{\"id\":1,\"method\":\"watch\"}\n");
	assert_hears(lab, fd, "\"id\":1");
	assert_int_equal(lab->closed, 0);
	close(fd);
	run_until(lab, &lab->closed, 1);

	fd = dial(lab);
	say(lab, fd, "{\"id\":1,\"method\":\"watch\"}\n{\"id\":2,\"method\":\"hold\"}\n");
	assert_hears(lab, fd, "\"id\":1");
	control_unwatch(&lab->watch);
	control_unwatch(&lab->watch);
	close(fd);
	run_until(lab, &lab->cancelled, 1);
	assert_int_equal(lab->closed, 1);
}

static void calls_of_a_connection_are_bounded(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);

	for (int i = 0; i <= CONTROL_CALLS_MAX; i++)
		say(lab, fd, "{\"id\":1,\"method\":\"hold\"}\n");
	assert_hears(lab, fd, "\"code\":11");
	control_answer(lab->held, NULL);
	lab->held = NULL;
	assert_hears(lab, fd, "\"result\"");
	close(fd);
	run_until(lab, &lab->cancelled, CONTROL_CALLS_MAX - 1);
}

static void a_slow_reader_is_dropped(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab), n = 0;
	char *some = malloc(65536);

	assert_non_null(some);
	for (int i = 0; i < 2 * (CONTROL_UNREAD_MAX >> 20); i++)
		say(lab, fd, "{\"id\":1,\"method\":\"big\"}\n");
	for (ssize_t got = recv(fd, some, 65536, 0); got != 0 && n < 1000; n++) {
		ev_run(lab->loop, EVRUN_NOWAIT);
		got = recv(fd, some, 65536, 0);
		if (got < 0 && errno != EAGAIN)
			break;
	}
	assert_true(n < 1000);
	free(some);
	close(fd);
}

static void callers_are_bounded(void **state)
{
	int fds[CONTROL_CLIENTS_MAX], one_more;
	struct lab *lab = *state;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial(lab);
		say(lab, fds[i], "{\"id\":1,\"method\":\"echo\"}\n");
		assert_hears(lab, fds[i], "\"result\"");
	}
	one_more = dial(lab);
	assert_hears(lab, one_more, "too many callers");
	assert_string_equal(hear(lab, one_more), "");
	close(one_more);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* ---- the file ------------------------------------------------------------------------------ */

static void the_file_says_who_may_connect(void **state)
{
	struct lab *lab = *state;
	struct stat st;

	assert_int_equal(stat(lab->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	control_free(lab->control);
	assert_int_equal(control_new(lab->loop, lab->path, getgid(), &lab->control, &err), 0);
	assert_int_equal(stat(lab->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, getgid());
}

static void a_socket_in_use_is_left_alone_and_an_old_one_replaced(void **state)
{
	struct lab *lab = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct control *other = NULL;
	int fd;

	assert_int_equal(control_new(lab->loop, lab->path, (gid_t)-1, &other, &err), -EADDRINUSE);
	control_free(lab->control);
	lab->control = NULL;

	/* What a process that was killed leaves behind: bound, and closed. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", lab->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(access(lab->path, F_OK), 0);
	serve(lab);
}

/* ---- lib/netd ---------------------------------------------------------------------------------
 */

static void stop_loop(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* A server in a process of its own: the client waits for its answers. */
static pid_t serve_apart(struct lab *lab)
{
	pid_t child;
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct ev_loop *loop = lab->loop;
		ev_signal end;

		ev_loop_fork(loop);
		serve(lab);
		ev_signal_init(&end, stop_loop, SIGTERM);
		ev_signal_start(loop, &end);
		(void)!write(ready[1], "x", 1);
		ev_run(loop, 0);
		control_free(lab->control);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);

	return child;
}

static int setup_apart(void **state)
{
	*state = new_lab();

	return 0;
}

static void end_apart(pid_t child)
{
	int status;

	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static void the_client_gets_results_and_errors(void **state)
{
	struct lab *lab = *state;
	pid_t child = serve_apart(lab);
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = json_pack("{s:s}", "name", "blau");
	AUTO_JSON json_t *result = NULL, *big = NULL;

	assert_int_equal(netd_connect(lab->path, &netd, &err), 0);
	assert_string_equal(netd_path(netd), lab->path);
	assert_int_equal(netd_call(netd, "echo", params, PATIENCE_MS, &result, &err), 0);
	assert_true(json_equal(json_object_get(result, "params"), params));
	assert_int_equal(netd_call(netd, "fail", NULL, PATIENCE_MS, NULL, &err), -EAGAIN);
	assert_int_equal(err.cni, CNI_E_AGAIN);
	assert_string_equal(err.msg, "cut ??");
	assert_string_equal(err.details, "as a text may be");
	assert_int_equal(netd_call(netd, "nope", NULL, PATIENCE_MS, NULL, &err), -EINVAL);
	assert_int_equal(netd_call(netd, "big", NULL, PATIENCE_MS, &big, &err), 0);
	assert_int_equal(json_string_length(json_object_get(big, "text")), 1 << 20);
	end_apart(child);
}

static void the_client_does_not_wait_for_ever(void **state)
{
	struct lab *lab = *state;
	pid_t child = serve_apart(lab);
	AUTO(netd_closep) struct netd *netd = NULL;

	assert_int_equal(netd_connect(lab->path, &netd, &err), 0);
	assert_int_equal(netd_call(netd, "hold", NULL, 50, NULL, &err), -ETIMEDOUT);
	assert_int_equal(err.cni, CNI_E_AGAIN);
	/* The answer to that call is not taken for the answer to the next. */
	assert_int_equal(netd_call(netd, "echo", NULL, PATIENCE_MS, NULL, &err), 0);
	end_apart(child);
	assert_int_equal(netd_call(netd, "echo", NULL, PATIENCE_MS, NULL, &err), -ECONNRESET);
	assert_int_equal(err.cni, CNI_E_AGAIN);
}

static void no_netd_is_worth_a_retry(void **state)
{
	struct lab *lab = *state;
	struct netd *netd = NULL;

	assert_int_equal(netd_connect(lab->path, &netd, &err), -ENOENT);
	assert_int_equal(err.cni, CNI_E_AGAIN);
	assert_non_null(strstr(err.msg, lab->path));
	assert_non_null(strstr(err.msg, "netd does not answer at"));
	assert_null(netd);
}

static void the_client_hears_that_there_are_too_many(void **state)
{
	struct netd *all[CONTROL_CLIENTS_MAX + 1];
	struct lab *lab = *state;
	pid_t child = serve_apart(lab);

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		assert_int_equal(netd_connect(lab->path, &all[i], &err), 0);
		assert_int_equal(netd_call(all[i], "echo", NULL, PATIENCE_MS, NULL, &err), 0);
	}
	assert_int_equal(netd_connect(lab->path, &all[CONTROL_CLIENTS_MAX], &err), 0);
	assert_int_equal(netd_call(all[CONTROL_CLIENTS_MAX], "echo", NULL, PATIENCE_MS, NULL, &err),
			 -EAGAIN);
	assert_non_null(strstr(err.msg, "too many callers"));
	for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		netd_close(all[i]);
	end_apart(child);
}

#define TEST(fn)       cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_APART(fn) cmocka_unit_test_setup_teardown(fn, setup_apart, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_with_its_id),
		TEST(requests_may_come_in_any_pieces),
		TEST(what_is_no_request_is_refused),
		TEST(nesting_is_bounded),
		TEST(a_line_that_is_too_long_ends_the_connection),
		TEST(an_error_says_code_message_and_details),
		TEST(an_answer_may_come_later_and_out_of_order),
		TEST(a_connection_that_closes_cancels_its_calls),
		TEST(the_end_of_the_server_cancels_calls),
		TEST(a_watch_lasts_as_long_as_the_connection),
		TEST(calls_of_a_connection_are_bounded),
		TEST(a_slow_reader_is_dropped),
		TEST(callers_are_bounded),
		TEST(the_file_says_who_may_connect),
		TEST(a_socket_in_use_is_left_alone_and_an_old_one_replaced),
		TEST_APART(the_client_gets_results_and_errors),
		TEST_APART(the_client_does_not_wait_for_ever),
		TEST_APART(no_netd_is_worth_a_retry),
		TEST_APART(the_client_hears_that_there_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
