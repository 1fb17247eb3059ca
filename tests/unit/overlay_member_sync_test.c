/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_member_sync_test - joins, and tables that are compared */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/overlay_world.h"

static struct origin stream_from(const struct person *p)
{
	return (struct origin){ .from = { .id = p->id, .addr = p->addr }, .stream = true };
}

/* As world_say(), over a stream. */
static void say_on_stream(struct world *w, const struct person *from, uint8_t kind,
			  const pb_msgdesc_t *fields, const void *message)
{
	struct origin o = stream_from(from);
	uint8_t buf[2000];
	struct part_writer out = { .buf = buf, .cap = sizeof(buf) };

	assert_true(part_put_message(&out, kind, fields, message));
	engine_receive(w->e, &o, buf, out.len, w->now);
}

static void claim_on_stream(struct world *w, const struct person *from, const struct person *of,
			    struct standing s)
{
	struct profile *p = profile_of(w, of, "somebody", 1, 1);
	member_Claim c = { .generation = s.generation,
			   .refutation = s.refutation,
			   .state = (member_State)s.state,
			   .profile.size = p->len };

	memcpy(c.id, of->id.b, NODE_ID_LEN);
	memcpy(c.profile.bytes, p->bytes, p->len);
	say_on_stream(w, from, PART_SYNC_CLAIM, member_Claim_fields, &c);
	profile_free(p);
}

static unsigned int count(const struct world *w, uint8_t kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->n_sent; i++)
		n += part_in(&w->sent[i], kind) != NULL;

	return n;
}

static const struct sent *last(const struct world *w, uint8_t kind)
{
	for (unsigned int i = w->n_sent; i > 0; i--)
		if (part_in(&w->sent[i - 1], kind))
			return &w->sent[i - 1];

	return NULL;
}

static void any_seed_is_asked_until_one_answers(void **state)
{
	struct person p[3] = { person_of(1), person_of(2), person_of(3) };
	struct node_addr seeds[4] = { person_of(0).addr, p[0].addr, p[1].addr, p[2].addr };
	struct world *w = world_new(NULL);
	member_Welcome welcome = { .number = 1 };
	unsigned int asked[4] = { 0 };

	(void)state;
	engine_join(w->e, seeds, 4, w->now);
	world_wait(w, w->now + 30 * 1000);
	for (unsigned int i = 0; i < w->n_sent; i++)
		if (part_in(&w->sent[i], PART_JOIN))
			asked[w->sent[i].to.addr.ip.b[3]]++;
	assert_int_equal(asked[0], 0); /* itself */
	assert_true(asked[1] > 2 && asked[2] > 2 && asked[3] > 2);
	assert_true(asked[1] + asked[2] + asked[3] >= 20);

	claim_on_stream(w, &p[1], &p[1], (struct standing){ .generation = 1 });
	say_on_stream(w, &p[1], PART_WELCOME, member_Welcome_fields, &welcome);
	w->n_sent = 0;
	world_wait(w, w->now + 5000);
	assert_int_equal(count(w, PART_JOIN), 0);
	assert_true(count(w, PART_SYNC) > 0);
	world_free(w);
}

static void who_joins_is_let_in_told_and_made_known(void **state)
{
	struct person p = person_of(1), q = person_of(2);
	struct world *w = world_new(NULL);
	struct profile *made = profile_of(w, &q, "newcomer", 1, 1);
	member_Join join = { .number = 9, .profile.size = made->len };
	member_Welcome welcome = member_Welcome_init_zero;
	const struct sent *s;

	(void)state;
	world_meet(w, &p);
	world_wait(w, w->now + 100);
	memcpy(join.profile.bytes, made->bytes, made->len);
	w->n_sent = 0;
	say_on_stream(w, &q, PART_JOIN, member_Join_fields, &join);
	assert_int_equal(world_state(w, &q), MEMBER_ALIVE);
	s = last(w, PART_WELCOME);
	assert_non_null(s);
	assert_true(s->stream);
	assert_true(node_id_equal(&s->to.id, &q.id));
	assert_true(part_message(part_in(s, PART_WELCOME), member_Welcome_fields, &welcome));
	assert_int_equal(welcome.number, 9);
	world_wait(w, w->now + 500);
	assert_true(count(w, PART_CLAIM) >= 3);
	profile_free(made);
	world_free(w);
}

