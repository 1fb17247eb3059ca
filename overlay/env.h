/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * env - what the engine is given by whoever runs it
 *
 * The engine has no clock, socket, file or thread.  netd gives it real ones,
 * tests/sim gives it a virtual clock and a network in memory, and neither can
 * be told from the other in here.  Time comes in with every event, as `now`;
 * what the engine wants done goes out through the functions below, which never
 * call back into the engine.
 *
 * Messages are plaintext here.  Between send() and the wire, and between the
 * wire and engine_receive(), stands the frame (overlay/frame.h), which seals
 * and opens them; a simulator may leave it out and count its bytes.
 */
#ifndef OVERLAY_ENV_H
#define OVERLAY_ENV_H

#include <stddef.h>

#include "overlay/node.h"

struct err;
struct profile;
struct event;

/*
 * Milliseconds of a clock that starts at boot, runs on while the machine
 * sleeps and is never set (CLOCK_BOOTTIME).  It may jump ahead, never back.
 */
typedef uint64_t ms_t;

#define MS_NEVER UINT64_MAX /* a deadline that does not come */

#define DATAGRAM_MAX   1400 /* UDP payload of the largest datagram, frame included */
#define FRAME_OVERHEAD 64   /* what a frame may add to the plaintext; frame.c asserts it */
#define DATAGRAM_ROOM  (DATAGRAM_MAX - FRAME_OVERHEAD) /* plaintext of one datagram */
#define STREAM_ROOM    (256 * 1024) /* plaintext of one stream message; longer answers are cut */

/* What a stored record is about; together with the key it names the record. */
enum record_kind {
	RECORD_MEMBER = 1,	/* key: node id; value: signed profile */
	RECORD_ROW = 16,	/* key: network, owner; value: head and rows; rows: 16 to 31 */
	RECORD_LINK = 32,	/* key: link id; value: signed link; blocks, forgets: 32 to 47 */
	RECORD_FORGET = 33,	/* key: id of subject, generation, issuer; value: signed forget */
	RECORD_FORGET_ACK = 34, /* key: subject; value: which forget was acknowledged */
	RECORD_DEFINITION = 48, /* key: definition id; value: signed definition */
	RECORD_REMOVAL = 49,	/* key: definition id; value: signed removal */
};

/* Whether an answer depends on the record. */
enum durability {
	STORE_LAZY,    /* may be lost in a crash; on the disk after STORE_LAZY_MS at the latest */
	STORE_DURABLE, /* on the disk when store() returns 0, and all that was stored before it */
};

#define STORE_LAZY_MS 1000

struct record {
	uint16_t kind; /* enum record_kind, or one of its author's range */
	uint16_t key_len;
	uint32_t len;	      /* of @value; 0 removes the record */
	const uint8_t *key;   /* borrowed for the call */
	const uint8_t *value; /* borrowed for the call */
};

struct env_ops {
	/* Fill @buf with random bytes that nobody can guess. */
	void (*random)(void *ctx, void *buf, size_t len);

	/*
	 * Send one datagram of at most DATAGRAM_ROOM bytes.  It may be lost
	 * without a word; when the frame has no boot id of @to yet, it starts
	 * the hello and drops or holds the datagram.
	 */
	void (*send)(void *ctx, const struct peer *to, const uint8_t *plain, size_t len);

	/*
	 * Send a message of at most STREAM_ROOM bytes over a stream, in order
	 * with others to @to.  It fails without a word when @to is not there.
	 */
	void (*stream)(void *ctx, const struct peer *to, const uint8_t *plain, size_t len);

	/*
	 * Keep @r.  Return: 0, or a negative errno: nothing was kept, and with
	 * STORE_DURABLE whoever asked does not answer.
	 */
	int (*store)(void *ctx, const struct record *r, enum durability how, struct err *e);

	/* Sign with this node's Ed25519 key. */
	void (*sign)(void *ctx, const uint8_t *msg, size_t len, uint8_t sig[NODE_SIG_LEN]);

	/* Whether @sig is @key's signature of @msg.  A simulator memoises it. */
	bool (*verify)(void *ctx, const uint8_t key[NODE_KEY_LEN], const uint8_t *msg, size_t len,
		       const uint8_t sig[NODE_SIG_LEN]);

	/*
	 * Whether @admission proves that the cluster admitted @key under @name
	 * (overlay/identity.h; the cluster's signing key is known to it).
	 */
	bool (*admitted)(void *ctx, const uint8_t key[NODE_KEY_LEN], const char *name,
			 const uint8_t admission[NODE_SIG_LEN]);

	/*
	 * Profiles that are shared.  With them, thousands of engines in one
	 * process hold one copy of each, checked once; NULL for all three: the
	 * engine keeps its own.  find() gives a reference to the profile with
	 * these very bytes, or NULL; intern() takes @p over and gives a
	 * reference to the one copy of it; release() gives a reference back.
	 */
	const struct profile *(*profile_find)(void *ctx, const uint8_t *bytes, size_t len);
	const struct profile *(*profile_intern)(void *ctx, struct profile *p);
	void (*profile_release)(void *ctx, const struct profile *p);

	/* Something changed that others want to know; see overlay/event.h. */
	void (*event)(void *ctx, const struct event *ev);
};

struct env {
	const struct env_ops *ops;
	void *ctx; /* first argument of every op */
};

#endif
