/* SPDX-License-Identifier: GPL-2.0-or-later */
/* range-read - ranges of a config, and the rules that they must keep */
#include "ipam/range.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

/* ---- reading ------------------------------------------------------------- */

/* go-cni sends "" for what was not given. */
static bool is_empty(const struct jnode *n)
{
	return json_is_string(n->json) && json_string_length(n->json) == 0;
}

static int read_ip(const struct jnode *n, struct ip_addr *ret, struct err *e)
{
	return is_empty(n) ? 0 : jn_ip(n, ret, e);
}

static int read_start(const struct jnode *n, void *conf, struct err *e)
{
	return read_ip(n, &((struct range *)conf)->start, e);
}

static int read_end(const struct jnode *n, void *conf, struct err *e)
{
	return read_ip(n, &((struct range *)conf)->end, e);
}

static int read_gateway(const struct jnode *n, void *conf, struct err *e)
{
	return read_ip(n, &((struct range *)conf)->gateway, e);
}

static int read_pool(const struct jnode *n, void *conf, struct err *e)
{
	return is_empty(n) ? 0 : jn_ip_net(n, &((struct range *)conf)->pool, e);
}

static const struct jn_key range_keys[] = {
	{ .name = "subnet", .type = JN_IP_NET, .offset = offsetof(struct range, subnet) },
	{ .name = "rangeStart", .type = JN_CALL, .call = read_start },
	{ .name = "rangeEnd", .type = JN_CALL, .call = read_end },
	{ .name = "gateway", .type = JN_CALL, .call = read_gateway },
	{ .name = "ipRange", .type = JN_CALL, .call = read_pool },
	{ 0 },
};

/* The member @key of @obj to blame, or @obj if a default is at fault. */
static struct jnode at(const struct jnode *obj, const char *key)
{
	struct jnode n = *obj;

	(void)jn_get(obj, key, &n);

	return n;
}

/* ---- the rules of one range ---------------------------------------------- */

static int check_no_host_bits(const struct ip_net *net, const struct jnode *n, struct err *e)
{
	struct ip_net canonical = { .addr = ip_net_first(net), .len = net->len };
	char text[IP_NET_STRLEN], want[IP_NET_STRLEN];

	if (!ip_net_has_host_bits(net))
		return 0;

	return jn_bad(n, e, "%s has host bits set; the subnet is %s", ip_net_str(net, text),
		      ip_net_str(&canonical, want));
}

static int check_subnet(const struct range *r, const struct jnode *obj, struct err *e)
{
	const struct jnode n = at(obj, "subnet");
	uint8_t longest = (uint8_t)(ip_bits(r->subnet.addr.family) - 2);
	char text[IP_NET_STRLEN];

	if (!ip_is_set(&r->subnet.addr))
		return jn_bad(obj, e, "a range needs a subnet");
	if (r->subnet.len > longest)
		return jn_bad(&n, e,
			      "%s is too small to give addresses from; the longest prefix is /%u",
			      ip_net_str(&r->subnet, text), longest);

	return check_no_host_bits(&r->subnet, &n, e);
}

static int check_inside(const struct range *r, const struct ip_addr *ip, const struct jnode *n,
			struct err *e)
{
	char text[IP_STRLEN], subnet[IP_NET_STRLEN];

	if (ip_net_contains(&r->subnet, ip))
		return 0;

	return jn_bad(n, e, "%s is not in %s", ip_str(ip, text), ip_net_str(&r->subnet, subnet));
}

/* Fill in what was not given. */
static void set_defaults(struct range *r)
{
	if (!ip_is_set(&r->gateway)) {
		r->gateway = r->subnet.addr;
		ip_next(&r->gateway);
	}
	if (!ip_is_set(&r->start)) {
		r->start = r->subnet.addr;
		ip_next(&r->start);
	}
	if (!ip_is_set(&r->end))
		r->end = ip_net_last(&r->subnet);
}

static int check_ends(const struct range *r, const struct jnode *obj, struct err *e)
{
	static const struct {
		const char *key;
		size_t offset;
	} ends[] = {
		{ "gateway", offsetof(struct range, gateway) },
		{ "rangeStart", offsetof(struct range, start) },
		{ "rangeEnd", offsetof(struct range, end) },
	};
	const struct jnode last = at(obj, "rangeEnd");
	char start[IP_STRLEN], end[IP_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const struct jnode n = at(obj, ends[i].key);
		int rc = check_inside(r, (const void *)((const char *)r + ends[i].offset), &n, e);

		if (rc < 0)
			return rc;
	}
	if (ip_cmp(&r->start, &r->end) > 0)
		return jn_bad(&last, e, "%s is before the start of the range, %s",
			      ip_str(&r->end, end), ip_str(&r->start, start));

	return 0;
}

static void clamp(const struct ip_net *subnet, struct ip_addr *start, struct ip_addr *end)
{
	if (ip_net_is_network(subnet, start))
		ip_next(start);
	if (ip_net_is_broadcast(subnet, end))
		ip_prev(end);
}

