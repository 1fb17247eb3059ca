/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoints - this node's containers in networks of the cluster; see service-private.h */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ip-json.h"
#include "lib/jnode.h"
#include "lib/mac.h"
#include "lib/nl.h"
#include "netd/container-port.h"
#include "netd/service-private.h"
#include "netd/store.h"
#include "overlay/blocks.h"

#define LOG_AREA "endpoints"
#include "netd/log.h"

/* ---- the table ----------------------------------------------------------- */

struct endpoint *endpoints_find(const struct service *s, const struct owner *owner)
{
	struct endpoint *ep = s->endpoints;

	while (ep && memcmp(ep->owner.tag, owner->tag, OWNER_KEY_LEN) != 0)
		ep = ep->next;

	return ep;
}

static void free_endpoint(struct endpoint *ep)
{
	control_unwatch(&ep->watch);
	free(ep->list);
	free(ep->container);
	free(ep);
}

static void unlink_endpoint(struct endpoint *ep)
{
	struct service *s = ep->s;

	for (struct endpoint **at = &s->endpoints; *at; at = &(*at)->next) {
		if (*at != ep)
			continue;
		*at = ep->next;
		s->n_endpoints--;
		ep->network->n_endpoints--;
		return;
	}
}

void endpoints_clear(struct service *s)
{
	while (s->endpoints) {
		struct endpoint *ep = s->endpoints;

		unlink_endpoint(ep);
		free_endpoint(ep);
	}
}

static struct endpoint *link_endpoint(struct cluster_network *n, const char *list,
				      const char *container, const struct endpoint_text *text)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));

	if (!ep)
		return NULL;
	ep->list = strdup(list);
	ep->container = strdup(container);
	if (!ep->list || !ep->container) {
		free(ep->list);
		free(ep->container);
		free(ep);
		return NULL;
	}
	ep->s = n->s;
	ep->network = n;
	ep->text = *text;
	snprintf(ep->text.container, sizeof(ep->text.container), "%s", container);
	owner_init(&ep->owner, list, container, text->ifname);
	ep->next = n->s->endpoints;
	n->s->endpoints = ep;
	n->s->n_endpoints++;
	n->n_endpoints++;
	networks_use(n);

	return ep;
}

/* ---- on the disk --------------------------------------------------------- */

static json_t *names_json(const struct endpoint_text *t)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < t->n_names; i++)
		if (json_array_append_new(list, json_string(t->names[i])) < 0)
			return NULL;

	return MOVE_PTR(list);
}

static json_t *ips_json(const struct endpoint_text *t)
{
	AUTO_JSON json_t *list = json_array();

	for (size_t i = 0; list && i < t->n_ips; i++)
		if (json_array_append_new(list, ip_json(&t->ips[i])) < 0)
			return NULL;

	return MOVE_PTR(list);
}

static json_t *record_json(const struct endpoint *ep)
{
	char mac[MAC_STRLEN], id[NETWORK_ID_TEXT];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "network",
			 network_id_text(&ep->network->id, id), "list", ep->list, "container",
			 ep->container, "ifname", ep->text.ifname, "mac",
			 mac_str(ep->text.mac, mac), "ips", ips_json(&ep->text), "names",
			 names_json(&ep->text));
}

static int keep(const struct endpoint *ep, struct err *e)
{
	AUTO_JSON json_t *record = record_json(ep);
	AUTO_FREE char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;

	if (!text)
		return err_sys(e, ENOMEM, "keep the endpoint");

	return store_put(ep->s->d->store, STORE_ENDPOINTS, ep->owner.tag, OWNER_KEY_LEN, text,
			 strlen(text), STORE_DURABLE, e);
}

/*
 * Not durable: if this is lost, the next start finds that the port is gone, and a disk
 * that is full shall not keep an address from being free.
 */
static void forget(const struct service *s, const struct owner *owner)
{
	(void)store_put(s->d->store, STORE_ENDPOINTS, owner->tag, OWNER_KEY_LEN, NULL, 0,
			STORE_LAZY, NULL);
}

/* ---- rows ---------------------------------------------------------------- */

