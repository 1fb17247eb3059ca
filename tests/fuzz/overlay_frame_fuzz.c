/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_frame_fuzz - datagrams of anybody, and of members that lie
 *
 * An input is a list of datagrams, each a byte that says who makes it, a byte of
 * length and the bytes.  Somebody without the key sends the bytes as they are, or
 * lays them over the last genuine frame; a member seals them, as data or hello.
 * Whatever comes: no datagram causes more than itself, no message is heard that
 * was not said by a member, none twice, and the table stays within its size.
 */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <string.h>

#include "overlay/wire.h"

#define N_SESSIONS 4
#define HEARD_MAX  256

enum maker {
	RAW = 0,   /* as it is */
	OVER = 1,  /* over the last genuine frame */
	HELLO = 2, /* sealed as a hello by a boot of our choice */
	DATA = 3,  /* sealed to the receiver by the member */
	AGAIN = 4, /* the last genuine frame once more */
	SILENCE = 5,
	MAKERS,
};

static struct identity us, member;
static struct keyring ring;
static struct node_addr from = { { AF_INET, { 10, 0, 0, 1 } }, 7946 };

struct story {
	struct wire wire, theirs;
	struct sessions sessions, their_sessions;
	uint8_t genuine[DATAGRAM_MAX];
	size_t genuine_len;
	ms_t now;
	uint64_t heard[HEARD_MAX]; /* counters of messages of the member */
	size_t n_heard;
};

static void set_up(void)
{
	static const uint8_t seed[3][32] = { "cluster", "us", "member" };
	struct identity cluster;
	struct key_order order;

	MUST(sodium_init() >= 0);
	identity_init(&cluster, seed[0]);
	identity_init(&us, seed[1]);
	identity_init(&member, seed[2]);
	key_order_first(&order, &cluster, seed[0]);
	MUST(keyring_obey(&ring, &order) == 1);
	MUST(keyring_take(&ring, seed[0]) == 0);
}

static void begin(struct story *s)
{
	static const uint8_t seed[2][WIRE_SEED_LEN] = { "our boot", "the member's boot" };
	struct frame_end end;

	memset(s, 0, sizeof(*s));
	MUST(sessions_init(&s->sessions, N_SESSIONS, 1, seed[0], NULL) == 0);
	MUST(sessions_init(&s->their_sessions, N_SESSIONS, 1, seed[0], NULL) == 0);
	wire_init(&s->wire, &us.id, seed[0], &ring, &s->sessions);
	wire_init(&s->theirs, &member.id, seed[1], &ring, &s->their_sessions);
	end = s->theirs.self;
	MUST(sessions_learn(&s->sessions, &end, 1, &from, 0, 0) != SESSION_NONE);
	end = s->wire.self;
	MUST(sessions_learn(&s->their_sessions, &end, 1, &from, 0, 0) != SESSION_NONE);
	s->theirs.counter = 1;
}

static void end(struct story *s)
{
	sessions_clear(&s->sessions);
	sessions_clear(&s->their_sessions);
}

/* What the member says is not older than what has been heard: its counter only rises. */
static void must_be_new(struct story *s, const struct wire_in *in, uint64_t counter)
{
	MUST(node_id_equal(&in->from, &member.id) || s->sessions.n_used > 1);
	for (size_t i = 0; i < s->n_heard; i++)
		MUST(s->heard[i] != counter);
	if (s->n_heard < HEARD_MAX)
		s->heard[s->n_heard++] = counter;
}

static void deliver(struct story *s, const uint8_t *frame, size_t len)
{
	uint8_t buf[DATAGRAM_MAX];
	struct wire_in in;
	struct frame_head h;
	enum wire_verdict v = wire_receive(&s->wire, &from, frame, len, s->now, buf, &in);

	MUST(v > 0 && v < WIRE_VERDICTS);
	MUST(in.hello_len == 0 || in.hello_len == FRAME_MIN);
	MUST(in.hello_len <= len);
	MUST(s->sessions.n_used <= N_SESSIONS);
	if (v != WIRE_MESSAGE) {
		MUST(!in.plain && in.len == 0 && in.allowance.datagrams == 0);
		return;
	}
	MUST(in.plain >= buf && in.plain + in.len <= buf + sizeof(buf) && in.len < len);
	MUST(frame_parse(frame, len, FRAME_VERSION, &h) == 0);
	if (boot_id_equal(&h.boot, &s->theirs.self.boot))
		must_be_new(s, &in, h.counter);
}

static void make_data(struct story *s, const uint8_t *data, size_t len)
{
	struct peer to = { .id = us.id };
	int r = wire_seal(&s->theirs, &to, data, len, s->genuine);

	MUST(r > 0);
	s->genuine_len = (size_t)r;
	deliver(s, s->genuine, s->genuine_len);
}

/* A hello of a boot that the first bytes name, whatever it says. */
static void make_hello(struct story *s, const uint8_t *data, size_t len)
{
	static const struct frame_end anyone;
	struct frame_head h = { .version = FRAME_VERSION, .kind = FRAME_HELLO, .counter = 5 };
	const uint8_t *key = keyring_primary(&ring, &h.key_id);

	h.boot.b[0] = len > 0 ? data[0] : 0;
	s->genuine_len = frame_seal(&h, key, &anyone, data, len, s->genuine);
	deliver(s, s->genuine, s->genuine_len);
}

static void make_over(struct story *s, const uint8_t *data, size_t len)
{
	uint8_t frame[DATAGRAM_MAX];
	size_t size = s->genuine_len;

	memcpy(frame, s->genuine, size);
	for (size_t i = 0; i + 1 < len; i += 2)
		if (size > 0)
			frame[data[i] % size] ^= data[i + 1];
	deliver(s, frame, size);
}

static void make(struct story *s, enum maker maker, const uint8_t *data, size_t len)
{
	switch (maker) {
	case RAW:
		deliver(s, data, len);
		break;
	case OVER:
		make_over(s, data, len);
		break;
	case HELLO:
		make_hello(s, data, len);
		break;
	case DATA:
		make_data(s, data, len);
		break;
	case AGAIN:
		deliver(s, s->genuine, s->genuine_len);
		break;
	case SILENCE:
		s->now += len * 100;
		break;
	case MAKERS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct story s;

	if (!ready)
		set_up();
	ready = true;

	begin(&s);
	while (size >= 2) {
		enum maker maker = data[0] % MAKERS;
		size_t len = data[1];

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		make(&s, maker, data, len);
		data += len;
		size -= len;
	}
	end(&s);

	return 0;
}
