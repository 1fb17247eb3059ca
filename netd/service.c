/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service - see service.h and service-private.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/network-conf.h"
#include "netd/metrics.h"
#include "netd/service-private.h"
#include "netd/spaces.h"
#include "netd/status.h"
#include "netd/store.h"
#include "netd/underlay.h"
#include "overlay/blocks.h"

#define LOG_AREA "networks"
#include "netd/log.h"

/* After a start, until what nobody has claimed again is taken for gone. */
#define SETTLE_S 30

/* ---- conflists ----------------------------------------------------------- */

/* The object "heddle" says that it is ours, and of which definition. */
static int mark(struct cluster_network *n)
{
	char id[NETWORK_ID_TEXT];

	return json_object_set_new(json_object_get(n->def.net.conf, "heddle"), "netd",
				   json_string(network_id_text(&n->id, id)));
}

static int make_conf(struct cluster_network *n, struct err *e)
{
	char bridge[IFNAMSIZ];
	int r;

	if (n->def.net.conf)
		return 0;
	plane_bridge_name(&n->id, bridge);
	if (n->def.net.scope == NETWORK_SWARM && !n->def.net.link)
		n->def.net.link = strdup(bridge);
	r = network_conf_write(&n->def.net, NULL, e);

	return r == 0 && mark(n) < 0 ? err_sys(e, ENOMEM, "write network %s", n->def.net.name) : r;
}

static void each_conflist(void *ctx, void (*fn)(void *arg, const char *name, json_t *doc),
			  void *arg)
{
	struct service *s = ctx;
	struct err e = { 0 };

	for (struct cluster_network *n = s->networks; n; n = n->next) {
		if (!n->wins || n->removed)
			continue;
		if (make_conf(n, &e) < 0)
			log_warning("%s", e.msg);
		else
			fn(arg, n->def.net.name, n->def.net.conf);
	}
}

/* ---- up and down --------------------------------------------------------- */

static void set_vtep(struct service *s)
{
	struct err e = { 0 };

	if (plane_set_vtep(s->p, &cluster_addr(s->c)->ip, &e) < 0)
		log_error("%s", e.msg);
}

static void on_settled(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct service *s = t->data;

	(void)loop;
	(void)revents;
	for (struct cluster_network *n = s->networks; s->up && n; n = n->next)
		if (n->state == NETWORK_SERVED)
			plane_complete(s->p, &n->id);
}

static void up(void *ctx)
{
	struct service *s = ctx;
	struct err e = { 0 };

	s->up = true;
	set_vtep(s);
	if (spaces_found(s->c, s->d, &e) < 0)
		log_error("%s", e.msg);
	networks_load(s);
	if (networks_adopt(s, &e) < 0 || endpoints_adopt(s, &e) < 0)
		log_error("%s", e.msg);
	endpoints_count_strangers(s);
	if (plane_sweep(s->p, &e) < 0)
		log_warning("%s", e.msg);
	conflists_sync(s->conflists);
	ev_timer_stop(s->d->loop, &s->settle);
	ev_timer_set(&s->settle, SETTLE_S, 0);
	ev_timer_start(s->d->loop, &s->settle);
}

/* Nothing of the cluster stays; what was reserved or attached has no network any more. */
static void forget_all(struct service *s)
{
	for (struct cluster_network *n = s->networks; n; n = n->next) {
		struct err e = { 0 };

		if (plane_unserve(s->p, &n->id, &e) < 0)
			log_warning("network %s: %s", n->def.net.name, e.msg);
		(void)store_put(s->d->store, STORE_NETWORKS, n->id.b, NETWORK_ID_LEN, NULL, 0,
				STORE_LAZY, NULL);
	}
	for (struct endpoint *ep = s->endpoints; ep; ep = ep->next)
		(void)store_put(s->d->store, STORE_ENDPOINTS, ep->owner.tag, OWNER_KEY_LEN, NULL, 0,
				STORE_LAZY, NULL);
}

/*
 * Tables are read anew when it is up again: the store has all of them.  Whoever waits
 * finds that this node is not up.
 */
static void down(void *ctx, bool left)
{
	struct service *s = ctx;

	s->up = false;
	waitings_kick(&s->waitings);
	ev_timer_stop(s->d->loop, &s->settle);
	s->n_unsaid = 0;
	if (left)
		forget_all(s);
	else
		plane_doubt(s->p);
	endpoints_clear(s);
	networks_clear(s);
	if (left)
		conflists_sync(s->conflists);
}

