/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_members_test - what claims do to the table */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/overlay_world.h"

static struct standing alive(uint32_t generation, uint32_t refutation)
{
	return (struct standing){ generation, refutation, MEMBER_ALIVE };
}

static struct standing suspect(uint32_t generation, uint32_t refutation)
{
	return (struct standing){ generation, refutation, MEMBER_SUSPECT };
}

static struct standing dead(uint32_t generation, uint32_t refutation)
{
	return (struct standing){ generation, refutation, MEMBER_DEAD };
}

static void shuffle(struct world *w, struct standing *s, unsigned int n)
{
	for (; n > 1; n--) {
		unsigned int j = engine_random(w->e, n);
		struct standing swap = s[n - 1];

		s[n - 1] = s[j];
		s[j] = swap;
	}
}

/* The root, after claims in some order; each may be heard twice. */
static uint64_t root_after(struct world *w, const struct person *p, const struct standing *s,
			   unsigned int n)
{
	for (unsigned int i = 0; i < 2 * n; i++)
		world_claim(w, p, &p->id, s[i % n], NULL);

	return members_root(engine_members(w->e));
}

static void claims_in_any_order_end_in_the_same_table(void **state)
{
	struct standing s[] = { alive(1, 0), suspect(1, 0), dead(1, 0),
				alive(1, 1), suspect(1, 1), dead(1, 3),
				alive(1, 7), suspect(1, 7), dead(0, 9) };
	struct person p = person_of(1);
	uint64_t first = 0;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct world *w = world_new(NULL);
		uint64_t root;

		world_meet(w, &p);
		for (int i = 0; i <= round; i++)
			shuffle(w, s, sizeof(s) / sizeof(s[0]));
		root = root_after(w, &p, s, sizeof(s) / sizeof(s[0]));
		if (round == 0)
			first = root;
		assert_int_equal(root, first);
		assert_int_equal(world_state(w, &p), MEMBER_SUSPECT);
		world_free(w);
	}
}

static void a_claim_of_an_unknown_id_is_counted_and_not_believed(void **state)
{
	struct person p = person_of(1), stranger = person_of(2);
	struct world *w = world_new(NULL);

	(void)state;
	world_meet(w, &p);
	world_claim(w, &p, &stranger.id, alive(1, 0), NULL);
	assert_int_equal(world_state(w, &stranger), -1);
	assert_int_equal(engine_counters(w->e)->unknown_member, 1);
	world_free(w);
}

static void a_forged_profile_is_counted_and_not_believed(void **state)
{
	struct person p = person_of(1);
	struct world *w = world_new(NULL);
	struct profile *made = profile_of(w, &p, "somebody", 1, 1);

	(void)state;
	made->bytes[made->len - 1] ^= 1; /* of the signature */
	world_claim(w, &p, &p.id, alive(1, 0), made);
	assert_int_equal(world_state(w, &p), -1);
	assert_int_equal(engine_counters(w->e)->forged, 1);
	profile_free(made);
	world_free(w);
}

static void nobody_gets_in_under_the_id_of_another(void **state)
{
	struct person p = person_of(1), other = person_of(2);
	struct world *w = world_new(NULL);
	struct profile *made = profile_of(w, &p, "somebody", 1, 1);

	(void)state;
	world_claim(w, &p, &other.id, alive(1, 0), made);
	assert_int_equal(world_state(w, &other), -1);
	assert_int_equal(world_state(w, &p), -1);
	profile_free(made);
	world_free(w);
}

static void a_suspicion_of_this_node_is_refuted_with_a_higher_number(void **state)
{
	struct person p = person_of(1), me = person_of(0);
	struct world *w = world_new(NULL);
	const struct member *self = members_at(engine_members(w->e), MEMBER_SELF);
	const struct part *claim = NULL;
	member_Claim c = member_Claim_init_zero;

	(void)state;
	world_meet(w, &p);
	world_wait(w, w->now + 100);
	w->n_sent = 0;
	world_claim(w, &p, &me.id, suspect(1, 4), NULL);
	assert_int_equal(self->refutation, 5);
	assert_int_equal(self->state, MEMBER_ALIVE);

	world_wait(w, w->now + 200);
	for (unsigned int i = 0; i < w->n_sent && !claim; i++)
		claim = part_in(&w->sent[i], PART_CLAIM);
	assert_non_null(claim);
	assert_true(part_message(claim, member_Claim_fields, &c));
	assert_memory_equal(c.id, me.id.b, NODE_ID_LEN);
	assert_int_equal(c.refutation, 5);
	world_free(w);
}

