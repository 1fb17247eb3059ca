/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire - what stands between the engine's messages and the network
 *
 * Going out, a message is sealed to one boot of its receiver.  Coming in, a
 * datagram is opened, let in once, and said to be of a node; what is not for
 * this process, or of a boot that is not known, at most causes a hello.
 *
 * A hello is a frame of FRAME_MIN bytes that everybody with the key can open:
 *
 *	 0 16	node id of the sender; its boot id is in the header
 *	16  8	cookie: echo it, and you are known here; zeros: you are known, or
 *		this is the first word
 *	24  8	echo of the cookie that you sent; zeros: none
 *
 * Two processes that do not know one another need four:
 *
 *	B  here is B				 no cookie, no echo
 *	A  here is A, echo a			 a = MAC(B, its boot, its address)
 *	B  here is B, echo b; you said a	 A knows B
 *	A  here is A; you said b		 B knows A
 *
 * A cookie is about the boot and the address that it was sent to, so its echo
 * proves that this boot lives now and receives there.  It is remembered by
 * nobody.  docs/gossip-security.md has the argument.
 *
 * Nothing here allocates, and time and randomness are arguments.
 */
#ifndef OVERLAY_WIRE_H
#define OVERLAY_WIRE_H

#include "overlay/cookie.h"
#include "overlay/keyring.h"
#include "overlay/session.h"

#define WIRE_ANSWERS_MAX 4  /* datagrams that one datagram may cause towards its sender */
#define WIRE_SEED_LEN	 48 /* boot id and cookie secret */

/* Hellos a second.  Who has the key may cause more than who shows garbage. */
#define WIRE_HELLOS	  1000 /* to frames that open */
#define WIRE_HELLOS_BLIND 50   /* to frames that do not */

enum wire_verdict {
	WIRE_MESSAGE = 1, /* plaintext of a known node, for the engine */
	WIRE_KNOWN,	  /* a hello: the node can be sent to from now on */
	WIRE_HELLO,	  /* a hello that proves nothing yet */
	WIRE_STRANGER,	  /* it opens, but its boot is not known */
	WIRE_REPLAY,	  /* seen before, or too late to tell */
	WIRE_SEALED,	  /* forged, damaged, or for another boot of this node */
	WIRE_KEY,	  /* sealed with a key that is not in the ring */
	WIRE_VERSION,	  /* more than one version away */
	WIRE_KIND,	  /* of a newer version: passed over */
	WIRE_JUNK,	  /* no frame at all */
	WIRE_VERDICTS,
};

/* What may be sent to where a datagram came from, because of it. */
struct wire_allowance {
	uint8_t datagrams;
	size_t bytes;
};

struct wire_in {
	enum wire_verdict verdict;
	struct node_id from;  /* WIRE_MESSAGE, WIRE_KNOWN */
	const uint8_t *plain; /* WIRE_MESSAGE; in the buffer that was given */
	size_t len;	      /* of @plain */
	bool proved;	      /* WIRE_MESSAGE: its source address has echoed a cookie */
	struct wire_allowance allowance;
	uint8_t hello[FRAME_MIN]; /* send this to the source address, */
	size_t hello_len;	  /* unless 0 */
};

/* A bucket that a thing of a kind takes one token from. */
struct wire_bucket {
	uint32_t tokens; /* thousandths */
	ms_t filled;
};

struct wire {
	struct frame_end self;
	uint64_t counter; /* of the last frame sealed */
	uint8_t version;  /* FRAME_VERSION; a test may speak another */
	struct cookie_jar jar;
	struct keyring *ring;	   /* borrowed */
	struct sessions *sessions; /* borrowed */
	struct wire_bucket hellos, blind_hellos;
	uint64_t count[WIRE_VERDICTS]; /* datagrams received, by verdict */
	uint64_t hellos_held;	       /* hellos not sent: the bucket was empty */
};

/**
 * wire_init() - a process that has sent nothing yet
 * @id:		this node's id
 * @seed:	random; drawn anew whenever a process starts, and whenever its memory
 *		may have been copied (a resumed or cloned machine)
 * @ring:	borrowed, may be empty; and changed while in use
 * @sessions:	borrowed, empty
 */
void wire_init(struct wire *w, const struct node_id *id, const uint8_t seed[WIRE_SEED_LEN],
	       struct keyring *ring, struct sessions *sessions);
void wire_wipe(struct wire *w);

/**
 * wire_seal() - make the datagram, or stream message, for one message
 * @to:		by id; or by address alone, when the id is zeros and a session with
 *		that address is known
 * @plain:	@len bytes
 * @out:	frame_size(@len) bytes
 *
 * Return: bytes of @out; -ENOTCONN: nobody there is known yet, send wire_knock()
 * and try again at WIRE_KNOWN; -ENOKEY: no key to seal with.
 */
int wire_seal(struct wire *w, const struct peer *to, const uint8_t *plain, size_t len,
	      uint8_t *out);

/* The first hello, to an address.  Return: its bytes, or -ENOKEY. */
int wire_knock(struct wire *w, uint8_t out[FRAME_MIN]);

/**
 * wire_receive() - take a datagram, or a stream message, apart
 * @from:	its source address, which is where answers go
 * @frame:	@len bytes, as received
 * @buf:	room for @len bytes; apart from @frame
 * @ret:	filled in whatever happens; it points into @buf
 *
 * Return: the verdict.
 */
enum wire_verdict wire_receive(struct wire *w, const struct node_addr *from, const uint8_t *frame,
			       size_t len, ms_t now, uint8_t *buf, struct wire_in *ret);

/* Whether an answer of @len bytes may go to the sender still; takes it off if so. */
bool wire_may_answer(struct wire_allowance *a, size_t len);

#endif
