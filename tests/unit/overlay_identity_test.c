/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_identity_test - node ids, signatures, sealed secrets, admissions */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "overlay/admission.h"
#include "tests/unit/overlay_keys.h"

/* ---- published vectors: that the library does what its names say ---------- */

/* RFC 8032, section 7.1, tests 1 to 3. */
static void ed25519_is_that_of_rfc_8032(void **state)
{
	static const struct {
		const char *seed, *key, *msg, *sig;
	} cases[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
		  "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
		  "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
		{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
		  "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t seed[32], msg[8], sig[64];
		size_t len = from_hex(cases[i].msg, msg, sizeof(msg));
		struct identity id;

		from_hex(cases[i].seed, seed, sizeof(seed));
		identity_init(&id, seed);
		assert_hex_equal(id.key, sizeof(id.key), cases[i].key);
		crypto_sign_detached(sig, NULL, msg, len, id.secret);
		assert_hex_equal(sig, sizeof(sig), cases[i].sig);
	}
}

/* RFC 8032, section 7.3, "abc": the variant that our signatures are of. */
static void ed25519ph_is_that_of_rfc_8032(void **state)
{
	uint8_t seed[32], sig[64];
	crypto_sign_state ph;
	struct identity id;

	(void)state;
	from_hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", seed,
		 sizeof(seed));
	identity_init(&id, seed);
	assert_hex_equal(id.key, sizeof(id.key),
			 "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
	crypto_sign_init(&ph);
	crypto_sign_update(&ph, (const uint8_t *)"abc", 3);
	crypto_sign_final_create(&ph, sig, NULL, id.secret);
	assert_hex_equal(
		sig, sizeof(sig),
		"98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a35"
		"5a2003d062adf5aaa10b8c61e636062aaad11c2a26083406");
}

/* RFC 7748, section 6.1. */
static void x25519_is_that_of_rfc_7748(void **state)
{
	uint8_t a[32], b[32], key_b[32], shared[32];

	(void)state;
	from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", a, 32);
	from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", b, 32);
	assert_int_equal(crypto_scalarmult_base(key_b, b), 0);
	assert_hex_equal(key_b, 32,
			 "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_int_equal(crypto_scalarmult(shared, a, key_b), 0);
	assert_hex_equal(shared, 32,
			 "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* RFC 7693, appendix A; and the first keyed one of the authors' test vectors. */
static void blake2b_is_that_of_rfc_7693(void **state)
{
	uint8_t hash[64], key[64];

	(void)state;
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)"abc", 3, NULL, 0);
	assert_hex_equal(hash, sizeof(hash),
			 "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
			 "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	crypto_generichash(hash, sizeof(hash), NULL, 0, key, sizeof(key));
	assert_hex_equal(hash, sizeof(hash),
			 "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
			 "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568");
}

/* ---- identities ---------------------------------------------------------- */

/* Computed by another program from the definition in node.c: an id must never change. */
static void an_id_is_the_hash_of_the_key(void **state)
{
	uint8_t key[NODE_KEY_LEN];
	struct node_id id;

	(void)state;
	from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", key,
		 sizeof(key));
	node_id_of_key(key, &id);
	assert_hex_equal(id.b, sizeof(id.b), "b12bba4734266611b3a83dae503ea996");
}

static void a_signature_is_of_one_key_one_message_and_one_purpose(void **state)
{
	struct identity one = identity_of(1), other = identity_of(2);
	uint8_t sig[NODE_SIG_LEN];

	(void)state;
	identity_sign(&one, SIGN_GOSSIP, "row", 3, sig);
	assert_true(identity_verify(one.key, SIGN_GOSSIP, "row", 3, sig));
	assert_false(identity_verify(other.key, SIGN_GOSSIP, "row", 3, sig));
	assert_false(identity_verify(one.key, SIGN_GOSSIP, "ro", 2, sig));
	for (int purpose = SIGN_ADMISSION; purpose <= SIGN_HANDSHAKE; purpose++)
		assert_false(identity_verify(one.key, (enum sign_purpose)purpose, "row", 3, sig));
	for (size_t i = 0; i < sizeof(sig); i++) {
		sig[i] ^= 0x10;
		assert_false(identity_verify(one.key, SIGN_GOSSIP, "row", 3, sig));
		sig[i] ^= 0x10;
	}
}

/* A purpose is not made of a longer message without one: plain Ed25519 is another scheme. */
static void a_plain_signature_is_not_taken(void **state)
{
	struct identity one = identity_of(1);
	uint8_t sig[NODE_SIG_LEN], msg[19] = "heddle sig 1 ";

	(void)state;
	msg[15] = SIGN_GOSSIP;
	memcpy(msg + 16, "row", 3);
	crypto_sign_detached(sig, NULL, msg, sizeof(msg), one.secret);
	assert_false(identity_verify(one.key, SIGN_GOSSIP, "row", 3, sig));
}

static void a_wiped_identity_has_no_secret(void **state)
{
	struct identity one = identity_of(1);

	(void)state;
	identity_wipe(&one);
	assert_true(sodium_is_zero((const uint8_t *)&one, sizeof(one)));
}

/* ---- sealed secrets ------------------------------------------------------ */

static void what_is_sealed_is_opened_by_its_receiver_alone(void **state)
{
	struct identity one = identity_of(1), other = identity_of(2);
	uint8_t sealed[5 + SEAL_OVERHEAD], plain[5] = "-----";

	(void)state;
	assert_int_equal(identity_seal(one.key, seed_of(9), "hello", 5, sealed), 0);
	assert_int_equal(identity_open(&other, sealed, sizeof(sealed), plain), -EBADMSG);
	assert_memory_equal(plain, "-----", 5);
	assert_int_equal(identity_open(&one, sealed, sizeof(sealed), plain), 0);
	assert_memory_equal(plain, "hello", 5);
}

static void a_damaged_or_cut_seal_is_refused(void **state)
{
	struct identity one = identity_of(1);
	uint8_t sealed[5 + SEAL_OVERHEAD], plain[5];

	(void)state;
	assert_int_equal(identity_seal(one.key, seed_of(9), "hello", 5, sealed), 0);
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(identity_open(&one, sealed, len, plain), -EBADMSG);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(identity_open(&one, sealed, sizeof(sealed), plain), -EBADMSG);
		sealed[i] ^= 1;
	}
}

/* The library's own sealing draws other randomness, and nothing else is different. */
static void sealing_is_the_librarys(void **state)
{
	struct identity one = identity_of(1);
	uint8_t box[32], secret[32], sealed[5 + SEAL_OVERHEAD], plain[5];

	(void)state;
	assert_int_equal(crypto_sign_ed25519_pk_to_curve25519(box, one.key), 0);
	assert_int_equal(crypto_sign_ed25519_sk_to_curve25519(secret, one.secret), 0);
	assert_int_equal(identity_seal(one.key, seed_of(9), "hello", 5, sealed), 0);
	assert_int_equal(crypto_box_seal_open(plain, sealed, sizeof(sealed), box, secret), 0);
	assert_memory_equal(plain, "hello", 5);
	assert_int_equal(crypto_box_seal(sealed, (const uint8_t *)"again", 5, box), 0);
	assert_int_equal(identity_open(&one, sealed, sizeof(sealed), plain), 0);
	assert_memory_equal(plain, "again", 5);
}

/* The neutral element, a point of order 2, and bytes that are no point. */
static void nothing_is_sealed_to_a_key_that_is_none(void **state)
{
	static const char *const keys[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0200000000000000000000000000000000000000000000000000000000000000",
	};
	uint8_t key[32], sealed[5 + SEAL_OVERHEAD];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		from_hex(keys[i], key, sizeof(key));
		assert_int_equal(identity_seal(key, seed_of(9), "hello", 5, sealed), -EKEYREJECTED);
	}
}

