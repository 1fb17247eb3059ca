/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * owner - the marks by which an attachment's things are found again
 *
 * The kernel is the database: DEL, CHECK and GC have no record of their own.
 * An attachment is (network, container ID, ifname).  From a hash of it come
 * the host-side interface name and a tag; the tag is the comment of its
 * nftables elements and the alias of its links:
 *
 *	h1:<16 hex of H(network)>:<32 hex of H(network, id, ifname)> lows-network 0a1b2c3d4e5f eth0
 *
 * Programs compare the hashes only, the words after them are for people.  An
 * element that others go with may have their number between the two: "…+3 lows…".
 * H is SHA-256 over the parts, each followed by a NUL byte, cut to 8 and 16
 * bytes.  The interface name carries 65 bits: 48 would collide for 1 in 2e7 at
 * 10,000 links, 32 bits in 1 of 80.
 */
#ifndef OWNER_H
#define OWNER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWNER_TAG_SIZE	  129	   /* nft shows at most 128 characters of a comment */
#define OWNER_NET_LEN	  (3 + 16) /* "h1:" and the network's hash */
#define OWNER_KEY_LEN	  (OWNER_NET_LEN + 1 + 32)
#define OWNER_LINK_PREFIX "hv"

struct owner {
	char host_ifname[IFNAMSIZ]; /* "hv" and 13 characters of a-z2-7 */
	char tag[OWNER_TAG_SIZE];   /* as above, cut to 128 characters */
	uint32_t group; /* IFLA_GROUP of the network's links: bit 30, and 30 bits of H(network) */
};

/**
 * owner_init() - the marks of one attachment
 * @o:			filled in
 * @network:		network name
 * @container_id:	container ID
 * @ifname:		interface name in the container
 */
void owner_init(struct owner *o, const char *network, const char *container_id, const char *ifname);

/* Only @o->group and the first OWNER_NET_LEN characters of @o->tag are set: what GC compares. */
void owner_init_network(struct owner *o, const char *network);

/* Whether @tag (a comment or an alias, @len bytes, NULL for none) is of the attachment @o. */
bool owner_has(const struct owner *o, const char *tag, size_t len);

/* Whether @tag is of any attachment of @o's network. */
bool owner_has_network(const struct owner *o, const char *tag, size_t len);

/**
 * owner_link() - the host-side interface of a tag's attachment
 * @tag:	a comment or an alias, @len bytes
 * @ret:	its name, as in struct owner; whether it exists, the caller asks
 *
 * Return: true, or false if @tag is not of an attachment.
 */
bool owner_link(const char *tag, size_t len, char ret[IFNAMSIZ]);

/* @o's tag with a number of elements that go with this one. */
void owner_tag_with_count(const struct owner *o, unsigned int count, char ret[OWNER_TAG_SIZE]);
unsigned int owner_count(const char *tag); /* 0: it has none */

/**
 * owner_words() - the readable part of a tag, for messages that name an owner
 * @tag:	a comment or an alias
 *
 * Return: a pointer into @tag behind the hashes, or @tag if it is not ours.
 */
const char *owner_words(const char *tag);

#endif
