/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_member_fuzz - any messages to an engine, in any order, at any time
 *
 * The input is a sequence of steps: two bytes of length, one of who says it and
 * how much time passes before it, then the message.  A signature holds when its
 * first byte is 0, so that profiles get in.  Whatever is said, this node stays
 * a member of its own table, counts what is there, and has equal roots whether
 * they are kept up to date or made anew.
 */
#include <stdlib.h>
#include <string.h>

#include "overlay/engine.h"
#include "overlay/members-private.h"
#include "overlay/profile.h"
#include "tests/fuzz/overlay_sent.h"

#define LAX_SIGNED 0
#include "tests/unit/overlay_lax.h"

static uint64_t dice;

static void fuzz_random(void *ctx, void *buf, size_t len)
{
	uint8_t *at = buf;

	(void)ctx;
	while (len-- > 0) {
		dice = dice * 6364136223846793005U + 1442695040888963407U;
		*at++ = (uint8_t)(dice >> 56);
	}
}

static int fuzz_store(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	(void)ctx;
	(void)how;
	(void)e;
	MUST(r->kind == RECORD_MEMBER && r->key_len == NODE_ID_LEN && r->len <= PROFILE_MAX);
	return 0;
}

static bool fuzz_admitted(void *ctx, const uint8_t key[NODE_KEY_LEN], const char *name,
			  const uint8_t admission[NODE_SIG_LEN])
{
	MUST(strlen(name) >= 1 && strlen(name) <= NODE_NAME_MAX);

	return lax_admitted(ctx, key, name, admission);
}

static void fuzz_event(void *ctx, const struct event *ev)
{
	(void)ctx;
	(void)ev;
}

static const struct env_ops ops = {
	.random = fuzz_random,
	.send = check_datagram,
	.stream = check_stream,
	.store = fuzz_store,
	.sign = lax_sign,
	.verify = lax_verify,
	.admitted = fuzz_admitted,
	.event = fuzz_event,
};

static void check_counts(const struct members *t)
{
	uint32_t alive = 0, dead = 0, count = 0, suspicions = 0;

	for (uint32_t i = 0; i < t->n_slots; i++) {
		if (!t->m[i].profile)
			continue;
		count++;
		alive += t->m[i].state <= MEMBER_SUSPECT;
		dead += t->m[i].state == MEMBER_DEAD;
		suspicions += t->m[i].suspicion != 0;
		MUST(members_find(t, &t->m[i].profile->id) == i);
		MUST(t->m[i].generation == t->m[i].profile->generation);
		MUST((t->m[i].suspicion != 0) == (t->m[i].state == MEMBER_SUSPECT));
	}
	MUST(count == t->count && alive == t->alive && dead == t->dead);
	MUST(suspicions == t->suspicions.n);
	MUST(t->m[MEMBER_SELF].state == MEMBER_ALIVE);
}

/* Every member taken out of the root again leaves nothing. */
static void check_root(struct members *t)
{
	uint64_t root = t->root;

	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->m[i].profile)
			members_toggle_hash(t, i);
	MUST(t->root == 0);
	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->m[i].profile)
			members_toggle_hash(t, i);
	MUST(t->root == root);
}

static struct engine *make_engine(void)
{
	struct engine_self self = { .name = "self",
				    .generation = 1,
				    .addr = { .ip = { .family = AF_INET, .b = { 10, 0, 0, 1 } },
					      .port = 7946 } };
	struct env env = { .ops = &ops };
	struct engine *e;

	dice = 1;
	e = engine_new(&env, NULL, &self);
	MUST(e);
	engine_start(e, 0);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine *e = make_engine();
	struct origin o = { .from.addr = { .ip = { .family = AF_INET, .b = { 10, 0, 0, 2 } },
					   .port = 1 } };
	ms_t now = 0;

	while (size >= 3) {
		size_t len = (size_t)(data[0] << 8 | data[1]);

		if (len > size - 3)
			len = size - 3;
		o.from.id.b[0] = data[2] & 3;
		o.stream = data[2] & 4;
		now += (ms_t)(data[2] >> 3) * 400;
		engine_tick(e, now);
		engine_receive(e, &o, data + 3, len, now);
		MUST(engine_deadline(e) != MS_NEVER);
		data += 3 + len;
		size -= 3 + len;
	}
	check_counts(engine_members(e));
	check_root(engine_members(e));
	engine_free(e);
	return 0;
}
