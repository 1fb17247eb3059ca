/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * row-sync - make the tables of two members equal
 *
 * Theory of operation
 *
 * Every ping and ack carries 8 bytes over the roots of the networks that both
 * ends are in.  Where they differ for longer than gossip takes, the one who
 * notices sends hashes of the 16 parts of all owners, for each of these networks
 * (Compare).  Whoever gets such hashes answers with hashes of the 16 parts of
 * each part that differs, or, when it has few owners there, with their heads'
 * versions (Heads).  Whoever gets versions asks for the tables that it has older
 * (Pull), and tells the versions that the other one has older.
 *
 * What fits into a datagram goes as one.  A step is a function of the message
 * alone, so a lost one needs no repair but a repetition: who began a comparison
 * that brought nothing begins it again over a stream, and who pulled a table that
 * did not come pulls it again so.  Four to six datagrams in a row do not get
 * through a network that loses a third of them.
 *
 * A pull asks for the rows since a version.  If they do not lead to the signed
 * root, because some row was removed, the next one asks for a list of what is
 * still there, too; and if not even that leads to it, for everything.
 */
#ifndef OVERLAY_ROW_SYNC_H
#define OVERLAY_ROW_SYNC_H

#include "overlay/module.h"
#include "overlay/row-transfer.h"

#define ROW_SYNC_DUE 32 /* pulls that wait: for a gap to close by itself, or for their answer */

struct rows;
struct network;

/* A table that arrives; its rows follow its head in one message. */
struct row_incoming {
	bool active;
	struct node_id from;
	uint16_t scope;
	struct row_transfer table;
};

/* A table that is to be there by then, complete to a version, or it is asked for. */
struct row_due {
	bool active;
	bool again; /* it was asked for, and a datagram was lost: over a stream */
	uint16_t scope;
	struct node_id owner;
	uint64_t version;
	struct peer from;
	ms_t at;
};

/* A comparison that was begun by datagram, and has brought nothing yet. */
struct row_open {
	struct peer with;
	uint64_t root; /* of all that both were in when it was begun */
	ms_t at;       /* when it is begun again, over a stream; 0: none is open */
};

struct row_sync {
	struct row_incoming incoming;
	struct row_due due[ROW_SYNC_DUE];
	struct row_open open;
	bool settled;	/* the roots have been equal once */
	bool news;	/* a comparison brought some */
	bool by_stream; /* what is said now: so came the question, or datagrams have not helped */
	uint8_t equal;	/* greetings in a row that were */
	ms_t differs_since; /* 0: the last greetings were equal */
	ms_t hurry_until;   /* after a start and a member's return no difference waits for gossip */
	ms_t next, wait;
	int64_t tokens;
	ms_t filled_at;
};

void row_sync_begin(struct rows *r, ms_t now);
void row_sync_clear(struct rows *r);

size_t row_sync_greet(struct rows *r, const struct node_id *to, uint8_t *buf, size_t cap);
void row_sync_greeted(struct rows *r, const struct origin *o, const uint8_t *greeting, size_t len,
		      ms_t now);

/* A member is back, or new: what either lacks is found at once. */
void row_sync_hurry(struct rows *r, ms_t now);

/* A part of kind PART_ROW_COMPARE to PART_ROW_ITEM. */
void row_sync_receive(struct rows *r, const struct origin *o, const struct part *p, ms_t now);

/* A change of @head has a gap before it: pull it from @from, unless it closes by itself. */
void row_sync_gap(struct rows *r, const struct network *n, const struct head *head,
		  const struct peer *from, ms_t now);

/* Ask @from for what it has of @owner; what it has is told or not at all. */
void row_sync_pull(struct rows *r, const struct network *n, const struct node_id *owner,
		   const struct peer *from, ms_t now);

void row_sync_tick(struct rows *r, ms_t now);
ms_t row_sync_deadline(const struct rows *r);

#endif
