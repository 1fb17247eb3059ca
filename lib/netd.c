/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd - see netd.h */
#include "lib/netd.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/cni-error.h"
#include "lib/err.h"
#include "lib/jnode.h"

#define ANSWER_MAX (16u << 20) /* bytes of an answer */
#define READ_ROOM  4096

struct netd {
	int fd;
	json_int_t id; /* of the last request */
	struct sockaddr_un addr;
	char *line; /* what was read of an answer */
	size_t len, room;
};

static const char *default_path(void)
{
	const char *path = getenv("HEDDLE_NETD_SOCKET");

	return path && *path ? path : NETD_SOCKET;
}

static int unreachable(const struct netd *n, int sys, struct err *e)
{
	const char *hint = sys == EACCES ? "only root and netd's control-group may ask it"
					 : "start it: systemctl start heddle-netd";

	(void)err_cni(e, CNI_E_AGAIN, "netd does not answer at %s: %s; %s", n->addr.sun_path,
		      strerror(sys), hint);
	if (e)
		e->sys = sys;

	return -sys;
}

int netd_connect(const char *path, struct netd **ret, struct err *e)
{
	AUTO(netd_closep) struct netd *n = calloc(1, sizeof(*n));

	if (!n)
		return err_sys(e, ENOMEM, "connect to netd");
	n->addr.sun_family = AF_UNIX;
	n->fd = -1;
	if (!path)
		path = default_path();
	if (snprintf(n->addr.sun_path, sizeof(n->addr.sun_path), "%s", path) >=
	    (int)sizeof(n->addr.sun_path))
		return err_sys(e, ENAMETOOLONG, "connect to netd at %s", path);
	n->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return err_sys(e, errno, "connect to netd");
	if (connect(n->fd, (struct sockaddr *)&n->addr, sizeof(n->addr)) < 0)
		return unreachable(n, errno, e);
	*ret = MOVE_PTR(n);

	return 0;
}

void netd_close(struct netd *n)
{
	if (!n)
		return;
	if (n->fd >= 0)
		close(n->fd);
	free(n->line);
	free(n);
}

void netd_closep(struct netd **n)
{
	netd_close(*n);
}

const char *netd_path(const struct netd *n)
{
	return n->addr.sun_path;
}

/* ---- a line out, a line in -------------------------------------------------------- */

static int lost(const struct netd *n, int sys, struct err *e)
{
	(void)err_cni(e, CNI_E_AGAIN, "netd at %s: %s", netd_path(n),
		      sys == ETIMEDOUT ? "no answer in time" : "it closed the connection");
	if (e)
		e->sys = sys;

	return -sys;
}

/* Return: 0, or -ETIMEDOUT. */
static int wait_for(const struct netd *n, short events, int64_t deadline)
{
	struct pollfd p = { .fd = n->fd, .events = events };
	int r;

	do {
		int64_t left = deadline - clock_ms();

		r = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);

	return r > 0 ? 0 : -ETIMEDOUT;
}

static int send_all(const struct netd *n, const char *text, size_t len, int64_t deadline,
		    struct err *e)
{
	while (len > 0) {
		ssize_t sent = send(n->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			if (wait_for(n, POLLOUT, deadline) < 0)
				return lost(n, ETIMEDOUT, e);
		} else if (sent < 0 && errno != EINTR) {
			return 0; /* it may have said why before it closed */
		} else if (sent > 0) {
			text += sent;
			len -= (size_t)sent;
		}
	}

	return 0;
}

static int read_some(struct netd *n, struct err *e)
{
	ssize_t got;

	if (n->room - n->len < READ_ROOM) {
		size_t room = n->room ? 2 * n->room : 2 * (size_t)READ_ROOM;
		char *line = room <= ANSWER_MAX ? realloc(n->line, room) : NULL;

		if (!line)
			return err_sys(e, ENOMEM, "read an answer of netd");
		n->line = line;
		n->room = room;
	}
	got = recv(n->fd, n->line + n->len, n->room - n->len, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return lost(n, ECONNRESET, e);
	n->len += (size_t)got;

	return 0;
}

/* Up to a newline; what follows it stays for the next.  Return: 0 with @ret_len set. */
static int read_line(struct netd *n, int64_t deadline, size_t *ret_len, struct err *e)
{
	size_t seen = 0;
	int r;

	for (;;) {
		const char *end = n->len > seen ? memchr(n->line + seen, '\n', n->len - seen)
						: NULL;

		if (end) {
			*ret_len = (size_t)(end - n->line);
			return 0;
		}
		seen = n->len;
		if (wait_for(n, POLLIN, deadline) < 0)
			return lost(n, ETIMEDOUT, e);
		r = read_some(n, e);
		if (r < 0)
			return r;
	}
}

static int read_answer(struct netd *n, int64_t deadline, json_t **ret, struct err *e)
{
	size_t len;
	int r = read_line(n, deadline, &len, e);

	if (r < 0)
		return r;
	r = jn_parse(n->line, len, ret, e);
	n->len -= len + 1;
	memmove(n->line, n->line + len + 1, n->len);

	return r < 0 ? err_wrap(e, -EPROTO, "answer of netd at %s", netd_path(n)) : 0;
}

/* ---- calls ------------------------------------------------------------------------- */

static int send_request(struct netd *n, const char *method, const json_t *params, int64_t deadline,
			struct err *e)
{
	AUTO_JSON json_t *request =
		json_pack("{s:I, s:s}", "id", (json_int_t)++n->id, "method", method);
	AUTO_FREE char *line = NULL;
	size_t len;

	/* jansson counts references in its values, so it wants them without const. */
	if (request && params &&
	    json_object_set(request, "params", (json_t *)(uintptr_t)params) < 0)
		return err_sys(e, ENOMEM, "ask netd for %s", method);
	line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	if (!line)
		return err_sys(e, ENOMEM, "ask netd for %s", method);
	len = strlen(line);
	line[len] = '\n'; /* its NUL is not needed any more */

	return send_all(n, line, len + 1, deadline, e);
}

/* An answer without an id is about the connection, of which this is the only call. */
static bool is_ours(const struct netd *n, const json_t *answer)
{
	const json_t *id = json_object_get(answer, "id");

	return !json_is_integer(id) || json_integer_value(id) == n->id;
}

static int take_answer(const struct netd *n, json_t *answer, json_t **ret, struct err *e)
{
	json_t *result = json_object_get(answer, "result");
	int r;

	if (result) {
		if (ret)
			*ret = json_incref(result);
		return 0;
	}
	r = cni_error_read(json_object_get(answer, "error"), e);
	if (r == -EPROTO)
		return err_say(e, EPROTO, "netd at %s answered with neither a result nor an error",
			       netd_path(n));

	return r;
}

int netd_call(struct netd *n, const char *method, const json_t *params, int timeout_ms,
	      json_t **ret, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int r = send_request(n, method, params, deadline, e);

	while (r == 0) {
		AUTO_JSON json_t *answer = NULL;

		r = read_answer(n, deadline, &answer, e);
		if (r == 0 && is_ours(n, answer))
			return take_answer(n, answer, ret, e);
	}

	return r;
}
