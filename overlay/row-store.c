/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * row-store - the rows module's tables on the disk
 *
 * A table is one record: its head and all its rows, as a pull of all would be
 * answered.  So it is there as it was after one change or another, never half of
 * it, and its signature is checked before it is used.  It is stored lazily: a
 * crash takes a table back to what it was a moment ago, and what came after is
 * found as anything is that a node missed.
 *
 * What was kept waits until its network is joined, as only then it is known
 * whether its owner is in it.
 */
#include <stdlib.h>

#include "overlay/engine.h"
#include "overlay/row.pb.h"
#include "overlay/rows-private.h"

#define TABLE_KEY_LEN (NETWORK_ID_LEN + NODE_ID_LEN)

static void make_key(const struct network_id *network, const struct node_id *owner,
		     uint8_t ret[TABLE_KEY_LEN])
{
	memcpy(ret, network->b, NETWORK_ID_LEN);
	memcpy(ret + NETWORK_ID_LEN, owner->b, NODE_ID_LEN);
}

/*
 * Not kept if it fails: it is a node with a full disk, and the next change of
 * the table tries again.
 */
static void store(struct rows *r, const struct network_id *network, const struct node_id *owner,
		  const uint8_t *value, size_t len)
{
	const struct env *env = engine_env(r->engine);
	uint8_t key[TABLE_KEY_LEN];

	make_key(network, owner, key);
	(void)env->ops->store(env->ctx,
			      &(struct record){ .kind = RECORD_ROW,
						.key = key,
						.key_len = sizeof(key),
						.value = value,
						.len = (uint32_t)len },
			      STORE_LAZY, NULL);
}

void row_store_put(struct rows *r, const struct owner *o)
{
	const struct row_table *t = &o->table;
	struct part_writer w;

	if (!transfer_write(t, row_Reach_WHOLE, 0, &w))
		return;
	store(r, &t->head->of.network, &t->owner, w.buf, w.len);
	free(w.buf);
}

void row_store_remove(struct rows *r, const struct network_id *network, const struct node_id *owner)
{
	store(r, network, owner, NULL, 0);
}

/* ---- an earlier life --------------------------------------------------------- */

/* A table of an earlier life; its signature has not been verified. */
struct kept_table {
	struct kept_table *next;
	struct row_transfer table;
};

static bool is_named(const struct record *r, const struct head *head)
{
	uint8_t key[TABLE_KEY_LEN];

	make_key(&head->network, &head->owner, key);

	return r->key_len == sizeof(key) && memcmp(r->key, key, sizeof(key)) == 0;
}

void row_store_restore(struct rows *r, const struct record *record)
{
	struct kept_table *kept = calloc(1, sizeof(*kept));

	if (!kept || !transfer_read(&kept->table, record->value, record->len)) {
		free(kept);
		return;
	}
	if (kept->table.reach != row_Reach_WHOLE || !is_named(record, &kept->table.head->of)) {
		transfer_drop(&kept->table);
		free(kept);
		return;
	}
	kept->next = r->kept;
	r->kept = kept;
}

/* The next one of a network, or of any, out of the list; NULL: there is no more. */
static struct kept_table *take_kept(struct rows *r, const struct network_id *network)
{
	struct kept_table **at = &r->kept, *ret;

	while (*at && network && !network_id_equal(&(*at)->table.head->of.network, network))
		at = &(*at)->next;
	ret = *at;
	if (ret)
		*at = ret->next;

	return ret;
}

/* Own rows are of an earlier generation, or the disk says what this node never said. */
static bool is_sound(struct rows *r, const struct signed_head *head)
{
	const uint8_t *key = rows_key_of(r, &head->of.owner);

	if (node_id_equal(&head->of.owner, engine_id(r->engine)) &&
	    head->of.version >> 32 >= engine_generation(r->engine))
		return false;

	return key && head_is_signed(engine_env(r->engine), head, key);
}

static bool adopt(struct rows *r, struct network *n, struct row_transfer *t)
{
	struct owner *o = owner_need(r, n, &t->head->of.owner);

	if (!o || o->table.head || !is_sound(r, t->head) ||
	    !owner_replace(r, n, o, t->head, t->rows, t->n))
		return false;
	t->head = NULL;
	t->rows = NULL;
	t->n = 0;

	return true;
}

void row_store_adopt(struct rows *r, struct network *n)
{
	struct kept_table *kept;

	while ((kept = take_kept(r, &n->id))) {
		const struct node_id owner = kept->table.head->of.owner;

		if (!adopt(r, n, &kept->table))
			row_store_remove(r, &n->id, &owner);
		transfer_drop(&kept->table);
		free(kept);
	}
}

void row_store_forget(struct rows *r, const struct network_id *network)
{
	struct kept_table *kept;

	while ((kept = take_kept(r, network))) {
		const struct head *head = &kept->table.head->of;

		row_store_remove(r, &head->network, &head->owner);
		transfer_drop(&kept->table);
		free(kept);
	}
}

void row_store_clear(struct rows *r)
{
	struct kept_table *kept;

	while ((kept = take_kept(r, NULL))) {
		transfer_drop(&kept->table);
		free(kept);
	}
}