/* ---- admissions ---------------------------------------------------------- */

static void an_admission_is_of_one_cluster_one_key_and_one_name(void **state)
{
	struct identity cluster = identity_of(1), rogue = identity_of(2), node = identity_of(3);
	uint8_t admission[NODE_SIG_LEN];

	(void)state;
	admission_sign(&cluster, node.key, "web-1", admission);
	assert_true(admission_check(cluster.key, node.key, "web-1", admission));
	assert_false(admission_check(rogue.key, node.key, "web-1", admission));
	assert_false(admission_check(cluster.key, rogue.key, "web-1", admission));
	assert_false(admission_check(cluster.key, node.key, "web-2", admission));
	assert_false(admission_check(cluster.key, node.key, "web-", admission));
}

/* Whoever is admitted cannot have the cluster's key say something else with the same bytes. */
static void an_admission_is_no_other_statement(void **state)
{
	struct identity cluster = identity_of(1), node = identity_of(3);
	uint8_t admission[NODE_SIG_LEN], said[NODE_KEY_LEN + 5];

	(void)state;
	admission_sign(&cluster, node.key, "web-1", admission);
	memcpy(said, node.key, NODE_KEY_LEN);
	memcpy(said + NODE_KEY_LEN, "web-1", 5);
	assert_true(identity_verify(cluster.key, SIGN_ADMISSION, said, sizeof(said), admission));
	assert_false(identity_verify(cluster.key, SIGN_GOSSIP, said, sizeof(said), admission));
	assert_false(identity_verify(cluster.key, SIGN_KEY_ORDER, said, sizeof(said), admission));
}

static void names_are_dns_labels(void **state)
{
	static const char *const good[] = {
		"a", "web-1", "0", "a23456789012345678901234567890123456789012345678901234567890123"
	};
	static const char *const bad[] = {
		"",    "-a",
		"a-",  "A",
		"a.b", "a b",
		"a\n", "\xc3\xa4",
		"a_b", "a234567890123456789012345678901234567890123456789012345678901234"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(admission_name_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(admission_name_is_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519_is_that_of_rfc_8032),
		cmocka_unit_test(ed25519ph_is_that_of_rfc_8032),
		cmocka_unit_test(x25519_is_that_of_rfc_7748),
		cmocka_unit_test(blake2b_is_that_of_rfc_7693),
		cmocka_unit_test(an_id_is_the_hash_of_the_key),
		cmocka_unit_test(a_signature_is_of_one_key_one_message_and_one_purpose),
		cmocka_unit_test(a_plain_signature_is_not_taken),
		cmocka_unit_test(a_wiped_identity_has_no_secret),
		cmocka_unit_test(what_is_sealed_is_opened_by_its_receiver_alone),
		cmocka_unit_test(a_damaged_or_cut_seal_is_refused),
		cmocka_unit_test(sealing_is_the_librarys),
		cmocka_unit_test(nothing_is_sealed_to_a_key_that_is_none),
		cmocka_unit_test(an_admission_is_of_one_cluster_one_key_and_one_name),
		cmocka_unit_test(an_admission_is_no_other_statement),
		cmocka_unit_test(names_are_dns_labels),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
