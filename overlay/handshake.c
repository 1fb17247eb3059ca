/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handshake - see handshake.h. */
#include "overlay/handshake.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#include "lib/err.h"
#include "overlay/admission.h"
#include "overlay/bytes.h"

#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define DH_LEN	crypto_scalarmult_BYTES

/* Message 1. */
#define AT_VERSION   0
#define AT_MODE	     1
#define AT_TOKEN_ID  4
#define AT_EXPIRES   12
#define AT_EPHEMERAL 16

/* What messages 2 and 3 prove: a name is padded with zeros. */
#define AT_NAME	     NODE_KEY_LEN
#define AT_ADMISSION (AT_NAME + NODE_NAME_MAX + 1)
#define AT_SIGNATURE (AT_ADMISSION + NODE_SIG_LEN)
#define PROOF_LEN    (AT_SIGNATURE + NODE_SIG_LEN)

/* What message 4 gives. */
#define AT_ORDER NODE_SIG_LEN
#define AT_HELD	 (AT_ORDER + KEY_ORDER_LEN)
#define AT_KEYS	 (AT_HELD + 1)
#define GIFT_LEN (AT_KEYS + KEYRING_MAX * FRAME_KEY_LEN)

static_assert(AT_EPHEMERAL + DH_LEN == HANDSHAKE_1_LEN, "message 1");
static_assert(DH_LEN + PROOF_LEN + TAG_LEN == HANDSHAKE_2_LEN, "message 2");
static_assert(PROOF_LEN + TAG_LEN == HANDSHAKE_3_LEN, "message 3");
static_assert(GIFT_LEN + TAG_LEN == HANDSHAKE_4_LEN, "message 4");
static_assert(TOKEN_SECRET_LEN >= crypto_generichash_KEYBYTES_MIN, "a secret keys the hash");

/* ---- transcript and keys ------------------------------------------------- */

static void mix(struct handshake *h, const void *said, size_t len)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(h->transcript));
	crypto_generichash_update(&state, h->transcript, sizeof(h->transcript));
	crypto_generichash_update(&state, said, len);
	crypto_generichash_final(&state, h->transcript, sizeof(h->transcript));
}

static void begin(struct handshake *h, bool initiator, const struct handshake_self *self)
{
	static const uint8_t protocol[32] = "heddle handshake 1";

	memset(h, 0, sizeof(*h));
	h->initiator = initiator;
	memcpy(h->cluster_key, self->cluster_key, NODE_KEY_LEN);
	memcpy(h->transcript, protocol, sizeof(protocol));
	mix(h, self->cluster_key, NODE_KEY_LEN);
}

/* A key pair for this handshake; its secret half stays in @h. */
static void make_ephemeral(struct handshake *h, const uint8_t seed[HANDSHAKE_SEED_LEN],
			   uint8_t key[DH_LEN])
{
	crypto_box_seed_keypair(key, h->secret, seed);
}

/* From here on h->secret is what keys are derived from, and the ephemeral one is gone. */
static int agree(struct handshake *h, const uint8_t theirs[DH_LEN])
{
	crypto_generichash_state state;
	uint8_t shared[DH_LEN];

	/* It refuses points of small order, whose product says nothing about us. */
	if (crypto_scalarmult(shared, h->secret, theirs) != 0)
		return -EKEYREJECTED;

	crypto_generichash_init(&state, h->psk, sizeof(h->psk), sizeof(h->secret));
	crypto_generichash_update(&state, shared, sizeof(shared));
	crypto_generichash_update(&state, h->transcript, sizeof(h->transcript));
	crypto_generichash_final(&state, h->secret, sizeof(h->secret));
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(h->psk, sizeof(h->psk));

	return 0;
}

/* Each message has a key of its own, used once, so its nonce may be zeros. */
static const uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];

static void derive_key(const struct handshake *h, unsigned int number, uint8_t key[FRAME_KEY_LEN])
{
	crypto_kdf_derive_from_key(key, FRAME_KEY_LEN, number, "hdshake1", h->secret);
}

static void seal(struct handshake *h, unsigned int number, const uint8_t *plain, size_t len,
		 uint8_t *out)
{
	uint8_t key[FRAME_KEY_LEN];

	derive_key(h, number, key);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, len, h->transcript,
						   sizeof(h->transcript), NULL, nonce, key);
	sodium_memzero(key, sizeof(key));
	mix(h, out, len + TAG_LEN);
}

static int open_sealed(struct handshake *h, unsigned int number, const uint8_t *sealed, size_t len,
		       uint8_t *plain)
{
	uint8_t key[FRAME_KEY_LEN];
	int r;

	derive_key(h, number, key);
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, len,
						       h->transcript, sizeof(h->transcript), nonce,
						       key);
	sodium_memzero(key, sizeof(key));
	if (r != 0)
		return -EKEYREJECTED;
	mix(h, sealed, len);

	return 0;
}

