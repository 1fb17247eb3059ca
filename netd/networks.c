/* SPDX-License-Identifier: GPL-2.0-or-later */
/* networks - the cluster's networks; being in one, and in it no more; see service-private.h */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/jnode.h"
#include "netd/service-private.h"
#include "netd/spaces.h"
#include "netd/store.h"
#include "netd/underlay.h"

#define LOG_AREA "networks"
#include "netd/log.h"

/* In it for so long without an endpoint: a container that is started again finds it. */
#define IDLE_S 60

/* Outer IPv4 or IPv6, UDP, VXLAN, inner Ethernet. */
#define VXLAN_OVERHEAD	50
#define VXLAN_OVERHEAD6 70

/* ---- the table ----------------------------------------------------------- */

static void on_idle(struct ev_loop *loop, struct ev_timer *t, int revents);

struct cluster_network *networks_find(const struct service *s, const struct network_id *id)
{
	struct cluster_network *n = s->networks;

	while (n && !network_id_equal(&n->id, id))
		n = n->next;

	return n;
}

static bool is_id(const char *text, struct network_id *ret)
{
	size_t len;

	return strlen(text) == 2 * NETWORK_ID_LEN &&
	       sodium_hex2bin(ret->b, NETWORK_ID_LEN, text, 2 * NETWORK_ID_LEN, NULL, &len, NULL) ==
		       0 &&
	       len == NETWORK_ID_LEN;
}

struct cluster_network *networks_named(const struct service *s, const char *name)
{
	struct cluster_network *n = s->networks;
	struct network_id id;

	while (n && !(n->wins && !n->removed && strcmp(n->def.net.name, name) == 0))
		n = n->next;

	return !n && is_id(name, &id) ? networks_find(s, &id) : n;
}

static void free_network(struct cluster_network *n)
{
	ev_timer_stop(n->s->d->loop, &n->idle);
	network_def_clear(&n->def);
	free(n->used);
	free(n);
}

static void drop(struct cluster_network *n)
{
	struct service *s = n->s;

	for (struct cluster_network **at = &s->networks; *at; at = &(*at)->next) {
		if (*at != n)
			continue;
		*at = n->next;
		s->n_networks--;
		free_network(n);
		return;
	}
}

void networks_clear(struct service *s)
{
	while (s->networks)
		drop(s->networks);
}

static struct cluster_network *add(struct service *s, const struct definition *of, struct err *e)
{
	struct cluster_network *n = calloc(1, sizeof(*n));

	if (!n) {
		(void)err_sys(e, ENOMEM, "network %s", of->name);
		return NULL;
	}
	if (network_def_read(of, &n->def, e) < 0) {
		free(n);
		return NULL;
	}
	n->s = s;
	n->id = definition_network(&of->id);
	n->author = of->author;
	n->created = of->created;
	n->wins = of->wins;
	ev_timer_init(&n->idle, on_idle, IDLE_S, 0);
	n->idle.data = n;
	n->next = s->networks;
	s->networks = n;
	s->n_networks++;

	return n;
}

/* ---- definitions --------------------------------------------------------- */

/* What this node took from the cluster's spaces for it, in this life or an earlier one. */
static void hold_shared(struct cluster_network *n)
{
	for (size_t i = 0; i < n->def.net.n_subnets; i++)
		spaces_hold_subnet(n->s->c, &n->def.net.subnets[i].subnet);
	if (n->def.vni > 0)
		spaces_hold_vni(n->s->c, n->def.vni);
	numbers_hold_reserved(n);
}

static void release_shared(struct cluster_network *n)
{
	for (size_t i = 0; i < n->def.net.n_subnets; i++)
		spaces_release_subnet(n->s->c, &n->def.net.subnets[i].subnet);
	if (n->def.vni > 0)
		spaces_release_vni(n->s->c, n->def.vni);
}

void networks_defined(struct service *s, const struct definition *of)
{
	const struct network_id id = definition_network(&of->id);
	struct cluster_network *n = networks_find(s, &id);
	struct err e = { 0 };

	if (n) {
		networks_renamed(s, of);
		return;
	}
	n = add(s, of, &e);
	if (!n) {
		log_warning("a network that this node cannot serve: %s", e.msg);
		return;
	}
	log_info("network %s is defined, with VNI %u", n->def.net.name, n->def.vni);
	network_conflicts_begin(n);
	hold_shared(n);
	s->conflists_due = true;
}

