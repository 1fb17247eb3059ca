/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-create - making a network; the method network.create
 *
 * What nobody said - VNI, subnets, gateways - is chosen out of what the cluster
 * shares (spaces.h), for which other nodes may have to be asked.  Then the spaces
 * of the subnets are founded, the definition is made, and with that all nodes hear
 * of it.  Until then nothing is on any disk, and what was taken is given back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ip.h"
#include "lib/network-gateway.h"
#include "netd/service-private.h"
#include "netd/spaces.h"
#include "overlay/blocks.h"
#include "overlay/members.h"
#include "overlay/profile.h"

#define CREATE_MS 8000

struct creating {
	struct waiting w;
	struct service *s;
	network_made_fn *made;
	void *ctx; /* its own */
	struct network_def def;
	bool vni_taken, subnets_taken[NETWORK_DEF_SUBNETS];
};

/* ---- what is in the way --------------------------------------------------- */

static int check_free(const struct creating *m, struct err *e)
{
	const char *name = m->def.net.name;
	struct definition of;

	if (definitions_named(cluster_definitions(m->s->c), DEFINITION_NETWORK, name, &of))
		return err_cni(e, CNI_E_CONFIG, "network with name %s already exists", name);

	return 0;
}

static const struct cluster_network *with_vni(const struct service *s, uint32_t vni)
{
	const struct cluster_network *n = s->networks;

	while (n && n->def.vni != vni)
		n = n->next;

	return n;
}

/* A network whose subnet overlaps; NULL. */
static const struct cluster_network *overlapping(const struct service *s, const struct ip_net *net)
{
	for (const struct cluster_network *n = s->networks; n; n = n->next)
		for (size_t i = 0; !n->removed && i < n->def.net.n_subnets; i++)
			if (ip_net_overlaps(&n->def.net.subnets[i].subnet, net))
				return n;

	return NULL;
}

/* Nodes would look for each other on the network's bridge, and reach nobody any more. */
static int check_nodes(const struct service *s, const struct ip_net *net, struct err *e)
{
	const struct members *t = engine_members(cluster_engine(s->c));
	char text[IP_NET_STRLEN], ip[IP_STRLEN];

	for (uint32_t i = 0; i < members_slots(t); i++) {
		const struct profile *p = members_at(t, i)->profile;

		if (p && members_at(t, i)->state != MEMBER_LEFT &&
		    ip_net_contains(net, &p->addr.ip))
			return err_cni(e, CNI_E_CONFIG,
				       "subnet %s: the nodes reach each other in it, %s at %s: "
				       "choose another",
				       ip_net_str(net, text), p->name, ip_str(&p->addr.ip, ip));
	}

	return 0;
}

static int check_overlap(const struct service *s, const struct ip_net *net, struct err *e)
{
	const struct cluster_network *n = overlapping(s, net);
	char text[IP_NET_STRLEN];
	int r;

	if (!n)
		return check_nodes(s, net, e);
	r = err_cni(e, CNI_E_CONFIG,
		    "invalid pool request: Pool overlaps with other one on this address space");
	err_detail(e, "%s overlaps a subnet of the network %s", ip_net_str(net, text),
		   n->def.net.name);

	return r;
}

/* ---- choosing ------------------------------------------------------------ */

static int choose_vni(struct creating *m, struct err *e)
{
	struct network_def *d = &m->def;
	const struct cluster_network *n = d->vni ? with_vni(m->s, d->vni) : NULL;
	int r;

	if (d->net.scope != NETWORK_SWARM || m->vni_taken)
		return 0;
	if (n)
		return err_cni(e, CNI_E_CONFIG, "vxlan id %u is the network %s's: choose another",
			       d->vni, n->def.net.name);
	if (d->vni) {
		r = spaces_take_this_vni(m->s->c, d->vni, e);
	} else {
		/* One that a network was given by name stays taken: nobody shall get it. */
		do
			r = spaces_take_vni(m->s->c, &d->vni, e);
		while (r == 0 && with_vni(m->s, d->vni));
		d->vni = r < 0 ? 0 : d->vni;
	}
	m->vni_taken = r == 0;

	return r;
}

/* 0.0.0.0/LENGTH: any of that size, which is a piece or part of one. */
static int choose_subnet(struct creating *m, size_t i, struct err *e)
{
	struct network_subnet *s = &m->def.net.subnets[i];
	uint8_t want = s->subnet.len;
	struct ip_net net = { 0 };
	int r;

	do
		r = spaces_take_subnet(m->s->c, s->subnet.addr.family, &net, e);
	while (r == 0 && check_overlap(m->s, &net, NULL) < 0);
	if (r < 0)
		return r;
	m->subnets_taken[i] = true;
	if (want && want < net.len)
		return err_cni(e, CNI_E_CONFIG,
			       "the cluster's pools are cut into pieces of /%u, and /%u is larger: "
			       "name a subnet",
			       net.len, want);
	if (want)
		net.len = want;
	s->subnet = net;

	return 0;
}

static bool has_family(const struct network *net, uint8_t family)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		if (net->subnets[i].subnet.addr.family == family)
			return true;

	return false;
}

