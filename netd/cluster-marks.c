/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-marks - what the last process left for this one
 *
 * A mark in run-dir says that it had met everybody, in this boot; a record on the
 * disk that this node ever had peers.  Together they tell how far its own records of
 * numbers can be trusted.
 */
#define LOG_AREA "cluster"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "netd/cluster-private.h"
#include "netd/id-text.h"
#include "netd/log.h"
#include "netd/store.h"

/* Of STORE_CLUSTER: this node has had peers, so its disk may be behind what they know. */
static const char key_peers[] = "had-peers";

static FILE *open_mark(const struct cluster *c, const char *how)
{
	char path[256];

	if (snprintf(path, sizeof(path), "%s/netd-ready", c->d->config.run_dir) >=
	    (int)sizeof(path))
		return NULL;

	return fopen(path, how);
}

/* run-dir is gone with the boot, and a store that was put back is of another generation. */
static bool mark_matches(const struct cluster *c, uint32_t generation)
{
	char id[NODE_ID_TEXT], said_id[NODE_ID_TEXT];
	FILE *f = open_mark(c, "re");
	uint32_t said = 0;
	int n;

	if (!f)
		return false;
	n = fscanf(f, "%32s %u", said_id, &said);
	fclose(f);

	return n == 2 && said == generation &&
	       strcmp(said_id, node_id_text(&c->d->self.identity.id, id)) == 0;
}

/* Without it the next start has to meet everybody, which is slower and just as right. */
void cluster_leave_mark(const struct cluster *c)
{
	char id[NODE_ID_TEXT];
	FILE *f = open_mark(c, "we");

	if (!f)
		return;
	fprintf(f, "%s %u\n", node_id_text(&c->d->self.identity.id, id), c->d->self.generation);
	fclose(f);
}

static bool had_peers(const struct cluster *c)
{
	AUTO_FREE void *value = NULL;

	return store_get(c->d->store, STORE_CLUSTER, key_peers, sizeof(key_peers), &value, NULL,
			 NULL) == 0;
}

void cluster_note_peers(struct cluster *c)
{
	struct err e = { 0 };

	if (had_peers(c))
		return;
	if (store_put(c->d->store, STORE_CLUSTER, key_peers, sizeof(key_peers), "", 1,
		      STORE_DURABLE, &e) < 0)
		log_error("cannot keep that this node has peers: %s", e.msg);
}

enum blocks_start cluster_how_to_begin(const struct cluster *c, uint32_t last_generation)
{
	if (c->fresh || (last_generation > 0 && mark_matches(c, last_generation)))
		return BLOCKS_SAME_BOOT;

	if (c->d->config.alone)
		log_warning("started with --alone: addresses that other nodes may have are given");

	return had_peers(c) && !c->d->config.alone ? BLOCKS_REBOOT : BLOCKS_ALONE;
}
