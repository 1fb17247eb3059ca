/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wanted - the forwarding state that this node should have
 *
 * Theory of operation
 *
 * Each endpoint row of another node claims an FDB entry (its MAC is behind that
 * node's VTEP) and a neighbour entry for each of its addresses.  Each row that
 * says that a node is in a network claims a place in the filter of VTEPs that
 * may send to us there.  What is wanted of an entry is what the best of its
 * claims says: a live node's before a dead one's, and of two live ones the
 * lower id's, which is the same everywhere.  An entry that this node's own
 * endpoint claims best is not wanted: it is local.
 *
 * So a dead node's entries stay until its rows go, or until a live node claims
 * the address, and come back if that one goes first.
 *
 * Pure and incremental: rows and members in, differences out, each entry that is
 * touched looked at once.
 */
#ifndef OVERLAY_WANTED_H
#define OVERLAY_WANTED_H

#include "overlay/rows.h"

#define WANTED_IPS 4 /* addresses of an endpoint */

struct event;
struct wanted;

enum wanted_kind {
	WANTED_FDB,	  /* frames for @mac go to @vtep */
	WANTED_NEIGHBOUR, /* @ip is at @mac */
	WANTED_PEER,	  /* packets of the network from @vtep are let in */
	WANTED_KINDS,
};

struct wanted_entry {
	uint8_t kind; /* enum wanted_kind */
	uint8_t mac[6];
	struct network_id network;
	struct ip_addr ip;
	struct ip_addr vtep;
};

/* @was NULL: there was none; @now NULL: there is to be none. */
struct wanted_changes {
	void (*changed)(void *ctx, const struct wanted_entry *was, const struct wanted_entry *now);
	void *ctx;
};

/* Return: NULL when there is no memory. */
struct wanted *wanted_new(const struct node_id *self, struct wanted_changes changes);
void wanted_free(struct wanted *w);

/* A member is there, at an address, live or dead. */
void wanted_member(struct wanted *w, const struct node_id *id, const struct ip_addr *vtep,
		   bool live);

/* A row is there, or is another one, or is gone. */
void wanted_row(struct wanted *w, const struct network_id *network, const struct node_id *owner,
		const struct row *row, bool gone);

/* All rows of an owner in a network are gone. */
void wanted_rows_gone(struct wanted *w, const struct network_id *network,
		      const struct node_id *owner);

/* This node is in a network, ROWS_NETWORKS at most: its members are let in. */
void wanted_join(struct wanted *w, const struct network_id *network);

/* It is not any more: nothing of it is wanted. */
void wanted_leave(struct wanted *w, const struct network_id *network);

/* Events of the engine: members and rows; others are ignored. */
void wanted_event(struct wanted *w, const struct event *ev);

void wanted_each(const struct wanted *w, void (*fn)(void *ctx, const struct wanted_entry *e),
		 void *ctx);

struct wanted_counters {
	uint32_t entries[WANTED_KINDS]; /* now */
	uint32_t claims;		/* now */
	uint64_t changes;		/* told */
	uint64_t looked_at;		/* entries that something touched */
	uint64_t bad;			/* endpoint rows that say nothing sensible */
};

const struct wanted_counters *wanted_counters(const struct wanted *w);

#endif
