/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster - see cluster.h: up, down, and the one timer
 *
 * The loop calls us for three reasons: a datagram or stream has something, the
 * timer is due, or somebody else's callback used a module.  After any of them,
 * before the loop sleeps, prepare() tells users what has happened and sets the
 * timer anew.
 */
#define LOG_AREA "cluster"

#include "netd/cluster.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/cleanup.h"
#include "netd/address.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "netd/store.h"
#include "overlay/blocks.h"
#include "overlay/members.h"
#include "overlay/programmed.h"
#include "overlay/rows.h"

#define RETRY_LEAST_MS 1000
#define RETRY_MOST_MS  60000

#define GENERATION_EPOCH 1767225600 /* 2026-01-01: seconds since then fit until 2162 */

/* Of STORE_CLUSTER: this node has had peers, so its disk may be behind what they know. */
static const char key_peers[] = "had-peers";

/* ---- what the last process left -------------------------------------------------------- */

static FILE *open_mark(const struct cluster *c, const char *how)
{
	char path[256];

	if (snprintf(path, sizeof(path), "%s/netd-ready", c->d->config.run_dir) >=
	    (int)sizeof(path))
		return NULL;

	return fopen(path, how);
}

/* run-dir is gone with the boot, and a store that was put back is of another generation. */
static bool mark_matches(const struct cluster *c, uint32_t generation)
{
	char id[NODE_ID_TEXT], said_id[NODE_ID_TEXT];
	FILE *f = open_mark(c, "re");
	uint32_t said = 0;
	int n;

	if (!f)
		return false;
	n = fscanf(f, "%32s %u", said_id, &said);
	fclose(f);

	return n == 2 && said == generation &&
	       strcmp(said_id, node_id_text(&c->d->self.identity.id, id)) == 0;
}

/* Without it the next start has to meet everybody, which is slower and just as right. */
static void leave_mark(const struct cluster *c)
{
	char id[NODE_ID_TEXT];
	FILE *f = open_mark(c, "we");

	if (!f)
		return;
	fprintf(f, "%s %u\n", node_id_text(&c->d->self.identity.id, id), c->d->self.generation);
	fclose(f);
}

static bool had_peers(const struct cluster *c)
{
	AUTO_FREE void *value = NULL;

	return store_get(c->d->store, STORE_CLUSTER, key_peers, sizeof(key_peers), &value, NULL,
			 NULL) == 0;
}

static void note_peers(struct cluster *c)
{
	struct err e = { 0 };

	if (had_peers(c))
		return;
	if (store_put(c->d->store, STORE_CLUSTER, key_peers, sizeof(key_peers), "", 1,
		      STORE_DURABLE, &e) < 0)
		log_error("cannot keep that this node has peers: %s", e.msg);
}

static enum blocks_start how_to_begin(const struct cluster *c, uint32_t last_generation)
{
	if (c->fresh || (last_generation > 0 && mark_matches(c, last_generation)))
		return BLOCKS_SAME_BOOT;

	if (c->d->config.alone)
		log_warning("started with --alone: addresses that other nodes may have are given");

	return had_peers(c) && !c->d->config.alone ? BLOCKS_REBOOT : BLOCKS_ALONE;
}

/* ---- records of earlier lives ---------------------------------------------------------- */

/* The store must not be called while it hands records out, and the engine stores. */
struct kept {
	struct kept *next;
	struct record r;
	uint8_t bytes[];
};

struct kept_list {
	struct kept *first, **end;
	bool full;
};

static void keep_record(void *ctx, const struct record *r)
{
	struct kept_list *list = ctx;
	struct kept *k = malloc(sizeof(*k) + r->key_len + r->len);

	if (!k) {
		list->full = true;
		return;
	}
	k->next = NULL;
	k->r = *r;
	k->r.key = memcpy(k->bytes, r->key, r->key_len);
	k->r.value = memcpy(k->bytes + r->key_len, r->value, r->len);
	*list->end = k;
	list->end = &k->next;
}

