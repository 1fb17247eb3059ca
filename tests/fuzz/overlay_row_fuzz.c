/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_row_fuzz - messages about rows, of members that lie
 *
 * A node in a network holds some rows; an input is a list of parts that a member
 * sends to it, each a byte of kind, a byte of length and the bytes.  Signatures
 * hold where their first byte says so, so that the fuzzer gets behind them.
 * Whatever comes: bounds are kept, every root is that of the rows, and nothing
 * larger than a datagram goes out as one.
 */
#include <string.h>

#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members-private.h"
#include "overlay/rows-private.h"
#include "tests/fuzz/overlay_sent.h"
#include "tests/unit/overlay_lax.h"

static const struct network_id network = { "a network" };

static void fill(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 7, len);
}

static int keep(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	(void)ctx;
	(void)r;
	(void)how;
	(void)e;

	return 0;
}

static void on_event(void *ctx, const struct event *ev)
{
	(void)ctx;
	MUST(ev->kind != EVENT_ROW || ((const struct row_event *)ev->more)->row != NULL);
}

static const struct env_ops ops = { .random = fill,
				    .send = check_datagram,
				    .stream = check_stream,
				    .store = keep,
				    .sign = lax_sign,
				    .verify = lax_verify,
				    .admitted = lax_admitted,
				    .event = on_event };

static struct engine *make_engine(uint8_t key, struct rows **rows, ms_t now)
{
	const struct env env = { .ops = &ops };
	struct engine_self self = {
		.key = { key }, .name = "node", .admission = { LAX_SIGNED }, .generation = 1
	};
	struct engine *e;

	self.addr = (struct node_addr){ { AF_INET, { 192, 0, 2, key } }, 7946 };
	e = engine_new(&env, NULL, &self);
	MUST(e);
	*rows = rows_new(e);
	MUST(*rows && engine_attach(e, &rows_ops, *rows, NULL) == 0);
	engine_start(e, now);
	rows_begin(*rows, now);

	return e;
}

/* The member is known, and is in the network. */
static void introduce(struct engine *to, struct engine *from, struct rows *of_from,
		      const struct origin *o, ms_t now)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	members_introduce_self(engine_members(from), now);
	MUST(rows_join(of_from, &network, now, NULL) == 0);
	spread_fill(engine_spread(from), 0, &w);
	engine_receive(to, o, buf, w.len, now);
}

static void put_some(struct rows *r, ms_t now)
{
	for (uint8_t i = 0; i < 40; i++)
		MUST(rows_put(r, &network,
			      &(struct row_text){ .kind = ROW_SERVICE,
						  .key_len = 1,
						  .key = &i,
						  .value_len = 1,
						  .value = &i },
			      now, NULL) == 0);
}

static void must_be_sound(const struct rows *r)
{
	for (unsigned int i = 0; i <= ROWS_NETWORKS; i++) {
		const struct network *n = &r->networks[i];
		uint64_t root = 0;

		for (uint32_t at = 0; at < n->n; at++) {
			const struct row_table *t = &n->owners[at].owner->table;

			MUST(t->n <= TABLE_ROWS && t->bytes <= TABLE_BYTES);
			MUST(t->n_ahead <= TABLE_AHEAD);
			MUST(n->owners[at].mark == (t->head ? tree_mix(t->head->mark) : 0));
			root ^= n->owners[at].mark;
		}
		MUST(n->n <= 2 && root == n->root);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct origin o = { .from.addr = { { AF_INET, { 192, 0, 2, 2 } }, 7946 } };
	struct rows *rows, *of_member;
	ms_t now = 1000;
	struct engine *e = make_engine(1, &rows, now);
	struct engine *member = make_engine(2, &of_member, now);

	o.from.id = *engine_id(member);
	MUST(rows_join(rows, &network, now, NULL) == 0);
	introduce(e, member, of_member, &o, now);
	MUST(rows_members(rows, &network) == 2);
	put_some(rows, now);
	while (size >= 2) {
		uint8_t buf[256 + PART_HEADER];
		struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		MUST(part_put(&w, (uint8_t)(PART_ROW + data[0] % 6), data + 2, len));
		engine_receive(e, &o, buf, w.len, now += 50);
		if (engine_deadline(e) <= now)
			engine_tick(e, now);
		must_be_sound(rows);
		data += 2 + len;
		size -= 2 + len;
	}
	rows_free(rows);
	rows_free(of_member);
	engine_free(e);
	engine_free(member);

	return 0;
}
