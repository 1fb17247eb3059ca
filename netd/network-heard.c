/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-heard - whether all members of a network have been heard */
#include <string.h>

#include "netd/service-private.h"

struct hearing {
	const struct cluster_network *n;
	const struct node_id *of;
	bool heard, all;
};

static void hear_row(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct hearing *h = ctx;

	h->heard |= row->kind == ROW_ENDPOINT && node_id_equal(owner, h->of);
}

static void hear_member(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct hearing *h = ctx;
	const struct service *s = h->n->s;

	if (row->kind != ROW_PRESENCE || row->key_len != NETWORK_ID_LEN ||
	    memcmp(row->bytes, h->n->id.b, NETWORK_ID_LEN) != 0 ||
	    node_id_equal(owner, engine_id(cluster_engine(s->c))))
		return;
	h->of = owner;
	h->heard = false;
	rows_each(cluster_rows(s->c), &h->n->id, ROWS_LIVE, hear_row, h);
	h->all &= h->heard;
}

/* Whoever serves it has a row of its own address; a visitor has none, and is waited for in vain. */
bool networks_is_heard(const struct cluster_network *n)
{
	static const struct network_id cluster;
	struct hearing h = { .n = n, .all = true };

	rows_each(cluster_rows(n->s->c), &cluster, ROWS_LIVE, hear_member, &h);

	return h.all;
}