static int restore(struct cluster *c, struct err *e)
{
	struct kept_list list = { .end = &list.first };
	int r = store_records(c->d->store, keep_record, &list, e);
	struct kept *next;

	if (r == 0 && list.full)
		r = err_sys(e, ENOMEM, "read what this node knew");
	for (struct kept *k = list.first; k; k = next) {
		next = k->next;
		if (r == 0)
			engine_restore(c->engine, &k->r);
		free(k);
	}

	return r;
}

/* ---- up -------------------------------------------------------------------------------- */

static int attach(struct cluster *c, struct err *e)
{
	const struct {
		const struct module_ops *ops;
		void *self;
	} modules[] = {
		{ &rows_ops, c->rows },
		{ &blocks_ops, c->blocks },
		{ &definitions_ops, c->definitions },
		{ &programmed_ops, c->programmed },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(modules); i++)
		r = engine_attach(c->engine, modules[i].ops, modules[i].self, e);

	return r;
}

static int make_modules(struct cluster *c, struct err *e)
{
	c->rows = rows_new(c->engine);
	c->blocks = blocks_new(c->engine);
	c->definitions = definitions_new(c->engine);
	c->programmed = c->rows ? programmed_new(c->engine, c->rows) : NULL;
	c->wanted = wanted_new(&c->d->self.identity.id, c->wanted_changes);
	if (!c->rows || !c->blocks || !c->definitions || !c->programmed || !c->wanted)
		return err_sys(e, ENOMEM, "start the engine");
	definitions_set_cluster_key(c->definitions, c->d->self.cluster_key);

	return attach(c, e);
}

static int make_engine(struct cluster *c, struct err *e)
{
	const struct self *self = &c->d->self;
	struct env env = { .ops = &cluster_env, .ctx = c };
	struct engine_self of = { .addr = c->addr, .generation = self->generation };

	memcpy(of.key, self->identity.key, sizeof(of.key));
	memcpy(of.name, self->name, sizeof(of.name));
	memcpy(of.admission, self->admission, sizeof(of.admission));
	c->engine = engine_new(&env, NULL, &of);
	if (!c->engine)
		return err_sys(e, ENOMEM, "start the engine");

	return make_modules(c, e);
}

static void free_engine(struct cluster *c)
{
	wanted_free(c->wanted);
	programmed_free(c->programmed);
	definitions_free(c->definitions);
	blocks_free(c->blocks);
	rows_free(c->rows);
	engine_free(c->engine);
	c->wanted = NULL;
	c->programmed = NULL;
	c->definitions = NULL;
	c->blocks = NULL;
	c->rows = NULL;
	c->engine = NULL;
}

static void join_seeds(struct cluster *c, ms_t now)
{
	const struct config_addrs *seeds = &c->d->config.seeds;
	const struct config_addrs *asked = &c->d->self.join_addrs;
	struct node_addr all[2 * CONFIG_SEEDS_MAX];

	memcpy(all, seeds->list, seeds->n * sizeof(*all));
	memcpy(all + seeds->n, asked->list, asked->n * sizeof(*all));
	engine_join(c->engine, all, seeds->n + asked->n, now);
}

static void begin(struct cluster *c, enum blocks_start how)
{
	ms_t now = cluster_now(c);

	engine_start(c->engine, now);
	rows_begin(c->rows, now);
	blocks_begin(c->blocks, how, now);
	c->phase = CLUSTER_UP;
	c->clocks = clocks_read();
	c->upkeep_at = now;
	c->up_s = now / 1000;
	c->unknown_since = MS_NEVER;
	cluster_keys_begin(c);
	for (size_t i = 0; i < c->n_users; i++)
		if (c->users[i].up)
			c->users[i].up(c->users[i].ctx);
	if (blocks_ready(c->blocks))
		leave_mark(c);
	join_seeds(c, now);
}

/* Everything that may fail, before anybody hears of this process. */
static int prepare_engine(struct cluster *c, struct err *e)
{
	int r = cluster_renew_boot(c);

	if (r < 0)
		return err_sys(e, -r, "make room for sessions");
	r = make_engine(c, e);
	if (r < 0)
		return r;

	return restore(c, e);
}

