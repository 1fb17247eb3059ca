/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * others - containers that are on a host beside the one that is measured
 *
 * They are attached by the lane's own plugins, through the whole chain, each in
 * a namespace of its own: what a host with a thousand containers has, it has
 * here, too.  They are on several networks: with a thousand ports on one bridge,
 * an ARP request fills the kernel's queue (netdev_max_backlog is 1,000), and what
 * comes after it is lost.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define OTHERS_FIRST_PORT 10000

static void attach(const struct lane *lane, struct container *c, const char *kind, unsigned int i)
{
	char name[128];

	format(name, sizeof(name), "%s-%td-%s-%u", lane->sc->name, lane->def - lane->sc->lanes,
	       kind, i);
	container_open(c, name);
	lane_enter(lane);
	call_run(lane, c, OP_ADD);
}

void client_attach(struct lane *lane)
{
	attach(lane, &lane->client, "client", 0);
	lane->around++;
}

static void other_attach(const struct lane *lane, unsigned int i)
{
	struct container other = { .host_port = OTHERS_FIRST_PORT + i * OTHERS_PORTS,
				   .n_ports = OTHERS_PORTS };

	attach(lane, &other, "other", i);
	/* Its mount keeps the namespace. */
	close(other.netns);
	free(other.result);
}

void others_attach(struct lane *lane)
{
	unsigned int each = lane->def->others / OTHERS_NETWORKS;
	struct lane network;

	for (unsigned int n = 0; n < OTHERS_NETWORKS; n++) {
		lane_open_network(&network, lane, n);
		for (unsigned int i = 0; i < each; i++)
			other_attach(&network, n * each + i);
		lane_close_network(&network);
		proc_wait_orphans();
	}
	lane->around += each;
}
