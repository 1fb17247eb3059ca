/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame - one datagram on the wire: a header in the clear, the rest sealed
 *
 *	 0  1	version
 *	 1  1	kind
 *	 2  1	bytes of padding (zeros) behind the plaintext, sealed with it
 *	 3  1	0; ignored
 *	 4  4	id of the key
 *	 8 16	boot id of the sender
 *	24  8	counter of that boot, little-endian, from 1
 *	32  n	plaintext and padding, encrypted
 *	  16	tag
 *
 * XChaCha20-Poly1305 with bytes 8 to 31 as the nonce.  Its associated data are
 * the whole header, the receiver's node id and the receiver's boot id: a frame
 * opens at the one process that it was made for.
 *
 * This is the codec alone; overlay/wire.h is the protocol around it.
 *
 * Source: draft-irtf-cfrg-xchacha-03, section 2.
 */
#ifndef OVERLAY_FRAME_H
#define OVERLAY_FRAME_H

#include "overlay/env.h"

#define FRAME_VERSION  1 /* made here; one less and one more are read too */
#define FRAME_HEAD_LEN 32
#define FRAME_TAG_LEN  16
#define FRAME_KEY_LEN  32
#define FRAME_MIN      80 /* shorter plaintext is padded; a hello has just this size */
#define FRAME_MAX      (STREAM_ROOM + FRAME_OVERHEAD) /* on a stream; datagrams: DATAGRAM_MAX */
#define BOOT_ID_LEN    16

/* What a process is called on the wire: random, drawn when it starts, never stored. */
struct boot_id {
	uint8_t b[BOOT_ID_LEN];
};

enum frame_kind {
	FRAME_DATA = 1,	 /* to one boot of one node */
	FRAME_HELLO = 2, /* to whoever has the key; see wire.h */
};

struct frame_head {
	uint8_t version;
	uint8_t kind; /* enum frame_kind; others of a newer version are possible */
	uint8_t pad;
	uint32_t key_id;
	struct boot_id boot;
	uint64_t counter;
};

/* One process of one node.  Zeros for both: no one in particular. */
struct frame_end {
	struct node_id id;
	struct boot_id boot;
};

static inline bool boot_id_equal(const struct boot_id *a, const struct boot_id *b)
{
	return memcmp(a->b, b->b, BOOT_ID_LEN) == 0;
}

/* Bytes of the frame that @len bytes of plaintext become. */
static inline size_t frame_size(size_t len)
{
	size_t size = FRAME_HEAD_LEN + len + FRAME_TAG_LEN;

	return size < FRAME_MIN ? FRAME_MIN : size;
}

/**
 * frame_seal() - make a frame
 * @h:		its header; pad is computed
 * @key:	the key that @h names
 * @to:		whom it is for
 * @plain:	@len bytes; not inside @out
 * @out:	frame_size(@len) bytes
 *
 * A pair of boot and counter must never be sealed twice.
 *
 * Return: frame_size(@len).
 */
size_t frame_seal(const struct frame_head *h, const uint8_t key[FRAME_KEY_LEN],
		  const struct frame_end *to, const uint8_t *plain, size_t len, uint8_t *out);

/**
 * frame_parse() - read the header, which nothing vouches for yet
 *
 * Return: 0; -EBADMSG if @len is no length of a frame; -EPROTONOSUPPORT if its
 * version is more than one from @version (@ret->version is set).
 */
int frame_parse(const uint8_t *frame, size_t len, uint8_t version, struct frame_head *ret);

/**
 * frame_open() - check and decrypt
 * @h:		of frame_parse()
 * @self:	for whom it must have been made
 * @frame:	the same bytes that frame_parse() has read
 * @plain:	room for @len - FRAME_HEAD_LEN - FRAME_TAG_LEN bytes; zeroed on failure
 *
 * Return: bytes of plaintext without padding, or -EBADMSG: another key, another
 * receiver, or a byte that was changed.
 */
int frame_open(const struct frame_head *h, const uint8_t key[FRAME_KEY_LEN],
	       const struct frame_end *self, const uint8_t *frame, size_t len, uint8_t *plain);

#endif
