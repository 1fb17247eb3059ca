/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint-return - containers that the kernel has and this node's disk does not know
 *
 * A copy of the disk that is older than the containers which run (a backup, put
 * back under them) knows nothing of the youngest.  Their ports are there, with the
 * marks of lib/owner.h, and what this node has told of them to others comes back as
 * its own rows.  Where the two agree, the endpoint is taken back as if it had never
 * been lost.  They agree if the row's key is the port's mark, and the kernel holds
 * the port to the row's MAC and addresses: a row may be of an earlier container of
 * that name.
 *
 * Until its rows are back, a network with such ports gives out no address, which
 * might be one of theirs.  A port that nobody knows anything of is left as it is,
 * and told: it has no way to other nodes, and no address is kept for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"
#include "netd/ifstate.h"
#include "netd/service-private.h"

#define LOG_AREA "endpoints"
#include "netd/log.h"

/* ---- ports without an endpoint ------------------------------------------------ */

struct strangers {
	struct service *s;
	void (*fn)(struct cluster_network *n, const struct ifstate *port);
};

static struct cluster_network *network_of_bridge(const struct service *s, int index)
{
	char name[IFNAMSIZ], bridge[IFNAMSIZ];
	struct cluster_network *n = s->networks;

	if (!index || !if_indextoname((unsigned int)index, name))
		return NULL;
	for (; n; n = n->next) {
		plane_bridge_name(&n->id, bridge);
		if (strcmp(bridge, name) == 0)
			break;
	}

	return n;
}

static bool is_known(const struct service *s, const char *tag)
{
	for (const struct endpoint *ep = s->endpoints; ep; ep = ep->next)
		if (owner_has(&ep->owner, tag, strlen(tag)))
			return true;

	return false;
}

static int look_at_port(const struct ifstate *port, void *data)
{
	const struct strangers *all = data;
	char name[IFNAMSIZ];
	struct cluster_network *n;

	/* A bridge has ports of others, too. */
	if (!port->master || !owner_link(port->alias, strlen(port->alias), name) ||
	    is_known(all->s, port->alias))
		return 0;
	n = network_of_bridge(all->s, port->master);
	if (n)
		all->fn(n, port);

	return 0;
}

static void count(struct cluster_network *n, const struct ifstate *port)
{
	(void)port;
	n->n_strangers++;
	n->s->n_strangers++;
}

static void tell(struct cluster_network *n, const struct ifstate *port)
{
	count(n, port);
	log_error("network %s: neither this node's disk nor another node knows the container of %s "
		  "(%s): it has no way to other nodes; start it again",
		  n->def.net.name, port->name, owner_words(port->alias));
}

static void find(struct service *s,
		 void (*fn)(struct cluster_network *n, const struct ifstate *port))
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct strangers all = { .s = s, .fn = fn };
	struct err e = { 0 };

	s->n_strangers = 0;
	for (struct cluster_network *n = s->networks; n; n = n->next)
		n->n_strangers = 0;
	if (nl_open(NETLINK_ROUTE, &nl, &e) < 0 || ifstate_each(nl, look_at_port, &all, &e) < 0)
		log_warning("cannot look for containers that are not known: %s", e.msg);
}

void endpoints_count_strangers(struct service *s)
{
	find(s, count);
}

void endpoints_tell_strangers(struct service *s)
{
	find(s, tell);
}

/* ---- taking one back ---------------------------------------------------------- */

/* The list that the container was attached by: that of the network, or what the mark's words begin
 * with. */
static bool find_owner(const struct cluster_network *n, const struct endpoint_text *t,
		       const char *tag, struct owner *ret, char list[NETWORK_NAME_MAX + 1])
{
	const char *words = owner_words(tag);
	const struct {
		const char *name;
		size_t len;
	} lists[] = { { n->def.net.name, strlen(n->def.net.name) },
		      { words, strcspn(words, " ") } };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (lists[i].len > NETWORK_NAME_MAX)
			continue;
		snprintf(list, NETWORK_NAME_MAX + 1, "%.*s", (int)lists[i].len, lists[i].name);
		owner_init(ret, list, t->container, t->ifname);
		if (owner_has(ret, tag, strlen(tag)))
			return true;
	}

	return false;
}

