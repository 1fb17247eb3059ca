/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conflict - see conflict.h */
#include "netd/conflict.h"

#include <stdio.h>
#include <string.h>

const char *conflict_name(enum conflict what)
{
	static const char *const names[CONFLICTS] = {
		[CONFLICT_NAME] = "name",
		[CONFLICT_VNI] = "vni",
		[CONFLICT_SUBNET] = "subnet",
	};

	return names[what];
}

static bool same_name(const struct network_def *a, const struct network_def *b,
		      char ret[CONFLICT_TEXT])
{
	if (strcmp(a->net.name, b->net.name) != 0)
		return false;
	snprintf(ret, CONFLICT_TEXT, "its name");

	return true;
}

/* Networks of one host each have none. */
static bool same_vni(const struct network_def *a, const struct network_def *b,
		     char ret[CONFLICT_TEXT])
{
	if (a->vni == 0 || a->vni != b->vni)
		return false;
	snprintf(ret, CONFLICT_TEXT, "the VNI %u", a->vni);

	return true;
}

static bool same_subnet(const struct network_def *a, const struct network_def *b,
			char ret[CONFLICT_TEXT])
{
	char text[IP_NET_STRLEN];

	for (size_t i = 0; i < a->net.n_subnets; i++) {
		for (size_t k = 0; k < b->net.n_subnets; k++) {
			const struct ip_net *net = &a->net.subnets[i].subnet;

			if (!ip_net_overlaps(net, &b->net.subnets[k].subnet))
				continue;
			snprintf(ret, CONFLICT_TEXT, "the subnet %s", ip_net_str(net, text));
			return true;
		}
	}

	return false;
}

bool conflict_between(enum conflict what, const struct network_def *a, const struct network_def *b,
		      char ret[CONFLICT_TEXT])
{
	static bool (*const same[CONFLICTS])(const struct network_def *, const struct network_def *,
					     char *) = {
		[CONFLICT_NAME] = same_name,
		[CONFLICT_VNI] = same_vni,
		[CONFLICT_SUBNET] = same_subnet,
	};

	return same[what](a, b, ret);
}

bool conflict_is_won(const struct conflict_age *a, const struct conflict_age *b)
{
	if (a->created != b->created)
		return a->created < b->created;

	return memcmp(a->id.b, b->id.b, NETWORK_ID_LEN) < 0;
}
