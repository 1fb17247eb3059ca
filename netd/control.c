/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - see control.h
 *
 * A client is closed in one place, its event handler: whatever finds out earlier
 * that it has to go, perhaps deep inside a method, marks it as broken and lets the
 * loop come back.  So a method may answer at once or later, and its call's memory
 * stays until it has returned.
 */
#include "netd/control.h"

#include <errno.h>
#include <ev.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/cni-error.h"
#include "lib/err.h"
#include "netd/local-socket.h"
#include "netd/log.h"
#include "netd/metrics.h"

#define LOG_AREA "control"

#define READ_ROOM    4096  /* bytes that are asked for at a time, at least */
#define BUFFER_KEEP  16384 /* an empty buffer that is larger is given back */
#define ACCEPT_AGAIN 1.0   /* seconds until a process without descriptors tries again */

struct buffer {
	char *b;
	size_t from, len, room; /* what counts is b[from..from + len) */
};

struct client {
	struct control *control;
	struct client *next, **at;
	ev_io io;
	int events; /* that io waits for */
	struct control_peer peer;
	struct buffer in, out;
	struct control_call *calls;
	size_t n_calls;
	struct control_watch *watches;
	bool broken; /* to be closed */
};

struct control_call {
	struct client *client;
	struct control_call *next, **at;
	const char *method;
	json_t *request;
	struct jnode root, params;
	void (*cancelled)(void *ctx, struct control_call *call);
	void *ctx;
};

struct methods {
	struct methods *next;
	const struct control_method *table;
	void *ctx;
};

struct control_counters {
	uint64_t connections, calls, failed, bad_requests, dropped, refused;
	uint64_t clients; /* now */
};

struct control {
	struct ev_loop *loop;
	char *path;
	ev_io io;
	ev_timer accept_again;
	struct methods *methods;
	struct client *clients;
	json_t *no_params;
	struct control_counters counters;
	struct log_pace slow, refused, unaccepted;
};

/* ---- buffers ------------------------------------------------------------------ */

static void buffer_clear(struct buffer *buf)
{
	free(buf->b);
	*buf = (struct buffer){ 0 };
}

static void buffer_take(struct buffer *buf, size_t n)
{
	buf->from += n;
	buf->len -= n;
	if (buf->len > 0)
		return;
	buf->from = 0;
	if (buf->room > BUFFER_KEEP)
		buffer_clear(buf);
}

/* Make room for @n bytes behind what is there.  Return: false when there is no memory. */
static bool buffer_reserve(struct buffer *buf, size_t n)
{
	size_t room = buf->room ? buf->room : READ_ROOM;
	char *b;

	if (buf->from > 0) {
		memmove(buf->b, buf->b + buf->from, buf->len);
		buf->from = 0;
	}
	if (buf->room - buf->len >= n)
		return true;
	while (room - buf->len < n)
		room *= 2;
	b = realloc(buf->b, room);
	if (!b)
		return false;
	buf->b = b;
	buf->room = room;

	return true;
}

static int buffer_append(const char *bytes, size_t n, void *data)
{
	struct buffer *buf = data;

	if (buf->room - buf->from - buf->len < n && !buffer_reserve(buf, n))
		return -1;
	memcpy(buf->b + buf->from + buf->len, bytes, n);
	buf->len += n;

	return 0;
}

/* ---- what goes out -------------------------------------------------------------- */

static void break_client(struct client *cl)
{
	cl->broken = true;
	ev_feed_event(cl->control->loop, &cl->io, EV_READ);
}

static void wait_for(struct client *cl, int events)
{
	if (cl->events == events)
		return;
	ev_io_stop(cl->control->loop, &cl->io);
	ev_io_set(&cl->io, cl->io.fd, events);
	ev_io_start(cl->control->loop, &cl->io);
	cl->events = events;
}

static void write_some(struct client *cl)
{
	ssize_t n = send(cl->io.fd, cl->out.b + cl->out.from, cl->out.len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		break_client(cl);
		return;
	}
	if (n > 0)
		buffer_take(&cl->out, (size_t)n);
	wait_for(cl, cl->out.len > 0 ? EV_READ | EV_WRITE : EV_READ);
}

/* Who does not read what it asked for is not waited for. */
static bool is_slow(struct client *cl)
{
	if (cl->out.len <= CONTROL_UNREAD_MAX)
		return false;
	cl->control->counters.dropped++;
	log_paced(&cl->control->slow, LOG_WARNING, LOG_AREA,
		  "closing on pid %d: it left %zu bytes of answers unread", cl->peer.pid,
		  cl->out.len);

	return true;
}

