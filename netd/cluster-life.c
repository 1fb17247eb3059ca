/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-life - the engine comes up with what is on the disk, goes down, and comes up again */
#define LOG_AREA "cluster"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "netd/address.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "netd/store.h"
#include "overlay/blocks.h"
#include "overlay/programmed.h"
#include "overlay/rows.h"

#define RETRY_LEAST_MS 1000
#define RETRY_MOST_MS  60000

#define GENERATION_EPOCH 1767225600 /* 2026-01-01: seconds since then fit until 2162 */

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
	c->retry_why.msg[0] = '\0';
	c->clocks = clocks_read();
	c->upkeep_at = now;
	c->up_s = now / 1000;
	c->unknown_since = MS_NEVER;
	cluster_keys_begin(c);
	for (size_t i = 0; i < c->n_users; i++)
		if (c->users[i].up)
			c->users[i].up(c->users[i].ctx);
	if (blocks_ready(c->blocks))
		cluster_leave_mark(c);
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
	begin(c, cluster_how_to_begin(c, last));

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

void cluster_part(struct cluster *c)
{
	struct err e = { 0 };

	cluster_go_down(c, true);
	if (self_forget(c->d->store, &c->d->self, &e) < 0)
		log_error("cannot remove what this node kept of the cluster: %s", e.msg);
	cluster_say_left(c);
}

/* ---- again ----------------------------------------------------------------------------- */

static ms_t retry_wait(unsigned int times)
{
	ms_t wait = RETRY_LEAST_MS << (times < 6 ? times : 6);

	return wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS;
}

void cluster_retry_later(struct cluster *c, const struct err *why)
{
	c->retry_why = *why;
	(void)err_wrap(&c->retry_why, -EAGAIN,
		       "this node is not in its cluster yet, and tries again");
	c->retry_at = cluster_now(c) + retry_wait(c->retries++);
}

void cluster_restart(struct cluster *c)
{
	log_warning(
		"somebody runs with this node's key, and started later: a copy of its disk is in "
		"use elsewhere, or its clock was ahead. Stop one of them");
	c->counters.restarts++;
	cluster_go_down(c, false);
	(void)err_say(&c->retry_why, EAGAIN,
		      "somebody runs with this node's key: a copy of its disk is in use elsewhere");
	c->retry_at = cluster_now(c) + retry_wait(c->taken_times++);
}
