/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger-send - a ledger's entries on their way to others */
#include "overlay/ledger-send.h"

#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/outbox.h"

struct part ledger_part(const struct ledger_entry *e)
{
	return e->link ? (struct part){ .kind = PART_LINK,
					.len = e->link->len,
					.body = e->link->bytes }
		       : (struct part){ .kind = PART_FORGET,
					.len = e->forget->len,
					.body = e->forget->bytes };
}

bool ledger_put(const struct ledger_entry *e, struct part_writer *w)
{
	struct part p = ledger_part(e);

	return part_put(w, p.kind, p.body, p.len);
}

static struct part part_of(const void *self, uint32_t handle)
{
	const struct ledger *l = self;

	return ledger_part(&l->entries[handle]);
}

void ledger_sync_init(struct set_sync *s, const struct ledger *l)
{
	static const struct set_ops ops = {
		.compare = PART_COMPARE, .have = PART_HAVE, .want = PART_WANT, .part = part_of
	};

	set_sync_init(s, l->engine, &ops, &l->marks, l);
}

/* What is wanted, the chains of it, and all forgets, by which heirs may sign. */
static void mark_proofs(const struct ledger *l, ledger_wanted wanted, void *ctx, uint8_t *marks)
{
	for (uint32_t i = l->n; i-- > 0;) {
		const struct ledger_entry *e = &l->entries[i];

		marks[i] |= e->forget || wanted(ctx, i, e);
		if (marks[i] && e->link && !link_is_founding(e->link))
			marks[ledger_find(l, &e->link->of.parent)] = 1;
	}
}

void ledger_send_proofs(struct ledger *l, const struct peer *to, ledger_wanted wanted, void *ctx,
			const struct part_writer *end)
{
	struct part_reader last = { .at = end->buf, .end = end->buf + end->len };
	uint8_t *marks = calloc(l->n + 1, 1);
	struct outbox o;
	struct part p;

	if (!marks)
		return; /* as if it were lost on the way: it is asked for again */
	mark_proofs(l, wanted, ctx, marks);
	outbox_begin(&o, l->engine, to);
	for (uint32_t i = 0; i < l->n; i++) {
		if (marks[i]) {
			p = ledger_part(&l->entries[i]);
			outbox_put(&o, &p);
		}
	}
	while (part_next(&last, &p) > 0)
		outbox_put(&o, &p);
	outbox_end(&o);
	free(marks);
}
