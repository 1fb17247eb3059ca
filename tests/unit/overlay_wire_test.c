/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_wire_test - two members, and somebody between them
 *
 * What the attacker can do: read, keep, change, drop and send datagrams, with
 * any source address, at any time.  He has no key, unless a test says so.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "overlay/wire.h"
#include "tests/unit/overlay_keys.h"

#define N_SESSIONS 8

struct host {
	struct identity identity;
	struct node_addr addr;
	struct keyring ring;
	struct sessions sessions;
	struct wire wire;
	struct wire_in in; /* what the last datagram was */
	uint8_t buf[DATAGRAM_MAX];
};

struct datagram {
	uint8_t bytes[DATAGRAM_MAX];
	size_t len;
};

struct lab {
	struct identity cluster;
	struct key_order order;
	struct host a, b, c;
	ms_t now;
};

/* ---- the lab ------------------------------------------------------------- */

static void give_key(struct host *h, const struct key_order *order, uint8_t key)
{
	assert_int_equal(keyring_obey(&h->ring, order), 1);
	assert_int_equal(keyring_take(&h->ring, seed_of(key)), 0);
}

/* A new process: its boot id, its secret and what it knew of others are gone. */
static void restart(struct host *h, uint8_t seed)
{
	uint8_t bytes[WIRE_SEED_LEN];

	randombytes_buf_deterministic(bytes, sizeof(bytes), seed_of(seed));
	sessions_clear(&h->sessions);
	assert_int_equal(sessions_init(&h->sessions, N_SESSIONS, 2, seed_of(seed), NULL), 0);
	wire_init(&h->wire, &h->identity.id, bytes, &h->ring, &h->sessions);
}

static void make_host(struct lab *l, struct host *h, uint8_t n)
{
	h->identity = identity_of(n);
	h->addr = (struct node_addr){ { AF_INET, { 10, 0, 0, n } }, 7946 };
	give_key(h, &l->order, 100);
	restart(h, n);
}

static int set_up(void **state)
{
	static struct lab l;

	memset(&l, 0, sizeof(l));
	l.cluster = identity_of(200);
	l.now = 1000000;
	key_order_first(&l.order, &l.cluster, seed_of(100));
	make_host(&l, &l.a, 1);
	make_host(&l, &l.b, 2);
	make_host(&l, &l.c, 3);
	*state = &l;

	return 0;
}

static int tear_down(void **state)
{
	struct lab *l = *state;

	sessions_clear(&l->a.sessions);
	sessions_clear(&l->b.sessions);
	sessions_clear(&l->c.sessions);

	return 0;
}

static enum wire_verdict arrive(struct lab *l, struct host *at, const struct node_addr *from,
				const struct datagram *d)
{
	return wire_receive(&at->wire, from, d->bytes, d->len, l->now, at->buf, &at->in);
}

static struct datagram hello_of(const struct host *h)
{
	struct datagram d = { .len = h->in.hello_len };

	memcpy(d.bytes, h->in.hello, sizeof(h->in.hello));

	return d;
}

static struct datagram knock(struct host *h)
{
	struct datagram d = { .len = FRAME_MIN };

	assert_int_equal(wire_knock(&h->wire, d.bytes), FRAME_MIN);

	return d;
}

/* Let the two answer each other until there is nothing to say.  Return: how many were sent. */
static int talk(struct lab *l, struct host *one, struct host *other, struct datagram d)
{
	int n = 0;

	while (d.len > 0) {
		struct host *swap = one;

		assert_true(++n < 20);
		arrive(l, other, &one->addr, &d);
		d = hello_of(other);
		one = other;
		other = swap;
	}

	return n;
}

static void meet(struct lab *l, struct host *one, struct host *other)
{
	talk(l, one, other, knock(one));
}

static struct datagram say(struct host *h, const struct host *to, const char *text)
{
	struct peer peer = { to->identity.id, to->addr };
	struct datagram d;
	int r = wire_seal(&h->wire, &peer, (const uint8_t *)text, strlen(text), d.bytes);

	assert_true(r > 0);
	d.len = (size_t)r;

	return d;
}

static bool can_say(struct host *h, const struct host *to)
{
	struct peer peer = { to->identity.id, to->addr };
	struct datagram d;

	return wire_seal(&h->wire, &peer, (const uint8_t *)"", 0, d.bytes) > 0;
}

