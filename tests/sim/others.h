/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * others - our engine, set as others are
 *
 * Not their code: the numbers and rules that they ship, with every extra of
 * ours off.  What it does not have is memberlist's full exchange of state every
 * 30 s; tables are compared by their roots here as always.
 */
#ifndef OTHERS_H
#define OTHERS_H

#include "overlay/settings.h"

/* memberlist's defaults for a LAN: Lifeguard with alpha 4, one ping, gossip each 200 ms. */
static inline struct settings settings_of_memberlist(void)
{
	struct settings set = settings_swim;

	set.suspicion_mult = 4;
	set.local_health = true;
	set.dynamic_suspicion = true;
	set.buddy = true;
	set.confirm_sends = 16; /* as often as the first suspicion, among 1,000 */
	return set;
}

#endif
