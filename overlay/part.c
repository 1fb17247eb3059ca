/* SPDX-License-Identifier: GPL-2.0-or-later */
/* part - a message is a sequence of parts, each with a kind and a length */
#include "overlay/part.h"

#include <errno.h>
#include <string.h>

#include <pb_decode.h>
#include <pb_encode.h>

static void put_header(uint8_t *at, uint8_t kind, size_t len)
{
	at[0] = kind;
	at[1] = (uint8_t)(len >> 8);
	at[2] = (uint8_t)len;
}

bool part_put(struct part_writer *w, uint8_t kind, const uint8_t *body, size_t len)
{
	if (len > UINT16_MAX || part_room(w) < PART_HEADER + len)
		return false;

	put_header(w->buf + w->len, kind, len);
	memcpy(w->buf + w->len + PART_HEADER, body, len);
	w->len += PART_HEADER + len;
	return true;
}

bool part_put_message(struct part_writer *w, uint8_t kind, const pb_msgdesc_t *fields,
		      const void *message)
{
	size_t room = part_room(w);
	pb_ostream_t out;

	if (room < PART_HEADER)
		return false;
	room -= PART_HEADER;
	if (room > UINT16_MAX)
		room = UINT16_MAX;

	out = pb_ostream_from_buffer(w->buf + w->len + PART_HEADER, room);
	if (!pb_encode(&out, fields, message))
		return false;

	put_header(w->buf + w->len, kind, out.bytes_written);
	w->len += PART_HEADER + out.bytes_written;
	return true;
}

int part_next(struct part_reader *r, struct part *ret)
{
	size_t left = (size_t)(r->end - r->at);
	uint16_t len;

	if (left == 0)
		return 0;
	if (left < PART_HEADER)
		return -EBADMSG;
	len = (uint16_t)(r->at[1] << 8 | r->at[2]);
	if (len > left - PART_HEADER)
		return -EBADMSG;

	*ret = (struct part){ .kind = r->at[0], .len = len, .body = r->at + PART_HEADER };
	r->at += PART_HEADER + len;
	return 1;
}

bool part_message(const struct part *p, const pb_msgdesc_t *fields, void *ret)
{
	pb_istream_t in = pb_istream_from_buffer(p->body, p->len);

	return pb_decode(&in, fields, ret);
}
