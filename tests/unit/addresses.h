/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addresses - addresses and prefixes of a test, from text; include after cmocka.h */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include "lib/ip.h"

static inline struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	if (ip_parse(text, &ip) < 0)
		fail_msg("%s is not an address", text);

	return ip;
}

static inline struct ip_net net_of(const char *text)
{
	struct ip_net net;

	if (ip_net_parse(text, &net) < 0)
		fail_msg("%s is not a prefix", text);

	return net;
}

#endif
