/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - find out who does not answer
 *
 * Theory of operation
 *
 * One member a probe interval is pinged, in a shuffled order that is shuffled
 * anew after each round, so that nobody is left out for longer than two rounds:
 *
 *	0      167     333     500 ms                        1000 ms
 *	ping   again   again   | ping-req to 3 others, and   | nobody had an
 *	                       | a ping over a stream        | ack: suspect it
 *
 * A relay pings the target under a number of its own, hands the ack back, and
 * says nack at 80 % of the time-out when it has none, so that whoever asked
 * can tell a silent target from silent relays.
 *
 * Local health (Lifeguard) is a count from 0 to S of how much this node doubts
 * itself: a failed probe, a nack that did not come and a suspicion that it had
 * to refute raise it, a probe that succeeds lowers it.  Interval and time-out
 * are multiplied by it and one.
 *
 * A suspect that is pinged gets the suspicion in the same datagram (buddy), and
 * one that pings gets it in the ack (tell_back), so that it can refute at once.
 * One dead member is pinged every few seconds the same way: that is how two
 * halves of a cluster find each other again.
 *
 * Source: SWIM (DSN 2002); arXiv 1707.00788, section IV.
 */
#ifndef OVERLAY_PROBE_H
#define OVERLAY_PROBE_H

#include "overlay/module.h"

struct probe;
struct members;
struct member_sync;

struct probe *probe_new(struct engine *e, struct members *t, struct member_sync *sync);
void probe_free(struct probe *p);
void probe_start(struct probe *p, ms_t now);

extern const struct module_ops probe_ops;

/* How much this node doubts itself, from 0 to settings' health_max. */
unsigned int probe_health(const struct probe *p);

#endif
