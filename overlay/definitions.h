/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * definitions - what the whole cluster has agreed to call something
 *
 * Theory of operation
 *
 * A definition is immutable, signed by its author, and on every node: what a
 * network is, which space the cluster's subnets come from, which frame keys are
 * in use, which tokens are revoked.  Its id is a hash of what is signed.  Any
 * member may remove any definition, which is final: the same definition does
 * not come back, one of the same name has another id.  So the table is a set of
 * ids and a set of removed ids, both of which only grow, and nodes that have
 * heard the same have the same table, whatever the order.
 *
 * Two halves of a partition may both define a name.  Of the live definitions of
 * one kind and name the older one wins, by what their authors' clocks said; of
 * two as old the one with the lower id.  That is a function of the set, so the
 * winner is the same everywhere, and the next one wins when it is removed.
 *
 * Key orders (overlay/keyring.h) have no name and their own order: the highest
 * is kept.  Revoked tokens go when the token would have expired.  Neither can be
 * removed: a removal of one is heard, and of no effect.
 *
 * What is new goes to everybody by the spread queue, large ones by name, to be
 * asked for; what that misses is found by comparing roots (set-sync.h).
 */
#ifndef OVERLAY_DEFINITIONS_H
#define OVERLAY_DEFINITIONS_H

#include "overlay/module.h"
#include "overlay/row.h"

#define DEFINITION_ID_LEN      16
#define DEFINITION_NAME_MAX    63
#define DEFINITION_BODY_MAX    8192
#define DEFINITION_REVOKED_LEN 12    /* token id, then seconds since 1970, little-endian */
#define DEFINITIONS_LIVE       4096  /* more are refused here; of others, twice as many */
#define DEFINITIONS_REMOVED    65536 /* that are remembered */

/* For how long a removal is remembered: longer than any member is away. */
#define DEFINITIONS_REMEMBER_S (90 * 24 * 3600)

/* Numbers are part of what is signed. */
enum definition_kind {
	DEFINITION_NETWORK = 1,
	DEFINITION_SPACE = 2,	  /* a shared space of numbers; body: its id, and more */
	DEFINITION_KEY_ORDER = 3, /* without a name; body: key_order_encode() */
	DEFINITION_REVOKED = 4,	  /* without a name; body: DEFINITION_REVOKED_LEN */
	DEFINITION_KINDS,	  /* none at or above */
};

struct err;
struct definitions;

struct definition_id {
	uint8_t b[DEFINITION_ID_LEN];
};

/* As told to others; what is pointed at is borrowed until the table changes. */
struct definition {
	struct definition_id id;
	uint8_t kind;			    /* enum definition_kind */
	char name[DEFINITION_NAME_MAX + 1]; /* "" where the kind has none */
	struct node_id author;
	uint64_t created; /* seconds since 1970 by its author's clock, never before what it knew */
	uint16_t body_len;
	const uint8_t *body;
	bool removed; /* only in EVENT_UNDEFINED */
	bool wins;    /* it is the one that its name stands for */
};

extern const struct module_ops definitions_ops;

/* To be plugged in by engine_attach(e, &definitions_ops, d).  Return: NULL when there is no memory.
 */
struct definitions *definitions_new(struct engine *e);
void definitions_free(struct definitions *d);

/*
 * Whose signature an order of keys has to have; before the records are restored.
 * Until it is said no order is taken.
 */
void definitions_set_cluster_key(struct definitions *d, const uint8_t key[NODE_KEY_LEN]);

/**
 * definitions_set_clock() - what time it is; at the start, and about each minute
 * @now_s:	seconds since 1970
 *
 * What has expired goes.  As long as nothing is said, nothing expires.
 */
void definitions_set_clock(struct definitions *d, uint64_t now_s, ms_t now);

/**
 * definitions_add() - define something; when this returns it is on the disk, and being told
 * @kind:	enum definition_kind
 * @name:	1 to 63 letters, digits, '_', '.' and '-', the first a letter or digit;
 *		NULL or "" where the kind has none
 * @body:	copied
 * @ret:	its id; of a network also its struct network_id (definition_network())
 *
 * Return: 0, or
 *   -EEXIST	a live definition of that kind and name is known; of a key order: one as high
 *   -EMSGSIZE	the body is too long
 *   -EINVAL	another kind, a name that is none, a body that this kind cannot have
 *   -EKEYREJECTED	the order is not signed by the cluster's key
 *   -ETIME	a revoked token that has expired already
 *   -ENOSPC	too many
 *   -ENOMEM, or the errno of storing it
 */
int definitions_add(struct definitions *d, uint8_t kind, const char *name, const uint8_t *body,
		    size_t len, struct definition_id *ret, ms_t now, struct err *e);

/**
 * definitions_remove() - for good
 *
 * Return: 0, also if it is removed already; -ENOENT: this node knows of no such
 * definition; -EPERM: a key order, which only a higher one replaces, or a revoked
 * token; -ENOMEM, or the errno of storing it.
 */
int definitions_remove(struct definitions *d, const struct definition_id *id, ms_t now,
		       struct err *e);

/* A live definition by its id; the one that a name stands for.  Return: whether there is one. */
bool definitions_find(const struct definitions *d, const struct definition_id *id,
		      struct definition *ret);
bool definitions_named(const struct definitions *d, uint8_t kind, const char *name,
		       struct definition *ret);

/* All live ones of a kind; of the start's records too, of which no event tells. */
void definitions_each(const struct definitions *d, uint8_t kind,
		      void (*fn)(void *ctx, const struct definition *of), void *ctx);

/* The same on two nodes that have the same definitions and removals. */
uint64_t definitions_root(const struct definitions *d);

struct definitions_counters {
	uint32_t live;	   /* now */
	uint32_t removed;  /* remembered now */
	uint64_t known;	   /* came again */
	uint64_t stranger; /* their author or remover was never admitted */
	uint64_t expired;  /* came too late */
	uint64_t too_much; /* beyond a bound */
	uint64_t unstored; /* store() failed */
	uint64_t asked;	   /* large ones */
};

const struct definitions_counters *definitions_counters(const struct definitions *d);

static inline bool definition_id_equal(const struct definition_id *a, const struct definition_id *b)
{
	return memcmp(a->b, b->b, DEFINITION_ID_LEN) == 0;
}

/* What rows call a network that is defined. */
static inline struct network_id definition_network(const struct definition_id *id)
{
	struct network_id n;

	_Static_assert(sizeof(n.b) == DEFINITION_ID_LEN, "one id for both");
	memcpy(n.b, id->b, sizeof(n.b));

	return n;
}

#endif