/* @line is taken over; NULL: there was no memory for it. */
static void send_line(struct client *cl, json_t *line)
{
	if (cl->broken) {
		json_decref(line);
		return;
	}
	if (!line || is_slow(cl) ||
	    json_dump_callback(line, buffer_append, &cl->out, JSON_COMPACT) < 0 ||
	    buffer_append("\n", 1, &cl->out) < 0)
		break_client(cl);
	else
		write_some(cl);
	json_decref(line);
}

static json_t *id_of(const json_t *request)
{
	json_t *id = json_object_get(request, "id");

	return id ? json_incref(id) : json_null();
}

static void send_error(struct client *cl, const json_t *request, const struct err *e)
{
	json_t *error = json_object();

	if (error && cni_error_put(e, error) < 0) {
		json_decref(error);
		error = NULL;
	}
	send_line(cl, json_pack("{s:o, s:o}", "id", id_of(request), "error", error));
}

/* ---- calls ---------------------------------------------------------------------- */

static void end_call(struct control_call *call)
{
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	call->client->n_calls--;
	json_decref(call->request);
	free(call);
}

void control_answer(struct control_call *call, json_t *result)
{
	send_line(call->client, json_pack("{s:o, s:o}", "id", id_of(call->request), "result",
					  result ? result : json_object()));
	end_call(call);
}

void control_fail(struct control_call *call, const struct err *e)
{
	call->client->control->counters.failed++;
	log_debug("pid %d: %s: %s", call->client->peer.pid, call->method, e->msg);
	send_error(call->client, call->request, e);
	end_call(call);
}

void control_fail_say(struct control_call *call, int code, const char *fmt, ...)
{
	char text[sizeof(((struct err *)NULL)->msg)];
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_cni(&e, code, "%s", text);
	control_fail(call, &e);
}

void control_on_cancel(struct control_call *call, void (*fn)(void *ctx, struct control_call *call),
		       void *ctx)
{
	call->cancelled = fn;
	call->ctx = ctx;
}

static void cancel_call(struct control_call *call)
{
	void (*cancelled)(void *, struct control_call *) = call->cancelled;

	call->cancelled = NULL;
	if (cancelled)
		cancelled(call->ctx, call);
	end_call(call);
}

void control_watch(struct control_call *call, struct control_watch *w)
{
	w->next = call->client->watches;
	w->at = &call->client->watches;
	if (w->next)
		w->next->at = &w->next;
	call->client->watches = w;
}

void control_unwatch(struct control_watch *w)
{
	if (!w->at)
		return;
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->at = NULL;
}

struct control_peer control_peer(const struct control_call *call)
{
	return call->client->peer;
}

/* ---- requests ------------------------------------------------------------------- */

/* Deepest nesting of brackets outside of strings; whether they match is the parser's business. */
static unsigned int depth_of(const char *line, size_t len)
{
	unsigned int depth = 0, deepest = 0;
	bool quoted = false;

	for (const char *c = line; c < line + len; c++) {
		if (*c == '\\' && quoted)
			c++;
		else if (*c == '"')
			quoted = !quoted;
		else if (!quoted && (*c == '{' || *c == '['))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!quoted && (*c == '}' || *c == ']') && depth > 0)
			depth--;
	}

	return deepest;
}

static int parse_request(const char *line, size_t len, json_t **ret, struct err *e)
{
	unsigned int depth = depth_of(line, len);
	int r;

	if (depth > CONTROL_DEPTH_MAX)
		return err_cni(e, CNI_E_DECODE, "request: nested %u deep: %d is the limit", depth,
			       CONTROL_DEPTH_MAX);
	r = jn_parse(line, len, ret, e);
	if (r < 0)
		return err_wrap(e, r, "request");
	if (!json_is_object(*ret))
		return err_cni(
			e, CNI_E_DECODE,
			"request: not an object: {\"id\": …, \"method\": …, \"params\": {…}}");

	return 0;
}

static const struct control_method *find_method(const struct control *c, const char *name,
						void **ret_ctx)
{
	for (const struct methods *m = c->methods; m; m = m->next)
		for (const struct control_method *method = m->table; method->name; method++)
			if (strcmp(method->name, name) == 0) {
				*ret_ctx = m->ctx;
				return method;
			}

	return NULL;
}

/* @request is taken over.  Return: NULL when there is no memory. */
static struct control_call *begin_call(struct client *cl, json_t *request)
{
	struct control_call *call = calloc(1, sizeof(*call));

