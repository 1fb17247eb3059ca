/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_handshake_fuzz - a handshake with somebody who changes what is said
 *
 * The first byte: which mode, and which message is spoilt (none: the fifth).
 * The rest says how: bytes laid over it, or the whole of it in its place.  A
 * handshake whose messages are changed gives nobody anything.
 */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "overlay/admission.h"
#include "overlay/handshake.h"

#define EXPIRES 2000
#define NOW	1000

static struct identity cluster, member, joiner;
static uint8_t admissions[2][NODE_SIG_LEN];
static struct keyring ring;
static struct handshake_self admitter, node;

static void set_up(void)
{
	static const uint8_t seed[3][32] = { "cluster", "member", "joiner" };
	struct key_order order;

	MUST(sodium_init() >= 0);
	identity_init(&cluster, seed[0]);
	identity_init(&member, seed[1]);
	identity_init(&joiner, seed[2]);
	admission_sign(&cluster, member.key, "member", admissions[0]);
	admission_sign(&cluster, joiner.key, "joiner", admissions[1]);
	key_order_first(&order, &cluster, seed[0]);
	MUST(keyring_obey(&ring, &order) == 1 && keyring_take(&ring, seed[0]) == 0);
	admitter = (struct handshake_self){ .identity = &member,
					    .name = "member",
					    .admission = admissions[0],
					    .cluster_key = cluster.key,
					    .cluster = &cluster };
	node = (struct handshake_self){ .identity = &joiner,
					.name = "joiner",
					.admission = admissions[1],
					.cluster_key = cluster.key };
}

struct spoiler {
	unsigned int message; /* 1 to 4 are spoilt */
	bool whole;
	const uint8_t *data;
	size_t size;
};

/* Return: the length that arrives; *@changed says whether it is another message. */
static size_t pass(const struct spoiler *s, unsigned int number, uint8_t *msg, size_t len,
		   bool *changed)
{
	uint8_t before[HANDSHAKE_MAX];
	size_t got = len;

	if (s->message != number)
		return len;
	memcpy(before, msg, len);
	if (s->whole) {
		got = s->size < HANDSHAKE_MAX ? s->size : HANDSHAKE_MAX;
		memcpy(msg, s->data, got);
	} else {
		for (size_t i = 0; i + 1 < s->size; i += 2)
			msg[s->data[i] % len] ^= s->data[i + 1];
	}
	*changed |= got != len || memcmp(before, msg, len) != 0;

	return got;
}

static bool run(const struct token *token, const struct spoiler *s, bool *changed)
{
	static const uint8_t seeds[2][HANDSHAKE_SEED_LEN] = { "one", "other" };
	uint8_t in[HANDSHAKE_MAX], out[HANDSHAKE_MAX], admission[NODE_SIG_LEN];
	struct handshake ours, theirs;
	struct keyring got = { 0 };
	size_t len;

	handshake_start(&ours, &node, token, seeds[0], in);
	len = pass(s, 1, in, HANDSHAKE_1_LEN, changed);
	if (handshake_answer(&theirs, &admitter, in, len, NOW, seeds[1], out, NULL) < 0)
		return false;
	len = pass(s, 2, out, HANDSHAKE_2_LEN, changed);
	if (handshake_prove(&ours, &node, out, len, in, NULL) < 0)
		return false;
	len = pass(s, 3, in, HANDSHAKE_3_LEN, changed);
	if (handshake_check(&theirs, &admitter, in, len, NULL) < 0)
		return false;
	MUST(memcmp(theirs.peer_key, joiner.key, NODE_KEY_LEN) == 0);
	handshake_admit(&theirs, &admitter, &ring, out);
	len = pass(s, 4, out, HANDSHAKE_4_LEN, changed);

	return handshake_finish(&ours, &node, out, len, admission, &got, NULL) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t id[TOKEN_ID_LEN] = "token";
	struct spoiler s = { 0 };
	static bool ready;
	struct token token;
	bool changed = false, done;

	if (!ready)
		set_up();
	ready = true;
	if (size == 0)
		return 0;
	s = (struct spoiler){ 1 + data[0] % 5, data[0] & 0x40, data + 1, size - 1 };
	token_issue(&cluster, id, EXPIRES, &token);
	done = run(data[0] & 0x80 ? &token : NULL, &s, &changed);
	MUST(done == !changed);

	return 0;
}
