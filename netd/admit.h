/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit - handshakes: how this node is let in, and lets others in
 *
 * A node that has a token, or has missed a rotation of keys, asks members one
 * after the other until one lets it in (overlay/handshake.h).  It refuses to go
 * on where an address translation lies between: the overlay's packets would not
 * pass it.
 */
#ifndef NETD_ADMIT_H
#define NETD_ADMIT_H

#include "lib/err.h"
#include "netd/conn.h"
#include "overlay/handshake.h"

struct admit;
struct ev_loop;
struct self;

#define ADMIT_ADDRS_MAX 32 /* asked one after the other */

/* What has been brought home. */
struct admit_gift {
	uint8_t cluster_key[NODE_KEY_LEN];
	uint8_t admission[NODE_SIG_LEN];
	struct keyring ring;
	struct node_addr by;  /* who answered */
	struct ip_addr local; /* the address of ours that leads there */
};

struct admit_ops {
	/* Return: 0, or why @h->peer_key is not let in under @h->peer_name: enum handshake_refusal.
	 */
	int (*judge)(void *ctx, const struct handshake *h, const struct node_addr *at);
	/* Tokens that are no good any more. */
	void (*revoked)(void *ctx, struct token_revocations *ret);
	/* This node has let somebody in. */
	void (*admitted)(void *ctx, const struct handshake *h, const struct node_addr *at);
};

/* How an asking ended.  @r: 0 and more: keys of the order that are missing; else @e says why. */
typedef void admit_done(void *ctx, int r, const struct admit_gift *gift, const struct err *e);

/**
 * admit_new() - none under way
 * @self:	borrowed: who this node is, as it changes
 * @ops:	borrowed
 * @port:	where this node listens
 *
 * Return: NULL when there is no memory.
 */
struct admit *admit_new(struct ev_loop *loop, const struct self *self, uint16_t port,
			const struct admit_ops *ops, void *ctx);
void admit_free(struct admit *a); /* NULL is none; whoever asked is not told */

/* Answer who asks, over an accepted connection, inside its opened(). */
void admit_accept(struct admit *a, struct conn *c);

/**
 * admit_join(), admit_rekey() - ask, until one of @addrs lets us in
 * @name:	to be admitted under
 * @ring:	the present one, whose order is not gone back behind
 * @from:	address of ours to ask from; unset: the kernel chooses
 * @done:	called once, from the loop
 *
 * Return: 0, or -EBUSY: one is under way.
 */
int admit_join(struct admit *a, const struct token *token, const char *name,
	       const struct node_addr *addrs, size_t n, const struct ip_addr *from,
	       admit_done *done, struct err *e);
int admit_rekey(struct admit *a, const struct keyring *ring, const struct node_addr *addrs,
		size_t n, const struct ip_addr *from, admit_done *done, struct err *e);
bool admit_is_asking(const struct admit *a);
/* Ask no more; whoever asked is not told. */
void admit_cancel(struct admit *a);

struct admit_counters {
	uint64_t asked;	   /* handshakes that others began with this node */
	uint64_t admitted; /* by a token */
	uint64_t rekeyed;
	uint64_t refused[REFUSED_ELSEWHERE + 1]; /* by enum handshake_refusal */
	uint64_t busy;				 /* not answered: too many at once */
	uint64_t unfinished;
};

const struct admit_counters *admit_counters(const struct admit *a);

#endif
