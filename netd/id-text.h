/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id-text - ids as everything for people shows them: hex */
#ifndef NETD_ID_TEXT_H
#define NETD_ID_TEXT_H

#include "overlay/row.h"

#define NODE_ID_TEXT	(2 * NODE_ID_LEN + 1)
#define NETWORK_ID_TEXT (2 * NETWORK_ID_LEN + 1)

/* Each returns @ret. */
const char *node_id_text(const struct node_id *id, char ret[NODE_ID_TEXT]);
const char *network_id_text(const struct network_id *id, char ret[NETWORK_ID_TEXT]);

#endif
