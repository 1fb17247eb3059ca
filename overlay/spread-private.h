/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spread-private - the queue's inside, and what only the engine calls */
#ifndef OVERLAY_SPREAD_PRIVATE_H
#define OVERLAY_SPREAD_PRIVATE_H

#include "overlay/spread.h"

#define SPREAD_LIMIT 32		 /* most times that an item is sent by one node */
#define SPREAD_WIDE  8		 /* as many bytes as for the rest, for what all get at once */
#define SPREAD_AGE   (10 * 1000) /* ms after which an item is dropped */

struct spread_item {
	uint32_t key;
	uint16_t lane;
	uint8_t sends; /* so far: the list it is in */
	uint8_t limit;
	bool used;
	uint32_t prev, next; /* in the list, or of free items */
	uint32_t same_hash;
	ms_t born;
};

struct spread_lane {
	uint16_t scope;
	uint8_t class;
	uint8_t fanout; /* of the next flush, when it is to be a wide one */
	uint32_t n;
	ms_t flushed;		     /* spread.next of the flush that it was last in */
	uint32_t sends_used;	     /* bit i: head[i] is not empty */
	uint32_t head[SPREAD_LIMIT]; /* lists by times sent */
};

struct spread {
	struct engine *engine;
	struct spread_source sources[SPREAD_CLASSES];
	struct spread_targets targets[SPREAD_SCOPES];
	struct spread_lane *lanes;
	struct spread_item *items;
	uint32_t *hash;
	uint32_t cap, free, n, hash_len;
	uint16_t n_lanes;
	int64_t tokens; /* bytes; below 0: the last datagram was larger than what was left */
	ms_t filled_at, aged_at, next;
	/* Of what all of a small scope get at once, whatever the gap says: bytes of its own. */
	ms_t wide_due, wide_filled_at;
	int64_t wide_tokens;
};

struct spread *spread_new(struct engine *e);
void spread_free(struct spread *s);
void spread_start(struct spread *s, ms_t now);
void spread_tick(void *self, ms_t now);
ms_t spread_deadline(const void *self);

#endif
