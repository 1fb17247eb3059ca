/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allow - see allow.h. */
#include "lib/allow.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

/* It is hashed as it is. */
static_assert(sizeof(struct allow_box) == 1 + ALLOW_SIDES * 32, "struct allow_box has gaps");

/* ---- boxes ------------------------------------------------------------------- */

/* Return: 0, -ENOMEM, or -E2BIG, which the caller knows how to say. */
static int push(struct allow *a, const struct allow_box *box, struct err *e)
{
	if (a->n == ALLOW_MAX)
		return -E2BIG;
	if (a->n == a->room) {
		size_t room = a->room ? 2 * a->room : 8;
		struct allow_box *list = reallocarray(a->list, room, sizeof(*list));

		if (!list)
			return err_sys(e, ENOMEM, "list what a network allows");
		a->list = list;
		a->room = room;
	}
	a->list[a->n++] = *box;

	return 0;
}

static bool overlaps(const struct allow_box *a, const struct allow_box *b)
{
	if (a->family != b->family)
		return false;
	for (int i = 0; i < ALLOW_SIDES; i++)
		if (memcmp(a->side[i].from, b->side[i].to, 16) > 0 ||
		    memcmp(b->side[i].from, a->side[i].to, 16) > 0)
			return false;

	return true;
}

/* One less, and one more: neither is asked of the least and the greatest value. */
static void step_down(uint8_t value[16])
{
	for (int i = 15; i >= 0 && value[i]-- == 0; i--)
		;
}

static void step_up(uint8_t value[16])
{
	for (int i = 15; i >= 0 && ++value[i] == 0; i--)
		;
}

/*
 * Adds what of @box lies outside @hole, which overlaps it: on each side what is
 * below and what is above, after which the box has shrunk to the hole on that side.
 */
static int cut(struct allow *ret, struct allow_box box, const struct allow_box *hole, struct err *e)
{
	for (int i = 0; i < ALLOW_SIDES; i++) {
		struct allow_box below = box, above = box;
		int r = 0;

		if (memcmp(box.side[i].from, hole->side[i].from, 16) < 0) {
			memcpy(below.side[i].to, hole->side[i].from, 16);
			step_down(below.side[i].to);
			memcpy(box.side[i].from, hole->side[i].from, 16);
			r = push(ret, &below, e);
		}
		if (r == 0 && memcmp(box.side[i].to, hole->side[i].to, 16) > 0) {
			memcpy(above.side[i].from, hole->side[i].to, 16);
			step_up(above.side[i].from);
			memcpy(box.side[i].to, hole->side[i].to, 16);
			r = push(ret, &above, e);
		}
		if (r < 0)
			return r;
	}

	return 0;
}

/* Cuts each of @pieces by @hole. */
static int cut_all(struct allow *pieces, const struct allow_box *hole, struct err *e)
{
	struct allow left = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < pieces->n; i++)
		r = overlaps(&pieces->list[i], hole) ? cut(&left, pieces->list[i], hole, e)
						     : push(&left, &pieces->list[i], e);
	free(pieces->list);
	*pieces = left;

	return r;
}

/* Adds what the list does not have yet of @box. */
static int add_box(struct allow *a, const struct allow_box *box, const struct jnode *rule,
		   struct err *e)
{
	AUTO(allow_clear) struct allow pieces = { 0 };
	int r = push(&pieces, box, e);

	for (size_t i = 0; r == 0 && i < a->n && pieces.n > 0; i++)
		r = cut_all(&pieces, &a->list[i], e);
	for (size_t i = 0; r == 0 && i < pieces.n; i++)
		r = push(a, &pieces.list[i], e);
	if (r == -E2BIG)
		return jn_bad(rule, e,
			      "the list has grown to more than %d boxes of address, protocol and "
			      "port: allow larger ranges, or ranges that overlap less",
			      ALLOW_MAX);

	return r;
}

/* ---- rules ------------------------------------------------------------------- */

struct rule {
	struct ip_net cidr; /* without a family: any address of both */
	const char *protocol;
	uint16_t from, to; /* ports; 0, 0: none given */
};

static const struct protocol {
	const char *name;
	uint8_t number, number6;
	bool has_ports;
} protocols[] = {
	{ "tcp", IPPROTO_TCP, IPPROTO_TCP, true },
	{ "udp", IPPROTO_UDP, IPPROTO_UDP, true },
	{ "sctp", IPPROTO_SCTP, IPPROTO_SCTP, true },
	{ "icmp", IPPROTO_ICMP, IPPROTO_ICMPV6, false },
};

static const struct protocol *find_protocol(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcasecmp(name, protocols[i].name) == 0)
			return &protocols[i];

	return NULL;
}

static int read_protocol(const struct jnode *n, void *data, struct err *e)
{
	struct rule *rule = data;
	int r = jn_str(n, &rule->protocol, e);

	if (r == 0 && !find_protocol(rule->protocol))
		return jn_bad(n, e, "\"%s\" is neither tcp, udp, sctp nor icmp", rule->protocol);

	return r;
}