static int check_pool(const struct range *r, const struct jnode *obj, struct err *e)
{
	const struct jnode n = at(obj, "ipRange");
	char text[IP_NET_STRLEN], subnet[IP_NET_STRLEN];

	if (!ip_is_set(&r->pool.addr))
		return 0;
	if (r->pool.len < r->subnet.len || !ip_net_contains(&r->subnet, &r->pool.addr))
		return jn_bad(&n, e, "%s is not inside the subnet %s", ip_net_str(&r->pool, text),
			      ip_net_str(&r->subnet, subnet));

	return check_no_host_bits(&r->pool, &n, e);
}

/* The addresses to give: from start to end, and in ipRange if there is one. */
static void set_dynamic(struct range *r)
{
	struct ip_addr low, high;

	r->first = r->start;
	r->last = r->end;
	if (!ip_is_set(&r->pool.addr))
		return;

	low = ip_net_first(&r->pool);
	high = ip_net_last(&r->pool);
	if (ip_cmp(&low, &r->first) > 0)
		r->first = low;
	if (ip_cmp(&high, &r->last) < 0)
		r->last = high;
}

static int read_range(const struct jnode *n, struct range *ret, struct err *e)
{
	struct range range = { 0 };
	int r;

	r = jn_read(n, range_keys, &range, e);
	if (r < 0)
		return r;
	r = check_subnet(&range, n, e);
	if (r < 0)
		return r;

	set_defaults(&range);
	if ((r = check_ends(&range, n, e)) < 0 || (r = check_pool(&range, n, e)) < 0)
		return r;
	clamp(&range.subnet, &range.start, &range.end);
	set_dynamic(&range);
	if (ip_cmp(&range.first, &range.last) > 0)
		return jn_bad(n, e,
			      "no address is left between rangeStart and rangeEnd, inside of "
			      "ipRange, and off the network and broadcast address");
	*ret = range;

	return 0;
}

/* ---- the rules of a set -------------------------------------------------- */

static int check_family(const struct range_set *set, const struct range *r, const struct jnode *n,
			struct err *e)
{
	const struct jnode subnet = at(n, "subnet");
	char text[IP_NET_STRLEN];

	if (range_set_family(set) == r->subnet.addr.family)
		return 0;

	return jn_bad(&subnet, e,
		      "%s is in a set that begins with %s; put the families in sets of their own",
		      ip_net_str(&r->subnet, text), ip_family_name(range_set_family(set)));
}

static int check_overlap(const struct range_set *set, const struct range *r, const struct jnode *n,
			 struct err *e)
{
	char text[4][IP_STRLEN];

	for (size_t i = 0; i < set->n; i++) {
		const struct range *other = &set->ranges[i];

		if (range_overlaps(other, r))
			return jn_bad(n, e, "%s to %s overlaps %s to %s of the same set",
				      ip_str(&r->start, text[0]), ip_str(&r->end, text[1]),
				      ip_str(&other->start, text[2]), ip_str(&other->end, text[3]));
	}

	return 0;
}

static int reserve(struct range_set *set, const struct ip_addr *ip, struct err *e)
{
	struct ip_addr *bigger;

	if (range_set_is_reserved(set, ip))
		return 0;
	bigger = reallocarray(set->reserved, set->n_reserved + 1, sizeof(*bigger));
	if (!bigger)
		return err_sys(e, ENOMEM, "read address ranges");
	set->reserved = bigger;
	set->reserved[set->n_reserved++] = *ip;

	return 0;
}

static int read_exclude(struct range_set *set, const struct range *range, const struct jnode *n,
			struct err *e)
{
	struct jnode list, item;
	struct ip_addr ip;
	int r;

	if (!jn_get(n, "exclude", &list))
		return 0;
	r = jn_array(&list, e);
	for (size_t i = 0; r == 0 && i < jn_count(&list); i++) {
		item = jn_item(&list, i);
		if ((r = jn_ip(&item, &ip, e)) == 0 &&
		    (r = check_inside(range, &ip, &item, e)) == 0)
			r = reserve(set, &ip, e);
	}

	return r;
}

static int add_range(struct range_set *set, const struct jnode *n, struct err *e)
{
	struct range range, *bigger;
	int r;

	r = read_range(n, &range, e);
	if (r < 0)
		return r;
	if (set->n > 0 && ((r = check_family(set, &range, n, e)) < 0 ||
			   (r = check_overlap(set, &range, n, e)) < 0))
		return r;

	bigger = reallocarray(set->ranges, set->n + 1, sizeof(*bigger));
	if (!bigger)
		return err_sys(e, ENOMEM, "read address ranges");
	set->ranges = bigger;
	set->ranges[set->n++] = range;
	r = reserve(set, &range.gateway, e);

	return r < 0 ? r : read_exclude(set, &range, n, e);
}

int range_set_read(const struct jnode *n, struct range_set *ret, struct err *e)
{
	AUTO(range_set_clear) struct range_set set = { 0 };
	int r = 0;

	if (json_is_object(n->json))
		r = add_range(&set, n, e);
	else
		r = jn_array(n, e);
	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);

		r = add_range(&set, &item, e);
	}
	if (r < 0)
		return r;
	if (set.n == 0)
		return jn_bad(n, e, "a set needs a range");
	*ret = set;
	set = (struct range_set){ 0 };

	return 0;
}

void range_set_clear(struct range_set *set)
{
	free(set->ranges);
	free(set->reserved);
	*set = (struct range_set){ 0 };
}