/* A subnet that is to be chosen stands there as 0.0.0.0/0 or ::/0. */
static int add_missing(struct network *net, struct err *e)
{
	const struct ip_net v4 = { .addr.family = AF_INET }, v6 = { .addr.family = AF_INET6 };

	if ((net->ipv4 && !has_family(net, AF_INET) && !network_add_subnet(net, &v4)) ||
	    (net->ipv6 && !has_family(net, AF_INET6) && !network_add_subnet(net, &v6)))
		return err_sys(e, ENOMEM, "choose a subnet");

	return 0;
}

static int choose_subnets(struct creating *m, struct err *e)
{
	struct network *net = &m->def.net;
	int r = add_missing(net, e);

	for (size_t i = 0; r == 0 && i < net->n_subnets; i++) {
		struct network_subnet *s = &net->subnets[i];

		r = ip_is_unspecified(&s->subnet.addr) ? choose_subnet(m, i, e)
		    : m->subnets_taken[i]	       ? 0
						       : check_overlap(m->s, &s->subnet, e);
		if (r == 0)
			r = network_choose_gateway(s, e);
	}

	return r;
}

/* ---- making -------------------------------------------------------------- */

static int found_spaces(struct creating *m, struct err *e)
{
	struct cluster *c = m->s->c;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->def.net.n_subnets; i++)
		r = blocks_found(cluster_blocks(c), network_def_count(&m->def.net.subnets[i]),
				 &m->def.spaces[i], cluster_now(c), e);

	return r;
}

static int define(struct creating *m, struct definition *ret, struct err *e)
{
	struct definitions *defs = cluster_definitions(m->s->c);
	AUTO_FREE char *body = NULL;
	struct definition_id id;
	int r = network_def_check(&m->def, e);

	if (r < 0)
		return r;
	body = network_def_write(&m->def);
	if (!body)
		return err_sys(e, ENOMEM, "create network %s", m->def.net.name);
	r = definitions_add(defs, DEFINITION_NETWORK, m->def.net.name, (const uint8_t *)body,
			    strlen(body), &id, cluster_now(m->s->c), e);
	if (r == 0 && !definitions_find(defs, &id, ret))
		r = err_say(e, EIO, "create network %s: it was removed at once", m->def.net.name);

	return r;
}

static int step(struct waiting *w, struct err *e)
{
	struct creating *m = (struct creating *)w;
	struct definition of;
	int r;

	if (!m->s->up)
		return service_went(e);
	if ((r = check_free(m, e)) < 0 || (r = choose_vni(m, e)) < 0 ||
	    (r = choose_subnets(m, e)) < 0)
		return r;
	if (m->def.net.scope == NETWORK_SWARM && (r = found_spaces(m, e)) < 0)
		return r;
	r = define(m, &of, e);
	if (r < 0)
		return r;
	networks_defined(m->s, &of);
	conflists_sync(m->s->conflists);

	return 0;
}

static void give_back(struct creating *m)
{
	if (m->vni_taken)
		spaces_release_vni(m->s->c, m->def.vni);
	for (size_t i = 0; i < m->def.net.n_subnets; i++)
		if (m->subnets_taken[i])
			spaces_release_subnet(m->s->c, &m->def.net.subnets[i].subnet);
}

static void done(struct waiting *w, int r, const struct err *e)
{
	struct creating *m = (struct creating *)w;
	const struct cluster_network *n = r == 0 ? networks_named(m->s, m->def.net.name) : NULL;

	if (!n && m->s->up)
		give_back(m);
	m->made(m->ctx, n, e);
	network_def_clear(&m->def);
	free(m);
}

static int creating_new(struct service *s, const struct jnode *params, network_made_fn *made,
			void *ctx, struct creating **ret, struct err *e)
{
	struct creating *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_sys(e, ENOMEM, "create a network");
	r = network_def_read_request(params, &m->def, e);
	if (r < 0) {
		free(m);
		return r;
	}
	m->w = (struct waiting){ .step = step, .done = done };
	m->s = s;
	m->made = made;
	m->ctx = ctx;
	*ret = m;

	return 0;
}

int network_create(struct service *s, const struct jnode *params, int ms, network_made_fn *made,
		   void *ctx, struct err *e)
{
	struct creating *m;
	int r = creating_new(s, params, made, ctx, &m, e);

	if (r == 0)
		waiting_begin(&s->waitings, &m->w, ms);

	return r;
}

/* ---- the method ---------------------------------------------------------- */

static void answer(void *ctx, const struct cluster_network *n, const struct err *e)
{
	struct control_call *call = ctx;
	char id[NETWORK_ID_TEXT];

	control_on_cancel(call, NULL, NULL);
	if (n)
		control_answer(call,
			       json_pack("{s:s, s:s, s:i}", "name", n->def.net.name, "id",
					 network_id_text(&n->id, id), "vni", (int)n->def.vni));
	else
		control_fail(call, e);
}

static void cancelled(void *ctx, struct control_call *call)
{
	struct creating *m = ctx;

	(void)call;
	waiting_end(&m->w);
	if (m->s->up)
		give_back(m);
	network_def_clear(&m->def);
	free(m);
}

void network_create_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	struct creating *m;
	struct err e = { 0 };

	if (!service_may_add(s, call))
		return;
	if (creating_new(s, params, answer, call, &m, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	control_on_cancel(call, cancelled, m);
	waiting_begin(&s->waitings, &m->w, CREATE_MS);
}
