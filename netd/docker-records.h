/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-records - what the Docker driver must still know after a restart
 *
 * dockerd tells a driver of a network and of an endpoint once, and not again when
 * either of them starts anew.  So each is a record in the store, an object of
 * JSON under its kind and id; there is no second copy in memory.
 */
#ifndef NETD_DOCKER_RECORDS_H
#define NETD_DOCKER_RECORDS_H

#include <jansson.h>

#include "overlay/env.h"

struct err;
struct store;

enum docker_kind {
	DOCKER_POOL = 'p',     /* id: the PoolID */
	DOCKER_ADDRESS = 'a',  /* id: "SUBNET ADDRESS" */
	DOCKER_NETWORK = 'n',  /* id: the NetworkID */
	DOCKER_ENDPOINT = 'e', /* id: the EndpointID */
};

#define DOCKER_ID_MAX 128

/* @value is taken over in any case; NULL: out of memory.  Return: 0, or as store_put(). */
int docker_record_put(struct store *s, enum docker_kind kind, const char *id, json_t *value,
		      enum durability how, struct err *e);

/* Return: 0, also if there was none; or as store_put(). */
int docker_record_drop(struct store *s, enum docker_kind kind, const char *id, struct err *e);

/* @ret is the caller's.  Return: 0; -ENOENT, which is not put into @e; -EIO: damaged. */
int docker_record_get(struct store *s, enum docker_kind kind, const char *id, json_t **ret,
		      struct err *e);

/* All of a kind; @fn must not call the store, and ends the walk with a negative value. */
int docker_record_each(struct store *s, enum docker_kind kind,
		       int (*fn)(void *ctx, const char *id, json_t *value), void *ctx,
		       struct err *e);

/* Ids of records, for who calls the store for each of them. */
struct docker_names {
	char **list; /* the kind's letter, and the id */
	size_t n, cap;
};

/* Return: 0 or -ENOMEM. */
int docker_names_add(struct docker_names *l, enum docker_kind kind, const char *id);
void docker_names_clear(struct docker_names *l);

/* All of a kind are added to @l.  Return: 0, -ENOMEM, or as docker_record_each(). */
int docker_record_names(struct store *s, enum docker_kind kind, struct docker_names *l,
			struct err *e);

#endif
