/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session - which boot of which node is known, and which of its frames were seen
 *
 * A table of fixed size.  One session is one node with the one boot of it that
 * was last proved to be alive.  Its frames are let in once each: those above the
 * highest seen, and within a window of SESSION_WINDOW below it.
 *
 * Windows are 136 bytes and few members talk at a time, so there are fewer
 * windows than sessions: they are lent in turn.  A session that loses its window
 * keeps its highest counter, and with a new window takes everything up to it as
 * seen: late frames are lost then, none is taken twice.
 *
 * A session that goes is learnt again only with a proof that is newer than
 * anything the session had let in (wire.h), so nothing is taken twice then either.
 */
#ifndef OVERLAY_SESSION_H
#define OVERLAY_SESSION_H

#include "overlay/frame.h"

struct err;

#define SESSION_WINDOW	  1024	     /* counters below the highest that are told apart */
#define SESSION_NONE	  UINT32_MAX /* no session */
#define SESSION_NO_WINDOW UINT16_MAX

struct session {
	struct node_id id;
	struct boot_id boot;
	uint64_t top;	  /* highest counter let in; 0: no session here */
	uint64_t address; /* keyed hash of the address that was proved */
	uint32_t next[2]; /* in the chains by boot and by id */
	uint32_t changed; /* the table's number of changes when it was last learnt */
	uint16_t window;  /* SESSION_NO_WINDOW, or its window */
	uint16_t used;	  /* when it last let a frame in: seconds, wraps */
};

struct session_window {
	uint64_t seen[SESSION_WINDOW / 64]; /* bit counter % SESSION_WINDOW */
	uint32_t session;		    /* whose, or SESSION_NONE */
};

struct sessions {
	struct session *session;
	struct session_window *window;
	uint32_t *head[2]; /* by boot, by id */
	uint32_t n, n_used;
	uint32_t free;	    /* chain of unused ones by next[0] */
	uint32_t changes;   /* how often one was learnt or forgotten */
	uint32_t forgotten; /* the number of changes when one was last forgotten */
	uint16_t n_windows;
	uint16_t next_window; /* to be lent next */
	uint8_t key[16];      /* of the hash */
};

/**
 * sessions_init() - an empty table; the only place that allocates
 * @n:		members to be known at a time
 * @n_windows:	of them, how many may have frames out of order at a time
 * @key:	random
 *
 * Return: 0, or -ENOMEM.
 */
int sessions_init(struct sessions *s, uint32_t n, uint16_t n_windows, const uint8_t key[16],
		  struct err *e);
void sessions_clear(struct sessions *s);

/* Bytes that sessions_init() allocates. */
size_t sessions_size(uint32_t n, uint16_t n_windows);

/* Return: a session, or SESSION_NONE. */
uint32_t sessions_find_boot(const struct sessions *s, const struct boot_id *boot);
uint32_t sessions_find_id(const struct sessions *s, const struct node_id *id);
/* For a seed, of which nothing but the address is known: looks at all of them. */
uint32_t sessions_find_address(const struct sessions *s, const struct node_addr *addr);

/**
 * sessions_changed() - what tells two states of knowledge of one node apart
 *
 * It is another number after the node was learnt, and after any was forgotten.
 */
uint32_t sessions_changed(const struct sessions *s, const struct node_id *id);

/**
 * sessions_learn() - @end is alive, as the frame with @counter has proved
 * @counter:	frames up to this one are refused from now on
 * @addr:	where it was proved to be
 * @now_s:	seconds
 *
 * A full table gives up the session that was silent for longest, but none that
 * let a frame in within @rest_s: whatever proof made that one may still hold.
 *
 * Return: the session, or SESSION_NONE: the table is full of busy ones, or
 * @end->boot is the boot of another node.
 */
uint32_t sessions_learn(struct sessions *s, const struct frame_end *end, uint64_t counter,
			const struct node_addr *addr, uint32_t now_s, uint32_t rest_s);

/* The node is no member any more. */
void sessions_forget(struct sessions *s, const struct node_id *id);

/* Whether a frame with @counter is new.  Nothing is changed: it may be forged. */
bool sessions_is_new(const struct sessions *s, uint32_t session, uint64_t counter);

/* The frame with @counter, which is new, has been opened. */
void sessions_mark(struct sessions *s, uint32_t session, uint64_t counter, uint32_t now_s);

/* Whether @addr is where the session was proved to be. */
bool sessions_is_at(const struct sessions *s, uint32_t session, const struct node_addr *addr);

#endif
