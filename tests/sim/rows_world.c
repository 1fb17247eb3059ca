/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows_world - nodes with rows, for the experiments on them */
#include "tests/sim/rows_world.h"

#include <stdlib.h>
#include <string.h>

const struct network_id rows_world_network = { "experiment" };
static const struct network_id cluster;

void rows_world_plug_in(struct sim *s, struct sim_node *n)
{
	struct rows_world *w = s->user;

	w->rows[n->index] = rows_new(n->engine);
	if (!w->rows[n->index] || engine_attach(n->engine, &rows_ops, w->rows[n->index], NULL) < 0)
		abort();
}

static void unplug(struct sim *s, struct sim_node *n)
{
	struct rows_world *w = s->user;

	rows_free(w->rows[n->index]);
	w->rows[n->index] = NULL;
}

static double loss(struct sim *s, uint32_t from, uint32_t to)
{
	const struct rows_world *w = s->user;

	return w->split && from % 2 != to % 2;
}

static void on_event(struct sim *s, struct sim_node *n, const struct event *ev, uint32_t subject)
{
	struct rows_world *w = s->user;
	const struct row_event *more = ev->more;

	(void)subject;
	if (ev->kind != EVENT_ROW || w->heard[n->index] ||
	    !node_id_equal(&ev->node, &w->last_owner) || more->row->kind != ROW_ENDPOINT ||
	    memcmp(more->row->bytes, &w->last_key, sizeof(w->last_key)) != 0)
		return;
	w->heard[n->index] = true;
	w->heard_at[n->index] = s->now;
	w->n_heard++;
}

struct rows_world *rows_world_new(struct sim *s, uint32_t n)
{
	struct rows_world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->rows = calloc(n, sizeof(struct rows *));
	w->heard = calloc(n, sizeof(*w->heard));
	w->heard_at = calloc(n, sizeof(*w->heard_at));
	if (!w->rows || !w->heard || !w->heard_at)
		abort();
	s->user = w;
	s->hooks = (struct sim_hooks){
		.plug_in = rows_world_plug_in, .unplug = unplug, .loss = loss, .event = on_event
	};
	sim_add(s, n);

	return w;
}

void rows_world_free(struct sim *s)
{
	struct rows_world *w = s->user;

	sim_free(s);
	free(w->rows);
	free(w->heard);
	free(w->heard_at);
	free(w);
}

static void begin(struct sim *s, uint32_t node)
{
	struct rows_world *w = s->user;
	ms_t now = sim_clock(&s->nodes[node]);

	rows_begin(w->rows[node], now);
	if (node < w->in && rows_join(w->rows[node], &rows_world_network, now, NULL) < 0)
		abort();
	node_arm(&s->nodes[node]);
}

void rows_world_begin(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_nodes; i++)
		if (sim_is_up(s, i))
			begin(s, i);
}

void rows_world_start(struct sim *s, uint32_t node)
{
	sim_start(s, node);
	begin(s, node);
}

void rows_world_put(struct sim *s, uint32_t node, const struct network_id *network, uint32_t key,
		    uint16_t len)
{
	struct rows_world *w = s->user;
	uint8_t value[ROW_VALUE_MAX];
	const struct row_text text = { .kind = ROW_ENDPOINT,
				       .key_len = sizeof(key),
				       .key = (const uint8_t *)&key,
				       .value_len = len,
				       .value = value };

	for (uint16_t i = 0; i < len; i++)
		value[i] = (uint8_t)sim_random(s);
	w->last_owner = s->nodes[node].id;
	w->last_key = key;
	memset(w->heard, 0, s->n_nodes * sizeof(*w->heard));
	w->n_heard = 0;
	if (rows_put(w->rows[node], network ? network : &cluster, &text, sim_clock(&s->nodes[node]),
		     NULL) < 0)
		abort();
	node_arm(&s->nodes[node]);
}

void rows_world_remove(struct sim *s, uint32_t node, const struct network_id *network, uint32_t key)
{
	struct rows_world *w = s->user;

	if (rows_remove(w->rows[node], network ? network : &cluster, ROW_ENDPOINT,
			(const uint8_t *)&key, sizeof(key), sim_clock(&s->nodes[node]), NULL) < 0)
		abort();
	node_arm(&s->nodes[node]);
}

bool rows_world_all_heard(struct sim *s)
{
	const struct rows_world *w = s->user;

	return w->n_heard == s->n_nodes;
}

bool rows_world_equal(struct sim *s)
{
	const struct rows_world *w = s->user;
	const struct rows *first = NULL, *first_in = NULL;

	for (uint32_t i = 0; i < s->n_nodes; i++) {
		if (!sim_is_up(s, i))
			continue;
		first = first ? first : w->rows[i];
		if (rows_root(w->rows[i], &cluster) != rows_root(first, &cluster))
			return false;
		if (i >= w->in)
			continue;
		first_in = first_in ? first_in : w->rows[i];
		if (rows_root(w->rows[i], &rows_world_network) !=
		    rows_root(first_in, &rows_world_network))
			return false;
	}

	return true;
}
