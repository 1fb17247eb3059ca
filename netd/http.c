/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http - see http.h */
#include "netd/http.h"

#include <errno.h>
#include <ev.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define IDLE_S	   60	       /* until a connection that says nothing is closed */
#define MEMORY_MAX (32 * 1024) /* bytes of a connection, for headers */
#define CONTENT	   "application/vnd.docker.plugins.v1.2+json"

/*
 * One request.  libmicrohttpd asks for a response only while it calls us, so an
 * answer that comes later is kept, and the connection, which was suspended, is
 * resumed.  It ends when both the connection and the handler are done with it.
 */
struct http_call {
	struct http *http; /* NULL: closed */
	struct http_call *next, **link;
	struct MHD_Connection *connection; /* NULL: the connection is gone */
	char *path;
	char *body;
	size_t len;
	bool begun;   /* the handler has been called, */
	bool handled; /* and has answered */
	bool suspended;
	unsigned int status; /* of the answer, 0: none yet */
	char *answer;
	ev_timer deadline;
};

struct http {
	struct ev_loop *loop;
	struct MHD_Daemon *daemon;
	struct http_api api;
	struct http_call *calls;
	ev_io io;
	ev_timer timer;	    /* when libmicrohttpd wants to run next */
	ev_prepare prepare; /* asks it so */
};

/* ---- calls --------------------------------------------------------------- */

static void call_free(struct http_call *c)
{
	if (c->link) {
		*c->link = c->next;
		if (c->next)
			c->next->link = c->link;
	}
	free(c->path);
	free(c->body);
	free(c->answer);
	free(c);
}

static void call_release(struct http_call *c)
{
	if (!c->connection && (c->handled || !c->begun))
		call_free(c);
}

static struct http_call *call_new(struct http *h, struct MHD_Connection *connection,
				  const char *path)
{
	struct http_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->path = strdup(path);
	if (!c->path) {
		free(c);
		return NULL;
	}
	c->http = h;
	c->connection = connection;
	c->next = h->calls;
	c->link = &h->calls;
	if (c->next)
		c->next->link = &c->next;
	h->calls = c;

	return c;
}

/* Run by an outer loop, libmicrohttpd is not woken by that: it has to be called. */
static void resume(struct http_call *c)
{
	if (!c->suspended || !c->connection)
		return;
	c->suspended = false;
	MHD_resume_connection(c->connection);
	ev_feed_event(c->http->loop, &c->http->io, EV_READ);
}

/* The first answer counts: of the handler, or of its deadline. */
static void settle(struct http_call *c, unsigned int status, json_t *body)
{
	if (c->status == 0) {
		c->answer = body ? json_dumps(body, JSON_COMPACT) : NULL;
		c->status = c->answer ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
		if (c->http)
			ev_timer_stop(c->http->loop, &c->deadline);
		resume(c);
	}
	json_decref(body);
}

void http_answer(struct http_call *c, unsigned int status, json_t *body)
{
	settle(c, status, body);
	c->handled = true;
	call_release(c);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int events)
{
	struct http_call *c = t->data;

	(void)loop;
	(void)events;
	settle(c, MHD_HTTP_OK, c->http->api.late(c->http->api.ctx, c->path));
}

/* ---- requests ------------------------------------------------------------ */

static enum MHD_Result send_answer(struct http_call *c)
{
	size_t len = c->answer ? strlen(c->answer) : 0;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, c->answer, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result sent;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, CONTENT);
	sent = MHD_queue_response(c->connection, c->status, r);
	MHD_destroy_response(r);

	return sent;
}

static enum MHD_Result refuse(struct http_call *c, unsigned int status, const char *why)
{
	settle(c, status, c->http->api.refused(c->http->api.ctx, why));

	return send_answer(c);
}

static enum MHD_Result collect(struct http_call *c, const char *data, size_t len)
{
	char *more;

