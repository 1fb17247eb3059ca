/* SPDX-License-Identifier: GPL-2.0-or-later */
/* range - see range.h; reading one from a config is in range-read.c. */
#include "ipam/range.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- questions ----------------------------------------------------------- */

bool range_overlaps(const struct range *a, const struct range *b)
{
	return a->subnet.addr.family == b->subnet.addr.family && ip_cmp(&a->start, &b->end) <= 0 &&
	       ip_cmp(&b->start, &a->end) <= 0;
}

bool range_set_is_reserved(const struct range_set *set, const struct ip_addr *ip)
{
	for (size_t i = 0; i < set->n_reserved; i++)
		if (ip_equal(&set->reserved[i], ip))
			return true;

	return false;
}

bool range_set_overlaps(const struct range_set *a, const struct range_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (range_overlaps(&a->ranges[i], &b->ranges[k]))
				return true;

	return false;
}

static bool between(const struct ip_addr *ip, const struct ip_addr *low, const struct ip_addr *high)
{
	return ip_cmp(low, ip) <= 0 && ip_cmp(ip, high) <= 0;
}

static bool may_request(const struct range *r, const struct ip_addr *ip)
{
	if (between(ip, &r->start, &r->end))
		return true;

	return ip_is_set(&r->pool.addr) && ip_net_contains(&r->subnet, ip) &&
	       !ip_net_contains(&r->pool, ip);
}

const struct range *range_set_find(const struct range_set *set, const struct ip_addr *ip)
{
	for (size_t i = 0; i < set->n; i++)
		if (may_request(&set->ranges[i], ip))
			return &set->ranges[i];

	return NULL;
}

/* Why nobody gets @ip, which is in @range; NULL if there is no such reason. */
static const char *forbidden(const struct range_set *set, const struct range *range,
			     const struct ip_addr *ip)
{
	if (ip_net_is_network(&range->subnet, ip))
		return "the network address";
	if (ip_net_is_broadcast(&range->subnet, ip))
		return "the broadcast address";
	if (ip_equal(&range->gateway, ip))
		return "the gateway";

	return range_set_is_reserved(set, ip) ? "excluded" : NULL;
}

int range_set_permits(const struct range_set *set, const struct ip_addr *ip, struct err *e)
{
	const struct range *range = range_set_find(set, ip);
	char text[IP_STRLEN], subnet[IP_NET_STRLEN];
	const char *what;

	assert(range);
	what = forbidden(set, range, ip);
	if (!what)
		return 0;

	return err_cni(e, CNI_E_CONFIG,
		       "requested address %s is %s in subnet %s; ask for another one",
		       ip_str(ip, text), what, ip_net_str(&range->subnet, subnet));
}

static const struct range *dynamic_range(const struct range_set *set, const struct ip_addr *ip)
{
	for (size_t i = 0; i < set->n; i++)
		if (between(ip, &set->ranges[i].first, &set->ranges[i].last))
			return &set->ranges[i];

	return NULL;
}

bool range_set_is_dynamic(const struct range_set *set, const struct ip_addr *ip)
{
	return dynamic_range(set, ip) && !range_set_is_reserved(set, ip);
}

uint64_t range_set_size(const struct range_set *set)
{
	uint64_t size = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint64_t steps = ip_distance(&set->ranges[i].first, &set->ranges[i].last);

		if (steps > UINT64_MAX - 1 - size)
			return UINT64_MAX;
		size += steps + 1;
	}
	for (size_t i = 0; i < set->n_reserved; i++)
		if (dynamic_range(set, &set->reserved[i]))
			size--;

	return size;
}

/* ---- round robin --------------------------------------------------------- */

/* What is in the way, and one bit for each candidate that may have to be tried. */
struct search {
	const struct range_set *set;
	const struct ip_addr *taken;
	size_t n_taken;
	uint8_t *bits;
};

static void mark(uint8_t *bits, size_t room, const struct ip_addr *from, const struct ip_addr *to,
		 const struct ip_addr *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t at_bit;

		if (!between(&list[i], from, to))
			continue;
		at_bit = ip_distance(from, &list[i]);
		if (at_bit < room)
			bits[at_bit / 8] |= (uint8_t)(1u << (at_bit % 8));
	}
}

/*
 * Of k + 1 addresses one is free if k are in the way, so the first k + 1 are
 * all that is ever looked at.
 */
static bool search_between(const struct search *s, const struct ip_addr *from,
			   const struct ip_addr *to, struct ip_addr *ret)
{
	size_t room = s->n_taken + s->set->n_reserved + 1;
	uint64_t steps = ip_distance(from, to);

	if (steps < room)
		room = (size_t)steps + 1;
	memset(s->bits, 0, room / 8 + 1);
	mark(s->bits, room, from, to, s->taken, s->n_taken);
	mark(s->bits, room, from, to, s->set->reserved, s->set->n_reserved);

	for (size_t i = 0; i < room; i++) {
		if (s->bits[i / 8] & 1u << (i % 8))
			continue;
		*ret = *from;
		return ip_add(ret, i);
	}

	return false;
}

/* From behind @last to the end of its range, the other ranges, and round to @last. */
static const struct range *search_from(const struct search *s, const struct range *range,
				       const struct ip_addr *last, struct ip_addr *ret)
{
	const struct range_set *set = s->set;
	size_t index = (size_t)(range - set->ranges);
	struct ip_addr from = *last;

	if (ip_cmp(last, &range->last) < 0 && ip_next(&from) &&
	    search_between(s, &from, &range->last, ret))
		return range;
	for (size_t i = 1; i < set->n; i++) {
		const struct range *other = &set->ranges[(index + i) % set->n];

		if (search_between(s, &other->first, &other->last, ret))
			return other;
	}

	return search_between(s, &range->first, last, ret) ? range : NULL;
}

static const struct range *search_all(const struct search *s, struct ip_addr *ret)
{
	for (size_t i = 0; i < s->set->n; i++)
		if (search_between(s, &s->set->ranges[i].first, &s->set->ranges[i].last, ret))
			return &s->set->ranges[i];

	return NULL;
}

int range_set_next(const struct range_set *set, const struct ip_addr *last,
		   const struct ip_addr *taken, size_t n_taken, struct ip_addr *ret,
		   const struct range **ret_range)
{
	AUTO_FREE uint8_t *bits = malloc((n_taken + set->n_reserved + 1) / 8 + 1);
	const struct search s = { set, taken, n_taken, bits };
	const struct range *range = dynamic_range(set, last);
	struct ip_addr ip;

	if (!bits)
		return -ENOMEM;

	range = range ? search_from(&s, range, last, &ip) : search_all(&s, &ip);
	if (!range)
		return -ENOSPC;
	*ret = ip;
	*ret_range = range;

	return 0;
}

const char *range_set_str(const struct range_set *set, char *buf, size_t len)
{
	char subnet[IP_NET_STRLEN], first[IP_STRLEN], last[IP_STRLEN];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n && used < len; i++) {
		const struct range *r = &set->ranges[i];

		used += (size_t)snprintf(buf + used, len - used, "%s%s (%s to %s)", i ? ", " : "",
					 ip_net_str(&r->subnet, subnet), ip_str(&r->first, first),
					 ip_str(&r->last, last));
	}

	return buf;
}
