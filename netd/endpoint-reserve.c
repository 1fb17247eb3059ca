/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint-reserve - the method endpoint.reserve
 *
 * The network is served from here on, and an address of each of its subnets taken:
 * both may have to wait for other nodes.  What is reserved is on the disk before it
 * is said, and lives until it is committed or the plugin's connection ends.
 */
#include <errno.h>
#include <net/if.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/jnode.h"
#include "lib/mac.h"
#include "netd/service-private.h"
#include "netd/store.h"
#include "overlay/blocks.h"

#define LOG_AREA "endpoints"
#include "netd/log.h"

#define RESERVE_MS 8000

struct reserving {
	struct waiting w;
	struct service *s;
	struct control_call *call;
	struct network_id id;
	char *network, *list, *container; /* of the request, owned */
	struct endpoint_text text;
	struct ip_addr want[NETWORK_DEF_SUBNETS]; /* asked for, by family: IPv4, IPv6 */
	struct ip_addr got[NETWORK_DEF_SUBNETS];  /* by subnet */
	bool mac_given;
};

static void free_reserving(struct reserving *m)
{
	free(m->network);
	free(m->list);
	free(m->container);
	free(m);
}

/* ---- the request --------------------------------------------------------- */

static size_t family_index(uint8_t family)
{
	return family == AF_INET ? 0 : 1;
}

static int read_ips(const struct jnode *n, void *data, struct err *e)
{
	struct reserving *m = data;
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);
		struct ip_addr ip = { 0 }, *to;

		r = jn_ip(&item, &ip, e);
		if (r < 0)
			break;
		to = &m->want[family_index(ip.family)];
		if (ip_is_set(to))
			r = jn_bad(&item, e, "a container has one %s address in a network",
				   ip_family_name(ip.family));
		*to = ip;
	}

	return r;
}

static int read_mac(const struct jnode *n, void *data, struct err *e)
{
	struct reserving *m = data;
	int r = jn_mac(n, m->text.mac, e);

	m->mac_given = r == 0;

	return r;
}

static int read_names(const struct jnode *n, void *data, struct err *e)
{
	struct endpoint_text *t = &((struct reserving *)data)->text;
	const char *name;
	int r = jn_array(n, e);

	if (r == 0 && jn_count(n) > ENDPOINT_NAMES)
		return jn_bad(n, e, "a container has at most %d names in a network",
			      ENDPOINT_NAMES);
	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);

		r = jn_str(&item, &name, e);
		if (r == 0 && (!*name || strlen(name) > ENDPOINT_NAME_MAX))
			r = jn_bad(&item, e, "a name has 1 to %d characters", ENDPOINT_NAME_MAX);
		if (r == 0)
			snprintf(t->names[t->n_names++], sizeof(t->names[0]), "%s", name);
	}

	return r;
}

struct said {
	const char *network, *list, *container, *ifname;
};

static int read_said(const struct jnode *params, struct said *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "network", JN_STR, offsetof(struct said, network) },
		{ "owner", JN_STR, offsetof(struct said, list) },
		{ "container", JN_STR, offsetof(struct said, container) },
		{ "ifname", JN_STR, offsetof(struct said, ifname) },
		{ 0 },
	};
	struct said said = { 0 };
	int r = jn_read(params, keys, &said, e);

	if (r < 0)
		return r;
	if (!said.network || !said.container || !said.ifname)
		return jn_bad(params, e, "network, container and ifname are needed");
	said.list = said.list ? said.list : said.network;
	if ((r = cni_valid_id(said.list, "owner", CNI_E_CONFIG, e)) < 0 ||
	    (r = cni_valid_id(said.container, "container", CNI_E_CONFIG, e)) < 0 ||
	    (r = cni_valid_ifname(said.ifname, "ifname", e)) < 0)
		return r;
	*ret = said;

	return 0;
}

