/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * part - a message is a sequence of parts, each with a kind and a length
 *
 *	 0               1               2               3
 *	+---------------+-------------------------------+----------
 *	| kind          | length, network order         | body ...
 *	+---------------+-------------------------------+----------
 *
 * Modules put their parts side by side into one datagram and never read each
 * other's.  A kind that nobody knows is skipped, so that a newer version can
 * talk to an older one; a body is a nanopb message, which skips fields that
 * it does not know for the same reason.
 */
#ifndef OVERLAY_PART_H
#define OVERLAY_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pb.h>

#define PART_HEADER 3 /* bytes before a body */

/* Every kind there is, so that no two modules take the same one. */
enum part_kind {
	/* membership: 1 to 15 */
	PART_PING = 1,
	PART_ACK = 2,
	PART_PING_REQ = 3,
	PART_NACK = 4,
	PART_CLAIM = 5, /* what is said of a member, member.proto Claim */
	PART_JOIN = 6,
	PART_WELCOME = 7,
	PART_SYNC = 8,
	PART_SYNC_REPLY = 9,
	PART_SYNC_CLAIM = 10, /* a Claim too, from a comparison of tables */
	/* rows: 16 to 31; blocks and forgets: 32 to 47 */
	PART_ROW = 16, /* a change, row.proto Change; so for the others */
	PART_ROW_COMPARE = 17,
	PART_ROW_HEADS = 18,
	PART_ROW_PULL = 19,
	PART_ROW_TABLE = 20,
	PART_ROW_ITEM = 21,
	PART_LINK = 32, /* a signed link, block.proto SignedLink; so for the others */
	PART_FORGET = 33,
	PART_FORGET_ACK = 34,
	PART_ASK = 35,
	PART_REFUSE = 36,
	PART_MEET = 37,
	PART_MET = 38,
	PART_COMPARE = 39,
	PART_HAVE = 40,
	PART_WANT = 41,
	/* definitions: 48 to 55 */
	PART_DEFINITION = 48, /* definition.proto SignedDefinition; so for the others */
	PART_REMOVAL = 49,
	PART_DEFINITION_NEWS = 50,
	PART_DEFINITION_COMPARE = 51, /* block.proto Compare; so for the next two */
	PART_DEFINITION_HAVE = 52,
	PART_DEFINITION_WANT = 53,
	PART_PROGRAMMED = 56, /* row.proto Programmed */
	PART_KINDS = 64,      /* none at or above */
};

/* Writes parts into a buffer of the caller's. */
struct part_writer {
	uint8_t *buf;
	size_t cap;
	size_t len; /* bytes written */
};

/* Reads parts from a message that may be anything. */
struct part_reader {
	const uint8_t *at;
	const uint8_t *end;
};

struct part {
	uint8_t kind;
	uint16_t len;
	const uint8_t *body; /* into the message */
};

static inline size_t part_room(const struct part_writer *w)
{
	return w->cap - w->len;
}

/**
 * part_put() - append a part whose body is there already
 *
 * Return: true, or false when it does not fit; nothing was written then.
 */
bool part_put(struct part_writer *w, uint8_t kind, const uint8_t *body, size_t len);

/**
 * part_put_message() - append a part, its body encoded by nanopb
 * @w:		where to
 * @kind:	enum part_kind
 * @fields:	Message_fields of the generated header
 * @message:	the struct
 *
 * Return: true, or false when it does not fit; nothing was written then.
 */
bool part_put_message(struct part_writer *w, uint8_t kind, const pb_msgdesc_t *fields,
		      const void *message);

/**
 * part_next() - the next part of a message
 *
 * Return: 1 and @ret, 0 at the end, -EBADMSG when a part says it is longer
 * than what is left.
 */
int part_next(struct part_reader *r, struct part *ret);

/**
 * part_message() - decode a part's body
 *
 * Return: true, or false when it is not such a message.
 */
bool part_message(const struct part *p, const pb_msgdesc_t *fields, void *ret);

#endif