/* A number, or "FROM-TO". */
static int read_port(const struct jnode *n, void *data, struct err *e)
{
	unsigned int from, to;
	struct rule *rule = data;
	const char *text;
	uint64_t number;
	int end = 0, r;

	if (json_is_integer(n->json)) {
		r = jn_uint(n, 1, UINT16_MAX, &number, e);
		if (r == 0)
			rule->from = rule->to = (uint16_t)number;
		return r;
	}
	if ((r = jn_str(n, &text, e)) < 0)
		return r;
	if (sscanf(text, "%5u-%5u%n", &from, &to, &end) != 2 || text[end]) {
		end = 0;
		if (sscanf(text, "%5u%n", &from, &end) == 1)
			to = from;
	}
	if (end == 0 || text[end] || strpbrk(text, " +") || from < 1 || from > to ||
	    to > UINT16_MAX)
		return jn_bad(n, e, "\"%s\" is neither a port nor FROM-TO, 1 to 65535", text);
	rule->from = (uint16_t)from;
	rule->to = (uint16_t)to;

	return 0;
}

static const struct jn_key rule_keys[] = {
	{ "cidr", JN_IP_NET, offsetof(struct rule, cidr) },
	{ "protocol", JN_CALL, 0, .call = read_protocol },
	{ "port", JN_CALL, 0, .call = read_port },
	{ 0 },
};

static bool is_rule_key(const char *name)
{
	for (const struct jn_key *key = rule_keys; key->name; key++)
		if (strcasecmp(name, key->name) == 0)
			return true;

	return false;
}

/* "ports" for "port" would open all of them. */
static int check_keys(const struct jnode *n, struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach(n->json, name, value)
		if (!is_rule_key(name))
			return jn_bad(n, e, "\"%.64s\" is none of cidr, protocol and port", name);

	return 0;
}

static int read_rule(const struct jnode *n, struct rule *ret, struct err *e)
{
	const struct protocol *protocol;
	struct rule rule = { 0 };
	int r;

	if ((r = jn_object(n, e)) < 0 || (r = check_keys(n, e)) < 0 ||
	    (r = jn_read(n, rule_keys, &rule, e)) < 0)
		return r;
	protocol = rule.protocol ? find_protocol(rule.protocol) : NULL;
	if (rule.from && !(protocol && protocol->has_ports))
		return jn_bad(n, e, "a port needs protocol tcp, udp or sctp");
	if (ip_is_set(&rule.cidr.addr) && ip_net_has_host_bits(&rule.cidr))
		return jn_bad(n, e, "cidr has bits behind its length: write the network's address");
	*ret = rule;

	return 0;
}

/* ---- from rules to boxes --------------------------------------------------------- */

static void set_side(struct allow_side *side, const void *from, const void *to, size_t len)
{
	memset(side->from, 0, 16);
	memset(side->to, 0xff, 16);
	memcpy(side->from, from, len);
	memcpy(side->to, to, len);
}

static void set_address(struct allow_side *side, const struct ip_net *cidr)
{
	struct ip_addr from = ip_net_first(cidr), to = ip_net_last(cidr);

	set_side(side, from.b, to.b, ip_size(from.family));
}

static struct allow_box box_of(const struct rule *rule, uint8_t family)
{
	const struct protocol *protocol = rule->protocol ? find_protocol(rule->protocol) : NULL;
	uint16_t from = htons(rule->from), to = htons(rule->to);
	struct allow_box box = { .family = family };

	for (int i = 0; i < ALLOW_SIDES; i++)
		set_side(&box.side[i], "", "", 0);
	if (ip_is_set(&rule->cidr.addr))
		set_address(&box.side[ALLOW_ADDRESS], &rule->cidr);
	if (protocol) {
		uint8_t number = family == AF_INET ? protocol->number : protocol->number6;

		set_side(&box.side[ALLOW_PROTOCOL], &number, &number, 1);
	}
	if (rule->from)
		set_side(&box.side[ALLOW_PORT], &from, &to, 2);

	return box;
}

static int add_rule(struct allow *a, const struct rule *rule, const struct jnode *n, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++) {
		struct allow_box box = box_of(rule, families[i]);

		if (!ip_is_set(&rule->cidr.addr) || rule->cidr.addr.family == families[i])
			r = add_box(a, &box, n, e);
	}

	return r;
}

/* 56 bits of a hash: enough for lists, of which there are as many as networks. */
static void set_name(struct allow *a, const char *network)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, (const uint8_t *)network, strlen(network) + 1);
	for (size_t i = 0; i < a->n; i++)
		SHA256_Update(&ctx, (const uint8_t *)&a->list[i], sizeof(a->list[i]));
	SHA256_Final(digest, &ctx);
	snprintf(a->name, sizeof(a->name), "l%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
		 digest[2], digest[3], digest[4], digest[5], digest[6]);
}

void allow_clear(struct allow *a)
{
	free(a->list);
	*a = (struct allow){ 0 };
}

int allow_read(const struct jnode *n, const char *network, struct allow *ret, struct err *e)
{
	AUTO(allow_clear) struct allow a = { 0 };
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		struct jnode item = jn_item(n, i);
		struct rule rule;

		r = read_rule(&item, &rule, e);
		if (r == 0)
			r = add_rule(&a, &rule, &item, e);
	}
	if (r < 0)
		return r;
	set_name(&a, network);
	*ret = a;
	a = (struct allow){ 0 };

	return 0;
}