	if (!call) {
		json_decref(request);
		return NULL;
	}
	call->client = cl;
	call->request = request;
	call->root = jn_root(request);
	if (!jn_get(&call->root, "params", &call->params))
		call->params = jn_root(cl->control->no_params);
	call->params.up = NULL; /* errors name the caller's own keys */
	call->params.key = NULL;
	call->next = cl->calls;
	call->at = &cl->calls;
	if (call->next)
		call->next->at = &call->next;
	cl->calls = call;
	cl->n_calls++;

	return call;
}

static int check_request(struct client *cl, json_t *request, const struct control_method **method,
			 void **ret_ctx, struct err *e)
{
	struct jnode root = jn_root(request), node;
	const char *name;

	if (!jn_get(&root, "method", &node))
		return err_cni(e, CNI_E_DECODE, "request: method is missing: it is a text");
	if (!json_is_string(node.json))
		return err_cni(e, CNI_E_DECODE, "request: method is not a text");
	name = json_string_value(node.json);
	if (jn_get(&root, "params", &node) && !json_is_object(node.json))
		return err_cni(e, CNI_E_DECODE, "%s: params is not an object", name);
	*method = find_method(cl->control, name, ret_ctx);
	if (!*method)
		return err_cni(e, CNI_E_ENV, "there is no method \"%s\" in netd %s", name,
			       HEDDLE_VERSION);
	if (cl->n_calls >= CONTROL_CALLS_MAX)
		return err_cni(e, CNI_E_AGAIN,
			       "%s: %d calls of this connection wait for their answers already",
			       name, CONTROL_CALLS_MAX);

	return 0;
}

static void take_request(struct client *cl, const char *line, size_t len)
{
	const struct control_method *method = NULL;
	json_t *request = NULL;
	struct control_call *call;
	void *ctx = NULL;
	struct err e;

	if (parse_request(line, len, &request, &e) < 0 ||
	    check_request(cl, request, &method, &ctx, &e) < 0) {
		cl->control->counters.bad_requests++;
		send_error(cl, request, &e);
		json_decref(request);
		return;
	}
	call = begin_call(cl, request);
	if (!call) {
		break_client(cl);
		return;
	}
	cl->control->counters.calls++;
	call->method = method->name;
	log_debug("pid %d, uid %u: %s", cl->peer.pid, cl->peer.uid, method->name);
	method->fn(ctx, call, &call->params);
}

static bool is_blank(const char *line, size_t len)
{
	return strspn(line, " \t\r") >= len;
}

/* Every line that has arrived whole. */
static void take_lines(struct client *cl)
{
	while (!cl->broken && cl->in.len > 0) {
		const char *line = cl->in.b + cl->in.from;
		char *end = memchr(line, '\n', cl->in.len);
		size_t len;

		if (!end)
			break;
		len = (size_t)(end - line);
		*end = '\0';
		if (!is_blank(line, len))
			take_request(cl, line, len);
		buffer_take(&cl->in, len + 1);
	}
}

static void refuse_length(struct client *cl)
{
	struct err e;

	cl->control->counters.bad_requests++;
	(void)err_cni(&e, CNI_E_DECODE, "request: longer than %d bytes", CONTROL_LINE_MAX);
	send_error(cl, NULL, &e);
	break_client(cl);
}

static void read_some(struct client *cl)
{
	struct buffer *in = &cl->in;
	ssize_t n;

	if (!buffer_reserve(in, READ_ROOM)) {
		break_client(cl);
		return;
	}
	n = recv(cl->io.fd, in->b + in->from + in->len, in->room - in->from - in->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		break_client(cl);
		return;
	}
	in->len += (size_t)n;
	take_lines(cl);
	if (in->len > CONTROL_LINE_MAX)
		refuse_length(cl);
}

/* ---- clients -------------------------------------------------------------------- */

static void close_client(struct client *cl)
{
	cl->broken = true;
	ev_io_stop(cl->control->loop, &cl->io); /* and what was fed */
	while (cl->calls)
		cancel_call(cl->calls);
	while (cl->watches) {
		struct control_watch *w = cl->watches;

		control_unwatch(w);
		w->closed(w);
	}
	close(cl->io.fd);
	*cl->at = cl->next;
	if (cl->next)
		cl->next->at = cl->at;
	cl->control->counters.clients--;
	buffer_clear(&cl->in);
	buffer_clear(&cl->out);
	free(cl);
}

static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *cl = io->data;

	(void)loop;
	if (!cl->broken && events & EV_WRITE)
		write_some(cl);
	if (!cl->broken && events & EV_READ)
		read_some(cl);
	if (cl->broken)
		close_client(cl);
}

static struct control_peer peer_of(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return (struct control_peer){ .uid = (uid_t)-1 };

	return (struct control_peer){ .pid = cred.pid, .uid = cred.uid };
}

