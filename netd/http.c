/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http - see http.h */
#include "netd/http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/http-loop.h"

#define IDLE_S	    60
#define HEADERS_MAX (32 * 1024)
#define CONTENT	    "application/vnd.docker.plugins.v1.2+json"

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
	struct http_loop server;
	struct ev_loop *loop;
	struct http_api api;
	struct http_call *calls;
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

static void resume(struct http_call *c)
{
	if (!c->suspended || !c->connection)
		return;
	c->suspended = false;
	http_loop_resume(&c->http->server, c->connection);
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

/* ---- start and end -------------------------------------------------------- */

int http_open(struct ev_loop *loop, int fd, const struct http_api *api, struct http **ret,
	      struct err *e)
{
	static const struct http_limits limits = { .connections = HTTP_CALLS_MAX,
						   .idle_s = IDLE_S,
						   .headers = HEADERS_MAX };
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h) {
		close(fd);
		return err_sys(e, ENOMEM, "serve HTTP");
	}
	h->loop = loop;
	h->api = *api;
	r = http_loop_start(&h->server, loop, fd, &limits, on_request, on_completed, h, e);
	if (r < 0) {
		free(h);
		return r;
	}
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
	http_loop_stop(&h->server);
	orphan_all(h);
	free(h);
}
