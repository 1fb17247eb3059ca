/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http - calls with JSON in and out, by HTTP on a unix socket
 *
 * It serves one API whose clients are programs: each call is a POST to a path,
 * with an object as its body or none.
 *
 * Every call is answered within HTTP_DEADLINE_S, whatever its handler does: a
 * client such as dockerd waits under locks of its own.
 */
#ifndef NETD_HTTP_H
#define NETD_HTTP_H

#include <jansson.h>

struct ev_loop;
struct err;
struct http;
struct http_call;

#define HTTP_BODY_MAX	(256 * 1024) /* bytes of a request's body */
#define HTTP_CALLS_MAX	256	     /* connections at a time */
#define HTTP_DEADLINE_S 0.9

struct http_api {
	/*
	 * A call has come.  It is answered by http_answer(), now or later.
	 * @body is an object, empty if nothing was sent, and borrowed for this
	 * call of the function.
	 */
	void (*called)(void *ctx, struct http_call *call, const char *path, json_t *body);

	/* What to say when the deadline is over.  Return: owned by the caller. */
	json_t *(*late)(void *ctx, const char *path);

	/* What to say of a request that is none, with @why.  Return: owned by the caller. */
	json_t *(*refused)(void *ctx, const char *why);

	void *ctx;
};

/**
 * http_open() - serve an API
 * @loop:	borrowed
 * @fd:		a listening socket; taken over in any case
 * @api:	copied
 * @ret:	for http_close()
 *
 * Return: 0; -ENOMEM or -EIO if the server cannot be set up.
 */
int http_open(struct ev_loop *loop, int fd, const struct http_api *api, struct http **ret,
	      struct err *e);

/* Calls that are under way are not answered any more; http_answer() of them is still to come. */
void http_close(struct http *h);

/**
 * http_answer() - the end of a call
 * @call:	not to be used afterwards
 * @status:	of HTTP
 * @body:	taken over; NULL: out of memory, which is status 500
 */
void http_answer(struct http_call *call, unsigned int status, json_t *body);

#endif
