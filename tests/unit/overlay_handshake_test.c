/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_handshake_test - joining and re-keying, and who stands between
 *
 * The attacker reads, changes, keeps and sends whatever he likes.  Mallory is a
 * member of the cluster besides, but no admitter.
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
#include "lib/err.h"
#include "overlay/admission.h"
#include "overlay/handshake.h"
#include "tests/unit/overlay_keys.h"
#include "tests/unit/stopwatch.h"

#define NOW	1700000000u
#define EXPIRES (NOW + 3600)

struct party {
	struct identity identity;
	uint8_t admission[NODE_SIG_LEN];
	struct keyring ring;
	struct handshake h;
	struct handshake_self self;
};

struct lab {
	struct identity cluster;
	struct key_order order;
	struct token token;
	struct token_revocations revoked;
	struct party admitter, joiner, mallory;
	uint8_t m1[HANDSHAKE_1_LEN], m2[HANDSHAKE_2_LEN], m3[HANDSHAKE_3_LEN], m4[HANDSHAKE_4_LEN];
	uint8_t got[NODE_SIG_LEN]; /* what the joiner took home */
	struct err e;
	uint8_t seed; /* of the next handshake */
};

/* ---- the lab ------------------------------------------------------------- */

static void make_party(struct lab *l, struct party *p, uint8_t n, const char *name)
{
	p->identity = identity_of(n);
	p->self.identity = &p->identity;
	p->self.name = name;
	p->self.cluster_key = l->cluster.key;
}

static void make_member(struct lab *l, struct party *p)
{
	admission_sign(&l->cluster, p->identity.key, p->self.name, p->admission);
	p->self.admission = p->admission;
	keyring_obey(&p->ring, &l->order);
	keyring_take(&p->ring, seed_of(100));
}

static int set_up(void **state)
{
	static struct lab l;

	memset(&l, 0, sizeof(l));
	l.cluster = identity_of(200);
	key_order_first(&l.order, &l.cluster, seed_of(100));
	token_issue(&l.cluster, (const uint8_t *)"token-1", EXPIRES, &l.token);
	make_party(&l, &l.admitter, 1, "founder");
	make_member(&l, &l.admitter);
	l.admitter.self.cluster = &l.cluster;
	l.admitter.self.revoked = &l.revoked;
	make_party(&l, &l.joiner, 2, "web-1");
	make_party(&l, &l.mallory, 3, "mallory");
	make_member(&l, &l.mallory);
	*state = &l;

	return 0;
}

/* Steps, each as its side takes it. */
static void start(struct lab *l, struct party *p, const struct token *token)
{
	handshake_start(&p->h, &p->self, token, seed_of(++l->seed), l->m1);
}

static int answer(struct lab *l, struct party *p)
{
	return handshake_answer(&p->h, &p->self, l->m1, sizeof(l->m1), NOW, seed_of(++l->seed),
				l->m2, &l->e);
}

static int prove(struct lab *l, struct party *p)
{
	return handshake_prove(&p->h, &p->self, l->m2, sizeof(l->m2), l->m3, &l->e);
}

static int check(struct lab *l, struct party *p)
{
	return handshake_check(&p->h, &p->self, l->m3, sizeof(l->m3), &l->e);
}

static int finish(struct lab *l, struct party *p)
{
	return handshake_finish(&p->h, &p->self, l->m4, sizeof(l->m4), l->got, &p->ring, &l->e);
}

static void assert_says(const struct lab *l, const char *text)
{
	if (!strstr(l->e.msg, text))
		fail_msg("\"%s\" does not say \"%s\"", l->e.msg, text);
}

/* ---- how it should go ---------------------------------------------------- */

static void a_token_gets_a_node_its_admission_and_the_keys(void **state)
{
	struct lab *l = *state;
	uint32_t id;

	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_memory_equal(l->joiner.h.peer_key, l->admitter.identity.key, NODE_KEY_LEN);
	assert_int_equal(check(l, &l->admitter), 0);
	assert_memory_equal(l->admitter.h.peer_key, l->joiner.identity.key, NODE_KEY_LEN);
	assert_string_equal(l->admitter.h.peer_name, "web-1");
	handshake_admit(&l->admitter.h, &l->admitter.self, &l->admitter.ring, l->m4);
	assert_int_equal(finish(l, &l->joiner), 0);
	assert_true(admission_check(l->cluster.key, l->joiner.identity.key, "web-1", l->got));
	assert_non_null(keyring_primary(&l->joiner.ring, &id));
	assert_int_equal(id, key_id(seed_of(100)));
}