static void leaving(void *ctx)
{
	struct service *s = ctx;

	for (const struct cluster_network *n = s->networks; n; n = n->next)
		if (n->state != NETWORK_KNOWN)
			rows_leave(cluster_rows(s->c), &n->id, cluster_now(s->c));
}

/* ---- events -------------------------------------------------------------- */

static void on_definition(struct service *s, const struct event *ev)
{
	const struct definition *of = ev->more;

	if (of->kind != DEFINITION_NETWORK)
		return;
	if (ev->kind == EVENT_DEFINED)
		networks_defined(s, of);
	else if (ev->kind == EVENT_UNDEFINED)
		networks_undefined(s, of);
	else
		networks_renamed(s, of);
}

static void on_row(struct service *s, const struct event *ev)
{
	const struct row_event *more = ev->more;
	struct cluster_network *n = networks_find(s, &more->network);

	if (!n || node_id_equal(&ev->node, engine_id(cluster_engine(s->c))))
		return;
	programming_note(s, &more->network, &ev->node, more->row->version);
	if (more->row->key_len == NETWORKS_OWN_KEY_LEN)
		networks_row_changed(n);
}

static void on_rows(struct service *s, const struct event *ev)
{
	struct cluster_network *n = networks_find(s, ev->more);

	if (!n)
		return;
	if (ev->kind == EVENT_ROWS_BACK)
		endpoints_rows_back(n);
	else
		networks_row_changed(n);
}

static void on_block(struct service *s, const struct event *ev)
{
	const struct block_event *more = ev->more;

	for (struct cluster_network *n = s->networks; n; n = n->next) {
		for (size_t i = 0; i < n->def.net.n_subnets; i++) {
			if (!numbers_are_of(n, i, more))
				continue;
			if (ev->kind == EVENT_BLOCK_GAINED)
				numbers_hold_reserved(n);
			else if (ev->kind == EVENT_BLOCK_DENIED)
				numbers_denied(n, i, more);
			else if (ev->kind == EVENT_BLOCK_LOST)
				endpoints_lost(n, i, more);
		}
	}
}

static void on_event(void *ctx, const struct event *ev)
{
	struct service *s = ctx;

	switch (ev->kind) {
	case EVENT_DEFINED:
	case EVENT_UNDEFINED:
	case EVENT_NAME_LOST:
	case EVENT_NAME_WON:
		on_definition(s, ev);
		break;
	case EVENT_ROW:
		on_row(s, ev);
		break;
	case EVENT_ROWS_GONE:
	case EVENT_ROWS_BACK:
		on_rows(s, ev);
		break;
	case EVENT_BLOCK_GAINED:
	case EVENT_BLOCK_LOST:
	case EVENT_BLOCK_DENIED:
		on_block(s, ev);
		break;
	default:
		break;
	}
	s->kick_due = true;
}

/* Once a turn of the loop, whatever happened in it. */
static void told(void *ctx)
{
	struct service *s = ctx;

	if (s->n_unsaid > 0 && plane_flush(s->p, NULL) < 0)
		s->n_unsaid = 0;
	if (s->kick_due) {
		s->kick_due = false;
		waitings_kick(&s->waitings);
	}
	if (s->conflists_due) {
		s->conflists_due = false;
		conflists_sync(s->conflists);
	}
}

/* The cluster was told before, as it listens since before: the address is the new one. */
static void on_underlay_change(void *ctx)
{
	struct service *s = ctx;

	if (s->up)
		set_vtep(s);
	networks_underlay_changed(s);
}

/* ---- what it looks like from outside ---------------------------------------- */

static json_t *section(void *ctx)
{
	const struct service *s = ctx;
	uint32_t served = 0;

	for (const struct cluster_network *n = s->networks; n; n = n->next)
		served += n->state == NETWORK_SERVED;

	return json_pack("{s:i, s:i, s:i, s:i, s:b, s:i}", "known", (int)s->n_networks, "served",
			 (int)served, "endpoints", (int)s->n_endpoints, "unknown",
			 (int)s->n_strangers, "addressesReady",
			 s->up && blocks_ready(cluster_blocks(s->c)), "namesTaken",
			 (int)conflists_counters(s->conflists)->taken);
}

#define COUNTER(name, help, member)                                                                \
	{                                                                                          \
		"heddle_netd_" name, NULL, help, METRIC_COUNTER, METRIC_U64,                       \
			offsetof(struct service_counters, member)                                  \
	}

