/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster - see cluster.h: the sockets, the one timer, and who is told what
 *
 * The loop calls us for three reasons: a datagram or stream has something, the
 * timer is due, or somebody else's callback used a module.  After any of them,
 * before the loop sleeps, before_sleep() tells users what has happened and sets the
 * timer anew.
 */
#define LOG_AREA "cluster"

#include "netd/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "lib/cleanup.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/blocks.h"

/* ---- what has happened ----------------------------------------------------------------- */

/* The cluster is the first of its users. */
static void own_event(void *ctx, const struct event *ev)
{
	struct cluster *c = ctx;

	switch (ev->kind) {
	case EVENT_ID_TAKEN:
		c->taken = true;
		c->ahead_of = *(const uint32_t *)ev->more;
		break;
	case EVENT_FORGOTTEN:
		c->forgotten = true;
		break;
	case EVENT_BLOCKS_READY:
		cluster_leave_mark(c);
		break;
	case EVENT_MEMBER_JOINED:
		cluster_end_recent(c, ev->profile);
		cluster_note_peers(c);
		break;
	case EVENT_FORGET_DONE:
		cluster_say_forgotten(c, &ev->node);
		break;
	default:
		break;
	}
	cluster_log_event(c, ev);
	cluster_keys_event(c, ev);
}

static void act_on_own_events(struct cluster *c)
{
	if (c->forgotten) {
		log_error("this node was forgotten by its cluster: its containers' addresses may "
			  "be given to others. Join again with a token, as a new node");
		cluster_part(c);
	} else if (c->taken) {
		cluster_restart(c);
	} else if (c->phase == CLUSTER_LEAVING && engine_left(c->engine)) {
		log_info("left the cluster");
		cluster_part(c);
	}
	c->forgotten = c->taken = false;
}

/* ---- the timer ------------------------------------------------------------------------- */

static void retry(struct cluster *c)
{
	struct err e = { 0 };
	int r;

	c->retry_at = MS_NEVER;
	if (c->engine)
		return;
	if (c->d->self.join_pending) {
		cluster_begin_join(c);
		return;
	}
	r = cluster_come_up(c, &e);
	if (r == 0) {
		c->retries = 0;
		return;
	}
	log_error("cannot come up: %s", e.msg);
	cluster_retry_later(c, &e);
}

static void upkeep(struct cluster *c, ms_t now)
{
	c->upkeep_at = now + UPKEEP_MS;
	definitions_set_clock(c->definitions, (uint64_t)time(NULL), now);
	cluster_forget_strangers(c, now);
	cluster_keys_upkeep(c);
}

static void check_clocks(struct cluster *c)
{
	struct clocks now = clocks_read();

	if (!clocks_jumped(&c->clocks, &now))
		return;
	log_info("the clock has jumped: the machine slept, or its time was set");
	c->clocks = now;
	c->counters.renewed++;
	if (cluster_renew_boot(c) < 0)
		log_error("out of memory: no new boot id");
}

static void run_engine(struct cluster *c, ms_t now)
{
	check_clocks(c);
	if (now >= c->due + CLUSTER_LATE_MS)
		port_drain(c->port);
	if (engine_deadline(c->engine) <= now)
		engine_tick(c->engine, now);
	cluster_keys_due(c, now);
	cluster_drop_held(c, now);
	if (c->upkeep_at <= now)
		upkeep(c, now);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct cluster *c = t->data;
	ms_t now = cluster_now(c);

	(void)loop;
	(void)revents;
	if (c->retry_at <= now)
		retry(c);
	if (c->engine)
		run_engine(c, now);
	c->due = MS_NEVER;
}

static ms_t earliest(const struct cluster *c)
{
	ms_t all[] = { c->retry_at,
		       c->upkeep_at,
		       c->rekey_at,
		       cluster_keys_deadline(c),
		       c->engine ? engine_deadline(c->engine) : MS_NEVER,
		       c->held ? c->held->until : MS_NEVER };
	ms_t at = MS_NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		at = all[i] < at ? all[i] : at;

	return at;
}

static void set_timer(struct cluster *c)
{
	ms_t now, at = earliest(c);

	if (at == c->due)
		return;
	c->due = at;
	ev_timer_stop(c->d->loop, &c->timer);
	if (at == MS_NEVER)
		return;
	now = cluster_now(c);
	ev_now_update(c->d->loop);
	ev_timer_set(&c->timer, at > now ? (double)(at - now) / 1000 : 0, 0);
	ev_timer_start(c->d->loop, &c->timer);
}

static void before_sleep(struct ev_loop *loop, struct ev_prepare *p, int revents)
{
	struct cluster *c = p->data;

	(void)loop;
	(void)revents;
	cluster_tell_events(c);
	if (c->engine)
		act_on_own_events(c);
	set_timer(c);
}