/* It was away during a rotation; Mallory, any member, is good enough to help. */
static void a_member_that_missed_a_rotation_gets_the_keys_by_its_identity(void **state)
{
	struct lab *l = *state;
	struct key_order next;
	uint32_t id;

	make_member(l, &l->joiner);
	assert_int_equal(key_order_add(&l->order, &l->cluster, seed_of(101), &next, NULL), 0);
	assert_int_equal(key_order_use(&next, &l->cluster, key_id(seed_of(101)), &next, NULL), 0);
	assert_int_equal(key_order_remove(&next, &l->cluster, key_id(seed_of(100)), &next, NULL),
			 0);
	keyring_obey(&l->mallory.ring, &next);
	keyring_take(&l->mallory.ring, seed_of(101));

	start(l, &l->joiner, NULL);
	assert_int_equal(answer(l, &l->mallory), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->mallory), 0);
	assert_string_equal(l->mallory.h.peer_name, "web-1");
	handshake_admit(&l->mallory.h, &l->mallory.self, &l->mallory.ring, l->m4);
	assert_int_equal(finish(l, &l->joiner), 0);
	assert_non_null(keyring_primary(&l->joiner.ring, &id));
	assert_int_equal(id, key_id(seed_of(101)));
	assert_null(keyring_find(&l->joiner.ring, key_id(seed_of(100))));
	assert_memory_equal(l->got, l->joiner.admission, NODE_SIG_LEN);
}

static void a_responder_that_lacks_a_key_says_so(void **state)
{
	struct lab *l = *state;
	struct key_order next;

	assert_int_equal(key_order_add(&l->order, &l->cluster, seed_of(101), &next, NULL), 0);
	keyring_obey(&l->admitter.ring, &next);
	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->admitter), 0);
	handshake_admit(&l->admitter.h, &l->admitter.self, &l->admitter.ring, l->m4);
	assert_int_equal(finish(l, &l->joiner), 1);
}

/* ---- refusals ------------------------------------------------------------ */

static void a_token_that_does_not_hold_is_refused_and_the_joiner_hears_why(void **state)
{
	struct lab *l = *state;
	static const struct {
		int r;
		const char *admitter, *joiner;
	} cases[] = {
		{ -EKEYEXPIRED, "it expired at", "has expired by its clock" },
		{ -EKEYREVOKED, "it was revoked", "was revoked: ask for a new one" },
		{ -EOPNOTSUPP, "is no admitter", "join by the address of one" },
		{ -EPROTONOSUPPORT, "upgrade the older side", "upgrade the older side" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct token t = l->token;
		uint8_t refusal[HANDSHAKE_REFUSAL_LEN];
		int r;

		if (i == 0)
			token_issue(&l->cluster, t.id, NOW, &t);
		if (i == 1)
			token_revoke(&l->revoked, t.id, t.expires, NOW, NULL);
		start(l, &l->joiner, &t);
		l->m1[0] = i == 3 ? 9 : l->m1[0];
		r = answer(l, i == 2 ? &l->mallory : &l->admitter);
		assert_int_equal(r, cases[i].r);
		assert_says(l, cases[i].admitter);
		handshake_refuse(&l->admitter.h, handshake_refusal_of(r), refusal);
		assert_int_equal(handshake_prove(&l->joiner.h, &l->joiner.self, refusal,
						 sizeof(refusal), l->m3, &l->e),
				 -ECONNREFUSED);
		assert_says(l, "unverified");
		assert_says(l, cases[i].joiner);
		l->revoked.n = 0;
	}
}

static void a_refusal_of_a_newer_version_is_no_crash(void **state)
{
	struct lab *l = *state;

	for (unsigned int why = 0; why < 256; why++) {
		uint8_t refusal[HANDSHAKE_REFUSAL_LEN] = { 1, (uint8_t)why };

		start(l, &l->joiner, &l->token);
		assert_int_equal(handshake_prove(&l->joiner.h, &l->joiner.self, refusal,
						 sizeof(refusal), l->m3, &l->e),
				 why == REFUSED_ELSEWHERE ? -EADDRINUSE : -ECONNREFUSED);
	}
	assert_says(l, "a reason that this version does not know");
}

/* ---- attacks: in the middle ---------------------------------------------- */

/* Whoever answers in the admitter's place: with the right name, and no secret. */
static void without_the_secret_nobody_answers_for_the_admitter(void **state)
{
	struct lab *l = *state;
	struct identity rogue = identity_of(66);
	struct party fake = { 0 };

	make_party(l, &fake, 66, "founder");
	fake.self.admission = l->admitter.admission;
	fake.self.cluster = &rogue;
	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &fake), 0);
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
	assert_says(l, "does not know the token's secret");
}

