/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-metrics - what the plane counts, for Prometheus */
#include <stddef.h>

#include "netd/metrics.h"
#include "netd/plane-private.h"

const struct plane_counters *plane_counters(const struct plane *p)
{
	return &p->counters;
}

#define REPAIRED(what, member)                                                                     \
	{                                                                                          \
		"heddle_netd_plane_repaired_total", "what=\"" what "\"", NULL, METRIC_COUNTER,     \
			METRIC_U64, offsetof(struct plane_counters, member)                        \
	}
#define DROPPED(where, member)                                                                     \
	{                                                                                          \
		"heddle_netd_plane_dropped_total", "hook=\"" where "\"", NULL, METRIC_COUNTER,     \
			METRIC_U64, offsetof(struct plane_counters, member)                        \
	}
#define COUNTER(name, help, member)                                                                \
	{                                                                                          \
		"heddle_netd_plane_" name "_total", NULL, help, METRIC_COUNTER, METRIC_U64,        \
			offsetof(struct plane_counters, member)                                    \
	}
#define GAUGE(name, help, member)                                                                  \
	{                                                                                          \
		"heddle_netd_plane_" name, NULL, help, METRIC_GAUGE, METRIC_U32,                   \
			offsetof(struct plane_counters, member)                                    \
	}

int plane_register(struct plane *p, struct metrics *m, struct err *e)
{
	static const struct metric table[] = {
		{ "heddle_netd_plane_repaired_total", "what=\"links\"",
		  "Drift of the kernel that was repaired", METRIC_COUNTER, METRIC_U64,
		  offsetof(struct plane_counters, repaired_links) },
		REPAIRED("addresses", repaired_addrs),
		REPAIRED("fdb", repaired_fdb),
		REPAIRED("neighbours", repaired_neighbours),
		REPAIRED("ports", repaired_ports),
		REPAIRED("filter", repaired_filter),
		REPAIRED("claims", repaired_claims),
		{ "heddle_netd_plane_dropped_total", "hook=\"input\"",
		  "VXLAN packets that were not a member's", METRIC_COUNTER, METRIC_U64,
		  offsetof(struct plane_counters, dropped_input) },
		DROPPED("forward", dropped_forward),
		COUNTER("comparisons", "Comparisons with the whole kernel", comparisons),
		COUNTER("overruns", "Times that notifications were lost", overruns),
		COUNTER("failures", "Changes that the kernel refused", failures),
		COUNTER("announced", "Addresses announced to local containers", announced),
		COUNTER("foreign", "Entries with a VTEP of the other address family", foreign),
		GAUGE("networks", "Networks that are served", networks),
		GAUGE("endpoints", "Containers of this node", endpoints),
		GAUGE("entries", "Forwarding entries that are wanted", entries),
		{ 0 },
	};

	return metrics_register(m, table, &p->counters, e);
}