static void begin_client(struct control *c, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (!cl) {
		close(fd);
		return;
	}
	cl->control = c;
	cl->peer = peer_of(fd);
	cl->events = EV_READ;
	ev_io_init(&cl->io, on_client, fd, EV_READ);
	cl->io.data = cl;
	cl->next = c->clients;
	cl->at = &c->clients;
	if (cl->next)
		cl->next->at = &cl->next;
	c->clients = cl;
	c->counters.clients++;
	c->counters.connections++;
	ev_io_start(c->loop, &cl->io);
}

static void refuse_client(struct control *c, int fd)
{
	static const char busy[] = "{\"id\":null,\"error\":{\"code\":11,\"msg\":"
				   "\"netd has too many callers already\"}}\n";

	c->counters.refused++;
	log_paced(&c->refused, LOG_WARNING, LOG_AREA,
		  "%d callers are connected: no more are let in", CONTROL_CLIENTS_MAX);
	(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* Descriptors or memory are short: a caller that stays in the queue must not keep the loop awake.
 */
static void pause_accepting(struct control *c)
{
	log_paced(&c->unaccepted, LOG_ERROR, LOG_AREA, "accept a caller: %s", strerror(errno));
	ev_io_stop(c->loop, &c->io);
	ev_timer_set(&c->accept_again, ACCEPT_AGAIN, 0);
	ev_timer_start(c->loop, &c->accept_again);
}

static void on_accept_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control *c = timer->data;

	(void)events;
	ev_io_start(loop, &c->io);
}

static void on_listener(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *c = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		pause_accepting(c);
	if (fd < 0)
		return;
	if (c->counters.clients < CONTROL_CLIENTS_MAX)
		begin_client(c, fd);
	else
		refuse_client(c, fd);
}

/* ---- the server ----------------------------------------------------------------- */

int control_new(struct ev_loop *loop, const char *path, gid_t group, struct control **ret,
		struct err *e)
{
	struct control *c = calloc(1, sizeof(*c));
	int fd = -1, r;

	if (!c)
		return err_sys(e, ENOMEM, "listen on %s", path);
	c->path = strdup(path);
	c->no_params = json_object();
	r = c->path && c->no_params ? local_socket_listen(path, group, &fd, e)
				    : err_sys(e, ENOMEM, "listen on %s", path);
	if (r < 0) {
		json_decref(c->no_params);
		free(c->path);
		free(c);
		return r;
	}
	c->loop = loop;
	ev_io_init(&c->io, on_listener, fd, EV_READ);
	c->io.data = c;
	ev_init(&c->accept_again, on_accept_again);
	c->accept_again.data = c;
	ev_io_start(loop, &c->io);
	*ret = c;

	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	ev_io_stop(c->loop, &c->io);
	ev_timer_stop(c->loop, &c->accept_again);
	unlink(c->path); /* first, so that nobody connects to what is gone */
	close(c->io.fd);
	while (c->clients)
		close_client(c->clients);
	while (c->methods) {
		struct methods *m = c->methods;

		c->methods = m->next;
		free(m);
	}
	json_decref(c->no_params);
	free(c->path);
	free(c);
}

int control_register(struct control *c, const struct control_method *methods, void *ctx,
		     struct err *e)
{
	struct methods *m = malloc(sizeof(*m));

	if (!m)
		return err_sys(e, ENOMEM, "register control methods");
	*m = (struct methods){ .next = c->methods, .table = methods, .ctx = ctx };
	c->methods = m;

	return 0;
}

#define ROW(name_, type_, member_, help_)                                                          \
	{                                                                                          \
		.name = "heddle_netd_control_" name_, .type = type_, .value = METRIC_U64,          \
		.offset = offsetof(struct control_counters, member_), .help = help_                \
	}

static const struct metric metric_table[] = {
	ROW("clients", METRIC_GAUGE, clients, "Connections to the control socket."),
	ROW("connections_total", METRIC_COUNTER, connections, "Connections that were let in."),
	ROW("refused_total", METRIC_COUNTER, refused, "Connections that were one too many."),
	ROW("calls_total", METRIC_COUNTER, calls, "Calls of a method."),
	ROW("failed_total", METRIC_COUNTER, failed, "Calls that were answered with an error."),
	ROW("bad_requests_total", METRIC_COUNTER, bad_requests, "Lines that are no request."),
	ROW("dropped_total", METRIC_COUNTER, dropped, "Connections whose answers nobody read."),
	{ NULL },
};

int control_add_metrics(struct control *c, struct metrics *m, struct err *e)
{
	return metrics_register(m, metric_table, &c->counters, e);
}