/* He has even found the token, in somebody's shell history. */
static void with_the_secret_a_stranger_is_no_admitter(void **state)
{
	struct lab *l = *state;
	struct party fake = { 0 };

	make_party(l, &fake, 66, "founder");
	fake.self.admission = l->admitter.admission;
	fake.self.cluster = &l->cluster; /* only so that he gets the token's secret */
	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &fake), 0);
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
	assert_says(l, "no member of the cluster");
}

/* A member with the token can talk to the joiner, and admit it he cannot. */
static void with_the_secret_a_member_cannot_admit(void **state)
{
	struct lab *l = *state;
	struct identity rogue = identity_of(66);

	l->mallory.self.cluster = &l->cluster; /* for the secret */
	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &l->mallory), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->mallory), 0);
	l->mallory.self.cluster = &rogue;
	handshake_admit(&l->mallory.h, &l->mallory.self, &l->mallory.ring, l->m4);
	assert_int_equal(finish(l, &l->joiner), -EKEYREJECTED);
	assert_says(l, "is not signed by the cluster");
	assert_int_equal(l->joiner.ring.order.number, 0);
	assert_true(sodium_is_zero(l->got, sizeof(l->got)));
}

/* Frame keys of his choice would make the joiner's frames his to read. */
static void nobody_gives_a_joiner_keys_that_the_cluster_has_not_ordered(void **state)
{
	struct lab *l = *state;
	struct identity rogue = identity_of(66);
	struct keyring chosen = { 0 };
	struct key_order order;

	key_order_first(&order, &rogue, seed_of(67));
	keyring_obey(&chosen, &order);
	keyring_take(&chosen, seed_of(67));
	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->admitter), 0);
	handshake_admit(&l->admitter.h, &l->admitter.self, &chosen, l->m4);
	assert_int_equal(finish(l, &l->joiner), -EKEYREJECTED);
	assert_says(l, "order of keys");
	assert_int_equal(l->joiner.ring.order.number, 0);
}

static void without_the_secret_nobody_joins(void **state)
{
	struct lab *l = *state;
	struct token guess = l->token;

	guess.secret[0] ^= 1;
	start(l, &l->joiner, &guess);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
	/* Nor by going on as if nothing were wrong. */
	memset(l->m3, 0x5a, sizeof(l->m3));
	assert_int_equal(check(l, &l->admitter), -EKEYREJECTED);
	assert_says(l, "does not know the secret of the token");
}

/* The token's lifetime is in the secret: showing a later one does not help. */
static void an_expired_token_with_another_expiry_joins_nobody(void **state)
{
	struct lab *l = *state;
	struct token t;

	token_issue(&l->cluster, l->token.id, NOW - 1, &t);
	t.expires = EXPIRES;
	start(l, &l->joiner, &t);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
}

static void no_bit_can_be_changed_on_the_way(void **state)
{
	struct lab *l = *state;
	struct {
		uint8_t *msg;
		size_t len;
	} const steps[] = { { l->m1, sizeof(l->m1) },
			    { l->m2, sizeof(l->m2) },
			    { l->m3, sizeof(l->m3) },
			    { l->m4, sizeof(l->m4) } };

	for (unsigned int step = 0; step < ARRAY_SIZE(steps); step++) {
		for (size_t bit = 0; bit < steps[step].len * 8; bit += 5) {
			uint8_t *at = &steps[step].msg[bit / 8], mask = (uint8_t)(1 << bit % 8);
			bool refused = false;

			/* The upper bit of an X25519 key is ignored, but it is in the transcript.
			 */
			keyring_wipe(&l->joiner.ring);
			start(l, &l->joiner, &l->token);
			*at ^= step == 0 ? mask : 0;
			refused |= answer(l, &l->admitter) < 0;
			*at ^= step == 1 ? mask : 0;
			refused = refused || prove(l, &l->joiner) < 0;
			*at ^= step == 2 ? mask : 0;
			refused = refused || check(l, &l->admitter) < 0;
			if (!refused)
				handshake_admit(&l->admitter.h, &l->admitter.self,
						&l->admitter.ring, l->m4);
			*at ^= step == 3 ? mask : 0;
			assert_true(refused || finish(l, &l->joiner) < 0);
		}
	}
}