static void an_old_suspicion_of_this_node_changes_nothing(void **state)
{
	struct person p = person_of(1), me = person_of(0);
	struct world *w = world_new(NULL);

	(void)state;
	world_meet(w, &p);
	world_claim(w, &p, &me.id, suspect(1, 4), NULL);
	world_claim(w, &p, &me.id, suspect(1, 3), NULL);
	world_claim(w, &p, &me.id, dead(0, 90), NULL);
	assert_int_equal(members_at(engine_members(w->e), MEMBER_SELF)->refutation, 5);
	world_free(w);
}

static void a_newer_generation_of_this_node_is_an_alarm_and_not_refuted(void **state)
{
	struct person p = person_of(1), me = person_of(0);
	struct world *w = world_new(NULL);
	struct profile *clone = profile_of(w, &me, "self", 2, 1);

	(void)state;
	world_meet(w, &p);
	world_claim(w, &p, &me.id, suspect(2, 0), NULL);
	assert_int_equal(world_events(w, EVENT_ID_TAKEN), 0); /* anybody could say so */
	world_claim(w, &p, &me.id, suspect(2, 0), clone);
	assert_int_equal(world_events(w, EVENT_ID_TAKEN), 1);
	assert_int_equal(members_at(engine_members(w->e), MEMBER_SELF)->refutation, 0);
	profile_free(clone);
	world_free(w);
}

static void the_dead_come_back_with_a_newer_generation(void **state)
{
	struct person p = person_of(1);
	struct world *w = world_new(NULL);
	struct profile *again = profile_of(w, &p, "somebody", 2, 1);

	(void)state;
	world_meet(w, &p);
	world_claim(w, &p, &p.id, dead(1, 3), NULL);
	assert_int_equal(members_alive(engine_members(w->e)), 1);
	world_claim(w, &p, &p.id, alive(1, 3), NULL);
	assert_int_equal(world_state(w, &p), MEMBER_DEAD);

	/* The profile alone says so, whatever the claim around it still thinks. */
	world_claim(w, &p, &p.id, dead(1, 3), again);
	assert_int_equal(world_state(w, &p), MEMBER_ALIVE);
	assert_int_equal(members_alive(engine_members(w->e)), 2);
	assert_int_equal(world_events(w, EVENT_MEMBER_JOINED), 2);
	profile_free(again);
	world_free(w);
}

static void nobody_is_dead_for_all_generations_to_come(void **state)
{
	struct person p = person_of(1), q = person_of(2);
	struct world *w = world_new(NULL);

	(void)state;
	world_meet(w, &p);
	world_claim(w, &q, &p.id, dead(UINT32_MAX, 0), NULL);
	world_claim(w, &q, &p.id, dead(1, UINT32_MAX), NULL);
	assert_int_equal(world_state(w, &p), MEMBER_ALIVE);
	world_free(w);
}

static void who_left_stays_away_until_the_next_start(void **state)
{
	struct person p = person_of(1);
	struct world *w = world_new(NULL);

	(void)state;
	world_meet(w, &p);
	world_claim(w, &p, &p.id, (struct standing){ 1, 0, MEMBER_LEFT }, NULL);
	assert_int_equal(world_events(w, EVENT_MEMBER_LEFT), 1);
	world_claim(w, &p, &p.id, dead(1, 0), NULL);
	world_meet(w, &p);
	assert_int_equal(world_state(w, &p), MEMBER_LEFT);
	world_free(w);
}