static int read_request(const struct jnode *params, struct reserving *m, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "ips", JN_CALL, .call = read_ips },
		{ "mac", JN_CALL, .call = read_mac },
		{ "names", JN_CALL, .call = read_names },
		{ 0 },
	};
	struct said said = { 0 };
	int r;

	if ((r = read_said(params, &said, e)) < 0 || (r = jn_read(params, keys, m, e)) < 0)
		return r;
	m->network = strdup(said.network);
	m->list = strdup(said.list);
	m->container = strdup(said.container);
	snprintf(m->text.ifname, sizeof(m->text.ifname), "%s", said.ifname);

	return m->network && m->list && m->container ? 0 : err_sys(e, ENOMEM, "reserve addresses");
}

/* ---- checks -------------------------------------------------------------- */

static int check_wanted(const struct reserving *m, const struct cluster_network *n, struct err *e)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(m->want); i++)
		if (ip_is_set(&m->want[i]) && network_def_subnet_of(&n->def, &m->want[i]) < 0)
			return err_cni(e, CNI_E_CONFIG,
				       "network %s: no configured subnet contains IP address %s",
				       n->def.net.name, ip_str(&m->want[i], text));

	return 0;
}

/* One whose container went without a DEL is in nobody's way. */
static int check_new(struct reserving *m, struct err *e)
{
	struct endpoint *ep;
	struct owner owner;
	char text[IP_STRLEN];

	owner_init(&owner, m->list, m->container, m->text.ifname);
	ep = endpoints_find(m->s, &owner);
	if (!ep)
		return 0;
	if (ep->committed && if_nametoindex(owner.host_ifname) == 0) {
		endpoints_release(ep);
		return 0;
	}

	return err_cni(e, CNI_E_ENV,
		       "container %.12s has %s in network %s already, with %s: DEL it first",
		       m->container, m->text.ifname, ep->network->def.net.name,
		       ip_str(&ep->text.ips[0], text));
}

struct mac_search {
	const uint8_t *mac;
	bool found;
	struct node_id owner;
	struct endpoint_text by;
};

static void match_mac(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct mac_search *s = ctx;
	struct endpoint_text t;

	if (!endpoint_read(row, &t) || memcmp(t.mac, s->mac, 6) != 0)
		return;
	s->found = true;
	s->owner = *owner;
	s->by = t;
}

static bool mac_is_used(const struct cluster_network *n, struct mac_search *s)
{
	rows_each(cluster_rows(n->s->c), &n->id, ROWS_ALL, match_mac, s);
	for (const struct endpoint *ep = n->s->endpoints; ep && !s->found; ep = ep->next) {
		if (ep->network != n || memcmp(ep->text.mac, s->mac, 6) != 0)
			continue;
		s->found = true;
		s->owner = *engine_id(cluster_engine(n->s->c));
		s->by = ep->text;
	}

	return s->found;
}

static int choose_mac(struct reserving *m, const struct cluster_network *n, struct err *e)
{
	struct mac_search s = { .mac = m->text.mac };
	char text[MAC_STRLEN], node[NODE_ID_TEXT + NODE_NAME_MAX];

	if (m->mac_given && !mac_is_station(m->text.mac))
		return err_cni(e, CNI_E_CONFIG, "mac %s is no station's",
			       mac_str(m->text.mac, text));
	if (m->mac_given && mac_is_used(n, &s))
		return err_cni(e, CNI_E_CONFIG,
			       "mac %s is in use in network %s by container %.12s on node %s",
			       mac_str(m->text.mac, text), n->def.net.name,
			       s.by.container[0] ? s.by.container : "(its own)",
			       service_node_name(n->s, &s.owner, node));
	while (!m->mac_given) {
		randombytes_buf(m->text.mac, 6);
		m->text.mac[0] = (uint8_t)((m->text.mac[0] & 0xfc) | 2);
		if (!mac_is_used(n, &s))
			break;
		s.found = false;
	}

	return 0;
}

/* ---- steps --------------------------------------------------------------- */

static int take_addresses(struct reserving *m, struct cluster_network *n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->def.net.n_subnets; i++) {
		struct ip_addr ip = m->want[family_index(n->def.net.subnets[i].subnet.addr.family)];

		if (ip_is_set(&m->got[i]))
			continue;
		r = numbers_take(n, i, &ip, e);
		if (r == 0)
			m->got[i] = ip;
	}

	return r;
}

