/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire - see wire.h. */
#include "overlay/wire.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#define AT_COOKIE 16
#define AT_ECHO	  24
#define HELLO_LEN 32

static_assert(FRAME_HEAD_LEN + HELLO_LEN + FRAME_TAG_LEN == FRAME_MIN,
	      "a hello is the least frame");
static_assert(WIRE_SEED_LEN == BOOT_ID_LEN + COOKIE_SEED_LEN, "what wire_init() draws from it");

struct hello {
	struct node_id id;
	uint8_t cookie[COOKIE_LEN];
	uint8_t echo[COOKIE_LEN];
};

static const struct frame_end anyone;

void wire_init(struct wire *w, const struct node_id *id, const uint8_t seed[WIRE_SEED_LEN],
	       struct keyring *ring, struct sessions *sessions)
{
	*w = (struct wire){
		.self = { .id = *id },
		.version = FRAME_VERSION,
		.ring = ring,
		.sessions = sessions,
		.hellos = { .tokens = WIRE_HELLOS * 1000 },
		.blind_hellos = { .tokens = WIRE_HELLOS_BLIND * 1000 },
	};
	memcpy(w->self.boot.b, seed, BOOT_ID_LEN);
	memcpy(w->jar.seed, seed + BOOT_ID_LEN, COOKIE_SEED_LEN);
}

void wire_wipe(struct wire *w)
{
	sodium_memzero(w, sizeof(*w));
}

/* ---- out ----------------------------------------------------------------- */

static int seal(struct wire *w, enum frame_kind kind, const struct frame_end *to,
		const uint8_t *plain, size_t len, uint8_t *out)
{
	struct frame_head h = { .version = w->version,
				.kind = (uint8_t)kind,
				.boot = w->self.boot };
	const uint8_t *key = keyring_primary(w->ring, &h.key_id);

	if (!key)
		return -ENOKEY;
	h.counter = ++w->counter;

	return (int)frame_seal(&h, key, to, plain, len, out);
}

int wire_seal(struct wire *w, const struct peer *to, const uint8_t *plain, size_t len, uint8_t *out)
{
	const struct session *one;
	uint32_t i;

	assert(frame_size(len) <= FRAME_MAX);
	i = node_id_is_set(&to->id) ? sessions_find_id(w->sessions, &to->id)
				    : sessions_find_address(w->sessions, &to->addr);
	if (i == SESSION_NONE)
		return -ENOTCONN;
	one = &w->sessions->session[i];

	return seal(w, FRAME_DATA, &(struct frame_end){ one->id, one->boot }, plain, len, out);
}

static int seal_hello(struct wire *w, const struct hello *h, uint8_t out[FRAME_MIN])
{
	uint8_t plain[HELLO_LEN];

	memcpy(plain, w->self.id.b, NODE_ID_LEN);
	memcpy(plain + AT_COOKIE, h->cookie, COOKIE_LEN);
	memcpy(plain + AT_ECHO, h->echo, COOKIE_LEN);

	return seal(w, FRAME_HELLO, &anyone, plain, sizeof(plain), out);
}

int wire_knock(struct wire *w, uint8_t out[FRAME_MIN])
{
	return seal_hello(w, &(struct hello){ 0 }, out);
}

static bool take_token(struct wire_bucket *b, uint32_t rate, ms_t now)
{
	ms_t gone = now - b->filled;
	uint32_t full = rate * 1000;

	/* A thousandth of a token for each of @rate and each millisecond. */
	b->tokens = gone >= 1000 || b->tokens + gone * rate > full
			    ? full
			    : b->tokens + (uint32_t)(gone * rate);
	b->filled = now;
	if (b->tokens < 1000)
		return false;
	b->tokens -= 1000;

	return true;
}

static void answer_hello(struct wire *w, const struct hello *h, bool blind, ms_t now,
			 struct wire_in *in)
{
	int r;

	if (!(blind ? take_token(&w->blind_hellos, WIRE_HELLOS_BLIND, now)
		    : take_token(&w->hellos, WIRE_HELLOS, now))) {
		w->hellos_held++;
		return;
	}
	r = seal_hello(w, h, in->hello);
	if (r > 0)
		in->hello_len = (size_t)r;
}

/* ---- in: hellos ---------------------------------------------------------- */

/* What a cookie is about: this boot, heard from this address, and what we know of the node. */
struct about {
	struct frame_end end;
	uint8_t ip[16];
	uint16_t port;
	uint8_t family;
	uint8_t zero;
	uint32_t changed;
};

static_assert(sizeof(struct about) == sizeof(struct frame_end) + 24, "bytes that are hashed");

/* The echo of a cookie holds once: what it makes known changes what it is about. */
static struct about about_hello(const struct wire *w, const struct frame_end *end,
				const struct node_addr *from)
{
	struct about a = { .end = *end,
			   .port = from->port,
			   .family = from->ip.family,
			   .changed = sessions_changed(w->sessions, &end->id) };

	memcpy(a.ip, from->ip.b, ip_size(from->ip.family));

	return a;
}

static bool is_known(const struct wire *w, const struct frame_end *end)
{
	uint32_t i = sessions_find_id(w->sessions, &end->id);

	return i != SESSION_NONE && boot_id_equal(&w->sessions->session[i].boot, &end->boot);
}

/* The echo proves that @h was sealed after the cookie was, by a boot that received it. */
static bool learn(struct wire *w, const struct frame_head *h, const struct frame_end *end,
		  const struct hello *hello, const struct node_addr *from, ms_t now)
{
	struct about about = about_hello(w, end, from);

	return !sodium_is_zero(hello->echo, COOKIE_LEN) &&
	       cookie_check(&w->jar, &about, sizeof(about), now, hello->echo) &&
	       sessions_learn(w->sessions, end, h->counter, from, (uint32_t)(now / 1000),
			      COOKIE_LIFE / 1000 + 1) != SESSION_NONE;
}