static void assert_heard(struct lab *l, struct host *at, const struct host *from,
			 const struct datagram *d, const char *text)
{
	assert_int_equal(arrive(l, at, &from->addr, d), WIRE_MESSAGE);
	assert_true(node_id_equal(&at->in.from, &from->identity.id));
	assert_int_equal(at->in.len, strlen(text));
	assert_memory_equal(at->in.plain, text, strlen(text));
}

/* ---- how it should go ---------------------------------------------------- */

static void four_hellos_make_two_nodes_known(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	assert_false(can_say(&l->a, &l->b));
	assert_int_equal(talk(l, &l->a, &l->b, knock(&l->a)), 4);
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
	assert_true(l->b.in.proved);
	d = say(&l->b, &l->a, "ack");
	assert_heard(l, &l->a, &l->b, &d, "ack");
	assert_int_equal(l->a.in.hello_len, 0);
}

static void both_may_begin_at_once(void **state)
{
	struct lab *l = *state;
	struct datagram first = knock(&l->a), second = knock(&l->b), from_a, from_b;

	arrive(l, &l->b, &l->a.addr, &first);
	from_b = hello_of(&l->b);
	arrive(l, &l->a, &l->b.addr, &second);
	from_a = hello_of(&l->a);
	talk(l, &l->a, &l->b, from_a);
	talk(l, &l->b, &l->a, from_b);
	assert_true(can_say(&l->a, &l->b));
	assert_true(can_say(&l->b, &l->a));
}

/* A seed is an address; who lives there is found out. */
static void a_seed_is_spoken_to_by_its_address(void **state)
{
	struct lab *l = *state;
	struct peer seed = { .addr = l->b.addr };
	struct datagram d;
	int r;

	assert_int_equal(wire_seal(&l->a.wire, &seed, (const uint8_t *)"join", 4, d.bytes),
			 -ENOTCONN);
	meet(l, &l->a, &l->b);
	r = wire_seal(&l->a.wire, &seed, (const uint8_t *)"join", 4, d.bytes);
	assert_true(r > 0);
	d.len = (size_t)r;
	assert_heard(l, &l->b, &l->a, &d, "join");
}

/* It missed everything; the first frame to it puts that right without anybody's timer. */
static void a_restarted_node_is_known_again_after_one_lost_frame(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	restart(&l->b, 22);
	d = say(&l->a, &l->b, "ping");
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_SEALED);
	talk(l, &l->b, &l->a, hello_of(&l->b));
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
	d = say(&l->b, &l->a, "ack");
	assert_heard(l, &l->a, &l->b, &d, "ack");
}

/* A knows B, B has given A up (a full table): the same. */
static void a_stranger_that_knows_us_is_asked_who_it_is(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	sessions_forget(&l->b.sessions, &l->a.identity.id);
	d = say(&l->a, &l->b, "ping");
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_STRANGER);
	assert_null(l->b.in.plain);
	talk(l, &l->b, &l->a, hello_of(&l->b));
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
}

static void a_node_that_moved_is_proved_at_its_new_address(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	l->a.addr.ip.b[3] = 77;
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
	assert_false(l->b.in.proved);
	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
	assert_true(l->b.in.proved);
}

static void versions_one_apart_talk(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	l->b.wire.version = FRAME_VERSION + 1;
	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
	d = say(&l->b, &l->a, "ack");
	assert_heard(l, &l->a, &l->b, &d, "ack");

	l->b.wire.version = FRAME_VERSION + 2;
	d = say(&l->a, &l->b, "ping");
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_VERSION);
	assert_int_equal(l->b.in.hello_len, 0);
}

static void a_kind_of_a_newer_version_is_passed_over(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	d.bytes[1] = 99;
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_KIND);
	assert_int_equal(l->b.in.hello_len, 0);
}

/* ---- keys ---------------------------------------------------------------- */

