/* SPDX-License-Identifier: GPL-2.0-or-later */
/* identity - see identity.h. */
#include "overlay/identity.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

static_assert(NODE_KEY_LEN == crypto_sign_PUBLICKEYBYTES, "of Ed25519");
static_assert(NODE_SIG_LEN == crypto_sign_BYTES, "of Ed25519");
static_assert(IDENTITY_SEED_LEN == crypto_sign_SEEDBYTES, "of Ed25519");
static_assert(IDENTITY_SECRET_LEN == crypto_sign_SECRETKEYBYTES, "of Ed25519");
static_assert(SEAL_OVERHEAD == crypto_box_SEALBYTES, "of crypto_box_seal()");

void identity_init(struct identity *ret, const uint8_t seed[IDENTITY_SEED_LEN])
{
	crypto_sign_seed_keypair(ret->key, ret->secret, seed);
	node_id_of_key(ret->key, &ret->id);
}

void identity_wipe(struct identity *i)
{
	sodium_memzero(i, sizeof(*i));
}

/* ---- signatures ---------------------------------------------------------- */

static void hash_signed(crypto_sign_state *state, enum sign_purpose purpose, const void *msg,
			size_t len)
{
	const uint8_t prefix[16] = { 'h', 'e', 'd', 'd', 'l', 'e', ' ', 's',
				     'i', 'g', 'n', ' ', '1', ' ', 0,	(uint8_t)purpose };

	crypto_sign_init(state);
	crypto_sign_update(state, prefix, sizeof(prefix));
	crypto_sign_update(state, msg, len);
}

void identity_sign(const struct identity *i, enum sign_purpose purpose, const void *msg, size_t len,
		   uint8_t sig[NODE_SIG_LEN])
{
	crypto_sign_state state;

	hash_signed(&state, purpose, msg, len);
	crypto_sign_final_create(&state, sig, NULL, i->secret);
}

bool identity_verify(const uint8_t key[NODE_KEY_LEN], enum sign_purpose purpose, const void *msg,
		     size_t len, const uint8_t sig[NODE_SIG_LEN])
{
	crypto_sign_state state;

	hash_signed(&state, purpose, msg, len);

	return crypto_sign_final_verify(&state, sig, key) == 0;
}

/* ---- secrets for one receiver -------------------------------------------- */

/* crypto_box_seal() draws its own randomness; with ours it is the steps below. */
static void seal_nonce(const uint8_t from[crypto_box_PUBLICKEYBYTES],
		       const uint8_t to[crypto_box_PUBLICKEYBYTES],
		       uint8_t nonce[crypto_box_NONCEBYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, crypto_box_NONCEBYTES);
	crypto_generichash_update(&state, from, crypto_box_PUBLICKEYBYTES);
	crypto_generichash_update(&state, to, crypto_box_PUBLICKEYBYTES);
	crypto_generichash_final(&state, nonce, crypto_box_NONCEBYTES);
}

int identity_seal(const uint8_t to[NODE_KEY_LEN], const uint8_t seed[32], const void *plain,
		  size_t len, uint8_t *sealed)
{
	uint8_t box[crypto_box_PUBLICKEYBYTES], nonce[crypto_box_NONCEBYTES];
	uint8_t once[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
	int r;

	assert(len <= SEAL_MAX);
	if (crypto_sign_ed25519_pk_to_curve25519(box, to) != 0)
		return -EKEYREJECTED;

	crypto_box_seed_keypair(once, secret, seed);
	seal_nonce(once, box, nonce);
	r = crypto_box_easy(sealed + sizeof(once), plain, len, nonce, box, secret);
	sodium_memzero(secret, sizeof(secret));
	if (r != 0)
		return -EKEYREJECTED;
	memcpy(sealed, once, sizeof(once));

	return 0;
}

int identity_open(const struct identity *i, const uint8_t *sealed, size_t len, void *plain)
{
	uint8_t box[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
	uint8_t text[SEAL_MAX];
	int r = -EBADMSG;

	if (len < SEAL_OVERHEAD || len > SEAL_MAX + SEAL_OVERHEAD)
		return r;

	crypto_sign_ed25519_sk_to_curve25519(secret, i->secret);
	if (crypto_sign_ed25519_pk_to_curve25519(box, i->key) == 0 &&
	    crypto_box_seal_open(text, sealed, len, box, secret) == 0) {
		memcpy(plain, text, len - SEAL_OVERHEAD);
		r = 0;
	}
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(text, sizeof(text));

	return r;
}