int endpoints_publish(struct endpoint *ep, struct err *e)
{
	uint8_t value[ROW_VALUE_MAX];
	struct row_text text = {
		.kind = ROW_ENDPOINT,
		.key = (const uint8_t *)ep->owner.tag,
		.key_len = OWNER_KEY_LEN,
		.value = value,
	};

	text.value_len = (uint16_t)endpoint_write(&ep->text, value);
	if (text.value_len == 0)
		return err_cni(
			e, CNI_E_CONFIG,
			"the names of container %.12s are too long to be told to other nodes: "
			"give it fewer",
			ep->container);

	return rows_put(cluster_rows(ep->s->c), &ep->network->id, &text, cluster_now(ep->s->c), e);
}

static void withdraw_row(const struct endpoint *ep)
{
	(void)rows_remove(cluster_rows(ep->s->c), &ep->network->id, ROW_ENDPOINT,
			  (const uint8_t *)ep->owner.tag, OWNER_KEY_LEN, cluster_now(ep->s->c),
			  NULL);
}

/* ---- coming and going ---------------------------------------------------- */

int endpoints_add(struct cluster_network *n, const char *list, const char *container,
		  const struct endpoint_text *text, struct endpoint **ret, struct err *e)
{
	struct endpoint *ep = link_endpoint(n, list, container, text);
	int r;

	if (!ep)
		return err_sys(e, ENOMEM, "reserve addresses for container %.12s", container);
	r = keep(ep, e);
	if (r < 0) {
		unlink_endpoint(ep);
		free_endpoint(ep);
		networks_unuse(n);
		return err_wrap(e, r, "reserve addresses for container %.12s", container);
	}
	*ret = ep;

	return 0;
}

static struct plane_endpoint plane_endpoint_of(const struct cluster_network *n,
					       const struct owner *owner,
					       const struct endpoint_text *text)
{
	struct plane_endpoint p = { .network = n->id, .owner = *owner, .n_ips = text->n_ips };

	memcpy(p.mac, text->mac, sizeof(p.mac));
	memcpy(p.ips, text->ips, text->n_ips * sizeof(p.ips[0]));

	return p;
}

bool endpoints_is_attached(const struct cluster_network *n, const struct owner *owner,
			   const struct endpoint_text *text)
{
	const struct plane_endpoint p = plane_endpoint_of(n, owner, text);

	return plane_was_attached(n->s->p, &p);
}

static int attach(struct endpoint *ep, struct err *e)
{
	const struct plane_endpoint p = plane_endpoint_of(ep->network, &ep->owner, &ep->text);

	return plane_attach(ep->s->p, &p, e);
}

int endpoints_commit(struct endpoint *ep, struct err *e)
{
	int r = attach(ep, e);

	if (r < 0)
		return r;
	r = endpoints_publish(ep, e);
	if (r < 0) {
		(void)plane_detach(ep->s->p, &ep->network->id, ep->owner.host_ifname, NULL);
		return r;
	}
	ep->committed = true;
	control_unwatch(&ep->watch);

	return 0;
}

void endpoints_release(struct endpoint *ep)
{
	struct cluster_network *n = ep->network;
	struct service *s = ep->s;
	struct err e = { 0 };

	if (ep->committed && plane_detach(s->p, &n->id, ep->owner.host_ifname, &e) < 0)
		log_warning("network %s: container %.12s: %s", n->def.net.name, ep->container,
			    e.msg);
	if (ep->committed && s->up)
		withdraw_row(ep);
	for (size_t i = 0; i < ep->text.n_ips; i++)
		numbers_release(n, &ep->text.ips[i]);
	forget(s, &ep->owner);
	unlink_endpoint(ep);
	free_endpoint(ep);
	networks_unuse(n);
}

/* ---- after a start ------------------------------------------------------- */

struct kept {
	const char *network, *list, *container, *ifname;
	uint8_t mac[6];
	struct endpoint_text *text;
};

static int read_record_ips(const struct jnode *n, void *data, struct err *e)
{
	struct endpoint_text *t = ((struct kept *)data)->text;
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n) && i < ENDPOINT_IPS; i++) {
		const struct jnode item = jn_item(n, i);

		r = jn_ip(&item, &t->ips[t->n_ips++], e);
	}

	return r;
}

static int read_record_names(const struct jnode *n, void *data, struct err *e)
{
	struct endpoint_text *t = ((struct kept *)data)->text;
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n) && i < ENDPOINT_NAMES; i++) {
		const struct jnode item = jn_item(n, i);
		const char *name;

		r = jn_str(&item, &name, e);
		if (r == 0)
			snprintf(t->names[t->n_names++], sizeof(t->names[0]), "%s", name);
	}

	return r;
}

