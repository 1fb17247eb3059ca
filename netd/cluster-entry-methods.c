/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-entry-methods - cluster.init, cluster.join and leave: into a cluster, and out of it */
#define LOG_AREA "cluster"

#include <errno.h>
#include <sodium.h>
#include <time.h>

#include "lib/err.h"
#include "lib/jnode.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/blocks.h"
#include "overlay/members.h"
#include "overlay/token.h"

static void cluster_init(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	const char *name = c->d->config.name;
	struct err e = { 0 };

	if (jn_get_str(params, "name", &name, &e) < 0 ||
	    self_init(c->d->store, &c->d->self, name, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	if (cluster_come_up(c, &e) == 0) {
		control_answer(call, cluster_self_json(c));
		return;
	}
	err_wrap(&e, -EAGAIN, "the cluster is founded, but this node is not up yet");
	cluster_retry_later(c, &e);
	control_fail(call, &e);
}

static int read_addresses(const struct jnode *params, struct config_addrs *ret, struct err *e)
{
	struct jnode list, one;
	const char *text;
	int r;

	if (!jn_get(params, "addresses", &list) || jn_count(&list) == 0)
		return err_cni(e, CNI_E_CONFIG,
			       "addresses: of which members? Give at least one, of an admitter");
	if (jn_count(&list) > CONFIG_SEEDS_MAX)
		return jn_bad(&list, e, "more than %d addresses", CONFIG_SEEDS_MAX);
	for (ret->n = 0; ret->n < jn_count(&list); ret->n++) {
		one = jn_item(&list, ret->n);
		r = jn_str(&one, &text, e);
		if (r < 0)
			return r;
		if (config_parse_addr(text, &ret->list[ret->n]) < 0)
			return jn_bad(&one, e, "\"%.64s\" is not an address, or address:port",
				      text);
	}

	return 0;
}

static void cluster_join(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	struct config_addrs addrs = { 0 };
	const char *text = "";
	struct token token;
	struct err e = { 0 };

	if (c->calls.join) {
		control_fail_say(call, CNI_E_AGAIN, "this node is joining already");
		return;
	}
	if (jn_get_str(params, "token", &text, &e) < 0 || read_addresses(params, &addrs, &e) < 0 ||
	    token_parse(text, (uint64_t)time(NULL), &token, &e) < 0 ||
	    self_want_join(c->d->store, &c->d->self, text, &addrs, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	sodium_memzero(&token, sizeof(token));
	/* What was asked for before the start may have had a wrong address. */
	admit_cancel(c->admit);
	c->retry_why.msg[0] = '\0';
	cluster_await_join(c, call);
	cluster_begin_join(c);
}

static int check_leave(const struct cluster *c, bool force, struct err *e)
{
	if (force || !c->d->self.admitter || members_alive(engine_members(c->engine)) == 1)
		return 0;

	return err_cni(
		e, CNI_E_CONFIG,
		"this node holds the cluster's key: without it nobody is admitted, and no key "
		"is changed any more. Give it to another one first (heddle key seal), or leave "
		"with -f if that is meant");
}

static void leave(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct cluster *c = ctx;
	struct err e = { 0 };
	bool force = false;
	int runs;

	if (cluster_need_up(c, &e) < 0 || jn_get_bool(params, "force", &force, &e) < 0 ||
	    check_leave(c, force, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	for (size_t i = 0; i < c->n_users; i++)
		if (c->users[i].leaving)
			c->users[i].leaving(c->users[i].ctx);
	runs = blocks_hand_over(c->blocks, cluster_now(c));
	log_info("leaving: %d ranges of numbers given to others", runs);
	engine_leave(c->engine, cluster_now(c));
	c->phase = CLUSTER_LEAVING;
	cluster_await_left(c, call);
}

const struct control_method cluster_entry_methods[] = {
	{ "cluster.init", cluster_init },
	{ "cluster.join", cluster_join },
	{ "leave", leave },
	{ 0 },
};