static void nobody_joins_under_another_ones_profile(void **state)
{
	struct person p = person_of(1), thief = person_of(2);
	struct world *w = world_new(NULL);
	struct profile *made = profile_of(w, &p, "somebody", 1, 1);
	member_Join join = { .number = 9, .profile.size = made->len };

	(void)state;
	memcpy(join.profile.bytes, made->bytes, made->len);
	say_on_stream(w, &thief, PART_JOIN, member_Join_fields, &join);
	assert_int_equal(w->n_sent, 0);
	assert_int_equal(members_count(engine_members(w->e)), 1);
	profile_free(made);
	world_free(w);
}

static void ping_with_root(struct world *w, const struct person *from, uint64_t root)
{
	member_Ping m = { .number = 1, .root = root };

	world_say(w, from, PART_PING, member_Ping_fields, &m);
}

static void tables_are_compared_when_roots_differ_for_long(void **state)
{
	struct person p = person_of(1), q = person_of(2);
	struct world *w = world_new(NULL);
	uint64_t root;

	(void)state;
	world_meet(w, &p);
	world_meet(w, &q);
	root = members_root(engine_members(w->e));
	w->n_sent = 0;
	ping_with_root(w, &p, root);
	w->now += 5000;
	ping_with_root(w, &p, root ^ 1);
	w->now += 1000;
	ping_with_root(w, &p, root ^ 1);
	assert_int_equal(count(w, PART_SYNC), 0);
	for (int i = 0; i < 3; i++)
		ping_with_root(w, &p, root); /* it was gossip under way */
	w->now += 1500;
	ping_with_root(w, &p, root ^ 1);
	assert_int_equal(count(w, PART_SYNC), 0);
	w->now += 1500;
	ping_with_root(w, &q, root); /* somebody of the same camp: that says nothing */
	w->now += 500;
	ping_with_root(w, &p, root ^ 1);
	assert_int_equal(count(w, PART_SYNC), 1);
	world_free(w);
}

/* The comparison that this node has asked @p for.  Return: its number. */
static uint32_t ask(struct world *w, const struct person *p, member_Sync *ret)
{
	const struct sent *s;

	ping_with_root(w, p, 1);
	w->now += 2000;
	ping_with_root(w, p, 1);
	s = last(w, PART_SYNC);
	assert_non_null(s);
	assert_true(part_message(part_in(s, PART_SYNC), member_Sync_fields, ret));

	return ret->number;
}

static unsigned int claims_of(const struct world *w, const struct person *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->n_sent; i++) {
		struct part_reader r = { w->sent[i].plain, w->sent[i].plain + w->sent[i].len };
		struct part part;

		while (part_next(&r, &part) > 0) {
			member_Claim c = member_Claim_init_zero;

			if (part.kind != PART_SYNC_CLAIM)
				continue;
			assert_true(part_message(&part, member_Claim_fields, &c));
			n += memcmp(c.id, p->id.b, NODE_ID_LEN) == 0;
		}
	}

	return n;
}

