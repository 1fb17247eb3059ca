/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd_record_fuzz - any bytes as what a start finds on the disk
 *
 * The first byte says what they are: what the node knows of itself, as one value of the
 * store, or records of the engine, one after another: kind, length of the key, length
 * of the value (2 bytes, little-endian), key and value.  Signatures hold where their
 * first byte says so.  What is damaged is refused or left out; with the rest the
 * engine starts, and is a member of its own cluster.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "netd/log.h"
#include "netd/self.h"
#include "netd/store.h"
#include "overlay/blocks.h"
#include "overlay/bytes.h"
#include "overlay/definitions.h"
#include "overlay/engine.h"
#include "overlay/members.h"
#include "overlay/programmed.h"
#include "overlay/rows.h"
#include "tests/fuzz/overlay_sent.h"
#include "tests/unit/overlay_lax.h"

#define HEAD_LEN 4
#define TICKS	 20
#define TICK_MS	 500

/* ---- of this node itself ------------------------------------------------------------- */

static char dir[] = "/dev/shm/heddle-fuzz-XXXXXX"; /* where fsync() costs nothing */

static void end(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/store.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/store.lock", dir);
	unlink(path);
	rmdir(dir);
}

static struct store *get_store(void)
{
	static struct store *store;

	if (store)
		return store;
	log_setup(LOG_ERROR, LOG_TEXT);
	MUST(sodium_init() >= 0);
	MUST(mkdtemp(dir) && atexit(end) == 0);
	MUST(store_open(NULL, dir, &store, NULL) == 0);

	return store;
}

static void check_self(const struct self *self)
{
	MUST(strnlen(self->name, sizeof(self->name)) <= NODE_NAME_MAX);
	MUST(strnlen(self->join_token, sizeof(self->join_token)) <= TOKEN_TEXT_LEN);
	MUST(self->join_addrs.n <= CONFIG_SEEDS_MAX);
	MUST(self->ring.order.n <= KEYRING_MAX);
	MUST(!self->member || self->ring.order.primary < self->ring.order.n);
}

static void as_self(const uint8_t *data, size_t size)
{
	struct store *s = get_store();
	struct self self = { 0 };
	struct err e = { 0 };

	MUST(store_put(s, STORE_SELF, "self", sizeof("self"), data, size, STORE_DURABLE, &e) == 0);
	if (self_load(s, &self, &e) < 0)
		MUST(e.sys == EIO && *e.msg);
	else
		check_self(&self);
	self_wipe(&self);
}

/* ---- of the engine ------------------------------------------------------------------- */

static uint8_t dice;

static void fill(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, ++dice, len);
}

static int keep(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	(void)ctx;
	(void)how;
	(void)e;
	MUST(r->key_len > 0 && r->key_len < STORE_KEY_MAX && r->len <= STORE_VALUE_MAX);

	return 0;
}

static void on_event(void *ctx, const struct event *ev)
{
	(void)ctx;
	(void)ev;
}

static const struct env_ops ops = {
	.random = fill,
	.send = check_datagram,
	.stream = check_stream,
	.store = keep,
	.sign = lax_sign,
	.verify = lax_verify,
	.admitted = lax_admitted,
	.event = on_event,
};

struct node {
	struct engine *engine;
	struct rows *rows;
	struct blocks *blocks;
	struct definitions *definitions;
	struct programmed *programmed;
};

static void make(struct node *n)
{
	const struct env env = { .ops = &ops };
	const struct engine_self self = {
		.key = { 1 },
		.name = "node",
		.admission = { LAX_SIGNED },
		.generation = 2,
		.addr = { { AF_INET, { 192, 0, 2, 1 } }, 4794 },
	};

	dice = 0;
	n->engine = engine_new(&env, NULL, &self);
	MUST(n->engine);
	n->rows = rows_new(n->engine);
	n->blocks = blocks_new(n->engine);
	n->definitions = definitions_new(n->engine);
	MUST(n->rows && n->blocks && n->definitions);
	n->programmed = programmed_new(n->engine, n->rows);
	MUST(n->programmed);
	MUST(engine_attach(n->engine, &rows_ops, n->rows, NULL) == 0);
	MUST(engine_attach(n->engine, &blocks_ops, n->blocks, NULL) == 0);
	MUST(engine_attach(n->engine, &definitions_ops, n->definitions, NULL) == 0);
	MUST(engine_attach(n->engine, &programmed_ops, n->programmed, NULL) == 0);
}

static void clear(struct node *n)
{
	programmed_free(n->programmed);
	definitions_free(n->definitions);
	blocks_free(n->blocks);
	rows_free(n->rows);
	engine_free(n->engine);
}

static void restore(struct node *n, const uint8_t *data, size_t size)
{
	while (size > HEAD_LEN) {
		struct record r = { .kind = data[0],
				    .key_len = data[1],
				    .len = get_le16(data + 2),
				    .key = data + HEAD_LEN };

		if (r.key_len == 0 || r.len == 0 || size < HEAD_LEN + (size_t)r.key_len + r.len)
			return;
		r.value = r.key + r.key_len;
		engine_restore(n->engine, &r);
		data = r.value + r.len;
		size -= HEAD_LEN + (size_t)r.key_len + r.len;
	}
}

static void run(struct node *n)
{
	ms_t now = 1000;

	engine_start(n->engine, now);
	rows_begin(n->rows, now);
	blocks_begin(n->blocks, BLOCKS_REBOOT, now);
	for (int i = 0; i < TICKS; i++, now += TICK_MS)
		if (engine_deadline(n->engine) <= now)
			engine_tick(n->engine, now);
}

static void as_records(const uint8_t *data, size_t size)
{
	struct node n = { 0 };

	make(&n);
	restore(&n, data, size);
	run(&n);
	MUST(members_find(engine_members(n.engine), engine_id(n.engine)) != MEMBER_NONE);
	MUST(members_alive(engine_members(n.engine)) >= 1);
	clear(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] == 0)
		as_self(data + 1, size - 1);
	else
		as_records(data + 1, size - 1);

	return 0;
}
