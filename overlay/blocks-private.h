/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blocks-private - what blocks.c, meeting.c and forgetting.c share */
#ifndef OVERLAY_BLOCKS_PRIVATE_H
#define OVERLAY_BLOCKS_PRIVATE_H

#include "overlay/blocks.h"
#include "overlay/ledger-send.h"

#define ASK_TRIES 32 /* owners that are asked for one thing */

/* What this node wants of a space, from one owner after the other. */
struct ask {
	bool active, exact, early;
	uint64_t number, request;
	struct node_id tried[ASK_TRIES]; /* the last one is being asked */
	unsigned int n_tried;
	ms_t next; /* when the next owner is asked; or, inactive, when a new ask may begin */
};

struct space {
	struct link_id id;
	struct span bounds;
	struct pool pool;
	struct ask ask;
};

/* Ids, sorted. */
struct id_set {
	struct node_id *v;
	uint32_t n, cap;
};

bool id_set_has(const struct id_set *s, const struct node_id *id);
int id_set_add(struct id_set *s, const struct node_id *id);

/*
 * Members' words, which count together if they were said in the same lives: of the
 * same members, each in the same generation, none of them excused since.  What
 * one who died or started again had told others may have come after their word.
 */
struct words {
	struct id_set from;
	uint64_t lives; /* words_lives() of all of them */
};

/* Which forget of a member this node has acknowledged last. */
struct forget_ack {
	struct node_id subject;
	struct link_id forget;
};

/* A forget of this node's own that waits for acknowledgements. */
struct issue {
	uint32_t handle; /* in the ledger */
	struct words acked;
	uint32_t most_members; /* that any of these knows of */
	ms_t next;	       /* when those that are missing are asked again */
};

struct blocks {
	struct engine *engine;
	struct ledger ledger;
	struct set_sync sync;
	struct space *spaces;
	uint32_t n_spaces;
	bool begun, ready;

	/* asking.c */
	struct marks answers; /* links of this node's that answered a question, by handle */

	/* meeting.c */
	struct words met;
	uint32_t meet_number, meet_from; /* a number of this process; the slot to go on from */
	uint32_t most_members;		 /* that anyone said there are */
	ms_t meet_next;

	/* forgetting.c */
	struct forget_ack *acks;
	struct issue *issues;
	uint32_t n_acks, n_issues;
};

/* This node's public key. */
const uint8_t *blocks_key(const struct blocks *b);

/* This node's view of a space that the ledger knows; NULL when it does not, or without memory. */
struct space *blocks_space(struct blocks *b, const struct link_id *id);

/**
 * blocks_take_in() - a link into the ledger, and all that follows from it
 * @l:		taken over
 * @from:	short id of who sent it, 0: this node
 *
 * Return: as ledger_add_link().
 */
int blocks_take_in(struct blocks *b, struct link *l, uint64_t from, ms_t now);

/* Sign a transfer of @run, all of it by @parent, to somebody, and take it in. */
int blocks_transfer(struct blocks *b, const struct link *parent, struct span run,
		    const struct node_id *to, uint32_t generation, uint64_t request, bool settles,
		    ms_t now, uint32_t *handle);

void blocks_pass_on(struct blocks *b, uint32_t handle, ms_t now);
void blocks_event(struct blocks *b, uint16_t kind, const struct node_id *node,
		  const struct block_event *more, ms_t now);

/* meeting.c */

/*
 * How many members there are that may own numbers or know who does: not those
 * that said good-bye or are forgotten.  @unmet: how many of them are not in @met.
 */
uint32_t meeting_count(const struct blocks *b, const struct id_set *met, uint32_t *unmet);

/* In which lives a word is said here and now: it goes along with it. */
uint64_t words_lives(const struct blocks *b);

/* Count a word that was said in these lives.  Return: whether it counts here and now. */
bool words_add(const struct blocks *b, struct words *w, const struct node_id *id, uint64_t lives);

/* Drop them all if they count no more.  Return: whether there is any. */
bool words_hold(const struct blocks *b, struct words *w);

/* Whether everyone has been met but for those whom somebody forgets. */
bool meeting_is_done(struct blocks *b);
void meeting_begin(struct blocks *b, ms_t now);
void meeting_tick(struct blocks *b, ms_t now);
void meeting_receive(struct blocks *b, const struct origin *o, const struct part *p, ms_t now);

/* forgetting.c */
void forgetting_begin(struct blocks *b, ms_t now);
void forgetting_ready(struct blocks *b, ms_t now); /* what waited for this node to be ready */
/* A link has come late, to somebody whom this node is the heir of. */
void forgetting_heard(struct blocks *b, const struct link *l, ms_t now);
void forgetting_tick(struct blocks *b, ms_t now);
ms_t forgetting_deadline(const struct blocks *b);
void forgetting_receive(struct blocks *b, const struct origin *o, const struct part *p, ms_t now);
void forgetting_restore(struct blocks *b, const struct record *r);
void forgetting_clear(struct blocks *b);

#endif
