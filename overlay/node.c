/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node - the id that goes with a key */
#include "overlay/node.h"

#include <sodium.h>

void node_id_of_key(const uint8_t key[NODE_KEY_LEN], struct node_id *ret)
{
	/* The prefix keeps an id from being the hash of the key in some other protocol. */
	static const uint8_t prefix[] = "heddle node id 1";
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, NODE_ID_LEN);
	crypto_generichash_update(&hash, prefix, sizeof(prefix));
	crypto_generichash_update(&hash, key, NODE_KEY_LEN);
	crypto_generichash_final(&hash, ret->b, NODE_ID_LEN);
}
