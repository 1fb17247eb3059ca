/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage - what is attached to the networks of this host
 *
 * Docker calls an attachment an endpoint.  Nobody keeps a list of them, so it is
 * put together from what there is:
 *
 *	libcni's cache		engines' attachments and ours: names, addresses, MAC, ports
 *	leases of host-local	addresses of who does not use the cache
 *	aliases of interfaces	attachments without either, by our plugins (owner.h)
 *
 * An attachment that several of them know is one endpoint.  Nothing is changed.
 */
#ifndef USAGE_H
#define USAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/ip.h"
#include "lib/link.h"
#include "lib/owner.h"

struct command_env;
struct err;
struct network;
struct store;

#define USAGE_ID_LEN 64 /* hex digits */

enum usage_state {
	USAGE_ALIVE,   /* its namespace, or its interface on the host, is there */
	USAGE_GONE,    /* its namespace is not, nor has it an interface on the host */
	USAGE_UNKNOWN, /* only a lease tells of it */
};

struct usage_endpoint {
	char key[OWNER_KEY_LEN + 1]; /* owner.h's of network, container and interface */
	char id[USAGE_ID_LEN + 1];   /* SHA-256 of the same */
	char *network, *container_id, *ifname;
	char *name;  /* as people call the container, else its ID */
	char *netns; /* path, "" if it is not known */
	char mac[MAC_STRLEN];
	struct ip_net *ips; /* n_ips of them; a lease tells no prefix length: it is the subnet's */
	size_t n_ips;
	json_t *ports; /* portMappings, NULL: none */
	enum usage_state state;
};

struct usage {
	struct usage_endpoint **v; /* by network, name of the container, and interface */
	size_t n;
	void *by_key; /* of tsearch() */
};

/**
 * usage_load() - find what is attached
 * @s:		networks, which say where leases are
 * @network:	of this one, NULL: of all, also of those that @s has not
 * @ret:	owned by the caller, usage_clear()
 *
 * Return: 0 or a negative errno.
 */
int usage_load(const struct command_env *env, const struct store *s, const char *network,
	       struct usage *ret, struct err *e);
void usage_clear(struct usage *u);

/* How many endpoints a network has, … */
size_t usage_count(const struct usage *u, const char *network);
/* … and whether any of them is not gone. */
bool usage_is_used(const struct usage *u, const char *network);

/* "alive", "gone", "unknown". */
const char *usage_state_str(enum usage_state state);

/* ---- for the parts of it -------------------------------------------------- */

/* The endpoint of an attachment, made if there is none; NULL: no memory. */
struct usage_endpoint *usage_endpoint(struct usage *u, const char *network,
				      const char *container_id, const char *ifname);
/* The one with that key, NULL if there is none. */
struct usage_endpoint *usage_find(const struct usage *u, const char *key);
/* An address, if it is not there yet.  Return: 0 or -ENOMEM. */
int usage_add_ip(struct usage_endpoint *ep, const struct ip_net *ip);

/* What the cache says, what leases say of a network; aliases of interfaces. */
int usage_add_cache(const struct command_env *env, const char *network, struct usage *u,
		    struct err *e);
int usage_add_leases(const struct network *net, struct usage *u, struct err *e);
int usage_add_links(const char *network, struct usage *u, struct err *e);

#endif