/* Points whose product with any key is zero: the secret would be known to all. */
static void a_key_of_small_order_is_refused(void **state)
{
	static const char *const keys[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct lab *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		start(l, &l->joiner, &l->token);
		from_hex(keys[i], l->m1 + 16, 32);
		assert_int_equal(answer(l, &l->admitter), -EBADMSG);
		start(l, &l->joiner, &l->token);
		assert_int_equal(answer(l, &l->admitter), 0);
		from_hex(keys[i], l->m2, 32);
		assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
	}
}

/* ---- attacks: replay and relay ------------------------------------------- */

static void a_captured_handshake_admits_nobody_again(void **state)
{
	struct lab *l = *state;
	uint8_t m1[HANDSHAKE_1_LEN], m3[HANDSHAKE_3_LEN];

	a_token_gets_a_node_its_admission_and_the_keys(state);
	memcpy(m1, l->m1, sizeof(m1));
	memcpy(m3, l->m3, sizeof(m3));
	memcpy(l->m1, m1, sizeof(m1));
	assert_int_equal(answer(l, &l->admitter), 0);
	memcpy(l->m3, m3, sizeof(m3));
	assert_int_equal(check(l, &l->admitter), -EKEYREJECTED);
}

static void a_captured_answer_is_nothing_to_another_joiner(void **state)
{
	struct lab *l = *state;
	uint8_t m2[HANDSHAKE_2_LEN];

	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &l->admitter), 0);
	memcpy(m2, l->m2, sizeof(m2));
	start(l, &l->joiner, &l->token);
	memcpy(l->m2, m2, sizeof(m2));
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
}

/* Mallory takes what a member proves to her, and shows it to another in its name. */
static void a_proof_is_to_one_responder(void **state)
{
	struct lab *l = *state;

	make_member(l, &l->joiner);
	start(l, &l->joiner, NULL);
	assert_int_equal(answer(l, &l->mallory), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->mallory), 0);
	/* The same first message and the joiner's third, to the admitter. */
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(check(l, &l->admitter), -EKEYREJECTED);
}

static void whoever_is_no_member_is_not_given_keys(void **state)
{
	struct lab *l = *state;

	/* With somebody else's admission, */
	l->joiner.self.admission = l->mallory.admission;
	start(l, &l->joiner, NULL);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->admitter), -EKEYREJECTED);
	assert_says(l, "not the one that it says it is");
	/* with its own name changed, */
	make_member(l, &l->joiner);
	l->joiner.self.name = "web-2";
	start(l, &l->joiner, NULL);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->admitter), -EKEYREJECTED);
	/* and of another cluster. */
	l->joiner.self.name = "web-1";
	l->joiner.self.cluster_key = l->mallory.identity.key;
	start(l, &l->joiner, NULL);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
}

static void a_mode_is_not_exchanged_for_the_other(void **state)
{
	struct lab *l = *state;

	start(l, &l->joiner, &l->token);
	l->m1[1] = HANDSHAKE_REKEY;
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
	l->m1[1] = 3;
	assert_int_equal(answer(l, &l->admitter), -EBADMSG);
}

/* A member that lags behind would bring removed keys back. */
static void older_keys_are_not_taken_for_newer(void **state)
{
	struct lab *l = *state;
	struct key_order next;

	make_member(l, &l->joiner);
	assert_int_equal(key_order_add(&l->order, &l->cluster, seed_of(101), &next, NULL), 0);
	keyring_obey(&l->joiner.ring, &next);
	start(l, &l->joiner, NULL);
	assert_int_equal(answer(l, &l->mallory), 0);
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_int_equal(check(l, &l->mallory), 0);
	handshake_admit(&l->mallory.h, &l->mallory.self, &l->mallory.ring, l->m4);
	assert_int_equal(finish(l, &l->joiner), -ESTALE);
	assert_says(l, "ask another member");
	assert_int_equal(l->joiner.ring.order.number, next.number);
}

/* ---- order and memory ---------------------------------------------------- */

static void messages_out_of_turn_are_refused(void **state)
{
	struct lab *l = *state;

	start(l, &l->joiner, &l->token);
	assert_int_equal(finish(l, &l->joiner), -EBADMSG);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_int_equal(check(l, &l->joiner), -EBADMSG);
	l->m2[40] ^= 1;
	assert_int_equal(prove(l, &l->joiner), -EKEYREJECTED);
	l->m2[40] ^= 1;
	/* No second try: a handshake that failed is over. */
	assert_int_equal(prove(l, &l->joiner), -EBADMSG);
	assert_says(l, "is not due");
}

