/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * numbers - addresses of a network, one at a time
 *
 * overlay/blocks.h gives out numbers; here they are addresses, and those that
 * nobody shall have (gateway, auxiliary, network, broadcast) are kept back: the
 * node that owns such a number holds it as if it were in use.  A number that rests
 * after its last user may be asked for by name, as a container does that is started
 * again: its neighbours are told of its new MAC.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "netd/service-private.h"
#include "overlay/blocks.h"

static struct network_subnet *subnet_of(struct cluster_network *n, const struct ip_addr *ip)
{
	int i = network_def_subnet_of(&n->def, ip);

	return i < 0 ? NULL : &n->def.net.subnets[i];
}

static const struct link_id *space_of(const struct cluster_network *n,
				      const struct network_subnet *s)
{
	return &n->def.spaces[s - n->def.net.subnets];
}

/* ---- who has it ---------------------------------------------------------- */

struct search {
	const struct ip_addr *ip;
	struct node_id owner;
	struct endpoint_text found;
	bool is;
};

static void match(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct search *s = ctx;
	struct endpoint_text t;

	if (s->is || !endpoint_read(row, &t))
		return;
	for (size_t i = 0; i < t.n_ips; i++) {
		if (!ip_equal(&t.ips[i], s->ip))
			continue;
		s->found = t;
		s->owner = *owner;
		s->is = true;
	}
}

/* The owner of the number, which has not given it. */
static int say_owner(struct cluster_network *n, const struct network_subnet *s,
		     const struct ip_addr *ip, struct err *e)
{
	const struct titles *t =
		ledger_space(blocks_ledger(cluster_blocks(n->s->c)), space_of(n, s));
	const struct title *title = t ? titles_at(t, network_def_number(s, ip)) : NULL;
	char text[IP_STRLEN], node[NODE_ID_TEXT + NODE_NAME_MAX];

	if (!title)
		return err_cni(e, CNI_E_CONFIG, "%s: it is in use in network %s", ip_str(ip, text),
			       n->def.net.name);
	(void)err_cni(
		e, CNI_E_CONFIG,
		"%s: node %s, which gives it out in network %s, did not give it: it is in use "
		"there, or was until just now, or the node does not answer",
		ip_str(ip, text), service_node_name(n->s, title_owner(title), node),
		n->def.net.name);

	return -EADDRINUSE;
}

int numbers_in_use(struct cluster_network *n, const struct ip_addr *ip, struct err *e)
{
	struct search s = { .ip = ip };
	char text[IP_STRLEN], node[NODE_ID_TEXT + NODE_NAME_MAX];

	rows_each(cluster_rows(n->s->c), &n->id, ROWS_ALL, match, &s);
	if (!s.is)
		return say_owner(n, subnet_of(n, ip), ip, e);
	if (s.found.container[0])
		(void)err_cni(
			e, CNI_E_CONFIG,
			"Address already in use: %s in network %s is container %.64s's (%s) on "
			"node %s",
			ip_str(ip, text), n->def.net.name, s.found.container, s.found.ifname,
			service_node_name(n->s, &s.owner, node));
	else
		(void)err_cni(e, CNI_E_CONFIG,
			      "Address already in use: %s in network %s is node %s's own",
			      ip_str(ip, text), n->def.net.name,
			      service_node_name(n->s, &s.owner, node));

	return -EADDRINUSE;
}

/* ---- those that this node uses -------------------------------------------- */

/* Which blocks.h knows, too, but not whether one is in use or rests. */
static struct ip_addr *find_used(const struct cluster_network *n, const struct ip_addr *ip)
{
	for (size_t i = 0; i < n->n_used; i++)
		if (ip_equal(&n->used[i], ip))
			return &n->used[i];

	return NULL;
}

static int add_used(struct cluster_network *n, const struct ip_addr *ip, struct err *e)
{
	struct ip_addr *bigger = reallocarray(n->used, n->n_used + 1, sizeof(*bigger));

	if (!bigger)
		return err_sys(e, ENOMEM, "take an address");
	n->used = bigger;
	bigger[n->n_used++] = *ip;

	return 0;
}

static void drop_used(struct cluster_network *n, const struct ip_addr *ip)
{
	struct ip_addr *found = find_used(n, ip);

	if (found)
		*found = n->used[--n->n_used];
}

/* ---- those that nobody gives ------------------------------------------------ */

#define DENIAL_MS 2000 /* for which it is believed */
#define HEAR_MS	  1000 /* for which the row of who has it is waited for */

void numbers_denied(struct cluster_network *n, size_t i, const struct block_event *ev)
{
	n->denials[i] = (struct denial){ ev->run, clock_ms() };
}

/* How long ago these very numbers were denied; INT64_MAX: not, or too long ago to be believed. */
static int64_t denied_ago(const struct cluster_network *n, const struct network_subnet *s,
			  struct span run)
{
	const struct denial *d = &n->denials[s - n->def.net.subnets];
	int64_t ago = clock_ms() - d->at;

	return d->at && ago < DENIAL_MS && d->run.first == run.first && d->run.last == run.last
		       ? ago
		       : INT64_MAX;
}

/* The node that has it may be heard of in a moment, if this one came into the network just now. */
static int denied(struct cluster_network *n, const struct ip_addr *ip, int64_t ago, struct err *e)
{
	int r = numbers_in_use(n, ip, e);

	return ago < HEAR_MS && !networks_is_heard(n) ? -EAGAIN : r;
}

/* ---- taking -------------------------------------------------------------- */

