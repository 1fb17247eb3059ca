/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status - the control method "status": one object of a section for each module
 *
 *	{"version": "2.0.0", "pid": 311, "since": 1795345000, "ready": false, "why": "…",
 *	 "store": {...}, "cluster": {...}, "plane": {...}}
 */
#ifndef NETD_STATUS_H
#define NETD_STATUS_H

#include <jansson.h>

struct control;
struct err;
struct status;

/**
 * status_new() - answer "status"
 * @why:	a sentence why ADD cannot be served at the moment, NULL if it can
 */
int status_new(struct control *c, const char *(*why)(void *ctx), void *ctx, struct status **ret,
	       struct err *e);
void status_free(struct status *s);

/* @fn: what stands under @name, a new object; NULL leaves the section out. */
int status_register(struct status *s, const char *name, json_t *(*fn)(void *ctx), void *ctx,
		    struct err *e);

#endif
