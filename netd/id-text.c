/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id-text - see id-text.h */
#include "netd/id-text.h"

#include <sodium.h>

const char *node_id_text(const struct node_id *id, char ret[NODE_ID_TEXT])
{
	return sodium_bin2hex(ret, NODE_ID_TEXT, id->b, NODE_ID_LEN);
}

const char *network_id_text(const struct network_id *id, char ret[NETWORK_ID_TEXT])
{
	return sodium_bin2hex(ret, NETWORK_ID_TEXT, id->b, NETWORK_ID_LEN);
}
