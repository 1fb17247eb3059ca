/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the server of netd's control socket
 *
 * One JSON object a line, UTF-8, both ways:
 *
 *	{"id": 7, "method": "network.create", "params": {...}}
 *	{"id": 7, "result": {...}}
 *	{"id": 7, "error": {"code": 7, "msg": "...", "details": "..."}}
 *
 * Addresses are text ("10.1.0.5/24"), MACs text, ids hex, times seconds since
 * 1970.  Several requests may be under way on a connection; answers come in any
 * order.  Codes are those of CNI (lib/err.h): 6 for what is no request, 4 for an
 * unknown method, 7 for bad params, 11 for what is worth a retry.
 *
 * The socket is for root, netd's own user and control-group, by its file's mode.
 * At level debug each call is logged with the pid and uid of who made it.
 *
 * A call lives until it is answered or its connection closes, whichever is first.
 */
#ifndef NETD_CONTROL_H
#define NETD_CONTROL_H

#include <jansson.h>
#include <sys/types.h>

#include "lib/jnode.h"

struct control;
struct control_call;
struct err;
struct ev_loop;
struct metrics;

#define CONTROL_LINE_MAX    (256 * 1024) /* bytes of a request; more closes the connection */
#define CONTROL_DEPTH_MAX   32		 /* nesting of a request */
#define CONTROL_CLIENTS_MAX 64		 /* connections at a time */
#define CONTROL_CALLS_MAX   64		 /* unanswered calls of a connection */
#define CONTROL_UNREAD_MAX                                                                         \
	(4 * 1024 * 1024) /* answers that wait for a slow reader; then closed                      \
			   */

struct control_method {
	const char *name;
	/*
	 * Answers @call now, or later: then it keeps the pointer and asks with
	 * control_on_cancel() to be told when nobody waits any more.  @params is
	 * an object, perhaps empty, and lives as long as @call.
	 */
	void (*fn)(void *ctx, struct control_call *call, const struct jnode *params);
};

/**
 * control_new() - listen
 * @path:	of the socket; one that nobody listens at any more is replaced
 * @group:	who may connect beside root and ourselves; (gid_t)-1 for nobody
 *
 * Return: 0; -EADDRINUSE: somebody listens there; other errnos of sockets.
 */
int control_new(struct ev_loop *loop, const char *path, gid_t group, struct control **ret,
		struct err *e);

/* Cancels all calls, closes, and removes the socket's file. */
void control_free(struct control *c);

/**
 * control_register() - add methods
 * @methods:	ended by one without a name; outlives @c
 * @ctx:	first argument of their functions
 */
int control_register(struct control *c, const struct control_method *methods, void *ctx,
		     struct err *e);

/* Each ends @call.  @result is taken over; NULL: an empty object, or no memory for one. */
void control_answer(struct control_call *call, json_t *result);
/* The code is @e->cni, or CNI_E_AGAIN for -EAGAIN and friends, or CNI_E_INTERNAL. */
void control_fail(struct control_call *call, const struct err *e);
void control_fail_say(struct control_call *call, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * control_on_cancel() - be told that the caller is gone before its answer
 * @fn:		called once, with @call still valid and gone afterwards; must not
 *		answer it.  NULL: no more
 */
void control_on_cancel(struct control_call *call, void (*fn)(void *ctx, struct control_call *call),
		       void *ctx);

/*
 * What lasts as long as a connection, beyond any call: a reserved address that
 * was not committed.  The caller's storage.
 */
struct control_watch {
	void (*closed)(
		struct control_watch *w); /* the connection is gone, @w is not linked any more */
	struct control_watch *next, **at; /* control.c's; at NULL: not linked */
};

void control_watch(struct control_call *call, struct control_watch *w);
void control_unwatch(struct control_watch *w); /* also one that is not linked */

/* Who called, for logs. */
struct control_peer {
	pid_t pid;
	uid_t uid;
};

struct control_peer control_peer(const struct control_call *call);

/* Return: 0 or -ENOMEM. */
int control_add_metrics(struct control *c, struct metrics *m, struct err *e);

#endif
