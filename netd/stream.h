/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream - the engine's messages that are too large for a datagram, over TCP
 *
 * One connection for each node that something is sent to, kept while it is used;
 * a message goes back over the connection that the other side made, once a
 * frame has said whose it is.  What goes over it is what goes over UDP: sealed
 * frames, with hellos first, so that both sides know each other even if no
 * datagram gets through.
 *
 * Whoever has connected here may send no more than hellos until one of them has
 * proved who it is.  Messages wait, as plaintext, until the other side has
 * answered the first hello and is known; they are given up without a word.
 */
#ifndef NETD_STREAM_H
#define NETD_STREAM_H

#include "netd/conn.h"
#include "overlay/frame.h"

struct stream;
struct streams;

#define STREAMS_MAX	     128 /* at a time */
#define STREAMS_OF_ADDRESS   8	 /* of them, accepted from one address */
#define STREAM_WAITING_BYTES (1024 * 1024)

struct streams_ops {
	/* As wire_seal() and wire_knock(). */
	int (*seal)(void *ctx, const struct peer *to, const uint8_t *plain, size_t len,
		    uint8_t *out);
	int (*knock)(void *ctx, uint8_t out[FRAME_MIN]);
	/*
	 * A frame, from whoever is at @from; stream_answer() and stream_heard() may
	 * be called.
	 */
	void (*frame)(void *ctx, struct stream *s, const struct node_addr *from,
		      const uint8_t *frame, size_t len);
};

/* @ops: borrowed.  Return: NULL when there is no memory. */
struct streams *streams_new(struct ev_loop *loop, uint16_t port, const struct streams_ops *ops,
			    void *ctx);
void streams_free(struct streams *all); /* NULL is none */

/* End all that are open: this node becomes another, or none.  Not inside frame(). */
void streams_close(struct streams *all);

/* Address of ours to connect from. */
void streams_set_source(struct streams *all, const struct ip_addr *from);

/* As env.h's stream(). */
void streams_send(struct streams *all, const struct peer *to, const uint8_t *plain, size_t len);

/* The node can be sealed to from now on: what waits for it goes out. */
void streams_known(struct streams *all, const struct node_id *id, const struct node_addr *addr);

/* Take over an accepted connection, inside its opened(). */
void streams_accept(struct streams *all, struct conn *c);

/*
 * The frame was genuine, and its answer is sent: what waits may follow.  @id: who
 * is at the other end, which what goes to it may use from now on; unset: it has
 * not been proved yet.
 */
void stream_heard(struct stream *s, const struct node_id *id);

/* Send a frame back. */
void stream_answer(struct stream *s, const uint8_t *frame, size_t len);

struct streams_counters {
	uint32_t open; /* now */
	uint64_t connected, connect_failed, accepted;
	uint64_t refused; /* too many */
	uint64_t messages_in, messages_out, bytes_in, bytes_out;
	uint64_t dropped; /* messages that could not be sent */
	uint64_t broken;  /* too long, or ended in the middle */
};

const struct streams_counters *streams_counters(const struct streams *all);

#endif
