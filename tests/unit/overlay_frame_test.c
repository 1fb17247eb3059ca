/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_frame_test - the frame's bytes, and what does not open */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "overlay/frame.h"
#include "tests/unit/overlay_keys.h"
#include "tests/unit/stopwatch.h"

#define ROUNDS 20000

static const struct frame_end to = { { "receiver's id.." }, { "receiver's boot" } };
static const struct frame_head head = {
	.version = FRAME_VERSION,
	.kind = FRAME_DATA,
	.key_id = 0x04030201,
	.boot = { { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c,
		    0x1d, 0x1e, 0x1f } },
	.counter = 0x0807060504030201,
};

static int open_as(const uint8_t *frame, size_t len, uint8_t version, const uint8_t *key,
		   const struct frame_end *self, uint8_t *plain)
{
	struct frame_head h;
	int r = frame_parse(frame, len, version, &h);

	return r < 0 ? r : frame_open(&h, key, self, frame, len, plain);
}

static int open_frame(const uint8_t *frame, size_t len, uint8_t *plain)
{
	return open_as(frame, len, FRAME_VERSION, seed_of(1), &to, plain);
}

/* draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
static void the_cipher_is_that_of_the_draft(void **state)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	uint8_t key[32], nonce[24], ad[12], sealed[sizeof(text) - 1 + 16];

	(void)state;
	from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key, 32);
	from_hex("404142434445464748494a4b4c4d4e4f5051525354555657", nonce, 24);
	from_hex("50515253c0c1c2c3c4c5c6c7", ad, 12);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, (const uint8_t *)text,
						   sizeof(text) - 1, ad, sizeof(ad), NULL, nonce,
						   key);
	assert_hex_equal(sealed, sizeof(sealed),
			 "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
			 "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
			 "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
			 "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
}

/* draft-irtf-cfrg-xchacha-03, section 2.2.1: why a boot id and a counter are a nonce. */
static void the_first_16_bytes_of_the_nonce_make_a_key_of_their_own(void **state)
{
	uint8_t key[32], nonce[16], subkey[32];

	(void)state;
	from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", key, 32);
	from_hex("000000090000004a0000000031415927", nonce, 16);
	assert_int_equal(crypto_core_hchacha20(subkey, nonce, key, NULL), 0);
	assert_hex_equal(subkey, 32,
			 "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");
}

/* What the table in frame.h says, by the library's function and nothing of ours. */
static void a_frame_is_what_its_layout_says(void **state)
{
	uint8_t frame[FRAME_MIN], ad[64], want[FRAME_MIN];
	uint8_t plain[FRAME_MIN - FRAME_HEAD_LEN - FRAME_TAG_LEN] = "ping";

	(void)state;
	assert_int_equal(frame_seal(&head, seed_of(1), &to, plain, 4, frame), FRAME_MIN);
	assert_hex_equal(frame, FRAME_HEAD_LEN,
			 "01011c0001020304101112131415161718191a1b1c1d1e1f0102030405060708");
	memcpy(ad, frame, 32);
	memcpy(ad + 32, "receiver's id..\0receiver's boot", 32);
	memcpy(want, frame, 32);
	crypto_aead_xchacha20poly1305_ietf_encrypt(want + 32, NULL, plain, sizeof(plain), ad, 64,
						   NULL, frame + 8, seed_of(1));
	assert_memory_equal(frame, want, FRAME_MIN);
}

static void plaintext_of_any_length_comes_out_as_it_went_in(void **state)
{
	uint8_t plain[200], frame[300], back[300];

	(void)state;
	randombytes_buf_deterministic(plain, sizeof(plain), seed_of(7));
	for (size_t len = 0; len <= sizeof(plain); len++) {
		size_t size = frame_seal(&head, seed_of(1), &to, plain, len, frame);

		assert_int_equal(size, frame_size(len));
		assert_true(size >= FRAME_MIN && size <= len + FRAME_OVERHEAD + FRAME_MIN);
		assert_int_equal(open_frame(frame, size, back), len);
		assert_memory_equal(back, plain, len);
	}
}