void networks_renamed(struct service *s, const struct definition *of)
{
	const struct network_id id = definition_network(&of->id);
	struct cluster_network *n = networks_find(s, &id);

	if (!n || n->wins == of->wins)
		return;
	n->wins = of->wins;
	s->conflists_due = true;
}

static void leave(struct cluster_network *n);

void networks_undefined(struct service *s, const struct definition *of)
{
	const struct network_id id = definition_network(&of->id);
	struct cluster_network *n = networks_find(s, &id);

	if (!n || n->removed)
		return;
	n->removed = true;
	s->conflists_due = true;
	network_conflicts_end(n);
	release_shared(n);
	if (n->n_endpoints > 0 || n->n_visits > 0) {
		if (n->n_endpoints > 0)
			log_warning("network %s was removed, and goes here with the last of its %u "
				    "containers",
				    n->def.net.name, n->n_endpoints);
		return;
	}
	log_info("network %s was removed", n->def.net.name);
	leave(n);
	drop(n);
}

static void load_one(void *ctx, const struct definition *of)
{
	networks_defined(ctx, of);
}

void networks_load(struct service *s)
{
	definitions_each(cluster_definitions(s->c), DEFINITION_NETWORK, load_one, s);
}

/* ---- what the kernel is to do -------------------------------------------- */

/* An address of Ethernet, unicast and local, that is the same whenever it is computed. */
static void mac_of(const char *what, const void *of, size_t len, const struct network_id *id,
		   uint8_t ret[6])
{
	crypto_generichash_state state;
	uint8_t hash[crypto_generichash_BYTES_MIN];

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)what, strlen(what) + 1);
	crypto_generichash_update(&state, id->b, NETWORK_ID_LEN);
	crypto_generichash_update(&state, of, len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	memcpy(ret, hash, 6);
	ret[0] = (uint8_t)((ret[0] & 0xfc) | 2);
}

static void own_mac(const struct cluster_network *n, uint8_t ret[6])
{
	const struct node_id *self = engine_id(cluster_engine(n->s->c));

	mac_of("heddle own mac", self->b, NODE_ID_LEN, &n->id, ret);
}

/* Bytes of a packet in a network, by what this host's underlay has room for; 0: not known. */
static uint32_t room(const struct service *s)
{
	const struct ip_addr *vtep = &cluster_addr(s->c)->ip;
	uint32_t mtu = s->u ? underlay_mtu(s->u, vtep) : 0;
	uint32_t overhead = vtep->family == AF_INET ? VXLAN_OVERHEAD : VXLAN_OVERHEAD6;

	return mtu > overhead ? mtu - overhead : 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a ? a : b;

	return a < b ? a : b;
}

static int serve(struct cluster_network *n, struct err *e)
{
	const struct service *s = n->s;
	struct plane_network p = {
		.id = n->id,
		.name = n->def.net.name,
		.vni = n->def.vni,
		.port = s->d->config.vxlan_port,
		.mtu = least(n->def.options.mtu, n->mtu_least),
		.internal = n->def.net.internal,
		.masquerade = n->def.options.masquerade && s->d->config.masquerade,
		.multicast = n->def.options.multicast,
		.pin = n->def.options.pin,
		.n_subnets = n->def.net.n_subnets,
	};

	mac_of("heddle gateway mac", "", 0, &n->id, p.gateway_mac);
	own_mac(n, p.own_mac);
	for (size_t i = 0; i < p.n_subnets; i++)
		p.subnets[i] = (struct plane_subnet){
			.net = n->def.net.subnets[i].subnet,
			.gateway = n->def.net.subnets[i].gateway,
			.own = n->own[i],
		};

	return plane_serve(s->p, &p, e);
}

/* ---- being in it --------------------------------------------------------- */

int networks_join(struct cluster_network *n, struct err *e)
{
	int r;

	if (n->state != NETWORK_KNOWN)
		return 0;
	r = rows_join(cluster_rows(n->s->c), &n->id, cluster_now(n->s->c), e);
	if (r < 0)
		return err_wrap(e, r, "network %s", n->def.net.name);
	n->state = NETWORK_JOINED;

	return 0;
}