static void a_change_of_name_takes_the_old_profiles_place(void **state)
{
	struct person p = person_of(1);
	struct world *w = world_new(NULL);
	struct profile *renamed = profile_of(w, &p, "renamed", 1, 2);
	struct profile *old = profile_of(w, &p, "older", 1, 1);
	uint32_t slot;

	(void)state;
	world_meet(w, &p);
	world_claim(w, &p, &p.id, alive(1, 0), renamed);
	world_claim(w, &p, &p.id, alive(1, 0), old);
	slot = members_find(engine_members(w->e), &p.id);
	assert_string_equal(members_at(engine_members(w->e), slot)->profile->name, "renamed");
	assert_int_equal(world_events(w, EVENT_MEMBER_CHANGED), 1);
	profile_free(renamed);
	profile_free(old);
	world_free(w);
}

static void who_is_forgotten_is_gone_with_its_suspicion(void **state)
{
	struct person p = person_of(1), q = person_of(2);
	struct world *w = world_new(NULL);
	uint64_t before;

	(void)state;
	before = members_root(engine_members(w->e));
	world_meet(w, &p);
	world_meet(w, &q);
	world_claim(w, &q, &p.id, suspect(1, 0), NULL);
	world_claim(w, &p, &q.id, suspect(1, 0), NULL);
	members_forget(engine_members(w->e), &p.id, 0, w->now); /* of an older life: no */
	assert_int_equal(world_state(w, &p), MEMBER_SUSPECT);
	members_forget(engine_members(w->e), &p.id, 1, w->now);
	assert_int_equal(world_state(w, &p), -1);
	world_claim(w, &q, &q.id, alive(1, 1), NULL); /* its suspicion has moved to another slot */
	assert_int_equal(world_state(w, &q), MEMBER_ALIVE);
	members_forget(engine_members(w->e), &q.id, 1, w->now);
	assert_int_equal(members_root(engine_members(w->e)), before);
	world_meet(w, &p); /* into the slot that is free */
	assert_int_equal(world_state(w, &p), MEMBER_ALIVE);
	world_free(w);
}

static void a_member_takes_64_bytes_at_most(void **state)
{
	struct world *w = world_new(NULL);
	struct members *t = engine_members(w->e);

	(void)state;
	for (uint16_t n = 1; n <= 3000; n++) {
		struct person p = person_of(n);

		world_meet(w, &p);
		w->n_events = w->n_sent = 0;
		if (n >= 64)
			assert_true(members_bytes(t) <= (size_t)members_count(t) * MEMBER_BYTES);
	}
	assert_int_equal(members_count(t), 3001);
	world_free(w);
}

static void a_good_bye_is_said_and_not_taken_back(void **state)
{
	struct person p = person_of(1), me = person_of(0);
	struct world *w = world_new(NULL);

	(void)state;
	world_meet(w, &p);
	engine_leave(w->e, w->now);
	world_claim(w, &p, &me.id, suspect(1, 0), NULL);
	assert_int_equal(members_at(engine_members(w->e), MEMBER_SELF)->state, MEMBER_LEFT);
	assert_false(engine_left(w->e));
	world_wait(w, w->now + 3000);
	assert_true(engine_left(w->e));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_in_any_order_end_in_the_same_table),
		cmocka_unit_test(a_claim_of_an_unknown_id_is_counted_and_not_believed),
		cmocka_unit_test(a_forged_profile_is_counted_and_not_believed),
		cmocka_unit_test(nobody_gets_in_under_the_id_of_another),
		cmocka_unit_test(a_suspicion_of_this_node_is_refuted_with_a_higher_number),
		cmocka_unit_test(an_old_suspicion_of_this_node_changes_nothing),
		cmocka_unit_test(a_newer_generation_of_this_node_is_an_alarm_and_not_refuted),
		cmocka_unit_test(the_dead_come_back_with_a_newer_generation),
		cmocka_unit_test(nobody_is_dead_for_all_generations_to_come),
		cmocka_unit_test(who_left_stays_away_until_the_next_start),
		cmocka_unit_test(a_change_of_name_takes_the_old_profiles_place),
		cmocka_unit_test(who_is_forgotten_is_gone_with_its_suspicion),
		cmocka_unit_test(a_member_takes_64_bytes_at_most),
		cmocka_unit_test(a_good_bye_is_said_and_not_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
