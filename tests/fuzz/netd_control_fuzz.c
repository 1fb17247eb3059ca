/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd_control_fuzz - any bytes from a caller of the control socket
 *
 * Through a real socket, in one piece or in two.  Whatever comes back is lines,
 * each of them an answer: an id, and a result or an error with a code and a
 * message.  A caller that is gone leaves nothing behind.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/control.h"
#include "netd/log.h"

#define TURNS 8 /* of the loop, for what a request of a few lines sets going */

static int held; /* calls and watches that are waiting */

static void method_echo(void *ctx, struct control_call *call, const struct jnode *params)
{
	(void)ctx;
	control_answer(call, json_pack("{s:O}", "params", params->json));
}

static void cancelled(void *ctx, struct control_call *call)
{
	(void)ctx;
	(void)call;
	held--;
}

static void method_hold(void *ctx, struct control_call *call, const struct jnode *params)
{
	(void)ctx;
	(void)params;
	held++;
	control_on_cancel(call, cancelled, NULL);
}

static void closed(struct control_watch *w)
{
	free(w);
	held--;
}

static void method_watch(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct control_watch *w = calloc(1, sizeof(*w));

	(void)ctx;
	(void)params;
	MUST(w);
	held++;
	w->closed = closed;
	control_watch(call, w);
	control_answer(call, NULL);
}

static void method_read(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct jnode value;
	struct ip_net net;
	struct err e;

	(void)ctx;
	if (jn_get(params, "net", &value) && jn_ip_net(&value, &net, &e) < 0)
		control_fail(call, &e);
	else
		control_fail_say(call, CNI_E_AGAIN, "not now");
}

static const struct control_method methods[] = {
	{ "echo", method_echo },
	{ "hold", method_hold },
	{ "watch", method_watch },
	{ "read", method_read },
	{ NULL },
};

static struct ev_loop *loop;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static char dir[] = "/tmp/heddle-fuzz-XXXXXX";

static void end(void)
{
	unlink(addr.sun_path);
	rmdir(dir);
}

static void begin(void)
{
	static struct control *control;

	if (loop)
		return;
	MUST(mkdtemp(dir));
	MUST(atexit(end) == 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/netd.sock", dir);
	loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	log_setup(LOG_ERROR, LOG_TEXT);
	MUST(control_new(loop, addr.sun_path, (gid_t)-1, &control, NULL) == 0);
	MUST(control_register(control, methods, NULL, NULL) == 0);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	MUST(fd >= 0);
	MUST(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);

	return fd;
}

static void check_answer(const char *line, size_t len)
{
	AUTO_JSON json_t *answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *error = json_object_get(answer, "error");

	MUST(json_is_object(answer));
	MUST(json_object_get(answer, "id"));
	MUST((error != NULL) != (json_object_get(answer, "result") != NULL));
	if (error) {
		MUST(json_is_integer(json_object_get(error, "code")));
		MUST(json_is_string(json_object_get(error, "msg")));
	}
}

struct answers {
	char text[1 << 20];
	size_t len;
};

/* Lets the loop run, and reads what comes back.  Return: false when the connection was closed. */
static bool turn(int fd, struct answers *a)
{
	ssize_t n;

	ev_run(loop, EVRUN_NOWAIT);
	n = recv(fd, a->text + a->len, sizeof(a->text) - a->len, 0);
	if (n > 0)
		a->len += (size_t)n;

	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void send_all(int fd, const uint8_t *data, size_t size, struct answers *a)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
		if (!turn(fd, a))
			return;
	}
}

/* Only whole lines come, as this reader is fast. */
static void check_answers(const struct answers *a)
{
	const char *line = a->text, *end = a->text + a->len;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		MUST(newline);
		check_answer(line, (size_t)(newline - line));
		line = newline + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answers a;
	size_t cut = size > 0 ? data[0] * size / 256 : 0;
	int fd;

	begin();
	fd = dial();
	a.len = 0;
	send_all(fd, data, cut, &a);
	send_all(fd, data + cut, size - cut, &a);
	for (int i = 0; i < TURNS && turn(fd, &a); i++)
		;
	check_answers(&a);
	close(fd);
	for (int i = 0; i < TURNS; i++)
		ev_run(loop, EVRUN_NOWAIT);
	MUST(held == 0);

	return 0;
}
