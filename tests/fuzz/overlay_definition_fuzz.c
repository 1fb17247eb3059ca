/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_definition_fuzz - definitions, removals, and what kernels are said to hold
 *
 * An input is a list of steps: a byte of kind, a byte of length and the bytes.
 * A step is a part that a member sends, as a datagram or over a stream, what its
 * ping says of its tables, the clock that goes on, something that is removed, or
 * the same records after a restart.  Signatures hold where their
 * first byte says so, so that the fuzzer gets behind them, and the cluster's key
 * signs what a step says is an order.  Whatever comes: bounds are kept, the root
 * is that of what is there, every name stands for one definition, and a node
 * that has the same records has the same root.
 */
#include <sodium.h>
#include <string.h>

#include "overlay/definitions-private.h"
#include "overlay/engine.h"
#include "overlay/event.h"
#include "overlay/members-private.h"
#include "overlay/programmed.h"
#include "overlay/rows.h"
#include "overlay/spread.h"
#include "tests/fuzz/overlay_sent.h"
#include "tests/unit/overlay_lax.h"

#define RECORDS 512

/* What a step is. */
enum { STEP_PARTS = PART_DEFINITION_WANT - PART_DEFINITION + 1, STEP_PROGRAMMED = STEP_PARTS };
enum {
	STEP_CLOCK = STEP_PROGRAMMED + 1,
	STEP_RESTART,
	STEP_ORDER,
	STEP_GREETED,
	STEP_REMOVE,
	STEPS
};

struct kept {
	uint16_t kind;
	uint32_t len;
	uint8_t key[DEFINITION_ID_LEN];
	uint8_t *value;
};

struct node {
	struct engine *engine;
	struct rows *rows;
	struct definitions *definitions;
	struct programmed *programmed;
};

static struct kept disk[RECORDS];
static unsigned int n_kept;
static const struct network_id network = { "a network" };
static struct identity cluster;
static uint8_t dice;

/* ---- a world ------------------------------------------------------------------ */

static void fill(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, ++dice, len);
}

static struct kept *find_kept(const struct record *r)
{
	for (unsigned int i = 0; i < n_kept; i++)
		if (disk[i].kind == r->kind && memcmp(disk[i].key, r->key, r->key_len) == 0)
			return &disk[i];

	return NULL;
}

static int keep(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	struct kept *k;

	(void)ctx;
	(void)how;
	(void)e;
	if (r->kind != RECORD_DEFINITION && r->kind != RECORD_REMOVAL)
		return 0;
	MUST(r->key_len == DEFINITION_ID_LEN && r->len <= DEFINITION_SIGNED_MAX);
	k = find_kept(r);
	if (!k && n_kept == RECORDS)
		return -1;
	if (!k)
		k = &disk[n_kept++];
	k->kind = r->kind;
	k->len = r->len;
	memcpy(k->key, r->key, r->key_len);
	free(k->value);
	k->value = NULL;
	if (r->len > 0) {
		k->value = malloc(r->len);
		MUST(k->value);
		memcpy(k->value, r->value, r->len);
	}

	return 0;
}

static void on_event(void *ctx, const struct event *ev)
{
	const struct definition *of = ev->more;

	(void)ctx;
	if (ev->kind >= EVENT_DEFINED && ev->kind <= EVENT_NAME_WON)
		MUST(of && of->body && strlen(of->name) <= DEFINITION_NAME_MAX);
	if (ev->kind == EVENT_NAME_LOST)
		MUST(!of->wins);
	if (ev->kind == EVENT_NAME_WON)
		MUST(of->wins);
}

static const struct env_ops ops = { .random = fill,
				    .send = check_datagram,
				    .stream = check_stream,
				    .store = keep,
				    .sign = lax_sign,
				    .verify = lax_verify,
				    .admitted = lax_admitted,
				    .event = on_event };

/* An engine with rows, in the network. */
static struct engine *make_engine(uint8_t key, struct rows **rows)
{
	const struct env env = { .ops = &ops };
	struct engine_self self = {
		.key = { key }, .name = "node", .generation = 1, .admission = { 1 }
	};
	struct engine *e;

