/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings - the protocol's numbers, and its extras as switches
 *
 * Source: arXiv 1707.00788 (Lifeguard) for alpha, beta, K and S; memberlist's
 * defaults for a LAN where the papers leave a number open.
 */
#include "overlay/settings.h"

const struct settings settings_default = {
	.probe_interval = 1000,
	.probe_timeout = 500,
	.indirect = 3,
	.ping_sends = 3,
	.suspicion_mult = 4,
	.suspicion_max = 6,
	.confirmations = 3,
	.health_max = 8,
	.local_health = true,
	.dynamic_suspicion = true,
	.buddy = true,
	.say_again = true,
	.tell_back = true,
	.stall_grace = true,
	.gossip_gap = 100,
	.gossip_tick = false,
	.gossip_fanout = 3,
	.gossip_dead = 30 * 1000,
	.retransmit = 4,
	.confirm_sends = 1,
	.gossip_rate = 21000,
	.dead_probe = 5 * 1000,
};

const struct settings settings_swim = {
	.probe_interval = 1000,
	.probe_timeout = 500,
	.indirect = 3,
	.ping_sends = 1,
	.suspicion_mult = 5,
	.suspicion_max = 6,
	.confirmations = 3,
	.health_max = 8,
	.gossip_gap = 200,
	.gossip_tick = true,
	.gossip_fanout = 3,
	.gossip_dead = 30 * 1000,
	.retransmit = 4,
	.confirm_sends = 1,
	.gossip_rate = 21000,
	.dead_probe = 30 * 1000,
};
