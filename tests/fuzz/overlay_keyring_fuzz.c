/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay_keyring_fuzz - any bytes as orders of keys, unsigned and signed
 *
 * An input is a list of statements of 80 bytes.  Each is read as it is, which
 * must fail, and with the cluster's signature.  What is obeyed only rises, and
 * the ring seals with a key that the order names or with none.
 */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <string.h>

#include "overlay/keyring.h"

#define STATEMENT_LEN (KEY_ORDER_LEN - NODE_SIG_LEN)

static void obey(struct keyring *r, const struct key_order *o)
{
	struct key_order before = r->order;
	uint32_t id = 0;
	int missing = keyring_obey(r, o);

	MUST((missing < 0) == (key_order_cmp(o, &before) <= 0));
	MUST(key_order_cmp(&r->order, &before) >= 0);
	MUST(missing <= KEYRING_MAX && r->order.n >= 1 && r->order.n <= KEYRING_MAX);
	if (keyring_primary(r, &id))
		MUST(keyring_find(r, id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = "cluster";
	struct identity cluster;
	struct keyring ring = { 0 };
	struct key_order o;

	MUST(sodium_init() >= 0);
	identity_init(&cluster, seed);
	MUST(key_order_read(data, size, cluster.key, &o) < 0);
	for (; size >= STATEMENT_LEN; data += STATEMENT_LEN, size -= STATEMENT_LEN) {
		uint8_t bytes[KEY_ORDER_LEN], again[KEY_ORDER_LEN];

		memcpy(bytes, data, STATEMENT_LEN);
		identity_sign(&cluster, SIGN_KEY_ORDER, bytes, STATEMENT_LEN,
			      bytes + STATEMENT_LEN);
		if (key_order_read(bytes, sizeof(bytes), cluster.key, &o) < 0)
			continue;
		key_order_encode(&o, again);
		MUST(memcmp(again, bytes, sizeof(bytes)) == 0);
		obey(&ring, &o);
	}

	return 0;
}
