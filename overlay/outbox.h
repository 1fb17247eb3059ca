/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outbox - many parts to one member, over a stream, in messages that are not too long */
#ifndef OVERLAY_OUTBOX_H
#define OVERLAY_OUTBOX_H

#include "overlay/env.h"
#include "overlay/part.h"

#define OUTBOX_ROOM (16 * 1024) /* of one message, so that no other waits long for it */

struct engine;

struct outbox {
	struct engine *engine;
	const struct peer *to;
	struct part_writer w;
	uint8_t buf[OUTBOX_ROOM];
};

void outbox_begin(struct outbox *o, struct engine *e, const struct peer *to);

/* @p goes out, now or later; OUTBOX_ROOM is enough for it. */
void outbox_put(struct outbox *o, const struct part *p);

/* All that was put is on its way. */
void outbox_end(struct outbox *o);

#endif