static int register_metrics(struct service *s, struct err *e)
{
	static const struct metric counters[] = {
		COUNTER("endpoints_reserved_total", "ADDs that got addresses", reserved),
		COUNTER("endpoints_refused_total", "ADDs that did not", refused),
		COUNTER("endpoints_released_total", "DELs", released),
		COUNTER("endpoints_withdrawn_total", "endpoints found gone at a start", withdrawn),
		COUNTER("endpoints_abandoned_total", "plugins that went away in an ADD", abandoned),
		COUNTER("endpoints_taken_back_total",
			"endpoints that run and an older disk did not know", taken_back),
		COUNTER("endpoints_programmed_total",
			"ADDs that ended when all members' kernels held them", programmed),
		COUNTER("endpoints_unwaited_total",
			"ADDs in networks of too many members to wait for", programmed_many),
		COUNTER("endpoints_late_total", "ADDs that did not wait for the slowest member",
			programmed_late),
		COUNTER("programmed_told_total", "words to other nodes that the kernel has a row",
			programmed_told),
		{ 0 },
	};
	static const struct metric gauges[] = {
		{ "heddle_netd_networks", NULL, "networks of the cluster", METRIC_GAUGE, METRIC_U32,
		  offsetof(struct service, n_networks) },
		{ "heddle_netd_endpoints", NULL, "containers of this node", METRIC_GAUGE,
		  METRIC_U32, offsetof(struct service, n_endpoints) },
		{ "heddle_netd_endpoints_unknown", NULL,
		  "ports of containers that neither this node's disk nor others know", METRIC_GAUGE,
		  METRIC_U32, offsetof(struct service, n_strangers) },
		{ 0 },
	};
	static const struct metric files[] = {
		{ "heddle_netd_conflists_restored_total", NULL,
		  "conflists that somebody had removed or changed", METRIC_COUNTER, METRIC_U64,
		  offsetof(struct conflist_counters, restored) },
		{ 0 },
	};
	int r = metrics_register(s->d->metrics, counters, &s->counters, e);

	if (r == 0)
		r = metrics_register(s->d->metrics, gauges, s, e);

	return r < 0 ? r
		     : metrics_register(s->d->metrics, files, conflists_counters(s->conflists), e);
}

/* ---- a life -------------------------------------------------------------- */

static int subscribe(struct service *s, struct err *e)
{
	const struct cluster_user user = { .up = up,
					   .down = down,
					   .event = on_event,
					   .told = told,
					   .leaving = leaving,
					   .ctx = s };
	int r;

	if ((r = network_methods_register(s, e)) < 0 || (r = endpoint_methods_register(s, e)) < 0 ||
	    (r = register_metrics(s, e)) < 0 || (r = network_conflicts_register(s, e)) < 0 ||
	    (r = status_register(s->d->status, "networks", section, s, e)) < 0)
		return r;
	cluster_on_wanted(s->c, (struct wanted_changes){ plane_wanted, s->p });
	plane_on_flushed(s->p, programming_flushed, s);
	if (s->u && (r = underlay_on_change(s->u, on_underlay_change, s, e)) < 0)
		return r;

	return cluster_subscribe(s->c, &user, e);
}

int service_new(struct daemon *d, struct cluster *c, struct plane *p, struct underlay *u,
		struct service **ret, struct err *e)
{
	struct service *s = calloc(1, sizeof(*s));
	const struct conflist_owner owner = { each_conflist, s };
	int r;

	if (!s)
		return err_sys(e, ENOMEM, "networks");
	*s = (struct service){ .d = d, .c = c, .p = p, .u = u };
	waitings_init(&s->waitings, d->loop);
	ev_timer_init(&s->settle, on_settled, SETTLE_S, 0);
	s->settle.data = s;
	if ((r = conflists_new(d->loop, d->config.cni_conf_dir, &owner, &s->conflists, e)) < 0 ||
	    (r = subscribe(s, e)) < 0) {
		service_free(s);
		return r;
	}
	*ret = s;

	return 0;
}

void service_free(struct service *s)
{
	if (!s)
		return;
	plane_on_flushed(s->p, NULL, NULL);
	ev_timer_stop(s->d->loop, &s->settle);
	waitings_clear(&s->waitings);
	endpoints_clear(s);
	networks_clear(s);
	conflists_free(s->conflists);
	free(s->unsaid);
	free(s);
}