static void a_rotation_loses_no_frame(void **state)
{
	struct lab *l = *state;
	struct key_order add, use, drop;
	struct datagram d;

	assert_int_equal(key_order_add(&l->order, &l->cluster, seed_of(101), &add, NULL), 0);
	assert_int_equal(key_order_use(&add, &l->cluster, key_id(seed_of(101)), &use, NULL), 0);
	assert_int_equal(key_order_remove(&use, &l->cluster, key_id(seed_of(100)), &drop, NULL), 0);
	meet(l, &l->a, &l->b);
	give_key(&l->a, &add, 101);
	d = say(&l->a, &l->b, "1");
	assert_heard(l, &l->b, &l->a, &d, "1");
	give_key(&l->b, &add, 101);
	assert_int_equal(keyring_obey(&l->a.ring, &use), 0);
	d = say(&l->a, &l->b, "2");
	assert_heard(l, &l->b, &l->a, &d, "2");
	d = say(&l->b, &l->a, "3");
	assert_heard(l, &l->a, &l->b, &d, "3");
	assert_int_equal(keyring_obey(&l->b.ring, &use), 0);
	assert_int_equal(keyring_obey(&l->a.ring, &drop), 0);
	d = say(&l->b, &l->a, "4");
	assert_heard(l, &l->a, &l->b, &d, "4");
}

static void after_a_rotation_the_old_key_opens_nothing(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "late");
	assert_int_equal(key_order_add(&l->order, &l->cluster, seed_of(101), &l->order, NULL), 0);
	give_key(&l->b, &l->order, 101);
	assert_int_equal(key_order_use(&l->order, &l->cluster, key_id(seed_of(101)), &l->order,
				       NULL),
			 0);
	assert_int_equal(key_order_remove(&l->order, &l->cluster, key_id(seed_of(100)), &l->order,
					  NULL),
			 0);
	assert_int_equal(keyring_obey(&l->b.ring, &l->order), 0);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_KEY);
	/* Nothing is said to whoever lacks the key: what could be would not be understood. */
	assert_int_equal(l->b.in.hello_len, 0);
}

static void without_a_key_nothing_is_sent(void **state)
{
	struct lab *l = *state;
	uint8_t out[FRAME_MIN];
	struct peer b = { l->b.identity.id, l->b.addr };

	meet(l, &l->a, &l->b);
	keyring_wipe(&l->a.ring);
	assert_int_equal(wire_knock(&l->a.wire, out), -ENOKEY);
	assert_int_equal(wire_seal(&l->a.wire, &b, (const uint8_t *)"x", 1, out), -ENOKEY);
}

/* ---- attacks: replay ----------------------------------------------------- */

static void a_captured_frame_is_let_in_once(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &d, "ping");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_REPLAY);
		assert_int_equal(l->b.in.hello_len, 0);
		assert_null(l->b.in.plain);
	}
}

static void a_captured_frame_is_nothing_to_another_member(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	meet(l, &l->a, &l->c);
	d = say(&l->a, &l->b, "ping");
	assert_int_equal(arrive(l, &l->c, &l->a.addr, &d), WIRE_SEALED);
	assert_null(l->c.in.plain);
}

static void a_captured_frame_is_nothing_after_a_restart_of_its_receiver(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	restart(&l->b, 22);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_SEALED);
	meet(l, &l->a, &l->b);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_REPLAY);
}

/* Frames of the sender's earlier process were for this receiver, who runs on. */
static void a_captured_frame_is_nothing_after_a_restart_of_its_sender(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	restart(&l->a, 11);
	meet(l, &l->a, &l->b);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_STRANGER);
	assert_null(l->b.in.plain);
}

/* The whole conversation of the dead process, in every order, and then its frames. */
static void captured_hellos_do_not_bring_a_dead_process_back(void **state)
{
	struct lab *l = *state;
	struct datagram seen[8] = { 0 }, frame;
	int n = 0;

	for (struct datagram d = knock(&l->a); d.len > 0; n++) {
		bool to_b = n % 2 == 0;

		if (to_b)
			seen[n / 2] = d;
		arrive(l, to_b ? &l->b : &l->a, to_b ? &l->a.addr : &l->b.addr, &d);
		d = hello_of(to_b ? &l->b : &l->a);
	}
	assert_int_equal(n, 4);
	frame = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &frame, "ping");
	restart(&l->a, 11);
	meet(l, &l->a, &l->b);

	for (int i = 0; i < 4; i++) {
		assert_int_equal(arrive(l, &l->b, &l->a.addr, &seen[i % 2]), WIRE_HELLO);
		assert_int_equal(arrive(l, &l->b, &l->a.addr, &frame), WIRE_STRANGER);
	}
	frame = say(&l->a, &l->b, "still here");
	assert_heard(l, &l->b, &l->a, &frame, "still here");
}

