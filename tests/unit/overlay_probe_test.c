/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_probe_test - who is pinged, how often, and what becomes of who does not answer */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/overlay_world.h"

/* Settings under which nothing but probes is sent, after the first seconds. */
static struct world *quiet_world(struct person *p, uint16_t n)
{
	struct world *w = world_new(NULL);

	for (uint16_t i = 0; i < n; i++) {
		p[i] = person_of((uint16_t)(i + 1));
		world_meet(w, &p[i]);
	}

	return w;
}

static const struct sent *find_sent(const struct world *w, unsigned int from, uint8_t kind,
				    unsigned int *at)
{
	for (unsigned int i = from; i < w->n_sent; i++)
		if (part_in(&w->sent[i], kind)) {
			*at = i;
			return &w->sent[i];
		}

	return NULL;
}

static unsigned int count_sent(const struct world *w, uint8_t kind, bool stream)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->n_sent; i++)
		n += w->sent[i].stream == stream && part_in(&w->sent[i], kind);

	return n;
}

static uint32_t ping_number(const struct sent *s)
{
	member_Ping m = member_Ping_init_zero;

	assert_true(part_message(part_in(s, PART_PING), member_Ping_fields, &m));

	return m.number;
}

static void ack(struct world *w, const struct person *from, uint32_t number)
{
	member_Ack m = { .number = number, .root = members_root(engine_members(w->e)) };

	world_say(w, from, PART_ACK, member_Ack_fields, &m);
}

static void nack(struct world *w, const struct person *from, uint32_t number)
{
	member_Nack m = { .number = number };

	world_say(w, from, PART_NACK, member_Nack_fields, &m);
}

static const struct person *whose(const struct person *p, unsigned int n, const struct peer *to)
{
	for (unsigned int i = 0; i < n; i++)
		if (node_id_equal(&p[i].id, &to->id))
			return &p[i];

	return NULL;
}

/* To the moment of the next ping.  Return: it. */
static const struct sent *next_ping(struct world *w)
{
	unsigned int at;

	w->n_sent = 0;
	while (!find_sent(w, 0, PART_PING, &at)) {
		w->n_sent = 0;
		world_wait(w, engine_deadline(w->e));
	}

	return find_sent(w, 0, PART_PING, &at);
}

static void silence_is_three_pings_then_others_are_asked_then_suspicion(void **state)
{
	struct person p[5];
	struct world *w = quiet_world(p, 5);
	const struct person *target;
	ms_t begin;

	(void)state;
	target = whose(p, 5, &next_ping(w)->to);
	begin = w->now;
	world_wait(w, begin + 499);
	assert_int_equal(count_sent(w, PART_PING, false), 3);
	assert_int_equal(count_sent(w, PART_PING_REQ, false), 0);
	world_wait(w, begin + 500);
	assert_int_equal(count_sent(w, PART_PING_REQ, false), 3);
	assert_int_equal(count_sent(w, PART_PING, true), 1);
	world_wait(w, begin + 999);
	assert_int_equal(world_state(w, target), MEMBER_ALIVE);
	world_wait(w, begin + 1000);
	assert_int_equal(world_state(w, target), MEMBER_SUSPECT);
	world_free(w);
}

static void an_ack_with_the_pings_number_ends_the_round(void **state)
{
	struct person p[2];
	struct world *w = quiet_world(p, 2);
	const struct sent *ping = next_ping(w);
	const struct person *target = whose(p, 2, &ping->to);

	(void)state;
	ack(w, target, ping_number(ping));
	world_wait(w, w->now + 999);
	assert_int_equal(count_sent(w, PART_PING, false), 1);
	assert_int_equal(world_state(w, target), MEMBER_ALIVE);
	world_free(w);
}

static void an_ack_with_another_number_does_not(void **state)
{
	struct person p[2];
	struct world *w = quiet_world(p, 2);
	const struct sent *ping = next_ping(w);
	const struct person *target = whose(p, 2, &ping->to);

	(void)state;
	ack(w, target, ping_number(ping) + 1);
	world_wait(w, w->now + 1000);
	assert_int_equal(world_state(w, target), MEMBER_SUSPECT);
	world_free(w);
}

/* A round that fails, with @nacks of three relays saying that they cannot reach it either. */
static unsigned int health_after(unsigned int nacks)
{
	struct person p[5];
	struct world *w = quiet_world(p, 5);
	const struct sent *ping = next_ping(w);
	uint32_t number = ping_number(ping);
	ms_t begin = w->now;
	unsigned int sends;

	world_wait(w, begin + 500);
	for (unsigned int i = 0; i < nacks; i++)
		nack(w, &p[i], number);
	world_wait(w, begin + 1000);

	/* The next window shows it: its pings are a third of (health + 1) * 500 ms apart. */
	w->n_sent = 0;
	begin = w->now;
	for (sends = 0; count_sent(w, PART_PING_REQ, false) == 0; sends++)
		world_wait(w, engine_deadline(w->e));
	begin = w->now - begin;
	world_free(w);

	return (unsigned int)((begin + 250) / 500) - 1;
}

static void relays_that_say_nack_leave_no_doubt_of_this_node(void **state)
{
	(void)state;
	assert_int_equal(health_after(3), 0);
	assert_int_equal(health_after(2), 1);
	assert_int_equal(health_after(0), 3);
}