/* ---- proofs -------------------------------------------------------------- */

/* Everything said so far, by which side, to whom, and who says it. */
struct statement {
	uint8_t side;
	uint8_t transcript[32];
	uint8_t to[NODE_KEY_LEN];
	uint8_t who[AT_SIGNATURE];
};

static void make_proof(const struct handshake *h, const struct handshake_self *self,
		       const uint8_t transcript[32], uint8_t ret[PROOF_LEN])
{
	struct statement said = { .side = h->initiator };

	memset(ret, 0, PROOF_LEN);
	memcpy(ret, self->identity->key, NODE_KEY_LEN);
	memcpy(ret + AT_NAME, self->name, strlen(self->name));
	if (self->admission)
		memcpy(ret + AT_ADMISSION, self->admission, NODE_SIG_LEN);
	memcpy(said.transcript, transcript, sizeof(said.transcript));
	memcpy(said.to, h->peer_key, NODE_KEY_LEN);
	memcpy(said.who, ret, AT_SIGNATURE);
	identity_sign(self->identity, SIGN_HANDSHAKE, &said, sizeof(said), ret + AT_SIGNATURE);
}

/* @own: our key as it stands in their statement, zeros where they did not know it. */
static int check_proof(struct handshake *h, const uint8_t proof[PROOF_LEN],
		       const uint8_t transcript[32], const uint8_t own[NODE_KEY_LEN], bool admitted)
{
	struct statement said = { .side = !h->initiator };
	char name[NODE_NAME_MAX + 1];

	memcpy(said.transcript, transcript, sizeof(said.transcript));
	memcpy(said.to, own, NODE_KEY_LEN);
	memcpy(said.who, proof, AT_SIGNATURE);
	memcpy(name, proof + AT_NAME, sizeof(name));
	name[NODE_NAME_MAX] = '\0';
	if (!admission_name_is_valid(name) ||
	    !identity_verify(proof, SIGN_HANDSHAKE, &said, sizeof(said), proof + AT_SIGNATURE) ||
	    (admitted && !admission_check(h->cluster_key, proof, name, proof + AT_ADMISSION)))
		return -EKEYREJECTED;

	memcpy(h->peer_key, proof, NODE_KEY_LEN);
	memcpy(h->peer_name, name, sizeof(name));
	memcpy(h->peer_admission, proof + AT_ADMISSION, NODE_SIG_LEN);

	return 0;
}

/* ---- refusals ------------------------------------------------------------ */

void handshake_refuse(struct handshake *h, enum handshake_refusal why,
		      uint8_t out[HANDSHAKE_REFUSAL_LEN])
{
	out[0] = HANDSHAKE_VERSION;
	out[1] = (uint8_t)why;
	h->next = 0;
}

enum handshake_refusal handshake_refusal_of(int r)
{
	switch (r) {
	case -EPROTONOSUPPORT:
		return REFUSED_VERSION;
	case -EOPNOTSUPP:
		return REFUSED_NO_ADMITTER;
	case -EKEYEXPIRED:
		return REFUSED_EXPIRED;
	case -EKEYREVOKED:
		return REFUSED_REVOKED;
	default:
		return REFUSED_PROOF;
	}
}

static int report_refusal(uint8_t why, struct err *e)
{
	static const char *const text[] = {
		[REFUSED_VERSION] = "its version is more than one away: upgrade the older side",
		[REFUSED_NO_ADMITTER] = "it is no admitter: join by the address of one",
		[REFUSED_EXPIRED] = "the token has expired by its clock: ask for a new one",
		[REFUSED_REVOKED] = "the token was revoked: ask for a new one",
		[REFUSED_PROOF] =
			"what this node shows does not hold there: token or cluster are others",
		[REFUSED_NAME] = ("another member has this node's name: choose another (name in "
				  "netd.conf), or forget that member if this node takes its place"),
		[REFUSED_FORGOTTEN] = "this node was forgotten: join again with a token",
		[REFUSED_FAMILY] = ("its nodes have addresses of the other family, IPv4 or IPv6, "
				    "and all need one: join by such an address"),
		[REFUSED_ELSEWHERE] = ("a member with this node's key is alive at another address: "
				       "the disk of one was copied, stop one of them"),
	};
	int sys = why == REFUSED_ELSEWHERE ? EADDRINUSE : ECONNREFUSED;
	bool known = why < sizeof(text) / sizeof(text[0]) && text[why];

	return err_say(e, sys, "the other side says, unverified: %s",
		       known ? text[why] : "a reason that this version does not know");
}

