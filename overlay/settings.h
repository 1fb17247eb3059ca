/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings - the protocol's numbers, and its extras as switches
 *
 * The switches exist so that a measurement can say what each extra is worth:
 * with all of them off this is the SWIM that the Lifeguard paper starts from.
 */
#ifndef OVERLAY_SETTINGS_H
#define OVERLAY_SETTINGS_H

#include <stdbool.h>

#include "overlay/env.h"

struct settings {
	ms_t probe_interval;	 /* one member is probed each */
	ms_t probe_timeout;	 /* for the direct answer */
	unsigned int indirect;	 /* members asked to ping it too */
	unsigned int ping_sends; /* of one ping within its window, 1 to 3 */
	unsigned int
		suspicion_mult;	    /* Lifeguard's alpha: least time = alpha * log10(n) intervals */
	unsigned int suspicion_max; /* Lifeguard's beta: most time = beta * least */
	unsigned int confirmations; /* independent suspicions that bring it down to the least */
	unsigned int health_max;    /* local health counts from 0 to this */
	bool local_health;	    /* LHA-Probe: a node in doubt of itself probes slower */
	bool dynamic_suspicion;	    /* LHA-Suspicion: the time falls with confirmations */
	bool buddy;		    /* a ping to a suspect tells it so first */
	bool say_again;		    /* a suspicion that nobody confirms is said again */
	bool tell_back;		    /* an ack tells a pinger that it is thought suspect or dead */
	bool stall_grace;	    /* time in which this process stood still counts for nobody */
	ms_t gossip_gap;	    /* between flushes of a queue that is not idle */
	bool gossip_tick;	    /* flush on the gap's tick only, never at once */
	unsigned int gossip_fanout;
	ms_t gossip_dead; /* the dead are gossiped to for this long, so that they can refute */
	unsigned int retransmit;    /* an item is sent this times ceil(log10(n + 1)) */
	unsigned int confirm_sends; /* and a further member's suspicion of the same suspect, this
				       often */
	uint32_t gossip_rate;	    /* bytes a second of datagrams that only gossip */
	ms_t dead_probe; /* one dead member is pinged each, so that halves find each other */
};

/* What ships. */
extern const struct settings settings_default;

/* The paper's SWIM: alpha 5, no Lifeguard, one ping, gossip on a tick. */
extern const struct settings settings_swim;

#endif