/*
 * A first word, and whatever has a cookie, is answered.  A cookie of ours goes
 * only with an answer to what has no echo, so that words run out: an echo that
 * does not hold, or a table that is full, asks for nothing more.
 */
static void consider_answer(struct wire *w, const struct frame_end *end, const struct hello *h,
			    const struct node_addr *from, ms_t now, struct wire_in *in)
{
	bool asks = !sodium_is_zero(h->cookie, COOKIE_LEN);
	bool echoes = !sodium_is_zero(h->echo, COOKIE_LEN);
	struct hello answer = { 0 };

	if (!asks && echoes)
		return;
	if (!echoes && (!asks || !is_known(w, end))) {
		struct about about = about_hello(w, end, from);

		cookie_make(&w->jar, &about, sizeof(about), now, answer.cookie);
	}
	memcpy(answer.echo, h->cookie, COOKIE_LEN);
	answer_hello(w, &answer, false, now, in);
}

static enum wire_verdict receive_hello(struct wire *w, const struct frame_head *h,
				       const struct node_addr *from, ms_t now, struct wire_in *in)
{
	struct frame_end end = { .boot = h->boot };
	struct hello hello;

	if (in->len < HELLO_LEN)
		return WIRE_JUNK;
	memcpy(end.id.b, in->plain, NODE_ID_LEN);
	memcpy(hello.cookie, in->plain + AT_COOKIE, COOKIE_LEN);
	memcpy(hello.echo, in->plain + AT_ECHO, COOKIE_LEN);
	/* Our own words, sent back to us. */
	if (!node_id_is_set(&end.id) || node_id_equal(&end.id, &w->self.id))
		return WIRE_JUNK;

	if (learn(w, h, &end, &hello, from, now))
		in->from = end.id;
	consider_answer(w, &end, &hello, from, now, in);

	return node_id_is_set(&in->from) ? WIRE_KNOWN : WIRE_HELLO;
}

/* ---- in: data ------------------------------------------------------------ */

/*
 * A captured frame is let in once, wherever it is sent from; so the one datagram
 * that goes to an address which is not proved is all that it can cause there.
 */
static struct wire_allowance allowance(bool proved)
{
	if (proved)
		return (struct wire_allowance){ WIRE_ANSWERS_MAX, WIRE_ANSWERS_MAX * DATAGRAM_MAX };

	return (struct wire_allowance){ 1, DATAGRAM_MAX };
}

bool wire_may_answer(struct wire_allowance *a, size_t len)
{
	if (a->datagrams == 0 || a->bytes < len)
		return false;
	a->datagrams--;
	a->bytes -= len;

	return true;
}

static enum wire_verdict receive_data(struct wire *w, const struct frame_head *h, uint32_t session,
				      const struct node_addr *from, ms_t now, struct wire_in *in)
{
	if (session == SESSION_NONE) {
		answer_hello(w, &(struct hello){ 0 }, false, now, in);
		return WIRE_STRANGER;
	}
	sessions_mark(w->sessions, session, h->counter, (uint32_t)(now / 1000));
	in->from = w->sessions->session[session].id;
	in->proved = sessions_is_at(w->sessions, session, from);
	in->allowance = allowance(in->proved);

	return WIRE_MESSAGE;
}

/* It does not open: if it was made for an earlier boot of ours, its sender has to hear of this one.
 */
static enum wire_verdict refuse(struct wire *w, const struct frame_head *h, ms_t now,
				struct wire_in *in)
{
	if (h->kind == FRAME_DATA)
		answer_hello(w, &(struct hello){ 0 }, true, now, in);

	return WIRE_SEALED;
}

static enum wire_verdict receive(struct wire *w, const struct node_addr *from, const uint8_t *frame,
				 size_t len, ms_t now, uint8_t *buf, struct wire_in *in)
{
	uint32_t session = SESSION_NONE;
	const uint8_t *key;
	struct frame_head h;
	int r = frame_parse(frame, len, w->version, &h);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? WIRE_VERSION : WIRE_JUNK;
	if (h.kind != FRAME_DATA && h.kind != FRAME_HELLO)
		return WIRE_KIND;
	key = keyring_find(w->ring, h.key_id);
	if (!key)
		return WIRE_KEY;
	/* Replays are turned away before they cost a decryption. */
	if (h.kind == FRAME_DATA) {
		session = sessions_find_boot(w->sessions, &h.boot);
		if (session != SESSION_NONE && !sessions_is_new(w->sessions, session, h.counter))
			return WIRE_REPLAY;
	}

	r = frame_open(&h, key, h.kind == FRAME_DATA ? &w->self : &anyone, frame, len, buf);
	if (r < 0)
		return refuse(w, &h, now, in);
	in->plain = buf;
	in->len = (size_t)r;

	return h.kind == FRAME_DATA ? receive_data(w, &h, session, from, now, in)
				    : receive_hello(w, &h, from, now, in);
}

enum wire_verdict wire_receive(struct wire *w, const struct node_addr *from, const uint8_t *frame,
			       size_t len, ms_t now, uint8_t *buf, struct wire_in *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->verdict = receive(w, from, frame, len, now, buf, ret);
	if (ret->verdict != WIRE_MESSAGE) {
		ret->plain = NULL;
		ret->len = 0;
	}
	w->count[ret->verdict]++;

	return ret->verdict;
}
