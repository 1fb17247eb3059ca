/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-private - what the files of the Docker driver share; see docker.h */
#ifndef NETD_DOCKER_PRIVATE_H
#define NETD_DOCKER_PRIVATE_H

#include <jansson.h>
#include <stdint.h>

#include "lib/jnode.h"
#include "netd/docker-collect.h"
#include "netd/pass.h"

struct daemon;
struct err;
struct http;
struct http_call;
struct nl;
struct service;

#define DOCKER_ADDRESS_SPACE "heddle"

#define DOCKER_LATER 1 /* a method's answer will come by docker_answer() or docker_fail() */

struct docker_counters {
	uint64_t calls, refused;
	uint64_t pools; /* RequestPool: dockerd asks again and again for a subnet that it has */
	uint64_t late;	/* answered by the deadline */
};

struct docker {
	struct daemon *daemon;
	struct service *service;
	struct http *http;
	struct http_call *call;	   /* that a method is being called for */
	struct nl *route, *filter; /* rtnetlink, nftables */
	int netns;		   /* of this process */
	char *path;
	struct docker_collect collect;
	struct pass pass;
	struct docker_counters count;
};

/*
 * A method.  Return: 0 with @reply, an object that becomes the caller's; DOCKER_LATER
 * if it has taken the call; or a negative errno.
 */
typedef int (*docker_fn)(struct docker *k, const struct jnode *request, json_t **reply,
			 struct err *e);

struct docker_method {
	const char *path;
	docker_fn fn;
};

extern const struct docker_method docker_ipam_methods[];
extern const struct docker_method docker_driver_methods[];

struct docker_endpoint;
struct docker_network;

/* Undo Join, of a network of either kind.  Return: 0, also if there is nothing. */
int docker_leave_network(struct docker *k, const struct docker_network *n,
			 const struct docker_endpoint *ep, struct err *e);

/* A member that has to be there. Return: 0, or -EINVAL that names it. */
int docker_need(const struct jnode *request, const char *key, struct jnode *ret, struct err *e);
/* The same of text that is not empty, borrowed from @request. */
int docker_need_text(const struct jnode *request, const char *key, const char **ret, struct err *e);
/* Text, "" if it is not there. */
int docker_text(const struct jnode *request, const char *key, const char **ret, struct err *e);

/* The call that is to be answered later, instead of by what a method returns. */
struct http_call *docker_take_call(struct docker *k);
void docker_answer(struct http_call *call, json_t *reply);
void docker_fail(struct docker *k, struct http_call *call, const char *path, const struct err *e);

/* An empty object, which is most answers.  Return: 0 or -ENOMEM. */
int docker_done(json_t **reply, struct err *e);

/* @reply of a json_pack().  Return: 0, or -ENOMEM if it is NULL. */
int docker_reply(json_t **reply, json_t *made, struct err *e);

#endif