static int read_record_mac(const struct jnode *n, void *data, struct err *e)
{
	return jn_mac(n, ((struct kept *)data)->text->mac, e);
}

static int read_record(const struct jnode *n, struct kept *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "network", JN_STR, offsetof(struct kept, network) },
		{ "list", JN_STR, offsetof(struct kept, list) },
		{ "container", JN_STR, offsetof(struct kept, container) },
		{ "ifname", JN_STR, offsetof(struct kept, ifname) },
		{ "mac", JN_CALL, .call = read_record_mac },
		{ "ips", JN_CALL, .call = read_record_ips },
		{ "names", JN_CALL, .call = read_record_names },
		{ 0 },
	};
	int r = jn_read(n, keys, ret, e);

	if (r == 0 && (!ret->network || !ret->list || !ret->container || !ret->ifname))
		r = jn_bad(n, e, "a key is missing");

	return r;
}

/* One whose network is not known any more is left for the sweep of ports. */
static int load_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct service *s = ctx;
	struct endpoint_text text = { 0 };
	struct kept record = { .text = &text };
	struct cluster_network *n;
	AUTO_JSON json_t *doc = NULL;
	struct err e = { 0 };
	struct jnode root;

	(void)key;
	(void)key_len;
	if (jn_parse(value, len, &doc, &e) < 0)
		return -EBADMSG;
	root = jn_root(doc);
	if (read_record(&root, &record, &e) < 0)
		return -EBADMSG;
	n = networks_named(s, record.network);
	if (!n)
		return 0;
	snprintf(text.ifname, sizeof(text.ifname), "%s", record.ifname);

	return link_endpoint(n, record.list, record.container, &text) ? 0 : -ENOMEM;
}

static void hold(struct endpoint *ep)
{
	struct err e = { 0 };

	for (size_t i = 0; i < ep->text.n_ips; i++) {
		if (numbers_hold(ep->network, &ep->text.ips[i], &e) == 0)
			continue;
		ep->lost = true;
		log_error("network %s: container %.12s: %s", ep->network->def.net.name,
			  ep->container, e.msg);
	}
}

static int adopt(struct endpoint *ep, struct err *e)
{
	int r = networks_serve(ep->network, e);

	return r < 0 ? r : endpoints_commit(ep, e);
}

int endpoints_adopt(struct service *s, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct err why = { 0 };
	int r;

	if ((r = store_each(s->d->store, STORE_ENDPOINTS, load_one, s, e)) < 0)
		return err_wrap(e, r, "read which containers this node had");
	r = nl_open(NETLINK_ROUTE, &nl, e);
	if (r < 0)
		return r;
	for (struct endpoint *ep = s->endpoints, *next; ep; ep = next) {
		next = ep->next;
		hold(ep);
		if (container_port_is_there(nl, &ep->owner)) {
			if (adopt(ep, &why) < 0)
				log_error("network %s: container %.12s: %s",
					  ep->network->def.net.name, ep->container, why.msg);
			continue;
		}
		log_info("network %s: container %.12s was detached while netd was not there",
			 ep->network->def.net.name, ep->container);
		s->counters.withdrawn++;
		endpoints_release(ep);
	}

	return 0;
}

/* ---- numbers that are another node's ------------------------------------- */

void endpoints_lost(struct cluster_network *n, size_t i, const struct block_event *ev)
{
	const struct network_subnet *subnet = &n->def.net.subnets[i];
	char text[IP_STRLEN];

	for (struct endpoint *ep = n->s->endpoints; ep; ep = ep->next) {
		for (size_t k = 0; ep->network == n && !ep->lost && k < ep->text.n_ips; k++) {
			const struct ip_addr *ip = &ep->text.ips[k];
			uint64_t number = network_def_number(subnet, ip);

			if (ip->family != subnet->subnet.addr.family || number < ev->run.first ||
			    number > ev->run.last)
				continue;
			ep->lost = true;
			log_error("network %s: %s of container %.12s is another node's: it is "
				  "disconnected; start the container again for another address",
				  n->def.net.name, ip_str(ip, text), ep->container);
			withdraw_row(ep);
			(void)plane_detach(n->s->p, &n->id, ep->owner.host_ifname, NULL);
		}
	}
}
