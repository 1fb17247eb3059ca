/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event - what the engine says has changed
 *
 * One struct for every module, so that whoever runs the engine has one place
 * to listen.  Everything pointed at is borrowed for the call.
 */
#ifndef OVERLAY_EVENT_H
#define OVERLAY_EVENT_H

#include "overlay/node.h"

struct profile;

enum event_kind {
	EVENT_MEMBER_JOINED = 1, /* first heard of, or alive again after dead or left */
	EVENT_MEMBER_CHANGED,	 /* another name, address or generation, or suspect no more */
	EVENT_MEMBER_SUSPECT,	 /* does not answer; nothing is hidden yet */
	EVENT_MEMBER_DEAD,	 /* its rows are hidden from names and listings */
	EVENT_MEMBER_LEFT,	 /* said good-bye: its rows are withdrawn */
	EVENT_MEMBER_FORGOTTEN,	 /* no longer in the table */
	/* more: uint32_t: a newer generation that somebody who has this node's key runs with */
	EVENT_ID_TAKEN,
	/* rows: from 32; definitions: from 48; blocks and forgets: from 64 */
	EVENT_ROW = 32,	 /* more: struct row_event: a row is there, is another one, or is gone */
	EVENT_ROWS_GONE, /* more: struct network_id: all rows of @node there are gone */
	EVENT_ROWS_BACK, /* more: struct network_id: this node's own rows there are as they were */
	/* @node: the author; more: struct definition */
	EVENT_DEFINED = 48,	 /* a definition is there; it may lack its name from the start */
	EVENT_UNDEFINED,	 /* it was removed, has expired, or a higher key order has come */
	EVENT_NAME_LOST,	 /* one that had its name has lost it to another: the loser */
	EVENT_NAME_WON,		 /* one that lacked its name has it, as the winner went */
	EVENT_PROGRAMMED = 56,	 /* more: struct programmed_event: @node's kernel holds own rows */
	EVENT_BLOCK_GAINED = 64, /* more: struct block_event: numbers came to this node */
	EVENT_BLOCK_LOST,   /* this node's users of these numbers must go: another owner has them */
	EVENT_BLOCK_FROZEN, /* two links claim these numbers: an operator is needed */
	EVENT_BLOCK_DENIED, /* an asked-for number, or any number, cannot be had now */
	EVENT_BLOCKS_READY, /* everyone has been met: numbers are given again */
	EVENT_BLOCKS_RESTORED, /* peers hold later links of this node than it does: an old backup */
	EVENT_FORGOTTEN,       /* this node itself: it needs another identity */
	EVENT_FORGET_DONE,     /* the issuer owns what @node owned */
};

struct event {
	uint16_t kind;		       /* enum event_kind */
	struct node_id node;	       /* whom it is about */
	uint64_t from;		       /* node_id_short() of who said so, 0: we found out */
	const struct profile *profile; /* of @node, NULL when there is none */
	const void *more;	       /* what the kind's author adds, or NULL */
};

#endif