static void what_the_reply_lacks_is_sent_back_and_nothing_else(void **state)
{
	struct person p = person_of(1), known = person_of(2), mine = person_of(3),
		      older = person_of(4), theirs = person_of(5);
	struct world *w = world_new(NULL);
	member_Sync sync = member_Sync_init_zero;
	member_SyncReply reply = member_SyncReply_init_zero;

	(void)state;
	world_meet(w, &p);
	world_meet(w, &known);
	world_meet(w, &mine);
	world_meet(w, &older);
	world_claim(w, &p, &older.id, (struct standing){ 1, 5, MEMBER_ALIVE }, NULL);
	reply.number = ask(w, &p, &sync);
	reply.differ.size = (pb_size_t)((sync.buckets.size / 4 + 7) / 8);
	memset(reply.differ.bytes, 0xff, sizeof(reply.differ.bytes));

	claim_on_stream(w, &p, &known, (struct standing){ .generation = 1 });
	claim_on_stream(w, &p, &older, (struct standing){ .generation = 1 });
	claim_on_stream(w, &p, &theirs, (struct standing){ .generation = 1 });
	w->n_sent = 0;
	say_on_stream(w, &p, PART_SYNC_REPLY, member_SyncReply_fields, &reply);
	assert_int_equal(world_state(w, &theirs), MEMBER_ALIVE);
	assert_int_equal(claims_of(w, &mine), 1);
	assert_int_equal(claims_of(w, &older), 1);
	assert_int_equal(claims_of(w, &known), 0);
	assert_int_equal(claims_of(w, &theirs), 0);
	world_free(w);
}

static void a_sync_is_answered_with_the_ranges_that_differ(void **state)
{
	struct person p = person_of(1);
	struct world *w = world_new(NULL);
	struct members *t = engine_members(w->e);
	member_Sync sync = { .number = 3, .buckets.size = 4 };
	member_SyncReply reply = member_SyncReply_init_zero;
	uint32_t root;

	(void)state;
	world_meet(w, &p);
	w->n_sent = 0;
	say_on_stream(w, &p, PART_SYNC, member_Sync_fields, &sync);
	assert_true(part_message(part_in(last(w, PART_SYNC_REPLY), PART_SYNC_REPLY),
				 member_SyncReply_fields, &reply));
	assert_int_equal(reply.number, 3);
	assert_int_equal(reply.differ.bytes[0], 1);
	assert_int_equal(claims_of(w, &p), 1);

	root = (uint32_t)members_root(t);
	memcpy(sync.buckets.bytes, &root, sizeof(root)); /* one range: the root's low bytes */
	w->n_sent = 0;
	say_on_stream(w, &p, PART_SYNC, member_Sync_fields, &sync);
	assert_int_equal(claims_of(w, &p), 0);
	world_free(w);
}

static void a_change_of_address_is_told_with_a_newer_profile(void **state)
{
	struct person p = person_of(1), me = person_of(0);
	struct world *w = world_new(NULL);
	uint8_t admission[NODE_SIG_LEN];
	struct node_addr addr = me.addr;
	member_Claim c = member_Claim_init_zero;
	struct profile *told = NULL;
	struct env env = { .ops = &world_ops };

	(void)state;
	world_meet(w, &p);
	world_wait(w, w->now + 5000);
	w->n_sent = 0;
	addr.port = 4242;
	world_hash(me.key, (const uint8_t *)"moved", 5, admission);
	assert_int_equal(engine_change(w->e, "moved", admission, &addr, w->now, NULL), 0);
	world_wait(w, w->now);
	assert_true(
		part_message(part_in(last(w, PART_CLAIM), PART_CLAIM), member_Claim_fields, &c));
	assert_int_equal(profile_read(&env, c.profile.bytes, c.profile.size, &told), 0);
	assert_string_equal(told->name, "moved");
	assert_int_equal(told->addr.port, 4242);
	assert_int_equal(told->version, 2);
	assert_int_equal(told->generation, 1);
	profile_free(told);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_seed_is_asked_until_one_answers),
		cmocka_unit_test(who_joins_is_let_in_told_and_made_known),
		cmocka_unit_test(nobody_joins_under_another_ones_profile),
		cmocka_unit_test(tables_are_compared_when_roots_differ_for_long),
		cmocka_unit_test(what_the_reply_lacks_is_sent_back_and_nothing_else),
		cmocka_unit_test(a_sync_is_answered_with_the_ranges_that_differ),
		cmocka_unit_test(a_change_of_address_is_told_with_a_newer_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