	self.addr = (struct node_addr){ { AF_INET, { 192, 0, 2, key } }, 7946 };
	e = engine_new(&env, NULL, &self);
	MUST(e);
	*rows = rows_new(e);
	MUST(*rows && engine_attach(e, &rows_ops, *rows, NULL) == 0);

	return e;
}

static struct origin origin_of(bool stream)
{
	static const uint8_t key[NODE_KEY_LEN] = { 2 };
	struct origin o = { .from.addr = { { AF_INET, { 192, 0, 2, 2 } }, 7946 },
			    .stream = stream };

	node_id_of_key(key, &o.from.id);

	return o;
}

/* A member is known that is in the network, too. */
static void introduce_member(struct engine *to, ms_t now)
{
	const struct origin o = origin_of(false);
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct rows *rows;
	struct engine *member = make_engine(2, &rows);

	engine_start(member, now);
	rows_begin(rows, now);
	members_introduce_self(engine_members(member), now);
	MUST(rows_join(rows, &network, now, NULL) == 0);
	spread_fill(engine_spread(member), 0, &w);
	engine_receive(to, &o, buf, w.len, now);
	rows_free(rows);
	engine_free(member);
}

/* This node has a row that the member's kernel may hold. */
static void begin_rows(struct node *n, ms_t now)
{
	const struct row_text text = { .kind = ROW_SERVICE,
				       .key_len = 3,
				       .key = (const uint8_t *)"web" };

	rows_begin(n->rows, now);
	MUST(rows_join(n->rows, &network, now, NULL) == 0);
	MUST(rows_put(n->rows, &network, &text, now, NULL) == 0);
	introduce_member(n->engine, now);
	MUST(rows_members(n->rows, &network) == 2);
}

static void start(struct node *n, ms_t now)
{
	n->engine = make_engine(1, &n->rows);
	n->definitions = definitions_new(n->engine);
	n->programmed = programmed_new(n->engine, n->rows);
	MUST(n->definitions && n->programmed);
	definitions_set_cluster_key(n->definitions, cluster.key);
	MUST(engine_attach(n->engine, &definitions_ops, n->definitions, NULL) == 0);
	MUST(engine_attach(n->engine, &programmed_ops, n->programmed, NULL) == 0);
	for (unsigned int i = 0; i < n_kept; i++)
		if (disk[i].len > 0)
			engine_restore(n->engine, &(struct record){ .kind = disk[i].kind,
								    .key = disk[i].key,
								    .key_len = DEFINITION_ID_LEN,
								    .value = disk[i].value,
								    .len = disk[i].len });
	engine_start(n->engine, now);
	begin_rows(n, now);
}

static void stop(struct node *n)
{
	programmed_free(n->programmed);
	definitions_free(n->definitions);
	rows_free(n->rows);
	engine_free(n->engine);
}

/* ---- what must be true --------------------------------------------------------- */

static void must_have_one_winner(const struct definitions *d, const struct defined *of)
{
	struct definition winner;
	unsigned int winners = 0;

	MUST(definitions_named(d, of->of.kind, of->of.name, &winner));
	for (uint32_t i = 0; i < d->n; i++) {
		const struct defined *other = d->entries[i].live;

		if (!other || other->of.kind != of->of.kind ||
		    strcmp(other->of.name, of->of.name) != 0)
			continue;
		winners += definitions_view(d, i).wins;
		MUST(winner.created <= other->of.created);
	}
	MUST(winners == 1);
}

static void must_be_sound(const struct definitions *d)
{
	uint32_t live = 0, removed = 0, orders = 0;
	uint64_t root = 0;
	size_t bytes = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct definitions_entry *e = &d->entries[i];

		MUST(!e->live || !e->removed);
		live += e->live != NULL;
		removed += e->removed != NULL;
		bytes += e->live ? e->live->len : 0;
		if (e->live || e->removed)
			root ^= d->marks.mark[i];
		orders += e->live && e->live->of.kind == DEFINITION_KEY_ORDER;
		if (e->live && definition_has_name(e->live->of.kind))
			must_have_one_winner(d, e->live);
	}
	MUST(live == d->counters.live && removed == d->counters.removed && bytes == d->bytes);
	MUST(root == definitions_root(d) && orders <= 1);
}

