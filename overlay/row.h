/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * row - something that its owner, and nobody else, says of a network
 *
 * An endpoint, a service, or that the owner is in a network.  A row is named by
 * (owner, network, kind, key) and has the version of the change that made it.
 * Versions count for a node, over all its networks: its generation in the upper
 * half, a sequence of that generation in the lower one, so a version is never
 * used twice, whatever a crash made the node forget.
 *
 * The owner does not sign rows but heads: a head is what is true of all rows of
 * (owner, network) after one change, the root of their hash tree.  So whoever
 * has the rows and one head needs one signature to know that none is missing,
 * none is made up, and none that was removed is left.
 */
#ifndef OVERLAY_ROW_H
#define OVERLAY_ROW_H

#include "overlay/env.h"
#include "overlay/tree.h"

#define NETWORK_ID_LEN 16
#define ROW_KEY_MAX    64
#define ROW_VALUE_MAX  512
#define HEAD_LEN_MAX   104 /* bytes of a head, without its signature */

struct _row_Row;	/* overlay/row.proto */
struct _row_SignedHead; /* overlay/row.proto */

/* Zeros: the cluster's own network, in which every member is. */
struct network_id {
	uint8_t b[NETWORK_ID_LEN];
};

static inline bool network_id_equal(const struct network_id *a, const struct network_id *b)
{
	return memcmp(a->b, b->b, NETWORK_ID_LEN) == 0;
}

static inline bool network_id_is_set(const struct network_id *id)
{
	static const struct network_id none;

	return !network_id_equal(id, &none);
}

enum row_kind {
	ROW_PRESENCE = 1, /* in the cluster's network; key: a network that the owner is in */
	ROW_ENDPOINT = 2, /* key: the owner's; value: row.proto Endpoint, and more */
	ROW_SERVICE = 3,
	ROW_KINDS, /* none at or above */
};

/* What a row is about, and what it says. */
struct row_text {
	uint8_t kind; /* enum row_kind */
	uint8_t key_len;
	uint16_t value_len;
	const uint8_t *key;
	const uint8_t *value;
};

/* Immutable once made. */
struct row {
	struct tree_leaf leaf; /* its place is a hash of kind and key, its hash one of all of it */
	uint64_t version;
	uint16_t value_len;
	uint8_t kind;
	uint8_t key_len;
	bool removed;	 /* only in a change */
	uint8_t bytes[]; /* key, value */
};

static inline struct row_text row_text(const struct row *r)
{
	return (struct row_text){ .kind = r->kind,
				  .key_len = r->key_len,
				  .value_len = r->value_len,
				  .key = r->bytes,
				  .value = r->bytes + r->key_len };
}

/* Bytes that a row counts in its table. */
static inline size_t row_bytes(const struct row *r)
{
	return (size_t)r->key_len + r->value_len + 16;
}

/* A row of (kind, key) is at this place, whoever's it is. */
uint64_t row_place(uint8_t kind, const uint8_t *key, size_t key_len);

/**
 * row_make() - a row of its parts
 * @text:	copied
 *
 * Return: a new row for free(), or NULL: no memory, or a part out of its range.
 */
struct row *row_make(const struct row_text *text, uint64_t version, bool removed);

/* The same from a message.  @version: 0: the message says it. */
struct row *row_read(const struct _row_Row *m, uint64_t version);
void row_write(const struct row *r, bool with_version, struct _row_Row *m);

/* What an owner says of all its rows of a network. */
struct head {
	struct node_id owner;
	struct network_id network;
	uint64_t version;
	uint64_t horizon; /* complete to this or later, the change alone leads to the root */
	uint8_t change[TREE_HASH_LEN];
	uint8_t root[TREE_HASH_LEN];
};

struct signed_head {
	struct head of;
	uint64_t mark; /* of the bytes: two heads of one version are told apart */
	struct {
		uint8_t head[HEAD_LEN_MAX]; /* as signed: what is passed on */
		uint8_t signature[NODE_SIG_LEN];
		uint8_t len; /* of head */
	} bytes;
};

void head_make(const struct env *env, const struct head *of, struct signed_head *ret);

/**
 * head_read() - decode a head that came from somewhere
 *
 * Its signature is another question: what it says tells whether the answer
 * matters, and who should have signed it.
 *
 * Return: whether it is a head.
 */
bool head_read(const struct _row_SignedHead *m, struct signed_head *ret);
bool head_is_signed(const struct env *env, const struct signed_head *h,
		    const uint8_t key[NODE_KEY_LEN]);
void head_write(const struct signed_head *h, struct _row_SignedHead *m);

/* Whether @a is to replace @b: of a later version; of two of one version, the same one anywhere. */
static inline bool head_is_newer(uint64_t version_a, uint64_t mark_a, uint64_t version_b,
				 uint64_t mark_b)
{
	return version_a > version_b || (version_a == version_b && mark_a > mark_b);
}

/* A change: a head and the row that it is about. */
struct row_change {
	struct signed_head head;
	struct row *row; /* owned */
};

bool network_read(const uint8_t *bytes, size_t len, struct network_id *ret);
size_t network_write(const struct network_id *id, uint8_t *bytes);

#endif
