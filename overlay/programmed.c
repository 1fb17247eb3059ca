/* SPDX-License-Identifier: GPL-2.0-or-later */
/* programmed - whose kernels hold a row */
#include "overlay/programmed.h"

#include <stdlib.h>

#include "overlay/bytes.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members.h"
#include "overlay/row.pb.h"
#include "overlay/rows.h"

#define HEARD	(ROWS_NETWORKS * (PROGRAMMED_MEMBERS - 1)) /* of all networks of few members */
#define PENDING 256 /* more in PROGRAMMED_GAP ms are lost, as if on their way */
#define ENTRY	(NETWORK_ID_LEN + 8)

/* Of somebody, in a network: whose word it is, or who is to hear it. */
struct word {
	struct network_id network;
	struct node_id node;
	uint64_t version;
};

struct programmed {
	struct engine *engine;
	struct rows *rows;
	struct word heard[HEARD], pending[PENDING];
	unsigned int n_heard, n_pending;
	ms_t next; /* nothing is sent before */
};

static struct word *find_word(const struct word *words, unsigned int n,
			      const struct network_id *network, const struct node_id *node)
{
	for (unsigned int i = 0; i < n; i++)
		if (node_id_equal(&words[i].node, node) &&
		    network_id_equal(&words[i].network, network))
			return (struct word *)(uintptr_t)&words[i];

	return NULL;
}

/* Return: how many live peers there are, 0 also in a network that is too large. */
static size_t few_peers(const struct programmed *p, const struct network_id *network,
			struct peer ret[PROGRAMMED_MEMBERS])
{
	if (rows_members(p->rows, network) > PROGRAMMED_MEMBERS)
		return 0;

	return rows_peers(p->rows, network, PROGRAMMED_MEMBERS, ret);
}

static bool is_peer(const struct programmed *p, const struct network_id *network,
		    const struct node_id *node)
{
	struct peer peers[PROGRAMMED_MEMBERS];
	size_t n = few_peers(p, network, peers);

	for (size_t i = 0; i < n; i++)
		if (node_id_equal(&peers[i].id, node))
			return true;

	return false;
}

/* ---- what this node says --------------------------------------------------- */

void programmed_say(struct programmed *p, const struct network_id *network,
		    const struct node_id *owner, uint64_t version, ms_t now)
{
	struct word *w = find_word(p->pending, p->n_pending, network, owner);

	if (!w && (p->n_pending == PENDING || !is_peer(p, network, owner)))
		return;
	if (!w) {
		w = &p->pending[p->n_pending++];
		*w = (struct word){ .network = *network, .node = *owner };
	}
	if (p->next < now)
		p->next = now;
	if (w->version < version)
		w->version = version;
}

/* As many words to one owner as fit, which are no longer pending then. */
static void take_words(struct programmed *p, const struct node_id *to, row_Programmed *m)
{
	for (unsigned int i = p->n_pending; i-- > 0;) {
		const struct word *w = &p->pending[i];

		if (!node_id_equal(&w->node, to) ||
		    m->entries.size + (size_t)ENTRY > sizeof(m->entries.bytes))
			continue;
		memcpy(m->entries.bytes + m->entries.size, w->network.b, NETWORK_ID_LEN);
		put_le64(m->entries.bytes + m->entries.size + NETWORK_ID_LEN, w->version);
		m->entries.size += ENTRY;
		p->pending[i] = p->pending[--p->n_pending];
	}
}

static void send_words(struct programmed *p, const struct node_id *to)
{
	const struct members *t = engine_members(p->engine);
	uint32_t slot = members_find(t, to);
	row_Programmed m = row_Programmed_init_zero;
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct peer peer;

	take_words(p, to, &m);
	if (slot == MEMBER_NONE ||
	    !part_put_message(&w, PART_PROGRAMMED, row_Programmed_fields, &m))
		return;
	peer = member_peer(members_at(t, slot));
	engine_send_as_is(p->engine, &peer, &w);
}