	if (len > HTTP_BODY_MAX - c->len)
		return MHD_NO; /* nothing but a closed connection stops an upload */
	more = realloc(c->body, c->len + len);
	if (!more)
		return MHD_NO;
	memcpy(more + c->len, data, len);
	c->body = more;
	c->len += len;

	return MHD_YES;
}

static enum MHD_Result begin(struct http_call *c)
{
	AUTO_JSON json_t *body = NULL;
	json_error_t why;

	body = c->len > 0 ? json_loadb(c->body, c->len, JSON_REJECT_DUPLICATES, &why)
			  : json_object();
	if (!json_is_object(body))
		return refuse(c, MHD_HTTP_BAD_REQUEST, "the body is no JSON object");
	c->begun = true;
	ev_timer_init(&c->deadline, on_deadline, HTTP_DEADLINE_S, 0.);
	c->deadline.data = c;
	ev_timer_start(c->http->loop, &c->deadline);
	c->http->api.called(c->http->api.ctx, c, c->path, body);
	if (c->status != 0)
		return send_answer(c);
	c->suspended = true;
	MHD_suspend_connection(c->connection);

	return MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	struct http_call *c = *state;

	(void)version;
	if (!c) {
		*state = call_new(ctx, connection, url);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		enum MHD_Result r = collect(c, data, *len);

		*len = 0;
		return r;
	}
	if (c->status != 0)
		return send_answer(c);
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "calls are by POST");

	return begin(c);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct http_call *c = *state;

	(void)ctx;
	(void)connection;
	(void)why;
	if (!c)
		return;
	*state = NULL;
	c->connection = NULL;
	if (c->http)
		ev_timer_stop(c->http->loop, &c->deadline);
	call_release(c);
}

/* ---- the loop ------------------------------------------------------------ */

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct http *h = w->data;

	(void)loop;
	(void)events;
	MHD_run(h->daemon);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http *h = w->data;

	(void)loop;
	(void)events;
	MHD_run(h->daemon);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct http *h = w->data;
	MHD_UNSIGNED_LONG_LONG ms;

	(void)events;
	ev_timer_stop(loop, &h->timer);
	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return;
	ev_timer_set(&h->timer, (double)ms / 1000., 0.);
	ev_timer_start(loop, &h->timer);
}

static void watch(struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	ev_io_init(&h->io, on_io, info->epoll_fd, EV_READ);
	ev_timer_init(&h->timer, on_timer, 0., 0.);
	ev_prepare_init(&h->prepare, on_prepare);
	h->io.data = h->timer.data = h->prepare.data = h;
	ev_io_start(h->loop, &h->io);
	ev_prepare_start(h->loop, &h->prepare);
}

int http_open(struct ev_loop *loop, int fd, const struct http_api *api, struct http **ret,
	      struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		close(fd);
		return err_sys(e, ENOMEM, "serve HTTP");
	}
	h->loop = loop;
	h->api = *api;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
				     on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned int)HTTP_CALLS_MAX,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
				     MHD_OPTION_END);
	if (!h->daemon) {
		free(h);
		close(fd);
		return err_say(e, EIO, "serve HTTP: libmicrohttpd does not start");
	}
	watch(h);
	*ret = h;

	return 0;
}

/* Those that a handler still has outlive us. */
static void orphan_all(struct http *h)
{
	struct http_call *next;

	for (struct http_call *c = h->calls; c; c = next) {
		next = c->next;
		c->link = NULL;
		c->http = NULL;
	}
}

void http_close(struct http *h)
{
	if (!h)
		return;
	/* It ends only what is not suspended. */
	for (struct http_call *c = h->calls; c; c = c->next)
		resume(c);
	ev_io_stop(h->loop, &h->io);
	ev_timer_stop(h->loop, &h->timer);
	ev_prepare_stop(h->loop, &h->prepare);
	MHD_stop_daemon(h->daemon);
	orphan_all(h);
	free(h);
}
