/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-collect - see docker-collect.h */
#include "netd/docker-collect.h"

#define LOG_AREA "docker"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/daemon.h"
#include "netd/docker-bridge.h"
#include "netd/docker-network.h"
#include "netd/docker-pools.h"
#include "netd/docker-private.h"
#include "netd/docker-records.h"
#include "netd/docker-shared.h"
#include "netd/log.h"

#define AT_FIRST 1. /* s */
#define EVERY	 30.

static bool was_absent(const struct docker_collect *c, const char *name)
{
	for (size_t i = 0; i < c->absent.n; i++)
		if (strcmp(c->absent.list[i], name) == 0)
			return true;

	return false;
}

/* ---- endpoints ----------------------------------------------------------- */

static int release_addresses(struct docker *k, const struct docker_endpoint *ep, struct err *e)
{
	struct store *s = k->daemon->store;
	int r = 0;

	for (size_t i = 0; r == 0 && i < DOCKER_FAMILIES; i++) {
		const struct ip_net *addr = &ep->addrs[i];
		struct docker_pool pool;

		if (!ip_is_set(&addr->addr))
			continue;
		r = docker_pool_of(s, addr, &pool, e);
		if (r == 0)
			r = *pool.network ? docker_shared_release(k, &pool, &addr->addr, e)
					  : docker_address_release(s, &pool, &addr->addr, e);
		r = r == -ENOENT ? 0 : r;
	}

	return r;
}

int docker_forget_endpoint(struct docker *k, const struct docker_endpoint *ep, struct err *e)
{
	struct docker_network n;
	int r = docker_network_find(k->daemon->store, ep->network, &n, e);

	if (r == 0)
		r = docker_leave_network(k, &n, ep, e);
	if (r == 0 || r == -ENOENT)
		r = release_addresses(k, ep, e);

	return r < 0 ? r : docker_record_drop(k->daemon->store, DOCKER_ENDPOINT, ep->id, e);
}

/* Return: 1 if it is absent and stays for now, 0, or a negative errno. */
static int look_at_endpoint(struct docker *k, const char *id, bool was, struct err *e)
{
	struct docker_endpoint ep;
	int r = docker_endpoint_find(k->daemon->store, id, &ep, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* What cannot be asked is not forgotten. */
	if (docker_bridge_has_container(k, &ep, NULL) != 0)
		return 0;
	if (!was)
		return 1;
	r = docker_forget_endpoint(k, &ep, e);
	if (r == 0)
		log_info("endpoint %.12s of network %.12s is in no container: forgotten", ep.id,
			 ep.network);

	return r;
}

/* ---- addresses ----------------------------------------------------------- */

/* The same of an address whose pool is gone. */
static int look_at_address(struct docker *k, const char *id, bool was, struct err *e)
{
	struct store *s = k->daemon->store;
	AUTO_JSON json_t *doc = NULL;
	struct docker_pool pool;
	const char *pool_id;
	int r = docker_record_get(s, DOCKER_ADDRESS, id, &doc, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	pool_id = json_string_value(json_object_get(doc, "pool"));
	r = pool_id ? docker_pool_find(s, pool_id, &pool, e) : -ENOENT;
	if (r != -ENOENT)
		return r;
	if (!was)
		return 1;
	r = docker_record_drop(s, DOCKER_ADDRESS, id, e);
	if (r == 0)
		log_info("the pool of %s is gone: the address is free", id);

	return r;
}

/* ---- looking ------------------------------------------------------------- */

static int look_at(struct docker *k, const char *name, bool was, struct err *e)
{
	return *name == DOCKER_ENDPOINT ? look_at_endpoint(k, name + 1, was, e)
					: look_at_address(k, name + 1, was, e);
}

static int look(struct docker *k, struct docker_names *absent, struct err *e)
{
	AUTO(docker_names_clear) struct docker_names all = { 0 };
	struct store *s = k->daemon->store;
	int r;

	if ((r = docker_record_names(s, DOCKER_ENDPOINT, &all, e)) < 0 ||
	    (r = docker_record_names(s, DOCKER_ADDRESS, &all, e)) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		r = look_at(k, all.list[i], was_absent(&k->collect, all.list[i]), e);
		if (r > 0)
			r = docker_names_add(absent, (enum docker_kind) * all.list[i],
					     all.list[i] + 1);
	}

	return r;
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct docker *k = t->data;
	struct docker_names absent = { 0 };
	struct err e = { 0 };

	(void)loop;
	(void)events;
	if (look(k, &absent, &e) < 0)
		log_warning("look for what dockerd has forgotten: %s", e.msg);
	docker_names_clear(&k->collect.absent);
	k->collect.absent = absent;
}

void docker_collect_start(struct docker *k)
{
	ev_timer_init(&k->collect.timer, on_timer, AT_FIRST, EVERY);
	k->collect.timer.data = k;
	ev_timer_start(k->daemon->loop, &k->collect.timer);
}

void docker_collect_stop(struct docker *k)
{
	ev_timer_stop(k->daemon->loop, &k->collect.timer);
	docker_names_clear(&k->collect.absent);
}
