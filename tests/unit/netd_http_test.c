/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP on a unix socket: what a client may send, and what it is answered, now, later or not at all
 */
#include "netd/http.h"

#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- a server that answers as its path says -------------------------------- */

struct server {
	struct ev_loop *loop;
	struct http *http;
	struct http_call *held;
	ev_timer later;
	ev_child child;
	int status; /* of the client */
	unsigned int calls;
};

static void answer_later(struct ev_loop *loop, ev_timer *t, int events)
{
	struct server *s = t->data;

	(void)loop;
	(void)events;
	http_answer(s->held, 200, json_pack("{s:s}", "said", "later"));
	s->held = NULL;
}

static void called(void *ctx, struct http_call *call, const char *path, json_t *body)
{
	struct server *s = ctx;

	s->calls++;
	if (strcmp(path, "/now") == 0) {
		http_answer(call, 200, json_pack("{s:O}", "echo", body));
		return;
	}
	s->held = call;
	if (strcmp(path, "/never") == 0)
		return;
	ev_timer_init(&s->later, answer_later, 0.02, 0.);
	s->later.data = s;
	ev_timer_start(s->loop, &s->later);
}

static json_t *late(void *ctx, const char *path)
{
	(void)ctx;
	return json_pack("{s:s}", "late", path);
}

static json_t *refused(void *ctx, const char *why)
{
	(void)ctx;
	return json_pack("{s:s}", "refused", why);
}

/* ---- a client in a process of its own -------------------------------------- */

static int listen_at(struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path + 1, sizeof(at->sun_path) - 1, "netd-http-test-%d", getpid());
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	assert_int_equal(listen(fd, 8), 0);

	return fd;
}

/* Sends @text, and reads until @expect has come, or until the server closes if it is NULL. */
static int talk(const struct sockaddr_un *at, const char *text, size_t len, const char *expect)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char got[4096] = "";
	size_t n = 0;
	ssize_t r;

	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		return 1;
	while (len > 0 && (r = send(fd, text, len, MSG_NOSIGNAL)) > 0) {
		text += r;
		len -= (size_t)r;
	}
	if (expect && *expect == '\0')
		return 0;
	while (n < sizeof(got) - 1 && (r = read(fd, got + n, sizeof(got) - 1 - n)) > 0) {
		n += (size_t)r;
		got[n] = '\0';
		if (expect && strstr(got, expect))
			return 0;
	}
	if (!expect && n == 0)
		return 0;
	fprintf(stderr, "got: %s\n", got);

	return 1;
}

static void on_child(struct ev_loop *loop, ev_child *w, int events)
{
	struct server *s = w->data;

	(void)events;
	s->status = w->rstatus;
	ev_break(loop, EVBREAK_ALL);
}

/* Serves until a client that sends @text and wants @expect (NULL: a close) has ended. */
static struct server serve(const char *text, size_t len, const char *expect)
{
	struct server s = { .loop = ev_default_loop(0), .status = -1 };
	const struct http_api api = { called, late, refused, &s };
	struct sockaddr_un at;
	struct err e;
	int fd = listen_at(&at);
	pid_t client = fork();

	if (client == 0)
		_exit(talk(&at, text, len, expect));
	assert_int_equal(http_open(s.loop, fd, &api, &s.http, &e), 0);
	ev_child_init(&s.child, on_child, client, 0);
	s.child.data = &s;
	ev_child_start(s.loop, &s.child);
	ev_run(s.loop, 0);
	ev_child_stop(s.loop, &s.child);
	http_close(s.http);
	if (s.held)
		http_answer(s.held, 200, NULL);

	return s;
}

static struct server serve_text(const char *text, const char *expect)
{
	return serve(text, strlen(text), expect);
}

/* ---- tests ----------------------------------------------------------------- */

static void answers_now(void **state)
{
	struct server s = serve_text("POST /now HTTP/1.1\r\nHost: \r\nContent-Length: 9\r\n\r\n"
				     "{\"a\": 12}",
				     "{\"echo\":{\"a\":12}}");

	(void)state;
	assert_int_equal(s.status, 0);
	assert_int_equal(s.calls, 1);
}

static void no_body_is_an_empty_object(void **state)
{
	(void)state;
	assert_int_equal(
		serve_text("POST /now HTTP/1.1\r\nHost: x\r\n\r\n", "{\"echo\":{}}").status, 0);
}

static void answers_later(void **state)
{
	(void)state;
	assert_int_equal(serve_text("POST /later HTTP/1.1\r\nHost: x\r\n\r\n",
				    "{\"said\":\"later\"}")
				 .status,
			 0);
}

static void a_deadline_answers_for_who_does_not(void **state)
{
	struct server s =
		serve_text("POST /never HTTP/1.1\r\nHost: x\r\n\r\n", "{\"late\":\"/never\"}");

	(void)state;
	assert_int_equal(s.status, 0);
	assert_int_equal(s.calls, 1);
}

static void what_is_no_call_is_refused(void **state)
{
	static const struct {
		const char *text, *expect;
	} bad[] = {
		{ "GET /now HTTP/1.1\r\nHost: x\r\n\r\n", "405" },
		{ "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]", "\"refused\"" },
		{ "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{\"a\"", "400" },
		{ "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{\"a\":1, \"a\" : 2}",
		  "400" },
		{ "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct server s = serve_text(bad[i].text, bad[i].expect);

		assert_int_equal(s.status, 0);
		assert_int_equal(s.calls, 0);
	}
}

static void a_giant_is_cut_off(void **state)
{
	static const char head[] =
		"POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n";
	AUTO_FREE char *text = calloc(1, sizeof(head) + 400000);
	struct server s;

	(void)state;
	assert_non_null(text);
	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, ' ', 400000);
	s = serve(text, sizeof(head) - 1 + 400000, NULL);
	assert_int_equal(s.status, 0);
	assert_int_equal(s.calls, 0);
}

static void who_goes_away_harms_nobody(void **state)
{
	struct server s = serve_text("POST /never HTTP/1.1\r\nHost: x\r\n\r\n", "");

	(void)state;
	assert_int_equal(s.status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_now),
		cmocka_unit_test(no_body_is_an_empty_object),
		cmocka_unit_test(answers_later),
		cmocka_unit_test(a_deadline_answers_for_who_does_not),
		cmocka_unit_test(what_is_no_call_is_refused),
		cmocka_unit_test(a_giant_is_cut_off),
		cmocka_unit_test(who_goes_away_harms_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