static void tick(void *self, ms_t now)
{
	struct programmed *p = self;

	if (p->n_pending == 0 || now < p->next)
		return;
	while (p->n_pending > 0) {
		const struct node_id to = p->pending[0].node;

		send_words(p, &to);
	}
	p->next = now + PROGRAMMED_GAP;
}

static ms_t deadline(const void *self)
{
	const struct programmed *p = self;

	return p->n_pending > 0 ? p->next : MS_NEVER;
}

/* ---- what others say ------------------------------------------------------- */

static void drop_words(struct programmed *p,
		       bool (*is_over)(struct programmed *p, const struct word *w, const void *ctx),
		       const void *ctx)
{
	for (unsigned int i = p->n_heard; i-- > 0;)
		if (is_over(p, &p->heard[i], ctx))
			p->heard[i] = p->heard[--p->n_heard];
}

static bool is_of_no_peer(struct programmed *p, const struct word *w, const void *ctx)
{
	(void)ctx;

	return !is_peer(p, &w->network, &w->node);
}

static bool is_of(struct programmed *p, const struct word *w, const void *node)
{
	(void)p;

	return node_id_equal(&w->node, node);
}

/* Those of all networks that this node is in have room; of others, some may be left. */
static struct word *new_word(struct programmed *p, const struct network_id *network,
			     const struct node_id *node)
{
	struct word *w;

	if (p->n_heard == HEARD)
		drop_words(p, is_of_no_peer, NULL);
	if (p->n_heard == HEARD)
		return NULL;
	w = &p->heard[p->n_heard++];
	*w = (struct word){ .network = *network, .node = *node };

	return w;
}

static void hear(struct programmed *p, const struct node_id *from, const struct network_id *network,
		 uint64_t version, ms_t now)
{
	const struct programmed_event more = { .network = *network, .version = version };
	struct word *w;

	/* Nobody holds what was not said yet. */
	if (version > rows_version(p->rows, network) || !is_peer(p, network, from))
		return;
	w = find_word(p->heard, p->n_heard, network, from);
	if (!w)
		w = new_word(p, network, from);
	if (!w || w->version >= version)
		return;
	w->version = version;
	engine_event(p->engine,
		     &(struct event){ .kind = EVENT_PROGRAMMED, .node = *from, .more = &more },
		     now);
}

static void receive(void *self, const struct origin *o, const struct part *part, ms_t now)
{
	row_Programmed m = row_Programmed_init_zero;
	struct programmed *p = self;

	if (!part_message(part, row_Programmed_fields, &m) || m.entries.size % ENTRY != 0) {
		engine_counters(p->engine)->bad_part++;
		return;
	}
	for (pb_size_t i = 0; i < m.entries.size; i += ENTRY) {
		struct network_id network;

		memcpy(network.b, m.entries.bytes + i, NETWORK_ID_LEN);
		hear(p, &o->from.id, &network, get_le64(m.entries.bytes + i + NETWORK_ID_LEN), now);
	}
}

bool programmed_by_all(const struct programmed *p, const struct network_id *network,
		       uint64_t version)
{
	struct peer peers[PROGRAMMED_MEMBERS];
	uint32_t members = rows_members(p->rows, network);
	size_t n = few_peers(p, network, peers);

	if (members == 0 || members > PROGRAMMED_MEMBERS)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct word *w = find_word(p->heard, p->n_heard, network, &peers[i].id);

		if (!w || w->version < version)
			return false;
	}

	return true;
}

/* ---- the module ------------------------------------------------------------ */

static void member(void *self, const struct event *ev, ms_t now)
{
	(void)now;
	if (ev->kind == EVENT_MEMBER_LEFT || ev->kind == EVENT_MEMBER_FORGOTTEN)
		drop_words(self, is_of, &ev->node);
}

const struct module_ops programmed_ops = {
	.name = "programmed",
	.first_kind = PART_PROGRAMMED,
	.last_kind = PART_PROGRAMMED,
	.receive = receive,
	.tick = tick,
	.deadline = deadline,
	.member = member,
};

struct programmed *programmed_new(struct engine *e, struct rows *rows)
{
	struct programmed *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->engine = e;
	p->rows = rows;

	return p;
}

void programmed_free(struct programmed *p)
{
	free(p);
}