/* Within the life of its cookie, and although B has no memory of A any more. */
static void captured_hellos_open_no_frame_again(void **state)
{
	struct lab *l = *state;
	struct datagram d = knock(&l->a), last, frame;

	arrive(l, &l->b, &l->a.addr, &d);
	d = hello_of(&l->b);
	arrive(l, &l->a, &l->b.addr, &d);
	last = hello_of(&l->a);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &last), WIRE_KNOWN);
	d = hello_of(&l->b);
	arrive(l, &l->a, &l->b.addr, &d);
	frame = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &frame, "ping");

	assert_int_equal(arrive(l, &l->b, &l->a.addr, &last), WIRE_HELLO);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &frame), WIRE_REPLAY);
	sessions_forget(&l->b.sessions, &l->a.identity.id);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &last), WIRE_HELLO);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &frame), WIRE_STRANGER);
}

/* One key on two machines, a cloned disk: each word of the one is lost when the other is known. */
static void clones_are_not_played_off_against_each_other(void **state)
{
	struct lab *l = *state;
	struct datagram d, echo, frame;

	l->c.identity = l->a.identity;
	restart(&l->c, 33);
	meet(l, &l->a, &l->b);
	meet(l, &l->c, &l->b);
	d = knock(&l->a);
	arrive(l, &l->b, &l->a.addr, &d);
	d = hello_of(&l->b);
	arrive(l, &l->a, &l->b.addr, &d);
	echo = hello_of(&l->a);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &echo), WIRE_KNOWN);
	frame = say(&l->a, &l->b, "ping");
	assert_heard(l, &l->b, &l->a, &frame, "ping");
	meet(l, &l->c, &l->b);

	assert_int_equal(arrive(l, &l->b, &l->a.addr, &echo), WIRE_HELLO);
	sessions_forget(&l->b.sessions, &l->c.identity.id);
	meet(l, &l->c, &l->b);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &echo), WIRE_HELLO);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &frame), WIRE_STRANGER);
}

static void an_echo_holds_for_two_periods_at_most(void **state)
{
	struct lab *l = *state;
	struct datagram first, last;

	for (ms_t late = 0; late <= 3 * COOKIE_PERIOD; late += COOKIE_PERIOD / 2) {
		enum wire_verdict v;

		restart(&l->b, 22);
		first = knock(&l->a);
		arrive(l, &l->b, &l->a.addr, &first);
		last = hello_of(&l->b);
		arrive(l, &l->a, &l->b.addr, &last);
		last = hello_of(&l->a);
		l->now += late;
		v = arrive(l, &l->b, &l->a.addr, &last);
		if (late <= COOKIE_PERIOD)
			assert_int_equal(v, WIRE_KNOWN);
		if (late >= COOKIE_LIFE)
			assert_int_equal(v, WIRE_HELLO);
	}
}

/* ---- attacks: forgery ---------------------------------------------------- */

static void no_bit_of_a_hello_can_be_changed(void **state)
{
	struct lab *l = *state;
	struct datagram d = knock(&l->a);

	for (size_t i = 0; i < d.len * 8; i++) {
		d.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(arrive(l, &l->b, &l->a.addr, &d) >= WIRE_SEALED);
		assert_int_equal(l->b.sessions.n_used, 0);
		d.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_HELLO);
}

/* Kinds are sealed: a hello, which anybody may read, is not heard as a message. */
static void a_hello_is_no_message_and_a_message_no_hello(void **state)
{
	struct lab *l = *state;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = knock(&l->a);
	d.bytes[1] = FRAME_DATA;
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_SEALED);
	d = say(&l->a, &l->b, "ping");
	d.bytes[1] = FRAME_HELLO;
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_SEALED);
}

/* Each is sent the other's words, as if from the other: as on a wire with a loop. */
static void ones_own_words_are_not_believed(void **state)
{
	struct lab *l = *state;
	struct datagram d = knock(&l->a);

	assert_int_equal(arrive(l, &l->a, &l->b.addr, &d), WIRE_JUNK);
	assert_int_equal(l->a.in.hello_len, 0);
	/* Its own, of before a restart. */
	restart(&l->a, 11);
	assert_int_equal(arrive(l, &l->a, &l->b.addr, &d), WIRE_JUNK);
	assert_int_equal(l->a.in.hello_len, 0);
}