static void no_byte_of_a_frame_can_be_changed(void **state)
{
	uint8_t frame[FRAME_MIN + 20], back[FRAME_MIN + 20];
	size_t size = frame_seal(&head, seed_of(1), &to, (const uint8_t *)"0123456789", 10, frame);

	(void)state;
	for (size_t i = 0; i < size * 8; i++) {
		frame[i / 8] ^= (uint8_t)(1 << i % 8);
		memset(back, 0xee, sizeof(back));
		assert_true(open_frame(frame, size, back) < 0);
		assert_null(memmem(back, sizeof(back), "0123", 4));
		frame[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(open_frame(frame, size, back), 10);
}

static void a_cut_or_grown_frame_is_none(void **state)
{
	uint8_t frame[2 * FRAME_MIN] = { 0 }, back[2 * FRAME_MIN];
	size_t size = frame_seal(&head, seed_of(1), &to, (const uint8_t *)"0123456789", 10, frame);

	(void)state;
	for (size_t len = 0; len <= sizeof(frame); len++)
		assert_int_equal(open_frame(frame, len, back), len == size ? 10 : -EBADMSG);
}

static void a_frame_opens_at_the_process_that_it_was_made_for_alone(void **state)
{
	struct frame_end restarted = to, neighbour = to;
	uint8_t frame[FRAME_MIN], back[FRAME_MIN];

	(void)state;
	restarted.boot.b[15] ^= 1;
	neighbour.id.b[0] ^= 1;
	frame_seal(&head, seed_of(1), &to, (const uint8_t *)"ping", 4, frame);
	assert_int_equal(open_as(frame, FRAME_MIN, 1, seed_of(1), &restarted, back), -EBADMSG);
	assert_int_equal(open_as(frame, FRAME_MIN, 1, seed_of(1), &neighbour, back), -EBADMSG);
	assert_int_equal(open_as(frame, FRAME_MIN, 1, seed_of(2), &to, back), -EBADMSG);
	assert_int_equal(open_as(frame, FRAME_MIN, 1, seed_of(1), &to, back), 4);
}

static void versions_one_apart_understand_each_other(void **state)
{
	struct frame_head h = head;
	uint8_t frame[FRAME_MIN], back[FRAME_MIN];

	(void)state;
	for (uint8_t theirs = 0; theirs < 8; theirs++) {
		for (uint8_t ours = 1; ours < 8; ours++) {
			bool near = theirs > 0 && abs(theirs - ours) <= 1;

			h.version = theirs;
			frame_seal(&h, seed_of(1), &to, (const uint8_t *)"ping", 4, frame);
			assert_int_equal(open_as(frame, FRAME_MIN, ours, seed_of(1), &to, back),
					 near ? 4 : -EPROTONOSUPPORT);
		}
	}
	frame[0] = 255;
	assert_int_equal(open_as(frame, FRAME_MIN, 255, seed_of(1), &to, back), -EBADMSG);
}

/* Who has the key may lie about the padding, but not out of the buffer. */
static void padding_is_no_longer_than_the_text(void **state)
{
	uint8_t frame[FRAME_MIN], ad[64], back[FRAME_MIN];
	static const uint8_t text[FRAME_MIN - FRAME_HEAD_LEN - FRAME_TAG_LEN];

	(void)state;
	for (unsigned int pad = 0; pad < 256; pad++) {
		frame_seal(&head, seed_of(1), &to, text, sizeof(text), frame);
		frame[2] = (uint8_t)pad;
		memcpy(ad, frame, 32);
		memcpy(ad + 32, &to, 32);
		crypto_aead_xchacha20poly1305_ietf_encrypt(frame + 32, NULL, text, sizeof(text), ad,
							   64, NULL, frame + 8, seed_of(1));
		assert_int_equal(open_frame(frame, sizeof(frame), back),
				 pad <= sizeof(text) ? (int)(sizeof(text) - pad) : -EBADMSG);
	}
}

/* Says what a frame costs. */
static void the_cost_of_a_frame_is_told(void **state)
{
	static const size_t sizes[] = { 100, 300, 1400 };
	uint8_t plain[1400] = { 0 }, frame[1500], back[1500];
	const uint8_t *key = seed_of(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t len = sizes[i] - FRAME_HEAD_LEN - FRAME_TAG_LEN;
		double begin = microseconds(), sealed;

		for (int k = 0; k < ROUNDS; k++)
			frame_seal(&head, key, &to, plain, len, frame);
		sealed = microseconds();
		for (int k = 0; k < ROUNDS; k++)
			assert_int_equal(open_as(frame, sizes[i], 1, key, &to, back), len);
		print_message("frame of %4zu bytes: seal %.2f us, open %.2f us\n", sizes[i],
			      (sealed - begin) / ROUNDS, (microseconds() - sealed) / ROUNDS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cipher_is_that_of_the_draft),
		cmocka_unit_test(the_first_16_bytes_of_the_nonce_make_a_key_of_their_own),
		cmocka_unit_test(a_frame_is_what_its_layout_says),
		cmocka_unit_test(plaintext_of_any_length_comes_out_as_it_went_in),
		cmocka_unit_test(no_byte_of_a_frame_can_be_changed),
		cmocka_unit_test(a_cut_or_grown_frame_is_none),
		cmocka_unit_test(a_frame_opens_at_the_process_that_it_was_made_for_alone),
		cmocka_unit_test(versions_one_apart_understand_each_other),
		cmocka_unit_test(padding_is_no_longer_than_the_text),
		cmocka_unit_test(the_cost_of_a_frame_is_told),
	};

	return cmocka_run_group_tests(tests, start_sodium, NULL);
}
