/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model - the protocol of the blocks, small enough to be walked through
 *
 * Theory of operation
 *
 * A few nodes, one block, no ranges: a link moves the whole block, so a set of
 * links has one owner (overlay/titles.h).  A node is what it knows, what of that
 * is on its disk, which forgets it knows and in which state, what it has
 * acknowledged, who has acknowledged to it, and whom it has met.  All nodes know
 * of each other, and that A founded the block.
 *
 * There is no network.  Knowledge only grows while a process lives, so a message
 * that is late says nothing that its sender could not say now: a move in which
 * one node tells another is a message that arrives, early or late, and a message
 * that is lost is a move that is not made.  What this leaves out is a message
 * that arrives after its sender's process has ended; docs/gossip.md says why that
 * may be left out.
 *
 * What is bad: two nodes that live may both give out the block's numbers; or one
 * that may hears of something by which the block is another's.
 */
#ifndef EXPLORE_MODEL_H
#define EXPLORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define NODES_MAX 4
#define LINKS_MAX 8 /* the founding one is 0 */

/* Rules that can be left out or weakened, one at a time. */
enum rule {
	ALL_RULES,
	HEIR_BY_HASH,
	HEIR_WHO_SAYS_SO,
	NO_WAIT_AFTER_RESTORE,
	MEETING_OF_OWN_LINKS,
	ACK_WITHOUT_CHAINS,
	ACK_OF_SUBJECT,
	ACK_BEFORE_MEETING,
	ACK_TWICE,
	WORDS_OF_BEFORE,
	HEIR_BEFORE_READY,
	READY_BEFORE_DISK,
	RULES
};

/* How much may happen. */
struct bounds {
	uint8_t nodes, links; /* links: the founding one included */
	uint8_t deaths, crashes, reboots, restores;
	uint8_t moves;
};

enum { NO_FORGET, ISSUED, WITHDRAWN, COMPLETE };

struct link {
	uint8_t parent, by, to;
	uint8_t sequence; /* counts the links of @by, as it remembers them */
};

/* What survives a crash. */
struct disk {
	uint8_t links;		 /* bit by number */
	uint8_t acks[NODES_MAX]; /* by subject: the issuer and 1 */
	/* State by subject and issuer: 2 bits each. */
	uint8_t forgets[NODES_MAX];
};

struct node {
	struct disk disk;
	uint8_t links;		  /* those on the disk, and what is written when convenient */
	uint8_t acked[NODES_MAX]; /* by subject: who has acknowledged this node's forget */
	uint8_t met;
	bool ready, dead;
};

/* All of it is bytes, so that states are compared and hashed as such. */
struct state {
	struct node nodes[NODES_MAX];
	struct disk backup;
	uint8_t backup_of; /* node and 1 */
	struct link links[LINKS_MAX];
	uint8_t n_links;
	uint8_t deaths, crashes, reboots, restores;
	uint8_t lost; /* node and 1 that used the block, and lost it by what it heard */
};

/* One thing that happens; which of a, b, c mean something depends on the kind. */
struct move {
	uint8_t kind, a, b, c;
};

/* The first state: A has the block, and all know it. */
struct state model_start(const struct bounds *bounds);

/* Calls @found for each state that is one move away. */
typedef void (*model_found)(void *ctx, const struct state *s, struct move m);
void model_moves(const struct state *s, enum rule broken, const struct bounds *bounds,
		 model_found found, void *ctx);

/* Whether that has come, and as a sentence, what. */
bool model_is_bad(const struct state *s, const struct bounds *bounds, char *buf, unsigned int size);

/* The move as a sentence, and @before the state that it was made in. */
void model_say(const struct state *before, struct move m, char *buf, unsigned int size);

#endif
