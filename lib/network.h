/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network - a network as Docker's users know it
 *
 * One struct for every network that this host has, whoever made it: ours,
 * Podman's, nerdctl's, another conflist, and the predefined three.  Pure: it is
 * read from and written to a conflist (network-conf.h), found and kept in the
 * config directory (store.h), checked by Docker's rules (network-check.h).
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/ip.h"

struct err;

#define NETWORK_ID_DIGITS 64  /* hex digits; listings show the first 12 */
#define NETWORK_NAME_MAX  128 /* a file of the cache is called NETWORK-CONTAINERID-IFNAME */

enum network_origin {
	NETWORK_OURS,	 /* has our metadata */
	NETWORK_BUILTIN, /* bridge, host, none: never on disk */
	NETWORK_PODMAN,
	NETWORK_NERDCTL,
	NETWORK_FOREIGN, /* any other conflist or conf */
};

enum network_scope { NETWORK_LOCAL, NETWORK_GLOBAL, NETWORK_SWARM };

/* "key=value", of options, labels and aux addresses. */
struct network_pair {
	char *key, *value;
};

struct network_pairs {
	struct network_pair *v; /* in the order given; keys are unique, the last value counts */
	size_t n;
};

struct network_aux {
	char *name;
	struct ip_addr addr;
};

struct network_subnet {
	struct ip_net subnet;
	struct ip_net range;	/* --ip-range; family 0: none */
	struct ip_addr gateway; /* unset: none (internal), or not chosen yet */
	struct network_aux *aux;
	size_t n_aux;
};

struct network {
	char *name;
	char id[NETWORK_ID_DIGITS + 1]; /* SHA-256 of the name, as Podman and nerdctl have it */
	enum network_origin origin;
	char *driver; /* "bridge", "macvlan", "overlay", "host", "null", or a plugin's type */
	enum network_scope scope;
	char *created; /* RFC 3339 with nanoseconds, UTC */
	bool ipv4, ipv6, internal, attachable, config_only;
	bool adopted;	   /* its bridge was there before it, and outlives it */
	char *config_from; /* NULL: none */
	struct network_subnet *subnets;
	size_t n_subnets;
	struct network_pairs options, labels;
	char *link;   /* the bridge, or the parent of a macvlan; NULL: none */
	char *file;   /* its conflist's path, NULL: not on disk */
	json_t *conf; /* that conflist, NULL: none */
};

void network_clear(struct network *net); /* leaves an empty one */

void network_subnet_clear(struct network_subnet *s);

/* A subnet with @subnet and nothing else, for the caller to complete; NULL: out of memory. */
struct network_subnet *network_add_subnet(struct network *net, const struct ip_net *subnet);
/* Return: 0 or -ENOMEM. */
int network_add_aux(struct network_subnet *s, const char *name, const struct ip_addr *addr);

/* Whether that is the name of bridge, host or none. */
bool network_is_predefined(const char *name);

/* The ID of the network called @name. */
void network_id(const char *name, char ret[NETWORK_ID_DIGITS + 1]);

/* @t as network.created has it, owned by the caller; NULL: out of memory. */
char *network_time_str(const struct timespec *t);

/* "local", "global", "swarm".  Return: 0, or -EINVAL. */
const char *network_scope_str(enum network_scope scope);
int network_scope_parse(const char *text, enum network_scope *ret);

/**
 * network_pairs_set() - add a pair, or replace the value of its key
 * @key:	copied, as is @value
 *
 * Return: 0 or -ENOMEM.
 */
int network_pairs_set(struct network_pairs *pairs, const char *key, const char *value,
		      struct err *e);
/* Return: the value of @key, or NULL. */
const char *network_pairs_get(const struct network_pairs *pairs, const char *key);
void network_pairs_clear(struct network_pairs *pairs);

#endif