/* The echo that B asked C for does not make A known, though A has the key as well. */
static void a_cookie_is_of_one_process_at_one_address(void **state)
{
	struct lab *l = *state;
	struct datagram d = knock(&l->c);

	arrive(l, &l->b, &l->c.addr, &d);
	d = hello_of(&l->b);
	/* A, who has the key, answers in C's place. */
	arrive(l, &l->a, &l->b.addr, &d);
	d = hello_of(&l->a);
	assert_int_equal(arrive(l, &l->b, &l->c.addr, &d), WIRE_HELLO);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_HELLO);
	assert_int_equal(l->b.sessions.n_used, 0);
	/* C answers, from another address. */
	d = knock(&l->c);
	arrive(l, &l->b, &l->c.addr, &d);
	d = hello_of(&l->b);
	arrive(l, &l->c, &l->b.addr, &d);
	d = hello_of(&l->c);
	assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_HELLO);
	assert_int_equal(l->b.sessions.n_used, 0);
}

static void junk_is_counted_and_not_answered(void **state)
{
	struct lab *l = *state;
	struct datagram d = { .len = DATAGRAM_MAX };

	for (size_t len = 0; len < FRAME_MIN; len++) {
		d.len = len;
		assert_int_equal(arrive(l, &l->b, &l->a.addr, &d), WIRE_JUNK);
		assert_int_equal(l->b.in.hello_len, 0);
	}
	assert_int_equal(l->b.wire.count[WIRE_JUNK], FRAME_MIN);
}

/* ---- attacks: amplification ---------------------------------------------- */

/* Whatever is sent by whoever has no key: what comes back is no larger. */
static void nothing_unsealed_causes_more_than_itself(void **state)
{
	struct lab *l = *state;
	struct datagram d, frame;

	meet(l, &l->a, &l->b);
	frame = say(&l->a, &l->b, "ping");
	for (unsigned int i = 0; i < 20000; i++) {
		d = frame;
		randombytes_buf_deterministic(d.bytes + 8, sizeof(d.bytes) - 8,
					      seed_of((uint8_t)i));
		d.bytes[8] = (uint8_t)(i >> 8);
		d.len = 1 + i % DATAGRAM_MAX;
		assert_true(arrive(l, &l->b, &l->c.addr, &d) != WIRE_MESSAGE);
		assert_true(l->b.in.hello_len <= d.len);
	}
	/* And no more often than so many a second. */
	assert_true(l->b.wire.hellos_held > 10000);
}

static void forged_frames_cause_few_hellos(void **state)
{
	struct lab *l = *state;
	struct datagram d;
	int n = 0;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "ping");
	d.bytes[40] ^= 1;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(arrive(l, &l->b, &l->c.addr, &d), WIRE_SEALED);
		n += l->b.in.hello_len > 0;
		l->now++;
	}
	/* A full bucket, and ten seconds of filling. */
	assert_in_range(n, 11 * WIRE_HELLOS_BLIND - 1, 11 * WIRE_HELLOS_BLIND + 1);
	/* Those who have the key are still heard. */
	restart(&l->a, 11);
	meet(l, &l->a, &l->b);
	assert_true(can_say(&l->a, &l->b));
}

static void captured_hellos_cause_no_more_than_their_number(void **state)
{
	struct lab *l = *state;
	struct datagram d = knock(&l->a);
	int n = 0;

	for (int i = 0; i < 5000; i++) {
		arrive(l, &l->b, &l->c.addr, &d);
		assert_true(l->b.in.hello_len <= d.len);
		n += l->b.in.hello_len > 0;
	}
	assert_int_equal(n, WIRE_HELLOS);
	assert_int_equal(l->b.sessions.n_used, 0);
}

/* A genuine request, caught before it arrived and sent on with a victim's address. */
static void bulk_goes_only_to_an_address_that_has_echoed(void **state)
{
	struct lab *l = *state;
	struct wire_allowance *allowed = &l->b.in.allowance;
	struct datagram d;

	meet(l, &l->a, &l->b);
	d = say(&l->a, &l->b, "send me everything");
	assert_int_equal(arrive(l, &l->b, &l->c.addr, &d), WIRE_MESSAGE);
	assert_false(l->b.in.proved);
	assert_true(wire_may_answer(allowed, DATAGRAM_MAX));
	assert_false(wire_may_answer(allowed, 1));
	assert_int_equal(arrive(l, &l->b, &l->c.addr, &d), WIRE_REPLAY);
	assert_false(wire_may_answer(allowed, 1));

	d = say(&l->a, &l->b, "send me everything");
	assert_heard(l, &l->b, &l->a, &d, "send me everything");
	for (int i = 0; i < WIRE_ANSWERS_MAX; i++)
		assert_true(wire_may_answer(allowed, DATAGRAM_MAX));
	assert_false(wire_may_answer(allowed, 1));
}

