/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease-text - what is written in a lease file, and on it
 *
 * The content is the reference's: the container ID, CR, LF, the ifname, and no
 * newline at the end.  Its early releases wrote the container ID alone; such a
 * lease is of every ifname of the container.  White space around the content
 * does not count.  A file that is empty or all NUL is torn: a write that never
 * reached the disk.
 *
 * The stamp is ours, an extended attribute: the machine ID, a space, and the
 * boot ID of the time when the address was leased.  A lease from an earlier
 * boot of this machine has no container any more.  Nothing else proves that:
 * the stamp of another machine, none, "keep" or any other word leaves a lease
 * alone for ever.
 */
#ifndef LEASE_TEXT_H
#define LEASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define LEASE_TEXT_MAX	  4096 /* bytes of a content; more is not a lease of ours */
#define LEASE_STAMP_XATTR "user.heddle.boot"
#define LEASE_STAMP_LEN	  (32 + 1 + 36)

/* An attachment of the network, in the forms that it is looked for. */
struct lease_owner {
	char text[LEASE_TEXT_MAX];
	size_t len;	       /* of the whole content */
	size_t id_len;	       /* of the container ID, which is the content of an old lease */
	uint64_t key, old_key; /* lease_key() of the two */
};

/* Return: 0, or -EINVAL with CNI_E_ENV if both together are too long for a lease. */
int lease_owner_init(struct lease_owner *o, const char *container_id, const char *ifname,
		     struct err *e);

enum lease_match {
	LEASE_OTHER, /* somebody else's */
	LEASE_OLD,   /* of the container, from before leases had an ifname */
	LEASE_OWN,
};

/* Whose @text is. */
enum lease_match lease_owner_match(const struct lease_owner *o, const char *text, size_t len);

/* The content of a lease file, taken apart. */
struct lease_text {
	const char *container_id;
	const char *ifname; /* NULL in an old lease */
	uint64_t key;
};

/**
 * lease_text_parse() - take a content apart
 * @text:	@len bytes and room for a NUL behind them; changed
 * @len:	up to LEASE_TEXT_MAX
 * @ret:	points into @text
 *
 * Return: true, or false if it is torn.
 */
bool lease_text_parse(char *text, size_t len, struct lease_text *ret);

/* A hash by which leases of one owner are found; equal texts have equal keys. */
uint64_t lease_key(const char *text, size_t len);

/* This machine and its boot; "" for what cannot be known. */
struct lease_host {
	char machine[32 + 1];
	char boot[36 + 1];
};

void lease_host_read(struct lease_host *ret);

/* The stamp for a new lease.  Return: its length, 0 if there is none to give. */
size_t lease_stamp_write(const struct lease_host *host, char buf[LEASE_STAMP_LEN + 1]);

/* Whether a stamp says: of this machine, before its present boot. */
bool lease_stamp_is_stale(const struct lease_host *host, const char *stamp, size_t len);

#endif