/* A space of which this node has heard by the network's definition alone. */
static int soon(int r, struct err *e)
{
	if (r != -ENOENT)
		return r;

	return err_cni(e, CNI_E_AGAIN,
		       "this node has not heard yet who owns the network's addresses");
}

static int say_none_left(const struct cluster_network *n, const struct network_subnet *s,
			 struct err *e)
{
	(void)err_cni(e, CNI_E_UNAVAILABLE,
		      "no available %s addresses on this network's address pools: %s",
		      ip_family_name(s->subnet.addr.family), n->def.net.name);

	return -ENOSPC;
}

static int take_any(struct cluster_network *n, const struct network_subnet *s, struct ip_addr *ip,
		    struct err *e)
{
	struct blocks *b = cluster_blocks(n->s->c);
	const struct link_id *space = space_of(n, s);
	const struct span bounds = network_def_bounds(s);
	struct ip_addr got;
	uint64_t number;
	int r = soon(blocks_set_bounds(b, space, bounds, e), e);

	if (r == 0 && denied_ago(n, s, bounds) < INT64_MAX)
		return say_none_left(n, s, e);

	/* What nobody shall have stays taken. */
	while (r == 0) {
		r = soon(blocks_take(b, space, &number, cluster_now(n->s->c), e), e);
		if (r < 0)
			return r;
		got = network_def_address(s, number);
		if (!network_def_is_reserved(s, &got)) {
			*ip = got;
			return 0;
		}
	}

	return r;
}

static int take_this(struct cluster_network *n, const struct network_subnet *s,
		     const struct ip_addr *ip, struct err *e)
{
	struct blocks *b = cluster_blocks(n->s->c);
	const struct link_id *space = space_of(n, s);
	uint64_t number = network_def_number(s, ip);
	char text[IP_STRLEN];
	int64_t ago;
	int r;

	if (network_def_is_reserved(s, ip))
		return err_cni(
			e, CNI_E_CONFIG,
			"%s is a gateway, reserved, or the network's or broadcast address of "
			"%s: no container has it",
			ip_str(ip, text), n->def.net.name);
	if (find_used(n, ip))
		return numbers_in_use(n, ip, e);
	ago = denied_ago(n, s, (struct span){ number, number });
	if (ago < INT64_MAX)
		return denied(n, ip, ago, e);
	r = soon(blocks_take_exact(b, space, number, cluster_now(n->s->c), e), e);
	/* Nobody here uses it, so it rests. */
	if (r == -EADDRINUSE && blocks_hold(b, space, number, NULL) == 0)
		return 0;

	return r == -EADDRINUSE ? numbers_in_use(n, ip, e) : r;
}

/* Containers that this node's disk does not know may have any address, until others have told. */
static int check_strangers(const struct cluster_network *n, struct err *e)
{
	if (n->n_strangers == 0 || rows_ready(cluster_rows(n->s->c), &n->id))
		return 0;
	(void)err_cni(
		e, CNI_E_AGAIN,
		"network %s: %u containers run here that this node's disk does not know: other "
		"nodes are being asked for their addresses",
		n->def.net.name, n->n_strangers);

	return -EAGAIN;
}

int numbers_take(struct cluster_network *n, size_t i, struct ip_addr *ip, struct err *e)
{
	const struct network_subnet *s = &n->def.net.subnets[i];
	struct ip_addr got = *ip;
	int r = check_strangers(n, e);

	if (r < 0)
		return r;
	r = ip_is_set(ip) ? take_this(n, s, ip, e) : take_any(n, s, &got, e);

	if (r < 0)
		return r;
	r = add_used(n, &got, e);
	if (r < 0)
		numbers_release(n, &got);
	else
		*ip = got;

	return r;
}

/* ---- what is in use ------------------------------------------------------ */

void numbers_release(struct cluster_network *n, const struct ip_addr *ip)
{
	const struct network_subnet *s = subnet_of(n, ip);

	drop_used(n, ip);
	if (s && n->s->up)
		(void)blocks_release(cluster_blocks(n->s->c), space_of(n, s),
				     network_def_number(s, ip), cluster_now(n->s->c));
}

static int hold(struct cluster_network *n, const struct ip_addr *ip, struct err *e)
{
	const struct network_subnet *s = subnet_of(n, ip);

	if (!s)
		return err_say(e, ERANGE, "it is in no subnet of network %s", n->def.net.name);

	return blocks_hold(cluster_blocks(n->s->c), space_of(n, s), network_def_number(s, ip), e);
}

int numbers_hold(struct cluster_network *n, const struct ip_addr *ip, struct err *e)
{
	int r = hold(n, ip, e);

	return r < 0 || find_used(n, ip) ? r : add_used(n, ip, e);
}

static void hold_quietly(struct cluster_network *n, const struct ip_addr *ip)
{
	if (ip_is_set(ip))
		(void)hold(n, ip, NULL);
}

void numbers_hold_reserved(struct cluster_network *n)
{
	for (size_t i = 0; n->def.net.scope == NETWORK_SWARM && i < n->def.net.n_subnets; i++) {
		const struct network_subnet *s = &n->def.net.subnets[i];
		const struct ip_addr last = ip_net_last(&s->subnet);

		hold_quietly(n, &s->subnet.addr);
		hold_quietly(n, &s->gateway);
		if (s->subnet.addr.family == AF_INET)
			hold_quietly(n, &last);
		for (size_t k = 0; k < s->n_aux; k++)
			hold_quietly(n, &s->aux[k].addr);
	}
}

bool numbers_are_of(const struct cluster_network *n, size_t i, const struct block_event *ev)
{
	return link_id_equal(&n->def.spaces[i], &ev->space);
}
