/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row-transfer - a table, or what is newer of it, as the parts of one message */
#include "overlay/row-transfer.h"

#include <stdlib.h>

#include "overlay/bytes.h"
#include "overlay/row.pb.h"

#define KEPT_LEN 4

_Static_assert(sizeof(((row_Table *)0)->kept.bytes) == TABLE_ROWS * KEPT_LEN, "of all rows");
_Static_assert(TABLE_BYTES + 8 * TABLE_ROWS + row_Table_size + 2 * PART_HEADER < STREAM_ROOM,
	       "a table goes in one message");

/* ---- writing --------------------------------------------------------------- */

static void put_item(struct part_writer *w, const struct row *row)
{
	row_Row m;

	row_write(row, true, &m);
	(void)part_put_message(w, PART_ROW_ITEM, row_Row_fields, &m);
}

static bool is_sent(const struct row *row, uint32_t reach, uint64_t version)
{
	return reach == row_Reach_WHOLE || row->version > version;
}

static void put_head(struct part_writer *w, const struct row_table *t, uint32_t reach,
		     uint64_t version)
{
	row_Table m = row_Table_init_zero;

	m.network.size = (pb_size_t)network_write(&t->head->of.network, m.network.bytes);
	m.has_head = true;
	head_write(t->head, &m.head);
	m.reach = (row_Reach)reach;
	for (uint32_t i = 0; i < t->n; i++) {
		if (is_sent(t->rows[i], reach, version)) {
			m.rows++;
		} else if (reach == row_Reach_LIST) {
			put_le32(m.kept.bytes + m.kept.size,
				 (uint32_t)(t->rows[i]->leaf.place >> 32));
			m.kept.size += KEPT_LEN;
		}
	}
	(void)part_put_message(w, PART_ROW_TABLE, row_Table_fields, &m);
}

bool transfer_write(const struct row_table *t, uint32_t reach, uint64_t version,
		    struct part_writer *ret)
{
	size_t cap = t->bytes + 8 * (size_t)t->n + row_Table_size + PART_HEADER;
	struct part_writer w = { .buf = malloc(cap), .cap = cap };

	if (!w.buf)
		return false;
	put_head(&w, t, reach, version);
	for (uint32_t i = 0; i < t->n; i++)
		if (is_sent(t->rows[i], reach, version))
			put_item(&w, t->rows[i]);
	*ret = w;

	return true;
}

/* ---- reading --------------------------------------------------------------- */

void transfer_drop(struct row_transfer *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->rows[i]);
	free(t->rows);
	free(t->kept);
	free(t->head);
	*t = (struct row_transfer){ .head = NULL };
}

bool transfer_begin(struct row_transfer *t, const row_Table *m)
{
	*t = (struct row_transfer){ .reach = (uint8_t)m->reach, .expected = m->rows };
	if (m->rows > TABLE_ROWS || m->reach > row_Reach_WHOLE || m->kept.size % KEPT_LEN != 0)
		return false;
	t->head = malloc(sizeof(*t->head));
	t->kept = malloc(m->kept.size + 1U);
	t->rows = calloc(m->rows + 1, sizeof(struct row *));
	if (!t->head || !t->kept || !t->rows || !head_read(&m->head, t->head))
		return false;
	memcpy(t->kept, m->kept.bytes, m->kept.size);
	t->n_kept = m->kept.size / KEPT_LEN;

	return true;
}

static bool fits(const struct row_transfer *t, const struct row *row)
{
	return t->n < t->expected && !row->removed && row->version <= t->head->of.version &&
	       t->bytes + row_bytes(row) <= TABLE_BYTES &&
	       (t->n == 0 || t->rows[t->n - 1]->leaf.place < row->leaf.place);
}

bool transfer_add(struct row_transfer *t, const struct part *p)
{
	row_Row m = row_Row_init_zero;
	struct row *row = part_message(p, row_Row_fields, &m) ? row_read(&m, 0) : NULL;

	if (!row || !fits(t, row)) {
		free(row);
		return false;
	}
	t->bytes += (uint32_t)row_bytes(row);
	t->rows[t->n++] = row;

	return true;
}

bool transfer_read(struct row_transfer *t, const uint8_t *message, size_t len)
{
	struct part_reader reader = { .at = message, .end = message + len };
	row_Table m = row_Table_init_zero;
	struct part p;

	if (part_next(&reader, &p) <= 0 || p.kind != PART_ROW_TABLE ||
	    !part_message(&p, row_Table_fields, &m) || !m.has_head)
		return false;
	if (!transfer_begin(t, &m))
		goto fail;
	while (part_next(&reader, &p) > 0)
		if (p.kind != PART_ROW_ITEM || !transfer_add(t, &p))
			goto fail;
	if (transfer_is_whole(t))
		return true;
fail:
	transfer_drop(t);

	return false;
}

/* Whether the sender still has a row of the base that it did not send. */
static bool is_kept(const struct row_transfer *t, const struct row *row)
{
	uint32_t low = 0, high = t->n_kept, place = (uint32_t)(row->leaf.place >> 32);

	if (t->reach != row_Reach_LIST)
		return t->reach == row_Reach_DELTA;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (get_le32(t->kept + (size_t)KEPT_LEN * mid) < place)
			low = mid + 1;
		else
			high = mid;
	}

	return low < t->n_kept && get_le32(t->kept + (size_t)KEPT_LEN * low) == place;
}

struct row **transfer_merge(const struct row_transfer *t, const struct row_table *base,
			    uint32_t *ret)
{
	struct row **rows = malloc((t->n + base->n + 1) * sizeof(struct row *));
	uint32_t i = 0, j = 0, n = 0;

	if (!rows)
		return NULL;
	while (i < t->n || j < base->n) {
		uint64_t a = i < t->n ? t->rows[i]->leaf.place : UINT64_MAX;
		uint64_t b = j < base->n ? base->rows[j]->leaf.place : UINT64_MAX;

		if (i < t->n && a <= b) {
			rows[n++] = t->rows[i++];
			j += j < base->n && a == b;
		} else {
			if (is_kept(t, base->rows[j]))
				rows[n++] = base->rows[j];
			j++;
		}
	}
	*ret = n;

	return rows;
}