static void restart(struct node *n, ms_t now)
{
	uint64_t root = definitions_root(n->definitions);

	stop(n);
	start(n, now);
	MUST(definitions_root(n->definitions) == root);
}

/* ---- steps ---------------------------------------------------------------------- */

static void send_part(struct node *n, uint8_t kind, bool stream, const uint8_t *data, size_t len,
		      ms_t now)
{
	const struct origin o = origin_of(stream);
	uint8_t buf[256 + PART_HEADER];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	MUST(part_put(&w, kind, data, len));
	engine_receive(n->engine, &o, buf, w.len, now);
}

/* The member says what the fuzzer says, and hears the same. */
static void acknowledge(struct node *n, const uint8_t *data, size_t len, ms_t now)
{
	const struct origin o = origin_of(false);
	uint64_t next = rows_version(n->rows, &network) + 1;
	struct peer alive;

	send_part(n, PART_PROGRAMMED, false, data, len, now);
	programmed_say(n->programmed, &network, &o.from.id, len, now);
	MUST(!programmed_by_all(n->programmed, &network, next) ||
	     rows_peers(n->rows, &network, 1, &alive) == 0);
}

static void remove_one(struct node *n, uint8_t which, ms_t now)
{
	const struct definitions *d = n->definitions;
	const struct definitions_entry *e = d->n > 0 ? &d->entries[which % d->n] : NULL;
	struct definition_id id;

	if (!e || !e->live)
		return;
	id = e->live->of.id;
	MUST((definitions_remove(n->definitions, &id, now, NULL) == 0) == (e->removed != NULL));
}

/* What a ping takes along. */
static void fill_datagram(struct node *n)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

	MUST(engine_greet(n->engine, engine_id(n->engine), buf, sizeof(buf)) > 0);
	spread_fill(engine_spread(n->engine), 0, &w);
}

/* The statement is the fuzzer's, the signature is right. */
static void add_order(struct node *n, const uint8_t *data, size_t len, ms_t now)
{
	uint8_t bytes[KEY_ORDER_LEN] = { 0 };
	size_t statement = sizeof(bytes) - NODE_SIG_LEN;
	struct definition_id id;

	memcpy(bytes, data, len < statement ? len : statement);
	identity_sign(&cluster, SIGN_KEY_ORDER, bytes, statement, bytes + statement);
	(void)definitions_add(n->definitions, DEFINITION_KEY_ORDER, NULL, bytes, sizeof(bytes), &id,
			      now, NULL);
}

static void step(struct node *n, uint8_t what, const uint8_t *data, size_t len, ms_t now)
{
	const struct origin o = origin_of(false);
	uint8_t kind = what % STEPS;

	if (kind < STEP_PARTS)
		send_part(n, (uint8_t)(PART_DEFINITION + kind), what >= 128, data, len, now);
	else if (kind == STEP_PROGRAMMED)
		acknowledge(n, data, len, now);
	else if (kind == STEP_CLOCK)
		definitions_set_clock(n->definitions, 1 + (len ? data[0] * 1000000ULL : 0), now);
	else if (kind == STEP_RESTART)
		restart(n, now);
	else if (kind == STEP_ORDER)
		add_order(n, data, len, now);
	else if (kind == STEP_GREETED)
		engine_greeted(n->engine, &o, data, len, now);
	else
		remove_one(n, len ? data[0] : 0, now);
	fill_datagram(n);
	if (engine_deadline(n->engine) <= now)
		engine_tick(n->engine, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[IDENTITY_SEED_LEN] = "cluster";
	struct definition_id id;
	struct node n;
	ms_t now = 1000;

	MUST(sodium_init() >= 0);
	dice = 0;
	identity_init(&cluster, seed);
	start(&n, now);
	MUST(definitions_add(n.definitions, DEFINITION_NETWORK, "a", NULL, 0, &id, now, NULL) == 0);
	while (size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		step(&n, data[0], data + 2, len, now += 50);
		must_be_sound(n.definitions);
		data += 2 + len;
		size -= 2 + len;
	}
	stop(&n);
	for (; n_kept > 0; n_kept--) {
		free(disk[n_kept - 1].value);
		disk[n_kept - 1] = (struct kept){ .kind = 0 };
	}

	return 0;
}