/* ---- the steps ----------------------------------------------------------- */

void handshake_start(struct handshake *h, const struct handshake_self *self,
		     const struct token *token, const uint8_t seed[HANDSHAKE_SEED_LEN],
		     uint8_t out[HANDSHAKE_1_LEN])
{
	begin(h, true, self);
	h->mode = token ? HANDSHAKE_JOIN : HANDSHAKE_REKEY;
	h->next = 2;

	memset(out, 0, HANDSHAKE_1_LEN);
	out[AT_VERSION] = HANDSHAKE_VERSION;
	out[AT_MODE] = h->mode;
	if (token) {
		memcpy(out + AT_TOKEN_ID, token->id, TOKEN_ID_LEN);
		put_le32(out + AT_EXPIRES, token->expires);
		memcpy(h->psk, token->secret, TOKEN_SECRET_LEN);
	}
	make_ephemeral(h, seed, out + AT_EPHEMERAL);
	mix(h, out, HANDSHAKE_1_LEN);
}

static int read_start(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		      size_t len, uint64_t now_s, struct err *e)
{
	if (len < HANDSHAKE_1_LEN)
		return err_sys(e, EBADMSG, "handshake: message 1 has %zu bytes, not %d", len,
			       HANDSHAKE_1_LEN);
	if (msg[AT_VERSION] < 1 || msg[AT_VERSION] > HANDSHAKE_VERSION + 1)
		return err_sys(
			e, EPROTONOSUPPORT,
			"handshake: version %u is more than one from %d: upgrade the older side",
			msg[AT_VERSION], HANDSHAKE_VERSION);
	h->mode = msg[AT_MODE];
	if (h->mode == HANDSHAKE_REKEY)
		return 0;
	if (h->mode != HANDSHAKE_JOIN)
		return err_sys(e, EBADMSG, "handshake: mode %u is none", h->mode);
	if (!self->cluster)
		return err_sys(e, EOPNOTSUPP,
			       "handshake: this node is no admitter: join by the address of one");

	return token_secret(self->cluster, msg + AT_TOKEN_ID, get_le32(msg + AT_EXPIRES),
			    self->revoked, now_s, h->psk, e);
}

int handshake_answer(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		     size_t len, uint64_t now_s, const uint8_t seed[HANDSHAKE_SEED_LEN],
		     uint8_t out[HANDSHAKE_2_LEN], struct err *e)
{
	uint8_t proof[PROOF_LEN];
	int r;

	assert(self->admission);
	begin(h, false, self);
	r = read_start(h, self, msg, len, now_s, e);
	if (r < 0)
		return r;

	mix(h, msg, len);
	make_ephemeral(h, seed, out);
	mix(h, out, DH_LEN);
	if (agree(h, msg + AT_EPHEMERAL) < 0)
		return err_sys(e, EBADMSG, "handshake: message 1 has no X25519 key");
	make_proof(h, self, h->transcript, proof);
	seal(h, 2, proof, PROOF_LEN, out + DH_LEN);
	h->next = 3;

	return 0;
}

/* A message of the length wanted, when it is due; or a refusal in its place. */
static int expect(struct handshake *h, unsigned int number, size_t want, const uint8_t *msg,
		  size_t len, struct err *e)
{
	if (h->next != number)
		return err_sys(e, EBADMSG, "handshake: message %u is not due", number);
	h->next = 0; /* whatever it is, there is no second try */
	if (h->initiator && len == HANDSHAKE_REFUSAL_LEN)
		return report_refusal(msg[1], e);
	if (len != want)
		return err_sys(e, EBADMSG, "handshake: message %u has %zu bytes, not %zu", number,
			       len, want);

	return 0;
}

int handshake_prove(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		    size_t len, uint8_t out[HANDSHAKE_3_LEN], struct err *e)
{
	static const uint8_t nobody[NODE_KEY_LEN];
	uint8_t proof[PROOF_LEN], said[32];
	int r = expect(h, 2, HANDSHAKE_2_LEN, msg, len, e);

	if (r < 0)
		return r;

	mix(h, msg, DH_LEN);
	memcpy(said, h->transcript, sizeof(said));
	if (agree(h, msg) < 0 || open_sealed(h, 2, msg + DH_LEN, len - DH_LEN, proof) < 0)
		return err_sys(
			e, EKEYREJECTED, "handshake: %s",
			h->mode == HANDSHAKE_JOIN
				? "who answers does not know the token's secret: it is of another "
				  "cluster, or not whom the address should lead to"
				: "the answer was damaged on its way");
	if (check_proof(h, proof, said, nobody, true) < 0)
		return err_sys(
			e, EKEYREJECTED,
			"handshake: who answers is no member of the cluster that is asked for: "
			"check the address");

	make_proof(h, self, h->transcript, proof);
	seal(h, 3, proof, PROOF_LEN, out);
	h->next = 4;

	return 0;
}