/*
 * Ahead of all earlier starts, also of those that a backup which was put back
 * does not know of: by the wall clock, if that is right.
 */
static uint32_t next_generation(const struct cluster *c)
{
	time_t now = time(NULL);
	uint32_t at_least = now > GENERATION_EPOCH ? (uint32_t)(now - GENERATION_EPOCH) : 0;

	return c->ahead_of >= at_least ? c->ahead_of + 1 : at_least;
}

int cluster_come_up(struct cluster *c, struct err *e)
{
	struct self *self = &c->d->self;
	uint32_t last = self->generation;
	char text[ADDRESS_STRLEN];
	int r = cluster_choose_address(c, e);

	if (r < 0)
		return r;
	r = self_raise_generation(c->d->store, self, next_generation(c), e);
	if (r == 0)
		r = prepare_engine(c, e);
	if (r < 0) {
		free_engine(c);
		cluster_drop_events(c);
		return r;
	}
	log_info("node %s at %s, start number %u", self->name, address_str(&c->addr, text),
		 self->generation);
	begin(c, how_to_begin(c, last));

	return 0;
}

/* ---- down ------------------------------------------------------------------------------ */

void cluster_go_down(struct cluster *c, bool left)
{
	if (!c->engine)
		return;
	for (size_t i = c->n_users; i-- > 0;)
		if (c->users[i].down)
			c->users[i].down(c->users[i].ctx, left);
	cluster_fail_forgets(c);
	streams_close(c->streams);
	free_engine(c);
	cluster_drop_events(c);
	cluster_drop_held(c, MS_NEVER);
	c->phase = CLUSTER_NONE;
	c->upkeep_at = c->rekey_at = c->unknown_since = MS_NEVER;
	c->fresh = false;
}

static ms_t retry_wait(unsigned int times)
{
	ms_t wait = RETRY_LEAST_MS << (times < 6 ? times : 6);

	return wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS;
}

/* It belongs to the cluster no more. */
static void part(struct cluster *c)
{
	struct err e = { 0 };

	cluster_go_down(c, true);
	if (self_forget(c->d->store, &c->d->self, &e) < 0)
		log_error("cannot remove what this node kept of the cluster: %s", e.msg);
	cluster_say_left(c);
}

/*
 * Another process runs with this node's key: a copy of its disk, or the original.
 * This one comes up ahead of it, and two that are both alive do so less and less
 * often.
 */
static void restart(struct cluster *c)
{
	log_warning(
		"somebody runs with this node's key, and started later: a copy of its disk is in "
		"use elsewhere, or its clock was ahead. Stop one of them");
	c->counters.restarts++;
	cluster_go_down(c, false);
	c->retry_at = cluster_now(c) + retry_wait(c->taken_times++);
}

void cluster_own_event(struct cluster *c, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_ID_TAKEN:
		c->taken = true;
		c->ahead_of = *(const uint32_t *)ev->more;
		break;
	case EVENT_FORGOTTEN:
		c->forgotten = true;
		break;
	case EVENT_BLOCKS_READY:
		leave_mark(c);
		break;
	case EVENT_MEMBER_JOINED:
		cluster_end_recent(c, ev->profile);
		note_peers(c);
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
		part(c);
	} else if (c->taken) {
		restart(c);
	} else if (c->phase == CLUSTER_LEAVING && engine_left(c->engine)) {
		log_info("left the cluster");
		part(c);
	}
	c->forgotten = c->taken = false;
}

/* ---- the timer ------------------------------------------------------------------------- */

void cluster_retry_later(struct cluster *c)
{
	c->retry_at = cluster_now(c) + retry_wait(c->retries++);
}

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
	cluster_retry_later(c);
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
	cluster_retry_later(c);

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

const char *node_id_text(const struct node_id *id, char ret[NODE_ID_TEXT])
{
	return sodium_bin2hex(ret, NODE_ID_TEXT, id->b, NODE_ID_LEN);
}
