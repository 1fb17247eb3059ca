/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * programmed - whose kernels hold a row
 *
 * A node that has put an owner's row into its kernel says so to the owner, in
 * one datagram that nobody repeats.  The owner may wait for everybody's word
 * before it says that an endpoint is up, for as long as it likes to: 40 ms, as a
 * lost word never comes.  A version stands for all before it.
 *
 * Only in networks of few members; in larger ones nothing is said, and nobody
 * waits.
 */
#ifndef OVERLAY_PROGRAMMED_H
#define OVERLAY_PROGRAMMED_H

#include "overlay/module.h"
#include "overlay/row.h"

#define PROGRAMMED_MEMBERS 16 /* of a network, this node among them */
#define PROGRAMMED_GAP	   5  /* ms between datagrams to one owner */

struct programmed;
struct rows;

/* What EVENT_PROGRAMMED carries; the event's node is who said so. */
struct programmed_event {
	struct network_id network;
	uint64_t version;
};

extern const struct module_ops programmed_ops;

/**
 * programmed_new() - to be plugged in by engine_attach(e, &programmed_ops, p)
 * @rows:	outlives it
 *
 * Return: NULL when there is no memory.
 */
struct programmed *programmed_new(struct engine *e, struct rows *rows);
void programmed_free(struct programmed *p);

/*
 * This node's kernel holds what @owner says of the network, up to a version
 * (struct row).  It goes out by the next engine_tick(), which engine_deadline()
 * says is now, or in PROGRAMMED_GAP ms; what is said to one owner until then
 * goes together.
 */
void programmed_say(struct programmed *p, const struct network_id *network,
		    const struct node_id *owner, uint64_t version, ms_t now);

/**
 * programmed_by_all() - whether all live members of a network hold a version of this node's
 * @version:	of rows_version()
 *
 * To be asked again at each EVENT_PROGRAMMED, and when a member dies or leaves.
 *
 * Return: true also if nobody else is in it, false in a network of more than
 * PROGRAMMED_MEMBERS or that this node is not in.
 */
bool programmed_by_all(const struct programmed *p, const struct network_id *network,
		       uint64_t version);

#endif