/* Which networks, with which addresses of its own, for the next start. */
static int remember(struct cluster_network *n, struct err *e)
{
	AUTO_JSON json_t *own = json_array();
	AUTO_FREE char *doc = NULL;
	char text[IP_STRLEN];

	for (size_t i = 0; own && i < n->def.net.n_subnets; i++)
		if (json_array_append_new(own, json_string(ip_is_set(&n->own[i])
								   ? ip_str(&n->own[i], text)
								   : "")) < 0)
			return err_sys(e, ENOMEM, "network %s", n->def.net.name);
	doc = own ? json_dumps(own, JSON_COMPACT) : NULL;
	if (!doc)
		return err_sys(e, ENOMEM, "network %s", n->def.net.name);

	return store_put(n->s->d->store, STORE_NETWORKS, n->id.b, NETWORK_ID_LEN, doc, strlen(doc),
			 STORE_DURABLE, e);
}

static int take_own(struct cluster_network *n, struct err *e)
{
	bool took = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->def.net.n_subnets; i++) {
		if (ip_is_set(&n->own[i]))
			continue;
		r = numbers_take(n, i, &n->own[i], e);
		took |= r == 0;
	}

	return r == 0 && took ? remember(n, e) : r;
}

/* Others answer this node by its row, like any container. */
static int publish_own(struct cluster_network *n, struct err *e)
{
	struct endpoint_text t = { .mtu = room(n->s) };
	uint8_t value[ROW_VALUE_MAX];
	struct row_text text = {
		.kind = ROW_ENDPOINT,
		.key = (const uint8_t *)NETWORKS_OWN_KEY,
		.key_len = NETWORKS_OWN_KEY_LEN,
		.value = value,
	};

	own_mac(n, t.mac);
	for (size_t i = 0; i < n->def.net.n_subnets; i++)
		if (ip_is_set(&n->own[i]))
			t.ips[t.n_ips++] = n->own[i];
	text.value_len = (uint16_t)endpoint_write(&t, value);
	n->mtu_told = t.mtu;

	return rows_put(cluster_rows(n->s->c), &n->id, &text, cluster_now(n->s->c), e);
}

int networks_serve(struct cluster_network *n, struct err *e)
{
	int r;

	if (n->state == NETWORK_SERVED)
		return 0;
	if ((r = networks_join(n, e)) < 0 || (r = take_own(n, e)) < 0)
		return r;
	wanted_join(cluster_wanted(n->s->c), &n->id);
	if ((r = serve(n, e)) < 0 || (r = publish_own(n, e)) < 0) {
		wanted_leave(cluster_wanted(n->s->c), &n->id);
		return err_wrap(e, r, "network %s", n->def.net.name);
	}
	n->state = NETWORK_SERVED;
	log_info("in network %s", n->def.net.name);

	return 0;
}

/* Of what it had got to. */
static void leave(struct cluster_network *n)
{
	struct service *s = n->s;
	struct err e = { 0 };

	if (n->state == NETWORK_SERVED) {
		wanted_leave(cluster_wanted(s->c), &n->id);
		if (plane_unserve(s->p, &n->id, &e) < 0)
			log_warning("network %s: %s", n->def.net.name, e.msg);
		log_info("in network %s no more", n->def.net.name);
	}
	if (n->state != NETWORK_KNOWN)
		rows_leave(cluster_rows(s->c), &n->id, cluster_now(s->c));
	for (size_t i = 0; i < n->def.net.n_subnets; i++) {
		if (ip_is_set(&n->own[i]))
			numbers_release(n, &n->own[i]);
		n->own[i] = (struct ip_addr){ 0 };
	}
	/* Whether it is gone matters only as far as this start has got. */
	(void)store_put(s->d->store, STORE_NETWORKS, n->id.b, NETWORK_ID_LEN, NULL, 0, STORE_LAZY,
			NULL);
	n->state = NETWORK_KNOWN;
	n->mtu_least = n->mtu_told = 0;
	s->conflists_due = true;
}

/* ---- use ----------------------------------------------------------------- */

static void on_idle(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct cluster_network *n = t->data;

	(void)loop;
	(void)revents;
	if (n->s->up && n->n_endpoints + n->n_visits == 0)
		leave(n);
}

void networks_use(struct cluster_network *n)
{
	ev_timer_stop(n->s->d->loop, &n->idle);
}

void networks_unuse(struct cluster_network *n)
{
	if (n->n_endpoints + n->n_visits > 0)
		return;
	if (n->removed && n->s->up) {
		leave(n);
		drop(n);
		return;
	}
	ev_timer_stop(n->s->d->loop, &n->idle);
	ev_timer_set(&n->idle, IDLE_S, 0);
	ev_timer_start(n->s->d->loop, &n->idle);
}

/* ---- what others say ----------------------------------------------------- */