int handshake_check(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		    size_t len, struct err *e)
{
	uint8_t proof[PROOF_LEN], said[32];
	int r = expect(h, 3, HANDSHAKE_3_LEN, msg, len, e);

	if (r < 0)
		return r;

	memcpy(said, h->transcript, sizeof(said));
	if (open_sealed(h, 3, msg, len, proof) < 0)
		return err_sys(e, EKEYREJECTED, "handshake: %s",
			       h->mode == HANDSHAKE_JOIN
				       ? "the node does not know the secret of the token it shows"
				       : "message 3 was damaged on its way");
	if (check_proof(h, proof, said, self->identity->key, h->mode == HANDSHAKE_REKEY) < 0)
		return err_sys(e, EKEYREJECTED,
			       "handshake: the node is not the one that it says it is");
	h->next = 4;

	return 0;
}

void handshake_admit(struct handshake *h, const struct handshake_self *self,
		     const struct keyring *ring, uint8_t out[HANDSHAKE_4_LEN])
{
	uint8_t gift[GIFT_LEN] = { 0 };

	assert(!h->initiator && h->next == 4);
	if (h->mode == HANDSHAKE_JOIN)
		admission_sign(self->cluster, h->peer_key, h->peer_name, gift);
	else
		memcpy(gift, h->peer_admission, NODE_SIG_LEN);
	key_order_encode(&ring->order, gift + AT_ORDER);
	for (unsigned int i = 0; i < ring->order.n; i++) {
		gift[AT_HELD] |= (uint8_t)(ring->held[i] << i);
		memcpy(gift + AT_KEYS + i * FRAME_KEY_LEN, ring->key[i], FRAME_KEY_LEN);
	}
	seal(h, 4, gift, GIFT_LEN, out);
	sodium_memzero(gift, sizeof(gift));
	h->next = 0;
}

static int take_keys(const uint8_t gift[GIFT_LEN], const struct key_order *order,
		     struct keyring *ring, struct err *e)
{
	int missing = 0;

	/* The same order again gives keys that were lost. */
	if (keyring_obey(ring, order) < 0 && key_order_cmp(order, &ring->order) < 0)
		return err_sys(
			e, ESTALE,
			"handshake: the keys are of order %llu, this node has seen order %llu: "
			"ask another member",
			(unsigned long long)order->number, (unsigned long long)ring->order.number);
	for (unsigned int i = 0; i < order->n; i++)
		if (gift[AT_HELD] & 1u << i)
			(void)keyring_take(ring, gift + AT_KEYS + i * FRAME_KEY_LEN);
	for (unsigned int i = 0; i < order->n; i++)
		missing += !ring->held[i];

	return missing;
}

static int take_gift(const struct handshake *h, const struct handshake_self *self,
		     const uint8_t gift[GIFT_LEN], uint8_t admission[NODE_SIG_LEN],
		     struct keyring *ring, struct err *e)
{
	struct key_order order;
	int r;

	if (!admission_check(h->cluster_key, self->identity->key, self->name, gift))
		return err_sys(e, EKEYREJECTED,
			       "handshake: the admission of %s is not signed by the cluster",
			       self->name);
	if (key_order_read(gift + AT_ORDER, KEY_ORDER_LEN, h->cluster_key, &order) < 0)
		return err_sys(e, EKEYREJECTED,
			       "handshake: the order of keys is not signed by the cluster");
	r = take_keys(gift, &order, ring, e);
	if (r >= 0)
		memcpy(admission, gift, NODE_SIG_LEN);

	return r;
}

int handshake_finish(struct handshake *h, const struct handshake_self *self, const uint8_t *msg,
		     size_t len, uint8_t admission[NODE_SIG_LEN], struct keyring *ring,
		     struct err *e)
{
	uint8_t gift[GIFT_LEN];
	int r = expect(h, 4, HANDSHAKE_4_LEN, msg, len, e);

	if (r < 0)
		return r;
	if (open_sealed(h, 4, msg, len, gift) < 0)
		return err_sys(e, EKEYREJECTED, "handshake: message 4 was damaged on its way");
	r = take_gift(h, self, gift, admission, ring, e);
	sodium_memzero(gift, sizeof(gift));

	return r;
}

void handshake_wipe(struct handshake *h)
{
	sodium_memzero(h, sizeof(*h));
}
