/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outbox - many parts to one member, over a stream, in messages that are not too long */
#include "overlay/outbox.h"

#include "overlay/engine.h"

void outbox_begin(struct outbox *o, struct engine *e, const struct peer *to)
{
	o->engine = e;
	o->to = to;
	o->w = (struct part_writer){ .buf = o->buf, .cap = sizeof(o->buf) };
}

void outbox_put(struct outbox *o, const struct part *p)
{
	if (part_put(&o->w, p->kind, p->body, p->len))
		return;
	outbox_end(o);
	(void)part_put(&o->w, p->kind, p->body, p->len);
}

void outbox_end(struct outbox *o)
{
	if (o->w.len > 0)
		engine_stream(o->engine, o->to, &o->w);
	o->w.len = 0;
}