static void find_least(void *ctx, const struct node_id *owner, const struct row *row)
{
	struct cluster_network *n = ctx;
	struct endpoint_text t;

	(void)owner;
	if (row->kind == ROW_ENDPOINT && row->key_len == NETWORKS_OWN_KEY_LEN &&
	    endpoint_read(row, &t))
		n->mtu_least = least(n->mtu_least, t.mtu);
}

/* All members' containers send what all underlays have room for. */
void networks_row_changed(struct cluster_network *n)
{
	uint32_t before = n->mtu_least;
	struct err e = { 0 };

	n->mtu_least = 0;
	rows_each(cluster_rows(n->s->c), &n->id, ROWS_ALL, find_least, n);
	if (n->state == NETWORK_SERVED && n->mtu_least != before && serve(n, &e) < 0)
		log_warning("network %s: %s", n->def.net.name, e.msg);
}

void networks_underlay_changed(struct service *s)
{
	struct err e = { 0 };

	for (struct cluster_network *n = s->networks; s->up && n; n = n->next)
		if (n->state == NETWORK_SERVED && n->mtu_told != room(s) && publish_own(n, &e) < 0)
			log_warning("network %s: %s", n->def.net.name, e.msg);
}

/* ---- after a start ------------------------------------------------------- */

static bool is_in_kernel(const struct cluster_network *n)
{
	char bridge[IFNAMSIZ];

	plane_bridge_name(&n->id, bridge);

	return if_nametoindex(bridge) != 0;
}

/* An older disk does not know this node's own address, without which nothing is served. */
void networks_recover_own(struct cluster_network *n)
{
	const struct row *row = rows_find(cluster_rows(n->s->c), &n->id,
					  engine_id(cluster_engine(n->s->c)), ROW_ENDPOINT,
					  (const uint8_t *)NETWORKS_OWN_KEY, NETWORKS_OWN_KEY_LEN);
	struct endpoint_text t;
	struct err e = { 0 };

	if (n->state == NETWORK_SERVED || !row || !endpoint_read(row, &t))
		return;
	for (size_t i = 0; i < t.n_ips; i++) {
		int at = network_def_subnet_of(&n->def, &t.ips[i]);

		if (at >= 0 && !ip_is_set(&n->own[at]) && numbers_hold(n, &t.ips[i], &e) == 0)
			n->own[at] = t.ips[i];
	}
	if (remember(n, &e) < 0)
		log_warning("network %s: this node's own address: %s", n->def.net.name, e.msg);
}

struct stored {
	struct service *s;
	struct network_id ids[ROWS_NETWORKS];
	size_t n;
};

static int read_stored(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct stored *st = ctx;
	struct cluster_network *n;
	AUTO_JSON json_t *own = NULL;
	struct network_id id;

	if (key_len != NETWORK_ID_LEN)
		return -EBADMSG;
	memcpy(id.b, key, NETWORK_ID_LEN);
	n = networks_find(st->s, &id);
	if (!n || st->n == ROWS_NETWORKS)
		return 0;
	if (jn_parse(value, len, &own, NULL) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n->def.net.n_subnets; i++)
		(void)ip_parse(json_string_value(json_array_get(own, i)) ?: "", &n->own[i]);
	st->ids[st->n++] = id;

	return 0;
}

/* An address that is another node's by now is taken anew. */
static void hold_own(struct cluster_network *n)
{
	struct err e = { 0 };

	for (size_t i = 0; i < n->def.net.n_subnets; i++) {
		if (!ip_is_set(&n->own[i]) || numbers_hold(n, &n->own[i], &e) == 0)
			continue;
		log_warning("network %s: this node's own address: %s", n->def.net.name, e.msg);
		n->own[i] = (struct ip_addr){ 0 };
	}
}

static void adopt(struct cluster_network *n)
{
	struct err e = { 0 };
	int r;

	hold_own(n);
	r = networks_serve(n, &e);
	if (r < 0)
		log_warning("network %s: %s", n->def.net.name, e.msg);
	networks_unuse(n);
}

int networks_adopt(struct service *s, struct err *e)
{
	struct stored st = { .s = s };
	int r = store_each(s->d->store, STORE_NETWORKS, read_stored, &st, e);

	if (r < 0)
		return err_wrap(e, r, "read which networks this node was in");
	for (size_t i = 0; i < st.n; i++)
		adopt(networks_find(s, &st.ids[i]));
	/* The disk may be older than what the last process did. */
	for (struct cluster_network *n = s->networks; n; n = n->next)
		if (n->state == NETWORK_KNOWN && is_in_kernel(n))
			adopt(n);

	return 0;
}