static void a_relay_pings_and_says_nack_at_80_percent(void **state)
{
	struct person p[3];
	struct world *w = quiet_world(p, 3);
	member_PingReq req = { .number = 77, .nack = true };
	ms_t begin = w->now;
	unsigned int at;

	(void)state;
	memcpy(req.target, p[1].id.b, NODE_ID_LEN);
	w->n_sent = 0;
	world_say(w, &p[0], PART_PING_REQ, member_PingReq_fields, &req);
	assert_true(node_id_equal(&find_sent(w, 0, PART_PING, &at)->to.id, &p[1].id));
	world_wait(w, begin + 399);
	assert_null(find_sent(w, 0, PART_NACK, &at));
	world_wait(w, begin + 400);
	assert_true(node_id_equal(&find_sent(w, 0, PART_NACK, &at)->to.id, &p[0].id));
	world_free(w);
}

static void a_relay_hands_the_ack_back_under_the_askers_number(void **state)
{
	struct person p[3];
	struct world *w = quiet_world(p, 3);
	member_PingReq req = { .number = 77, .nack = true };
	member_Ack m = member_Ack_init_zero;
	const struct sent *s;
	unsigned int at;

	(void)state;
	memcpy(req.target, p[1].id.b, NODE_ID_LEN);
	w->n_sent = 0;
	world_say(w, &p[0], PART_PING_REQ, member_PingReq_fields, &req);
	ack(w, &p[1], ping_number(find_sent(w, 0, PART_PING, &at)));
	s = find_sent(w, 0, PART_ACK, &at);
	assert_non_null(s);
	assert_true(part_message(part_in(s, PART_ACK), member_Ack_fields, &m));
	assert_int_equal(m.number, 77);
	assert_true(node_id_equal(&s->to.id, &p[0].id));
	world_wait(w, w->now + 450);
	assert_null(find_sent(w, 0, PART_NACK, &at));
	world_free(w);
}

static void a_ping_is_answered_where_it_came_from_with_its_number(void **state)
{
	struct person p[2];
	struct world *w = quiet_world(p, 2);
	member_Ping ping = { .number = 4711, .root = 1 };
	member_Ack m = member_Ack_init_zero;

	(void)state;
	p[0].addr.port = 1234; /* not that of its profile */
	w->n_sent = 0;
	world_say(w, &p[0], PART_PING, member_Ping_fields, &ping);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(w->sent[0].to.addr.port, 1234);
	assert_true(part_message(part_in(&w->sent[0], PART_ACK), member_Ack_fields, &m));
	assert_int_equal(m.number, 4711);
	assert_int_equal(m.root, members_root(engine_members(w->e)));
	world_free(w);
}

static void a_suspect_that_pings_is_told_so_in_the_ack(void **state)
{
	struct person p[2];
	struct world *w = quiet_world(p, 2);
	member_Ping ping = { .number = 1 };
	member_Claim c = member_Claim_init_zero;
	const struct part *claim;

	(void)state;
	world_claim(w, &p[1], &p[0].id, (struct standing){ 1, 0, MEMBER_SUSPECT }, NULL);
	world_wait(w, w->now + 9000); /* what is gossiped of it is over */
	w->n_sent = 0;
	world_say(w, &p[0], PART_PING, member_Ping_fields, &ping);
	claim = part_in(&w->sent[0], PART_CLAIM);
	assert_non_null(claim);
	assert_true(part_message(claim, member_Claim_fields, &c));
	assert_memory_equal(c.id, p[0].id.b, NODE_ID_LEN);
	assert_true(c.state >= member_State_SUSPECT);
	world_free(w);
}

static void a_process_that_stood_still_declares_nobody_dead(void **state)
{
	struct person p[2];
	struct world *w = quiet_world(p, 2);

	(void)state;
	world_claim(w, &p[1], &p[0].id, (struct standing){ 1, 0, MEMBER_SUSPECT }, NULL);
	world_wait(w, w->now + 1000);
	w->now += 60 * 1000;
	engine_tick(w->e, w->now);
	assert_int_equal(world_state(w, &p[0]), MEMBER_SUSPECT);

	world_claim(w, &p[0], &p[0].id, (struct standing){ 1, 1, MEMBER_ALIVE }, NULL);
	assert_int_equal(world_state(w, &p[0]), MEMBER_ALIVE);
	world_free(w);
}

static void everybody_is_probed_within_two_rounds(void **state)
{
	struct person p[20];
	struct world *w = quiet_world(p, 20);
	unsigned int since[20] = { 0 };

	(void)state;
	for (int i = 0; i < 400; i++) {
		const struct sent *ping = next_ping(w);
		const struct person *target = whose(p, 20, &ping->to);

		ack(w, target, ping_number(ping));
		for (int j = 0; j < 20; j++)
			assert_true(++since[j] <= 2 * 20 - 1 || &p[j] == target);
		since[target - p] = 0;
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_three_pings_then_others_are_asked_then_suspicion),
		cmocka_unit_test(an_ack_with_the_pings_number_ends_the_round),
		cmocka_unit_test(an_ack_with_another_number_does_not),
		cmocka_unit_test(relays_that_say_nack_leave_no_doubt_of_this_node),
		cmocka_unit_test(a_relay_pings_and_says_nack_at_80_percent),
		cmocka_unit_test(a_relay_hands_the_ack_back_under_the_askers_number),
		cmocka_unit_test(a_ping_is_answered_where_it_came_from_with_its_number),
		cmocka_unit_test(a_suspect_that_pings_is_told_so_in_the_ack),
		cmocka_unit_test(a_process_that_stood_still_declares_nobody_dead),
		cmocka_unit_test(everybody_is_probed_within_two_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
