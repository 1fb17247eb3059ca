/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jnode - read a JSON document with the path of each value in every error
 *
 * A node is a value together with where it stands, on the caller's stack:
 *
 *	ipam.ranges[0][1].subnet: "10.1.0.0/33" is not an IPv4 or IPv6 prefix
 *
 * Keys are matched as Go's decoder does: the exact spelling first, then
 * without regard to case, since go-cni sends "HostPort" and Podman "hostPort".
 * A JSON null counts as absent.  Unknown keys are ignored.
 */
#ifndef JNODE_H
#define JNODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;

struct jnode {
	json_t *json;		/* borrowed from the document */
	const struct jnode *up; /* the object or array it is in, NULL for the root */
	const char *key;	/* its name in an object, NULL in an array */
	size_t index;		/* its position in an array */
};

/**
 * jn_parse() - text to document
 * @text:	@len bytes, need not end in NUL
 * @len:	at most 16 MiB
 * @ret:	the document, owned by the caller
 *
 * Return: 0; -EINVAL with CNI_E_DECODE for broken UTF-8 or JSON, a duplicate
 * key, a number out of range, nesting deeper than jansson's 2048, or too long
 * a text; -ENOMEM.
 */
int jn_parse(const char *text, size_t len, json_t **ret, struct err *e);

/* A root node for @doc. */
static inline struct jnode jn_root(json_t *doc)
{
	return (struct jnode){ .json = doc };
}

/**
 * jn_bad() - report that a value breaks a rule
 * @n:		the value
 * @fmt:	what is wrong; the path and ": " are put in front of it
 *
 * Return: -EINVAL with CNI_E_CONFIG.
 */
int jn_bad(const struct jnode *n, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * jn_get() - a member of an object
 * @obj:	an object; anything else has no members
 * @key:	its name
 * @ret:	the member; @obj must outlive it
 *
 * Return: true, or false if it is absent or null.
 */
bool jn_get(const struct jnode *obj, const char *key, struct jnode *ret);

/* How many items @arr has; 0 for anything but an array. */
static inline size_t jn_count(const struct jnode *arr)
{
	return json_array_size(arr->json);
}

/* Item @i of @arr, i < jn_count(arr). */
static inline struct jnode jn_item(const struct jnode *arr, size_t i)
{
	return (struct jnode){ .json = json_array_get(arr->json, i), .up = arr, .index = i };
}

/**
 * jn_path() - where a value stands, as "ipam.ranges[0]"
 * @n:		the value
 * @buf:	room for @len bytes, always NUL-terminated; "config" for the root
 *
 * Return: @buf.
 */
const char *jn_path(const struct jnode *n, char *buf, size_t len);

/*
 * Each reads @n as one type and returns 0, or -EINVAL with the path, the value
 * and the rule.  Strings are borrowed from the document.
 */
int jn_str(const struct jnode *n, const char **ret, struct err *e);
int jn_bool(const struct jnode *n, bool *ret, struct err *e);
int jn_uint(const struct jnode *n, uint64_t min, uint64_t max, uint64_t *ret, struct err *e);
int jn_object(const struct jnode *n, struct err *e); /* checks only */
int jn_array(const struct jnode *n, struct err *e);  /* checks only */
int jn_ip(const struct jnode *n, struct ip_addr *ret, struct err *e);
int jn_ip_net(const struct jnode *n, struct ip_net *ret, struct err *e);
int jn_mac(const struct jnode *n, uint8_t ret[6], struct err *e);

/* The same of a member of @obj that need not be there: then @ret stays as it is. */
int jn_get_str(const struct jnode *obj, const char *key, const char **ret, struct err *e);
int jn_get_bool(const struct jnode *obj, const char *key, bool *ret, struct err *e);
int jn_get_uint(const struct jnode *obj, const char *key, uint64_t min, uint64_t max, uint64_t *ret,
		struct err *e);

/* What a row of a key table stores at its offset. */
enum jn_type {
	JN_BOOL,   /* bool */
	JN_STR,	   /* const char *, borrowed */
	JN_U32,	   /* uint32_t, min..max */
	JN_U64,	   /* uint64_t, min..max */
	JN_IP,	   /* struct ip_addr; "" counts as absent, as with Go's net.IP */
	JN_IP_NET, /* struct ip_net */
	JN_CALL,   /* whatever call() does with the struct */
};

struct jn_key {
	const char *name;
	enum jn_type type;
	size_t offset;	   /* in the struct that jn_read() fills */
	uint64_t min, max; /* of JN_U32 and JN_U64; max 0 means the type's own */
	int (*call)(const struct jnode *value, void *conf, struct err *e);
};

/**
 * jn_read() - read an object by a table of its keys
 * @obj:	the object
 * @keys:	rows, ended by one without a name
 * @conf:	the struct that the offsets belong to, with defaults filled in;
 *		members of absent keys keep them
 *
 * Return: 0, or what the first bad value gave.
 */
int jn_read(const struct jnode *obj, const struct jn_key *keys, void *conf, struct err *e);

#endif