static void a_message_of_another_length_is_refused(void **state)
{
	struct lab *l = *state;
	static uint8_t msg[HANDSHAKE_MAX + 8];

	for (size_t len = 0; len < sizeof(msg); len++) {
		if (len < HANDSHAKE_1_LEN)
			assert_int_equal(handshake_answer(&l->admitter.h, &l->admitter.self, msg,
							  len, NOW, seed_of(9), l->m2, NULL),
					 -EBADMSG);
		start(l, &l->joiner, &l->token);
		if (len != HANDSHAKE_2_LEN && len != HANDSHAKE_REFUSAL_LEN)
			assert_int_equal(handshake_prove(&l->joiner.h, &l->joiner.self, msg, len,
							 l->m3, NULL),
					 -EBADMSG);
	}
}

/* Offline guessing needs something to try a guess on: nothing before message 2 depends on it. */
static void the_first_message_tells_nothing_of_the_secret(void **state)
{
	struct lab *l = *state;
	uint8_t with[HANDSHAKE_1_LEN];
	struct token other = l->token;

	memset(other.secret, 0, sizeof(other.secret));
	handshake_start(&l->joiner.h, &l->joiner.self, &l->token, seed_of(1), with);
	handshake_start(&l->joiner.h, &l->joiner.self, &other, seed_of(1), l->m1);
	assert_memory_equal(with, l->m1, sizeof(with));
}

static void secrets_do_not_outlive_their_step(void **state)
{
	struct lab *l = *state;

	start(l, &l->joiner, &l->token);
	assert_int_equal(answer(l, &l->admitter), 0);
	assert_null(
		memmem(&l->admitter.h, sizeof(l->admitter.h), l->token.secret, TOKEN_SECRET_LEN));
	assert_int_equal(prove(l, &l->joiner), 0);
	assert_null(memmem(&l->joiner.h, sizeof(l->joiner.h), l->token.secret, TOKEN_SECRET_LEN));
	handshake_wipe(&l->joiner.h);
	assert_true(sodium_is_zero((const uint8_t *)&l->joiner.h, sizeof(l->joiner.h)));
}

/* Says what joining costs the admitter. */
static void the_cost_of_a_join_is_told(void **state)
{
	enum { ROUNDS = 200 };
	struct lab *l = *state;
	double in_answer = 0, in_rest = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double t;

		keyring_wipe(&l->joiner.ring);
		start(l, &l->joiner, &l->token);
		t = microseconds();
		assert_int_equal(answer(l, &l->admitter), 0);
		in_answer += microseconds() - t;
		assert_int_equal(prove(l, &l->joiner), 0);
		t = microseconds();
		assert_int_equal(check(l, &l->admitter), 0);
		handshake_admit(&l->admitter.h, &l->admitter.self, &l->admitter.ring, l->m4);
		in_rest += microseconds() - t;
		assert_int_equal(finish(l, &l->joiner), 0);
	}
	print_message("message 1 to 2: %.0f us, 3 to 4: %.0f us; state of a handshake: %zu bytes\n",
		      in_answer / ROUNDS, in_rest / ROUNDS, sizeof(struct handshake));
}

#define test(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_token_gets_a_node_its_admission_and_the_keys),
		test(a_member_that_missed_a_rotation_gets_the_keys_by_its_identity),
		test(a_responder_that_lacks_a_key_says_so),
		test(a_token_that_does_not_hold_is_refused_and_the_joiner_hears_why),
		test(a_refusal_of_a_newer_version_is_no_crash),
		test(without_the_secret_nobody_answers_for_the_admitter),
		test(with_the_secret_a_stranger_is_no_admitter),
		test(with_the_secret_a_member_cannot_admit),
		test(nobody_gives_a_joiner_keys_that_the_cluster_has_not_ordered),
		test(without_the_secret_nobody_joins),
		test(an_expired_token_with_another_expiry_joins_nobody),
		test(no_bit_can_be_changed_on_the_way),
		test(a_key_of_small_order_is_refused),
		test(a_captured_handshake_admits_nobody_again),
		test(a_captured_answer_is_nothing_to_another_joiner),
		test(a_proof_is_to_one_responder),
		test(whoever_is_no_member_is_not_given_keys),
		test(a_mode_is_not_exchanged_for_the_other),
		test(older_keys_are_not_taken_for_newer),
		test(messages_out_of_turn_are_refused),
		test(a_message_of_another_length_is_refused),
		test(the_first_message_tells_nothing_of_the_secret),
		test(secrets_do_not_outlive_their_step),
		test(the_cost_of_a_join_is_told),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