static void an_answer_is_within_what_is_allowed(void **state)
{
	struct wire_allowance a = { 3, 1000 };

	(void)state;
	assert_false(wire_may_answer(&a, 1001));
	assert_true(wire_may_answer(&a, 600));
	assert_false(wire_may_answer(&a, 600));
	assert_true(wire_may_answer(&a, 400));
	assert_false(wire_may_answer(&a, 1));
}

/* ---- attacks: exhaustion ------------------------------------------------- */

/* Members without number: one that has the key makes identities as it likes. */
static void a_crowd_of_members_takes_no_more_than_the_table(void **state)
{
	struct lab *l = *state;

	for (int n = 0; n < 100; n++) {
		l->c.identity.id.b[0] = (uint8_t)n;
		restart(&l->c, (uint8_t)(100 + n));
		l->now += 10;
		meet(l, &l->c, &l->b);
	}
	assert_int_equal(l->b.sessions.n_used, N_SESSIONS);
}

/* The table is full of those who talk: the words run out all the same. */
static void who_finds_no_room_does_not_ask_for_ever(void **state)
{
	struct lab *l = *state;

	a_crowd_of_members_takes_no_more_than_the_table(state);
	assert_true(talk(l, &l->a, &l->b, knock(&l->a)) <= 4);
	assert_false(can_say(&l->b, &l->a));
	/* In time there is room again. */
	l->now += 60000;
	meet(l, &l->a, &l->b);
	assert_true(can_say(&l->b, &l->a));
}

/* ---- nonces -------------------------------------------------------------- */

static void no_two_frames_have_the_same_nonce(void **state)
{
	enum { MANY = 300 };
	static uint8_t nonce[MANY][24];
	struct lab *l = *state;
	int n = 0;

	for (int life = 0; life < 3; life++) {
		restart(&l->a, (uint8_t)(50 + life));
		meet(l, &l->a, &l->b);
		for (int i = 0; i < MANY / 3; i++) {
			struct datagram d = i % 5 ? say(&l->a, &l->b, "same") : knock(&l->a);

			memcpy(nonce[n++], d.bytes + 8, 24);
		}
	}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			assert_memory_not_equal(nonce[i], nonce[k], 24);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(four_hellos_make_two_nodes_known),
		test(both_may_begin_at_once),
		test(a_seed_is_spoken_to_by_its_address),
		test(a_restarted_node_is_known_again_after_one_lost_frame),
		test(a_stranger_that_knows_us_is_asked_who_it_is),
		test(a_node_that_moved_is_proved_at_its_new_address),
		test(versions_one_apart_talk),
		test(a_kind_of_a_newer_version_is_passed_over),
		test(a_rotation_loses_no_frame),
		test(after_a_rotation_the_old_key_opens_nothing),
		test(without_a_key_nothing_is_sent),
		test(a_captured_frame_is_let_in_once),
		test(a_captured_frame_is_nothing_to_another_member),
		test(a_captured_frame_is_nothing_after_a_restart_of_its_receiver),
		test(a_captured_frame_is_nothing_after_a_restart_of_its_sender),
		test(captured_hellos_do_not_bring_a_dead_process_back),
		test(captured_hellos_open_no_frame_again),
		test(clones_are_not_played_off_against_each_other),
		test(an_echo_holds_for_two_periods_at_most),
		test(no_bit_of_a_hello_can_be_changed),
		test(a_hello_is_no_message_and_a_message_no_hello),
		test(ones_own_words_are_not_believed),
		test(a_cookie_is_of_one_process_at_one_address),
		test(junk_is_counted_and_not_answered),
		test(nothing_unsealed_causes_more_than_itself),
		test(forged_frames_cause_few_hellos),
		test(captured_hellos_cause_no_more_than_their_number),
		test(bulk_goes_only_to_an_address_that_has_echoed),
		test(an_answer_is_within_what_is_allowed),
		test(a_crowd_of_members_takes_no_more_than_the_table),
		test(who_finds_no_room_does_not_ask_for_ever),
		test(no_two_frames_have_the_same_nonce),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