/* The alias of the port that a row is about.  Return: whether there is such a port. */
static bool find_port(const struct row *row, struct ifstate *ret)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	const char *key = (const char *)row->bytes;
	char name[IFNAMSIZ];

	return owner_link(key, row->key_len, name) && nl_open(NETLINK_ROUTE, &nl, NULL) == 0 &&
	       ifstate_get(nl, name, ret, NULL) > 0 && strncmp(ret->alias, key, OWNER_KEY_LEN) == 0;
}

static int hold(struct cluster_network *n, const struct endpoint_text *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n_ips; i++)
		r = numbers_hold(n, &t->ips[i], e);

	return r;
}

static int take(struct cluster_network *n, const char *list, const struct owner *owner,
		const struct endpoint_text *t, struct err *e)
{
	struct endpoint *ep;
	int r;

	if ((r = networks_serve(n, e)) < 0)
		return r;
	if (!endpoints_is_attached(n, owner, t))
		return err_say(e, ESTALE, "its port is held to another MAC or address");
	if ((r = hold(n, t, e)) < 0 || (r = endpoints_add(n, list, t->container, t, &ep, e)) < 0)
		return r;
	r = endpoints_commit(ep, e);
	if (r < 0)
		endpoints_release(ep);

	return r;
}

static bool take_back(struct cluster_network *n, const struct row *row)
{
	char list[NETWORK_NAME_MAX + 1];
	struct endpoint_text t;
	struct owner owner;
	struct ifstate port;
	struct err e = { 0 };

	if (row->key_len != OWNER_KEY_LEN || !endpoint_read(row, &t) || !find_port(row, &port) ||
	    !find_owner(n, &t, port.alias, &owner, list))
		return false;
	if (take(n, list, &owner, &t, &e) < 0) {
		log_error("network %s: container %.12s runs, and cannot be taken back: %s",
			  n->def.net.name, t.container, e.msg);
		return false;
	}
	log_warning("network %s: container %.12s is not on this node's disk, but runs, and others "
		    "have heard of it: taken back",
		    n->def.net.name, t.container);
	n->s->counters.taken_back++;

	return true;
}

/* ---- own rows, which are back ---------------------------------------------------- */

struct own_rows {
	struct cluster_network *n;
	struct row *gone[64]; /* copies: a table must not change while it is walked */
	size_t n_gone;
};

static bool is_endpoint(const struct cluster_network *n, const struct row *row)
{
	if (row->key_len == NETWORKS_OWN_KEY_LEN)
		return n->state == NETWORK_SERVED;
	for (const struct endpoint *ep = n->s->endpoints; ep; ep = ep->next)
		if (ep->network == n && ep->committed && row->key_len == OWNER_KEY_LEN &&
		    memcmp(ep->owner.tag, row->bytes, OWNER_KEY_LEN) == 0)
			return true;

	return false;
}

static void find_gone(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct own_rows *o = ctx;
	const struct row_text text = row_text(row);

	if (!node_id_equal(owner, engine_id(cluster_engine(o->n->s->c))) ||
	    row->kind != ROW_ENDPOINT || is_endpoint(o->n, row) || o->n_gone == ARRAY_SIZE(o->gone))
		return;
	o->gone[o->n_gone] = row_make(&text, row->version, false);
	o->n_gone += o->gone[o->n_gone] != NULL;
}

static void take_back_or_withdraw(struct cluster_network *n, const struct row *row)
{
	if (take_back(n, row))
		return;
	(void)rows_remove(cluster_rows(n->s->c), &n->id, row->kind, row->bytes, row->key_len,
			  cluster_now(n->s->c), NULL);
	n->s->counters.withdrawn++;
}

void endpoints_rows_back(struct cluster_network *n)
{
	struct rows *rows = cluster_rows(n->s->c);
	struct own_rows o;

	networks_recover_own(n);
	do {
		o = (struct own_rows){ .n = n };
		rows_each(rows, &n->id, ROWS_ALL, find_gone, &o);
		for (size_t i = 0; i < o.n_gone; i++) {
			take_back_or_withdraw(n, o.gone[i]);
			free(o.gone[i]);
		}
	} while (o.n_gone == ARRAY_SIZE(o.gone));
	if (n->n_strangers > 0)
		endpoints_tell_strangers(n->s);
}
