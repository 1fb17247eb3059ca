/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * claim - elements of our nftables sets and maps, and whose they are
 *
 * An attachment claims keys: an address to masquerade, a port to map.  Its tag
 * (owner.h) is the element's comment, so that a claim is released by its owner
 * only, and found again without a record.
 *
 *	ADD	list the keys, claim_take()
 *	CHECK	list the keys, claim_check()
 *	DEL	list the keys, claim_release(); without keys claim_sweep()
 *	GC	claim_sweep()
 *
 * Taking and releasing look at each key first and then send one transaction
 * that is bound to the generation they looked at (nft.h), so two of them never
 * mix, and none of them fails in normal use.
 *
 * Source: shared rules of docs/nftables.md, "Transactions".
 */
#ifndef CLAIM_H
#define CLAIM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/nft.h"
#include "lib/owner.h"
#include "lib/ruleset.h"

struct gc;

enum claim_state {
	CLAIM_FREE,  /* no such element */
	CLAIM_OURS,  /* it is there and may stay (or, when releasing, go) */
	CLAIM_STALE, /* it is there, left behind by an owner that is gone */
	CLAIM_OTHER, /* it is somebody else's */
};

struct claim {
	const struct nft_set *set;
	struct nft_value key;
	struct nft_value data;	/* of a map */
	unsigned int count;	/* in its tag (owner.h): wanted by ADD, as last seen by DEL */
	enum claim_state state; /* as last looked at */
};

struct claims {
	struct claim *list;
	size_t n, room;
};

/* Return: 0 or -ENOMEM. @data: NULL for a set. */
int claims_add(struct claims *c, const struct nft_set *set, const struct nft_value *key,
	       const struct nft_value *data, struct err *e);
void claims_clear(struct claims *c); /* leaves an empty list */

/* Decides by an element's comment, "" for none. */
struct claim_filter {
	bool (*match)(const char *tag, size_t len, const void *data); /* NULL: never */
	const void *data;
};

/* Elements of the attachment @owner; elements that are garbage. */
struct claim_filter claim_of(const struct owner *owner);
struct claim_filter claim_garbage(const struct gc *gc);

/*
 * Elements whose holder's host interface does not exist.  An engine that
 * crashed, or was made to forget its containers, leaves them behind; their keys
 * must not be lost until somebody runs GC.
 */
struct claim_filter claim_abandoned(void);

/**
 * claim_take() - make every key of a list ours
 * @nl:		open NETLINK_NETFILTER socket
 * @rs:		layout of the table that the sets are in; made if it is missing
 * @c:		what to claim; keys that we hold already stay as they are
 * @owner:	who claims
 * @stale:	holders other than @owner that are gone, so that their claims may
 *		be taken over
 *
 * Return: 0; -EEXIST if another holds one of the keys, and nothing was taken;
 * -EAGAIN with CNI_E_AGAIN; -EOPNOTSUPP without nftables; or another errno.
 */
int claim_take(struct nl *nl, const struct ruleset *rs, struct claims *c, const struct owner *owner,
	       struct claim_filter stale, struct err *e);

/**
 * claim_look() - see which keys of a list match a filter, and change nothing
 * @nl:		open NETLINK_NETFILTER socket
 * @c:		keys; their states are CLAIM_OURS, or CLAIM_FREE if they do not exist or
 *		do not match
 *
 * Return: how many match, or a negative errno.
 */
int claim_look(struct nl *nl, struct claims *c, struct claim_filter mine, struct err *e);

/**
 * claim_release() - delete those elements of a list that a filter matches
 * @nl:		open NETLINK_NETFILTER socket
 * @c:		keys; those that do not exist or are another's are left out
 * @mine:	what may be deleted
 *
 * Return: how many were deleted, or a negative errno.
 */
int claim_release(struct nl *nl, struct claims *c, struct claim_filter mine, struct err *e);

/**
 * claim_find() - list every element that a filter matches
 * @sets:	as claim_sweep()
 * @ret:	what was found is added to it
 *
 * Return: 0; -EAGAIN with CNI_E_AGAIN if the sets never stood still; or another errno.
 */
int claim_find(struct nl *nl, const struct nft_set *const sets[], struct claim_filter filter,
	       struct claims *ret, struct err *e);

/**
 * claim_sweep() - find and delete every element that a filter matches
 * @nl:		open NETLINK_NETFILTER socket
 * @sets:	where to look, ended by NULL; a missing set or table is empty
 * @filter:	what is to go
 *
 * Return: how many were deleted; -EAGAIN with CNI_E_AGAIN if the sets never
 * stood still; or another errno.
 */
int claim_sweep(struct nl *nl, const struct nft_set *const sets[], struct claim_filter filter,
		struct err *e);

/**
 * claim_check() - compare the kernel with a list
 * @c:		keys, each of which should be @owner's
 *
 * Return: 0; -ESTALE with CNI_E_CHECK and a line of details for each that is
 * missing or another's, or for a table that lacks rules.
 */
int claim_check(struct nl *nl, const struct ruleset *rs, struct claims *c,
		const struct owner *owner, struct err *e);

#endif