static void give_back(struct reserving *m)
{
	struct cluster_network *n = networks_find(m->s, &m->id);

	for (size_t i = 0; i < ARRAY_SIZE(m->got); i++)
		if (n && ip_is_set(&m->got[i]))
			numbers_release(n, &m->got[i]);
	if (n)
		networks_unuse(n);
}

static void on_closed(struct control_watch *w)
{
	struct endpoint *ep = (struct endpoint *)((char *)w - offsetof(struct endpoint, watch));

	log_warning("container %.12s: the plugin went away before it was done", ep->container);
	ep->s->counters.abandoned++;
	endpoints_release(ep);
}

static int finish(struct reserving *m, struct cluster_network *n, struct err *e)
{
	struct endpoint *ep;
	int r = choose_mac(m, n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n->def.net.n_subnets; i++)
		m->text.ips[m->text.n_ips++] = m->got[i];
	r = endpoints_add(n, m->list, m->container, &m->text, &ep, e);
	if (r < 0)
		return r;
	/* They are the endpoint's from here on. */
	memset(m->got, 0, sizeof(m->got));
	ep->watch.closed = on_closed;
	control_watch(m->call, &ep->watch);
	control_answer(m->call, endpoint_lease_json(ep));

	return 0;
}

static int step(struct waiting *w, struct err *e)
{
	struct reserving *m = (struct reserving *)w;
	struct cluster_network *n;
	int r;

	if (!m->s->up)
		return service_went(e);
	n = networks_named(m->s, m->network);
	if (!n || n->removed)
		return err_cni(e, CNI_E_CONFIG, "network %s not found", m->network);
	if (n->def.net.scope != NETWORK_SWARM)
		return err_cni(e, CNI_E_CONFIG, "network %s has the driver %s, not overlay",
			       m->network, n->def.net.driver);
	m->id = n->id;
	if ((r = check_new(m, e)) < 0 || (r = network_may_begin(n, m->network, e)) < 0 ||
	    (r = check_wanted(m, n, e)) < 0 || (r = networks_serve(n, e)) < 0 ||
	    (r = plane_lets_pass(m->s->p, e)) < 0 || (r = take_addresses(m, n, e)) < 0)
		return r == -EBUSY ? -EAGAIN : r;

	return finish(m, n, e);
}

static void done(struct waiting *w, int r, const struct err *e)
{
	struct reserving *m = (struct reserving *)w;
	struct err why = *e;

	if (r < 0) {
		m->s->counters.refused++;
		/* Waiting did not help; later may. */
		if (r == -EAGAIN)
			why.cni = CNI_E_AGAIN;
		control_on_cancel(m->call, NULL, NULL);
		control_fail(m->call, &why);
	} else {
		m->s->counters.reserved++;
	}
	give_back(m);
	free_reserving(m);
}

static void cancelled(void *ctx, struct control_call *call)
{
	struct reserving *m = ctx;

	(void)call;
	waiting_end(&m->w);
	give_back(m);
	free_reserving(m);
}

void endpoint_reserve_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	struct reserving *m;
	struct err e = { 0 };

	if (!service_may_add(s, call))
		return;
	if (cluster_is_draining(s->c)) {
		control_fail_say(call, CNI_E_AGAIN,
				 "this node is being drained and takes no new containers: "
				 "heddle node drain --off ends that");
		return;
	}
	m = calloc(1, sizeof(*m));
	if (!m || read_request(params, m, &e) < 0) {
		if (!m)
			(void)err_sys(&e, ENOMEM, "reserve addresses");
		else
			free_reserving(m);
		control_fail(call, &e);
		return;
	}
	m->w = (struct waiting){ .step = step, .done = done };
	m->s = s;
	m->call = call;
	control_on_cancel(call, cancelled, m);
	waiting_begin(&s->waitings, &m->w, RESERVE_MS);
}