/* ---- starting and stopping ------------------------------------------------------------- */

static void on_enters(void *ctx, struct conn *conn, enum conn_kind kind)
{
	const struct cluster *c = ctx;

	if (c->engine && kind == CONN_ENGINE)
		streams_accept(c->streams, conn);
	else if (c->engine && kind == CONN_HANDSHAKE)
		admit_accept(c->admit, conn);
	else
		conn_close(conn);
}

static const struct door_ops door_ops = { .enters = on_enters };

static int open_all(struct cluster *c, struct err *e)
{
	const struct config *conf = &c->d->config;
	uint16_t port = conf->listen.list[0].port;

	c->door = door_new(c->d->loop, &door_ops, c);
	c->streams = streams_new(c->d->loop, port, &cluster_streams_ops, c);
	c->admit = admit_new(c->d->loop, &c->d->self, port, &cluster_admit_ops, c);
	if (!c->door || !c->streams || !c->admit)
		return err_sys(e, ENOMEM, "listen");

	return port_open(c->d->loop, conf->listen.list, conf->listen.n, &cluster_port_ops, c,
			 &c->port, e);
}

static void close_all(struct cluster *c)
{
	port_close(c->port);
	admit_free(c->admit);
	streams_free(c->streams);
	door_free(c->door);
	c->port = NULL;
	c->admit = NULL;
	c->streams = NULL;
	c->door = NULL;
}

int cluster_start(struct cluster *c, struct err *e)
{
	int r = open_all(c, e);

	if (r < 0) {
		close_all(c);
		return r;
	}
	ev_prepare_start(c->d->loop, &c->prepare);
	c->started = true;
	if (c->d->self.join_pending) {
		cluster_begin_join(c);
		return 0;
	}
	if (!c->d->self.member) {
		log_info("in no cluster: netd init founds one, netd join enters one");
		return 0;
	}
	r = cluster_come_up(c, e);
	if (r != -EADDRNOTAVAIL)
		return r;
	log_warning("%s", e->msg);
	cluster_retry_later(c, e);

	return 0;
}

void cluster_stop(struct cluster *c)
{
	if (!c->started)
		return;
	c->started = false;
	cluster_go_down(c, false);
	ev_timer_stop(c->d->loop, &c->timer);
	ev_prepare_stop(c->d->loop, &c->prepare);
	close_all(c);
}

int cluster_new(struct daemon *d, struct cluster **ret, struct err *e)
{
	struct cluster *c = calloc(1, sizeof(*c));
	const struct cluster_user own = { .event = own_event, .ctx = c };
	int r;

	if (!c)
		return err_sys(e, ENOMEM, "make the cluster's state");
	c->d = d;
	c->events_end = &c->events;
	c->held_end = &c->held;
	c->due = c->upkeep_at = c->rekey_at = c->unknown_since = c->retry_at = MS_NEVER;
	ev_init(&c->timer, on_timer);
	ev_prepare_init(&c->prepare, before_sleep);
	c->timer.data = c->prepare.data = c;
	cluster_load_draining(c);
	r = cluster_subscribe(c, &own, e);
	if (r == 0)
		r = cluster_add_methods(c, e);
	if (r == 0)
		r = cluster_add_status(c, e);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;

	return 0;
}

void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	cluster_stop(c);
	sessions_clear(&c->sessions);
	wire_wipe(&c->wire);
	free(c);
}

int cluster_subscribe(struct cluster *c, const struct cluster_user *user, struct err *e)
{
	if (c->n_users == CLUSTER_USERS)
		return err_sys(e, ENOSPC, "more than %d users of the cluster", CLUSTER_USERS);
	c->users[c->n_users++] = *user;

	return 0;
}

void cluster_on_wanted(struct cluster *c, struct wanted_changes changes)
{
	c->wanted_changes = changes;
}

/* ---- what others see ------------------------------------------------------------------- */

enum cluster_phase cluster_phase(const struct cluster *c)
{
	return c->phase;
}

struct engine *cluster_engine(const struct cluster *c)
{
	return c->engine;
}

struct rows *cluster_rows(const struct cluster *c)
{
	return c->rows;
}

struct blocks *cluster_blocks(const struct cluster *c)
{
	return c->blocks;
}

struct definitions *cluster_definitions(const struct cluster *c)
{
	return c->definitions;
}

struct programmed *cluster_programmed(const struct cluster *c)
{
	return c->programmed;
}

struct wanted *cluster_wanted(const struct cluster *c)
{
	return c->wanted;
}

const struct node_addr *cluster_addr(const struct cluster *c)
{
	return &c->addr;
}

bool cluster_is_draining(const struct cluster *c)
{
	return c->draining;
}
