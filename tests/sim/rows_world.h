/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows_world - nodes with rows, for the experiments on them
 *
 * Whoever an experiment's nodes are, each has the rows module plugged in, and
 * the world notes who has heard of a row since the last one was put.
 */
#ifndef ROWS_WORLD_H
#define ROWS_WORLD_H

#include "overlay/rows.h"
#include "tests/sim/sim.h"

struct rows_world {
	struct rows **rows; /* by node; NULL while it does not run */
	bool *heard;	    /* of the last row that was put */
	us_t *heard_at;
	uint32_t n_heard;
	struct node_id last_owner;
	uint32_t last_key;
	bool split;  /* even nodes and odd ones do not hear each other */
	uint32_t in; /* nodes below are in rows_world_network from their start */
	void *user;
};

/* The one that experiments use beside the cluster's. */
extern const struct network_id rows_world_network;

/* Becomes the simulation's user, with @n nodes that are not running. */
struct rows_world *rows_world_new(struct sim *s, uint32_t n);
void rows_world_free(struct sim *s); /* and of the simulation */

/* The hook that plugs rows in, for an experiment that has one of its own. */
void rows_world_plug_in(struct sim *s, struct sim_node *n);

/* All that run are begun, after sim_start_known(). */
void rows_world_begin(struct sim *s);
/* Start a node and begin its rows; it is to join. */
void rows_world_start(struct sim *s, uint32_t node);

/* A row of @node; @network: NULL: the cluster's.  The value is random. */
void rows_world_put(struct sim *s, uint32_t node, const struct network_id *network, uint32_t key,
		    uint16_t len);
void rows_world_remove(struct sim *s, uint32_t node, const struct network_id *network,
		       uint32_t key);

bool rows_world_all_heard(struct sim *s);
/* All that run have the same rows. */
bool rows_world_equal(struct sim *s);

#endif
